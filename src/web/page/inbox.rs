//! The drift of all units, by who made it: people first.

use super::drift::{arrow, breakable, path_words};
use crate::plan::Drift;
use crate::plan::ownership::Actor;
use crate::release::report::Report;
use crate::web::data::Data;
use crate::web::view::Fragment;
use crate::web::{mark, url, when};
use maud::{Markup, html};
use std::collections::{BTreeMap, BTreeSet};

/// Fields shown per manager, and managers; all are counted.
const MOST: usize = 40;
const MOST_MANAGERS: usize = 20;

type Group<'a> = Vec<(&'a Report, &'a Drift)>;

/// The parts of the page.
pub(in crate::web) fn fragments(data: &Data) -> Vec<Fragment> {
    vec![Fragment::Whole { id: "inbox", html: inbox(data) }]
}

fn inbox(data: &Data) -> Markup {
    let mut groups: BTreeMap<(Option<Actor>, &str), Group<'_>> = BTreeMap::new();
    for report in &data.units {
        for field in report.drift.iter().filter(|d| d.counts()) {
            let owner = field.owners.first().or(field.suspect.as_ref());
            let key = owner.map_or((None, ""), |o| (Some(o.class), o.manager.as_str()));
            groups.entry(key).or_default().push((report, field));
        }
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    // People first, then tools and controllers, nobody last; within a class the busiest first.
    groups.sort_by_key(|((class, name), fields)| (class.is_none(), *class, std::cmp::Reverse(fields.len()), *name));
    let fields: usize = groups.iter().map(|(_, g)| g.len()).sum();
    let units = unit_count(groups.iter().flat_map(|(_, g)| g));
    html! {
        section #inbox {
            h1 { "Drift" @if fields > 0 { " " span class="count s-drifted" { (fields) } } }
            @if fields == 0 {
                div class="calm" { (mark::icon("ready")) p { strong { "The cluster is as applied." } } p { "No field of ours differs in any of " (data.units.len()) " units." } }
            } @else {
                p class="dim" { (count(fields, "field differs", "fields differ")) " in " (count(units, "unit", "units")) ", by who wrote last." }
                @for ((class, manager), group) in groups.iter().take(MOST_MANAGERS) { (by(*class, manager, group, data)) }
                @if groups.len() > MOST_MANAGERS { p class="more" { "and " (groups.len() - MOST_MANAGERS) " more managers" } }
            }
        }
    }
}

fn unit_count<'a>(fields: impl Iterator<Item = &'a (&'a Report, &'a Drift)>) -> usize {
    fields.map(|(report, _)| &report.key).collect::<BTreeSet<_>>().len()
}

fn count(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

fn by(class: Option<Actor>, manager: &str, group: &Group<'_>, data: &Data) -> Markup {
    let units = unit_count(group.iter());
    let mut newest = group.clone();
    newest.sort_by_key(|(_, field)| std::cmp::Reverse(field.first_seen));
    html! {
        details id={ "by/" (manager) } class="actor" open {
            summary {
                @match class {
                    Some(class) => { strong class="who" { (manager) } " " (mark::actor(class)) },
                    None => strong { "nobody says who" },
                }
                span class="dim" { " changed " (count(group.len(), "field", "fields")) " in " (count(units, "unit", "units")) }
            }
            div class="scroll" {
                table class="list inbox" {
                    caption class="hidden" { "Fields changed by " (manager) }
                    thead { tr { th scope="col" class="c-unit" { "Unit" } th scope="col" { "Field" } th scope="col" { "In Git → in the cluster" } th scope="col" class="c-since" { "Seen" } } }
                    tbody {
                        @for (report, field) in newest.iter().take(MOST) {
                            tr {
                                td class="wrap" { a href={ (url::unit(&report.key)) "/drift" } { span class="dim" { (report.key.namespace) "/" } (report.key.name) } }
                                td class="wrap" { code { (field.object.kind) "/" (field.object.name) } br; span class="mono" { (breakable(path_words(&field.path))) } }
                                td class="wrap" { (arrow(field)) }
                                td class="c-since" { (when::age(field.first_seen, data.now)) }
                            }
                        }
                    }
                }
            }
            @if group.len() > MOST { p class="more" { a href=(url::list("has:drift")) { "and " (group.len() - MOST) " more; all units with drift" } } }
        }
    }
}
