//! The stages in which a target's objects are applied.

use crate::object::{Manifest, ObjectId};
use crate::plan::order;

/// Objects that may be applied at the same time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// Indexes into the target's manifests.
    pub members: Vec<usize>,
    /// Whether the next stage needs these to be established first (CRDs and namespaces).
    pub established: bool,
}

/// Groups manifests into stages: foundations first, webhooks last, Helm's install order between.
#[must_use]
pub fn stages(manifests: &[Manifest]) -> Vec<Stage> {
    let mut order: Vec<usize> = (0..manifests.len()).collect();
    order.sort_by(|a, b| order::apply_key(&manifests[*a].id).cmp(&order::apply_key(&manifests[*b].id)));
    let mut out: Vec<(crate::plan::StageKind, Stage)> = Vec::new();
    for index in order {
        let id = &manifests[index].id;
        let kind = order::stage_of(id);
        let established = id.kind == "CustomResourceDefinition";
        match out.last_mut() {
            Some((last, stage)) if *last == kind => {
                stage.members.push(index);
                stage.established |= established;
            }
            _ => out.push((kind, Stage { members: vec![index], established })),
        }
    }
    out.into_iter().map(|(_, stage)| stage).collect()
}

/// Sorts objects into the order in which they are deleted.
pub fn sort_for_deletion(ids: &mut [ObjectId]) {
    ids.sort_by(|a, b| order::delete_key(a).cmp(&order::delete_key(b)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::Origin;
    use serde_json::json;

    #[test]
    fn foundations_first_webhooks_last() {
        let make = |api: &str, kind: &str, name: &str| {
            Manifest::new(json!({"apiVersion": api, "kind": kind, "metadata": {"name": name}}), Origin::default()).expect("complete")
        };
        let manifests = [
            make("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "hook"),
            make("harbour.example/v1", "Lighthouse", "north"),
            make("apps/v1", "Deployment", "operator"),
            make("v1", "ServiceAccount", "operator"),
            make("apiextensions.k8s.io/v1", "CustomResourceDefinition", "lighthouses.harbour.example"),
            make("v1", "Namespace", "harbour"),
        ];
        let names: Vec<Vec<&str>> =
            stages(&manifests).iter().map(|s| s.members.iter().map(|&i| manifests[i].id.kind.as_str()).collect()).collect();
        assert_eq!(
            names,
            [
                vec!["Namespace", "CustomResourceDefinition"],
                vec!["ServiceAccount", "Deployment"],
                vec!["Lighthouse"],
                vec!["ValidatingWebhookConfiguration"]
            ]
        );
        assert!(stages(&manifests)[0].established && !stages(&manifests)[1].established);
    }
}
