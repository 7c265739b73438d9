//! Sequences that a seeded generator makes: several managers apply, patch, update and delete parts of one object.

use serde_json::{Map, Value, json};

use super::sequence::{Sequence, Step};

/// How many sequences of each kind of object.
const EACH: usize = 24;

/// What a generator may put into an object: a path, and the values that it may have there.
type Fields = &'static [(&'static str, &'static [&'static str])];

struct Subject {
    resource: &'static str,
    /// The smallest object of its kind that is accepted.
    base: &'static str,
    fields: Fields,
    crd: Option<&'static str>,
}

const SUBJECTS: [Subject; 6] = [
    Subject {
        resource: "configmaps",
        base: "{}",
        fields: &[
            ("/data/a", &["\"1\"", "\"2\"", "null"]),
            ("/data/b", &["\"1\"", "\"2\""]),
            ("/data/c.d", &["\"1\"", "\"x\\ny\""]),
            ("/binaryData/z", &["\"eA==\"", "\"eQ==\""]),
            ("/metadata/labels/l", &["\"1\"", "\"2\""]),
            ("/metadata/annotations/n.io~1m", &["\"1\"", "\"2\"", "null"]),
            ("/metadata/finalizers", &["[\"x.io/a\"]", "[\"x.io/b\",\"x.io/a\"]", "[\"x.io/c\"]"]),
        ],
        crd: None,
    },
    Subject {
        resource: "deployments",
        base: r#"{"spec":{"replicas":0,"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"m","image":"i:1"}]}}}}"#,
        fields: &[
            ("/spec/replicas", &["0", "null"]),
            ("/spec/minReadySeconds", &["0", "3", "5"]),
            ("/spec/revisionHistoryLimit", &["1", "2"]),
            ("/spec/strategy", &[r#"{"type":"Recreate"}"#, r#"{"rollingUpdate":{"maxSurge":"30%"}}"#, "{}"]),
            ("/spec/template/metadata/annotations/r", &["\"1\"", "\"2\""]),
            (
                "/spec/template/spec/containers",
                &[
                    r#"[{"name":"m","image":"i:1","env":[{"name":"A","value":"1"},{"name":"B","value":"2"}]}]"#,
                    r#"[{"name":"m","image":"i:2","env":[{"name":"B","value":"3"},{"name":"C","valueFrom":{"fieldRef":{"fieldPath":"metadata.name"}}}]}]"#,
                    r#"[{"name":"m","image":"i:1"},{"name":"s","image":"i:1","ports":[{"containerPort":80},{"containerPort":80,"protocol":"UDP"}]}]"#,
                    r#"[{"name":"s","image":"i:2","ports":[{"containerPort":80,"name":"x"}]},{"name":"m","image":"i:1","resources":{"requests":{"cpu":"0.5"}}}]"#,
                    r#"[{"name":"m","image":"i:1","args":["a","b"],"volumeMounts":[{"name":"v","mountPath":"/v"}]}]"#,
                ],
            ),
            (
                "/spec/template/spec/volumes",
                &[r#"[{"name":"v","emptyDir":{}}]"#, r#"[{"name":"w","configMap":{"name":"c"}},{"name":"v","emptyDir":{}}]"#],
            ),
            ("/spec/template/spec/nodeSelector/n", &["\"1\"", "\"2\""]),
            ("/spec/template/spec/tolerations", &[r#"[{"key":"a","operator":"Exists"}]"#, "[]"]),
            ("/metadata/labels/l", &["\"1\"", "\"2\""]),
        ],
        crd: None,
    },
    Subject {
        resource: "services",
        base: r#"{"spec":{"ports":[{"port":80,"name":"a"}]}}"#,
        fields: &[
            (
                "/spec/ports",
                &[
                    r#"[{"port":80,"name":"a"}]"#,
                    r#"[{"port":80,"name":"a","targetPort":8080},{"port":81,"name":"b"}]"#,
                    r#"[{"port":53,"name":"d","protocol":"UDP"},{"port":80,"name":"a"}]"#,
                    r#"[{"port":81,"name":"b","targetPort":"web"},{"port":80,"name":"z"}]"#,
                ],
            ),
            ("/spec/selector", &[r#"{"a":"b"}"#, r#"{"a":"b","c":"d"}"#, "null"]),
            ("/spec/sessionAffinity", &["\"ClientIP\"", "\"None\""]),
            ("/spec/publishNotReadyAddresses", &["true", "false"]),
            ("/metadata/annotations/x", &["\"1\"", "\"2\""]),
        ],
        crd: None,
    },
    Subject {
        resource: "ingresses",
        base: r#"{"spec":{"defaultBackend":{"service":{"name":"s","port":{"number":80}}}}}"#,
        fields: &[
            ("/spec/ingressClassName", &["\"a\"", "\"b\""]),
            (
                "/spec/defaultBackend",
                &[r#"{"service":{"name":"s","port":{"number":80}}}"#, r#"{"service":{"name":"t","port":{"name":"x"}}}"#],
            ),
            ("/spec/tls", &[r#"[{"hosts":["a"]}]"#, r#"[{"hosts":["b"],"secretName":"s"}]"#, "[]"]),
            (
                "/spec/rules",
                &[
                    r#"[{"host":"h","http":{"paths":[{"path":"/","pathType":"Prefix","backend":{"service":{"name":"s","port":{"number":80}}}}]}}]"#,
                    r#"[{"host":"g"}]"#,
                ],
            ),
            ("/metadata/labels/l", &["\"1\"", "\"2\""]),
        ],
        crd: None,
    },
    Subject {
        resource: "widgets",
        base: "{}",
        fields: &[
            ("/spec/n", &["1", "2", "2.5"]),
            ("/spec/s", &["\"a\"", "\"b\"", "null"]),
            ("/spec/set", &[r#"["a","b"]"#, r#"["c","b"]"#, "[]"]),
            (
                "/spec/map",
                &[r#"[{"k":"a","v":1}]"#, r#"[{"k":"b","v":1},{"k":"a","v":2,"w":{"x":"y"}}]"#, r#"[{"k":"c","p":2},{"k":"a","v":1}]"#],
            ),
            ("/spec/atom", &[r#"{"a":"b"}"#, r#"{"a":"c","d":"e"}"#]),
            ("/spec/free", &[r#"{"a":{"b":1}}"#, r#"{"a":{"c":[1]},"d":null}"#, "{}"]),
            ("/spec/deep/a", &[r#"{"x":1}"#, r#"{"y":2}"#]),
            ("/metadata/labels/l", &["\"1\"", "\"2\""]),
        ],
        crd: Some(
            r#"{"spec":{"n":{"type":"number"},"s":{"type":"string","nullable":true},
            "set":{"type":"array","x-kubernetes-list-type":"set","items":{"type":"string"}},
            "map":{"type":"array","x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["k","p"],"items":{"type":"object","required":["k"],
                "properties":{"k":{"type":"string"},"p":{"type":"integer","default":1},"v":{"type":"integer"},"w":{"type":"object","additionalProperties":{"type":"string"}}}}},
            "atom":{"type":"object","x-kubernetes-map-type":"atomic","additionalProperties":{"type":"string"}},
            "free":{"type":"object","x-kubernetes-preserve-unknown-fields":true},
            "deep":{"type":"object","properties":{"a":{"type":"object","properties":{"x":{"type":"integer"},"y":{"type":"integer","default":7}}}}}}}"#,
        ),
    },
    Subject {
        resource: "networkpolicies",
        base: r#"{"spec":{"podSelector":{}}}"#,
        fields: &[
            ("/spec/podSelector", &[r#"{"matchLabels":{"a":"b"}}"#, "{}"]),
            ("/spec/policyTypes", &[r#"["Ingress"]"#, r#"["Ingress","Egress"]"#]),
            ("/spec/ingress", &[r#"[{"from":[{"podSelector":{}}],"ports":[{"port":80}]}]"#, "[{}]"]),
            ("/spec/egress", &[r#"[{"to":[{"ipBlock":{"cidr":"10.0.0.0/8"}}]}]"#, "[{}]"]),
            ("/metadata/annotations/x", &["\"1\"", "\"2\""]),
        ],
        crd: None,
    },
];

/// A small generator of numbers (splitmix64): the same seed makes the same sequences.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % n as u64) as usize
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}

pub(crate) fn sequences() -> Vec<Sequence> {
    let make = |(s, subject): (usize, &Subject)| (0..EACH).map(|n| sequence(subject, n, (s * 1000 + n) as u64)).collect::<Vec<_>>();
    SUBJECTS.iter().enumerate().flat_map(make).collect()
}

fn sequence(subject: &Subject, n: usize, seed: u64) -> Sequence {
    let mut dice = Dice(seed);
    let path = format!("{}/g", subject.resource);
    let mut steps = Vec::new();
    if let Some(crd) = subject.crd {
        steps.push(Step::read("crd", serde_json::from_str(crd).unwrap()));
    }
    let base: Value = serde_json::from_str(subject.base).unwrap();
    let first = dice.pick(&["create:one", "apply:one"]);
    steps.push(Step::read(&format!("{first} {path}"), with(&base, subject.fields, &mut dice, 3)));
    for _ in 0..6 {
        let manager = dice.pick(&["one", "two", "three"]);
        let force = dice.pick(&["", "", "!"]);
        let part = |dice: &mut Dice, of: &Value| with(of, subject.fields, dice, 3);
        let (head, body) = match dice.below(10) {
            0..=4 => {
                let from = if dice.below(3) == 0 { base.clone() } else { json!({}) };
                (format!("apply:{manager}{force}"), part(&mut dice, &from))
            }
            5 => (format!("merge:{manager}"), part(&mut dice, &json!({}))),
            6 if subject.crd.is_none() => (format!("strategic:{manager}"), part(&mut dice, &json!({}))),
            6 | 7 => (format!("edit:{manager}"), part(&mut dice, &json!({}))),
            8 => {
                let (at, _) = dice.pick(subject.fields);
                (format!("json:{manager}"), json!([{"op": "remove", "path": at}]))
            }
            _ => (format!("apply:{manager}"), base.clone()),
        };
        steps.push(Step::read(&format!("{head} {path}"), body));
    }
    steps.push(Step::read(&format!("get {path}"), Value::Null));
    if subject.resource != "deployments" {
        let from = usize::from(subject.crd.is_some());
        steps.push(Step::read(&format!("watch {}?resourceVersion={{rv:{from}}}", subject.resource), Value::Null));
    }
    steps.push(Step::read(&format!("delete {path}"), Value::Null));
    Sequence { group: "generated".into(), name: format!("{} {n}", subject.resource), steps }
}

/// An object with some of the fields set.
fn with(base: &Value, fields: Fields, dice: &mut Dice, most: usize) -> Value {
    let mut out = base.clone();
    for _ in 0..=dice.below(most) {
        let (path, values) = dice.pick(fields);
        let value: Value = serde_json::from_str(dice.pick(values)).unwrap();
        put(&mut out, path, value);
    }
    out
}

fn put(object: &mut Value, path: &str, value: Value) {
    let mut at = object;
    for part in path[1..].split('/') {
        if !at.is_object() {
            *at = Value::Object(Map::new());
        }
        at = &mut at[part.replace("~1", "/").as_str()];
    }
    *at = value;
}
