//! Git sources: polled cheaply at their interval, seen at once where they are local, read when their commit moved.
//!
//! A source's snapshot is handed to its units before its status is written: nobody waits for a status.

use super::context::Context;
use super::queue::Queue;
use crate::api::{self, Artifact, Condition, ConditionStatus, ConditionType, GitRepository, GitRepositoryStatus, Reason, condition, names};
use crate::git::watch::{DEBOUNCE, LocalWatch};
use crate::git::{Credentials, GitError, GitErrorClass, GitMirror, Remote, Update};
use crate::object::{Json, ObjectId};
use crate::release::report::{SourceInfo, SourceReport};
use crate::source::Snapshot;
use crate::telemetry::ReconcileResult;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::task::JoinHandle;

/// Which `GitRepository`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceKey {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl SourceKey {
    /// The identity of its custom resource.
    #[must_use]
    pub fn id(&self) -> ObjectId {
        ObjectId::new(names::SOURCE_GROUP, "GitRepository", &self.namespace, &self.name)
    }
}

impl fmt::Display for SourceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GitRepository/{}/{}", self.namespace, self.name)
    }
}

/// What is known of a source.
#[derive(Debug, Clone)]
pub struct State {
    /// The newest snapshot; an error keeps the one before, a source error is never an empty desired state.
    pub snapshot: Option<Arc<Snapshot>>,
    /// Why the source cannot be read now.
    pub error: Option<String>,
    /// What is shown of it.
    pub info: SourceInfo,
    /// When the snapshot's commit was seen first.
    pub seen: Timestamp,
    /// `spec.ignore`, under which it was read.
    pub ignore: Option<String>,
}

