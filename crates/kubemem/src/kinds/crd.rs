//! Custom resource definitions: names, versions, schemas, and the kinds that come of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::set;
use crate::resource::{Custom, Resource, ScalePaths, Subresource, TableKey};
use crate::schema::{Structural, from_crd, structural_problems};
use crate::status::Cause;
use crate::verb::Call;

/// Keeps a CRD until its objects are gone.
pub(crate) const FINALIZER: &str = "customresourcecleanup.apiextensions.k8s.io";

pub(crate) fn default(object: &mut Value) {
    let spec = &mut object["spec"];
    if !spec["names"].is_object() {
        return;
    }
    let names = &mut spec["names"];
    let kind = names["kind"].as_str().unwrap_or_default().to_owned();
    if names["singular"].as_str().unwrap_or_default().is_empty() {
        names["singular"] = kind.to_lowercase().into();
    }
    if names["listKind"].as_str().unwrap_or_default().is_empty() && !kind.is_empty() {
        names["listKind"] = format!("{kind}List").into();
    }
    if !spec["conversion"].is_object() {
        spec["conversion"] = json!({"strategy": "None"});
    }
    if spec["conversion"]["webhook"]["clientConfig"]["service"].is_object() {
        set(&mut spec["conversion"]["webhook"]["clientConfig"]["service"], "port", 443.into());
    }
}

pub(crate) fn prepare_create(object: &mut Value) {
    object["status"] = json!({"conditions": null, "acceptedNames": {"plural": "", "kind": ""}, "storedVersions": null});
    note_storage(object);
}

/// Notes that objects are stored in the version that is now for that.
pub(crate) fn note_storage(object: &mut Value) {
    let storage = object["spec"]["versions"].as_array().into_iter().flatten().find(|v| v["storage"] == true);
    let Some(storage) = storage.map(|v| v["name"].clone()) else { return };
    match object["status"]["storedVersions"].as_array_mut() {
        Some(stored) if stored.contains(&storage) => {}
        Some(stored) => stored.push(storage),
        None => object["status"]["storedVersions"] = json!([storage]),
    }
}

