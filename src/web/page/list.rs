//! The list: HelmReleases and Kustomizations, filtered, in windows of 200 rows.

use crate::release::UnitKind;
use crate::release::report::Report;
use crate::web::data::Data;
use crate::web::filter::Filter;
use crate::web::view::{Fragment, Row, row_id};
use crate::web::{mark, url, when};
use jiff::Timestamp;
use maud::{Markup, html};
use std::sync::Arc;

/// Rows per page: more than this makes a browser slow, not a person wiser.
pub(in crate::web) const WINDOW: usize = 200;

/// What is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::web) struct Query {
    /// The filter.
    pub(in crate::web) q: String,
    /// The page, from 1.
    pub(in crate::web) page: usize,
    /// The order.
    pub(in crate::web) sort: Sort,
}

/// Orders of the list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::web) enum Sort {
    /// The worst first.
    #[default]
    Status,
    /// By namespace and name.
    Name,
    /// What changed last comes first.
    Since,
}

impl Sort {
    fn slug(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Name => "name",
            Self::Since => "since",
        }
    }
}

impl Query {
    /// Reads `q=…&page=…&sort=…`; what it does not know it passes over.
    pub(in crate::web) fn parse(query: &str) -> Self {
        let mut out = Self { page: 1, ..Self::default() };
        for (key, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            let value = url::decode(&value.replace('+', " "));
            match key {
                // A longer filter than anybody types only costs.
                "q" => out.q = value.trim().chars().take(500).collect(),
                "page" => out.page = value.parse().unwrap_or(1).max(1),
                "sort" => out.sort = [Sort::Name, Sort::Since].into_iter().find(|s| s.slug() == value).unwrap_or_default(),
                _ => {}
            }
        }
        out
    }

    fn address(&self, page: usize, sort: Sort) -> String {
        let mut parts = Vec::new();
        if !self.q.is_empty() {
            parts.push(format!("q={}", url::encode(&self.q)));
        }
        if sort != Sort::default() {
            parts.push(format!("sort={}", sort.slug()));
        }
        if page > 1 {
            parts.push(format!("page={page}"));
        }
        if parts.is_empty() { "/releases".into() } else { format!("/releases?{}", parts.join("&")) }
    }
}

/// The units that pass, in order.
pub(in crate::web) fn select<'a>(filter: &Filter, sort: Sort, data: &'a Data) -> Vec<&'a Arc<Report>> {
    let mut units: Vec<_> = data.by_status().into_iter().filter(|r| filter.matches(r)).collect();
    match sort {
        Sort::Status => {}
        Sort::Name => units.sort_by(|a, b| (&a.key.namespace, &a.key.name, a.key.kind).cmp(&(&b.key.namespace, &b.key.name, b.key.kind))),
        Sort::Since => units.sort_by_key(|r| std::cmp::Reverse(r.since)),
    }
    units
}

/// The parts of the page.
pub(in crate::web) fn fragments(query: &Query, data: &Data) -> Vec<Fragment> {
    let filter = Filter::parse(&query.q);
    let units = select(&filter, query.sort, data);
    let pages = units.len().div_ceil(WINDOW).max(1);
    let page = query.page.clamp(1, pages);
    let window = units.iter().skip((page - 1) * WINDOW).take(WINDOW);
    vec![
        Fragment::Fixed(form(query)),
        Fragment::Whole { id: "found", html: found(query, &filter, units.len(), data) },
        Fragment::Table {
            id: "units",
            class: "list units",
            caption: "Releases and Kustomizations with their status".into(),
            head: head(query),
            rows: window.map(|r| row(r, data.now)).collect(),
        },
        Fragment::Whole { id: "pages", html: pager(query, page, pages, units.len()) },
    ]
}

