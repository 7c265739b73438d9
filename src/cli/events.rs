//! `helmward events`: what happened to a release or kustomization, and to all that came of it.

use super::failure::{Exit, Failure};
use super::globals::Globals;
use super::household::Household;
use super::output::{Cell, Console, Format, Table};
use super::session::Session;
use super::status::text;
use super::{age, target};
use crate::api::kinds::ALL;
use crate::cluster::{Change, Depth, ListOptions, WatchHub, WatchSpec};
use crate::object::{Gvk, Json};
use clap::{Args, ValueEnum};
use jiff::Timestamp;
use serde_json::json;
use std::collections::BTreeSet;

#[derive(Args)]
#[command(override_usage = "helmward events [[KIND] NAME] [OPTIONS]")]
pub(super) struct EventsArgs {
    /// Of what: a HelmRelease by its name, or KIND NAME [default: all releases, kustomizations and sources]
    #[arg(value_name = "NAME")]
    what: Vec<String>,
    /// In all namespaces
    #[arg(short = 'A', long)]
    all_namespaces: bool,
    /// Only events of this type
    #[arg(long, value_enum, value_name = "TYPE", ignore_case = true)]
    types: Option<EventType>,
    /// Go on with what happens from now on
    #[arg(short, long)]
    watch: bool,
    /// How to print
    #[arg(short, long, value_enum, default_value = "table", value_name = "FORMAT")]
    output: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum EventType {
    /// All is well
    Normal,
    /// Somebody should look
    Warning,
}

/// Whose events are shown.
enum Whose {
    /// All objects of our kinds.
    Ours,
    /// These objects: kind, namespace and name; pods and ReplicaSets come and go, so that those are meant by the beginning of their names.
    Of { exact: BTreeSet<[String; 3]>, below: BTreeSet<[String; 2]> },
}

impl Whose {
    fn household(house: &Household) -> Self {
        let mut exact = BTreeSet::from([key(&house.unit)]);
        let mut below = BTreeSet::new();
        for member in &house.objects {
            exact.insert([member.id.kind.clone(), member.id.namespace.clone(), member.id.name.clone()]);
            if matches!(member.id.kind.as_str(), "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Job" | "CronJob") {
                below.insert([member.id.namespace.clone(), format!("{}-", member.id.name)]);
            }
        }
        exact.extend(house.members_pods().into_iter().map(key));
        Self::Of { exact, below }
    }