pub(crate) fn validate(new: &Value, old: Option<&Value>) -> Vec<Cause> {
    let spec = &new["spec"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut out = Vec::new();
    let wanted = format!("{}.{}", text(&spec["names"]["plural"]), text(&spec["group"]));
    if old.is_none() && new["metadata"]["name"] != wanted.as_str() {
        out.push(Cause::invalid("metadata.name", &new["metadata"]["name"], "must be spec.names.plural+\".\"+spec.group"));
    }
    for (field, value) in [
        ("spec.group", &spec["group"]),
        ("spec.names.plural", &spec["names"]["plural"]),
        ("spec.names.kind", &spec["names"]["kind"]),
        ("spec.names.singular", &spec["names"]["singular"]),
        ("spec.names.listKind", &spec["names"]["listKind"]),
    ] {
        if text(value).is_empty() {
            out.push(Cause::required(field, ""));
        }
    }
    if !matches!(spec["scope"].as_str(), Some("Namespaced" | "Cluster")) {
        out.push(super::pod::unsupported("spec.scope".into(), spec["scope"].as_str().unwrap_or_default(), &["Cluster", "Namespaced"]));
    }
    super::definition::names(&spec["names"], &mut out);
    let versions = spec["versions"].as_array().map_or(&[][..], Vec::as_slice);
    if versions.iter().filter(|v| v["storage"] == true).count() != 1 {
        let shown = super::definition::shown_versions(versions);
        let detail = "must have exactly one version marked as storage version";
        out.push(Cause::new(crate::status::CauseType::Invalid, "spec.versions", format!("Invalid value: {shown}: {detail}")));
    }
    super::definition::version_names(versions, &mut out);
    super::definition::conversion(&spec["conversion"], &mut out);
    if spec["preserveUnknownFields"] == true && old.is_none_or(|old| old["spec"]["preserveUnknownFields"] != true) {
        let detail = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead";
        out.push(Cause::invalid("spec.preserveUnknownFields", &true.into(), detail));
    }
    super::definition::stored_versions(&new["status"]["storedVersions"], versions, &mut out);
    for (i, version) in versions.iter().enumerate() {
        let schema = &version["schema"]["openAPIV3Schema"];
        let alike = versions.iter().all(|other| other["schema"] == version["schema"]);
        let own = if versions.len() == 1 { "spec".to_owned() } else { format!("spec.versions[{i}]") };
        super::definition::version(version, &own, &mut out);
        if schema.is_null() {
            out.push(Cause::required(format!("spec.versions[{i}].schema.openAPIV3Schema"), ""));
            continue;
        }
        if alike && i > 0 {
            continue;
        }
        let at = if alike { "spec.validation.openAPIV3Schema".to_owned() } else { format!("spec.versions[{i}].schema.openAPIV3Schema") };
        super::definition::schema(schema, &at, true, &mut out);
        for problem in structural_problems(schema, "") {
            let (path, message) = problem.split_once(": ").unwrap_or((&problem, ""));
            let dot = if path.starts_with('.') { "" } else { "." };
            out.push(Cause::new(crate::status::CauseType::Required, format!("{at}{dot}{path}"), message));
        }
    }
    if let Some(old) = old {
        for (path, always) in [("/scope", false), ("/names/kind", false), ("/group", true), ("/names/plural", true)] {
            let (now, was) = (spec.pointer(path), old["spec"].pointer(path));
            if now != was && (always || is_established(old)) {
                let field = format!("spec{}", path.replace('/', "."));
                out.push(Cause::invalid(field, now.unwrap_or(&Value::Null), "field is immutable"));
            }
        }
    }
    out
}

/// Formats that are not known and were not there before.
pub(crate) fn warnings(new: &Value, old: Option<&Value>) -> Vec<String> {
    let formats = |object: &Value| {
        let mut out = Vec::new();
        let versions = object["spec"]["versions"].as_array().map_or(&[][..], Vec::as_slice);
        let mut schemas: Vec<&Value> = versions.iter().map(|version| &version["schema"]["openAPIV3Schema"]).collect();
        if schemas.iter().all(|schema| *schema == schemas[0]) {
            schemas.truncate(1);
        }
        schemas.into_iter().for_each(|schema| super::definition::unknown_formats(schema, &mut out));
        out
    };
    let before = old.map(formats).unwrap_or_default();
    formats(new).into_iter().filter(|format| !before.contains(format)).collect()
}

/// Sets a condition of a CRD.
pub(crate) fn condition(object: &mut Value, now: &str, kind: &str, status: &str, reason: &str, message: &str) {
    let entry = json!({"type": kind, "status": status, "lastTransitionTime": now, "reason": reason, "message": message});
    if !object["status"]["conditions"].is_array() {
        object["status"]["conditions"] = json!([]);
    }
    if let Some(list) = object["status"]["conditions"].as_array_mut() {
        match list.iter_mut().find(|c| c["type"] == kind) {
            Some(same) if same["status"] == status && same["reason"] == reason => {}
            Some(other) => *other = entry,
            None => list.push(entry),
        }
    }
}

pub(crate) fn is_established(object: &Value) -> bool {
    object["status"]["conditions"].as_array().into_iter().flatten().any(|c| c["type"] == "Established" && c["status"] == "True")
}

/// Serves the versions of a CRD.
pub(crate) fn register(call: &mut Call<'_>, object: &Value) {
    let spec = &object["spec"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |value: &Value| value.as_array().into_iter().flatten().filter_map(|v| v.as_str().map(str::to_owned)).collect::<Vec<_>>();
    let (group, names) = (text(&spec["group"]), &spec["names"]);
    let plural = text(&names["plural"]);
    let versions = spec["versions"].as_array().cloned().unwrap_or_default();
    let storage = versions.iter().find(|v| v["storage"] == true).map(|v| text(&v["name"])).unwrap_or_default();
    let schema_of = |version: &Value| {
        let schema = &version["schema"]["openAPIV3Schema"];
        from_crd(schema.is_object().then_some(schema))
    };
    let schemas: Arc<BTreeMap<String, Structural>> =
        Arc::new(versions.iter().map(|version| (text(&version["name"]), schema_of(version))).collect());
    call.store.registry.remove(&group, &plural);
    let dying = object["metadata"]["deletionTimestamp"].is_string();
    for version in versions.iter().filter(|v| v["served"] == true) {
        let mut subresources = BTreeMap::new();
        let verbs: Vec<String> = ["get", "patch", "update"].map(str::to_owned).into();
        let kind = text(&names["kind"]);
        if version["subresources"]["status"].is_object() {
            subresources.insert(
                "status".to_owned(),
                Subresource { kind: kind.clone(), group: String::new(), version: String::new(), verbs: verbs.clone() },
            );
        }
        let scale = &version["subresources"]["scale"];
        if scale.is_object() {
            subresources
                .insert("scale".to_owned(), Subresource { kind: "Scale".into(), group: "autoscaling".into(), version: "v1".into(), verbs });
        }
        let Some(structural) = schemas.get(&text(&version["name"])).cloned() else { continue };
        let mut all = ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"].map(str::to_owned).to_vec();
        if dying {
            all.retain(|verb| verb != "create");
        }
        call.store.registry.add(Resource {
            group: group.clone(),
            version: text(&version["name"]),
            plural: plural.clone(),
            singular: text(&names["singular"]),
            kind,
            list_kind: text(&names["listKind"]),
            namespaced: spec["scope"] == "Namespaced",
            verbs: all,
            short_names: list(&names["shortNames"]),
            categories: list(&names["categories"]),
            subresources,
            schema: structural.schema.clone(),
            custom: Some(Custom {
                structural,
                versions: schemas.clone(),
                storage_version: storage.clone(),
                scale: scale.is_object().then(|| ScalePaths {
                    spec: text(&scale["specReplicasPath"]),
                    status: text(&scale["statusReplicasPath"]),
                    selector: scale["labelSelectorPath"].as_str().map(str::to_owned),
                }),
                deprecation: (version["deprecated"] == true).then(|| match version["deprecationWarning"].as_str() {
                    Some(own) => own.to_owned(),
                    None => format!("{group}/{} {} is deprecated", text(&version["name"]), text(&names["kind"])),
                }),
                columns: version["additionalPrinterColumns"].as_array().cloned().unwrap_or_default(),
                selectable: list_paths(&version["selectableFields"]),
                document: version["schema"]["openAPIV3Schema"].clone(),
            }),
        });
    }
    call.store.ensure_table(&TableKey::new(&group, &plural));
}

fn list_paths(fields: &Value) -> Vec<String> {
    fields.as_array().into_iter().flatten().filter_map(|f| f["jsonPath"].as_str()).map(|p| p.trim_start_matches('.').to_owned()).collect()
}

pub(crate) fn unregister(call: &mut Call<'_>, object: &Value) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (group, plural) = (text(&object["spec"]["group"]), text(&object["spec"]["names"]["plural"]));
    call.store.registry.remove(&group, &plural);
    call.store.drop_table(&TableKey::new(&group, &plural));
}
