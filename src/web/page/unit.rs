//! The page of a release or a bundle: what it is, from the commit to its health, and its tabs.

use crate::health::HealthState;
use crate::release::UnitKind;
use crate::release::report::{EventLine, Pill, Report, SourceInfo};
use crate::web::data::Data;
use crate::web::view::{Fragment, Tab};
use crate::web::{mark, url, when};
use jiff::Timestamp;
use maud::{Markup, html};

/// The parts of the page.
pub(in crate::web) fn fragments(report: &Report, tab: Tab, data: &Data) -> Vec<Fragment> {
    let now = data.now;
    let body = match tab {
        Tab::Summary => summary(report, now),
        Tab::Drift => super::drift::tab(report, now),
        Tab::History => super::history::tab(report, now),
        Tab::Objects => super::objects::tab(report),
        Tab::Events => events(report, now),
    };
    vec![
        Fragment::Whole { id: "unit-head", html: head(report, now) },
        Fragment::Whole { id: "unit-tabs", html: tabs(report, tab) },
        Fragment::Whole { id: "unit-body", html: html! { div #unit-body { (body) } } },
    ]
}

fn head(report: &Report, now: Timestamp) -> Markup {
    let path = url::unit(&report.key);
    html! {
        header #unit-head class="unit-head" {
            div class="unit-title" {
                h1 { span class="dim" { (report.key.namespace) "/" } (report.key.name) }
                span class="chip" { (report.key.kind.as_str()) }
                (mark::status(report))
                span class="dim" { "for " (when::age(report.since, now)) }
            }
            (actions(report, &path))
            p class="sentence" { (report.message) }
            @if !report.unsupported.is_empty() {
                p class="notice s-drifted" { (mark::icon("drifted")) "Not honoured yet: " (report.unsupported.join(", ")) }
            }
        }
    }
}

/// What a person can do. Plain forms: they work without a script, and with `curl`.
fn actions(report: &Report, path: &str) -> Markup {
    html! {
        div class="actions" {
            form method="post" action={ (path) "/reconcile" } {
                input type="hidden" name="source" value="true";
                button #do-reconcile type="submit" title="Read the source and look again now" { (mark::icon("reconcile")) "Reconcile" }
            }
            @if report.suspended || super::history::pinned(report) {
                form method="post" action={ (path) "/resume" } {
                    button #do-resume type="submit" { (mark::icon("resume")) "Resume" }
                }
            }
            @if !report.suspended {
                a #do-suspend class="button" href={ (path) "/suspend" } { (mark::icon("suspended")) "Suspend…" }
            }
            @if super::history::targets(report).next().is_some() {
                a #do-rollback class="button" href={ (path) "/history" } { (mark::icon("rolledback")) "Roll back…" }
            }
        }
    }
}

fn tabs(report: &Report, current: Tab) -> Markup {
    let path = url::unit(&report.key);
    let count = |tab| match tab {
        Tab::Summary => 0,
        Tab::Drift => mark::drifted(report),
        Tab::History => report.history.len(),
        Tab::Objects => report.objects.len(),
        Tab::Events => report.events.len(),
    };
    html! {
        nav #unit-tabs class="tabs" aria-label="Parts of this page" {
            @for tab in Tab::ALL {
                @let address = if tab == Tab::Summary { path.clone() } else { format!("{path}/{}", tab.slug()) };
                a href=(address) aria-current=[(tab == current).then_some("page")] {
                    (tab.word())
                    @if count(tab) > 0 { " " span class={ "count" @if tab == Tab::Drift { " s-drifted" } } { (count(tab)) } }
                }
            }
        }
    }
}

