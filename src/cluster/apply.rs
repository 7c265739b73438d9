//! Carries out one stage: objects applied and deleted side by side, and what became of each.
//!
//! An object that is live and not known to be ours is looked at first: one that belongs to somebody else is refused by
//! name, and the fields of whoever deployed it before are taken over, so that a field removed from Git really goes.

use super::{
    Apply, Cluster, Delete, Patch, Propagation, Resource,
    error::{ApiError, Kind, Step},
    write::Answer,
};
use crate::{
    api::names,
    object::{Gvk, Json, Manifest, ObjectId},
    plan::{Hold, inventory, takeover},
};
use futures::{StreamExt, stream};
use serde_json::json;
use std::{fmt, sync::Arc, time::Duration};

mod owner;

pub use owner::Owner;

/// How long an object that is replaced may take to go.
const GONE_WITHIN: Duration = Duration::from_secs(60);

/// What to do to one object.
#[derive(Debug, Clone, PartialEq)]
pub enum Job {
    /// Apply it.
    Apply {
        /// The object, its namespace filled in. Shared, because a manifest may be large.
        manifest: Arc<Manifest>,
        /// What is known of the live object.
        prior: Prior,
        /// Delete and create it where an immutable field stands in the way.
        recreate: bool,
    },
    /// Delete it.
    Delete {
        /// The object.
        id: ObjectId,
        /// Version in which it was applied.
        api_version: String,
        /// What protects it; where absent, only its owner does.
        protect: Option<inventory::PrunePolicy>,
        /// What becomes of its dependents.
        propagation: Propagation,
    },
}

impl Job {
    /// Applies an object of which nothing is known.
    #[must_use]
    pub fn apply(manifest: Manifest) -> Self {
        Self::Apply { manifest: Arc::new(manifest), prior: Prior::Unknown, recreate: false }
    }

    /// The object.
    #[must_use]
    pub fn id(&self) -> &ObjectId {
        match self {
            Self::Apply { manifest, .. } => &manifest.id,
            Self::Delete { id, .. } => id,
        }
    }
}

/// What is known of a live object before it is applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prior {
    /// Nothing: it is looked at first.
    Unknown,
    /// It cannot be there: its namespace or its kind has just been made.
    Absent,
    /// We applied it before; its resource version, where known.
    Ours {
        /// Empty where not known.
        resource_version: String,
    },
}

/// How a stage runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageOptions {
    /// For whom.
    pub owner: Owner,
    /// Take objects that belong to somebody else.
    pub adopt: bool,
    /// How to apply.
    pub apply: Apply,
    /// So many objects at a time.
    pub concurrency: usize,
}

/// What became of one object.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The object.
    pub id: ObjectId,
    /// What was done.
    pub result: Done,
    /// Resource version after it; empty where there is none.
    pub resource_version: String,
    /// Unique id; empty where there is none.
    pub uid: String,
    /// The server's warnings.
    pub warnings: Vec<String>,
}

/// What was done to one object.
#[derive(Debug, Clone, PartialEq)]
pub enum Done {
    /// It was not there.
    Created,
    /// It was changed.
    Configured,
    /// It was as it should be.
    Unchanged,
    /// It was deleted and created, because an immutable field stood in the way.
    Recreated,
    /// It is deleted.
    Deleted,
    /// Its deletion is accepted; finalizers or dependents keep it for now.
    Deleting,
    /// It was not there to delete.
    Gone,
    /// It was not deleted, on purpose.
    Kept(Keep),
    /// It failed.
    Refused(ApiError),
}

/// Why an object was not deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keep {
    /// Its kind, its annotations or the policy protect it.
    Held(Hold),
    /// It belongs to somebody else by now.
    Stranger(Owner),
}

