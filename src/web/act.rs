//! Actions: what a person asks for is checked here, handed to the controllers, and their answer is shown as it is.

use super::State;
use super::problem::Problem;
use crate::controller::views::Request;
use crate::release::UnitKey;
use axum::http::StatusCode;
use serde::Deserialize;
use std::time::Duration;
use tokio::sync::oneshot;

/// How long the controllers may take for an answer; they only write one object.
const PATIENCE: Duration = Duration::from_secs(20);

/// The longest reason for a suspension.
const LONGEST_REASON: usize = 500;

/// The four actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    /// Look again now.
    Reconcile,
    /// Suspend.
    Suspend,
    /// Resume.
    Resume,
    /// Roll back.
    Rollback,
}

impl Verb {
    /// Of the last segment of a path.
    pub(super) fn of(word: &str) -> Option<Self> {
        Some(match word {
            "reconcile" => Self::Reconcile,
            "suspend" => Self::Suspend,
            "resume" => Self::Resume,
            "rollback" => Self::Rollback,
            _ => return None,
        })
    }
}

/// What may be said with an action, in a form or as JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Wish {
    /// Why.
    pub(super) reason: String,
    /// Whether the source is read first.
    pub(super) source: bool,
    /// The revision.
    pub(super) to: Option<u32>,
}

/// Checks, asks, and waits for the answer.
pub(super) async fn act(state: &State, key: UnitKey, verb: Verb, wish: Wish) -> Result<String, Problem> {
    let report = state.views.unit(&key).ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, format!("there is no {key}")))?;
    let request = match verb {
        Verb::Reconcile => Request::Reconcile { key, source: wish.source },
        Verb::Resume => Request::Resume { key },
        Verb::Suspend => {
            let reason: String = wish.reason.split_whitespace().collect::<Vec<_>>().join(" ");
            if reason.chars().count() > LONGEST_REASON || reason.chars().any(char::is_control) {
                let words = format!("the reason must be plain text of at most {LONGEST_REASON} characters");
                return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, words));
            }
            Request::Suspend { key, reason }
        }
        Verb::Rollback => {
            if let Some(to) = wish.to
                && !super::page::history::targets(&report).any(|r| r.number == to)
            {
                let good: Vec<String> = super::page::history::targets(&report).map(|r| r.number.to_string()).collect();
                let good = if good.is_empty() { "there is none to go back to".into() } else { format!("these can: {}", good.join(", ")) };
                let words = format!("{key} cannot go back to revision {to}; {good}");
                return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, words));
            }
            Request::Rollback { key, to: wish.to }
        }
    };
    ask(state, request).await
}

async fn ask(state: &State, request: Request) -> Result<String, Problem> {
    let gone = || Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the daemon is stopping; try again when it is back");
    let (answer, answered) = oneshot::channel();
    let asked = tokio::time::timeout(PATIENCE, async {
        state.requests.send((request, answer)).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())
    });
    match asked.await {
        Ok(Ok(Ok(words))) => Ok(words),
        Ok(Ok(Err(words))) => Err(Problem::new(StatusCode::CONFLICT, words)),
        Ok(Err(problem)) => Err(problem),
        Err(_) => Err(Problem::new(
            StatusCode::GATEWAY_TIMEOUT,
            format!("no answer within {} s; it may still happen: watch the page", PATIENCE.as_secs()),
        )),
    }
}
