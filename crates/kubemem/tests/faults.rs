//! Faults: what clients see of them, and what the server has done.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{ListParams, Patch, PatchParams, PostParams, WatchParams};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client};
use kubemem::{Effect, Fault, Faults, Refusal, Request, Server, Verb};
use serde_json::json;
use tower::ServiceExt as _;

fn maps(server: &Server) -> Api<ConfigMap> {
    Api::default_namespaced(Client::new(server.router(), "default"))
}

fn map(name: &str) -> ConfigMap {
    serde_json::from_value(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}})).unwrap()
}

fn exists(server: &Server, name: &str) -> bool {
    server.object("", "configmaps", "default", name).is_some()
}

/// The only request that a fault hit; fails if some fault hit none.
fn hit(server: &Server) -> Request {
    let unhit: Vec<String> = server.unhit().iter().map(ToString::to_string).collect();
    assert!(unhit.is_empty(), "never hit: {unhit:?}");
    let mut hit: Vec<Request> = server.requests().into_iter().filter(|request| request.fault.is_some()).collect();
    assert_eq!(hit.len(), 1);
    hit.remove(0)
}

async fn apply(server: &Server, name: &str) -> kube::Result<ConfigMap> {
    maps(server).patch(name, &PatchParams::apply("x"), &Patch::Apply(map(name))).await
}

/// The second of three applies fails with this answer, and is logged so.
async fn second_fails(fault: Fault) -> (kube::core::Status, Request) {
    let server = Server::start();
    server.inject(fault.kind("ConfigMap").nth(2));
    assert!(apply(&server, "a").await.is_ok());
    let kube::Error::Api(status) = apply(&server, "b").await.unwrap_err() else { panic!("an answer was expected") };
    assert!(!exists(&server, "b"));
    assert!(apply(&server, "b").await.is_ok(), "it hits once");
    let request = hit(&server);
    assert_eq!((request.verb, request.name.as_str(), request.code), (Verb::Apply, "b", status.code));
    assert_eq!(request.body.as_ref().unwrap()["metadata"]["name"], "b");
    (*status, request)
}

#[tokio::test]
async fn conflict() {
    let (status, _) = second_fails(Fault::on(Verb::Apply).error(409)).await;
    assert_eq!((status.code, status.reason.as_str()), (409, "Conflict"));
}

#[tokio::test]
async fn invalid() {
    let refusal = Refusal { code: 422, message: "no such colour".into(), ..Refusal::default() };
    let (status, _) = second_fails(Fault::on(Verb::Apply).effect(Effect::Refuse(refusal))).await;
    assert_eq!((status.code, status.reason.as_str(), status.message.as_str()), (422, "Invalid", "no such colour"));
}

#[tokio::test]
async fn too_many_requests() {
    let server = Server::start();
    server.inject(Fault::on(Verb::Get).too_many_requests(7));
    let request = http::Request::get("/api/v1/namespaces/default/configmaps/a").body(axum::body::Body::empty()).unwrap();
    let answer = server.router().oneshot(request).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].to_str().unwrap()), (429, "7"));
    assert_eq!((hit(&server).code, hit(&server).name.as_str()), (429, "a"));
}

#[tokio::test]
async fn internal_error() {
    let (status, _) = second_fails(Fault::on(Verb::Apply).error(500)).await;
    assert_eq!((status.code, status.reason.as_str()), (500, "InternalError"));
}

#[tokio::test]
async fn unavailable() {
    let (status, _) = second_fails(Fault::on(Verb::Apply).error(503)).await;
    assert_eq!((status.code, status.reason.as_str()), (503, "ServiceUnavailable"));
}

#[tokio::test]
async fn lost_before_commit() {
    let server = Server::start();
    server.inject(Fault::on(Verb::Create).name("a").lost_before_commit());
    let error = maps(&server).create(&PostParams::default(), &map("a")).await.unwrap_err();
    assert!(!matches!(error, kube::Error::Api(_)), "{error:?}");
    assert!(!exists(&server, "a"));
    assert_eq!((hit(&server).fault, hit(&server).code), (Some(Effect::LostBefore), 0));
}

#[tokio::test]
async fn lost_after_commit() {
    let server = Server::start();
    server.inject(Fault::on(Verb::Create).name("a").lost_after_commit());
    let error = maps(&server).create(&PostParams::default(), &map("a")).await.unwrap_err();
    assert!(!matches!(error, kube::Error::Api(_)), "{error:?}");
    assert!(exists(&server, "a"));
    assert_eq!((hit(&server).fault, hit(&server).code), (Some(Effect::LostAfter), 201));
}

