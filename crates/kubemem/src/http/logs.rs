//! Logs of pods that never ran: the annotation `sim.test/log` (or `sim.test/log-CONTAINER`), else a few lines that fit the container's state.

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};

use super::query::Query;
use super::{Incoming, answer};
use crate::server::Core;
use crate::status::{ApiError, Cause};
use crate::verb::Target;

/// Answers `pods/NAME/log`.
pub(super) fn answer(core: &Arc<Core>, incoming: &Incoming, target: &Target) -> Result<Response, ApiError> {
    let pod = core.call(|call| call.get(target))?;
    let query = &incoming.query;
    let container = container(&pod, query)?;
    let text = select(&pod, &container, query)?;
    let follow = query.flag("follow") && runs(&pod, &container);
    let body = if follow { followed(core.clone(), target.clone(), container, text) } else { Body::from(text) };
    Ok(answer::respond(StatusCode::OK, "text/plain", body))
}

fn names(pod: &Value, list: &str) -> Vec<String> {
    let containers = pod["spec"][list].as_array().into_iter().flatten();
    containers.filter_map(|container| container["name"].as_str().map(str::to_owned)).collect()
}

/// The container that is meant.
fn container(pod: &Value, query: &Query) -> Result<String, ApiError> {
    let name = pod["metadata"]["name"].as_str().unwrap_or_default();
    let (main, init) = (names(pod, "containers"), names(pod, "initContainers"));
    match query.one("container").filter(|given| !given.is_empty()) {
        Some(given) if main.iter().chain(&init).any(|known| known == given) => Ok(given.to_owned()),
        Some(given) => Err(ApiError::bad_request(format!("container {given} is not valid for pod {name}"))),
        None => match (main.as_slice(), init.is_empty()) {
            ([only], true) => Ok(only.clone()),
            (_, first) => {
                let more = if first { String::new() } else { format!(" or one of the init containers: [{}]", init.join(" ")) };
                let choice = main.join(" ");
                Err(ApiError::bad_request(format!("a container name must be specified for pod {name}, choose one of: [{choice}]{more}")))
            }
        },
    }
}

fn status<'a>(pod: &'a Value, container: &str) -> Option<&'a Value> {
    let lists = ["containerStatuses", "initContainerStatuses"].map(|list| pod["status"][list].as_array());
    lists.into_iter().flatten().flatten().find(|status| status["name"] == container)
}

fn runs(pod: &Value, container: &str) -> bool {
    status(pod, container).is_some_and(|status| status["state"]["running"].is_object())
}

/// The lines of a container that the query asks for.
fn select(pod: &Value, container: &str, query: &Query) -> Result<String, ApiError> {
    let name = pod["metadata"]["name"].as_str().unwrap_or_default();
    let number = |field: &str, least: i64| match query.one(field).map(str::parse::<i64>) {
        None => Ok(None),
        Some(Ok(number)) if number >= least => Ok(usize::try_from(number).ok()),
        Some(given) => Err(invalid(name, field, given.unwrap_or(0), least)),
    };
    let (tail, limit) = (number("tailLines", 0)?, number("limitBytes", 1)?);
    if pod["spec"]["nodeName"].as_str().is_none_or(str::is_empty) {
        return Ok(String::new());
    }
    let state = status(pod, container);
    let waiting = state.and_then(|state| state["state"]["waiting"]["reason"].as_str());
    let ended = state.is_some_and(|state| state["lastState"]["terminated"].is_object());
    if query.flag("previous") && !ended {
        return Err(ApiError::bad_request(format!("previous terminated container {container:?} in pod {name:?} not found")));
    }
    if let Some(reason) = waiting.or(state.is_none().then_some("ContainerCreating")).filter(|_| !ended) {
        let why = match reason {
            "ImagePullBackOff" | "ErrImagePull" => "trying and failing to pull image",
            other => other,
        };
        return Err(ApiError::bad_request(format!("container {container:?} in pod {name:?} is waiting to start: {why}")));
    }
    let mut lines = lines(pod, container, state.unwrap_or(&Value::Null));
    if let Some(tail) = tail {
        lines.drain(..lines.len().saturating_sub(tail));
    }
    let stamp = if query.flag("timestamps") { format!("{} ", started(pod, state)) } else { String::new() };
    let mut text: String = lines.iter().map(|line| format!("{stamp}{line}\n")).collect();
    if let Some(limit) = limit {
        let cut = (0..=limit.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(cut);
    }
    Ok(text)
}

fn invalid(name: &str, field: &str, given: i64, least: i64) -> ApiError {
    let cause = Cause::invalid(field, &given.into(), &format!("must be greater than {}", if least == 0 { "or equal to 0" } else { "0" }));
    ApiError {
        details: Some(json!({"name": name, "kind": "PodLogOptions"})),
        ..ApiError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "Invalid",
            format!("PodLogOptions {name:?} is invalid: {field}: {}", cause.message),
        )
    }
    .with_causes(&[cause])
}

fn started(pod: &Value, state: Option<&Value>) -> String {
    let at = state.and_then(|state| state.pointer("/state/running/startedAt").or(state.pointer("/state/terminated/startedAt")));
    at.unwrap_or(&pod["status"]["startTime"]).as_str().unwrap_or_default().replace('Z', ".000000000Z")
}

fn lines(pod: &Value, container: &str, state: &Value) -> Vec<String> {
    let notes = &pod["metadata"]["annotations"];
    let own = format!("sim.test/log-{container}");
    if let Some(text) = [own.as_str(), "sim.test/log"].iter().find_map(|key| notes[*key].as_str()) {
        return text.lines().map(str::to_owned).collect();
    }
    let image = state["image"].as_str().unwrap_or_default();
    let mut out = vec![format!("{container}: started from {image}")];
    let end = ["/state/terminated", "/lastState/terminated"].iter().find_map(|pointer| state.pointer(pointer));
    match end.map(|end| end["exitCode"].as_i64().unwrap_or(0)) {
        Some(0) => out.push(format!("{container}: done")),
        Some(code) => out.push(format!("{container}: error: simulated failure, exit code {code}")),
        None if state["ready"] == true => out.push(format!("{container}: ready")),
        None => out.push(format!("{container}: not ready")),
    }
    out
}

/// The lines so far, then nothing until the container ends.
fn followed(core: Arc<Core>, target: Target, container: String, text: String) -> Body {
    let first = futures::stream::once(async move { Ok::<_, std::io::Error>(Bytes::from(text)) });
    let rest = futures::stream::once(async move {
        let table = target.resource.table();
        let Some(mut news) = core.call(|call| call.store.table(&table).map(|table| table.subscribe())) else { return Ok(Bytes::new()) };
        while core.call(|call| call.get(&target)).is_ok_and(|pod| runs(&pod, &container)) && news.changed().await.is_ok() {}
        Ok(Bytes::new())
    });
    Body::from_stream(futures::StreamExt::chain(first, rest))
}
