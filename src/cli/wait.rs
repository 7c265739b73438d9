//! Waiting for the daemon's answer in the status of an object, with a word on what is under way.

use super::explain::Witness;
use super::failure::{Exit, Failure};
use super::output::Console;
use super::session::Session;
use super::status::{self, text};
use crate::api;
use crate::cluster::{ListOptions, Resource};
use crate::object::{Gvk, Json, ObjectId};
use clap::Args;
use std::sync::Mutex;
use std::time::Duration;

/// How often the objects of a unit are looked at meanwhile.
const LOOK: Duration = Duration::from_secs(2);

#[derive(Args, Debug, Clone)]
pub(super) struct WaitArgs {
    /// Wait until it has been done, and exit with 1 if it failed
    #[arg(long)]
    pub(super) wait: bool,
    /// How long to wait; exit with 3 when it runs out
    #[arg(long, default_value = "5m", value_name = "TIME")]
    pub(super) timeout: api::Duration,
}

/// What is waited for.
pub(super) struct Awaited<'a> {
    pub(super) resource: &'a Resource,
    pub(super) id: &'a ObjectId,
    pub(super) limit: Duration,
}

/// Waits until `done` holds of the object and nothing is under way any more; what is not `good` then is a failure with exit code 1.
pub(super) async fn until_settled(
    session: &Session,
    awaited: &Awaited<'_>,
    console: &Console,
    mut done: impl FnMut(&Json) -> bool + Send,
    good: impl Fn(&Json) -> bool,
) -> Result<Json, Failure> {
    let settled = |object: Option<&Json>| object.is_none_or(|o| done(o) && status::is_current(o) && !status::is_busy(o));
    let (answer, mut witness) = watched(session, awaited, console, settled).await;
    let id = awaited.id;
    let object = match answer {
        Ok(Some(object)) => object,
        Ok(None) => return Err(Failure::new(Exit::Differs, format!("{id} was deleted meanwhile"))),
        Err(failure) => {
            witness.tell(console);
            tell_events(session, id, console).await;
            return Err(failure);
        }
    };
    if good(&object) {
        return Ok(object);
    }
    witness.look(session, object.clone()).await;
    witness.tell(console);
    tell_events(session, id, console).await;
    let (kind, name, namespace) = (&awaited.resource.plural, &id.name, &id.namespace);
    let failure = Failure::new(Exit::Differs, format!("{id} is not ready{}", last_words(&object)));
    Err(failure
        .hint(format!("`helmward history {kind}/{name} -n {namespace}` shows what was tried; a commit that mends it is tried at once")))
}

/// Waits until a request has been handled.
pub(super) async fn until_handled(session: &Session, awaited: &Awaited<'_>, token: &str, console: &Console) -> Result<Json, Failure> {
    until_settled(session, awaited, console, |object| text(object, "/status/lastHandledReconcileAt") == token, status::is_ready).await
}

/// Waits until `done` holds (`None`: it is not there), tells what is under way, and keeps what was seen to go wrong.
pub(super) async fn watched(
    session: &Session,
    awaited: &Awaited<'_>,
    console: &Console,
    mut done: impl FnMut(Option<&Json>) -> bool + Send,
) -> (Result<Option<Json>, Failure>, Witness) {
    let Awaited { resource, id, limit } = *awaited;
    // what the object was like last: written by the watch, read by who looks at its parts
    let seen: Mutex<Option<Json>> = Mutex::new(None);
    let latest = || seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
    let mut told = String::new();
    let mut tell = |line: String| {
        if !line.is_empty() && told != line {
            console.progress(&line);
            told = line;
        }
    };
    let mut witness = Witness::default();
    let (lines, mut said) = tokio::sync::mpsc::unbounded_channel();
    let waiting = session.cluster.wait_until(resource, id, limit, |object| {
        *seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = object.cloned();
        let done = done(object);
        // what was said before anything was asked for is no progress
        if let (false, Some(object)) = (done, object.filter(|object| status::is_busy(object))) {
            // nobody listens any more once the wait is over
            let _ = lines.send(status::short(status::ready(object).message));
        }
        done
    });
    let mut waiting = std::pin::pin!(waiting);
    let mut look = tokio::time::interval_at(tokio::time::Instant::now() + LOOK, LOOK);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let answer = loop {
        tokio::select! {
            answer = &mut waiting => break answer,
            Some(line) = said.recv() => tell(line),
            _ = look.tick() => {
                if let Some(unit) = latest()
                    && let Some(line) = witness.look(session, unit).await
                {
                    tell(line);
                }
            }
        }
    };
    let answer = answer.map_err(|error| {
        if error.kind != crate::cluster::Kind::TimedOut {
            return Failure::from(error);
        }
        let words = latest().map(|object| last_words(&object)).unwrap_or_default();
        let (kind, name, namespace) = (&resource.plural, &id.name, &id.namespace);
        Failure::new(Exit::Timeout, format!("{id} was not done within {}{words}", api::Duration::from(whole_seconds(limit)))).hint(format!(
            "it goes on in the cluster: `helmward get {kind}/{name} -n {namespace}`; is the daemon running? `helmward check`"
        ))
    });
    if answer.is_err()
        && let Some(unit) = latest()
    {
        witness.look(session, unit).await;
    }
    (answer, witness)
}

/// What is left of a limit of several seconds is told as it was given.
fn whole_seconds(limit: Duration) -> Duration {
    if limit.as_secs() == 0 { limit } else { Duration::from_secs(limit.as_secs() + u64::from(limit.subsec_nanos() > 0)) }
}

fn last_words(object: &Json) -> String {
    let said = status::ready(object);
    if said.message.is_empty() { String::new() } else { format!(": {}", status::short(said.message)) }
}

/// The last warnings about an object: what a person would look for next.
pub(super) async fn tell_events(session: &Session, id: &ObjectId, console: &Console) {
    const LINES: usize = 3;
    let Ok(resource) = session.cluster.resource(&Gvk::new("v1", "Event")).await else { return };
    let fields = format!("involvedObject.kind={},involvedObject.name={},type=Warning", id.kind, id.name);
    let options = ListOptions { fields, ..ListOptions::labels(&id.namespace, "") };
    // without the right to read events, there is simply less to tell
    let Ok(mut events) = session.cluster.list(&resource, &options).await else { return };
    events.items.sort_by_key(super::events::time);
    for event in events.items.iter().rev().take(LINES).rev() {
        console.detail(&format!("  {} {}", console.err.warn(text(event, "/reason")), status::short(text(event, "/message"))));
    }
}
