//! Help: the words of the status, the grammar of the filter, the keys.

use crate::release::report::Pill;
use crate::web::filter::KEYS;
use crate::web::{mark, url};
use maud::{Markup, html};

const SHORTCUTS: &[(&str, &str)] = &[
    ("/", "to the search box"),
    ("?", "this help"),
    ("g o", "overview"),
    ("g r", "releases"),
    ("g d", "drift"),
    ("g s", "sources"),
    ("j k", "next and previous row"),
    ("Enter", "open the row"),
    ("Esc", "leave the search box, or close this help"),
];

/// The page.
pub(in crate::web) fn body() -> Markup {
    html! {
        h1 { "Help" }
        section #words {
            h2 { "Status" }
            dl class="facts" {
                @for pill in Pill::ALL { dt { a href=(url::list(&format!("status:{}", mark::slug(pill)))) { (mark::pill(pill, mark::word(pill))) } } dd { (meaning(pill)) } }
            }
        }
        section #filter {
            h2 { "Filter" }
            p { "All terms must hold. A key given twice, or with commas, asks for any of its values. " code { "-" } " turns a term round, " code { "*" } " stands for anything, quotes keep words together." }
            p { code { "status:drifted,failed ns:team-* -kind:Job \"not ready\"" } }
            dl class="facts" {
                @for (key, what) in KEYS { dt { code { (key) } } dd { (what) } }
                dt { "other words" } dd { "part of the name, namespace, message, chart, source, commit or author" }
            }
        }
        section #keys {
            h2 { "Keys" }
            dl class="facts" { @for (keys, what) in SHORTCUTS { dt { @for key in keys.split(' ') { kbd { (key) } " " } } dd { (what) } } }
        }
    }
}

fn meaning(pill: Pill) -> &'static str {
    match pill {
        Pill::Failed => "Something is wrong and does not go on by itself.",
        Pill::RolledBack => "The cluster runs an older revision than Git asks for, on purpose: the newer one failed.",
        Pill::Drifted => "Fields in the cluster differ from what was applied.",
        Pill::Progressing => "Something is under way.",
        Pill::Suspended => "A person asked that nothing be done.",
        Pill::Unknown => "Not looked at yet.",
        Pill::Ready => "All is as Git says.",
    }
}
