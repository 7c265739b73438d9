//! Older versions of HelmRelease, as they still stand in Git repositories, to the current one.

use super::names::HELM_V2;
use crate::object::Json;
use serde_json::{Map, json};

/// A converted object, and what a person should know about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Converted {
    /// The object in the current version.
    pub object: Json,
    /// One sentence each, beginning with the field.
    pub notes: Vec<String>,
}

/// Whether an object is a HelmRelease of an older version.
#[must_use]
pub fn is_old(object: &Json) -> bool {
    let text = |key: &str| object.get(key).and_then(Json::as_str).unwrap_or_default();
    text("kind") == "HelmRelease" && matches!(text("apiVersion"), "helm.toolkit.fluxcd.io/v2beta1" | "helm.toolkit.fluxcd.io/v2beta2")
}

/// Brings a HelmRelease to the current version. Other objects and current ones come back as they are; a current
/// HelmRelease still gets its notes.
#[must_use]
pub fn convert(object: &Json) -> Converted {
    let mut object = object.clone();
    let mut notes = Vec::new();
    if is_old(&object) {
        let old = object["apiVersion"].as_str().unwrap_or_default().to_owned();
        notes.push(format!("apiVersion: {old} was read as {HELM_V2}; write that"));
        object["apiVersion"] = json!(HELM_V2);
        // Its fields differ, and it is never read from Git anyway.
        if let Some(map) = object.as_object_mut() {
            map.remove("status");
        }
        if let Some(spec) = object.get_mut("spec").and_then(Json::as_object_mut) {
            values_file(spec, &mut notes);
            post_renderers(spec, &mut notes);
        }
    }
    if object.get("kind").and_then(Json::as_str) == Some("HelmRelease") {
        ignored_version(&object, &mut notes);
    }
    Converted { object, notes }
}

/// `valuesFile` came before `valuesFiles`.
fn values_file(spec: &mut Map<String, Json>, notes: &mut Vec<String>) {
    let Some(chart) = spec.get_mut("chart").and_then(|c| c.get_mut("spec")).and_then(Json::as_object_mut) else { return };
    let Some(file) = chart.remove("valuesFile").filter(|f| f.as_str().is_some_and(|f| !f.is_empty())) else { return };
    let files = chart.entry("valuesFiles").or_insert_with(|| json!([]));
    if let Some(files) = files.as_array_mut() {
        files.insert(0, file);
    }
    notes.push("spec.chart.spec.valuesFile: is now the first of valuesFiles; write it there".into());
}

/// Both older kinds of patches became `patches`.
fn post_renderers(spec: &mut Map<String, Json>, notes: &mut Vec<String>) {
    for (index, renderer) in spec.get_mut("postRenderers").and_then(Json::as_array_mut).into_iter().flatten().enumerate() {
        let Some(kustomize) = renderer.get_mut("kustomize").and_then(Json::as_object_mut) else { continue };
        let mut made = Vec::new();
        for (name, convert) in [("patchesStrategicMerge", strategic as fn(Json) -> Json), ("patchesJson6902", json6902)] {
            if let Some(Json::Array(patches)) = kustomize.remove(name) {
                made.extend(patches.into_iter().map(convert));
                notes.push(format!("spec.postRenderers[{index}].kustomize.{name}: is now part of patches; write it there"));
            }
        }
        if !made.is_empty() {
            // The older kinds ran before `patches`.
            if let Some(Json::Array(rest)) = kustomize.remove("patches") {
                made.extend(rest);
            }
            kustomize.insert("patches".into(), Json::Array(made));
        }
    }
}

/// A strategic merge patch names its target itself. JSON is YAML, so the patch need not be printed as such.
fn strategic(patch: Json) -> Json {
    match patch {
        Json::String(text) => json!({"patch": text}),
        other => json!({"patch": other.to_string()}),
    }
}

