//! One connection to one cluster, in one namespace.

use super::failure::Failure;
use super::globals::Globals;
use super::target::Target;
use crate::api::kinds::Kind;
use crate::cluster::{Answer, Cluster, Connected, Patch, Resource, ServerVersion};
use crate::object::{Json, ObjectId};
use std::sync::Arc;

/// What the API server sees in its audit log.
pub(super) const USER_AGENT: &str = concat!("helmward-cli/", env!("CARGO_PKG_VERSION"));

pub(super) struct Session {
    pub(super) cluster: Cluster,
    pub(super) version: ServerVersion,
    pub(super) server: String,
    namespace: String,
}

impl Session {
    pub(super) async fn open(globals: &Globals) -> Result<Self, Failure> {
        let Connected { cluster, version, server, .. } = Cluster::connect_by(&globals.access(), USER_AGENT).await?;
        let namespace = globals.namespace.clone().unwrap_or_else(|| cluster.default_namespace().to_owned());
        Ok(Self { cluster, version, server, namespace })
    }

    /// The namespace that is meant where none is named.
    pub(super) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The kind as the server serves it.
    pub(super) async fn resource(&self, kind: &Kind) -> Result<Arc<Resource>, Failure> {
        let missing = || {
            Failure::error(format!("the cluster does not know the kind {} ({})", kind.kind, kind.gvk().api_version()))
                .hint("install the definitions with `helmward install`, or let `helmward run` do it")
        };
        self.served(kind).await?.ok_or_else(missing)
    }

    /// As [`Session::resource`]; `None` where the server does not serve the kind.
    pub(super) async fn served(&self, kind: &Kind) -> Result<Option<Arc<Resource>>, Failure> {
        let discovery = self.cluster.discovery();
        Ok(match discovery.served().await?.resource(&kind.gvk()) {
            Some(found) => Some(found),
            None => discovery.preferred(kind.group, kind.kind).await?,
        })
    }

    /// The identity of a target, in the session's namespace where it names none.
    pub(super) fn id(&self, target: &Target) -> ObjectId {
        let namespace = target.namespace.as_deref().unwrap_or(&self.namespace);
        ObjectId::new(target.kind.group, target.kind.kind, namespace, &target.name)
    }

    /// One object, which must be there.
    pub(super) async fn fetch(&self, target: &Target) -> Result<(Arc<Resource>, ObjectId, Json), Failure> {
        let resource = self.resource(target.kind).await?;
        let id = self.id(target);
        let object = self.cluster.get_as(&resource, &id).await?;
        let object = object.ok_or_else(|| {
            Failure::error(format!("{id} is not there"))
                .hint(format!("`helmward get {} -A` shows what is; choose its namespace with -n", target.kind.plural))
        })?;
        Ok((resource, id, object))
    }

    pub(super) async fn patch(&self, resource: &Resource, id: &ObjectId, body: Json) -> Result<Answer, Failure> {
        Ok(self.cluster.patch(resource, id, &Patch::Merge(body)).await?)
    }
}
