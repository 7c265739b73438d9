//! The verdict on a whole release, from its objects, the time and one's patience.

use super::cause::{CauseKind, Family, Finding, find};
use super::{Health, HealthState, check};
use crate::object::{Json, ObjectId};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// What is known about a whole release or bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// Every object is current.
    Healthy,
    /// Not yet; look again on the next event, at `until` at the latest.
    Waiting {
        /// What it is waiting for, the deepest cause first.
        on: Vec<Finding>,
        /// When the verdict becomes final if nothing changes.
        until: Timestamp,
    },
    /// Final: it will not become healthy.
    Failed {
        /// Why, the deepest cause first.
        because: Vec<Finding>,
        /// Whether time ran out, as opposed to a cause that is final by itself.
        timed_out: bool,
    },
}

/// How long one waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For everything, counted from the end of the last write.
    pub timeout: SignedDuration,
    /// For an image that cannot be pulled or a container that crashes, counted from the start of the pod.
    pub grace: SignedDuration,
}

/// Five minutes, and one for images and crashes.
impl Default for Patience {
    fn default() -> Self {
        Self { timeout: SignedDuration::from_mins(5), grace: SignedDuration::from_mins(1) }
    }
}

/// Judges a whole: `objects` are all that must be current (`None` where not in the cluster), `family` is what explains
/// them, `since` is when the last of them was written.
#[must_use]
pub fn judge(objects: &[(ObjectId, Option<&Json>)], family: &Family<'_>, since: Timestamp, now: Timestamp, patience: &Patience) -> Verdict {
    judge_by(|_, live| check(live), objects, family, since, now, patience)
}

/// Likewise, where something else than the rules of its kind says how an object is.
#[must_use]
pub fn judge_by(
    check: impl Fn(&ObjectId, Option<&Json>) -> Health,
    objects: &[(ObjectId, Option<&Json>)],
    family: &Family<'_>,
    since: Timestamp,
    now: Timestamp,
    patience: &Patience,
) -> Verdict {
    let unhealthy = objects.iter().filter_map(|(id, live)| {
        let health = check(id, *live);
        (health.state != HealthState::Current).then(|| find(id, *live, &health, family))
    });
    let mut findings: Vec<Finding> = unhealthy.collect();
    if findings.is_empty() {
        return Verdict::Healthy;
    }
    findings.sort_by(|a, b| (a.cause, &a.object, &a.sentence).cmp(&(b.cause, &b.object, &b.sentence)));
    let timeout = later(since, patience.timeout);
    let deadline = |finding: &Finding| match finding.cause {
        CauseKind::Terminal if !is_stale(&finding.health, since) => now,
        CauseKind::ImagePull | CauseKind::CrashLoop => {
            later(finding.since.map_or(since, |began| began.max(since)), patience.grace).min(timeout)
        }
        _ => timeout,
    };
    let until = findings.iter().map(deadline).min().unwrap_or(timeout);
    if now < until {
        return Verdict::Waiting { on: findings, until };
    }
    // What is final goes first; it is what the message of the release names.
    findings.sort_by_key(|finding| deadline(finding) > now);
    Verdict::Failed { because: findings, timed_out: until == timeout }
}

/// Whether a failure was there before the last write and may go by what was written: a deadline that was exceeded for
/// want of a Secret stays exceeded until the pods are ready. A Job that has failed has failed for good.
fn is_stale(health: &Health, since: Timestamp) -> bool {
    health.reason == "ProgressDeadlineExceeded" && health.since.is_some_and(|began| began < since)
}

fn later(time: Timestamp, by: SignedDuration) -> Timestamp {
    time.checked_add(by).unwrap_or(Timestamp::MAX)
}
