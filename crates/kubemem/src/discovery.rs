//! Discovery, versions, health and OpenAPI.

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};

use crate::http::Document;
use crate::openapi;
use crate::proto;
use crate::resource::{GroupVersion, Registry, Resource, maturity};
use crate::server::Core;
use crate::status::ApiError;

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// Answers a path that is not of objects.
pub(crate) fn answer(core: &Core, document: &Document, accept: &str) -> Result<Response, ApiError> {
    let aggregated = accept
        .split(',')
        .any(|option| option.contains("APIGroupDiscoveryList") && option.contains("v=v2") && !option.contains("v=v2beta1"));
    core.call(|call| {
        let registry = &call.store.registry;
        Ok(match document {
            Document::Root => {
                plain(&json!({"paths": ["/api", "/api/v1", "/apis", "/healthz", "/openapi/v2", "/openapi/v3", "/readyz", "/version"]}))
            }
            Document::Health => text("ok"),
            Document::Version => plain(&version(&call.options.version)),
            Document::Api if aggregated => write(&aggregate(registry, true), AGGREGATED),
            Document::Apis if aggregated => write(&aggregate(registry, false), AGGREGATED),
            Document::Api => plain(&json!({"kind": "APIVersions", "versions": ["v1"],
                "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1"}]})),
            Document::Apis => {
                let groups: Vec<Value> = names(registry).iter().map(|name| group(registry, name)).collect();
                plain(&json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}))
            }
            Document::Group(name) => {
                if !names(registry).contains(name) {
                    return Err(ApiError::no_such_path());
                }
                let mut out = group(registry, name);
                out["kind"] = "APIGroup".into();
                out["apiVersion"] = "v1".into();
                plain(&out)
            }
            Document::GroupVersion(group, version) => {
                let resources = registry.version(group, version).ok_or_else(ApiError::no_such_path)?;
                let gv = if group.is_empty() { version.clone() } else { format!("{group}/{version}") };
                let list: Vec<Value> = resources.iter().flat_map(|r| entries(r)).collect();
                let mut out = json!({"kind": "APIResourceList", "groupVersion": gv, "resources": list});
                if !group.is_empty() {
                    out["apiVersion"] = "v1".into();
                }
                plain(&out)
            }
            Document::OpenApiV2 if accept.contains("openapi.spec.v2") && accept.contains("protobuf") => {
                binary(proto::openapi(&openapi::v2(registry)), "application/com.github.proto-openapi.spec.v2.v1.0+protobuf")
            }
            Document::OpenApiV2 => plain(&openapi::v2(registry)),
            Document::OpenApiIndex => plain(&openapi::index(registry)),
            Document::OpenApi(path) => plain(&openapi::v3(registry, path).ok_or_else(ApiError::no_such_path)?),
        })
    })
}

fn plain(body: &Value) -> Response {
    write(body, "application/json")
}

fn write(body: &Value, content_type: &'static str) -> Response {
    binary(serde_json::to_vec(body).unwrap_or_default(), content_type)
}

fn binary(body: Vec<u8>, content_type: &'static str) -> Response {
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept"));
    response
}

fn text(body: &'static str) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::OK;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

fn version(git: &str) -> Value {
    let mut parts = git.trim_start_matches('v').split('.');
    let (major, minor) = (parts.next().unwrap_or("1"), parts.next().unwrap_or("0"));
    let before = minor.parse::<u64>().unwrap_or(1).saturating_sub(1).to_string();
    json!({"major": major, "minor": minor, "emulationMajor": major, "emulationMinor": minor,
        "minCompatibilityMajor": major, "minCompatibilityMinor": before, "gitVersion": git, "gitCommit": "", "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z", "goVersion": "none", "compiler": "rustc", "platform": "linux/amd64"})
}

/// Groups other than core, in order.
fn names(registry: &Registry) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for (gv, _) in registry.groups() {
        if !gv.group.is_empty() && !out.contains(&gv.group) {
            out.push(gv.group.clone());
        }
    }
    out
}

