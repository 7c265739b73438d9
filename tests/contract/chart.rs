//! The daemon's own chart: rendered as Helm renders it, installed by Helm, and the daemon with the rights that it gives, in both modes.
//!
//! Needs the `helm` binary as `helm.rs` does, and `kubectl`: `HELMWARD_KUBECTL`, else `~/.cache/helmward/controlplane/kubectl`.

use crate::helm::Helm;
use crate::story;
use crate::world::World;
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/charts/helmward");

#[tokio::test(flavor = "multi_thread")]
async fn the_daemons_own_chart_renders_and_installs() {
    let world = World::start().await;
    let Some(helm) = Helm::find(&world) else { return };
    let all = format!("{CHART}/ci/all-values.yaml");
    let restricted = "rbac.mode=impersonation,rbac.serviceAccounts={a,b},git.url=https://git.example/a,git.path=b";
    for values in [
        vec![],
        vec!["-f", &all, "--include-crds"],
        vec!["--set", restricted],
        vec!["--set", "rbac.create=false,serviceAccount.create=false,resources=null"],
    ] {
        let args: Vec<&str> = ["template", "own", CHART, "-n", "flux-system"].into_iter().chain(values).collect();
        let ours = Command::new(env!("CARGO_BIN_EXE_helmward")).args(&args).output().unwrap();
        assert!(ours.status.success(), "{args:?}: {}", String::from_utf8_lossy(&ours.stderr));
        assert_eq!(String::from_utf8(ours.stdout).unwrap(), helm.run(&args), "{args:?}");
    }
    // A name that no other test's namespace has; the pod is simulated, so that nothing runs in it.
    let namespace = format!("own-{}", std::process::id());
    let installed = helm.run(&[
        "install",
        "own",
        CHART,
        "-n",
        &namespace,
        "--create-namespace",
        "--set",
        "rbac.create=false",
        "--wait",
        "--timeout",
        "60s",
    ]);
    assert!(installed.contains("STATUS: deployed") && installed.contains("port-forward"), "{installed}");
    helm.run(&["uninstall", "own", "-n", &namespace, "--wait"]);
}

fn kubectl_binary() -> PathBuf {
    let default = || PathBuf::from(std::env::var("HOME").unwrap_or_default()).join(".cache/helmward/controlplane/kubectl");
    std::env::var("HELMWARD_KUBECTL").map_or_else(|_| default(), PathBuf::from)
}

fn kubectl(args: &[&str], kubeconfig: &std::path::Path, stdin: &str) -> String {
    let binary = kubectl_binary();
    let mut child = Command::new(&binary)
        .args(args)
        .env("KUBECONFIG", kubeconfig)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| panic!("{}: {e}; HELMWARD_KUBECTL names another", binary.display()));
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
    let out = child.wait_with_output().unwrap();
    assert!(out.status.success(), "kubectl {args:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_story_with_the_rights_of_the_chart() {
    with_rights("cluster-admin").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_story_with_the_right_to_impersonate_only() {
    with_rights("impersonation").await;
}

/// Installs the chart, and runs the daemon beside it with the token of the chart's service account and the arguments of its Deployment.
async fn with_rights(mode: &str) {
    let mut world = World::start().await;
    let Some(helm) = Helm::find(&world) else { return };
    // The definitions of earlier scenarios belong to a daemon: here they come with the chart.
    for crd in world.list("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", "").await {
        world.delete("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", crd["metadata"]["name"].as_str().unwrap()).await;
    }
    let set = format!("rbac.mode={mode},git.url={},git.path=clusters/demo", world.git.url);
    helm.run(&["install", "own", CHART, "-n", "flux-system", "--create-namespace", "--set", &set, "--wait", "--timeout", "60s"]);
    let manifest = helm.run(&["get", "manifest", "own", "-n", "flux-system"]);
    let checked = kubectl(&["apply", "--dry-run=server", "-n", "flux-system", "-f", "-"], &world.kubeconfig, &manifest);
    eprintln!("  {} objects pass a dry run", checked.lines().count());
    assert!(checked.lines().count() >= 4 && checked.contains("deployment.apps/helmward-controller"), "{checked}");

    let token = kubectl(&["create", "token", "helmward-controller", "-n", "flux-system", "--duration=1h"], &world.kubeconfig, "");
    let text = std::fs::read_to_string(&world.kubeconfig).unwrap();
    let mut config: Value = serde_yaml::from_str(&text).unwrap();
    for user in config["users"].as_array_mut().unwrap() {
        user["user"] = json!({"token": token.trim()});
    }
    let path = world.dir.path().join("daemon.kubeconfig");
    std::fs::write(&path, config.to_string()).unwrap();
    let may = |verb: &str, what: &str| {
        // kubectl shows no credentials to a server without TLS, such as kubemem, but asks for others anywhere.
        let account = "--as=system:serviceaccount:flux-system:helmward-controller";
        let args = ["auth", "can-i", verb, what, "-A", account];
        let out = Command::new(kubectl_binary()).args(args).env("KUBECONFIG", &world.kubeconfig).output().unwrap();
        String::from_utf8_lossy(&out.stdout).trim() == "yes"
    };
    for (verb, what) in [("create", "deployments.apps"), ("delete", "configmaps"), ("create", "secrets"), ("patch", "namespaces")] {
        assert_eq!(may(verb, what), mode == "cluster-admin", "{verb} {what}");
    }
    world.daemon_kubeconfig = Some(path.clone());

    let deployment = world.get("apps/v1", "Deployment", "flux-system", "helmward-controller").await.expect("it is installed");
    let args = deployment["spec"]["template"]["spec"]["containers"][0]["args"].as_array().unwrap().clone();
    let extra: Vec<&str> = args.iter().filter_map(Value::as_str).filter(|a| a.contains("-service-account=")).collect();
    if mode == "impersonation" {
        assert_eq!(extra, ["--git-service-account=helmward-git", "--default-service-account=default"]);
        // A tenant's rights in its own namespace, from the repository, made by the account that deploys it.
        world.git.write(
            "clusters/demo/rights.yaml",
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata:\n  name: deployer\n  namespace: shop\nroleRef:\n  \
             apiGroup: rbac.authorization.k8s.io\n  kind: ClusterRole\n  name: admin\nsubjects:\n  - kind: ServiceAccount\n    name: default\n    \
             namespace: shop\n",
        );
    }
    story::tell(&mut world, &extra).await;
    world.kill_daemon();
    helm.run(&["uninstall", "own", "-n", "flux-system", "--wait"]);
}
