//! `helmward tree`: what came of a release or kustomization, down to its pods, each with its health.

use super::failure::{Exit, Failure};
use super::globals::Globals;
use super::household::{Household, Member};
use super::output::{Cell, Console, Format, Table};
use super::session::Session;
use super::status::{self, text};
use super::{standing, target};
use crate::health::{self, Health, HealthState};
use crate::object::Json;
use clap::Args;
use serde_json::json;

#[derive(Args)]
#[command(override_usage = "helmward tree [KIND] NAME [OPTIONS]")]
pub(super) struct TreeArgs {
    /// Whose objects: a HelmRelease by its name, or ks NAME
    #[arg(value_name = "NAME", required = true)]
    what: Vec<String>,
    /// ReplicaSets of earlier rollouts too
    #[arg(long)]
    all: bool,
    /// How to print
    #[arg(short, long, value_enum, default_value = "table", value_name = "FORMAT")]
    output: Format,
}

/// An object with what stands below it.
#[derive(Debug, Clone, PartialEq)]
struct Branch {
    name: String,
    state: String,
    health: Option<HealthState>,
    message: String,
    below: Vec<Branch>,
}

pub(super) async fn tree(args: TreeArgs, globals: &Globals, console: &Console) -> Result<Exit, Failure> {
    let target = target::one(&args.what, "hr")?;
    let session = Session::open(globals).await?;
    let (_, id, object) = session.fetch(&target).await?;
    if !matches!(id.kind.as_str(), "HelmRelease" | "Kustomization") {
        return Err(Failure::error(format!("{id} deploys nothing")).hint("releases (hr) and kustomizations (ks) have a tree"));
    }
    let house = Household::read(&session, object, true).await;
    let root = of_household(&house, args.all);
    match args.output {
        Format::Json | Format::Yaml => {
            console.document(&json!({"apiVersion": "helmward.dev/v1alpha1", "kind": "Tree", "root": document(&root)}), args.output)?
        }
        Format::Name => {
            let mut names = String::new();
            list(&root, &mut names);
            console.data(&names)?;
        }
        Format::Table | Format::Wide => {
            let mut table = Table::new(&["NAME", "STATE", "MESSAGE"]);
            rows(&root, "", "", console, &mut table);
            console.data(&table.render(true))?;
        }
    }
    house.gaps.iter().for_each(|gap| console.warn(gap));
    if house.objects.is_empty() {
        console.note(&format!("{id} has no objects yet"));
    }
    Ok(Exit::Ok)
}

fn of_household(house: &Household, all: bool) -> Branch {
    let unit = &house.unit;
    let pill = standing::pill(unit);
    let objects = house.objects.iter().map(|member| of_member(house, member, all)).collect();
    let below = match newest_release(unit) {
        Some((name, state)) => vec![Branch { name, state, health: None, message: String::new(), below: objects }],
        None => objects,
    };
    let health = match pill {
        crate::release::report::Pill::Ready => HealthState::Current,
        crate::release::report::Pill::Failed => HealthState::Failed,
        _ => HealthState::InProgress,
    };
    let message = status::short(status::ready(unit).message);
    Branch { name: name(unit), state: pill.as_str().into(), health: Some(health), message, below }
}

/// The Helm release that a HelmRelease made last, and its state.
fn newest_release(unit: &Json) -> Option<(String, String)> {
    let newest = unit.pointer("/status/history/0").filter(|_| text(unit, "/kind") == "HelmRelease")?;
    let number = newest.get("version").and_then(Json::as_i64)?;
    let (namespace, name) = (text(newest, "/namespace"), text(newest, "/name"));
    let chart = format!("{}-{}", text(newest, "/chartName"), text(newest, "/chartVersion"));
    Some((format!("release {namespace}/{name} revision {number} ({chart})"), text(newest, "/status").to_owned()))
}

fn of_member(house: &Household, member: &Member, all: bool) -> Branch {
    if let Some(inner) = &member.household {
        return of_household(inner, all);
    }
    match &member.live {
        Ok(Some(live)) => of_object(house, live, all),
        _ => branch(member.id.to_string(), &member.health(), Vec::new()),
    }
}

fn of_object(house: &Household, live: &Json, all: bool) -> Branch {
    let owners = Household::owned(&house.owners, live).into_iter().filter(|owner| all || !is_past(owner));
    let mut below: Vec<Branch> = owners.map(|owner| of_object(house, owner, all)).collect();
    below.extend(Household::owned(&house.pods, live).into_iter().map(|pod| of_object(house, pod, all)));
    let mut health = health::check(Some(live));
    if text(live, "/kind") == "Pod" && health.state != HealthState::Current {
        // of a pod, its containers tell more than its conditions
        let id = crate::object::ObjectId::new("", "Pod", text(live, "/metadata/namespace"), text(live, "/metadata/name"));
        let found = health::cause::find(&id, Some(live), &health, &house.family());
        health.message = found.sentence.split_once(": ").map_or(found.sentence.clone(), |(_, rest)| rest.to_owned());
    }
    branch(name(live), &health, below)
}

/// A ReplicaSet of an earlier rollout.
fn is_past(owner: &Json) -> bool {
    let count = |place: &str| owner.pointer(place).and_then(Json::as_i64).unwrap_or_default();
    text(owner, "/kind") == "ReplicaSet" && count("/spec/replicas") == 0 && count("/status/replicas") == 0
}

