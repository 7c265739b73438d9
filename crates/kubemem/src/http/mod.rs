//! Requests and answers: the only part that waits.

mod answer;
mod body;
mod cells;
mod columns;
mod logs;
mod path;
mod query;
mod review;
mod scanner;
mod subresource;
mod table;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::{Method, Request as HttpRequest, StatusCode, header};
use serde_json::Value;

use crate::auth::{self, User};
use crate::discovery;
use crate::fault::Effect;
use crate::log::{Logged, Request, Verb};
use crate::server::Core;
use crate::status::ApiError;
use crate::verb::{DeleteOptions, Part, PatchKind, Target, WriteOptions, unreadable_version};
use answer::Shape;
pub(crate) use path::{Document, decode as percent_decode};
use path::{Found, Route};
use query::Query;
pub(crate) use scanner::json_problem;

/// The API as a router.
pub(crate) fn router(core: Arc<Core>) -> Router {
    Router::new().fallback(handle).with_state(core)
}

/// The parts of a request, read.
struct Incoming {
    method: Method,
    path: String,
    query: Query,
    accept: String,
    content_type: String,
    user_agent: String,
    user: Arc<User>,
    body: Option<Value>,
}

async fn handle(State(core): State<Arc<Core>>, request: HttpRequest<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let header = |name: header::HeaderName| parts.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    let mut incoming = Incoming {
        path: parts.uri.path().to_owned(),
        query: Query::parse(parts.uri.query().unwrap_or_default()),
        accept: header(header::ACCEPT),
        content_type: header(header::CONTENT_TYPE),
        user_agent: header(header::USER_AGENT),
        method: parts.method,
        user: Arc::default(),
        body: None,
    };
    let route = path::route(&core, &incoming.path);
    let kind = match &route {
        Ok(Route::Object(found)) if matches!(incoming.method, Method::POST | Method::PUT) => Some(found.target.resource.kind.as_str()),
        _ => None,
    };
    let read = body::read(body, &incoming.content_type, kind).await;
    let watch = incoming.query.flag("watch");
    let admitted = core.call(|call| auth::gate(call, &parts.headers, &incoming.method, &incoming.path, watch));
    let failure = match (admitted, read) {
        (Ok(user), Ok(body)) => {
            (incoming.user, incoming.body) = (user, body);
            None
        }
        (Err(error), body) => {
            incoming.body = body.unwrap_or_default();
            Some(error)
        }
        (_, Err(error)) => Some(error),
    };
    let entry = log_entry(&incoming, &route);
    let effect = core.faults().strike(&entry);
    let number = {
        let mut entry = Logged::new(Request { fault: effect.clone(), ..entry });
        let mut log = core.log();
        let number = core.next_request();
        entry.request.number = number;
        log.push_back(entry);
        while log.len() > core.options.request_log {
            log.pop_front();
        }
        number
    };
    let shape = Shape::of(&incoming.accept, incoming.query.one("includeObject").unwrap_or_default(), &core.clock);
    let failure = failure.or_else(|| shape.as_ref().err().cloned());
    let shape = shape.unwrap_or(Shape::Whole);
    match &effect {
        Some(Effect::Refuse(refusal)) => return finish(&core, number, answer::refuse(refusal)),
        Some(Effect::Hang) => std::future::pending().await,
        Some(Effect::LostBefore) => return answer::broken(),
        Some(Effect::Delay(time)) => tokio::time::sleep(*time).await,
        Some(Effect::LostAfter | Effect::HangAfter | Effect::Reset | Effect::EndWatch(_) | Effect::ExpireWatch(_)) | None => {}
    }
    let response = match failure {
        Some(error) => answer::error(&error),
        None => match route {
            Ok(route) => dispatch(&core, &incoming, route, &shape, effect.as_ref()).unwrap_or_else(|error| answer::error(&error)),
            Err(error) => answer::error(&error),
        },
    };
    let response = finish(&core, number, response);
    match effect {
        Some(Effect::LostAfter) => answer::broken(),
        Some(Effect::HangAfter) => std::future::pending().await,
        Some(Effect::Reset) => answer::cut(response).await,
        _ => response,
    }
}

