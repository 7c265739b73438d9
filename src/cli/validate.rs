//! `template --validate`: the cluster's version and kinds, and its word on each object.

use super::failure::Failure;
use super::globals::Globals;
use super::helm::failed;
use super::session::Session;
use crate::cluster::{Apply, Kind};
use crate::object::{Manifest, Origin};
use helmward_chart::render::{Rendered, parse_kube_version};
use helmward_chart::template::Capabilities;
use helmward_chart::yaml;
use std::future::Future;
use std::sync::Arc;
use tokio::runtime::{Builder, Runtime};

/// The cluster, and what it said before the render.
pub(super) struct Server {
    runtime: Runtime,
    session: Session,
    pub(super) capabilities: Capabilities,
}

impl Server {
    /// Asks the cluster for its version and for the kinds that it serves.
    pub(super) fn ask(globals: &Globals, mut capabilities: Capabilities) -> Result<Self, Failure> {
        let unreachable = |e: Failure| failed(format!("Kubernetes cluster unreachable: {}", e.message));
        let runtime = runtime()?;
        let (session, kinds) = runtime.block_on(async {
            let session = Session::open(globals).await.map_err(unreachable)?;
            let kinds = session.cluster.discovery().served().await.map_err(Failure::from).map_err(unreachable)?.api_versions().to_vec();
            Ok::<_, Failure>((session, kinds))
        })?;
        parse_kube_version(&mut capabilities, &session.version.git_version).map_err(failed)?;
        capabilities.api_versions = kinds;
        Ok(Self { runtime, session, capabilities })
    }

    /// Lets the cluster check every object without storing it. A namespace that is not there yet is no mistake.
    pub(super) fn check(&self, rendered: &Rendered, namespace: &str) -> Result<(), Failure> {
        let unfit = |what: String| failed(format!("unable to build kubernetes objects from release manifest: {what}"));
        let cluster = &self.session.cluster;
        self.runtime.block_on(async {
            let served = cluster.discovery().served().await?;
            let mut manifests = Vec::new();
            for doc in rendered.manifests.iter().filter(|doc| !doc.kind.is_empty()) {
                let body = yaml::from_str(&doc.text).map_err(|e| unfit(e.to_string()))?;
                let origin = Origin { file: doc.path.clone(), line: doc.first_line + 1 };
                let mut manifest = Manifest::new(body, origin).map_err(|e| unfit(e.to_string()))?;
                let gvk = manifest.gvk();
                let Some(resource) = served.resource(&gvk) else {
                    return Err(unfit(format!("{}: no matches for kind \"{}\" in version \"{}\"", doc.path, doc.kind, doc.api_version)));
                };
                if resource.namespaced && manifest.id.namespace.is_empty() {
                    manifest.set_namespace(namespace);
                }
                manifests.push(Arc::new(manifest));
            }
            let answers = cluster.dry_run_all(&manifests, &Apply::default(), 8).await;
            match answers.into_iter().zip(&manifests).find_map(|(answer, manifest)| answer.err().map(|error| (error, manifest))) {
                Some((error, manifest)) if error.kind != Kind::NamespaceMissing => Err(unfit(format!("{}: {error}", manifest.origin))),
                _ => Ok(()),
            }
        })
    }
}

/// Runs what needs a network, on a runtime that lives no longer than that.
pub(super) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = runtime()?;
    let result = runtime.block_on(work);
    runtime.shutdown_background();
    result
}

fn runtime() -> Result<Runtime, Failure> {
    Builder::new_current_thread().enable_all().build().map_err(|e| failed(format!("cannot start: {e}")))
}