fn summary(report: &Report, now: Timestamp) -> Markup {
    let unhealthy: Vec<_> =
        report.objects.iter().filter_map(|o| Some((o, o.health.as_ref()?))).filter(|(_, h)| h.state != HealthState::Current).collect();
    let drift: Vec<_> = report.drift.iter().filter(|d| d.counts()).collect();
    let path = url::unit(&report.key);
    html! {
        (chain(report, now))
        @if !unhealthy.is_empty() {
            section {
                h2 { "Not healthy " span class="count" { (unhealthy.len()) } }
                ul class="plain" {
                    @for (object, health) in unhealthy.iter().take(12) {
                        @let (like, word) = mark::health(health.state);
                        li { (mark::pill(like, word)) " " code { (object.id.kind) "/" (object.id.name) } " " (health.message) }
                    }
                }
            }
        }
        @if !drift.is_empty() {
            section {
                h2 { "Drift " span class="count s-drifted" { (drift.len()) } }
                ul class="plain" {
                    @for field in drift.iter().take(6) {
                        li {
                            code { (field.object.kind) "/" (field.object.name) " " (super::drift::breakable(super::drift::path_words(&field.path))) } " " (super::drift::arrow(field))
                            (super::drift::by(field))
                        }
                    }
                }
                p class="more" { a href={ (path) "/drift" } { "All fields, with what happens next" } }
            }
        }
        @if !report.held.is_empty() {
            section #held {
                h2 { "Held back on purpose " span class="count" { (report.held.len()) } }
                ul class="plain" {
                    @for held in &report.held {
                        li {
                            (crate::release::held::words(held))
                            @if !held.changes.is_empty() {
                                ul class="plain" { @for change in &held.changes { li { code { (change) } } } }
                            }
                        }
                    }
                }
            }
        }
        div class="columns" {
            section {
                h2 { "Lately" }
                @if report.events.is_empty() { p class="dim" { "Nothing happened since the daemon started." } }
                (event_list(report.events.iter().take(8), now))
                @if report.events.len() > 8 { p class="more" { a href={ (path) "/events" } { "All events" } } }
            }
            section {
                h2 { "Facts" }
                (facts(report, now))
            }
        }
    }
}

/// From the commit to its health.
fn chain(report: &Report, now: Timestamp) -> Markup {
    html! {
        ol class="chain" aria-label="From the commit to its health" {
            @if let Some(source) = &report.source {
                (link("commit", "Commit", false, commit(source, now)))
                (link("source", source.kind.as_str(), source.error.is_some(), origin(source, &report.path)))
            } @else {
                (link("source", "Source", true, html! { strong { "not found" } span { "the source that it names does not exist" } }))
            }
            @if let Some(chart) = &report.chart {
                (link("chart", "Chart", false, html! {
                    strong { (chart.name) " " (chart.version) }
                    @if !chart.app_version.is_empty() { span { "app " (chart.app_version) } }
                    @if let Some(attempted) = &report.attempted { span class="dim" { (attempted) " was tried" } }
                }))
            }
            (link("revision", "Revision", false, revision(report, now)))
            (health(report))
        }
    }
}

fn link(icon: &str, label: &str, bad: bool, body: Markup) -> Markup {
    html! {
        li class=[bad.then_some("s-failed")] {
            span class="chain-label" { (mark::icon(icon)) (label) }
            (body)
        }
    }
}

fn commit(source: &SourceInfo, now: Timestamp) -> Markup {
    let short = url::short_revision(&source.revision);
    html! {
        strong class="mono" {
            @match url::commit(&source.url, &source.revision) {
                Some(page) => a href=(page) rel="noreferrer" { (short) },
                None => (short),
            }
        }
        @if !source.subject.is_empty() { span class="clip" title=(source.subject) { (source.subject) } }
        @if !source.author.is_empty() {
            span class="dim" { (source.author) @if let Some(committed) = source.committed { ", " (when::ago(committed, now)) } }
        }
    }
}

fn origin(source: &SourceInfo, path: &str) -> Markup {
    html! {
        strong { a href="/sources" { (source.name) } }
        span class="clip" title=(source.url) {
            @match url::link(&source.url) { Some(page) => a href=(page) rel="noreferrer" { (page) }, None => (source.url) }
        }
        @if let Some(error) = &source.error { span { (error) } } @else if !path.is_empty() { span class="dim mono" { (path) } }
    }
}

fn revision(report: &Report, now: Timestamp) -> Markup {
    let deployed = report.history.iter().find(|r| r.number == report.revision);
    html! {
        @if report.revision == 0 { strong { "none yet" } span class="dim" { "nothing is deployed" } } @else {
            strong { a href={ (url::unit(&report.key)) "/history" } { "#" (report.revision) } }
            @if let Some(deployed) = deployed {
                span { (deployed.action.as_str()) @if let Some(ended) = deployed.ended { ", " (when::ago(ended, now)) } }
                @if let Some(ended) = deployed.ended { span class="dim" { "took " (when::took(deployed.started, ended)) } }
            }
        }
    }
}

