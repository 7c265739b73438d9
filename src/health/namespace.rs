//! Namespaces.

use super::condition::text;
use super::{Health, HealthState};
use crate::object::Json;

pub(super) fn check(live: &Json) -> Health {
    match text(live, "/status/phase") {
        "Terminating" => Health::new(HealthState::Terminating, "Terminating", "being deleted"),
        // It can be written to as soon as it is there, whatever its status says by then.
        _ => Health::current("active"),
    }
}
