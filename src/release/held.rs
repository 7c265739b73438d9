//! What is left as it is on purpose, in words.

use crate::api::{Reason, names};
use crate::plan::{Held, Hold};

/// How many are named; the page has all.
const NAMED: usize = 10;

/// What one object is held for, and what to do to have it otherwise.
#[must_use]
pub fn words(held: &Held) -> String {
    let Held { id, why, changes, detail } = held;
    match why {
        Hold::CrdSkipped => {
            let first = changes.first().map(|change| format!(" ({change}{})", more(changes.len() - 1))).unwrap_or_default();
            let detail = if detail.is_empty() { String::new() } else { format!(" ({detail})") };
            format!("CRD change held by policy: {}{first}{detail}; set upgrade.crds: CreateReplace", id.name)
        }
        Hold::ProtectedKind => {
            let detail = if detail.is_empty() { String::new() } else { format!("{detail}; ") };
            format!("{id} is no longer in Git and is kept; {detail}to delete it, set the annotation {}: {}", names::PRUNE, id.kind)
        }
        _ => format!("{id} is left as it is{}{detail}", if detail.is_empty() { "" } else { ": " }),
    }
}

/// The reason of the condition: a held change counts more than an object that merely stays.
#[must_use]
pub fn reason(holds: &[Held]) -> Option<Reason> {
    holds
        .iter()
        .map(|held| if held.why == Hold::CrdSkipped { Reason::CRDHeld } else { Reason::PruneProtected })
        .min_by_key(|r| *r != Reason::CRDHeld)
}

/// All of them, for the condition.
#[must_use]
pub fn all(holds: &[Held]) -> Option<String> {
    let mut lines: Vec<String> = holds.iter().take(NAMED).map(words).collect();
    if holds.len() > NAMED {
        lines.push(format!("and {} more", holds.len() - NAMED));
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// The first of them, for a sentence.
#[must_use]
pub fn short(holds: &[Held]) -> Option<String> {
    holds.first().map(|first| format!("{}{}", words(first), more(holds.len() - 1)))
}

fn more(count: usize) -> String {
    if count == 0 { String::new() } else { format!(" and {count} more") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::{ObjectId, Redactor};
    use crate::plan::diff::diff;
    use serde_json::json;

    #[test]
    fn what_is_held_is_said_with_what_to_do() {
        let id = ObjectId::new("apiextensions.k8s.io", "CustomResourceDefinition", "", "boats.harbour.example");
        let (live, wanted) = (json!({"spec": {"scope": "Namespaced"}}), json!({"spec": {"scope": "Cluster"}}));
        let changes = diff(&live, &wanted, &Default::default()).iter().map(|c| c.shown(&wanted, &Redactor::new(&[0; 32]))).collect();
        let held = Held { changes, ..Held::new(id.clone(), Hold::CrdSkipped) };
        assert_eq!(
            words(&held),
            "CRD change held by policy: boats.harbour.example (~ .spec.scope: Namespaced -> Cluster); set upgrade.crds: CreateReplace"
        );
        let kept = Held { detail: "protected: 27 objects would be deleted".into(), ..Held::new(id, Hold::ProtectedKind) };
        assert!(words(&kept).contains("protected: 27 objects would be deleted; to delete it, set the annotation helmward.dev/prune"));
        assert_eq!(reason(&[kept.clone(), held.clone()]), Some(Reason::CRDHeld));
        assert!(short(&[kept, held]).is_some_and(|s| s.ends_with("and 1 more")));
        assert_eq!((reason(&[]), all(&[]), short(&[])), (None, None, None));
    }
}
