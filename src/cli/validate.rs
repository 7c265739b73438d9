//! `template --validate`: the cluster's version and kinds, and whether the objects could be installed, as Helm asks it.

use super::failure::Failure;
use super::globals::Globals;
use super::helm::failed;
use super::session::Session;
use crate::api::names;
use crate::object::{Json, Manifest, Origin};
use futures::stream::{self, StreamExt as _};
use helmward_chart::go::quote::quote;
use helmward_chart::render::{ReleaseInfo, Rendered, parse_kube_version};
use helmward_chart::template::Capabilities;
use helmward_chart::yaml;
use std::future::Future;
use tokio::runtime::{Builder, Runtime};

/// How many objects are asked for at once.
const AT_ONCE: usize = 8;

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

    /// Refuses kinds that the cluster does not serve and, unless it is an upgrade, objects that are there and not the release's.
    /// Nothing is written, not even as a dry run: rights to read are enough.
    pub(super) fn check(&self, rendered: &Rendered, release: &ReleaseInfo) -> Result<(), Failure> {
        let unfit = |what: String| failed(format!("unable to build kubernetes objects from release manifest: {what}"));
        self.runtime.block_on(async {
            let served = self.session.cluster.discovery().served().await?;
            let mut manifests = Vec::new();
            let mut unknown = Vec::new();
            for doc in rendered.manifests.iter().filter(|doc| !doc.kind.is_empty()) {
                let body = yaml::from_str(&doc.text).map_err(|e| unfit(e.to_string()))?;
                let origin = Origin { file: doc.path.clone(), line: doc.first_line + 1 };
                let mut manifest = Manifest::new(body, origin).map_err(|e| unfit(e.to_string()))?;
                let Some(resource) = served.resource(&manifest.gvk()) else {
                    unknown.push(no_match(&manifest));
                    continue;
                };
                if resource.namespaced && manifest.id.namespace.is_empty() {
                    manifest.set_namespace(&release.namespace);
                }
                manifests.push(manifest);
            }
            match &unknown[..] {
                [] => {}
                [one] => return Err(unfit(one.clone())),
                several => return Err(unfit(format!("[{}]", several.join(", ")))),
            }
            if release.is_upgrade {
                return Ok(());
            }
            let mut answers = stream::iter(&manifests).map(|manifest| self.conflict(manifest, release)).buffered(AT_ONCE);
            while let Some(answer) = answers.next().await {
                answer.map_err(|why| failed(format!("Unable to continue with install: {why}")))?;
            }
            Ok(())
        })
    }

    async fn conflict(&self, manifest: &Manifest, release: &ReleaseInfo) -> Result<(), String> {
        let id = &manifest.id;
        let shown = || format!("{} {} in namespace {}", id.kind, quote(&id.name), quote(&id.namespace));
        match self.session.cluster.get_live(manifest).await {
            Err(e) => Err(format!("could not get information about the resource {}: {e}", shown())),
            Ok(None) => Ok(()),
            Ok(Some(live)) => match strangers_marks(&live, release) {
                marks if marks.is_empty() => Ok(()),
                marks => Err(format!(
                    "{} exists and cannot be imported into the current release: invalid ownership metadata; {}",
                    shown(),
                    marks.join("; ")
                )),
            },
        }
    }
}

/// How kubectl's REST mapper says that a kind is unknown.
fn no_match(manifest: &Manifest) -> String {
    let gvk = manifest.gvk();
    let id = &manifest.id;
    format!(
        "resource mapping not found for name: {} namespace: {} from \"\": no matches for kind {} in version {}\nensure CRDs are installed first",
        quote(&id.name),
        quote(&id.namespace),
        quote(&gvk.kind),
        quote(&manifest.api_version)
    )
}

/// What says that an object is not the release's: Helm's `checkOwnership` (action/validate.go).
fn strangers_marks(live: &Json, release: &ReleaseInfo) -> Vec<String> {
    let wanted = [
        ("label", "labels", names::MANAGED_BY, "Helm"),
        ("annotation", "annotations", names::HELM_RELEASE_NAME, &release.name),
        ("annotation", "annotations", names::HELM_RELEASE_NAMESPACE, &release.namespace),
    ];
    let found = wanted.into_iter().filter_map(|(what, field, key, value)| {
        let why = match live["metadata"][field][key].as_str() {
            None => format!("missing key {}: must be set to {}", quote(key), quote(value)),
            Some(other) if other != value => {
                format!("key {} must equal {}: current value is {}", quote(key), quote(value), quote(other))
            }
            Some(_) => return None,
        };
        Some(format!("{what} validation error: {why}"))
    });
    found.collect()
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
