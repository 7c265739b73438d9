//! PersistentVolumeClaims and PersistentVolumes.

use super::Health;
use super::condition::text;
use crate::object::Json;

pub(super) fn check_claim(live: &Json) -> Health {
    match text(live, "/status/phase") {
        "Bound" => Health::current("bound"),
        // No verdict: the volume controller says this of a new claim too, until its own view of the volume has caught up.
        "Lost" => Health::in_progress("Lost", "the volume that it is bound to is not there"),
        "" => Health::in_progress("NotBound", "not bound yet"),
        phase => Health::in_progress("NotBound", format!("not bound yet, phase {phase}")),
    }
}

pub(super) fn check_volume(live: &Json) -> Health {
    match text(live, "/status/phase") {
        "Failed" => Health::failed("VolumeFailed", text(live, "/status/message")),
        _ => Health::current("it is there"),
    }
}