impl fmt::Display for Keep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stranger(owner) => write!(f, "it belongs to {owner} now"),
            Self::Held(hold) => f.write_str(match hold {
                Hold::ProtectedKind => "CRDs, PersistentVolumeClaims and Namespaces are not pruned without opt-in",
                Hold::HelmKeep => "it has the annotation helm.sh/resource-policy: keep",
                Hold::FluxPruneDisabled => "it has kustomize.toolkit.fluxcd.io/prune: disabled",
                Hold::PruneOff => "pruning is off",
                Hold::CrdSkipped => "the policy leaves CRDs as they are",
                Hold::ReconcileDisabled => "it is excluded from reconciliation",
                Hold::OnlyIfNotPresent => "it is only made where it is absent",
            }),
        }
    }
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Created => f.write_str("created"),
            Self::Configured => f.write_str("configured"),
            Self::Unchanged => f.write_str("unchanged"),
            Self::Recreated => f.write_str("recreated"),
            Self::Deleted => f.write_str("deleted"),
            Self::Deleting => f.write_str("deleting"),
            Self::Gone => f.write_str("already gone"),
            Self::Kept(why) => write!(f, "kept: {why}"),
            Self::Refused(error) => write!(f, "refused: {error}"),
        }
    }
}

impl Cluster {
    /// Does all jobs, some at a time; one that fails stops no other. The outcomes are in the order of the jobs.
    pub async fn run_stage(&self, jobs: Vec<Job>, options: &StageOptions) -> Vec<Outcome> {
        let running = jobs.into_iter().enumerate().map(|(i, job)| async move {
            let id = job.id().clone();
            let done = self.run_job(job, options).await;
            (i, done.unwrap_or_else(|error| Outcome::new(id, Done::Refused(error))))
        });
        let mut outcomes: Vec<(usize, Outcome)> = stream::iter(running).buffer_unordered(options.concurrency.max(1)).collect().await;
        outcomes.sort_by_key(|(i, _)| *i);
        outcomes.into_iter().map(|(_, outcome)| outcome).collect()
    }

    /// What applying each object would answer, some at a time, without storing; in the order of the manifests.
    pub async fn dry_run_all(&self, manifests: &[Arc<Manifest>], apply: &Apply, concurrency: usize) -> Vec<Result<Answer, ApiError>> {
        let how = Apply { dry_run: true, ..apply.clone() };
        let how = &how;
        stream::iter(manifests).map(|manifest| async move { self.apply(manifest, how).await }).buffered(concurrency.max(1)).collect().await
    }

