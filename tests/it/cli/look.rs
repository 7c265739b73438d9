//! Commands that look at what came of a release: its tree, events and logs; and those that wait for it.

use super::cluster::{HELM, KUSTOMIZE, ready, shop, snapshot};
use super::{Said, World, run};
use serde_json::{Value, json};
use std::process::Stdio;
use std::time::{Duration, Instant};

/// A Deployment of one pod in `shop`; how the pod fares is in its name.
fn deploy(world: &World, name: &str, outcome: &str) {
    let annotations = json!({"sim.test/outcome": outcome});
    world.apply(json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "shop"},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": name}}, "template": {
            "metadata": {"labels": {"app": name}, "annotations": annotations},
            "spec": {"containers": [{"name": "app", "image": "x:1"}, {"name": "side", "image": "y:1"}]}}}}));
    until(|| {
        world.server.objects("", "pods", "shop").iter().any(|pod| {
            let mine = pod["metadata"]["labels"]["app"] == name;
            let waiting = pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"] == "CrashLoopBackOff";
            let ready = pod["status"]["containerStatuses"][1]["ready"] == true;
            mine && (if outcome == "crashloop" { waiting } else { ready })
        })
    });
}

#[track_caller]
fn until(holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(20), "it does not come about");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The shop with Deployments in the inventories of its release (`crash`) and of its kustomization (the release, and `good`).
fn deployed() -> World {
    let world = shop();
    deploy(&world, "crash", "crashloop");
    deploy(&world, "good", "ready");
    let inventory = |ids: &[&str]| json!({"entries": ids.iter().map(|id| json!({"id": id, "v": "v1"})).collect::<Vec<_>>()});
    world.status(HELM, "HelmRelease", "web", json!({"inventory": inventory(&["shop_gone__Service", "shop_crash_apps_Deployment"])}));
    world.status(
        KUSTOMIZE,
        "Kustomization",
        "apps",
        json!({"observedGeneration": 1, "conditions": ready("True", "applied"), "inventory":
            inventory(&["shop_good_apps_Deployment", "shop_web_helm.toolkit.fluxcd.io_HelmRelease"])}),
    );
    world
}

/// Generated parts of names replaced, blanks squeezed.
fn plain(text: &str) -> Vec<String> {
    let generated = regex::Regex::new(r"(crash|good)-[0-9a-z]+(-[0-9a-z]{5})?").unwrap();
    let blanks = regex::Regex::new(r" {2,}").unwrap();
    let name = |c: &regex::Captures<'_>| format!("{}-1{}", &c[1], if c.get(2).is_some() { "-x" } else { "" });
    text.lines().map(|line| blanks.replace_all(&generated.replace_all(line, name), "  ").into_owned()).collect()
}

#[test]
fn a_tree_leads_from_a_kustomization_to_its_pods() {
    let world = deployed();
    let said = world.run(&["tree", "ks/apps", "-n", "shop"]).exits(0);
    let want = [
        "NAME  STATE  MESSAGE",
        "Kustomization/shop/apps  Ready  applied",
        "├─ Deployment/shop/good  Current",
        "│  └─ ReplicaSet/shop/good-1  Current",
        "│  └─ Pod/shop/good-1-x  Current",
        "└─ HelmRelease/shop/web  Failed  Deployment/web: 0/1 ready",
        "  └─ release shop/web revision 3 (web-1.3.0)  deployed",
        "  ├─ Service/shop/gone  NotFound  not in the cluster",
        "  └─ Deployment/shop/crash  InProgress",
        "  └─ ReplicaSet/shop/crash-1  InProgress",
        "  └─ Pod/shop/crash-1-x  InProgress  CrashLoopBackOff in container app",
    ];
    let got = plain(&said.out);
    assert_eq!(got.len(), want.len(), "{}", said.out);
    for (got, want) in got.iter().zip(want) {
        assert!(got.starts_with(want), "{got:?} does not begin with {want:?}");
    }
    let document = world.run(&["tree", "web", "-n", "shop", "-o", "json"]).exits(0).json();
    assert_eq!(document["root"]["objects"][0]["objects"][0]["name"], "Service/shop/gone");
    let names = world.run(&["tree", "web", "-n", "shop", "-o", "name"]).exits(0);
    assert_eq!(plain(&names.out)[..2], ["HelmRelease/shop/web", "Service/shop/gone"]);
    world.run(&["tree", "gitrepo", "repo", "-n", "shop"]).exits(2).tells(&["GitRepository/shop/repo deploys nothing"]);
}

