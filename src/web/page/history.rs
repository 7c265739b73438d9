//! Every revision, newest first, and the page that asks before a rollback.

use crate::api::condition::ConditionType;
use crate::release::report::{Pill, Report};
use crate::release::{Rejected, RevisionMeta, RevisionStatus, RunAction};
use crate::web::{mark, url, when};
use jiff::Timestamp;
use maud::{Markup, html};

/// Revisions shown.
const MOST: usize = 200;

/// Revisions that can be gone back to: they were good once, and are not what runs now.
pub(in crate::web) fn targets(report: &Report) -> impl Iterator<Item = &RevisionMeta> {
    let now = report.history.iter().find(|r| r.number == report.revision).map(|r| &r.attempt);
    report.history.iter().filter(move |r| {
        r.number != report.revision
            && matches!(r.status, RevisionStatus::Deployed | RevisionStatus::Superseded)
            // A rollback's revision is a copy of an earlier one; what runs already is no target.
            && now.is_none_or(|now| (&r.attempt.content, &r.attempt.config, &r.attempt.shape) != (&now.content, &now.config, &now.shape))
    })
}

/// Whether a person asked for the rollback: then nothing moves until it is resumed, while an automatic one waits for Git.
pub(in crate::web) fn pinned(report: &Report) -> bool {
    report.pill == Pill::RolledBack && !report.conditions.iter().any(|c| c.is(ConditionType::Quarantined))
}

/// The tab.
pub(in crate::web) fn tab(report: &Report, now: Timestamp) -> Markup {
    html! {
        section {
            h2 class="hidden" { "History" }
            @if report.history.is_empty() && report.rejected.is_empty() { p class="dim" { "There is no revision yet." } } @else {
                ol class="history" {
                    @for row in rows(report).into_iter().take(MOST) {
                        @match row {
                            Row::Revision(revision) => (entry(report, revision, now)),
                            Row::Rejected(rejected) => (rejection(rejected, now)),
                        }
                    }
                }
            }
        }
    }
}

/// What stands in the history.
enum Row<'a> {
    Revision(&'a RevisionMeta),
    Rejected(&'a Rejected),
}

/// Revisions and the attempts that never became one, newest first.
fn rows(report: &Report) -> Vec<Row<'_>> {
    let mut rows: Vec<(Timestamp, Row<'_>)> = report.history.iter().map(|r| (r.started, Row::Revision(r))).collect();
    rows.extend(report.rejected.iter().map(|r| (r.at, Row::Rejected(r))));
    rows.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    rows.into_iter().map(|(_, row)| row).collect()
}

/// An attempt that was refused before its first write.
fn rejection(rejected: &Rejected, now: Timestamp) -> Markup {
    let version = if rejected.chart_name.is_empty() { "" } else { rejected.attempt.version.as_str() };
    html! {
        li class={ "s-" (mark::slug(Pill::Failed)) } {
            div class="dot" { (mark::icon("failed")) }
            div class="entry" {
                div class="entry-head" {
                    strong class="mono" { "–" }
                    (mark::shaped(Pill::Failed, "failed", "rejected"))
                    strong { (action(rejected.action)) " " span class="mono" { (version) } }
                    span class="entry-when" { (when::clock(rejected.at, now)) " · " (when::ago(rejected.at, now)) }
                }
                p class="because" { strong { "Nothing was written: " } (rejected.message) }
                div class="entry-foot" {
                    p class="dim" {
                        (mark::icon("commit")) " " span class="mono" { (url::short_revision(&rejected.attempt.source_revision)) }
                        @if !rejected.commit.is_empty() { " " (rejected.commit) }
                    }
                }
            }
        }
    }
}

/// How a rollback came to be, told from its neighbours.
struct Story<'a> {
    /// The revision whose failure it answers.
    failed: Option<&'a RevisionMeta>,
    /// The revision whose content it restored.
    restored: Option<&'a RevisionMeta>,
}

fn story<'a>(report: &'a Report, revision: &RevisionMeta) -> Story<'a> {
    let older = || report.history.iter().filter(|r| r.number < revision.number);
    let same = |r: &&RevisionMeta| r.attempt == revision.attempt && r.action != RunAction::Rollback;
    Story { failed: older().next().filter(|r| r.status == RevisionStatus::Failed), restored: older().find(same) }
}

