//! The program: encrypted, with tokens, and with a state that outlives it.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use serde_json::{Value, json};
use tokio::process::{Child, Command};

/// Starts the program and waits for its kubeconfig.
async fn start(folder: &Path, args: &[&str]) -> (Child, Kubeconfig) {
    let file = folder.join("kubeconfig");
    let _ = std::fs::remove_file(&file);
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubemem"));
    command.arg("--kubeconfig").arg(&file).args(args).kill_on_drop(true);
    let child = command.spawn().unwrap();
    for _ in 0..1000 {
        if let Some(config) = std::fs::read_to_string(&file).ok().and_then(|text| Kubeconfig::from_yaml(&text).ok()) {
            return (child, config);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("no kubeconfig after ten seconds");
}

async fn client(config: Kubeconfig) -> Client {
    Client::try_from(Config::from_custom_kubeconfig(config, &KubeConfigOptions::default()).await.unwrap()).unwrap()
}

fn map(name: &str) -> ConfigMap {
    serde_json::from_value(json!({"metadata": {"name": name}})).unwrap()
}

#[tokio::test]
async fn state_outlives_a_killed_process() {
    let folder = std::env::temp_dir().join(format!("kubemem-process-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let state = folder.join("state");
    let args = ["--state", state.to_str().unwrap(), "--no-workloads"];
    let crd = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "things.acme.io"},
        "spec": {"group": "acme.io", "scope": "Namespaced", "names": {"plural": "things", "kind": "Thing"},
            "versions": [{"name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}]}});
    let thing_kind = kube::discovery::ApiResource::from_gvk(&kube::core::GroupVersionKind::gvk("acme.io", "v1", "Thing"));
    let (before, uid) = {
        let (mut child, config) = start(&folder, &args).await;
        let client = client(config).await;
        let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
        maps.create(&PostParams::default(), &map("gone")).await.unwrap();
        maps.delete("gone", &DeleteParams::default()).await.unwrap();
        let crds: Api<kube::core::DynamicObject> = Api::all_with(
            client.clone(),
            &kube::discovery::ApiResource::erase::<
                k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
            >(&()),
        );
        crds.patch("things.acme.io", &PatchParams::apply("test"), &Patch::Apply(crd)).await.unwrap();
        let things: Api<kube::core::DynamicObject> = Api::default_namespaced_with(client, &thing_kind);
        let thing = json!({"apiVersion": "acme.io/v1", "kind": "Thing", "metadata": {"name": "a"}, "size": 3});
        for _ in 0..500 {
            if things.patch("a", &PatchParams::apply("test"), &Patch::Apply(&thing)).await.is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let kept = maps.create(&PostParams::default(), &map("kept")).await.unwrap().metadata;
        child.kill().await.unwrap();
        (kept.resource_version.unwrap().parse::<u64>().unwrap(), kept.uid)
    };
    let (_child, config) = start(&folder, &args).await;
    let client = client(config).await;
    let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
    let kept = maps.get("kept").await.unwrap().metadata;
    assert_eq!((kept.resource_version.unwrap().parse::<u64>().unwrap(), &kept.uid), (before, &uid));
    assert!(maps.get_opt("gone").await.unwrap().is_none());
    let new = maps.create(&PostParams::default(), &map("new")).await.unwrap().metadata;
    assert!(new.resource_version.unwrap().parse::<u64>().unwrap() > before, "versions go on");
    let mut owners: BTreeMap<String, String> = BTreeMap::new();
    for line in std::fs::read_to_string(&state).unwrap().lines() {
        let object = &serde_json::from_str::<Value>(line).unwrap()["put"]["object"];
        if let Some(uid) = object["metadata"]["uid"].as_str() {
            let name = format!("{} {} {}", object["kind"], object["metadata"]["namespace"], object["metadata"]["name"]);
            let known = owners.entry(uid.to_owned()).or_insert_with(|| name.clone());
            assert_eq!(*known, name, "uids do not come again");
        }
    }
    assert!(owners.len() > 100, "{}", owners.len());
    let things: Api<kube::core::DynamicObject> = Api::default_namespaced_with(client, &thing_kind);
    assert_eq!(things.get("a").await.unwrap().data["size"], 3);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn encrypted_only_those_with_a_token_are_known() {
    let folder = std::env::temp_dir().join(format!("kubemem-tls-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("tokens"), "janes,jane,7,\"devs\"\n").unwrap();
    let tokens = folder.join("tokens");
    let (_child, admin) = start(&folder, &["--tls", "--tokens", tokens.to_str().unwrap()]).await;
    let with = |token: Option<&str>| {
        let mut config = admin.clone();
        let user = config.auth_infos[0].auth_info.as_mut().unwrap();
        user.token = token.map(|token| token.to_owned().into());
        config
    };
    let list = async |config| {
        let maps: Api<ConfigMap> = Api::default_namespaced(client(config).await);
        maps.list(&Default::default()).await.map(|list| list.items.len()).map_err(|error| error.to_string())
    };
    assert!(list(admin.clone()).await.is_ok());
    assert!(list(with(Some("janes"))).await.unwrap_err().contains("User \"jane\" cannot list"));
    assert!(list(with(None)).await.unwrap_err().contains("User \"system:anonymous\" cannot list"));
    assert!(list(with(Some("unknown"))).await.unwrap_err().contains("Unauthorized"));
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn faults_come_from_a_script_and_those_that_hit_nothing_are_named() {
    let folder = std::env::temp_dir().join(format!("kubemem-faults-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let script = folder.join("faults.yaml");
    std::fs::write(&script, "- {verb: create, name: second, error: 422}\n- {verb: delete, name: never, error: 500}\n").unwrap();
    let file = folder.join("kubeconfig");
    let _ = std::fs::remove_file(&file);
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubemem"));
    command.arg("--kubeconfig").arg(&file).arg("--faults").arg(&script).kill_on_drop(true).stderr(std::process::Stdio::piped());
    let child = command.spawn().unwrap();
    let config = loop {
        if let Some(config) = std::fs::read_to_string(&file).ok().and_then(|text| Kubeconfig::from_yaml(&text).ok()) {
            break config;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    assert_eq!(std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&file).unwrap()) & 0o777, 0o600, "it may hold a token");
    let maps: Api<ConfigMap> = Api::default_namespaced(client(config).await);
    maps.create(&PostParams::default(), &map("first")).await.unwrap();
    let refused = maps.create(&PostParams::default(), &map("second")).await.unwrap_err();
    assert!(matches!(&refused, kube::Error::Api(status) if status.code == 422), "{refused}");
    let pid = child.id().unwrap().to_string();
    assert!(std::process::Command::new("kill").arg(pid).status().unwrap().success());
    let said = String::from_utf8(child.wait_with_output().await.unwrap().stderr).unwrap();
    assert!(said.contains("hit nothing") && said.contains("never") && !said.contains("second"), "{said}");
    std::fs::remove_dir_all(&folder).unwrap();
}
