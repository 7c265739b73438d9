//! When `.spec.replicas` is somebody else's business.
//!
//! Dropping a field that we own alone makes the API server reset it to its default, so the field is left out of an
//! apply only where an autoscaler targets the object *and* another manager already holds the field.

use super::ownership::{Actor, Ownership};
use crate::object::{Gvk, Json, ObjectId, Step};
use std::collections::BTreeSet;

/// Objects whose replicas an autoscaler sets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Autoscaled(BTreeSet<ObjectId>);

impl Autoscaled {
    /// Reads the targets of the HorizontalPodAutoscalers and (KEDA) ScaledObjects among these objects, desired or live.
    #[must_use]
    pub fn by<'a>(objects: impl IntoIterator<Item = &'a Json>) -> Self {
        Self(objects.into_iter().filter_map(target).collect())
    }

    /// Whether an autoscaler sets the replicas of the object.
    #[must_use]
    pub fn targets(&self, id: &ObjectId) -> bool {
        self.0.contains(id)
    }

    /// Whether `.spec.replicas` is left out of the next apply of the object.
    #[must_use]
    pub fn leave_out(&self, id: &ObjectId, live: Option<&Json>) -> bool {
        let path = [Step::Field("spec".into()), Step::Field("replicas".into())];
        let held_by_others = |live| Ownership::of(live).holders(&path).iter().any(|owner| owner.class != Actor::Us);
        self.0.contains(id) && live.is_some_and(held_by_others)
    }

    /// Takes `.spec.replicas` out of a manifest where [`Autoscaled::leave_out`] says so; answers whether it did.
    pub fn strip(&self, id: &ObjectId, manifest: &mut Json, live: Option<&Json>) -> bool {
        self.leave_out(id, live)
            && manifest.get_mut("spec").and_then(Json::as_object_mut).is_some_and(|spec| spec.remove("replicas").is_some())
    }
}

/// The object whose replicas an autoscaler sets.
#[must_use]
pub fn target(object: &Json) -> Option<ObjectId> {
    let text = |pointer: &str| object.pointer(pointer).and_then(Json::as_str);
    let group = Gvk::new(text("/apiVersion")?, "").group;
    match (group.as_str(), text("/kind")?) {
        ("autoscaling", "HorizontalPodAutoscaler") | ("keda.sh", "ScaledObject") => {}
        _ => return None,
    }
    let target =
        Gvk::new(text("/spec/scaleTargetRef/apiVersion").unwrap_or("apps/v1"), text("/spec/scaleTargetRef/kind").unwrap_or("Deployment"));
    Some(ObjectId::new(&target.group, &target.kind, text("/metadata/namespace").unwrap_or_default(), text("/spec/scaleTargetRef/name")?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn hpa(kind: &str, name: &str) -> Json {
        json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "h", "namespace": "shop"},
            "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": kind, "name": name}}})
    }

    fn live(managers: &[(&str, &str, &str)]) -> Json {
        let entry = |(manager, operation, subresource): &(&str, &str, &str)| json!({"manager": manager, "operation": operation, "subresource": subresource, "fieldsV1": {"f:spec": {"f:replicas": {}}}});
        json!({"metadata": {"managedFields": managers.iter().map(entry).collect::<Vec<_>>()}})
    }

    #[test]
    fn replicas_are_left_out_where_scaled_and_co_owned() {
        let us = ("helmward", "Apply", "");
        let scaler = ("kube-controller-manager", "Update", "scale");
        let keda = json!({"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": {"name": "k", "namespace": "shop"}, "spec": {"scaleTargetRef": {"name": "web"}}});
        for (scalers, live, want) in [
            (vec![hpa("Deployment", "web")], Some(live(&[us, scaler])), true),
            (vec![hpa("Deployment", "web")], Some(live(&[scaler])), true),
            (vec![keda], Some(live(&[scaler])), true),
            (vec![hpa("Deployment", "web")], Some(live(&[us])), false),
            (vec![hpa("Deployment", "web")], Some(live(&[])), false),
            (vec![hpa("Deployment", "web")], None, false),
            (vec![hpa("StatefulSet", "web")], Some(live(&[us, scaler])), false),
            (vec![hpa("Deployment", "db")], Some(live(&[us, scaler])), false),
            (vec![], Some(live(&[us, scaler])), false),
            (vec![], Some(live(&[("kubectl", "Update", "scale")])), false),
        ] {
            let id = ObjectId::new("apps", "Deployment", "shop", "web");
            let mut manifest = json!({"spec": {"replicas": 2, "x": 1}});
            assert_eq!(Autoscaled::by(&scalers).strip(&id, &mut manifest, live.as_ref()), want, "{scalers:?} {live:?}");
            assert_eq!(manifest["spec"].get("replicas").is_none(), want);
        }
    }
}
