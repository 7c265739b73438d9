//! Which page is meant, and what it is made of. The page and the stream are rendered from the same fragments.

use super::data::Data;
use super::page::{inbox, list, overview, sources, unit};
use super::url;
use crate::controller::views::Changed;
use crate::release::{UnitKey, UnitKind};
use maud::{Markup, PreEscaped, Render, html};

/// A page that is kept current by the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum View {
    /// `/`
    Overview,
    /// `/releases?q=`
    List(list::Query),
    /// `/releases/{ns}/{name}/{tab}` and the same below `/kustomizations`.
    Unit(UnitKey, Tab),
    /// `/drift`
    Inbox,
    /// `/sources`
    Sources,
}

/// The tabs of a unit's page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tab {
    /// No further segment.
    Summary,
    /// `/drift`
    Drift,
    /// `/history`
    History,
    /// `/objects`
    Objects,
    /// `/events`
    Events,
}

impl Tab {
    /// All, in their order on the page.
    pub(super) const ALL: [Self; 5] = [Self::Summary, Self::Drift, Self::History, Self::Objects, Self::Events];

    /// The last segment of the path.
    pub(super) fn slug(self) -> &'static str {
        match self {
            Self::Summary => "",
            Self::Drift => "drift",
            Self::History => "history",
            Self::Objects => "objects",
            Self::Events => "events",
        }
    }

    /// The word on the tab.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Summary => "Summary",
            Self::Drift => "Drift",
            Self::History => "History",
            Self::Objects => "Objects",
            Self::Events => "Events",
        }
    }

    /// The tab of a path's last segment.
    pub(super) fn of(slug: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tab| tab.slug() == slug)
    }
}

impl View {
    /// Reads a path with its query, as the script reports where it is.
    pub(super) fn parse(address: &str) -> Option<Self> {
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        let parts: Vec<String> = path.trim_matches('/').split('/').map(url::decode).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        Some(match parts.as_slice() {
            [""] => Self::Overview,
            ["releases"] => Self::List(list::Query::parse(query)),
            ["drift"] => Self::Inbox,
            ["sources"] => Self::Sources,
            [plural, namespace, name, tab @ ..] => {
                let kind = [UnitKind::Release, UnitKind::Bundle].into_iter().find(|kind| url::plural(*kind) == *plural)?;
                let tab = match tab {
                    [] => Tab::Summary,
                    [slug] => Tab::of(slug)?,
                    _ => return None,
                };
                Self::Unit(UnitKey { kind, namespace: (*namespace).to_owned(), name: (*name).to_owned() }, tab)
            }
            _ => return None,
        })
    }

    /// The fragments; `None` where there is no such unit.
    pub(super) fn fragments(&self, data: &Data) -> Option<Vec<Fragment>> {
        Some(match self {
            Self::Overview => overview::fragments(data),
            Self::List(query) => list::fragments(query, data),
            Self::Unit(key, tab) => unit::fragments(data.unit(key)?, *tab, data),
            Self::Inbox => inbox::fragments(data),
            Self::Sources => sources::fragments(data),
        })
    }

    /// The name of the page in the browser's list of tabs.
    pub(super) fn title(&self) -> String {
        match self {
            Self::Overview => "Overview".into(),
            Self::List(query) if query.q.is_empty() => "Releases".into(),
            Self::List(query) => format!("{} · Releases", query.q),
            Self::Unit(key, Tab::Summary) => format!("{}/{}", key.namespace, key.name),
            Self::Unit(key, tab) => format!("{} · {}/{}", tab.word(), key.namespace, key.name),
            Self::Inbox => "Drift".into(),
            Self::Sources => "Sources".into(),
        }
    }

    /// Whether the page may look different after this change. The daemon's notice is on every page.
    pub(super) fn concerns(&self, changed: &Changed) -> bool {
        match (self, changed) {
            (_, Changed::Daemon) => true,
            (Self::Unit(key, _), Changed::Unit(changed)) => changed == key,
            (Self::Unit(..), _) => false,
            (Self::Overview, _) => true,
            (Self::Sources, changed) => matches!(changed, Changed::Source),
            (Self::List(_) | Self::Inbox, changed) => matches!(changed, Changed::Unit(_)),
        }
    }
}

/// A part of a page. What has an id is replaced by the stream when it changes.
#[derive(Debug, Clone)]
pub(super) enum Fragment {
    /// Never changes while the page is open (it may hold what a person is typing).
    Fixed(Markup),
    /// One element with this id.
    Whole {
        /// Its id.
        id: &'static str,
        /// The element.
        html: Markup,
    },
    /// A table whose rows are replaced one by one.
    Table {
        /// Id of the table's body.
        id: &'static str,
        /// Class of the table.
        class: &'static str,
        /// What it shows, for those who do not see it.
        caption: String,
        /// The row of headings.
        head: Markup,
        /// Rows.
        rows: Vec<Row>,
    },
}

/// One row of a table.
#[derive(Debug, Clone)]
pub(super) struct Row {
    /// Its id.
    pub(super) id: String,
    /// The element, with that id.
    pub(super) html: Markup,
}

impl Render for Fragment {
    fn render(&self) -> Markup {
        match self {
            Self::Fixed(html) | Self::Whole { html, .. } => PreEscaped(html.0.clone()),
            Self::Table { id, class, caption, head, rows } => html! {
                div class="scroll" {
                    table class=(class) {
                        caption class="hidden" { (caption) }
                        thead { (head) }
                        tbody id=(id) { @for row in rows { (row.html) } }
                    }
                }
            },
        }
    }
}

/// Id of a unit's row. A slash is no part of a name, so that no two units share one.
pub(super) fn row_id(table: &str, key: &UnitKey) -> String {
    format!("{table}/{}/{}/{}", url::plural(key.kind), key.namespace, key.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_name_views() {
        let unit = |kind, tab| Some(View::Unit(UnitKey { kind, namespace: "a".into(), name: "b".into() }, tab));
        for (address, want) in [
            ("/", Some(View::Overview)),
            ("/drift", Some(View::Inbox)),
            ("/sources", Some(View::Sources)),
            ("/releases/a/b", unit(UnitKind::Release, Tab::Summary)),
            ("/kustomizations/a/b/drift", unit(UnitKind::Bundle, Tab::Drift)),
            ("/releases/a/b/nothing", None),
            ("/releases/a/b/drift/x", None),
            ("/nothing", None),
        ] {
            assert_eq!(View::parse(address), want, "{address}");
        }
        let Some(View::List(query)) = View::parse("/releases?q=status%3Adrifted+ns%3Aa&page=3") else { panic!("a list") };
        assert_eq!((query.q.as_str(), query.page), ("status:drifted ns:a", 3));
    }
}