fn branch(name: String, health: &Health, below: Vec<Branch>) -> Branch {
    let message = if health.state == HealthState::Current { String::new() } else { health.message.clone() };
    Branch { name, state: health.state.to_string(), health: Some(health.state), message, below }
}

fn name(object: &Json) -> String {
    let parts = [text(object, "/kind"), text(object, "/metadata/namespace"), text(object, "/metadata/name")];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
}

fn rows(branch: &Branch, first: &str, rest: &str, console: &Console, table: &mut Table) {
    let paint = |t: &str| match branch.health {
        None => t.to_owned(),
        Some(HealthState::Current) => console.out.good(t),
        Some(HealthState::Failed | HealthState::NotFound) => console.out.bad(t),
        Some(_) => console.out.warn(t),
    };
    let message = if branch.message.is_empty() { Cell::blank() } else { Cell::from(&branch.message) };
    table.row(vec![Cell::indented(first, &branch.name), Cell::painted(&branch.state, paint), message]);
    let last = branch.below.len().saturating_sub(1);
    for (n, below) in branch.below.iter().enumerate() {
        let (mark, line) = if n == last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        rows(below, &format!("{rest}{mark}"), &format!("{rest}{line}"), console, table);
    }
}

fn list(branch: &Branch, out: &mut String) {
    if branch.health.is_some() {
        out.push_str(&branch.name);
        out.push('\n');
    }
    branch.below.iter().for_each(|below| list(below, out));
}

fn document(branch: &Branch) -> Json {
    let below: Vec<Json> = branch.below.iter().map(document).collect();
    json!({"name": branch.name, "state": branch.state, "message": branch.message, "objects": below})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::output::Paint;
    use crate::object::ObjectId;

    fn object(kind: &str, name: &str, uid: &str, owner: &str, more: Json) -> Json {
        let mut out = json!({"kind": kind, "apiVersion": if kind == "Pod" { "v1" } else { "apps/v1" },
            "metadata": {"name": name, "namespace": "shop", "uid": uid, "ownerReferences": [{"uid": owner}]}});
        for (key, value) in more.as_object().cloned().unwrap_or_default() {
            out[key] = value;
        }
        out
    }

    #[test]
    fn a_release_is_shown_down_to_its_pods() {
        let deployment = object("Deployment", "web", "1", "", json!({"spec": {"replicas": 1}, "status": {}}));
        let crashing = json!({"status": {"phase": "Running", "containerStatuses": [
            {"name": "app", "restartCount": 3, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}});
        let missing = ObjectId::new("", "Service", "shop", "gone");
        let house = Household {
            unit: json!({"kind": "HelmRelease", "metadata": {"name": "web", "namespace": "shop"}, "status": {
                "conditions": [{"type": "Ready", "status": "False", "message": "it\nfailed"}],
                "history": [{"version": 2, "name": "web", "namespace": "shop", "chartName": "web", "chartVersion": "1.0.0", "status": "failed"}]}}),
            objects: vec![
                Member { id: ObjectId::new("apps", "Deployment", "shop", "web"), live: Ok(Some(deployment)), household: None },
                Member { id: missing, live: Ok(None), household: None },
            ],
            owners: vec![
                object("ReplicaSet", "web-2", "3", "1", json!({"spec": {"replicas": 1}, "status": {"replicas": 1, "readyReplicas": 1}})),
                object("ReplicaSet", "web-1", "2", "1", json!({"spec": {"replicas": 0}, "status": {"replicas": 0}})),
                object("ReplicaSet", "other", "9", "8", json!({"spec": {"replicas": 1}})),
            ],
            pods: vec![object("Pod", "web-2-x", "4", "3", crashing), object("Pod", "stray", "5", "9", json!({}))],
            ..Household::default()
        };
        let console = Console { out: Paint(false), err: Paint(false), quiet: false };
        let shown = |all: bool| {
            let mut table = Table::new(&["NAME", "STATE", "MESSAGE"]);
            rows(&of_household(&house, all), "", "", &console, &mut table);
            let words = |line: &str| line.split("   ").map(str::trim).filter(|cell| !cell.is_empty()).collect::<Vec<_>>().join(" | ");
            table.render(false).lines().map(words).collect::<Vec<_>>()
        };
        let want = [
            "HelmRelease/shop/web | Failed | it failed",
            "└─ release shop/web revision 2 (web-1.0.0) | failed",
            "├─ Deployment/shop/web | InProgress",
            "└─ ReplicaSet/shop/web-2",
            "└─ Pod/shop/web-2-x",
            "└─ Service/shop/gone | NotFound | not in the cluster",
        ];
        let got = shown(false);
        assert_eq!(got.len(), want.len(), "{got:#?}");
        for (got, want) in got.iter().zip(want) {
            assert!(got.trim_start_matches(['│', ' ', '|']).starts_with(want), "{got:?} is not {want:?}");
        }
        assert!(got[4].contains("CrashLoopBackOff in container app, 3 restarts"), "{}", got[4]);
        assert_eq!(shown(true).len(), 7, "the ReplicaSet of the earlier rollout");
    }
}
