//! How differences are printed. Secrets are gone before anything is text.

use super::compare::{Item, What};
use crate::cli::output::Console;
use crate::object::{Json, ObjectId, Redactor};
use crate::plan::{Change, ChangeOp};
use helmward_chart::yaml;
use serde_json::json;
use similar::TextDiff;

/// One compared object as it may be shown.
pub(super) struct Shown {
    pub(super) id: ObjectId,
    what: What,
    note: Option<String>,
    changes: Vec<Change>,
}

impl Shown {
    pub(super) fn differs(&self) -> bool {
        self.what != What::Unchanged
    }
}

pub(super) fn shown(items: &[Item], redactor: &Redactor) -> Vec<Shown> {
    let one = |item: &Item| {
        let object = item.live.as_ref().or(item.desired.as_ref()).unwrap_or(&Json::Null);
        Shown {
            id: item.id.clone(),
            what: item.change,
            note: item.note.as_ref().map(|note| redactor.text(note)),
            changes: item.fields.iter().map(|field| field.shown(object, redactor)).collect(),
        }
    };
    items.iter().map(one).collect()
}

pub(super) fn fields(items: &[Shown], console: &Console) -> String {
    let mut out = String::new();
    for item in items.iter().filter(|item| item.differs() || item.note.is_some()) {
        let (head, note) = (item.id.to_string(), item.note.as_ref().map(|note| format!("  ({note})")).unwrap_or_default());
        let head = match item.what {
            What::Create => console.out.good(&format!("+ {head}")),
            What::Change => console.out.warn(&format!("~ {head}")),
            What::Delete => console.out.bad(&format!("- {head}")),
            What::Unchanged => format!("  {head}"),
            What::Unknown => console.out.warn(&format!("? {head}")),
        };
        out.push_str(&format!("{head}{}\n", console.out.dim(&note)));
        for change in &item.changes {
            let line = format!("    {change}");
            let line = match change.op {
                ChangeOp::Added => console.out.good(&line),
                ChangeOp::Removed => console.out.bad(&line),
                ChangeOp::Changed => line,
            };
            out.push_str(&line);
            out.push('\n');
        }
    }
    out
}

pub(super) fn unified(items: &[Item], redactor: &Redactor, console: &Console) -> String {
    let mut out = String::new();
    for item in items.iter().filter(|item| !matches!(item.change, What::Unchanged | What::Unknown)) {
        let text = |object: Option<&Json>| object.map(|object| yaml::to_string(&redactor.object(object))).unwrap_or_default();
        let (live, desired) = (text(item.live.as_ref()), text(item.desired.as_ref()));
        let diff = TextDiff::from_lines(&live, &desired);
        let diff = diff.unified_diff().context_radius(3).header(&format!("live/{}", item.id), &format!("wanted/{}", item.id)).to_string();
        for line in diff.lines() {
            let line = match line.as_bytes().first() {
                Some(b'+') => console.out.good(line),
                Some(b'-') => console.out.bad(line),
                Some(b'@') => console.out.dim(line),
                _ => line.to_owned(),
            };
            out.push_str(&line);
            out.push('\n');
        }
    }
    out
}

pub(super) fn document(items: &[Shown]) -> Json {
    let objects: Vec<Json> = items
        .iter()
        .map(|item| {
            let action = match item.what {
                What::Create => "create",
                What::Change => "change",
                What::Delete => "delete",
                What::Unchanged => "unchanged",
                What::Unknown => "unknown",
            };
            let mut out = json!({"object": item.id, "action": action, "changes": item.changes});
            if let Some(note) = &item.note {
                out["note"] = json!(note);
            }
            out
        })
        .collect();
    json!({"apiVersion": "helmward.dev/v1alpha1", "kind": "Diff", "objects": objects})
}
