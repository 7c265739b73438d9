//! What adds kinds to the API: CustomResourceDefinitions and APIServices.

use super::Health;
use super::condition::condition;
use crate::object::Json;

pub(super) fn check_crd(live: &Json) -> Health {
    if let Some(names) = condition(live, "NamesAccepted").filter(|names| names.status == "False") {
        return Health::failed(names.reason_or("NamesNotAccepted"), names.says()).since(names.since);
    }
    match condition(live, "Established") {
        Some(established) if established.is_true() => Health::current("established"),
        // `Installing` is what a new definition goes through.
        Some(established) => Health::in_progress(established.reason_or("NotEstablished"), established.says()),
        None => Health::in_progress("NotEstablished", "not established yet"),
    }
}

pub(super) fn check_api_service(live: &Json) -> Health {
    match condition(live, "Available") {
        Some(available) if available.is_true() => Health::current("available"),
        Some(available) => Health::in_progress(available.reason_or("NotAvailable"), available.says()).since(available.since),
        None => Health::in_progress("NotAvailable", "not available yet"),
    }
}
