//! The drift of a unit, field by field: what is wanted, what is there, who did it, since when, and what happens next.

use super::unit::mode_words;
use crate::object::{Json, ObjectId, Shown};
use crate::plan::{Drift, DriftOp, DriftPolicy};
use crate::release::UnitKind;
use crate::release::report::{DriftEpisode, EpisodeEnd, Report};
use crate::web::copyable;
use crate::web::{mark, when};
use jiff::Timestamp;
use maud::{Markup, html};
use similar::{ChangeTag, TextDiff};
use std::collections::BTreeMap;

/// Fields shown; more are counted.
const MOST: usize = 300;
/// Lines of one text difference.
const MOST_LINES: usize = 200;
/// Characters of a value on the line itself.
const INLINE: usize = 90;

/// The tab.
pub(in crate::web) fn tab(report: &Report, now: Timestamp) -> Markup {
    let (counted, others): (Vec<&Drift>, Vec<&Drift>) = report.drift.iter().partition(|d| d.counts());
    html! {
        section {
            h2 class="hidden" { "Drift now" }
            p class="dim" {
                "Mode " (mode_words(&report.drift_mode)) "."
                @if let Some(next) = report.next_check { " Next look at " (when::clock(next, now)) " UTC." }
                @if let Some(first) = counted.iter().map(|d| d.first_seen).min() { " First seen at " (when::clock(first, now)) " UTC." }
            }
            @if counted.is_empty() {
                div class="calm" { (mark::icon("ready")) p { strong { "The cluster is as applied." } } p { "No field of ours was changed by anybody else." } }
            } @else {
                (fields(report, &counted, now))
            }
        }
        @if !others.is_empty() {
            section {
                details #drift-others {
                    summary { (others.len()) @if others.len() == 1 { " field" } @else { " fields" } " set by others and not in Git " span class="dim" { "(not drift): " (names(&others)) } }
                    (fields(report, &others, now))
                }
            }
        }
        (history(&report.drift_history, now))
    }
}

fn names(drift: &[&Drift]) -> String {
    let mut names: Vec<&str> = drift.iter().filter_map(|d| Some(d.owners.first().or(d.suspect.as_ref())?.manager.as_str())).collect();
    names.sort_unstable();
    names.dedup();
    let more = names.len().saturating_sub(4);
    names.truncate(4);
    if more > 0 { format!("{} and {more} more", names.join(", ")) } else { names.join(", ") }
}

fn fields(report: &Report, drift: &[&Drift], now: Timestamp) -> Markup {
    let mut by_object: BTreeMap<&ObjectId, Vec<&Drift>> = BTreeMap::new();
    for field in drift.iter().take(MOST) {
        by_object.entry(&field.object).or_default().push(field);
    }
    // What a person touched comes first: it is what somebody wants to know about.
    let mut by_object: Vec<_> = by_object.into_iter().collect();
    by_object.sort_by_key(|(object, fields)| {
        (fields.iter().filter_map(|d| Some(d.owners.first().or(d.suspect.as_ref())?.class)).min(), *object)
    });
    html! {
        @for (object, fields) in by_object {
            div class="scroll" {
                table class="list drift" {
                    caption { code { (object.kind) "/" (object.name) } @if !object.namespace.is_empty() { " " span class="dim" { (object.namespace) } } }
                    colgroup { col class="c-path"; col; col class="c-who"; col class="c-when"; }
                    thead { tr { th scope="col" class="c-path" { "Field" } th scope="col" { "In Git → in the cluster" } th scope="col" class="c-who" { "Changed by" } th scope="col" class="c-when" { "Since" } } }
                    tbody { @for field in fields { (rows(report, field, now)) } }
                }
            }
        }
        @if drift.len() > MOST { p class="more" { "and " (drift.len() - MOST) " more; all are in the " a href={ "/api/v1" (crate::web::url::unit(&report.key)) } { "JSON" } } }
    }
}

fn rows(report: &Report, field: &Drift, now: Timestamp) -> Markup {
    html! {
        tr class="field" {
            th scope="row" class="c-path mono" { (breakable(path_words(&field.path))) }
            td { (arrow(field)) }
            td class="c-who" { (who(field)) }
            td class="c-when" { (since(field, now)) }
        }
        tr class="field-more" {
            td colspan="4" {
                (text_diff(field))
                span class="next" { (mark::icon("arrow")) (next(report, field, now)) }
                (copies(report.key.kind, field))
            }
        }
    }
}

