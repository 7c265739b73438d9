//! From a rendered manifest to what is sent: one place where anything is left out or rewritten before an apply.

use super::ignore::{Ignored, Rules};
use super::replicas::Autoscaled;
use crate::object::{Json, Manifest};
use base64::Engine as _;

/// A manifest as it is sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Prepared {
    /// What is applied; also what live objects are compared with.
    pub applied: Json,
    /// What a rule left out.
    pub ignored: Vec<Ignored>,
    /// Whether `.spec.replicas` was left to an autoscaler.
    pub replicas_left_out: bool,
}

/// Leaves out what is not ours to set: status and system metadata, ignored fields, autoscaled replicas; and writes
/// a Secret's `stringData` as the `data` that the API server keeps, because only of that can ownership and drift be told.
#[must_use]
pub fn prepare(manifest: &Manifest, live: Option<&Json>, rules: &Rules, autoscaled: &Autoscaled) -> Prepared {
    let mut applied = super::drift::quiet(&manifest.body);
    if manifest.id.group.is_empty() && manifest.id.kind == "Secret" {
        fold_string_data(&mut applied);
    }
    let ignored = rules.strip(&mut applied);
    let replicas_left_out = autoscaled.strip(&manifest.id, &mut applied, live);
    Prepared { applied, ignored, replicas_left_out }
}

/// Moves `stringData` into `data`, over keys that are there already, as the API server does. Left as it is where a
/// value is no string: the API server's refusal names the field better than we could.
fn fold_string_data(secret: &mut Json) {
    let Some(texts) = secret.get("stringData").and_then(Json::as_object) else { return };
    let encode = |text: &str| Json::from(base64::engine::general_purpose::STANDARD.encode(text));
    let encoded: Option<Vec<_>> = texts.iter().map(|(key, value)| Some((key.clone(), encode(value.as_str()?)))).collect();
    let (Some(encoded), Some(map)) = (encoded, secret.as_object_mut()) else { return };
    let data = map.entry("data").or_insert(Json::Null);
    if data.is_null() {
        *data = Json::Object(serde_json::Map::new());
    }
    let Some(data) = data.as_object_mut() else { return };
    data.extend(encoded);
    map.remove("stringData");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::Origin;
    use serde_json::json;

    fn prepared(body: Json) -> Json {
        let manifest = Manifest::new(body, Origin::default()).expect("complete");
        prepare(&manifest, None, &Rules::default(), &Autoscaled::default()).applied
    }

    #[test]
    fn string_data_becomes_data() {
        let secret = |fields: Json| {
            let mut body = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}});
            body.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
            body
        };
        for (fields, want) in [
            (json!({"stringData": {"a": "x"}}), json!({"data": {"a": "eA=="}})),
            (json!({"data": {"a": "b2xk", "b": "Yg=="}, "stringData": {"a": "x"}}), json!({"data": {"a": "eA==", "b": "Yg=="}})),
            (json!({"data": null, "stringData": {"a": ""}}), json!({"data": {"a": ""}})),
            (json!({"stringData": {"a": 5}}), json!({"stringData": {"a": 5}})),
            (json!({"data": {"a": "eA=="}}), json!({"data": {"a": "eA=="}})),
        ] {
            assert_eq!(prepared(secret(fields)), secret(want));
        }
        let other = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "s"}, "stringData": {"a": "x"}});
        assert_eq!(prepared(other.clone()), other);
    }

    #[test]
    fn what_the_system_writes_is_left_out() {
        let body = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "creationTimestamp": null, "resourceVersion": "5"}, "status": {"loadBalancer": {}}});
        assert_eq!(prepared(body), json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}}));
    }
}
