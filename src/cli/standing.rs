//! `helmward status`: how things stand: the sentence that matters, why, and what to do. Without a name, of all that is not ready.

use super::failure::{Exit, Failure};
use super::globals::Globals;
use super::household::Household;
use super::output::{Cell, Console, Format, Table};
use super::session::Session;
use super::status::{self, condition, text};
use super::{age, get, target};
use crate::api::kinds::Kind;
use crate::api::names;
use crate::cluster::ListOptions;
use crate::health::HealthState;
use crate::object::{Json, ObjectId};
use crate::release::report::Pill;
use clap::Args;
use jiff::Timestamp;
use serde_json::json;

#[derive(Args)]
#[command(override_usage = "helmward status [[KIND] NAME] [OPTIONS]")]
pub(super) struct StatusArgs {
    /// Of what: a HelmRelease by its name, or KIND NAME [default: everything in the namespace]
    #[arg(value_name = "NAME")]
    what: Vec<String>,
    /// In all namespaces
    #[arg(short = 'A', long)]
    all_namespaces: bool,
    /// How to print
    #[arg(short, long, value_enum, default_value = "table", value_name = "FORMAT")]
    output: Format,
}

pub(super) async fn status(args: StatusArgs, globals: &Globals, console: &Console) -> Result<Exit, Failure> {
    if args.what.is_empty() {
        return overview(&args, globals, console).await;
    }
    let target = target::one(&args.what, "hr")?;
    if args.all_namespaces {
        return Err(Failure::error("a name is in one namespace, and -A asks for all").hint("choose the namespace with -n"));
    }
    let session = Session::open(globals).await?;
    let (_, id, object) = session.fetch(&target).await?;
    let source = source(&session, &object, &id).await;
    let pill = pill(&object);
    let house = Household::read(&session, object, false).await;
    let facts = facts(&house, source.as_ref(), Timestamp::now());
    match args.output {
        Format::Json | Format::Yaml => {
            let mut document =
                json!({"apiVersion": "helmward.dev/v1alpha1", "kind": "Status", "object": id.to_string(), "state": pill.as_str()});
            for (key, value) in &facts {
                document[key.to_lowercase()] = json!(value);
            }
            document["unhealthy"] = house.findings().iter().map(|f| json!({"object": f.object.to_string(), "why": f.sentence})).collect();
            console.document(&document, args.output)?;
        }
        Format::Name => console.data(&format!("{}\n", pill.as_str()))?,
        Format::Table | Format::Wide => console.data(&card(&id, pill, &facts, &house, console))?,
    }
    house.gaps.iter().for_each(|gap| console.warn(gap));
    if let Some(next) = next(pill, target.kind, &id, is_pinned(&house.unit)) {
        console.note(&format!("{} {next}", console.err.dim("→")));
    }
    Ok(if pill == Pill::Ready { Exit::Ok } else { Exit::Differs })
}

/// Whether a person took it back to an earlier revision, where it stays.
fn is_pinned(object: &Json) -> bool {
    object.pointer("/metadata/annotations").is_some_and(|annotations| annotations.get(names::ROLLBACK_TO).is_some())
}

/// The state of an object in one word, from its conditions: the word that the daemon's page has for it.
pub(super) fn pill(object: &Json) -> Pill {
    let holds = |kind: &str| condition(object, kind).is_some_and(|c| c.status == "True");
    let ready = status::ready(object);
    let retries = condition(object, "Reconciling").is_some_and(|c| c.reason == "ProgressingWithRetry");
    match ready.status {
        _ if status::suspended(object) => Pill::Suspended,
        _ if !status::is_current(object) => Pill::Progressing,
        "False" if holds("RolledBack") || is_pinned(object) => Pill::RolledBack,
        "False" if holds("Stalled") || retries => Pill::Failed,
        "False" if holds("Reconciling") || matches!(ready.reason, "DependencyNotReady" | "Progressing") => Pill::Progressing,
        "False" => Pill::Failed,
        "True" if holds("Drifted") => Pill::Drifted,
        "True" => Pill::Ready,
        _ if holds("Reconciling") => Pill::Progressing,
        _ => Pill::Unknown,
    }
}

