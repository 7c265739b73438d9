//! The pages as addresses: views, questions before actions, actions as forms, the theme.

use super::act::{self, Verb, Wish};
use super::page::layout::{Frame, Theme};
use super::page::{help, history, layout};
use super::problem::Problem;
use super::view::View;
use super::{Data, State, url};
use crate::release::report::Report;
use crate::release::{UnitKey, UnitKind};
use axum::Router;
use axum::extract::{Extension, Form, OriginalUri, Path, State as Shared, rejection::FormRejection};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use maud::{Markup, html};
use serde::Deserialize;

/// The cookie in which the answer of an action reaches the next page.
const FLASH: &str = "helmward-flash";
/// The cookie that remembers the theme. The page's script writes it too.
const THEME: &str = "helmward-theme";

/// Every page.
pub(super) fn router() -> Router<State> {
    let unit = |kind: UnitKind| {
        Router::new()
            .route("/{namespace}/{name}", get(view))
            .route("/{namespace}/{name}/suspend", get(ask_suspend).post(suspend))
            .route("/{namespace}/{name}/rollback/{to}", get(ask_rollback))
            .route("/{namespace}/{name}/{part}", get(view).post(action))
            .layer(Extension(kind))
    };
    Router::new()
        .route("/", get(view))
        .route("/releases", get(view))
        .route("/drift", get(view))
        .route("/sources", get(view))
        .route("/kustomizations", get(|| async { Redirect::to("/releases?q=kind%3AKustomization") }))
        .nest("/releases", unit(UnitKind::Release))
        .nest("/kustomizations", unit(UnitKind::Bundle))
        .route("/help", get(help_page))
        .route("/theme", post(theme))
        .fallback(absent)
        .method_not_allowed_fallback(wrong_method)
}

/// What a page is shown in: the request, and the state.
struct Asked<'a> {
    state: &'a State,
    headers: &'a HeaderMap,
    address: &'a str,
}

impl Asked<'_> {
    /// A page that stands still.
    fn still(&self, status: StatusCode, title: &str, body: &Markup) -> Response {
        self.page(status, title.to_owned(), None, &self.state.read(), body)
    }

    fn page(&self, status: StatusCode, title: String, view: Option<&View>, data: &Data, body: &Markup) -> Response {
        let flash = cookie(self.headers, FLASH).map(|text| {
            let text = url::decode(&text);
            text.strip_prefix('!').map_or((true, text.clone()), |words| (false, words.to_owned()))
        });
        let shown = flash.is_some();
        let frame = Frame {
            title,
            view,
            address: self.address,
            daemon: &data.daemon,
            event: self.state.event_id(data.sequence),
            now: data.now,
            theme: cookie(self.headers, THEME).map(|word| Theme::of(&word)).unwrap_or_default(),
            flash,
        };
        let mut response = (status, Html(layout::page(&frame, body).into_string())).into_response();
        if shown {
            set_cookie(&mut response, FLASH, "", 0);
        }
        response
    }

    fn problem(&self, problem: &Problem, back: Option<&str>) -> Response {
        let body = html! {
            div class="problem" {
                h1 { (problem.title()) }
                p class="notice s-failed" role="alert" { (super::mark::icon("failed")) (problem.detail()) }
                p { @if let Some(back) = back { a class="button" href=(back) { "Back" } " " } a class="button" href="/" { "Overview" } }
            }
        };
        self.still(problem.status(), problem.title(), &body)
    }
}

fn address(uri: &Uri) -> &str {
    uri.path_and_query().map_or("/", |p| p.as_str())
}

/// Every page that the stream keeps current.
async fn view(Shared(state): Shared<State>, OriginalUri(uri): OriginalUri, headers: HeaderMap) -> Response {
    let asked = Asked { state: &state, headers: &headers, address: address(&uri) };
    let Some(view) = View::parse(asked.address) else { return asked.problem(&nothing_at(&uri), None) };
    let data = state.read();
    match (view.fragments(&data), &view) {
        (Some(fragments), _) => {
            let body = html! { @for fragment in fragments { (fragment) } };
            asked.page(StatusCode::OK, view.title(), Some(&view), &data, &body)
        }
        (None, View::Unit(key, _)) => asked.problem(&no_such(key), Some("/releases")),
        (None, _) => asked.problem(&nothing_at(&uri), None),
    }
}

fn nothing_at(uri: &Uri) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, format!("There is no page at {}.", uri.path()))
}

fn no_such(key: &UnitKey) -> Problem {
    let words = format!("There is no {} {}/{} in the cluster (any more).", key.kind.as_str(), key.namespace, key.name);
    Problem::new(StatusCode::NOT_FOUND, words)
}

async fn help_page(Shared(state): Shared<State>, headers: HeaderMap) -> Response {
    let asked = Asked { state: &state, headers: &headers, address: "/help" };
    asked.still(StatusCode::OK, "Help", &help::body())
}

async fn absent(Shared(state): Shared<State>, OriginalUri(uri): OriginalUri, headers: HeaderMap) -> Response {
    Asked { state: &state, headers: &headers, address: "/" }.problem(&nothing_at(&uri), None)
}