#[tokio::test]
async fn reset_in_the_middle_of_an_answer() {
    let server = Server::start();
    server.inject(Fault::on(Verb::List).resource("configmaps").reset());
    let error = maps(&server).list(&ListParams::default()).await.unwrap_err();
    assert!(!matches!(error, kube::Error::Api(_)), "{error:?}");
    assert_eq!((hit(&server).fault, hit(&server).code), (Some(Effect::Reset), 200));
    assert!(maps(&server).list(&ListParams::default()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn hang() {
    let server = Server::start();
    server.inject(Fault::on(Verb::Get).name("a").hang());
    assert!(tokio::time::timeout(Duration::from_secs(60), maps(&server).get_opt("a")).await.is_err());
    assert_eq!((hit(&server).fault, hit(&server).code), (Some(Effect::Hang), 0));
}

#[tokio::test(start_paused = true)]
async fn delay() {
    let server = Server::start();
    server.inject(Fault::on(Verb::Get).name("a").delay(Duration::from_secs(5)));
    let start = tokio::time::Instant::now();
    assert!(maps(&server).get_opt("a").await.unwrap().is_none());
    assert_eq!(start.elapsed().as_secs(), 5);
    assert_eq!((hit(&server).fault, hit(&server).code), (Some(Effect::Delay(Duration::from_secs(5))), 404));
}

#[tokio::test]
async fn a_watch_ends() {
    let server = Server::start();
    let api = maps(&server);
    let version = api.list(&ListParams::default()).await.unwrap().metadata.resource_version.unwrap();
    server.inject(Fault::on(Verb::Watch).end_watch(1));
    let mut stream = api.watch(&WatchParams::default(), &version).await.unwrap().boxed();
    for name in ["a", "b"] {
        api.create(&PostParams::default(), &map(name)).await.unwrap();
    }
    assert!(stream.try_next().await.unwrap().is_some());
    assert!(stream.try_next().await.unwrap().is_none(), "it ended after one event");
    assert_eq!((hit(&server).verb, hit(&server).fault), (Verb::Watch, Some(Effect::EndWatch(1))));
}

#[tokio::test(start_paused = true)]
async fn a_watch_falls_behind() {
    let server = Server::start();
    let api = maps(&server);
    for name in ["a", "b"] {
        api.create(&PostParams::default(), &map(name)).await.unwrap();
    }
    server.inject(Fault::on(Verb::Watch).expire_watch(0));
    // a watcher starts over and misses nothing
    let config = watcher::Config::default().fields("metadata.name!=kube-root-ca.crt");
    let mut objects = watcher(api.clone(), config).default_backoff().applied_objects().boxed();
    let (mut seen, mut expired) = (Vec::new(), false);
    while !seen.contains(&"c".to_owned()) {
        match objects.next().await.unwrap() {
            Ok(object) => {
                seen.push(object.metadata.name.unwrap());
                if seen.len() == 2 {
                    api.create(&PostParams::default(), &map("c")).await.unwrap();
                }
            }
            Err(error) => {
                expired = true;
                assert!(error.to_string().contains("expired") || error.to_string().contains("too old"), "{error}");
            }
        }
    }
    assert!(expired && seen.contains(&"a".to_owned()) && seen.contains(&"b".to_owned()));
    assert_eq!((hit(&server).verb, hit(&server).fault), (Verb::Watch, Some(Effect::ExpireWatch(0))));
}

#[tokio::test]
async fn what_is_not_hit_is_told() {
    let server = Server::start();
    let others = [
        Fault::on(Verb::Create),
        Fault::any().kind("Secret"),
        Fault::any().resource("configmaps/status"),
        Fault::any().namespace("other"),
        Fault::any().name("b"),
        Fault::any().user_agent("kubectl"),
        Fault::on(Verb::Apply).dry_run(true),
        Fault::on(Verb::Apply).nth(2),
    ];
    let count = others.len();
    for fault in others {
        server.inject(fault.error(500));
    }
    assert!(apply(&server, "a").await.is_ok());
    assert_eq!(server.unhit().len(), count);
    assert_eq!(server.unhit()[4].to_string().split(':').next(), Some("b, number 1"));
    server.clear_faults();
    assert!(server.unhit().is_empty());
}

#[tokio::test]
async fn scripts_do_the_same() {
    let server = Server::start();
    server.inject_all(Faults::parse("- {verb: apply, kind: ConfigMap, name: a, times: 2, error: 503}").unwrap());
    for _ in 0..2 {
        assert!(apply(&server, "a").await.is_err());
    }
    assert!(apply(&server, "a").await.is_ok() && server.unhit().is_empty());
}

#[tokio::test]
async fn the_log_tells_who_did_what() {
    let server = Server::start();
    maps(&server).create(&PostParams { dry_run: true, ..PostParams::default() }, &map("a")).await.unwrap();
    maps(&server).create(&PostParams::default(), &map("a")).await.unwrap();
    let writes: Vec<_> = server.take_requests().into_iter().filter(Request::is_write).collect();
    assert_eq!(writes.len(), 1);
    assert_eq!(
        (writes[0].path.as_str(), writes[0].resource.as_str(), writes[0].name.as_str()),
        ("/api/v1/namespaces/default/configmaps", "configmaps", "a")
    );
    assert_eq!(writes[0].body.as_ref().unwrap()["metadata"]["name"], "a");
    assert!(server.requests().is_empty());
}