#[test]
fn a_status_says_what_is_wrong_and_what_to_do() {
    let world = deployed();
    let said = world.run(&["status", "web", "-n", "shop"]).exits(1);
    let said = said.prints(&[
        "HelmRelease/shop/web  Failed\n",
        "  Message:   Deployment/web:\n             0/1 ready\n",
        "  Revision:  1.3.0\n",
        "  From:      GitRepository/repo ./web\n",
        "  Source:    main@sha1:01234567\n",
        "  Objects:   0 of 2 healthy\n",
        "  ✗ Deployment/crash 0/1 ready: pod crash-",
        "  ✗ Service/gone: not in the cluster\n",
    ]);
    said.tells(&["→ `helmward history helmreleases/web -n shop`", "`helmward logs helmreleases/web -n shop`"]);
    let ready = world.run(&["status", "ks", "apps", "-n", "shop"]).exits(0);
    assert_eq!(ready.err, "");
    let document = world.run(&["status", "web", "-n", "shop", "-o", "json"]).exits(1).json();
    assert_eq!((&document["state"], document["unhealthy"].as_array().map(Vec::len)), (&json!("Failed"), Some(2)));
    let all = world.run(&["status", "-n", "shop"]).exits(1).tells(&["→ `helmward status helmreleases/web -n shop`"]);
    assert!(all.out.starts_with("1 Failed, 2 Ready\n\nSTATE    OBJECT                 FOR"), "{}", all.out);
    assert_eq!(world.run(&["status", "-A", "-o", "name", "-q"]).exits(1).err, "");
    assert_eq!(world.run(&["status"]).exits(0).out, "nothing in namespace default\n");
}

#[test]
fn events_are_those_of_the_release_and_its_pods() {
    let world = deployed();
    let event = |name: &str, kind: &str, about: &str, reason: &str, at: &str| {
        world.apply(json!({"apiVersion": "v1", "kind": "Event", "metadata": {"name": name, "namespace": "shop"}, "type": kind, "reason": reason,
            "message": format!("message of {name}"), "lastTimestamp": at, "involvedObject": {"kind": about, "namespace": "shop", "name": "web",
            "apiVersion": if about == "HelmRelease" { HELM } else { "v1" }}}));
    };
    event("late", "Warning", "HelmRelease", "UpgradeFailed", "2026-01-01T00:00:02Z");
    event("early", "Normal", "HelmRelease", "InstallSucceeded", "2026-01-01T00:00:01Z");
    event("foreign", "Warning", "ConfigMap", "Nothing", "2026-01-01T00:00:03Z");
    let said = world.run(&["events", "web", "-n", "shop"]).exits(0);
    assert!(!said.out.contains("foreign") && !said.out.contains("good"), "{}", said.out);
    let place = |words: &str| said.out.find(words).unwrap_or_else(|| panic!("{words}:\n{}", said.out));
    assert!(place("message of early") < place("message of late") && place("message of late") < place("BackOff"));
    let warnings = world.run(&["events", "web", "-n", "shop", "--types", "warning", "-o", "json"]).exits(0).json();
    assert!(warnings["items"].as_array().unwrap().iter().all(|event| event["type"] == "Warning"));
    let ours = world.run(&["events", "-A", "-o", "name"]).exits(0);
    assert_eq!(ours.out, "event/early\nevent/late\n");
    world.run(&["events", "-n", "default"]).exits(0).tells(&["no events"]);
}

