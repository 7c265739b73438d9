//! What is on every page: the bar at the top, the notices, and the scripts.

use crate::controller::views::DaemonReport;
use crate::web::view::{Fragment, View};
use crate::web::{assets, mark, when};
use jiff::Timestamp;
use maud::{DOCTYPE, Markup, html};

/// Light, dark, or as the system says; remembered in a cookie, so that it works without a script.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::web) enum Theme {
    /// As the system says.
    #[default]
    Auto,
    /// Dark.
    Dark,
    /// Light.
    Light,
}

impl Theme {
    const ALL: [Self; 3] = [Self::Auto, Self::Light, Self::Dark];

    /// The word in the cookie.
    pub(in crate::web) fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Dark => "dark",
            Self::Light => "light",
        }
    }

    /// Of the word in the cookie; anything else is `auto`.
    pub(in crate::web) fn of(word: &str) -> Self {
        Self::ALL.into_iter().find(|t| t.as_str() == word).unwrap_or_default()
    }
}

/// What the frame of a page needs to know.
#[derive(Debug)]
pub(in crate::web) struct Frame<'a> {
    /// Title of the page.
    pub(in crate::web) title: String,
    /// The view that the stream keeps current; `None` for pages that stand still.
    pub(in crate::web) view: Option<&'a View>,
    /// Path with query, for the way back from the theme switch.
    pub(in crate::web) address: &'a str,
    /// The daemon.
    pub(in crate::web) daemon: &'a DaemonReport,
    /// Where the stream goes on from.
    pub(in crate::web) event: String,
    /// The time.
    pub(in crate::web) now: Timestamp,
    /// The theme.
    pub(in crate::web) theme: Theme,
    /// What the last action answered: whether it went well, and the words.
    pub(in crate::web) flash: Option<(bool, String)>,
}

/// A whole page.
pub(in crate::web) fn page(frame: &Frame<'_>, body: &Markup) -> Markup {
    let cluster = if frame.daemon.cluster.is_empty() { "Helmward" } else { &frame.daemon.cluster };
    html! {
        (DOCTYPE)
        html lang="en" data-theme=(frame.theme.as_str()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (frame.title) " · " (cluster) }
                link rel="icon" type="image/svg+xml" href=(assets::href("icon.svg"));
                link rel="stylesheet" href=(assets::href("app.css"));
                script type="module" src=(assets::href("app.js")) {}
            }
            body data-event=(frame.event) data-now=(when::stamp(frame.now)) data-live[frame.view.is_some()] {
                a class="skip" href="#main" { "To the content" }
                (mark::sprite())
                (bar(frame))
                (notice(frame.daemon))
                main #main {
                    @if let Some((good, words)) = &frame.flash {
                        p class={ "notice " @if *good { "s-ready" } @else { "s-failed" } } role="status" { (mark::icon(if *good { "ready" } else { "failed" })) (words) }
                    }
                    (body)
                }
                footer {
                    span { "Helmward " (env!("CARGO_PKG_VERSION")) }
                    @if !frame.daemon.server_version.is_empty() { span { "Kubernetes " (frame.daemon.server_version) } }
                    a href="/help" { "Help and keys" }
                    a href="/api/v1/version" { "API" }
                }
            }
        }
    }
}

fn bar(frame: &Frame<'_>) -> Markup {
    let daemon = frame.daemon;
    let here = |view: fn(&View) -> bool| frame.view.is_some_and(view).then_some("page");
    html! {
        header class="bar" {
            a class="brand" href="/" aria-label="Helmward, overview" { (logo()) span { "Helmward" } }
            @if !daemon.cluster.is_empty() { span class="cluster" title="The cluster" { (daemon.cluster) } }
            @if daemon.simulated { span class="chip simulated" title="This API server runs inside the demo; nothing here is a real cluster" { "simulated API server" } }
            nav class="main-nav" aria-label="Pages" {
                a href="/" aria-current=[here(|v| *v == View::Overview)] { "Overview" }
                a href="/releases" aria-current=[here(|v| matches!(v, View::List(_) | View::Unit(..)))] { "Releases" }
                a href="/drift" aria-current=[here(|v| *v == View::Inbox)] { "Drift" }
                a href="/sources" aria-current=[here(|v| *v == View::Sources)] { "Sources" }
            }
            @if !matches!(frame.view, Some(View::List(_))) {
                form class="search" action="/releases" role="search" {
                    label class="hidden" for="search" { "Search releases" }
                    (mark::icon("search"))
                    input #search name="q" type="search" placeholder="Search  /" autocomplete="off" spellcheck="false";
                    button class="hidden" type="submit" { "Search" }
                }
            }
            span #live class="live" role="status" data-state=(if frame.view.is_some() { "off" } else { "none" }) { @if frame.view.is_some() { "not live" } }
            form class="theme" method="post" action="/theme" aria-label="Theme" {
                input type="hidden" name="back" value=(frame.address);
                @for theme in Theme::ALL {
                    button type="submit" name="theme" value=(theme.as_str()) aria-pressed=(if theme == frame.theme { "true" } else { "false" }) { (theme.as_str()) }
                }
            }
        }
    }
}

/// Who writes, where it is not this daemon. The stream replaces it as any other fragment.
pub(in crate::web) fn notice(daemon: &DaemonReport) -> Markup {
    html! {
        div #daemon {
            @if let Some(who) = &daemon.leading {
                p class="notice wide s-suspended" role="status" { (mark::icon("suspended")) strong { "This daemon does not write. " } (who) }
            }
        }
    }
}

/// The same as a fragment.
pub(in crate::web) fn notice_fragment(daemon: &DaemonReport) -> Fragment {
    Fragment::Whole { id: "daemon", html: notice(daemon) }
}

fn logo() -> Markup {
    html! {
        svg class="logo" viewBox="0 0 24 24" aria-hidden="true" {
            g fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" {
                circle cx="12" cy="12" r="6.2" {}
                circle cx="12" cy="12" r="1.9" {}
                path d="M12 1.8v8.3M12 13.9v8.3M3.2 6.9l7.2 4.1M13.6 13l7.2 4.1M20.8 6.9l-7.2 4.1M10.4 13l-7.2 4.1" {}
            }
        }
    }
}