fn entry(report: &Report, revision: &RevisionMeta, now: Timestamp) -> Markup {
    let current = revision.number == report.revision;
    let rollback = revision.action == RunAction::Rollback;
    let story = rollback.then(|| story(report, revision));
    let (like, shape, word) = outcome(revision.status);
    let (like, shape) = if rollback && like == Pill::Ready { (Pill::RolledBack, "rolledback") } else { (like, shape) };
    html! {
        li #{ "revision-" (revision.number) } class={ "s-" (mark::slug(like)) } {
            div class="dot" { (mark::icon(shape)) }
            div class="entry" {
                div class="entry-head" {
                    strong class="mono" { "#" (revision.number) }
                    (mark::shaped(like, shape, word))
                    @if current { span class="chip" { "runs now" } }
                    strong {
                        @match &story {
                            Some(Story { failed: Some(_), restored }) => { "Automatic rollback" @if let Some(to) = restored { " to #" (to.number) } }
                            Some(Story { restored, .. }) => { "Rollback" @if let Some(to) = restored { " to #" (to.number) } }
                            None => (action(revision.action)),
                        }
                        " " span class="mono" { (version(revision)) }
                    }
                    span class="entry-when" {
                        (when::clock(revision.started, now)) " · " (when::ago(revision.started, now))
                        @if let Some(ended) = revision.ended { " · took " (when::took(revision.started, ended)) }
                    }
                }
                @if let Some(failed) = story.as_ref().and_then(|s| s.failed) {
                    p class="because" { strong { "Because " a href={ "#revision-" (failed.number) } { "#" (failed.number) } " failed: " } (failed.description) }
                }
                @if !revision.description.is_empty() { p { (revision.description) } }
                div class="entry-foot" {
                    p class="dim" {
                        (mark::icon("commit")) " " span class="mono" { (url::short_revision(&revision.attempt.source_revision)) }
                        @if !revision.commit.is_empty() { " " (revision.commit) }
                    }
                    @if targets(report).any(|r| r.number == revision.number) {
                        a class="button small" href={ (url::unit(&report.key)) "/rollback/" (revision.number) } aria-label={ "Roll back to revision " (revision.number) "…" } { "Roll back to this…" }
                    }
                }
            }
        }
    }
}

fn action(action: RunAction) -> &'static str {
    match action {
        RunAction::Install => "Install",
        RunAction::Upgrade => "Upgrade",
        RunAction::Rollback => "Rollback",
        RunAction::Uninstall => "Uninstall",
        RunAction::Test => "Test",
    }
}

/// Colour, shape and word. What was good once keeps its check mark, without the colour.
fn outcome(status: RevisionStatus) -> (Pill, &'static str, &'static str) {
    match status {
        RevisionStatus::Deployed => (Pill::Ready, "ready", "deployed"),
        RevisionStatus::Superseded => (Pill::Unknown, "ready", "superseded"),
        RevisionStatus::Failed => (Pill::Failed, "failed", "failed"),
        RevisionStatus::Uninstalled => (Pill::Unknown, "suspended", "uninstalled"),
        pending => (Pill::Progressing, "progressing", pending.as_str()),
    }
}

/// The chart version; for bundles the revision says it already.
fn version(revision: &RevisionMeta) -> String {
    if revision.chart_name.is_empty() { String::new() } else { revision.attempt.version.clone() }
}

/// The page that asks before a rollback.
pub(in crate::web) fn confirm(report: &Report, to: &RevisionMeta, now: Timestamp) -> Markup {
    let path = url::unit(&report.key);
    let current = report.history.iter().find(|r| r.number == report.revision);
    let side = |title: &str, revision: &RevisionMeta| {
        html! {
            section class="panel" {
                h2 { (title) " #" (revision.number) }
                dl class="facts" {
                    @if !revision.chart_name.is_empty() { dt { "Chart" } dd { (revision.chart_name) " " (revision.attempt.version) @if !revision.app_version.is_empty() { " (app " (revision.app_version) ")" } } }
                    dt { "Git" } dd { span class="mono" { (url::short_revision(&revision.attempt.source_revision)) } " " (revision.commit) }
                    dt { "Deployed" } dd { (when::clock(revision.started, now)) " UTC, " (when::ago(revision.started, now)) }
                    dt { "Said" } dd { (revision.description) }
                }
            }
        }
    };
    let values = current.is_some_and(|c| c.attempt.config != to.attempt.config);
    html! {
        nav class="crumbs" aria-label="Where this is" { a href=(path) { (report.key.namespace) "/" (report.key.name) } " / " a href={ (path) "/history" } { "History" } }
        h1 { "Roll back " (report.key.name) " to revision " (to.number) "?" }
        div class="columns" {
            @if let Some(current) = current { (side("From", current)) }
            (side("To", to))
        }
        ul class="plain" {
            li { "The objects of revision " (to.number) " are applied as they were then; objects that came later are removed." }
            @if values { li { "The values differ between the two." } }
            li { "Git keeps asking for something else. It stays at revision " (to.number) " until you resume it." }
        }
        form method="post" action={ (path) "/rollback" } class="actions" {
            input type="hidden" name="to" value=(to.number);
            button type="submit" class="primary" { (mark::icon("rolledback")) "Roll back to revision " (to.number) }
            a class="button" href={ (path) "/history" } { "Cancel" }
        }
    }
}

/// The page that asks why before it suspends.
pub(in crate::web) fn suspend(report: &Report) -> Markup {
    let path = url::unit(&report.key);
    html! {
        nav class="crumbs" aria-label="Where this is" { a href=(path) { (report.key.namespace) "/" (report.key.name) } }
        h1 { "Suspend " (report.key.name) "?" }
        p { "Nothing is deployed and no drift is set back until it is resumed. Drift is still shown." }
        form method="post" action={ (path) "/suspend" } class="stacked" {
            label for="reason" { "Why? Others see it on this page and in the object." }
            input #reason name="reason" type="text" maxlength="200" placeholder="debugging the checkout timeouts, back tomorrow" autocomplete="off";
            div class="actions" {
                button type="submit" class="primary" { (mark::icon("suspended")) "Suspend" }
                a class="button" href=(path) { "Cancel" }
            }
        }
    }
}
