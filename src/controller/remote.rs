//! Clusters that units name by a kubeconfig in a Secret (`spec.kubeConfig.secretRef`).

use crate::api::KubeConfig;
use crate::cluster::{ApiError, Cluster, Kind, Step, Subject};
use crate::object::{Json, ObjectId};
use base64::Engine as _;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// The keys that are looked for where the object names none, as Flux does.
const KEYS: [&str; 2] = ["value", "value.yaml"];

/// The program's name to other clusters.
const AGENT: &str = concat!("helmward/", env!("CARGO_PKG_VERSION"));

/// Clients of other clusters, by Secret and key; each as long as the Secret has this version.
#[derive(Default)]
pub struct Remotes(Mutex<HashMap<(ObjectId, String), (String, Cluster)>>);

/// The Secret that holds the kubeconfig, where there is one.
pub(super) fn secret_of(kube_config: Option<&KubeConfig>, namespace: &str) -> Option<ObjectId> {
    Some(ObjectId::new("", "Secret", namespace, &kube_config?.secret_ref.as_ref()?.name))
}

impl Remotes {
    /// The cluster of a kubeconfig. The Secret is read at each call, by the daemon itself: it lies in the unit's own namespace.
    ///
    /// # Errors
    /// Names the Secret, and what is wrong with it.
    pub(super) async fn get(&self, own: &Cluster, kube_config: &KubeConfig, namespace: &str) -> Result<Cluster, ApiError> {
        let key = kube_config.secret_ref.as_ref().and_then(|s| s.key.clone()).filter(|key| !key.is_empty());
        let Some(id) = secret_of(Some(kube_config), namespace) else {
            return Err(refused("spec.kubeConfig", Kind::Refused, "it names no Secret".into()));
        };
        let subject = format!("the kubeconfig in {id}");
        let Some(secret) = own.get(&id).await? else {
            return Err(refused(
                &subject,
                Kind::NotFound,
                format!("Secret {namespace}/{} does not exist; make it, or correct spec.kubeConfig.secretRef", id.name),
            ));
        };
        let version = secret.pointer("/metadata/resourceVersion").and_then(Json::as_str).unwrap_or_default().to_owned();
        let place = (id, key.clone().unwrap_or_default());
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&place).cloned();
        if let Some((_, cluster)) = known.filter(|(at, _)| *at == version) {
            return Ok(cluster);
        }
        let wanted: Vec<&str> = key.as_deref().map_or_else(|| KEYS.to_vec(), |key| vec![key]);
        let data = wanted.iter().find_map(|key| secret.get("data")?.get(*key)?.as_str());
        let Some(data) = data else {
            return Err(refused(&subject, Kind::Refused, format!("the Secret has no key {}", wanted.join(" or "))));
        };
        let bytes = base64::engine::general_purpose::STANDARD.decode(data).unwrap_or_default();
        let cluster = own.reach(&String::from_utf8_lossy(&bytes), AGENT).await.map_err(|why| refused(&subject, Kind::Refused, why))?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(place, (version, cluster.clone()));
        Ok(cluster)
    }
}

fn refused(subject: &str, kind: Kind, why: String) -> ApiError {
    ApiError::local(Step::Get, Subject::Other(subject.to_owned()), kind, why)
}
