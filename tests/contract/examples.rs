//! The other examples, step by step, as their READMEs tell it.

use crate::world::{SOON, World, condition, example, fast, ready};
use serde_json::Value;
use std::time::Duration;

fn applied(kustomization: &Value, commit: &str) -> bool {
    condition(kustomization, "Ready").is_some_and(|(status, ..)| status == "True")
        && kustomization["status"]["lastAppliedRevision"].as_str().is_some_and(|r| r.ends_with(commit))
}

#[tokio::test(flavor = "multi_thread")]
async fn operator_with_crds() {
    let mut world = World::start().await;
    let lighthouse = async |world: &World, name: &str| world.get("harbour.example/v1", "Lighthouse", "harbour", name).await;
    let commit = world.git.push_step(&example("operator-with-crds", "01-install"), &fast);
    world.start_daemon(&[]).await;
    world
        .until("CRD, operator and resources applied in one commit", SOON, || async {
            world.kustomization("flux-system", "lighthouses").await.filter(|k| applied(k, &commit))
        })
        .await;
    assert_eq!(lighthouse(&world, "north").await.expect("it is live")["spec"]["colour"], "white");
    assert_eq!(lighthouse(&world, "south").await.expect("it is live")["spec"]["seconds"], 10);
    let operator = world.get("apps/v1", "Deployment", "harbour", "lighthouse-operator").await.expect("it is live");
    assert_eq!(operator["status"]["readyReplicas"], 1, "`wait: true` waited for it");

    let commit = world.git.push_step(&example("operator-with-crds", "02-change"), &fast);
    world
        .until("one changed, one gone", SOON, || async {
            world.kustomization("flux-system", "lighthouses").await.filter(|k| applied(k, &commit))
        })
        .await;
    assert_eq!(lighthouse(&world, "north").await.expect("it is live")["spec"]["colour"], "green");
    assert!(lighthouse(&world, "south").await.is_none(), "it is pruned");

    let commit = world.git.push_step(&example("operator-with-crds", "03-crd-removed"), &fast);
    world
        .until("the CRD's file gone", SOON, || async {
            world.kustomization("flux-system", "lighthouses").await.filter(|k| applied(k, &commit))
        })
        .await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let crd = world.get("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", "lighthouses.harbour.example").await;
    assert!(crd.is_some(), "CRDs are not pruned");
    assert!(lighthouse(&world, "north").await.is_some(), "nor what they define");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_envs() {
    let mut world = World::start().await;
    let settled = async |world: &World, namespace: &str, revision: u32, version: &str| {
        let release = world.release(namespace, "api").await?;
        let version = release["status"]["history"][0]["chartVersion"].as_str()?.starts_with(version);
        (version && release["status"]["history"][0]["version"] == revision && condition(&release, "Ready")?.0 == "True").then_some(())
    };
    let features = async |world: &World, namespace: &str| {
        let config = world.get("v1", "ConfigMap", namespace, "api").await.expect("it is live");
        format!("{} {}", config["data"]["logLevel"].as_str().unwrap(), config["data"]["features.yaml"].as_str().unwrap())
    };
    world.git.push_step(&example("two-envs", "01-install"), &fast);
    world.start_daemon(&[]).await;
    for namespace in ["staging", "production"] {
        world.until(&format!("{namespace} deployed"), SOON, || settled(&world, namespace, 1, "0.1.0")).await;
    }
    assert!(features(&world, "staging").await.contains("debug"));
    assert_eq!(world.get("apps/v1", "Deployment", "production", "api").await.unwrap()["spec"]["replicas"], 3);

    world.git.push_step(&example("two-envs", "02-staging"), &fast);
    world.until("staging's overlay deployed", SOON, || settled(&world, "staging", 2, "0.1.0")).await;
    assert!(features(&world, "staging").await.contains("search: true"));
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(settled(&world, "production", 1, "0.1.0").await.is_some(), "production keeps its revision");

    world.git.push_step(&example("two-envs", "03-promote"), &fast);
    world.until("staging follows", SOON, || settled(&world, "staging", 3, "0.2.0")).await;
    world.until("production follows", SOON, || settled(&world, "production", 2, "0.2.0")).await;
    assert!(!ready(&world.release("production", "api").await.unwrap(), "0.1.0"));
}
