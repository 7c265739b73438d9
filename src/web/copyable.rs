//! Text to take along: the command that sets a field back, and the rule that leaves it to others.

use crate::object::{ObjectId, Shown};
use crate::plan::{Drift, DriftOp};
use crate::release::UnitKind;
use serde_json::json;
use std::fmt::Write as _;

/// The command that sets the field back by hand. None for secrets, whose value is not known here, and for whole objects.
pub(super) fn patch(field: &Drift) -> Option<String> {
    if field.pointer.is_root() {
        return None;
    }
    let path = field.pointer.to_string();
    let step = match (field.op, &field.desired) {
        (DriftOp::Changed, Some(Shown::Plain(value))) => json!({"op": "replace", "path": path, "value": value}),
        (DriftOp::Removed, Some(Shown::Plain(value))) => json!({"op": "add", "path": path, "value": value}),
        (DriftOp::Extra, _) => json!({"op": "remove", "path": path}),
        _ => return None,
    };
    let namespace =
        if field.object.namespace.is_empty() { String::new() } else { format!(" --namespace {}", quote(&field.object.namespace)) };
    Some(format!("kubectl patch {}{namespace} --type=json -p {}", quote(&resource(&field.object)), quote(&json!([step]).to_string())))
}

/// The rule that makes the field no drift, as it is written into the custom resource in Git.
pub(super) fn rule(kind: UnitKind, field: &Drift) -> Option<String> {
    let (head, indent) = match kind {
        UnitKind::Release => ("spec:\n  driftDetection:\n    ignore:\n", "      "),
        UnitKind::Bundle => ("spec:\n  ignore:\n", "    "),
    };
    let mut out = String::from(head);
    let text = |value: &str| json!(value).to_string();
    let mut line = |words: std::fmt::Arguments<'_>| {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{indent}{words}");
    };
    line(format_args!("- paths: [{}]", text(&field.pointer.to_string())));
    line(format_args!("  target:"));
    line(format_args!("    kind: {}", text(&field.object.kind)));
    line(format_args!("    name: {}", text(&field.object.name)));
    if !field.object.namespace.is_empty() {
        line(format_args!("    namespace: {}", text(&field.object.namespace)));
    }
    Some(out)
}

/// `deployment.apps/web`: unambiguous for kubectl whatever else is installed.
fn resource(object: &ObjectId) -> String {
    let group = if object.group.is_empty() { String::new() } else { format!(".{}", object.group) };
    format!("{}{group}/{}", object.kind.to_lowercase(), object.name)
}

/// Quotes for a POSIX shell where it is needed.
fn quote(text: &str) -> String {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._/:".contains(&b));
    if plain { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::Pointer;
    use crate::web::fake;

    #[test]
    fn commands_and_rules() {
        let field =
            |op, desired, live| Drift { op, desired, live, ..fake::drift("Deployment", "cart", ".spec.replicas", json!(3), json!(5)) };
        let plain = |value| Some(Shown::Plain(value));
        for (drift, want) in [
            (
                field(DriftOp::Changed, plain(json!(3)), plain(json!(5))),
                Some(
                    r#"kubectl patch deployment.apps/cart --namespace team-a --type=json -p '[{"op":"replace","path":"/spec/replicas","value":3}]'"#,
                ),
            ),
            (
                field(DriftOp::Removed, plain(json!("it's")), None),
                Some(
                    r#"kubectl patch deployment.apps/cart --namespace team-a --type=json -p '[{"op":"add","path":"/spec/replicas","value":"it'\''s"}]'"#,
                ),
            ),
            (
                field(DriftOp::Extra, None, plain(json!(1))),
                Some(r#"kubectl patch deployment.apps/cart --namespace team-a --type=json -p '[{"op":"remove","path":"/spec/replicas"}]'"#),
            ),
            (field(DriftOp::Changed, Some(fake::hidden()), Some(fake::hidden())), None),
            (Drift { pointer: Pointer::root(), ..field(DriftOp::Removed, plain(json!({})), None) }, None),
        ] {
            assert_eq!(patch(&drift).as_deref(), want);
        }
        let drift = field(DriftOp::Changed, plain(json!(3)), plain(json!(5)));
        for kind in [UnitKind::Release, UnitKind::Bundle] {
            let text = rule(kind, &drift).expect("a rule");
            let yaml: serde_json::Value = serde_yaml::from_str(&text).expect(&text);
            let rules = match kind {
                UnitKind::Release => &yaml["spec"]["driftDetection"]["ignore"],
                UnitKind::Bundle => &yaml["spec"]["ignore"],
            };
            assert_eq!(
                rules,
                &json!([{"paths": ["/spec/replicas"], "target": {"kind": "Deployment", "name": "cart", "namespace": "team-a"}}])
            );
        }
    }
}
