//! Uninstalling, as one thing that a pass goes on with until nothing is left: for a removal, and for a release that moves.

use super::pass::Ending;
use super::{Prepared, Unit, run};
use crate::api::Reason;
use crate::controller::context::Context;
use crate::release::record::backoff;
use crate::release::{Outcome, RunAction, UnitKey};
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;

/// Begins where that was not done, and goes on. `None` once all is gone; until then what to show (`doing` says what for), and when to go on.
pub(super) async fn uninstall(ctx: &Arc<Context>, key: &UnitKey, unit: &mut Unit, prepared: &Prepared, doing: &str) -> Option<Ending> {
    if !is_under_way(unit)
        && let Err(failure) = run::begin_uninstall(ctx, key, unit, prepared).await
    {
        return retry(failure.message, SignedDuration::from_secs(5));
    }
    match run::advance(ctx, key, unit, prepared).await {
        run::Progress::Ended(Ok(())) => match run::end(ctx, key, unit, prepared, Ok(())).await {
            Ok(()) => None,
            Err(failure) => retry(failure.message, SignedDuration::from_secs(1)),
        },
        run::Progress::Ended(Err(failure)) => {
            // Nothing is ever dropped because its removal failed: it is tried again, and the reason is shown.
            if let Some(run) = unit.record_mut().run.as_mut() {
                run.stumbles += 1;
                run.waiting_since = None;
            }
            retry(failure.message, SignedDuration::from_secs(30))
        }
        run::Progress::Waiting { until, what } => {
            let after = until.duration_since(Timestamp::now()).max(SignedDuration::from_millis(50));
            Some(Ending::new(Outcome::Running(format!("{doing}: {what}"))).again(after))
        }
        run::Progress::Stumbled(failure) => {
            let stumbles = unit.record().run.as_ref().map_or(1, |r| r.stumbles);
            retry(failure.message, backoff(stumbles))
        }
    }
}

/// Whether it was begun.
pub(super) fn is_under_way(unit: &Unit) -> bool {
    unit.record().run.as_ref().is_some_and(|r| r.action == RunAction::Uninstall)
}

fn retry(why: String, after: SignedDuration) -> Option<Ending> {
    Some(Ending::new(Outcome::Retrying(Reason::UninstallFailed, why)).again(after))
}
