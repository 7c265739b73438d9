//! Workloads on kubemem become what they become on a real control plane, whose facts are recorded.
//!
//! Each scenario has a namespace of its own; what is seen at each look, with everything random masked, and which events
//! there were at the end, is compared with `tests/recorded/simulation/`. Time is paused, so minutes take milliseconds.
//!
//! - `KUBEMEM_REAL_KUBECONFIG=FILE cargo test -p kubemem --test simulation` compares with that cluster, too; it must
//!   have the pods of the simulation (`sim.test/outcome`), and takes a few minutes.
//! - with `KUBEMEM_RECORD=1` as well it writes the recording anew, from the cluster only.
//! - `KUBEMEM_SCENARIO=TEXT` runs only the scenarios whose names contain the text.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod cluster;
mod facts;
mod scenarios;

use std::fmt::Write as _;
use std::path::PathBuf;

use futures::StreamExt as _;
use kube::Client;
use kubemem::{Options, Server};
use serde_json::{Map, Value};

use scenarios::Scenario;

/// Scenarios that kubemem does not play as the cluster does; it is an error if one does.
const KNOWN: [(&str, &str); 1] = [("quota-exceeded", "quotas are counted, not enforced")];

/// What is seen in one scenario: the facts at each look, then the events.
type Story = Map<String, Value>;

fn wanted() -> Vec<Scenario> {
    let part = std::env::var("KUBEMEM_SCENARIO").unwrap_or_default();
    scenarios::all().into_iter().filter(|scenario| scenario.name.contains(&part)).collect()
}

fn recording(scenario: &Scenario) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/recorded/simulation").join(format!("{}.json", scenario.name))
}

async fn on_kubemem(scenario: &Scenario) -> Story {
    // the node is called as that of the cluster
    let server = Server::new(Options { node: "fake-0".into(), seed: 7, ..Options::default() });
    cluster::play(&Client::new(server.router(), "default"), scenario).await
}

#[test]
fn kubemem_is_as_recorded() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let mut failures = String::new();
    for scenario in wanted() {
        let Ok(text) = std::fs::read_to_string(recording(&scenario)) else {
            assert!(std::env::var("KUBEMEM_RECORD").is_ok(), "{} is not recorded", scenario.name);
            continue;
        };
        let expected: Story = serde_json::from_str(&text).unwrap();
        let found = runtime().block_on(on_kubemem(&scenario));
        let known = KNOWN.iter().find(|(name, _)| *name == scenario.name);
        match known {
            Some((name, why)) => assert!(expected != found, "{name} is as recorded now, so take away its excuse: {why}"),
            None => compare(&scenario, &expected, &found, &mut failures),
        }
    }
    assert!(failures.is_empty(), "kubemem differs from the recording (- recorded, + kubemem):\n{failures}");
}

#[tokio::test]
async fn the_cluster_is_as_recorded() {
    let Ok(kubeconfig) = std::env::var("KUBEMEM_REAL_KUBECONFIG") else { return };
    let record = std::env::var("KUBEMEM_RECORD").is_ok();
    let client = cluster::connect(&kubeconfig).await;
    let stories = futures::stream::iter(wanted())
        .map(|scenario| async { (cluster::play(&client, &scenario).await, scenario) })
        .buffer_unordered(12)
        .collect::<Vec<_>>()
        .await;
    let mut failures = String::new();
    for (found, scenario) in stories {
        if record {
            std::fs::create_dir_all(recording(&scenario).parent().unwrap()).unwrap();
            std::fs::write(recording(&scenario), serde_json::to_string_pretty(&found).unwrap() + "\n").unwrap();
            continue;
        }
        let expected: Story = serde_json::from_str(&std::fs::read_to_string(recording(&scenario)).unwrap()).unwrap();
        compare(&scenario, &expected, &found, &mut failures);
    }
    assert!(failures.is_empty(), "the cluster differs from the recording (- recorded, + cluster):\n{failures}");
}

fn compare(scenario: &Scenario, expected: &Story, found: &Story, failures: &mut String) {
    if expected == found {
        return;
    }
    let _ = writeln!(failures, "== {}", scenario.name);
    let (old, new) = (lines("", &Value::Object(expected.clone())), lines("", &Value::Object(found.clone())));
    for (sign, these, those) in [("-", &old, &new), ("+", &new, &old)] {
        let mut rest = those.clone();
        for line in these {
            match rest.iter().position(|other| other == line) {
                Some(at) => drop(rest.swap_remove(at)),
                None => drop(writeln!(failures, "{sign} {line}")),
            }
        }
    }
}

/// A line per leaf, with its path.
fn lines(path: &str, value: &Value) -> Vec<String> {
    match value {
        Value::Object(map) if !map.is_empty() => map.iter().flat_map(|(key, inner)| lines(&format!("{path}.{key}"), inner)).collect(),
        Value::Array(list) if !list.is_empty() => list.iter().flat_map(|inner| lines(&format!("{path}[]"), inner)).collect(),
        leaf => vec![format!("{path} = {leaf}")],
    }
}