fn form(query: &Query) -> Markup {
    html! {
        div class="page-head" {
            h1 { "Releases" }
            form class="filter" action="/releases" role="search" {
                label class="hidden" for="q" { "Filter releases" }
                (mark::icon("search"))
                input #q name="q" type="search" value=(query.q) placeholder="status:drifted ns:team-a -kind:Job text" autocomplete="off" spellcheck="false" data-filter;
                @if query.sort != Sort::default() { input type="hidden" name="sort" value=(query.sort.slug()); }
                button type="submit" { "Filter" }
                a class="dim" href="/help#filter" { "Grammar" }
            }
        }
    }
}

fn found(query: &Query, filter: &Filter, matched: usize, data: &Data) -> Markup {
    html! {
        div #found {
            p class="dim" role="status" {
                @if query.q.is_empty() { (matched) " units" } @else { (matched) " of " (data.units.len()) " units match" }
            }
            @for problem in &filter.problems { p class="notice s-drifted" { (mark::icon("drifted")) (problem) } }
            @if matched == 0 {
                div class="calm" {
                    (mark::icon("search"))
                    @if data.units.is_empty() {
                        p { strong { "Nothing is deployed yet." } }
                        p { "As soon as the cluster holds a HelmRelease or a Kustomization, it is listed here." }
                    } @else {
                        p { strong { "Nothing matches." } }
                        p { a href="/releases" { "Show all " (data.units.len()) } }
                    }
                }
            }
        }
    }
}

fn head(query: &Query) -> Markup {
    let column = |class: &str, word: &str, sort: Option<Sort>| {
        let current = sort == Some(query.sort);
        html! {
            th scope="col" class=(class) aria-sort=[current.then_some("ascending")] {
                @match sort {
                    Some(sort) => a href=(query.address(1, sort)) { (word) @if current { span aria-hidden="true" { " ↓" } } },
                    None => (word),
                }
            }
        }
    };
    html! {
        tr {
            (column("c-status", "Status", Some(Sort::Status)))
            (column("c-name", "Name", Some(Sort::Name)))
            (column("c-version", "Version", None))
            (column("c-revision", "Git", None))
            (column("c-message", "What is, and what comes next", None))
            (column("c-since", "Since", Some(Sort::Since)))
        }
    }
}

/// One unit in the list.
fn row(report: &Report, now: Timestamp) -> Row {
    let id = row_id("units", &report.key);
    let html = html! {
        tr id=(id) {
            td class="c-status" { (mark::status(report)) }
            td class="c-name" {
                a href=(url::unit(&report.key)) { span class="dim" { (report.key.namespace) "/" } (report.key.name) }
                @if report.key.kind == UnitKind::Bundle { " " span class="chip" title="Kustomization" { "ks" } }
            }
            td class="c-version" {
                @if let Some(chart) = &report.chart {
                    (chart.version)
                    @if let Some(attempted) = &report.attempted { " " span class="dim" { "→ " (attempted) } }
                }
            }
            td class="c-revision" { @if let Some(source) = &report.source { (url::short_revision(&source.revision)) } }
            td class="c-message" { (first(&report.message)) }
            td class="c-since" { (when::age(report.since, now)) }
        }
    };
    Row { id, html }
}

/// The start of a message: the list is for finding, the whole of it is on the unit's page.
fn first(message: &str) -> String {
    const LONGEST: usize = 160;
    let line = message.lines().next().unwrap_or_default();
    if line.chars().count() > LONGEST { line.chars().take(LONGEST).chain(['…']).collect() } else { line.to_owned() }
}

fn pager(query: &Query, page: usize, pages: usize, matched: usize) -> Markup {
    html! {
        nav #pages class="pager" aria-label="Pages" {
            @if pages > 1 {
                @if page > 1 { a rel="prev" href=(query.address(page - 1, query.sort)) { "← Previous" } }
                span class="dim" { ((page - 1) * WINDOW + 1) "–" ((page * WINDOW).min(matched)) " of " (matched) }
                @if page < pages { a rel="next" href=(query.address(page + 1, query.sort)) { "Next →" } }
            }
        }
    }
}