fn finish(core: &Core, number: u64, response: Response) -> Response {
    if let Some(entry) = core.log().iter_mut().rev().find(|entry| entry.request.number == number) {
        entry.request.code = response.status().as_u16();
    }
    response
}

fn log_entry(incoming: &Incoming, route: &Result<Route, ApiError>) -> Request {
    let found = match route {
        Ok(Route::Object(found)) => Some(found),
        _ => None,
    };
    let one = found.is_some_and(|f| !f.target.name.is_empty());
    let verb = match incoming.method {
        Method::POST => Verb::Create,
        Method::PUT => Verb::Update,
        Method::PATCH if PatchKind::of(&incoming.content_type) == Some(PatchKind::Apply) => Verb::Apply,
        Method::PATCH => Verb::Patch,
        Method::DELETE if one => Verb::Delete,
        Method::DELETE => Verb::DeleteCollection,
        _ if found.is_some() && incoming.query.flag("watch") => Verb::Watch,
        _ if one || found.is_none() => Verb::Get,
        _ => Verb::List,
    };
    let body_name = || incoming.body.as_ref().and_then(|b| b["metadata"]["name"].as_str()).unwrap_or_default().to_owned();
    Request {
        number: 0,
        user_agent: incoming.user_agent.clone(),
        verb,
        path: incoming.path.clone(),
        query: incoming.query.text.clone(),
        group: found.map(|f| f.target.resource.group.clone()).unwrap_or_default(),
        resource: found.map(Found::resource_path).unwrap_or_default(),
        kind: found.map(|f| f.target.resource.kind.clone()).unwrap_or_default(),
        namespace: found.map(|f| f.target.namespace.clone()).unwrap_or_default(),
        name: found.map(|f| if one { f.target.name.clone() } else { body_name() }).unwrap_or_default(),
        dry_run: incoming.query.all("dryRun").contains(&"All")
            || verb == Verb::Delete && incoming.body.as_ref().is_some_and(|b| b["dryRun"][0] == "All"),
        body: incoming.body.clone(),
        code: 0,
        fault: None,
    }
}

fn dispatch(core: &Arc<Core>, incoming: &Incoming, route: Route, shape: &Shape, effect: Option<&Effect>) -> Result<Response, ApiError> {
    match route {
        Route::Document(document) => {
            if incoming.method != Method::GET && incoming.method != Method::HEAD {
                return Err(ApiError::method_not_allowed());
            }
            discovery::answer(core, &document, &incoming.accept)
        }
        Route::Object(found) => {
            let mut response = object(core, incoming, &found, shape, effect).unwrap_or_else(|error| answer::error(&error));
            if let Some(text) = found.target.resource.deprecation() {
                answer::warn(&mut response, text);
            }
            Ok(response)
        }
    }
}