/// What is said of an object beside its state, each with a word before it.
fn facts(house: &Household, source: Option<&Json>, now: Timestamp) -> Vec<(&'static str, String)> {
    let unit = &house.unit;
    let mut facts = vec![("Message", status::short(status::ready(unit).message))];
    let mut add = |name, value: String| {
        if !value.is_empty() {
            facts.push((name, value));
        }
    };
    if status::suspended(unit) {
        let reason = unit.pointer("/metadata/annotations").and_then(|a| a.get(names::SUSPEND_REASON)?.as_str());
        add("Suspended", reason.unwrap_or("no reason is given").to_owned());
    }
    add("For", age::since(status::ready_since(unit), now));
    add("Revision", status::short(&get::revision(unit)));
    let (tried, deployed) = (text(unit, "/status/lastAttemptedRevision"), get::revision(unit));
    add("Tried", if tried == deployed { String::new() } else { status::short(tried) });
    add("From", get::from(unit));
    if let Some(source) = source {
        let ready = status::ready(source);
        let words = if ready.status == "True" { String::new() } else { format!(", not ready: {}", status::short(ready.message)) };
        add("Source", format!("{}{words}", status::short(&get::revision(source))));
    }
    if let Some(drifted) = condition(unit, "Drifted").filter(|c| c.status == "True") {
        add("Drift", status::short(drifted.message));
    }
    let healthy = house.objects.iter().filter(|member| member.health().state == HealthState::Current).count();
    add("Objects", if house.objects.is_empty() { String::new() } else { format!("{healthy} of {} healthy", house.objects.len()) });
    facts
}

fn card(id: &ObjectId, pill: Pill, facts: &[(&str, String)], house: &Household, console: &Console) -> String {
    let mut out = format!("{id}  {}\n", paint(pill, console));
    for (name, value) in facts {
        out.push_str(&format!("  {:<11}{}\n", format!("{name}:"), value.trim().replace('\n', "\n             ")));
    }
    for finding in house.findings() {
        out.push_str(&format!("  {} {}\n", console.out.bad("✗"), finding.sentence));
    }
    out
}

fn paint(pill: Pill, console: &Console) -> String {
    match pill {
        Pill::Failed | Pill::RolledBack => console.out.bad(pill.as_str()),
        Pill::Ready => console.out.good(pill.as_str()),
        _ => console.out.warn(pill.as_str()),
    }
}

/// What a person would do next.
fn next(pill: Pill, kind: &Kind, id: &ObjectId, pinned: bool) -> Option<String> {
    let name = format!("{}/{} -n {}", kind.plural, id.name, id.namespace);
    let unit = matches!(id.kind.as_str(), "HelmRelease" | "Kustomization");
    Some(match pill {
        Pill::Ready => return None,
        Pill::Suspended => format!("`helmward resume {name}`"),
        Pill::RolledBack if pinned => format!("`helmward resume {name}` follows Git again"),
        Pill::Failed | Pill::RolledBack if unit => {
            format!(
                "`helmward history {name}` shows what was tried, `helmward logs {name}` what its pods wrote; a commit that mends it is tried at once"
            )
        }
        Pill::Failed | Pill::RolledBack => format!("correct it, then `helmward reconcile {name}`"),
        Pill::Drifted => format!("`helmward drift {name}` shows who changed what"),
        Pill::Progressing => format!("`helmward wait {name}`"),
        Pill::Unknown => "is the daemon running? `helmward check`".to_owned(),
    })
}

/// The source of a release or kustomization, where it can be read.
async fn source(session: &Session, object: &Json, id: &ObjectId) -> Option<Json> {
    let place = ["/spec/chartRef", "/spec/chart/spec/sourceRef", "/spec/sourceRef"].into_iter().find(|p| object.pointer(p).is_some())?;
    let namespace = Some(text(object, &format!("{place}/namespace"))).filter(|n| !n.is_empty()).unwrap_or(&id.namespace);
    let kind = target::kind(text(object, &format!("{place}/kind")))?;
    session.cluster.get(&ObjectId::new(kind.group, kind.kind, namespace, text(object, &format!("{place}/name")))).await.ok()?
}

