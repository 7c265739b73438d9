//! The overview: how many of what, and then only what needs somebody, the worst first.

use crate::health::HealthState;
use crate::release::UnitKind;
use crate::release::report::{Pill, Report, SourceReport};
use crate::web::data::Data;
use crate::web::view::Fragment;
use crate::web::{mark, url, when};
use jiff::Timestamp;
use maud::{Markup, html};

/// How many units are named; the rest is one link away.
const MOST: usize = 60;

/// The parts of the page.
pub(in crate::web) fn fragments(data: &Data) -> Vec<Fragment> {
    vec![
        Fragment::Whole { id: "counts", html: counts(data) },
        Fragment::Whole { id: "attention", html: attention(data) },
        Fragment::Whole { id: "underway", html: underway(data) },
    ]
}

fn counts(data: &Data) -> Markup {
    html! {
        section #counts aria-labelledby="counts-title" {
            h1 #counts-title class="hidden" { "Overview" }
            ul class="tiles" {
                @for (pill, count) in data.counts() {
                    @let slug = mark::slug(pill);
                    li {
                        a class={ "tile s-" (slug) @if count == 0 { " none" } } href=(url::list(&format!("status:{slug}"))) {
                            span class="tile-word" { (mark::icon(slug)) (mark::word(pill)) }
                            strong { (count) }
                        }
                    }
                }
            }
        }
    }
}

fn attention(data: &Data) -> Markup {
    let wrong = |r: &&std::sync::Arc<Report>| matches!(r.pill, Pill::Failed | Pill::RolledBack | Pill::Drifted);
    let mut units: Vec<_> = data.units.iter().filter(wrong).collect();
    // The worst first; of those, what broke last: that is what somebody is looking for.
    units.sort_by(|a, b| (a.pill, std::cmp::Reverse(a.since), &a.key).cmp(&(b.pill, std::cmp::Reverse(b.since), &b.key)));
    let sources: Vec<_> = data.sources.iter().filter(|s| s.info.error.is_some() && !s.suspended).collect();
    html! {
        section #attention aria-labelledby="attention-title" {
            h2 #attention-title { "Needs attention" @if !units.is_empty() || !sources.is_empty() { " " span class="count" { (units.len() + sources.len()) } } }
            @if units.is_empty() && sources.is_empty() {
                (calm(data))
            } @else {
                ul class="cards" {
                    @for source in &sources { (broken(source)) }
                    @for report in units.iter().take(MOST) { (card(report, data.now)) }
                }
                @if units.len() > MOST {
                    p class="more" { a href=(url::list("status:failed,rolledback,drifted")) { "All " (units.len()) " that need attention" } }
                }
            }
        }
    }
}

fn calm(data: &Data) -> Markup {
    let ready = data.units.iter().filter(|r| r.pill == Pill::Ready).count();
    html! {
        div class="calm" {
            (mark::icon("ready"))
            @if data.units.is_empty() {
                p { strong { "Nothing is deployed yet." } }
                p { "As soon as the cluster holds a HelmRelease or a Kustomization, it is shown here." }
            } @else {
                p { strong { "Nothing needs you." } }
                p { (ready) " of " (data.units.len()) " are as Git says." }
            }
        }
    }
}

fn underway(data: &Data) -> Markup {
    let units: Vec<_> = data.units.iter().filter(|r| r.pill == Pill::Progressing).collect();
    html! {
        section #underway aria-labelledby="underway-title" {
            @if !units.is_empty() {
                h2 #underway-title { "Under way " span class="count" { (units.len()) } }
                ul class="cards" { @for report in units.iter().take(MOST / 3) { (card(report, data.now)) } }
                @if units.len() > MOST / 3 {
                    p class="more" { a href=(url::list("status:progressing")) { "All " (units.len()) " under way" } }
                }
            }
        }
    }
}

/// One unit with everything that is known about why, and the way to more.
fn card(report: &Report, now: Timestamp) -> Markup {
    let path = url::unit(&report.key);
    let bad = report.objects.iter().filter(|o| o.health.as_ref().is_some_and(|h| h.state > HealthState::InProgress));
    let drift: Vec<_> = report.drift.iter().filter(|d| d.counts()).collect();
    html! {
        li class={ "card s-" (mark::slug(report.pill)) } {
            div class="card-head" {
                (mark::status(report))
                a class="card-name" href=(path) { span class="dim" { (report.key.namespace) "/" } (report.key.name) }
                @if report.key.kind == UnitKind::Bundle { span class="chip" { "Kustomization" } }
                @if let Some(chart) = &report.chart { span class="dim mono" { (chart.name) " " (chart.version) } }
                nav class="card-links" aria-label={ "More on " (report.key.name) } {
                    @if !drift.is_empty() { a href={ (path) "/drift" } { "Drift" } }
                    @if report.pill != Pill::Drifted { a href={ (path) "/history" } { "History" } a href={ (path) "/objects" } { "Objects" } a href={ (path) "/events" } { "Events" } }
                }
                span class="card-age" { "for " (when::age(report.since, now)) }
            }
            p class="sentence" { (report.message) }
            @for object in bad.take(3) {
                @if let Some(health) = &object.health {
                    p class="cause" { code { (object.id.kind) "/" (object.id.name) } " " (health.message) }
                }
            }
            @for field in drift.iter().take(3) {
                p class="cause" {
                    code { (field.object.kind) "/" (field.object.name) " " (super::drift::breakable(super::drift::path_words(&field.path))) }
                    " " (super::drift::arrow(field))
                    (super::drift::by(field))
                }
            }
            @if drift.len() > 3 { p class="cause dim" { "and " (drift.len() - 3) " more fields" } }
        }
    }
}

fn broken(source: &SourceReport) -> Markup {
    html! {
        li class="card s-failed" {
            div class="card-head" {
                (mark::pill(Pill::Failed, "Source unreadable"))
                a class="card-name" href="/sources" { span class="dim" { (source.info.namespace) "/" } (source.info.name) }
                span class="chip" { (source.info.kind) }
                @if source.units > 0 { span class="dim" { (source.units) " units stay as they are" } }
            }
            @if let Some(error) = &source.info.error { p class="sentence" { (error) } }
        }
    }
}
