//! `--git URL --path clusters/x`: the GitRepository and the Kustomization that everything else comes from, made where absent.

use super::context::Context;
use crate::api::names;
use crate::cluster::{ApiError, Apply, Kind};
use crate::git::{Credentials, GitUrl};
use crate::object::{Gvk, Json, ObjectId};
use serde_json::json;

/// What to bootstrap from.
#[derive(Debug, Clone)]
pub struct Bootstrap {
    /// URL without credentials.
    pub url: String,
    /// Credentials that the URL had.
    pub credentials: Credentials,
    /// Branch.
    pub branch: String,
    /// Path of the cluster's manifests.
    pub path: String,
    /// How often the repository is asked.
    pub interval: String,
    /// The service account as which the Kustomization acts.
    pub service_account: Option<String>,
}

impl Bootstrap {
    /// From a URL or a path, which may carry credentials.
    ///
    /// # Errors
    /// Where the URL cannot be used, in words.
    pub fn new(url: &str, branch: &str, path: &str, interval: &str) -> Result<Self, String> {
        let (parsed, credentials) = GitUrl::parse(url).map_err(|e| e.to_string())?;
        let url = match parsed.local_path() {
            Some(local) => {
                let absolute = std::path::absolute(local).map_err(|e| format!("{}: {e}", local.display()))?;
                format!("file://{}", absolute.display())
            }
            None => parsed.to_string(),
        };
        Ok(Self { url, credentials, branch: branch.into(), path: path.into(), interval: interval.into(), service_account: None })
    }
}

/// Namespace and name of what Flux's own bootstrap makes, so that a repository that it laid out works unchanged.
pub const NAME: &str = "flux-system";

/// Makes the namespace, the GitRepository and the Kustomization where they are absent. What is there stays as it is.
///
/// # Errors
/// Where the cluster refuses one of them, in words.
pub async fn apply(ctx: &Context, bootstrap: &Bootstrap) -> Result<(), ApiError> {
    ctx.cluster.ensure_namespace(NAME, &json!({})).await?;
    let repository = json!({
        "apiVersion": names::SOURCE_V1,
        "kind": "GitRepository",
        "metadata": {"name": NAME, "namespace": NAME},
        "spec": {"interval": bootstrap.interval, "url": bootstrap.url, "ref": {"branch": bootstrap.branch}},
    });
    let mut kustomization = json!({
        "apiVersion": names::KUSTOMIZE_V1,
        "kind": "Kustomization",
        "metadata": {"name": NAME, "namespace": NAME},
        "spec": {
            "interval": "10m",
            "path": format!("./{}", bootstrap.path.trim_start_matches("./").trim_matches('/')),
            "prune": true,
            "sourceRef": {"kind": "GitRepository", "name": NAME},
        },
    });
    if let Some(account) = &bootstrap.service_account {
        kustomization["spec"]["serviceAccountName"] = json!(account);
    }
    for object in [repository, kustomization] {
        create(ctx, &object).await?;
    }
    Ok(())
}

async fn create(ctx: &Context, object: &Json) -> Result<(), ApiError> {
    let text = |pointer: &str| object.pointer(pointer).and_then(Json::as_str).unwrap_or_default();
    let gvk = Gvk::new(text("/apiVersion"), text("/kind"));
    let resource = ctx.cluster.resource(&gvk).await?;
    let id = ObjectId::new(&gvk.group, &gvk.kind, NAME, NAME);
    if ctx.cluster.get_as(&resource, &id).await?.is_some() {
        tracing::info!(object = %id, "is there already and stays as it is");
        return Ok(());
    }
    match ctx.cluster.apply_as(&resource, &id, object, &Apply::default()).await {
        Ok(_) => Ok(()),
        Err(error) if error.kind == Kind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}
