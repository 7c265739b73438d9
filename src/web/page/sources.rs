//! The sources: where everything comes from, and whether it can be read.

use crate::release::report::{Pill, SourceReport};
use crate::web::data::Data;
use crate::web::view::{Fragment, Row};
use crate::web::{mark, url, when};
use jiff::Timestamp;
use maud::html;

/// The parts of the page.
pub(in crate::web) fn fragments(data: &Data) -> Vec<Fragment> {
    let mut sources: Vec<&SourceReport> = data.sources.iter().map(AsRef::as_ref).collect();
    sources.sort_by_key(|s| (s.info.error.is_none(), &s.info.namespace, &s.info.name));
    vec![
        Fragment::Fixed(html! { h1 { "Sources" } }),
        Fragment::Whole {
            id: "sources-note",
            html: html! { div #sources-note { @if sources.is_empty() { p class="dim" { "The cluster holds no source." } } } },
        },
        Fragment::Table {
            id: "sources",
            class: "list sources",
            caption: "Sources with their revision".into(),
            head: html! {
                tr {
                    th scope="col" class="c-status" { "Status" }
                    th scope="col" class="c-name" { "Name" }
                    th scope="col" { "Address" }
                    th scope="col" { "Revision" }
                    th scope="col" class="c-since" { "Read" }
                    th scope="col" class="c-since" { "Units" }
                }
            },
            rows: sources.into_iter().map(|s| row(s, data.now)).collect(),
        },
    ]
}

fn row(source: &SourceReport, now: Timestamp) -> Row {
    let info = &source.info;
    let id = format!("sources/{}/{}/{}", info.kind, info.namespace, info.name);
    let status = match (source.suspended, &info.error, source.ready) {
        (true, ..) => mark::pill(Pill::Suspended, "Suspended"),
        (_, Some(_), _) => mark::pill(Pill::Failed, "Failed"),
        (_, None, true) => mark::pill(Pill::Ready, "Ready"),
        _ => mark::pill(Pill::Progressing, "Reading"),
    };
    let html = html! {
        tr id=(id) {
            td class="c-status" { (status) }
            td class="c-name wrap" { strong { span class="dim" { (info.namespace) "/" } (info.name) } br; span class="chip" { (info.kind) } }
            td class="wrap" {
                @match url::link(&info.url) { Some(page) => a href=(page) rel="noreferrer" { (page) }, None => span class="mono" { (info.url) } }
                @if let Some(error) = &info.error { p class="notice s-failed" { (mark::icon("failed")) (error) } }
            }
            td class="wrap" {
                span class="mono" { @match url::commit(&info.url, &info.revision) { Some(page) => a href=(page) rel="noreferrer" { (url::short_revision(&info.revision)) }, None => (url::short_revision(&info.revision)) } }
                @if !info.subject.is_empty() { br; (info.subject) }
                @if !info.author.is_empty() { " " span class="dim" { (info.author) @if let Some(at) = info.committed { ", " (when::ago(at, now)) } } }
            }
            td class="c-since" { @match source.checked { Some(at) => (when::age(at, now)), None => span class="dim" { "never" } } }
            td class="c-since" { a href=(url::list(&format!("source:{}/{}", info.namespace, info.name))) aria-label={ (source.units) " units of " (info.name) } { (source.units) } }
        }
    };
    Row { id, html }
}
