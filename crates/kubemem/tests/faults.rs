//! Faults: what clients see of them, and what the server has done.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{ListParams, Patch, PatchParams, PostParams, WatchParams};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client};
use kubemem::{Effect, Fault, Server, Verb};
use serde_json::json;

fn maps(server: &Server) -> Api<ConfigMap> {
    Api::default_namespaced(Client::new(server.router(), "default"))
}

fn map(name: &str) -> ConfigMap {
    serde_json::from_value(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}})).unwrap()
}

fn exists(server: &Server, name: &str) -> bool {
    server.object("", "configmaps", "default", name).is_some()
}

#[tokio::test]
async fn the_nth_request_fails() {
    let server = Server::start();
    server.inject(Fault::on(Verb::Apply).kind("ConfigMap").nth(2).effect(Effect::Error(503)));
    let apply = async |name: &str| maps(&server).patch(name, &PatchParams::apply("x"), &Patch::Apply(map(name))).await;
    assert!(apply("a").await.is_ok());
    let kube::Error::Api(status) = apply("b").await.unwrap_err() else { panic!("an answer was expected") };
    assert_eq!((status.code, status.reason.as_str()), (503, "ServiceUnavailable"));
    assert!(!exists(&server, "b"));
    assert!(apply("b").await.is_ok(), "it hits once");
    let codes: Vec<u16> = server.requests().iter().filter(|r| r.verb == Verb::Apply).map(|r| r.code).collect();
    assert_eq!(codes, [201, 503, 201]);
}

#[tokio::test]
async fn an_answer_is_lost_before_or_after_the_write() {
    let server = Server::start();
    for (effect, written) in [(Effect::LostBefore, false), (Effect::LostAfter, true)] {
        let name = if written { "after" } else { "before" };
        server.inject(Fault::on(Verb::Create).name(name).effect(effect));
        let error = maps(&server).create(&PostParams::default(), &map(name)).await.unwrap_err();
        assert!(!matches!(error, kube::Error::Api(_)), "{error:?}");
        assert_eq!(exists(&server, name), written);
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_hangs_or_is_slow() {
    let server = Server::start();
    server.inject(Fault::on(Verb::Get).name("a").effect(Effect::Hang));
    let api = maps(&server);
    assert!(tokio::time::timeout(Duration::from_secs(60), api.get_opt("a")).await.is_err());
    server.inject(Fault::on(Verb::Get).name("a").effect(Effect::Delay(Duration::from_secs(5))));
    let start = tokio::time::Instant::now();
    assert!(api.get_opt("a").await.unwrap().is_none());
    assert_eq!(start.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn watches_break_and_come_back() {
    let server = Server::start();
    let api = maps(&server);
    let version = api.list(&ListParams::default()).await.unwrap().metadata.resource_version.unwrap();
    server.inject(Fault::on(Verb::Watch).effect(Effect::EndWatch(1)));
    let mut stream = api.watch(&WatchParams::default(), &version).await.unwrap().boxed();
    for name in ["a", "b"] {
        api.create(&PostParams::default(), &map(name)).await.unwrap();
    }
    assert!(stream.try_next().await.unwrap().is_some());
    assert!(stream.try_next().await.unwrap().is_none(), "it ended after one event");

    // a watcher starts over after an expiry and misses nothing
    server.inject(Fault::on(Verb::Watch).effect(Effect::ExpireWatch(0)));
    let config = watcher::Config::default().fields("metadata.name!=kube-root-ca.crt");
    let mut objects = watcher(api.clone(), config).default_backoff().applied_objects().boxed();
    let mut seen = Vec::new();
    while !seen.contains(&"c".to_owned()) {
        match objects.next().await.unwrap() {
            Ok(object) => {
                seen.push(object.metadata.name.unwrap());
                if seen.len() == 2 {
                    api.create(&PostParams::default(), &map("c")).await.unwrap();
                }
            }
            Err(error) => assert!(error.to_string().contains("expired") || error.to_string().contains("too old"), "{error}"),
        }
    }
    assert!(seen.contains(&"a".to_owned()) && seen.contains(&"b".to_owned()));
}

#[tokio::test]
async fn the_log_tells_who_did_what() {
    let server = Server::start();
    maps(&server).create(&PostParams { dry_run: true, ..PostParams::default() }, &map("a")).await.unwrap();
    maps(&server).create(&PostParams::default(), &map("a")).await.unwrap();
    let writes: Vec<_> = server.take_requests().into_iter().filter(kubemem::Request::is_write).collect();
    assert_eq!(writes.len(), 1);
    assert_eq!(
        (writes[0].path.as_str(), writes[0].resource.as_str(), writes[0].name.as_str()),
        ("/api/v1/namespaces/default/configmaps", "configmaps", "a")
    );
    assert_eq!(writes[0].body.as_ref().unwrap()["metadata"]["name"], "a");
    assert!(server.requests().is_empty());
}
