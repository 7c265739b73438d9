//! Taking an object over: the managed fields of whoever deployed it before become ours, so that a field that is no
//! longer desired really goes when we apply. Without it the old manager would hold such a field for ever.

use super::ownership::MANAGER;
use crate::object::Json;
use serde_json::{Map, json};

/// Managers whose fields we take over: Helm, Flux's controllers, kubectl, and what the API server calls whoever wrote
/// before managed fields were kept.
pub const PREDECESSORS: &[&str] = &[
    "helm",
    "helm-controller",
    "kustomize-controller",
    "kubectl",
    "kubectl-client-side-apply",
    "kubectl-create",
    "kubectl-replace",
    "before-first-apply",
];

/// The JSON patch that moves the fields of `from` to our apply; `None` where there is nothing to move. The patch
/// names the resourceVersion, so that the API server refuses it if the object was written in between.
#[must_use]
pub fn patch(live: &Json, from: &[&str]) -> Option<Json> {
    let entries = take_over(live, from)?;
    let version = live.pointer("/metadata/resourceVersion").cloned().unwrap_or_default();
    Some(json!([
        {"op": "replace", "path": "/metadata/managedFields", "value": entries},
        {"op": "replace", "path": "/metadata/resourceVersion", "value": version},
    ]))
}

/// The managed fields of an object after the takeover; `None` where they stay as they are. Writes to subresources
/// are not taken over: a status is nobody's desired state.
#[must_use]
pub fn take_over(live: &Json, from: &[&str]) -> Option<Vec<Json>> {
    let entries = live.pointer("/metadata/managedFields")?.as_array()?;
    let (taken, mut kept): (Vec<&Json>, Vec<Json>) = entries.iter().fold((Vec::new(), Vec::new()), |(mut taken, mut kept), entry| {
        if is_taken(entry, from) {
            taken.push(entry)
        } else {
            kept.push(entry.clone())
        }
        (taken, kept)
    });
    if taken.is_empty() {
        return None;
    }
    let ours = kept.iter().position(is_ours);
    // Server-side apply knows one entry per applying manager, whatever the API version, so everything goes into one.
    let mut entry = match ours {
        Some(at) => kept.remove(at),
        None => newest(&taken)?.clone(),
    };
    let mut fields = entry.get("fieldsV1").cloned().unwrap_or_else(|| json!({}));
    for other in &taken {
        fields = union(&fields, other.get("fieldsV1").unwrap_or(&Json::Null));
    }
    let map = entry.as_object_mut()?;
    map.insert("manager".into(), json!(MANAGER));
    map.insert("operation".into(), json!("Apply"));
    map.insert("fieldsType".into(), json!("FieldsV1"));
    map.insert("fieldsV1".into(), fields);
    kept.insert(ours.unwrap_or(0).min(kept.len()), entry);
    Some(kept)
}

fn text<'a>(entry: &'a Json, field: &str) -> &'a str {
    entry.get(field).and_then(Json::as_str).unwrap_or_default()
}

fn is_ours(entry: &Json) -> bool {
    text(entry, "manager") == MANAGER && text(entry, "operation") == "Apply" && text(entry, "subresource").is_empty()
}

fn is_taken(entry: &Json, from: &[&str]) -> bool {
    let manager = text(entry, "manager");
    // What we ourselves wrote otherwise than by apply is ours to drop as well.
    let old_own = manager == MANAGER && text(entry, "operation") == "Update";
    text(entry, "subresource").is_empty() && (old_own || from.contains(&manager))
}

fn newest<'a>(entries: &[&'a Json]) -> Option<&'a Json> {
    entries.iter().copied().max_by(|a, b| text(a, "time").cmp(text(b, "time")))
}

/// The union of two `fieldsV1` sets. `{}` is a set member without children; once it gets children, `.` says that it
/// is still a member itself.
#[must_use]
pub fn union(a: &Json, b: &Json) -> Json {
    merge(a, b, true)
}

