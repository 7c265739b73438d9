//! Tenants of one cluster: each acts with the rights of its service account, and only within them.

use crate::world::{SOON, World, condition, example, fast, ready};

/// A namespace, what its `default` account may do there, and a release of the web chart.
fn tenant(name: &str, spec: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {name}\n---\n\
         apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata:\n  name: deployer\n  namespace: {name}\n\
         roleRef:\n  apiGroup: rbac.authorization.k8s.io\n  kind: ClusterRole\n  name: admin\n\
         subjects:\n  - kind: ServiceAccount\n    name: default\n    namespace: {name}\n---\n\
         apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: stranger\n  namespace: {name}\n---\n\
         apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n  name: web\n  namespace: {name}\nspec:\n  interval: 1m\n  timeout: 30s\n{spec}\
         \x20 chart:\n    spec:\n      chart: ./charts/web\n      sourceRef:\n        kind: GitRepository\n        name: flux-system\n        namespace: flux-system\n"
    )
}

/// The root acts as an account that may do everything.
async fn root(world: &World) {
    for object in [
        serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "flux-system"}}),
        serde_json::json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "root", "namespace": "flux-system"}}),
        serde_json::json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": {"name": "root", "labels": {"app.kubernetes.io/managed-by": "Helm"}},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"kind": "ServiceAccount", "name": "root", "namespace": "flux-system"}],
        }),
    ] {
        let (kind, name) = (object["kind"].as_str().unwrap().to_owned(), object["metadata"]["name"].as_str().unwrap().to_owned());
        let api_version = object["apiVersion"].as_str().unwrap().to_owned();
        let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default().to_owned();
        if world.get(&api_version, &kind, &namespace, &name).await.is_none() {
            world.create(object).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pr12_a_tenant_cannot_write_beyond_its_rights() {
    let mut world = World::start().await;
    root(&world).await;
    world.git.copy(&example("web", "01-install/charts"), "charts");
    world.git.write("clusters/demo/a.yaml", &tenant("team-a", "  targetNamespace: team-b\n"));
    world.git.write("clusters/demo/b.yaml", &tenant("team-b", ""));
    world.git.write("clusters/demo/c.yaml", &tenant("team-c", "  serviceAccountName: stranger\n"));
    world.git.push("Three teams");
    world.start_daemon(&["--git-service-account=root", "--default-service-account=default"]).await;
    world.until("team-b is deployed", SOON, || async { world.release("team-b", "web").await.filter(|r| ready(r, "1.0.0")) }).await;
    for (team, account) in [("team-a", "default"), ("team-c", "stranger")] {
        let said = world
            .until(&format!("{team} is told what it may not"), SOON, || async {
                let release = world.release(team, "web").await?;
                let (status, _, message) = condition(&release, "Ready")?;
                (status == "False").then(|| message.to_owned())
            })
            .await;
        assert!(said.contains(&format!("system:serviceaccount:{team}:{account}")), "who is refused is named: {said}");
        assert!(said.contains("forbidden") || said.contains("cannot"), "{said}");
        assert!(world.get("apps/v1", "Deployment", team, "web").await.is_none());
    }
    assert!(ready(&world.release("team-b", "web").await.unwrap(), "1.0.0"), "reported on the one that it concerns only");
    let deployment = world.get("apps/v1", "Deployment", "team-b", "web").await.expect("its own");
    assert_eq!(deployment["metadata"]["labels"]["helm.toolkit.fluxcd.io/namespace"], "team-b", "nobody took it over");

    // Rights are given: it goes on by itself.
    let right = tenant("team-c", "  serviceAccountName: stranger\n").replace("    name: default", "    name: stranger");
    world.git.write("clusters/demo/c.yaml", &fast(&right));
    world.git.push("Team C may deploy");
    world.until("team-c is deployed", SOON, || async { world.release("team-c", "web").await.filter(|r| ready(r, "1.0.0")) }).await;

    // A namespace with all that is in it goes at once, its account too: nothing waits for a right that nobody has any more.
    world.delete("v1", "ServiceAccount", "team-c", "stranger").await;
    world.git.discard("clusters/demo/c.yaml");
    world.git.push("Team C leaves");
    world.until("team-c is gone from the cluster", SOON, || async { world.release("team-c", "web").await.is_none().then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sources_of_other_namespaces_can_be_refused() {
    let mut world = World::start().await;
    world.git.copy(&example("web", "01-install/charts"), "charts");
    world.git.write("clusters/demo/a.yaml", &tenant("team-a", ""));
    world.git.push("A team");
    world.start_daemon(&["--no-cross-namespace-refs"]).await;
    let release = world
        .until("refused", SOON, || async {
            let release = world.release("team-a", "web").await?;
            condition(&release, "Ready").is_some_and(|(_, reason, _)| reason == "AccessDenied").then_some(release)
        })
        .await;
    let (status, _, message) = condition(&release, "Ready").unwrap();
    assert_eq!(status, "False");
    assert!(
        message.contains("can't access 'GitRepository/flux-system/flux-system', cross-namespace references have been blocked"),
        "{message}"
    );
    assert!(world.release_secrets("team-a", "web").await.is_empty(), "nothing was written");
}