fn health(report: &Report) -> Markup {
    let of =
        |bad: bool| report.objects.iter().filter(|o| o.health.as_ref().is_some_and(|h| (h.state != HealthState::Current) == bad)).count();
    let (good, bad) = (of(false), of(true));
    let worst = report.objects.iter().filter_map(|o| o.health.as_ref()).max_by_key(|h| h.state);
    let like = worst.map_or((Pill::Ready, "Healthy"), |h| mark::health(h.state));
    html! {
        li class={ "s-" (mark::slug(like.0)) } {
            span class="chain-label" { (mark::icon("health")) "Health" }
            @if report.objects.is_empty() { strong { "no objects" } } @else { strong { (mark::pill(like.0, like.1)) } }
            span { (good) " of " (good + bad) " healthy" }
            span class="dim" { a href={ (url::unit(&report.key)) "/objects" } { (report.objects.len()) " objects" } }
        }
    }
}

fn facts(report: &Report, now: Timestamp) -> Markup {
    let release = report.key.kind == UnitKind::Release;
    html! {
        dl class="facts" {
            @if release { dt { "Helm release" } dd { code { (report.target_namespace) "/" (report.release_name) } } }
            @else { dt { "Target namespace" } dd { code { (report.target_namespace) } } }
            dt { "Drift detection" } dd { (mode_words(&report.drift_mode)) }
            dt { "Next look" }
            dd { @match report.next_check { Some(next) => { (when::clock(next, now)) " UTC, or at the next event" }, None => "at the next event" } }
            @if !report.depends_on.is_empty() { dt { "Waits for" } dd { @for other in &report.depends_on { code { (other) } " " } } }
            dt { "As data" } dd { a href={ "/api/v1" (url::unit(&report.key)) } { "JSON" } }
        }
    }
}

/// What the drift mode means.
pub(in crate::web) fn mode_words(mode: &str) -> &str {
    match mode {
        "enabled" => "enabled: drift is set back",
        "warn" => "warn: drift is told in a condition and an event, and left",
        "disabled" | "" => "disabled: drift is shown here only, and left",
        other => other,
    }
}

fn events(report: &Report, now: Timestamp) -> Markup {
    html! {
        section {
            h2 { "Events" }
            @if report.events.is_empty() { p class="dim" { "Nothing happened since the daemon started." } }
            (event_list(report.events.iter(), now))
        }
        section {
            h2 { "Conditions" }
            div class="scroll" {
                table class="list conditions" {
                    caption class="hidden" { "Conditions of the custom resource" }
                    thead { tr { th scope="col" class="c-type" { "Type" } th scope="col" class="c-word" { "Status" } th scope="col" class="c-reason" { "Reason" } th scope="col" { "Message" } th scope="col" class="c-since" { "Since" } } }
                    tbody {
                        @for condition in &report.conditions {
                            tr {
                                td { (condition.kind) }
                                td { (condition.status.as_str()) }
                                td { (condition.reason) }
                                td class="wrap" { (condition.message) }
                                td class="c-since" { (when::age(condition.last_transition_time.timestamp(), now)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The icon and the colour of an event: not every warning is a failure.
fn event_look(event: &EventLine) -> &'static str {
    match event.reason.as_str() {
        _ if !event.warning => "ready",
        "RolledBack" | "RollbackSucceeded" => "rolledback",
        reason if reason.starts_with("Drift") => "drifted",
        _ => "failed",
    }
}

fn event_list<'a>(events: impl Iterator<Item = &'a EventLine>, now: Timestamp) -> Markup {
    html! {
        ol class="events" {
            @for event in events {
                @let look = event_look(event);
                li class={ "s-" (look) } {
                    (mark::icon(look))
                    div {
                        strong { (event.reason) } @if event.warning { span class="hidden" { " (warning)" } }
                        " " span class="dim" { (when::ago(event.time, now)) }
                        p { (event.message) }
                    }
                }
            }
        }
    }
}
