//! Health by the expressions of users, and custom resources whose operator is played by the test.

use crate::pieces::{chart, definition, namespace, place_in_time, release, set_status};
use crate::world::{SOON, World, condition, ready};
use serde_json::json;
use std::time::{Duration, Instant};

const GROUP: &str = "kube-stager.example";
const SITE: (&str, &str) = ("kube-stager.example/v1alpha1", "StagingSite");
const SITE_TEMPLATE: &str = "apiVersion: kube-stager.example/v1alpha1\nkind: StagingSite\nmetadata:\n  name: {{ .Release.Name }}\nspec:\n  version: '{{ .Chart.Version }}'\n";
const EXPRESSIONS: &str = "  healthCheckExprs:\n    - apiVersion: kube-stager.example/v1alpha1\n      kind: StagingSite\n      inProgress: status.state == 'Pending'\n\
    \x20     failed: status.state == 'Failed'\n      current: status.state == 'Complete' && status.workloadHealth == 'Healthy'\n";

#[tokio::test(flavor = "multi_thread")]
async fn ks8_a_resource_waits_for_its_definition() {
    let mut world = World::start().await;
    chart(
        &world,
        "stager",
        "1.0.0",
        &[
            ("crds/sites.yaml", &definition(GROUP, "StagingSite")),
            ("templates/config.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: stager}\n"),
        ],
    );
    chart(&world, "site", "1.0.0", &[("templates/site.yaml", SITE_TEMPLATE)]);
    // The site is first by name, and depends on nothing.
    let all = namespace("staging") + &release("staging", "a-site", "site", "", "") + &release("staging", "stager", "stager", "", "");
    world.git.write("clusters/demo/all.yaml", &all);
    // Plain manifests, where both are in one folder.
    world.git.write(
        "plain/site.yaml",
        "apiVersion: plain.example/v1alpha1\nkind: Berth\nmetadata: {name: north, namespace: staging}\nspec: {}\n",
    );
    world.git.write("plain/z-definition.yaml", &definition("plain.example", "Berth"));
    world.git.write("clusters/demo/plain.yaml", &crate::pieces::bundle("plain", "./plain", ""));
    world.git.push("Operator and site in one commit");
    world.start_daemon(&[]).await;
    for name in ["a-site", "stager"] {
        world.until(&format!("{name} ready"), SOON, || async { world.release("staging", name).await.filter(|r| ready(r, "1.0.0")) }).await;
    }
    world
        .until("plain ready", SOON, || async {
            let plain = world.kustomization("flux-system", "plain").await?;
            (condition(&plain, "Ready")?.0 == "True").then_some(())
        })
        .await;
    for (crd, kind, name) in
        [("stagingsites.kube-stager.example", SITE, "a-site"), ("berths.plain.example", ("plain.example/v1alpha1", "Berth"), "north")]
    {
        let crd = world.get("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", crd).await.expect("it is there");
        let site = world.get(kind.0, kind.1, "staging", name).await.expect("it is there");
        assert_eq!(condition(&crd, "Established").expect("a condition").0, "True");
        // Nothing has touched the definition since it was established, and nothing the resource since it was made.
        assert!(place_in_time(&crd) < place_in_time(&site), "{kind:?} was made after its definition was established");
        assert_eq!(site["metadata"]["generation"], 1);
    }
    for name in ["a-site", "stager"] {
        let revisions: Vec<_> = world.release_secrets("staging", name).await.into_iter().map(|(n, status, _)| (n, status)).collect();
        assert_eq!(revisions, [(1, "deployed".to_owned())], "{name} has no failed revision");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ks11_expressions_decide_on_health() {
    let mut world = World::start().await;
    chart(&world, "site", "1.0.0", &[("templates/site.yaml", SITE_TEMPLATE)]);
    world.git.write("clusters/demo/definition.yaml", &definition(GROUP, "StagingSite"));
    world.git.write("clusters/demo/site.yaml", &(namespace("staging") + &release("staging", "site", "site", "", EXPRESSIONS)));
    world.git.push("A site");
    world.start_daemon(&[]).await;
    let message = async |kind: &str| {
        let site = world.release("staging", "site").await?;
        condition(&site, kind).map(|(status, _, message)| (status.to_owned(), message.to_owned()))
    };
    let says = async |what: &str, status: &str, words: &str| {
        world.until(what, SOON, || async { message("Ready").await.filter(|(s, m)| s == status && m.contains(words)) }).await
    };
    // No status yet, so no field that the expressions refer to.
    says("the missing field is told", "Unknown", "its expression `inProgress` cannot be evaluated: there is no `status`").await;
    set_status(&world, SITE, "staging", "site", json!({"workloadHealth": "Healthy"})).await;
    says("likewise", "Unknown", "there is no field `state`").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(message("Ready").await.expect("a condition").0, "Unknown", "a missing field passes nothing");

    set_status(&world, SITE, "staging", "site", json!({"state": "Pending", "workloadHealth": "Incomplete"})).await;
    says("pending", "Unknown", "Pending").await;
    set_status(&world, SITE, "staging", "site", json!({"state": "Failed", "errorMessage": "cannot create database: access denied"})).await;
    let since = Instant::now();
    says("failed", "False", "cannot create database: access denied").await;
    assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());

    // The fix: what its operator said before the change is no verdict on it.
    chart(&world, "site", "1.1.0", &[]);
    world.git.push("Mend it");
    let seen = |version: &'static str| {
        let world = &world;
        async move { world.get(SITE.0, SITE.1, "staging", "site").await.filter(|s| s["spec"]["version"] == version) }
    };
    world.until("1.1.0 applied", SOON, || seen("1.1.0")).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(message("Ready").await.expect("a condition").0, "Unknown", "the operator has not looked at it yet");
    set_status(&world, SITE, "staging", "site", json!({"state": "Complete", "workloadHealth": "Unhealthy", "errorMessage": null})).await;
    says("complete is not healthy", "Unknown", "Complete").await;
    set_status(&world, SITE, "staging", "site", json!({"state": "Complete", "workloadHealth": "Healthy"})).await;
    world.until("ready", SOON, || async { world.release("staging", "site").await.filter(|r| ready(r, "1.1.0")) }).await;

    // An upgrade that fails goes back, and says what the object says. Its operator tells no generation, so that only a status that is
    // not good at the time of the change tells that it works on it.
    set_status(&world, SITE, "staging", "site", json!({"state": "Pending"})).await;
    chart(&world, "site", "1.2.0", &[]);
    world.git.push("Break it");
    world.until("1.2.0 applied", SOON, || seen("1.2.0")).await;
    says("pending again", "Unknown", "Pending").await;
    set_status(&world, SITE, "staging", "site", json!({"state": "Failed", "errorMessage": "no such branch"})).await;
    world.until("1.1.0 again", SOON, || seen("1.1.0")).await;
    set_status(&world, SITE, "staging", "site", json!({"state": "Complete", "errorMessage": null})).await;
    world.until("rolled back", SOON, || async { message("RolledBack").await.filter(|(s, _)| s == "True") }).await;
    says("and why", "False", "no such branch").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn expressions_that_cannot_be_read_are_named() {
    let mut world = World::start().await;
    chart(
        &world,
        "site",
        "1.0.0",
        &[("templates/config.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '{{ .Release.Name }}'}\n")],
    );
    let broken = EXPRESSIONS.replace("status.state == 'Failed'", "status.state =='");
    let stranger = "  dependsOn:\n    - name: good\n      readyExpr: depp.status.x == 1\n";
    let endless = EXPRESSIONS.replace("status.state == 'Failed'", "\"'x'.replace('', 'yy') == ''\"");
    let all = [("broken", broken.as_str()), ("stranger", stranger), ("endless", endless.as_str()), ("good", "")];
    let text: String = all.iter().map(|(name, spec)| release("staging", name, "site", "", spec)).collect();
    world.git.write("clusters/demo/site.yaml", &(namespace("staging") + &text));
    world.git.push("Four releases");
    world.start_daemon(&[]).await;
    for (name, words) in [
        ("broken", "HelmRelease staging/broken: spec.healthCheckExprs[0].failed cannot be used"),
        ("endless", "spec.healthCheckExprs[0].failed cannot be used: the function `replace` is not offered"),
        ("stranger", "HelmRelease staging/stranger: spec.dependsOn[0].readyExpr cannot be used: it refers to `depp`"),
    ] {
        world
            .until(&format!("{name} is stalled"), SOON, || async {
                let release = world.release("staging", name).await?;
                let (status, reason, message) = condition(&release, "Stalled")?;
                (status == "True" && reason == "InvalidCELExpression" && message.contains(words)).then_some(())
            })
            .await;
        assert!(world.release_secrets("staging", name).await.is_empty(), "nothing of it is applied");
    }
    world.until("the others go on", SOON, || async { world.release("staging", "good").await.filter(|r| ready(r, "1.0.0")) }).await;
}