#[test]
fn new_events_are_followed() {
    let world = shop();
    let mut child = world.command(&["events", "-n", "shop", "--watch"]).stdout(Stdio::piped()).spawn().unwrap();
    let began = Instant::now();
    let mut n = 0;
    // the watch begins at some time: events come until one is seen
    let (send, seen) = std::sync::mpsc::channel();
    let out = child.stdout.take().unwrap();
    std::thread::spawn(move || {
        use std::io::BufRead;
        std::io::BufReader::new(out).lines().map_while(Result::ok).for_each(|line| _ = send.send(line));
    });
    let line = loop {
        assert!(began.elapsed() < Duration::from_secs(20), "no event is printed");
        n += 1;
        world.apply(json!({"apiVersion": "v1", "kind": "Event", "metadata": {"name": format!("e{n}"), "namespace": "shop"}, "type": "Normal",
            "reason": "Tried", "message": "again", "involvedObject": {"apiVersion": HELM, "kind": "HelmRelease", "namespace": "shop", "name": "web"}}));
        if let Some(line) = seen.recv_timeout(Duration::from_millis(200)).ok().filter(|line| line.contains("HelmRelease/web")) {
            break line;
        }
    };
    assert!(line.contains("Tried") && line.ends_with("again"), "{line}");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn logs_are_those_of_every_container_with_its_name() {
    let world = deployed();
    let logs = |args: &[&str]| world.run(&[&["logs", "-n", "shop"], args].concat());
    let said = logs(&["web"]).exits(0);
    let want = [
        "[pod/crash-1-x/app] app says panic: out of coffee",
        "[pod/crash-1-x/app] asked for ",
        "[pod/crash-1-x/side] side says panic: out of coffee",
    ];
    assert_eq!(plain(&said.out)[..3], want);
    let said = logs(&["web", "-c", "side", "--previous", "--since", "90s", "--tail", "5", "--timestamps", "--no-prefix"]).exits(0);
    assert_eq!(said.out, "side says panic: out of coffee\nasked for previous=true sinceSeconds=90 tailLines=5 timestamps=true\n");
    // those of the release that a kustomization deploys, too
    let said = logs(&["ks", "apps", "-c", "app"]).exits(0);
    let first: Vec<String> = plain(&said.out).into_iter().step_by(2).collect();
    assert_eq!(first, ["[pod/good-1-x/app] app says hello", "[pod/crash-1-x/app] app says panic: out of coffee"]);
    logs(&["web", "-c", "nobody"])
        .exits(1)
        .tells(&["HelmRelease/web has no pod with a container nobody", "`helmward tree helmreleases/web -n shop`"]);
    logs(&["gitrepo", "repo"]).exits(2).tells(&["has no pods"]);
}

#[test]
fn templates_print_fields() {
    let world = shop();
    let print = |template: &str| world.run(&["get", "hr,ks", "-n", "shop", "-o", &format!("jsonpath={template}")]);
    assert_eq!(print("{.items[*].metadata.name}").exits(0).out, "web apps");
    let rows = print("{range .items[*]}{.kind}/{.metadata.name} {.status.conditions[?(@.type==\"Ready\")].status}{\"\\n\"}{end}").exits(0);
    assert_eq!(rows.out, "HelmRelease/web False\nKustomization/apps \n");
    print("{.items[5]}").exits(2).tells(&["index 5 is out of bounds: the list has 2 items", "`-o json` shows"]);
    let one = world.run(&["get", "hr", "web", "-n", "shop", "-o", "jsonpath={.spec.chart.spec.chart}"]).exits(0);
    assert_eq!(one.out, "./web");
}

/// A command that goes on while the cluster changes.
fn meanwhile(world: &World, args: &[&str], act: impl FnOnce()) -> Said {
    let mut command = world.command(args);
    std::thread::scope(|scope| {
        let running = scope.spawn(move || run(&mut command));
        act();
        running.join().unwrap()
    })
}

fn settle(world: &World, name: &str, status: &str, more: Value) {
    let mut body = json!({"observedGeneration": 1, "conditions": ready(status, "settled"), "history": [snapshot(4, "deployed")]});
    more.as_object().unwrap().iter().for_each(|(key, value)| body[key] = value.clone());
    world.status(HELM, "HelmRelease", name, body);
}

#[test]
fn waiting_ends_when_it_is_so() {
    let world = shop();
    let said = meanwhile(&world, &["wait", "web", "-n", "shop", "--timeout", "20s"], || {
        std::thread::sleep(Duration::from_millis(500));
        settle(&world, "web", "True", json!({}));
    });
    assert_eq!(said.exits(0).out, "helmrelease.helm.toolkit.fluxcd.io/web ready\n");
    world.run(&["wait", "web", "-n", "shop", "--for", "revision=1.4.0"]).exits(0).prints(&["ready at 1.4.0"]);
    world.run(&["wait", "gitrepo/repo", "-n", "shop", "--for=revision=0123456"]).exits(0);
    world.run(&["wait", "web", "-n", "shop", "--for=condition=Ready=False", "--timeout=300ms"]).exits(3);
    world.run(&["wait", "gone", "-n", "shop", "--for=delete"]).exits(0).prints(&["gone deleted"]);
    world.run(&["wait", "gone", "-n", "shop", "--timeout=300ms"]).exits(3).tells(&["HelmRelease/shop/gone is not there"]);
    world.run(&["wait", "--all", "hr", "-n", "shop"]).exits(0);
    world.run(&["wait", "--all", "-n", "shop", "--timeout=300ms"]).exits(3).tells(&["Kustomization/shop/apps was not done"]);
    world.run(&["wait", "--all", "hr", "-n", "default"]).exits(1).tells(&["nothing to wait for in namespace default"]);
    let quiet = world.run(&["wait", "ks/apps", "-n", "shop", "--timeout=300ms", "-q"]).exits(3);
    assert!(quiet.err.starts_with("error: Kustomization/shop/apps was not done within 300ms"), "{}", quiet.err);
}

#[test]
fn a_failed_wait_tells_the_object_its_event_and_its_log() {
    let world = deployed();
    let said = meanwhile(&world, &["reconcile", "web", "-n", "shop", "--wait", "--timeout", "20s"], || {
        let token = || {
            let release = world.object("helm.toolkit.fluxcd.io", "helmreleases", "shop", "web")?;
            release["metadata"]["annotations"]["reconcile.fluxcd.io/requestedAt"].as_str().map(str::to_owned)
        };
        until(|| token().is_some());
        settle(&world, "web", "False", json!({"lastHandledReconcileAt": token().unwrap()}));
    });
    let said = said.exits(1).tells(&[
        "✗ Deployment/crash 0/1 ready: pod crash-",
        "CrashLoopBackOff in container app",
        "    condition  Available=False",
        "    event      BackOff Pod/crash-",
        "container app, before its last restart:\n      | app says panic: out of coffee\n      | asked for previous=true tailLines=10\n",
        "✗ Service/gone: not in the cluster\n",
        "error: HelmRelease/shop/web is not ready: settled\n",
        "→ `helmward history helmreleases/web -n shop`",
    ]);
    assert_eq!(said.out, "");
}

#[test]
fn a_rollback_is_judged_by_what_is_deployed_then() {
    for (status, code) in [("deployed", 0), ("failed", 1)] {
        let world = shop();
        let said = meanwhile(&world, &["rollback", "web", "1", "-n", "shop", "--wait", "--timeout", "20s"], || {
            let release = || world.object("helm.toolkit.fluxcd.io", "helmreleases", "shop", "web").unwrap();
            until(|| release()["metadata"]["annotations"]["helmward.dev/rollback-to"] == "1");
            let history = json!([snapshot(4, status), snapshot(1, "superseded")]);
            settle(&world, "web", "False", json!({"history": history}));
        });
        let said = said.exits(code);
        assert_eq!((said.err.contains("is back at 1"), said.err.contains("error: ")), (code == 0, code == 1), "{}", said.err);
    }
}