fn merge(a: &Json, b: &Json, root: bool) -> Json {
    let empty = Map::new();
    let (x, y) = (a.as_object().unwrap_or(&empty), b.as_object().unwrap_or(&empty));
    let mut merged = x.clone();
    for (key, below) in y {
        let both = merged.get(key).map(|mine| merge(mine, below, false));
        merged.insert(key.clone(), both.unwrap_or_else(|| below.clone()));
    }
    if !root && !merged.is_empty() && (x.is_empty() || y.is_empty()) {
        merged.insert(".".into(), json!({}));
    }
    // `{".": {}}` and `{}` are the same set; the shorter is how a leaf is written, the longer how an item is.
    Json::Object(merged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::Step;
    use crate::plan::ownership::cover;
    use proptest::prelude::*;

    fn object(entries: Json) -> Json {
        json!({"metadata": {"resourceVersion": "7", "managedFields": entries}})
    }

    fn entry(manager: &str, operation: &str, subresource: &str, fields: Json) -> Json {
        let mut entry = json!({"manager": manager, "operation": operation, "apiVersion": "v1", "time": "2026-01-01T00:00:00Z", "fieldsType": "FieldsV1", "fieldsV1": fields});
        if !subresource.is_empty() {
            entry["subresource"] = json!(subresource);
        }
        entry
    }

    #[test]
    fn fields_of_predecessors_become_ours() {
        let live = object(json!([
            entry("helm", "Update", "", json!({"f:data": {".": {}, "f:old": {}, "f:both": {}}})),
            entry("kubectl-edit", "Update", "", json!({"f:data": {"f:hand": {}}})),
            entry("helmward", "Apply", "", json!({"f:data": {"f:both": {}, "f:new": {}}})),
            entry("kubectl", "Update", "status", json!({"f:status": {}})),
            entry("kubectl-client-side-apply", "Update", "", json!({"f:metadata": {"f:annotations": {}}})),
        ]));
        assert_eq!(
            take_over(&live, PREDECESSORS),
            Some(vec![
                entry("kubectl-edit", "Update", "", json!({"f:data": {"f:hand": {}}})),
                entry(
                    "helmward",
                    "Apply",
                    "",
                    json!({"f:data": {".": {}, "f:both": {}, "f:new": {}, "f:old": {}}, "f:metadata": {"f:annotations": {}}})
                ),
                entry("kubectl", "Update", "status", json!({"f:status": {}})),
            ])
        );
        let patch = patch(&live, PREDECESSORS).expect("something to move");
        assert_eq!(patch[1], json!({"op": "replace", "path": "/metadata/resourceVersion", "value": "7"}));
    }

    #[test]
    fn applied_and_first_time_takeovers() {
        let fields = json!({"f:data": {"f:a": {}}});
        for (entries, want) in [
            (json!([entry("helm", "Apply", "", fields.clone())]), Some(vec![entry("helmward", "Apply", "", fields.clone())])),
            (json!([entry("helmward", "Update", "", fields.clone())]), Some(vec![entry("helmward", "Apply", "", fields.clone())])),
            (json!([entry("helmward", "Apply", "", fields.clone())]), None),
            (json!([entry("kubectl-edit", "Update", "", fields.clone())]), None),
            (json!([entry("helm", "Update", "status", fields.clone())]), None),
            (json!([]), None),
        ] {
            assert_eq!(take_over(&object(entries.clone()), PREDECESSORS), want, "{entries}");
        }
        assert_eq!(take_over(&json!({}), PREDECESSORS), None);
    }

    #[test]
    fn unions_keep_members() {
        for (a, b, want) in [
            (json!({"f:a": {}}), json!({"f:a": {"f:b": {}}}), json!({"f:a": {".": {}, "f:b": {}}})),
            (json!({"f:a": {"f:b": {}}}), json!({"f:a": {"f:c": {}}}), json!({"f:a": {"f:b": {}, "f:c": {}}})),
            (json!({}), json!({"f:a": {"f:b": {}}}), json!({"f:a": {"f:b": {}}})),
            (json!({"v:1": {}}), json!({"v:2": {}}), json!({"v:1": {}, "v:2": {}})),
        ] {
            assert_eq!(union(&a, &b), want);
            assert_eq!(union(&b, &a), want);
        }
    }

    fn set() -> impl Strategy<Value = Json> {
        let leaf = Just(json!({}));
        leaf.prop_recursive(3, 20, 3, |inner| {
            let children = proptest::collection::btree_map("f:[a-c]|v:1|\\.", inner, 1..4);
            children.prop_map(|map| Json::Object(map.into_iter().map(|(k, v)| if k == "." { (k, json!({})) } else { (k, v) }).collect()))
        })
    }

    proptest! {
        #[test]
        fn a_union_covers_both_and_is_a_union(a in set(), b in set(), path in proptest::collection::vec("[a-c]", 1..4)) {
            let both = union(&a, &b);
            prop_assert_eq!(&both, &union(&b, &a));
            prop_assert_eq!(&union(&a, &a), &a);
            prop_assert_eq!(&union(&both, &a), &both);
            let path: Vec<Step> = path.into_iter().map(Step::Field).collect();
            let exact = |set: &Json| path.iter().try_fold(set.clone(), |node, step| {
                let Step::Field(name) = step else { return None };
                node.get(format!("f:{name}")).cloned()
            }).is_some();
            // An atomic leaf covers what is below it only as long as nobody owns it apart.
            for set in [&a, &b].into_iter().filter(|set| exact(set)) {
                prop_assert!(cover(&both, &path) >= cover(set, &path), "{} {} {}", a, b, both);
            }
        }
    }
}
