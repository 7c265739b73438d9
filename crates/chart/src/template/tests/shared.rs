//! What spans files: definitions, shared maps, lookups, random calls.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::*;

fn set(files: &[(&str, &str)]) -> TemplateSet {
    let engine = Arc::new(Engine::new(Limits::default()));
    let mut set = TemplateSet::new(&engine);
    for (name, text) in files {
        set.add(engine.parse(name, text).unwrap());
    }
    set
}

#[test]
fn later_definitions_win_unless_empty() {
    let set = set(&[
        ("a", "{{ define \"x\" }}first{{ end }}{{ define \"y\" }}kept{{ end }}"),
        ("b", "{{ define \"x\" }}second{{ end }}{{ define \"y\" }} {{/* nothing */}} {{ end }}"),
        ("c", "{{ template \"x\" }} {{ template \"y\" }}"),
    ]);
    assert_eq!(set.render("c", &root(), &mut world(Limits::default())).unwrap(), "second kept");
}

#[test]
fn changes_are_seen_by_later_files() {
    let set = set(&[("a", "{{ $_ := set .Values \"made\" (dict \"by\" \"a\") }}"), ("b", "{{ .Values.made.by }}")]);
    let root = root();
    let mut world = world(Limits::default());
    assert_eq!(set.render("a", &root, &mut world).unwrap(), "");
    assert_eq!(set.render("b", &root, &mut world).unwrap(), "a");
}

#[test]
fn lookups_are_answered_and_recorded() {
    let query =
        |kind: &str, name: &str| LookupQuery { api_version: "v1".into(), kind: kind.into(), namespace: "ns".into(), name: name.into() };
    let answers = BTreeMap::from([(query("Secret", "s"), json!({"metadata": {"generation": 3}}))]);
    let mut world = World::new(Time::unix(0, 0), Rc::new(NoEntropy), Rc::new(answers), Limits::default());
    let set = set(&[(
        "a",
        "{{ $s := lookup \"v1\" \"Secret\" \"ns\" \"s\" }}{{ $s.metadata.generation | kindOf }}{{ lookup \"v1\" \"ConfigMap\" \"ns\" \"\" }}{{ (lookup \"v1\" \"Secret\" \"ns\" \"s\") | len }}",
    )]);
    assert_eq!(set.render("a", &root(), &mut world).unwrap(), "int64map[]1");
    assert_eq!(world.lookups(), [query("Secret", "s"), query("ConfigMap", "")]);
}

#[test]
fn random_calls_name_their_site() {
    struct Sites(RefCell<Vec<CallSite>>);
    impl Entropy for Sites {
        fn fill(&self, site: &CallSite, out: &mut [u8]) {
            out.fill(site.number as u8);
            self.0.borrow_mut().push(site.clone());
        }
    }
    let sites = Rc::new(Sites(RefCell::default()));
    let mut world = World::new(Time::unix(0, 0), sites.clone(), Rc::new(NoLookup), Limits::default());
    let set = set(&[("a", "{{ randAlphaNum 3 }} {{ uuidv4 }}"), ("b", "{{ randNumeric 2 }}")]);
    assert_eq!(set.render("a", &root(), &mut world).unwrap(), "000 01010101-0101-4101-8101-010101010101");
    assert_eq!(set.render("b", &root(), &mut world).unwrap(), "00");
    let seen: Vec<_> = sites.0.borrow().iter().map(|site| (site.template.to_string(), site.function, site.number)).collect();
    assert_eq!(seen, [("a".into(), "randAlphaNum", 0), ("a".into(), "uuidv4", 1), ("b".into(), "randNumeric", 0)]);
}

#[test]
fn errors_know_their_places() {
    let set =
        set(&[("a/t.yaml", "x: 1\ny: {{ include \"h\" . }}\n"), ("a/h.tpl", "{{ define \"h\" }}\n  {{ fail \"no: way\" }}{{ end }}")]);
    let err = set.render("a/t.yaml", &root(), &mut world(Limits::default())).unwrap_err();
    assert_eq!(err.kind(), ErrorKind::Failed);
    assert_eq!(err.message(), Some("no: way"));
    assert_eq!(err.helm_text("a/t.yaml"), "execution error at (a/t.yaml:2:6): no: way");
    let places: Vec<String> = err.trace().iter().map(ToString::to_string).collect();
    assert_eq!(places, ["a/t.yaml:2:6", "a/h.tpl:2:5"]);
}

#[test]
fn strict_and_lint() {
    let set = set(&[("a", "{{ .Values.nope }}"), ("b", "{{ required \"x\" .Values.nope }}{{ fail \"y\" }}ok")]);
    let err = set.render("a", &root(), &mut world(Limits::default()).strict(true)).unwrap_err();
    assert_eq!(err.text(), "template: a:1:10: executing \"a\" at <.Values.nope>: map has no entry for key \"nope\"");
    assert_eq!(set.render("b", &root(), &mut world(Limits::default()).lint(true)).unwrap(), "ok");
}