/// Who did it, in a sentence, and how sure that is.
pub(in crate::web) fn by(field: &Drift) -> Markup {
    html! {
        @if field.owners.is_empty() && field.suspect.is_none() { " by nobody knows whom" } @else { " by " (who(field)) }
    }
}

/// Who did it, and how sure that is.
fn who(field: &Drift) -> Markup {
    html! {
        @if let Some(owner) = field.owners.first() {
            (mark::owner(owner))
            @if field.owners.len() > 1 { span class="dim" { " and " (field.owners.len() - 1) " more" } }
        } @else if let Some(suspect) = &field.suspect {
            span class="dim" { "probably " } (mark::owner(suspect))
        } @else {
            span class="dim" { "nobody says" }
        }
    }
}

/// Both times: when we saw it, and when the manager last wrote anything, which is all that the API server knows.
fn since(field: &Drift, now: Timestamp) -> Markup {
    html! {
        "seen " (when::ago(field.first_seen, now))
        @if let Some((owner, time)) = field.owners.first().or(field.suspect.as_ref()).and_then(|o| Some((o, o.time?))) {
            br; span class="dim" title="The API server keeps one time per manager, not per field: this is the latest that it can have been" {
                (owner.manager) " last wrote " (when::clock(time, now))
            }
        }
    }
}

/// What happens next, in words.
fn next(report: &Report, field: &Drift, now: Timestamp) -> Markup {
    html! {
        @match &field.policy {
            DriftPolicy::Correct if report.suspended => "Suspended: nothing is set back until it is resumed.",
            DriftPolicy::Correct => {
                @match field.next {
                    Some(next) => { "Set back at " (when::clock(next, now)) " UTC." },
                    None => "Set back at the next look.",
                }
            }
            DriftPolicy::Warn => "Left as it is: the mode is warn. A condition and an event tell of it.",
            DriftPolicy::Show => "Left as it is: drift detection is off. It is shown here only.",
            DriftPolicy::Ignored(rule) => { "Ignored: " (rule) },
            DriftPolicy::NotOurs => "Left to its owner: Git has no opinion on it.",
        }
    }
}

fn copies(kind: UnitKind, field: &Drift) -> Markup {
    let patch = copyable::patch(field);
    let rule = copyable::rule(kind, field);
    html! {
        @if patch.is_some() || rule.is_some() {
            details id={ "copy/" (field.object) (field.pointer) } class="copy" {
                summary { "Copy as…" }
                @if let Some(patch) = patch { (copy("kubectl patch that sets it back", &patch)) }
                @if let Some(rule) = rule { (copy(&format!("ignore rule for the {} in Git", kind.as_str()), &rule)) }
            }
        }
    }
}

fn copy(label: &str, text: &str) -> Markup {
    html! {
        figure {
            figcaption { (label) button type="button" class="small script" data-copy aria-label={ "Copy the " (label) } { (mark::icon("copy")) "Copy" } }
            pre { code { (text) } }
        }
    }
}

/// `3 → 5`, short enough for a line.
pub(in crate::web) fn arrow(field: &Drift) -> Markup {
    html! {
        span class="change" {
            (value("in Git", "del", field.desired.as_ref(), field.op))
            span class="to" aria-hidden="true" { "→" }
            (value("in the cluster", "ins", field.live.as_ref(), field.op))
        }
    }
}

fn value(place: &str, class: &str, value: Option<&Shown>, op: DriftOp) -> Markup {
    html! {
        span class="hidden" { " " (place) ": " }
        @match value {
            None => span class="v none" { @if op == DriftOp::Removed { "gone" } @else { "not set" } },
            Some(Shown::Hidden(hidden)) => span class={ "v " (class) } title="A secret: only its size and a fingerprint are shown" { "secret " (hidden.bytes) " B #" (hidden.fingerprint) },
            Some(Shown::Plain(plain)) => {
                @let text = text_of(plain);
                @let lines = text.lines().count();
                @if text.is_empty() { span class={ "v " (class) } { "\"\"" } }
                @else if lines > 1 { span class={ "v " (class) } { (lines) " lines" } }
                @else if text.chars().count() > INLINE { code class={ "v " (class) } { (text.chars().take(INLINE).collect::<String>()) "…" } }
                @else { code class={ "v " (class) } { (text) } }
            }
        }
    }
}