fn versions<'a>(registry: &'a Registry, name: &str) -> Vec<&'a (GroupVersion, Vec<Arc<Resource>>)> {
    let mut out: Vec<_> = registry.groups().iter().filter(|(gv, _)| gv.group == name).collect();
    out.sort_by_key(|(gv, _)| std::cmp::Reverse(maturity(&gv.version)));
    out
}

fn group(registry: &Registry, name: &str) -> Value {
    let versions: Vec<Value> = versions(registry, name)
        .iter()
        .map(|(gv, _)| json!({"groupVersion": format!("{name}/{}", gv.version), "version": gv.version}))
        .collect();
    json!({"name": name, "versions": versions, "preferredVersion": versions.first()})
}

/// The entries of a resource and its subresources in an `APIResourceList`.
fn entries(resource: &Resource) -> Vec<Value> {
    let mut first = json!({"name": resource.plural, "singularName": resource.singular, "namespaced": resource.namespaced,
        "kind": resource.kind, "verbs": resource.verbs});
    if !resource.short_names.is_empty() {
        first["shortNames"] = json!(resource.short_names);
    }
    if !resource.categories.is_empty() {
        first["categories"] = json!(resource.categories);
    }
    if resource.verbs.iter().any(|v| v == "watch") {
        first["storageVersionHash"] = storage_hash(resource).into();
    }
    let mut out = vec![first];
    for (name, sub) in &resource.subresources {
        let mut entry = Map::new();
        entry.insert("name".into(), format!("{}/{name}", resource.plural).into());
        entry.insert("singularName".into(), "".into());
        entry.insert("namespaced".into(), resource.namespaced.into());
        if !sub.version.is_empty() {
            entry.insert("group".into(), sub.group.as_str().into());
            entry.insert("version".into(), sub.version.as_str().into());
        }
        entry.insert("kind".into(), sub.kind.as_str().into());
        entry.insert("verbs".into(), json!(sub.verbs));
        out.push(Value::Object(entry));
    }
    out
}

/// An opaque token that changes when the stored version does.
fn storage_hash(resource: &Resource) -> String {
    use base64::Engine as _;
    let version = resource.custom.as_ref().map_or(&resource.version, |c| &c.storage_version);
    let text = format!("{}/{version}/{}", resource.group, resource.kind);
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    base64::engine::general_purpose::STANDARD.encode(hash.to_be_bytes())
}

fn aggregate(registry: &Registry, core: bool) -> Value {
    let names = if core { vec![String::new()] } else { names(registry) };
    let items: Vec<Value> = names
        .iter()
        .map(|name| {
            let versions: Vec<Value> = versions(registry, name)
                .iter()
                .map(|(gv, resources)| {
                    let resources: Vec<Value> = resources.iter().map(|r| aggregated(r)).collect();
                    json!({"version": gv.version, "resources": resources, "freshness": "Current"})
                })
                .collect();
            let meta = if core { json!({"creationTimestamp": null}) } else { json!({"name": name, "creationTimestamp": null}) };
            json!({"metadata": meta, "versions": versions})
        })
        .collect();
    json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items})
}

fn aggregated(resource: &Resource) -> Value {
    let mut out = json!({"resource": resource.plural, "responseKind": {"group": resource.group, "version": resource.version, "kind": resource.kind},
        "scope": if resource.namespaced { "Namespaced" } else { "Cluster" }, "singularResource": resource.singular, "verbs": resource.verbs});
    if !resource.short_names.is_empty() {
        out["shortNames"] = json!(resource.short_names);
    }
    if !resource.categories.is_empty() {
        out["categories"] = json!(resource.categories);
    }
    let subs: Vec<Value> = resource
        .subresources
        .iter()
        .map(|(name, sub)| {
            let (group, version) = if sub.version.is_empty() { (&resource.group, &resource.version) } else { (&sub.group, &sub.version) };
            json!({"subresource": name, "responseKind": {"group": group, "version": version, "kind": sub.kind}, "verbs": sub.verbs})
        })
        .collect();
    if !subs.is_empty() {
        out["subresources"] = subs.into();
    }
    out
}
