//! Waiting for the daemon's answer in the status of an object.

use super::failure::{Exit, Failure};
use super::output::Console;
use super::session::Session;
use super::status::{self, text};
use crate::api;
use crate::cluster::{ListOptions, Resource};
use crate::object::{Gvk, Json, ObjectId};
use clap::Args;
use std::time::Duration;

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

/// Waits until `done` holds of the object and nothing is under way any more; not ready then is a failure with exit code 1.
pub(super) async fn until_settled(
    session: &Session,
    awaited: &Awaited<'_>,
    console: &Console,
    mut done: impl FnMut(&Json) -> bool + Send,
) -> Result<Json, Failure> {
    let Awaited { resource, id, limit } = *awaited;
    let mut told = String::new();
    let mut seen = Json::Null;
    let answer = session
        .cluster
        .wait_until(resource, id, limit, |object| {
            let Some(object) = object else { return true };
            seen.clone_from(object);
            let settled = done(object) && status::is_current(object) && !status::is_busy(object);
            let message = status::ready(object).message;
            if !settled && !message.is_empty() && told != message {
                told = message.to_owned();
                console.progress(&status::short(message));
            }
            settled
        })
        .await;
    let object = match answer {
        Ok(Some(object)) => object,
        Ok(None) => return Err(Failure::new(Exit::Differs, format!("{id} was deleted meanwhile"))),
        Err(error) if error.kind == crate::cluster::Kind::TimedOut => {
            let mut failure = Failure::new(Exit::Timeout, format!("{id} was not done within {}", api::Duration::from(limit)));
            failure.message.push_str(&last_words(&seen));
            tell_events(session, id, console).await;
            return Err(failure.hint(format!(
                "it goes on in the cluster: `helmward get {}/{} -n {}`; is the daemon running? `helmward check`",
                resource.plural, id.name, id.namespace
            )));
        }
        Err(error) => return Err(error.into()),
    };
    if status::is_ready(&object) {
        return Ok(object);
    }
    tell_events(session, id, console).await;
    let failure = Failure::new(Exit::Differs, format!("{id} is not ready{}", last_words(&object)));
    Err(failure.hint(format!("`helmward history {}/{} -n {}` shows what was tried", resource.plural, id.name, id.namespace)))
}

/// Waits until a request has been handled.
pub(super) async fn until_handled(session: &Session, awaited: &Awaited<'_>, token: &str, console: &Console) -> Result<Json, Failure> {
    until_settled(session, awaited, console, |object| text(object, "/status/lastHandledReconcileAt") == token).await
}

fn last_words(object: &Json) -> String {
    let said = status::ready(object);
    if said.message.is_empty() { String::new() } else { format!(": {}", status::short(said.message)) }
}

/// The last warnings about an object: what a person would look for next.
async fn tell_events(session: &Session, id: &ObjectId, console: &Console) {
    const LINES: usize = 3;
    let Ok(resource) = session.cluster.resource(&Gvk::new("v1", "Event")).await else { return };
    let fields = format!("involvedObject.kind={},involvedObject.name={},type=Warning", id.kind, id.name);
    let options = ListOptions { fields, ..ListOptions::labels(&id.namespace, "") };
    // without the right to read events, there is simply less to tell
    let Ok(mut events) = session.cluster.list(&resource, &options).await else { return };
    let when = |event: &Json| {
        ["/lastTimestamp", "/eventTime", "/metadata/creationTimestamp"]
            .iter()
            .map(|place| text(event, place).to_owned())
            .find(|t| !t.is_empty())
    };
    events.items.sort_by_key(when);
    for event in events.items.iter().rev().take(LINES).rev() {
        console.note(&format!("  {} {}", console.err.warn(text(event, "/reason")), status::short(text(event, "/message"))));
    }
}