    /// Makes a namespace; says whether it was not there.
    ///
    /// # Errors
    /// Where the server refuses or cannot be asked.
    pub async fn ensure_namespace(&self, name: &str, labels: &Json) -> Result<bool, ApiError> {
        let resource = self.resource(&Gvk::new("v1", "Namespace")).await?;
        let id = ObjectId::new("", "Namespace", "", name);
        let body = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name, "labels": labels } });
        match self.create(&resource, &id, &body).await {
            Ok(_) => Ok(true),
            Err(error) if error.kind == Kind::AlreadyExists => Ok(false),
            // who may not create namespaces may well use one that is there
            Err(error) if error.kind == Kind::Forbidden && self.get_metadata(&resource, &id).await.is_ok_and(|n| n.is_some()) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn run_job(&self, job: Job, options: &StageOptions) -> Result<Outcome, ApiError> {
        match job {
            Job::Apply { manifest, prior, recreate } => self.apply_one(&manifest, prior, recreate, options).await,
            Job::Delete { id, api_version, protect, propagation } => {
                self.delete_one(id, &api_version, protect.as_ref(), propagation, options).await
            }
        }
    }

    async fn apply_one(&self, manifest: &Manifest, prior: Prior, recreate: bool, options: &StageOptions) -> Result<Outcome, ApiError> {
        let id = &manifest.id;
        let mut known = match prior {
            Prior::Unknown => self.take_over(manifest, options).await?,
            Prior::Absent => String::new(),
            Prior::Ours { resource_version } => resource_version,
        };
        let (answer, recreated) = match self.apply(manifest, &options.apply).await {
            Err(error) if recreate && error.is_immutable() && !options.apply.dry_run => {
                let resource = self.resource(&manifest.gvk()).await?;
                self.delete(&resource, id, &Delete::default()).await?;
                self.wait_until(&resource, id, GONE_WITHIN, |object| object.is_none()).await?;
                known.clear();
                (self.apply(manifest, &options.apply).await?, true)
            }
            other => (other?, false),
        };
        let result = if recreated {
            Done::Recreated
        } else if answer.created {
            Done::Created
        } else if !known.is_empty() && known == answer.resource_version() {
            Done::Unchanged
        } else {
            Done::Configured
        };
        Ok(Outcome {
            id: id.clone(),
            result,
            resource_version: answer.resource_version().to_owned(),
            uid: answer.uid().to_owned(),
            warnings: answer.mended.map(|m| m.notes).unwrap_or_default().into_iter().chain(answer.warnings).collect(),
        })
    }

    /// Looks at the live object: refuses a stranger's, takes over a predecessor's fields. Returns the resource version that is
    /// there now; empty where nothing is.
    async fn take_over(&self, manifest: &Manifest, options: &StageOptions) -> Result<String, ApiError> {
        let id = &manifest.id;
        let resource = self.resource(&manifest.gvk()).await.map_err(|error| ApiError { step: Step::Apply, subject: id.into(), ..error })?;
        // twice, because somebody may write between the look and the takeover
        for last in [false, true] {
            let Some(live) = self.get_metadata(&resource, id).await? else { return Ok(String::new()) };
            if !options.adopt
                && let Some(stranger) = options.owner.stranger(&live).or_else(|| Owner::by_hand(&live))
            {
                let words = format!("it belongs to {stranger}; remove it there, or set the annotation {}: enabled", names::ADOPT);
                return Err(ApiError::local(Step::Apply, id, Kind::Refused, words));
            }
            let version = live.pointer("/metadata/resourceVersion").and_then(Json::as_str).unwrap_or_default().to_owned();
            let patch = takeover::patch(&live, takeover::PREDECESSORS).filter(|_| !options.apply.dry_run);
            let Some(patch) = patch else { return Ok(version) };
            match self.patch(&resource, id, &Patch::Operations(patch)).await {
                Ok(answer) => return Ok(answer.resource_version().to_owned()),
                Err(error) if error.kind == Kind::Conflict && !last => {}
                Err(error) => return Err(error),
            }
        }
        Ok(String::new())
    }

    async fn delete_one(
        &self,
        id: ObjectId,
        api_version: &str,
        protect: Option<&inventory::PrunePolicy>,
        propagation: Propagation,
        options: &StageOptions,
    ) -> Result<Outcome, ApiError> {
        let Some(resource) = self.resource_to_delete(&id, api_version).await? else {
            // with its kind the object is gone too
            return Ok(Outcome::new(id, Done::Gone));
        };
        let Some(live) = self.get_metadata(&resource, &id).await? else { return Ok(Outcome::new(id, Done::Gone)) };
        if let Some(stranger) = options.owner.stranger(&live) {
            return Ok(Outcome::new(id, Done::Kept(Keep::Stranger(stranger))));
        }
        if let Some(hold) = protect.and_then(|policy| inventory::protection(&id, [&live], policy)) {
            return Ok(Outcome::new(id, Done::Kept(Keep::Held(hold))));
        }
        let uid = live.pointer("/metadata/uid").and_then(Json::as_str).map(str::to_owned);
        let how = Delete { propagation, uid, dry_run: options.apply.dry_run, ..Delete::default() };
        let result = match self.delete(&resource, &id, &how).await? {
            None => Done::Gone,
            Some(answer) if answer.object.pointer("/metadata/deletionTimestamp").is_some_and(|at| !at.is_null()) => Done::Deleting,
            Some(_) => Done::Deleted,
        };
        Ok(Outcome::new(id, result))
    }

    /// The version in which the object was applied may be served no longer; any that is will do.
    async fn resource_to_delete(&self, id: &ObjectId, api_version: &str) -> Result<Option<Arc<Resource>>, ApiError> {
        match self.discovery().resource(&Gvk::new(api_version, &id.kind)).await? {
            Some(found) => Ok(Some(found)),
            None => self.discovery().preferred(&id.group, &id.kind).await,
        }
    }
}

impl Outcome {
    fn new(id: ObjectId, result: Done) -> Self {
        Self { id, result, resource_version: String::new(), uid: String::new(), warnings: Vec::new() }
    }

    /// The failure, where there is one.
    #[must_use]
    pub fn error(&self) -> Option<&ApiError> {
        if let Done::Refused(error) = &self.result { Some(error) } else { None }
    }
}

#[cfg(test)]
mod tests;
