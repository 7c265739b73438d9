//! OpenAPI documents, from the embedded types and the schemas of CRDs.

use serde_json::{Map, Value, json};

use crate::resource::{Registry, Resource};
use crate::schema::{builtin_types, gvk_name};

const REF: &str = "#/components/schemas/";

/// `/openapi/v3`
pub(crate) fn index(registry: &Registry) -> Value {
    let mut paths = Map::new();
    for (gv, resources) in registry.groups() {
        let path = path_of(&gv.group, &gv.version);
        let custom: usize = resources.iter().filter_map(|r| r.custom.as_ref()).map(|c| c.document.to_string().len()).sum();
        let url = format!("/openapi/v3/{path}?hash={:X}{custom:X}", resources.len());
        paths.insert(path, json!({"serverRelativeURL": url}));
    }
    json!({"paths": paths})
}

fn path_of(group: &str, version: &str) -> String {
    if group.is_empty() { format!("api/{version}") } else { format!("apis/{group}/{version}") }
}

/// `/openapi/v3/apis/GROUP/VERSION`
pub(crate) fn v3(registry: &Registry, path: &str) -> Option<Value> {
    let (_, resources) = registry.groups().iter().find(|(gv, _)| path_of(&gv.group, &gv.version) == path)?;
    let mut schemas = Map::new();
    let mut paths = Map::new();
    for resource in resources {
        let name = type_name(resource);
        match &resource.custom {
            Some(custom) => {
                schemas.insert(name.clone(), custom_schema(resource, &custom.document));
            }
            None => include(&name, &mut schemas),
        }
        let base = format!("/{path}/{}{}", if resource.namespaced { "namespaces/{namespace}/" } else { "" }, resource.plural);
        let body = json!({"application/json": {"schema": {"$ref": format!("{REF}{name}")}}});
        let gvk = json!({"group": resource.group, "version": resource.version, "kind": resource.kind});
        let answer = json!({"200": {"description": "OK", "content": body}});
        let mut parameters = vec![
            json!({"name": "dryRun", "in": "query", "schema": {"type": "string"}}),
            json!({"name": "fieldManager", "in": "query", "schema": {"type": "string"}}),
            json!({"name": "fieldValidation", "in": "query", "schema": {"type": "string"}}),
        ];
        let post = json!({"operationId": format!("create{name}"), "requestBody": {"content": body}, "responses": answer,
            "parameters": parameters, "x-kubernetes-action": "post", "x-kubernetes-group-version-kind": gvk});
        parameters.push(json!({"name": "force", "in": "query", "schema": {"type": "boolean"}}));
        let patch = json!({"operationId": format!("patch{name}"), "responses": answer, "parameters": parameters,
            "requestBody": {"content": {"application/apply-patch+yaml": {"schema": {"type": "object"}}}},
            "x-kubernetes-action": "patch", "x-kubernetes-group-version-kind": gvk});
        paths.insert(base.clone(), json!({"post": post}));
        paths.insert(format!("{base}/{{name}}"), json!({"patch": patch}));
    }
    Some(
        json!({"openapi": "3.0.0", "info": {"title": "Kubernetes", "version": "1.36"}, "paths": paths, "components": {"schemas": schemas}}),
    )
}

/// `/openapi/v2`: the definitions that clients look kinds up in.
pub(crate) fn v2(registry: &Registry) -> Value {
    let mut definitions = Map::new();
    for (name, schema) in builtin_types() {
        definitions.insert(name.clone(), clean(schema, "#/definitions/"));
    }
    for resource in registry.groups().iter().flat_map(|(_, rs)| rs) {
        if let Some(custom) = &resource.custom {
            definitions.insert(type_name(resource), custom_schema(resource, &custom.document));
        }
    }
    json!({"swagger": "2.0", "info": {"title": "Kubernetes", "version": "v1.36"}, "paths": {}, "definitions": definitions})
}

fn type_name(resource: &Resource) -> String {
    if resource.custom.is_some() {
        let reversed: Vec<&str> = resource.group.rsplit('.').collect();
        return format!("{}.{}.{}", reversed.join("."), resource.version, resource.kind);
    }
    gvk_name(&resource.group, &resource.version, &resource.kind).unwrap_or(&resource.kind).to_owned()
}

fn custom_schema(resource: &Resource, document: &Value) -> Value {
    let mut out =
        if document.is_object() { document.clone() } else { json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}) };
    out["x-kubernetes-group-version-kind"] = json!([{"group": resource.group, "version": resource.version, "kind": resource.kind}]);
    out
}

/// Adds a type and all that it refers to.
fn include(name: &str, schemas: &mut Map<String, Value>) {
    let Some(schema) = builtin_types().get(name) else { return };
    if schemas.contains_key(name) {
        return;
    }
    schemas.insert(name.to_owned(), clean(schema, REF));
    let mut found = Vec::new();
    references(schema, &mut found);
    for other in found {
        include(&other, schemas);
    }
}

fn references(schema: &Value, out: &mut Vec<String>) {
    match schema {
        Value::Object(map) => {
            if let Some(name) = map.get("$ref").and_then(Value::as_str) {
                out.push(name.to_owned());
            }
            map.values().for_each(|inner| references(inner, out));
        }
        Value::Array(items) => items.iter().for_each(|inner| references(inner, out)),
        _ => {}
    }
}

/// A schema without the marks of the embedded table, its references made whole.
fn clean(schema: &Value, prefix: &str) -> Value {
    match schema {
        Value::Object(map) => Value::Object(
            map.iter()
                .filter(|(name, value)| !(*name == "z" && value.is_string()))
                .map(|(name, value)| match (name.as_str(), value) {
                    ("$ref", Value::String(target)) => (name.clone(), format!("{prefix}{target}").into()),
                    _ => (name.clone(), clean(value, prefix)),
                })
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(|item| clean(item, prefix)).collect()),
        other => other.clone(),
    }
}