fn json6902(patch: Json) -> Json {
    let mut out = Map::new();
    if let Some(operations) = patch.get("patch") {
        out.insert("patch".into(), json!(operations.to_string()));
    }
    if let Some(target) = patch.get("target") {
        out.insert("target".into(), target.clone());
    }
    Json::Object(out)
}

/// A range of versions has no meaning where the chart is a path.
fn ignored_version(object: &Json, notes: &mut Vec<String>) {
    let Some(chart) = object.pointer("/spec/chart/spec") else { return };
    let kind = chart.pointer("/sourceRef/kind").and_then(Json::as_str).unwrap_or_default();
    let version = chart.get("version").and_then(Json::as_str).unwrap_or_default();
    if matches!(kind, "GitRepository" | "Bucket") && !matches!(version, "" | "*") {
        notes.push(format!("spec.chart.spec.version: `{version}` has no effect, since a chart of a {kind} is a path; remove it"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::parse_helm_release;

    fn release(version: &str, spec: Json) -> Json {
        json!({"apiVersion": format!("helm.toolkit.fluxcd.io/{version}"), "kind": "HelmRelease",
            "metadata": {"name": "web", "namespace": "apps"}, "spec": spec})
    }

    #[test]
    fn older_versions_become_the_current_one() {
        for version in ["v2beta1", "v2beta2"] {
            let mut old = release(
                version,
                json!({"interval": "5m", "chart": {"spec": {"chart": "./web", "valuesFile": "a.yaml", "valuesFiles": ["b.yaml"],
                "sourceRef": {"kind": "GitRepository", "name": "r"}}}}),
            );
            old["status"] = json!({"lastAppliedRevision": "1"});
            let new = convert(&old);
            let parsed = parse_helm_release(&new.object).expect("a current release");
            assert_eq!(parsed.spec.chart.expect("given").spec.values_files, ["a.yaml", "b.yaml"]);
            assert_eq!(new.object.get("status"), None);
            assert_eq!(new.notes.len(), 2, "{:?}", new.notes);
            assert!(new.notes[0].contains(version) && new.notes[1].contains("valuesFile"));
        }
    }

    #[test]
    fn older_patches_become_patches_in_their_order() {
        let old = release(
            "v2beta1",
            json!({"interval": "5m", "postRenderers": [{"kustomize": {
            "patches": [{"patch": "third"}],
            "patchesJson6902": [{"target": {"kind": "Deployment", "name": "web"}, "patch": [{"op": "remove", "path": "/x"}]}],
            "patchesStrategicMerge": [{"kind": "Deployment", "metadata": {"name": "web"}}],
            "images": [{"name": "a"}]}}]}),
        );
        let kustomize = &convert(&old).object["spec"]["postRenderers"][0]["kustomize"];
        assert_eq!(
            kustomize["patches"],
            json!([
                {"patch": r#"{"kind":"Deployment","metadata":{"name":"web"}}"#},
                {"patch": r#"[{"op":"remove","path":"/x"}]"#, "target": {"kind": "Deployment", "name": "web"}},
                {"patch": "third"},
            ])
        );
        assert_eq!(kustomize.as_object().expect("a map").len(), 2, "{kustomize}");
    }

    #[test]
    fn a_version_beside_a_path_is_noted() {
        for (kind, version, noted) in
            [("GitRepository", "1.x", true), ("GitRepository", "*", false), ("HelmRepository", "1.x", false), ("Bucket", "2", true)]
        {
            let object = release("v2", json!({"chart": {"spec": {"version": version, "sourceRef": {"kind": kind}}}}));
            let converted = convert(&object);
            assert_eq!(converted.notes.len(), usize::from(noted), "{kind} {version}");
            assert_eq!(converted.object, object);
        }
    }

    #[test]
    fn other_objects_stay_as_they_are() {
        for object in [
            json!({"apiVersion": "v1", "kind": "Service"}),
            json!("text"),
            json!({"kind": "HelmRelease", "apiVersion": "other/v2beta1", "status": 1}),
        ] {
            assert_eq!(convert(&object), Converted { object: object.clone(), notes: vec![] });
        }
    }
}