fn object(core: &Arc<Core>, incoming: &Incoming, found: &Found, shape: &Shape, effect: Option<&Effect>) -> Result<Response, ApiError> {
    let target = &found.target;
    if incoming.method != Method::GET
        && let Some(error) = core.call(|call| call.store.journal_failure().map(ToString::to_string))
    {
        return Err(ApiError::internal(format!("the state file cannot be written: {error}")));
    }
    if incoming.method == Method::POST
        && let Some(review) = core.call(|call| review::answer(call, incoming, found))?
    {
        return Ok(answer::json(StatusCode::CREATED, &review));
    }
    if found.subresource.as_deref() == Some("log") && incoming.method == Method::GET {
        return logs::answer(core, incoming, target);
    }
    if let Some(response) = core.call(|call| subresource::answer(call, incoming, found))? {
        return Ok(response);
    }
    let named = !target.name.is_empty();
    allowed(incoming, found)?;
    let write = || {
        let options = incoming.query.write_options(&incoming.user_agent, &incoming.method, &incoming.content_type)?;
        Ok(WriteOptions { user: Some(incoming.user.clone()), ..options })
    };
    match (&incoming.method, named) {
        (&Method::GET | &Method::HEAD, false) => {
            let list = incoming.query.list_options()?;
            if incoming.query.flag("watch") {
                return watch::start(core, target, list, &incoming.query, shape, effect);
            }
            let page = core.call(|call| call.list(target, &list))?;
            Ok(answer::list(&target.resource, &page, shape))
        }
        (&Method::GET | &Method::HEAD, true) => {
            let version = incoming.query.one("resourceVersion").unwrap_or_default();
            if let Some(problem) = unreadable_version(version) {
                return Err(ApiError { reason: "", ..ApiError::internal(problem) });
            }
            let object = core.call(|call| if target.part == Part::Scale { call.get_scale(target) } else { call.get(target) })?;
            Ok(answer::object(StatusCode::OK, &target.resource, &object, &[], shape))
        }
        (&Method::POST, false) => {
            let body = required(incoming, target)?;
            let options = write()?;
            let answer = core.call(|call| call.create(target, body, &options))?;
            Ok(answer::written(&target.resource, &answer, shape))
        }
        (&Method::PUT, true) => {
            let body = required(incoming, target)?;
            let options = write()?;
            let answer = core.call(|call| match target.part {
                Part::Scale => call.put_scale(target, &body, &options),
                _ => call.update(target, body, &options),
            })?;
            Ok(answer::written(&target.resource, &answer, shape))
        }
        (&Method::PATCH, true) => {
            let Some(kind) = PatchKind::of(&incoming.content_type) else {
                return Err(ApiError {
                    details: Some(serde_json::json!({})),
                    ..ApiError::unsupported_media("415: Unsupported Media Type")
                });
            };
            let body = required(incoming, target)?;
            let options = write()?;
            let answer = core.call(|call| match target.part {
                Part::Scale => call.patch_scale(target, kind, &body, &options),
                _ => call.patch(target, kind, body, &options),
            })?;
            Ok(answer::written(&target.resource, &answer, shape))
        }
        (&Method::DELETE, named) => {
            let mut body = incoming.body.clone().unwrap_or_default();
            incoming.query.merge_delete(&mut body)?;
            let options = DeleteOptions::read(&body)?;
            if !named {
                let list = incoming.query.list_options()?;
                let page = core.call(|call| call.delete_collection(target, &list, &options))?;
                return Ok(answer::list(&target.resource, &page, shape));
            }
            let answer = core.call(|call| call.delete(target, &options))?;
            Ok(answer::written(&target.resource, &answer, shape))
        }
        _ => Err(ApiError::method_not_allowed()),
    }
}

/// Whether the resource, or the subresource, has the verb.
fn allowed(incoming: &Incoming, found: &Found) -> Result<(), ApiError> {
    let resource = &found.target.resource;
    let named = !found.target.name.is_empty();
    let verbs = match &found.subresource {
        Some(sub) => &resource.subresources.get(sub).ok_or_else(ApiError::no_such_part)?.verbs,
        None => &resource.verbs,
    };
    let needed = match incoming.method {
        Method::GET | Method::HEAD if named => "get",
        Method::GET | Method::HEAD => "list",
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE if named => "delete",
        Method::DELETE => "deletecollection",
        _ => "",
    };
    let misplaced = match incoming.method {
        Method::POST => named && found.subresource.is_none(),
        Method::PUT | Method::PATCH => !named,
        _ => false,
    };
    let scoped =
        resource.namespaced && found.target.namespace.is_empty() && incoming.method != Method::GET && incoming.method != Method::HEAD;
    if misplaced || scoped || !verbs.iter().any(|v| v == needed) {
        return Err(ApiError::method_not_allowed());
    }
    Ok(())
}

fn required(incoming: &Incoming, target: &Target) -> Result<Value, ApiError> {
    incoming.body.clone().ok_or_else(|| {
        ApiError::bad_request(format!("the object provided is unrecognized (must be of type {}): the body is empty", target.resource.kind))
    })
}

/// How long a watch may take, from its query.
fn seconds(query: &Query, name: &str) -> Option<Duration> {
    query.one(name)?.parse().ok().filter(|n| *n > 0).map(Duration::from_secs)
}
