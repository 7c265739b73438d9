//! The Secrets and ConfigMaps that the containers of a pod read.

use crate::object::{Json, ObjectId};
use std::collections::{BTreeMap, BTreeSet};

/// A Secret or ConfigMap that a pod reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The object.
    pub id: ObjectId,
    /// The keys that are read; `None` for all.
    pub keys: Option<BTreeSet<String>>,
}

/// What a pod spec reads, each object once: by `envFrom`, `env[].valueFrom` and volumes, projected ones too. What only the kubelet reads
/// (image pull secrets, volume drivers) is not the containers' business.
#[must_use]
pub fn of_pod(spec: &Json, namespace: &str) -> Vec<Reference> {
    let mut found: BTreeMap<ObjectId, Option<BTreeSet<String>>> = BTreeMap::new();
    let mut add = |kind: &str, name: Option<&Json>, keys: Option<BTreeSet<String>>| {
        let Some(name) = name.and_then(Json::as_str).filter(|name| !name.is_empty()) else { return };
        let entry = found.entry(ObjectId::new("", kind, namespace, name)).or_insert_with(|| Some(BTreeSet::new()));
        match (entry.as_mut(), keys) {
            (Some(all), Some(keys)) => all.extend(keys),
            _ => *entry = None,
        }
    };
    let list = |from: &'_ Json, field: &str| from.get(field).and_then(Json::as_array).cloned().unwrap_or_default();
    for container in [list(spec, "initContainers"), list(spec, "containers")].concat() {
        for source in list(&container, "envFrom") {
            add("Secret", source.pointer("/secretRef/name"), None);
            add("ConfigMap", source.pointer("/configMapRef/name"), None);
        }
        for variable in list(&container, "env") {
            for (kind, field) in [("Secret", "secretKeyRef"), ("ConfigMap", "configMapKeyRef")] {
                let from = variable.pointer(&format!("/valueFrom/{field}"));
                let key = from.and_then(|from| from["key"].as_str()).map(|key| BTreeSet::from([key.to_owned()]));
                add(kind, from.and_then(|from| from.get("name")), key);
            }
        }
    }
    let items = |source: &Json| {
        let items = source.get("items").and_then(Json::as_array).filter(|items| !items.is_empty())?;
        Some(items.iter().filter_map(|item| item["key"].as_str().map(str::to_owned)).collect())
    };
    for volume in list(spec, "volumes") {
        if let Some(secret) = volume.get("secret") {
            add("Secret", secret.get("secretName"), items(secret));
        }
        if let Some(config) = volume.get("configMap") {
            add("ConfigMap", config.get("name"), items(config));
        }
        for source in volume.pointer("/projected/sources").and_then(Json::as_array).into_iter().flatten() {
            for (kind, field) in [("Secret", "secret"), ("ConfigMap", "configMap")] {
                if let Some(source) = source.get(field) {
                    add(kind, source.get("name"), items(source));
                }
            }
        }
    }
    found.into_iter().map(|(id, keys)| Reference { id, keys }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_way_of_reading_is_seen() {
        let spec = json!({
            "imagePullSecrets": [{"name": "pull"}],
            "initContainers": [{"envFrom": [{"configMapRef": {"name": "init"}}]}],
            "containers": [{
                "envFrom": [{"secretRef": {"name": "all"}}],
                "env": [
                    {"name": "A", "valueFrom": {"secretKeyRef": {"name": "some", "key": "a"}}},
                    {"name": "B", "valueFrom": {"secretKeyRef": {"name": "some", "key": "b"}}},
                    {"name": "C", "valueFrom": {"secretKeyRef": {"name": "all", "key": "c"}}},
                    {"name": "D", "value": "plain"},
                ],
            }],
            "volumes": [
                {"name": "v", "secret": {"secretName": "mounted", "items": [{"key": "tls.crt", "path": "c"}]}},
                {"name": "w", "projected": {"sources": [{"configMap": {"name": "projected"}}, {"serviceAccountToken": {}}]}},
                {"name": "x", "emptyDir": {}},
            ],
        });
        let told: Vec<String> = of_pod(&spec, "shop")
            .into_iter()
            .map(|r| format!("{} {}", r.id, r.keys.map_or("*".into(), |k| k.into_iter().collect::<Vec<_>>().join(","))))
            .collect();
        assert_eq!(
            told,
            [
                "ConfigMap/shop/init *",
                "ConfigMap/shop/projected *",
                "Secret/shop/all *",
                "Secret/shop/mounted tls.crt",
                "Secret/shop/some a,b"
            ]
        );
    }
}