/// How many are in each state, and those that are not ready, the worst first, with all that they say.
async fn overview(args: &StatusArgs, globals: &Globals, console: &Console) -> Result<Exit, Failure> {
    let session = Session::open(globals).await?;
    let namespace = if args.all_namespaces { "" } else { session.namespace() };
    let mut all: Vec<(Pill, Json)> = Vec::new();
    for kind in target::many(&[])?.kinds {
        let resource = session.resource(kind).await?;
        let items = session.cluster.list(&resource, &ListOptions::labels(namespace, "")).await?.items;
        all.extend(items.into_iter().map(|item| (pill(&item), item)));
    }
    all.sort_by_key(|(pill, item)| (*pill, text(item, "/metadata/namespace").to_owned(), text(item, "/metadata/name").to_owned()));
    let unready = || all.iter().filter(|(pill, _)| *pill != Pill::Ready);
    let name = |item: &Json| [text(item, "/kind"), text(item, "/metadata/namespace"), text(item, "/metadata/name")].join("/");
    match args.output {
        Format::Json | Format::Yaml => {
            let entry =
                |(pill, item): &(Pill, Json)| json!({"object": name(item), "state": pill.as_str(), "message": status::ready(item).message});
            let items: Vec<Json> = all.iter().map(entry).collect();
            console.document(&json!({"apiVersion": "helmward.dev/v1alpha1", "kind": "StatusList", "items": items}), args.output)?;
        }
        Format::Name => console.data(&unready().map(|(_, item)| name(item) + "\n").collect::<String>())?,
        Format::Table | Format::Wide => {
            let counts = Pill::ALL.into_iter().map(|pill| (pill, all.iter().filter(|(p, _)| *p == pill).count()));
            let counts: Vec<String> = counts.filter(|(_, n)| *n > 0).map(|(pill, n)| format!("{n} {}", paint(pill, console))).collect();
            let place = if namespace.is_empty() { "the cluster".to_owned() } else { format!("namespace {namespace}") };
            let counts = if counts.is_empty() { format!("nothing in {place}") } else { counts.join(", ") };
            let mut table = Table::new(&["STATE", "OBJECT", "FOR", "MESSAGE"]);
            for (pill, item) in unready() {
                let since = age::since(status::ready_since(item), Timestamp::now());
                let message = Cell::from(status::short(status::ready(item).message));
                table.row(vec![Cell::painted(pill.as_str(), |_| paint(*pill, console)), name(item).into(), since.into(), message]);
            }
            let rows = if table.is_empty() { String::new() } else { format!("\n{}", table.render(true)) };
            console.data(&format!("{counts}\n{rows}"))?;
        }
    }
    let first = unready().next().and_then(|(_, item)| Some((target::kind(text(item, "/kind"))?, item)));
    if let Some((kind, item)) = first {
        let (namespace, name) = (text(item, "/metadata/namespace"), text(item, "/metadata/name"));
        console.note(&format!("{} `helmward status {}/{name} -n {namespace}`", console.err.dim("→"), kind.plural));
    }
    Ok(if first.is_some() { Exit::Differs } else { Exit::Ok })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_make_one_word() {
        let object = |suspend: bool, conditions: &[(&str, &str)]| {
            let conditions: Vec<Json> = conditions.iter().map(|(kind, status)| json!({"type": kind, "status": status})).collect();
            json!({"metadata": {"generation": 2}, "spec": {"suspend": suspend}, "status": {"observedGeneration": 2, "conditions": conditions}})
        };
        for (suspend, conditions, want) in [
            (true, &[("Ready", "False")][..], Pill::Suspended),
            (false, &[("Ready", "True"), ("Drifted", "True")], Pill::Drifted),
            (false, &[("Ready", "True"), ("Drifted", "False")], Pill::Ready),
            (false, &[("Ready", "False"), ("RolledBack", "True")], Pill::RolledBack),
            (false, &[("Ready", "False"), ("Reconciling", "True")], Pill::Progressing),
            (false, &[("Ready", "False"), ("Reconciling", "True"), ("Stalled", "True")], Pill::Failed),
            (false, &[("Ready", "False")], Pill::Failed),
            (false, &[("Ready", "Unknown"), ("Reconciling", "True")], Pill::Progressing),
            (false, &[], Pill::Unknown),
        ] {
            assert_eq!(pill(&object(suspend, conditions)), want, "{conditions:?}");
        }
        let with = |place: &str, value: Json| {
            let mut object = object(false, &[("Ready", "False"), ("Reconciling", "True")]);
            *object.pointer_mut(place).unwrap() = value;
            pill(&object)
        };
        assert_eq!(
            with("/status/conditions/1", json!({"type": "Reconciling", "status": "True", "reason": "ProgressingWithRetry"})),
            Pill::Failed
        );
        assert_eq!(with("/status/conditions/1", json!(null)), Pill::Failed);
        let waits = json!([{"type": "Ready", "status": "False", "reason": "DependencyNotReady"}]);
        assert_eq!(with("/status/conditions", waits), Pill::Progressing);
        assert_eq!(with("/metadata", json!({"generation": 2, "annotations": {names::ROLLBACK_TO: "3"}})), Pill::RolledBack);
        let mut stale = object(false, &[("Ready", "True")]);
        stale["metadata"]["generation"] = json!(3);
        assert_eq!(pill(&stale), Pill::Progressing);
    }
}