    fn has(&self, event: &Json) -> bool {
        let about = |field: &str| text(event, &format!("/involvedObject/{field}")).to_owned();
        match self {
            Self::Ours => ALL.iter().any(|kind| kind.kind == about("kind") && about("apiVersion").starts_with(kind.group)),
            Self::Of { exact, below } => {
                let key = [about("kind"), about("namespace"), about("name")];
                let child = matches!(key[0].as_str(), "Pod" | "ReplicaSet" | "Job");
                exact.contains(&key) || child && below.iter().any(|[namespace, stem]| *namespace == key[1] && key[2].starts_with(stem))
            }
        }
    }
}

fn key(object: &Json) -> [String; 3] {
    [text(object, "/kind"), text(object, "/metadata/namespace"), text(object, "/metadata/name")].map(str::to_owned)
}

pub(super) async fn events(args: EventsArgs, globals: &Globals, console: &Console) -> Result<Exit, Failure> {
    let session = Session::open(globals).await?;
    let (whose, namespaces) = if args.what.is_empty() {
        let namespace = if args.all_namespaces { String::new() } else { session.namespace().to_owned() };
        (Whose::Ours, BTreeSet::from([namespace]))
    } else {
        let target = target::one(&args.what, "hr")?;
        if args.all_namespaces {
            return Err(Failure::error("a name is in one namespace, and -A asks for all").hint("choose the namespace with -n"));
        }
        let (_, _, object) = session.fetch(&target).await?;
        let house = Household::read(&session, object, false).await;
        let mut namespaces: BTreeSet<String> = house.objects.iter().map(|member| member.id.namespace.clone()).collect();
        namespaces.insert(text(&house.unit, "/metadata/namespace").to_owned());
        namespaces.remove("");
        (Whose::household(&house), namespaces)
    };
    let wanted = |event: &Json| {
        let kind = text(event, "/type");
        whose.has(event) && args.types.is_none_or(|types| kind.eq_ignore_ascii_case(&format!("{types:?}")))
    };
    let resource = session.cluster.resource(&Gvk::new("v1", "Event")).await?;
    let mut found = Vec::new();
    for namespace in &namespaces {
        found.extend(session.cluster.list(&resource, &ListOptions::labels(namespace, "")).await?.items);
    }
    found.retain(wanted);
    found.sort_by(|a, b| (time(a), text(a, "/metadata/name")).cmp(&(time(b), text(b, "/metadata/name"))));
    print(&found, &args, console)?;
    if args.watch {
        return watch(&session, &namespaces, &found, &args, wanted, console).await;
    }
    if found.is_empty() {
        console.note("no events; the API server keeps them for an hour");
    }
    Ok(Exit::Ok)
}

/// When it last happened.
pub(super) fn time(event: &Json) -> Option<Timestamp> {
    let places = ["/series/lastObservedTime", "/lastTimestamp", "/eventTime", "/metadata/creationTimestamp"];
    places.iter().find_map(|place| text(event, place).parse().ok())
}

fn print(events: &[Json], args: &EventsArgs, console: &Console) -> Result<(), Failure> {
    match args.output {
        Format::Json | Format::Yaml => console.document(&json!({"apiVersion": "v1", "kind": "List", "items": events}), args.output),
        Format::Name => console.data(&events.iter().map(|event| format!("event/{}\n", text(event, "/metadata/name"))).collect::<String>()),
        Format::Table | Format::Wide if events.is_empty() => Ok(()),
        Format::Table | Format::Wide => console.data(&table(events, args, Timestamp::now(), console).render(true)),
    }
}

fn table(events: &[Json], args: &EventsArgs, now: Timestamp, console: &Console) -> Table {
    let namespaced = args.all_namespaces || args.output == Format::Wide;
    let mut header = vec!["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"];
    if namespaced {
        header.insert(0, "NAMESPACE");
    }
    let mut table = Table::new(&header);
    for event in events {
        let count = event.pointer("/series/count").or_else(|| event.get("count")).and_then(Json::as_i64).unwrap_or(1);
        let seen = time(event).map(|at| age::between(at, now)).unwrap_or_default();
        let seen = if count > 1 { format!("{seen} (x{count})") } else { seen };
        let object = format!("{}/{}", text(event, "/involvedObject/kind"), text(event, "/involvedObject/name"));
        let kind = text(event, "/type");
        let paint = |t: &str| if kind == "Warning" { console.out.warn(t) } else { t.to_owned() };
        let mut row: Vec<Cell> = vec![seen.into(), Cell::painted(kind, paint), text(event, "/reason").into(), object.into()];
        row.push(super::status::short(text(event, "/message")).into());
        if namespaced {
            row.insert(0, text(event, "/metadata/namespace").into());
        }
        table.row(row);
    }
    table
}

/// Prints each new event as it comes, until interrupted.
async fn watch(
    session: &Session,
    namespaces: &BTreeSet<String>,
    shown: &[Json],
    args: &EventsArgs,
    wanted: impl Fn(&Json) -> bool,
    console: &Console,
) -> Result<Exit, Failure> {
    let (hub, mut changes) = WatchHub::new(session.cluster.clone());
    let gvk = Gvk::new("v1", "Event");
    let handles: Vec<_> =
        namespaces.iter().map(|namespace| hub.ensure(WatchSpec::namespaced(gvk.clone(), namespace, Depth::Full))).collect();
    let version = |event: &Json| (text(event, "/metadata/uid").to_owned(), text(event, "/metadata/resourceVersion").to_owned());
    let known: BTreeSet<(String, String)> = shown.iter().map(version).collect();
    while let Some(change) = changes.recv().await {
        let Change::Applied { object, .. } = change.change else { continue };
        if change.watch.gvk != gvk || known.contains(&version(&object.body)) || !wanted(&object.body) {
            continue;
        }
        match args.output {
            Format::Table | Format::Wide => {
                let table = table(std::slice::from_ref(&object.body), args, Timestamp::now(), console);
                console.data(&table.render(false))?;
            }
            _ => print(std::slice::from_ref(&object.body), args, console)?,
        }
    }
    drop(handles);
    Ok(Exit::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_of_pods_that_are_gone_are_a_units_too() {
        let about = |kind: &str, namespace: &str, name: &str| json!({"involvedObject": {"apiVersion": "v1", "kind": kind, "namespace": namespace, "name": name}});
        let unit = json!({"kind": "HelmRelease", "metadata": {"name": "web", "namespace": "shop"},
            "status": {"inventory": {"entries": []}}});
        let deployment = crate::object::ObjectId::new("apps", "Deployment", "shop", "web");
        let member = super::super::household::Member { id: deployment, live: Ok(None), household: None };
        let whose = Whose::household(&Household { unit, objects: vec![member], ..Household::default() });
        for (kind, namespace, name, want) in [
            ("HelmRelease", "shop", "web", true),
            ("Deployment", "shop", "web", true),
            ("Pod", "shop", "web-5f-x", true),
            ("ReplicaSet", "shop", "web-5f", true),
            ("Pod", "shop", "website-5f", false),
            ("Pod", "other", "web-5f-x", false),
            ("Service", "shop", "web-svc", false),
        ] {
            assert_eq!(whose.has(&about(kind, namespace, name)), want, "{kind}/{namespace}/{name}");
        }
        assert!(!Whose::Ours.has(&about("Pod", "shop", "web")));
        let ours = json!({"involvedObject": {"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease"}});
        assert!(Whose::Ours.has(&ours));
    }
}