async fn wrong_method(Shared(state): Shared<State>, headers: HeaderMap) -> Response {
    let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "This address does not take that method.");
    Asked { state: &state, headers: &headers, address: "/" }.problem(&problem, None)
}

async fn ask_suspend(
    Shared(state): Shared<State>,
    Extension(kind): Extension<UnitKind>,
    Path((namespace, name)): Path<(String, String)>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
) -> Response {
    let key = UnitKey { kind, namespace, name };
    ask(&Asked { state: &state, headers: &headers, address: address(&uri) }, &key, "Suspend", |report, _| Ok(history::suspend(report)))
}

async fn ask_rollback(
    Shared(state): Shared<State>,
    Extension(kind): Extension<UnitKind>,
    Path((namespace, name, to)): Path<(String, String, String)>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
) -> Response {
    let key = UnitKey { kind, namespace, name };
    ask(&Asked { state: &state, headers: &headers, address: address(&uri) }, &key, "Roll back", |report, now| {
        let target = history::targets(report).find(|r| r.number.to_string() == to);
        let target = target.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, format!("{key} cannot go back to revision {to}.")))?;
        Ok(history::confirm(report, target, now))
    })
}

/// A page that asks before something is done.
fn ask(asked: &Asked<'_>, key: &UnitKey, title: &str, body: impl FnOnce(&Report, jiff::Timestamp) -> Result<Markup, Problem>) -> Response {
    let Some(report) = asked.state.views.unit(key) else { return asked.problem(&no_such(key), Some("/releases")) };
    match body(&report, asked.state.now()) {
        Ok(body) => asked.still(StatusCode::OK, &format!("{title} {}", key.name), &body),
        Err(problem) => asked.problem(&problem, Some(&url::unit(key))),
    }
}

/// Forms send empty fields as empty text, where JSON leaves them out.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Fields {
    reason: String,
    source: Option<bool>,
    to: Option<u32>,
}

type Sent = Result<Form<Fields>, FormRejection>;

async fn suspend(
    shared: Shared<State>,
    kind: Extension<UnitKind>,
    Path((namespace, name)): Path<(String, String)>,
    headers: HeaderMap,
    form: Sent,
) -> Response {
    action(shared, kind, Path((namespace, name, "suspend".to_owned())), headers, form).await
}

async fn action(
    Shared(state): Shared<State>,
    Extension(kind): Extension<UnitKind>,
    Path((namespace, name, part)): Path<(String, String, String)>,
    headers: HeaderMap,
    form: Sent,
) -> Response {
    let key = UnitKey { kind, namespace, name };
    let back = url::unit(&key);
    let asked = Asked { state: &state, headers: &headers, address: &back };
    let fields = match form {
        Ok(Form(fields)) => fields,
        // A button without fields sends no body, and maybe no content type.
        Err(FormRejection::InvalidFormContentType(_)) => Fields::default(),
        Err(error) => return asked.problem(&Problem::new(error.status(), format!("The form cannot be read: {error}")), Some(&back)),
    };
    let Some(verb) = Verb::of(&part) else {
        let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, format!("There is no action `{part}`."));
        return asked.problem(&problem, Some(&back));
    };
    let wish = Wish { reason: fields.reason, source: fields.source.unwrap_or(false), to: fields.to };
    match act::act(&state, key, verb, wish).await {
        Ok(words) => {
            let mut response = Redirect::to(&back).into_response();
            set_cookie(&mut response, FLASH, &url::encode(&cut(&words)), 30);
            response
        }
        Err(problem) => asked.problem(&problem, Some(&back)),
    }
}

/// What fits in a cookie.
fn cut(words: &str) -> String {
    words.chars().take(600).collect()
}

#[derive(Debug, Deserialize)]
struct Choice {
    theme: String,
    #[serde(default)]
    back: String,
}

async fn theme(Form(choice): Form<Choice>) -> Response {
    // Only a path of our own: never a way to somewhere else.
    let own =
        choice.back.starts_with('/') && !choice.back.starts_with("//") && choice.back.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    let mut response = Redirect::to(if own { &choice.back } else { "/" }).into_response();
    set_cookie(&mut response, THEME, Theme::of(&choice.theme).as_str(), 365 * 24 * 3600);
    response
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let pairs = headers.get_all(header::COOKIE).into_iter().filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(';'));
    pairs.filter_map(|pair| pair.trim().split_once('=')).find(|(key, value)| *key == name && !value.is_empty()).map(|(_, v)| v.to_owned())
}

fn set_cookie(response: &mut Response, name: &str, value: &str, seconds: u32) {
    let hidden = if name == FLASH { "; HttpOnly" } else { "" };
    let text = format!("{name}={value}; Path=/; SameSite=Strict; Max-Age={seconds}{hidden}");
    if let Ok(text) = HeaderValue::from_str(&text) {
        response.headers_mut().append(header::SET_COOKIE, text);
    }
}