/// All sources.
#[derive(Default)]
pub struct Sources {
    /// Sources that are due.
    pub queue: Queue<SourceKey>,
    states: Mutex<HashMap<SourceKey, State>>,
    watchers: Mutex<HashMap<SourceKey, (String, JoinHandle<()>)>>,
    backoff: Mutex<HashMap<SourceKey, u32>>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sources {
    /// What is known of a source.
    #[must_use]
    pub fn get(&self, key: &SourceKey) -> Option<State> {
        lock(&self.states).get(key).cloned()
    }

    /// What is shown of a source.
    #[must_use]
    pub fn info(&self, key: &SourceKey) -> Option<SourceInfo> {
        lock(&self.states).get(key).map(|s| s.info.clone())
    }

    fn forget(&self, key: &SourceKey) {
        lock(&self.states).remove(key);
        lock(&self.backoff).remove(key);
        if let Some((_, task)) = lock(&self.watchers).remove(key) {
            task.abort();
        }
    }
}

/// One pass over a source.
pub async fn pass(ctx: Arc<Context>, key: SourceKey) {
    let started = std::time::Instant::now();
    let Some(object) = ctx.objects.source(&key) else {
        ctx.sources.forget(&key);
        ctx.views.remove_source(&format!("{}/{}", key.namespace, key.name));
        // Whoever comes from it says that it is gone, and stays as it is.
        ctx.source_moved(&key);
        return;
    };
    let source = match api::parse_git_repository(&object) {
        Ok(source) => source,
        Err(error) => {
            write(&ctx, &key, &object, |status, now| {
                ready(status, ConditionStatus::False, Reason::InvalidSpec, &error.to_string(), 0, now)
            })
            .await;
            return;
        }
    };
    if source.metadata.is_deleting() {
        if let Err(error) = ctx.remove_finalizer_of(&key, &source.metadata).await {
            tracing::warn!(source = %key, %error, "the finalizer cannot be removed; trying again");
            ctx.sources.queue.add_after(key, std::time::Duration::from_secs(1));
            return;
        }
        ctx.sources.forget(&key);
        return;
    }
    if source.spec.suspend {
        report(&ctx, &key, &source, true);
        return;
    }
    let interval = ctx.jitter(SignedDuration::try_from(source.spec.interval.as_std()).unwrap_or(SignedDuration::from_mins(1)));
    ctx.sources.queue.clear_timer(&key);
    let outcome = read(&ctx, &key, &source).await;
    let result = if outcome.is_ok() { ReconcileResult::Success } else { ReconcileResult::Error };
    let next = match outcome {
        Ok(()) => {
            lock(&ctx.sources.backoff).remove(&key);
            interval
        }
        Err(error) => {
            tracing::warn!(source = %key, %error, "the source cannot be read");
            let tries = {
                let mut backoff = lock(&ctx.sources.backoff);
                let tries = backoff.entry(key.clone()).or_default();
                *tries += 1;
                *tries
            };
            failed(&ctx, &key, &source, &object, &error).await;
            // A broken source is asked less and less often, never more often than its interval.
            let factor = 1_i32 << tries.saturating_sub(1).min(4);
            (interval * factor).min(SignedDuration::from_mins(15)).max(interval)
        }
    };
    ctx.sources.queue.add_after(key.clone(), std::time::Duration::try_from(next).unwrap_or_default());
    ctx.metrics.reconcile_ended("GitRepository", &key.namespace, &key.name, result, started.elapsed());
}

async fn read(ctx: &Arc<Context>, key: &SourceKey, source: &GitRepository) -> Result<(), GitError> {
    if let Some(object) = ctx.objects.source(key) {
        let fields = api::unsupported::unsupported_fields(&object);
        let fields: Vec<String> = fields.iter().filter(|u| u.blocking).map(ToString::to_string).collect();
        if !fields.is_empty() {
            let words = format!("not honoured yet, so nothing is read: {}; take it out of the object", fields.join(", "));
            return Err(GitError::new(GitErrorClass::InvalidUrl, words));
        }
    }
    let git = ctx.git.mirror(remote(ctx, key, source).await?)?;
    follow_local(ctx, key, &git);
    let reference = crate::source::GitRef::from_fields(crate::source::RefFields {
        branch: source.spec.reference.as_ref().and_then(|r| r.branch.as_deref()),
        tag: source.spec.reference.as_ref().and_then(|r| r.tag.as_deref()),
        semver: source.spec.reference.as_ref().and_then(|r| r.semver.as_deref()),
        name: source.spec.reference.as_ref().and_then(|r| r.name.as_deref()),
        commit: source.spec.reference.as_ref().and_then(|r| r.commit.as_deref()),
    })
    .map_err(GitError::from)?;
    let ignore = source.spec.ignore.as_deref();
    let known = ctx.sources.get(key).filter(|s| s.ignore.as_deref() == ignore);
    let known = known.and_then(|s| s.snapshot.map(|snapshot| (snapshot, s.seen)));
    let update = git.update(&reference, ignore, known.as_ref().map(|(snapshot, _)| snapshot.revision())).await?;
    let (snapshot, seen, moved) = match (update, known) {
        (Update::New(_, snapshot), _) => (Arc::new(snapshot), Timestamp::now(), true),
        (Update::Unchanged(_), Some((snapshot, seen))) => (snapshot, seen, false),
        (Update::Unchanged(resolved), None) => (Arc::new(git.fetch(&resolved, ignore).await?), Timestamp::now(), true),
    };
    let revision = snapshot.revision().to_string();
    let commit = snapshot.commit();
    let info = SourceInfo {
        kind: "GitRepository".into(),
        namespace: key.namespace.clone(),
        name: key.name.clone(),
        url: git.remote().url.to_string(),
        revision: revision.clone(),
        subject: commit.map(|c| c.subject.clone()).unwrap_or_default(),
        author: commit.map(|c| c.author.name.clone()).unwrap_or_default(),
        committed: commit.and_then(|c| Timestamp::from_second(c.committer.seconds).ok()),
        error: None,
    };
    let recovered = ctx.sources.get(key).is_none_or(|s| s.error.is_some());
    lock(&ctx.sources.states)
        .insert(key.clone(), State { snapshot: Some(Arc::clone(&snapshot)), error: None, info, seen, ignore: source.spec.ignore.clone() });
    if moved || recovered {
        if moved {
            tracing::info!(source = %key, %revision, "new revision");
        }
        ctx.source_moved(key);
    }
    report(ctx, key, source, true);
    let generation = source.metadata.generation.unwrap_or_default();
    let requested = source.metadata.requested_at().map(str::to_owned);
    if ctx.leader.may_write()
        && let Some(object) = ctx.objects.source(key)
    {
        let artifact = Artifact {
            path: format!("gitrepository/{}/{}/{}.tar.gz", key.namespace, key.name, hex_of(&revision)),
            url: format!("{}/gitrepository/{}/{}/{}.tar.gz", ctx.artifact_base, key.namespace, key.name, hex_of(&revision)),
            revision: revision.clone(),
            digest: snapshot.digest(),
            last_update_time: seen.into(),
            size: None,
            metadata: Default::default(),
        };
        let unsupported = api::unsupported::unsupported(&object);
        if let Err(error) = ctx.ensure_finalizer_of(key, &source.metadata).await {
            tracing::warn!(source = %key, %error, "the finalizer cannot be set");
        }
        write(ctx, key, &object, |status, now| {
            let unchanged = status.artifact.as_ref().is_some_and(|a| a.revision == artifact.revision && a.digest == artifact.digest);
            if !unchanged {
                status.artifact = Some(artifact);
            }
            status.last_handled_reconcile_at = requested.or(status.last_handled_reconcile_at.take());
            let message = format!("stored artifact for revision '{revision}'");
            condition::remove(&mut status.conditions, ConditionType::FetchFailed);
            let stored = Condition::new(ConditionType::ArtifactInStorage, ConditionStatus::True, Reason::Succeeded, &message);
            condition::set(&mut status.conditions, stored.observed(generation), now.into());
            if unsupported.is_empty() {
                condition::remove(&mut status.conditions, ConditionType::UnsupportedFields);
            } else {
                let message = format!("not honoured yet: {}", unsupported.join(", "));
                let told = Condition::new(ConditionType::UnsupportedFields, ConditionStatus::True, Reason::UnsupportedField, message);
                condition::set(&mut status.conditions, told.observed(generation), now.into());
            }
            ready(status, ConditionStatus::True, Reason::Succeeded, &message, generation, now);
        })
        .await;
    }
    Ok(())
}

/// A local repository tells of its commits itself.
fn follow_local(ctx: &Arc<Context>, key: &SourceKey, git: &GitMirror) {
    let Some(path) = git.remote().url.local_path() else { return };
    let path_text = path.display().to_string();
    let mut watchers = lock(&ctx.sources.watchers);
    if watchers.get(key).is_some_and(|(watched, task)| *watched == path_text && !task.is_finished()) {
        return;
    }
    match LocalWatch::new(path, DEBOUNCE) {
        Ok(mut changes) => {
            let (queue, key_of_task) = (ctx.sources.queue.clone(), key.clone());
            let task = tokio::spawn(async move {
                while changes.changed().await.is_some() {
                    queue.add(key_of_task.clone());
                }
            });
            if let Some((_, old)) = watchers.insert(key.clone(), (path_text, task)) {
                old.abort();
            }
        }
        // Then its interval has to do.
        Err(error) => tracing::warn!(source = %key, %error, "the repository cannot be watched; it is polled"),
    }
}

async fn remote(ctx: &Context, key: &SourceKey, source: &GitRepository) -> Result<Remote, GitError> {
    let mut remote = Remote::new(&source.spec.url, &key.namespace)?;
    remote.timeout = source.spec.timeout().as_std();
    let Some(reference) = &source.spec.secret_ref else {
        if let Some(credentials) = ctx.bootstrap_credentials(key, &source.spec.url) {
            remote.credentials = credentials;
        }
        return Ok(remote);
    };
    let id = ObjectId::new("", "Secret", &key.namespace, &reference.name);
    let trouble = |words: String| GitError::new(GitErrorClass::Auth, words);
    let secret = ctx.cluster.get(&id).await.map_err(|e| trouble(e.to_string()))?;
    let secret = secret.ok_or_else(|| trouble(format!("{id} does not exist; create it, or take spec.secretRef out")))?;
    let data = super::context::data_of(&secret, crate::api::ValuesKind::Secret);
    let text = |name: &str| data.get(name).map(|v| String::from_utf8_lossy(v).trim_end_matches('\n').to_owned());
    remote.credentials = match (text("bearerToken"), text("username"), text("password")) {
        (Some(token), ..) => Credentials::bearer(&token),
        (None, Some(user), Some(password)) => Credentials::basic(&user, &password),
        (None, None, None) => Credentials::None,
        _ => return Err(trouble(format!("{id} needs both username and password; add the one that is missing"))),
    };
    remote.tls.ca = data.get("ca.crt").or_else(|| data.get("caFile")).cloned();
    remote.tls.identity = match (text("tls.crt").or_else(|| text("certFile")), text("tls.key").or_else(|| text("keyFile"))) {
        (Some(certificate), Some(private)) => Some(format!("{certificate}\n{private}\n").into()),
        (None, None) => None,
        _ => return Err(trouble(format!("{id} needs both tls.crt and tls.key; add the one that is missing"))),
    };
    Ok(remote)
}

async fn failed(ctx: &Context, key: &SourceKey, source: &GitRepository, object: &Json, error: &GitError) {
    let message = error.to_string();
    {
        let mut states = lock(&ctx.sources.states);
        let state = states.entry(key.clone()).or_insert_with(|| State {
            snapshot: None,
            error: None,
            info: SourceInfo {
                kind: "GitRepository".into(),
                namespace: key.namespace.clone(),
                name: key.name.clone(),
                url: String::new(),
                revision: String::new(),
                subject: String::new(),
                author: String::new(),
                committed: None,
                error: None,
            },
            seen: Timestamp::now(),
            ignore: None,
        });
        state.error = Some(message.clone());
        state.info.error = Some(message.clone());
    }
    ctx.source_moved(key);
    report(ctx, key, source, false);
    let generation = source.metadata.generation.unwrap_or_default();
    if ctx.leader.may_write() {
        write(ctx, key, object, |status, now| {
            let reason = Reason::from_word(error.class.reason()).unwrap_or(Reason::GitOperationFailed);
            let failed = Condition::new(ConditionType::FetchFailed, ConditionStatus::True, reason, &message);
            condition::set(&mut status.conditions, failed.observed(generation), now.into());
            ready(status, ConditionStatus::False, reason, &message, generation, now);
        })
        .await;
    }
}

fn ready(status: &mut GitRepositoryStatus, value: ConditionStatus, reason: Reason, message: &str, generation: i64, now: Timestamp) {
    let condition = Condition::new(ConditionType::Ready, value, reason, message).observed(generation);
    condition::set(&mut status.conditions, condition, now.into());
    status.observed_generation = Some(generation);
}

/// Changes the status and writes it where it differs.
async fn write(ctx: &Context, key: &SourceKey, object: &Json, change: impl FnOnce(&mut GitRepositoryStatus, Timestamp)) {
    let old: GitRepositoryStatus = object.get("status").and_then(|s| serde_json::from_value(s.clone()).ok()).unwrap_or_default();
    let mut new = old.clone();
    change(&mut new, Timestamp::now());
    if old != new
        && let Err(error) = ctx.write_status_of(&key.id(), names::SOURCE_V1, &json!(old), &json!(new)).await
    {
        tracing::warn!(source = %key, %error, "the status cannot be written");
    }
}

fn report(ctx: &Context, key: &SourceKey, source: &GitRepository, ready: bool) {
    let Some(info) = ctx.sources.info(key) else { return };
    let units =
        ctx.views.units().iter().filter(|u| u.source.as_ref().is_some_and(|s| s.name == key.name && s.namespace == key.namespace)).count();
    ctx.views.put_source(SourceReport { info, ready, suspended: source.spec.suspend, checked: Some(Timestamp::now()), units });
}

fn hex_of(revision: &str) -> &str {
    revision.rsplit(':').next().unwrap_or(revision)
}