/// Strings bare, small things as compact JSON, larger ones line by line so that a difference of lines means something.
fn text_of(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Array(_) | Json::Object(_) => {
            let compact = value.to_string();
            if compact.len() <= INLINE { compact } else { serde_json::to_string_pretty(value).unwrap_or(compact) }
        }
        other => other.to_string(),
    }
}

/// Long values line by line.
fn text_diff(field: &Drift) -> Markup {
    let text = |value: Option<&Shown>| match value {
        Some(Shown::Plain(plain)) => Some(text_of(plain)),
        Some(Shown::Hidden(_)) => None,
        None => Some(String::new()),
    };
    let (Some(from), Some(to)) = (text(field.desired.as_ref()), text(field.live.as_ref())) else { return html! {} };
    let long = |text: &str| text.lines().count() > 1 || text.chars().count() > INLINE;
    if !long(&from) && !long(&to) {
        return html! {};
    }
    // Megabytes of text would take longer to compare than anybody waits for a page.
    if from.len() + to.len() > 512 * 1024 {
        return html! { p class="dim" { "Too long to compare here: " (from.len()) " B and " (to.len()) " B; both are in the JSON." } };
    }
    let diff = TextDiff::from_lines(&from, &to);
    let mut left = MOST_LINES;
    html! {
        details id={ "text/" (field.object) (field.pointer) } class="text" open[from.lines().count() + to.lines().count() < 40] {
            summary { "Text difference" }
            pre class="diff" {
                @for (n, group) in diff.grouped_ops(3).iter().enumerate() {
                    @if n > 0 && left > 0 { span class="gap" { "⋯\n" } }
                    @for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
                        @if left > 0 {
                            ({ left -= 1; line(change.tag(), change.value()) })
                        }
                    }
                }
                @if left == 0 { span class="gap" { "⋯ more lines differ; the JSON has all\n" } }
            }
        }
    }
}

fn line(tag: ChangeTag, text: &str) -> Markup {
    let text = text.trim_end_matches(['\n', '\r']);
    html! {
        @match tag {
            ChangeTag::Delete => del { "- " (text) "\n" },
            ChangeTag::Insert => ins { "+ " (text) "\n" },
            ChangeTag::Equal => span { "  " (text) "\n" },
        }
    }
}

/// The path, where the whole object is meant in words.
pub(in crate::web) fn path_words(path: &str) -> &str {
    if path == "." { "(the whole object)" } else { path }
}

/// A long path may break before its dots and brackets, nowhere else.
pub(in crate::web) fn breakable(path: &str) -> Markup {
    let mut parts = Vec::new();
    let mut begun = 0;
    for (at, _) in path.char_indices().filter(|(at, c)| *at > 0 && matches!(c, '.' | '[')) {
        parts.push(&path[begun..at]);
        begun = at;
    }
    parts.push(&path[begun..]);
    html! {
        @for (n, part) in parts.iter().enumerate() {
            @if n > 0 { wbr; }
            (part)
        }
    }
}

fn history(episodes: &[DriftEpisode], now: Timestamp) -> Markup {
    html! {
        section {
            h2 { "Drift before now " @if !episodes.is_empty() { span class="count" { (episodes.len()) } } }
            @if episodes.is_empty() { p class="dim" { "None was seen." } } @else {
                div class="scroll" {
                    table class="list episodes" {
                        caption class="hidden" { "Differences that were seen and are no more, newest first" }
                        thead { tr { th scope="col" { "Field" } th scope="col" { "In Git → in the cluster" } th scope="col" class="c-who" { "Changed by" } th scope="col" class="c-when" { "Ended" } } }
                        tbody {
                            @for episode in episodes.iter().take(MOST) {
                                tr {
                                    td class="wrap" { code { (episode.drift.object.kind) "/" (episode.drift.object.name) } br; span class="mono" { (breakable(path_words(&episode.drift.path))) } }
                                    td { (arrow(&episode.drift)) }
                                    td class="c-who" { (who(&episode.drift)) }
                                    td class="c-when" {
                                        @match episode.end { EpisodeEnd::Corrected => "set back ", EpisodeEnd::Gone => "gone by itself " }
                                        (when::ago(episode.ended, now))
                                        br; span class="dim" { "after " (when::took(episode.drift.first_seen, episode.ended)) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
