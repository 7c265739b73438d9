//! Marks: status, health and actors by shape, word and colour; the same everywhere.

use crate::health::HealthState;
use crate::plan::ownership::{Actor, Owner};
use crate::release::report::{Pill, Report};
use maud::{Markup, html};

/// The class and the shape of a status.
pub(super) fn slug(pill: Pill) -> &'static str {
    match pill {
        Pill::Failed => "failed",
        Pill::RolledBack => "rolledback",
        Pill::Drifted => "drifted",
        Pill::Progressing => "progressing",
        Pill::Suspended => "suspended",
        Pill::Unknown => "unknown",
        Pill::Ready => "ready",
    }
}

/// The status in words.
pub(super) fn word(pill: Pill) -> &'static str {
    match pill {
        Pill::RolledBack => "Rolled back",
        other => other.as_str(),
    }
}

/// Status of a unit, with its drift: `! Drifted 3`, and a chip of its own where it is something else as well.
pub(super) fn status(report: &Report) -> Markup {
    let drift = drifted(report);
    html! {
        span class={ "pill s-" (slug(report.pill)) } {
            (icon(slug(report.pill))) (word(report.pill))
            @if report.pill == Pill::Drifted && drift > 0 { " " b { (drift) } }
        }
        @if report.pill != Pill::Drifted && drift > 0 {
            " " span class="pill s-drifted" { (icon("drifted")) (drift) " drifted" }
        }
    }
}

/// Number of fields that count as drift.
pub(super) fn drifted(report: &Report) -> usize {
    report.drift.iter().filter(|d| d.counts()).count()
}

/// A mark with any words, in the colours of a status.
pub(super) fn pill(like: Pill, words: &str) -> Markup {
    html! { span class={ "pill s-" (slug(like)) } { (icon(slug(like))) (words) } }
}

/// A mark with another shape than that of the status whose colours it has.
pub(super) fn shaped(like: Pill, shape: &str, words: &str) -> Markup {
    html! { span class={ "pill s-" (slug(like)) } { (icon(shape)) (words) } }
}

/// The status that a health looks like, and its word.
pub(super) fn health(state: HealthState) -> (Pill, &'static str) {
    match state {
        HealthState::Current => (Pill::Ready, "Healthy"),
        HealthState::InProgress => (Pill::Progressing, "In progress"),
        HealthState::Terminating => (Pill::Progressing, "Terminating"),
        HealthState::NotFound => (Pill::Failed, "Missing"),
        HealthState::Unknown => (Pill::Unknown, "Unknown"),
        HealthState::Failed => (Pill::Failed, "Failed"),
    }
}

/// `kubectl-edit person`.
pub(super) fn owner(owner: &Owner) -> Markup {
    html! {
        span class="who" { (owner.manager) }
        @if !owner.subresource.is_empty() { span class="dim" { "/" (owner.subresource) } }
        " " (actor(owner.class))
    }
}

/// The class of an actor as a chip.
pub(super) fn actor(class: Actor) -> Markup {
    let slug = match class {
        Actor::Person => "person",
        Actor::Tool => "tool",
        Actor::Controller => "controller",
        Actor::Us => "us",
    };
    html! { span class={ "chip a-" (slug) } { (icon(slug)) (class) } }
}

/// An icon out of [`sprite`]; the word beside it says what it means.
pub(super) fn icon(name: &str) -> Markup {
    html! { svg class="i" aria-hidden="true" { use href={ "#i-" (name) }; } }
}

/// Every icon once per page: 16 by 16, drawn in the colour of the text.
pub(super) fn sprite() -> Markup {
    const RING: &str = "M8 1.75a6.25 6.25 0 1 0 0 12.5a6.25 6.25 0 0 0 0-12.5z";
    const ICONS: &[(&str, &str)] = &[
        ("failed", "M8 1.75a6.25 6.25 0 1 0 0 12.5a6.25 6.25 0 0 0 0-12.5zM5.75 5.75l4.5 4.5M10.25 5.75l-4.5 4.5"),
        ("rolledback", "M3.25 6h6a3.5 3.5 0 0 1 0 7H6M6 3.25L3.25 6L6 8.75"),
        ("drifted", "M8 2L14.5 13.5h-13zM8 6.5v3.25M8 11.6v.15"),
        ("progressing", "M8 1.75a6.25 6.25 0 1 1-6.25 6.25M8 4.75V8l2.25 1.5"),
        ("suspended", "M5.5 3.5v9M10.5 3.5v9"),
        ("unknown", "M8 1.75a6.25 6.25 0 1 0 0 12.5a6.25 6.25 0 0 0 0-12.5zM6.3 6.4a1.75 1.75 0 1 1 2.5 1.6c-.5.25-.8.6-.8 1.1M8 11.2v.15"),
        ("ready", "M8 1.75a6.25 6.25 0 1 0 0 12.5a6.25 6.25 0 0 0 0-12.5zM5.25 8.2l1.9 1.9l3.6-4"),
        ("person", "M8 2.5a2.5 2.5 0 1 0 0 5a2.5 2.5 0 0 0 0-5zM3 13.5c.4-2.6 2.4-4 5-4s4.6 1.4 5 4"),
        ("tool", "M10.2 2.2a3.4 3.4 0 0 0-3.9 4.6L2 11.2L4.8 14l4.4-4.3a3.4 3.4 0 0 0 4.6-3.9l-2 2l-2.4-.6l-.6-2.4z"),
        ("controller", "M4 4h8v8H4zM6.5 1.5V4M9.5 1.5V4M6.5 12v2.5M9.5 12v2.5M1.5 6.5H4M1.5 9.5H4M12 6.5h2.5M12 9.5h2.5"),
        ("us", "M8 2v12M3.5 4.5l9 7M12.5 4.5l-9 7M8 5.25a2.75 2.75 0 1 0 0 5.5a2.75 2.75 0 0 0 0-5.5z"),
        ("commit", "M8 5.25a2.75 2.75 0 1 0 0 5.5a2.75 2.75 0 0 0 0-5.5zM1 8h4.25M10.75 8H15"),
        ("source", "M3 3.5C3 2.4 13 2.4 13 3.5v9c0 1.1-10 1.1-10 0zM3 3.5c0 1.1 10 1.1 10 0M3 8c0 1.1 10 1.1 10 0"),
        ("chart", "M8 1.75l5.5 3v6.5L8 14.25l-5.5-3v-6.5zM2.5 4.75L8 7.75l5.5-3M8 7.75v6.5"),
        ("revision", "M2.5 4.5h11M2.5 8h11M2.5 11.5h6.5"),
        ("health", "M1.5 8.5h3L6.25 4l3.5 8l1.75-3.5h3"),
        ("search", "M7 2.5a4.5 4.5 0 1 0 0 9a4.5 4.5 0 0 0 0-9zM10.3 10.3L14 14"),
        ("reconcile", "M13.5 8a5.5 5.5 0 1 1-1.6-3.9M13.5 2v3h-3"),
        ("resume", "M4.5 3l8 5l-8 5z"),
        ("copy", "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3"),
        ("event", RING),
        ("arrow", "M2.5 8h10.5M9 4l4 4l-4 4"),
    ];
    html! {
        svg class="sprite" width="0" height="0" aria-hidden="true" focusable="false" {
            @for (name, path) in ICONS {
                symbol id={ "i-" (name) } viewBox="0 0 16 16" { path d=(path) fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round"; }
            }
        }
    }
}
