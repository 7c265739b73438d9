//! Tables of templates and their true outcomes.

mod basics;

use std::rc::Rc;
use std::sync::Arc;

use super::*;

/// What templates of the tables see.
fn data() -> Value {
    Value::values_from_json(&serde_json::json!({
        "num": 3, "big": 1234567, "float": 1.5, "str": "s", "yes": true, "no": false, "empty": "",
        "list": ["x", "y", "z"], "nums": [3, 1, 2], "map": {"a": 1, "b": "2"}, "deep": {"er": {"est": "e"}}
    }))
}

fn render(template: &str) -> Result<String, Error> {
    let engine = Arc::new(Engine::new(Limits::default()));
    let mut set = TemplateSet::new(&engine);
    set.add(engine.parse("t", template)?);
    let mut world = World::new(Time::unix(0, 0), Rc::new(NoEntropy), Rc::new(NoLookup), Limits::default());
    set.render("t", &data(), &mut world)
}

/// Each template gives its text.
#[track_caller]
fn renders(cases: &[(&str, &str)]) {
    for (template, expect) in cases {
        match render(template) {
            Ok(text) => assert_eq!(text, *expect, "{template}"),
            Err(err) => panic!("{template}: {err}"),
        }
    }
}

/// Each template fails with its error text.
#[track_caller]
fn fails(cases: &[(&str, &str)]) {
    for (template, expect) in cases {
        match render(template) {
            Ok(text) => panic!("{template}: gave {text:?}"),
            Err(err) => assert_eq!(err.to_string(), *expect, "{template}"),
        }
    }
}
