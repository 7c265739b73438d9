//! `helmward get`: what there is, and whether it is ready.

use super::age;
use super::failure::{Exit, Failure};
use super::globals::Globals;
use super::output::{Cell, Console, Format, Output, Table};
use super::session::Session;
use super::status::{self, text};
use super::target::{self, Query};
use crate::api::kinds::Kind;
use crate::cluster::{ListOptions, Resource};
use crate::object::{Json, ObjectId};
use clap::Args;
use jiff::Timestamp;
use serde_json::json;

#[derive(Args)]
#[command(override_usage = "helmward get [KIND [NAME]...] [OPTIONS]")]
pub(super) struct GetArgs {
    /// What to show: all (default), sources, hr, ks, gitrepo … and names behind the kind
    #[arg(value_name = "KIND")]
    what: Vec<String>,
    /// In all namespaces
    #[arg(short = 'A', long)]
    all_namespaces: bool,
    /// Only objects with these labels, as kubectl -l
    #[arg(short = 'l', long, value_name = "LABELS", default_value = "")]
    selector: String,
    /// How to print: table, wide, json, yaml, name, or jsonpath=TEMPLATE as kubectl has it
    #[arg(short, long, default_value = "table", value_name = "FORMAT")]
    output: Output,
    /// Without the line of column names
    #[arg(long)]
    no_headers: bool,
    /// Exit with 1 if anything shown is not ready
    #[arg(long)]
    exit_code: bool,
}

/// Objects of one kind.
struct Group {
    kind: &'static Kind,
    items: Vec<Json>,
}

pub(super) async fn get(args: GetArgs, globals: &Globals, console: &Console) -> Result<Exit, Failure> {
    let query = target::many(&args.what)?;
    if !query.names.is_empty() && args.all_namespaces {
        return Err(Failure::error("a name is in one namespace, and -A asks for all").hint("choose the namespace with -n"));
    }
    let session = Session::open(globals).await?;
    let namespace = if args.all_namespaces { "" } else { session.namespace() };
    let groups = fetch(&session, &query, namespace, &args.selector).await?;
    print(&groups, &args, &query, console)?;
    let objects = || groups.iter().flat_map(|group| group.items.iter().map(move |item| (group.kind, item)));
    if objects().next().is_none() && args.output.is_for_people() {
        let kinds: Vec<&str> = query.kinds.iter().map(|kind| kind.plural).collect();
        let place = if namespace.is_empty() { "the cluster".to_owned() } else { format!("namespace {namespace}") };
        console.note(&format!("no {} in {place}", kinds.join(", ")));
        if !namespace.is_empty() {
            console.note(&format!("{} all namespaces: -A", console.err.dim("→")));
        }
    }
    let unready = objects().any(|(kind, item)| kind.has_status && !status::is_ready(item));
    Ok(if args.exit_code && unready { Exit::Differs } else { Exit::Ok })
}

async fn fetch(session: &Session, query: &Query, namespace: &str, selector: &str) -> Result<Vec<Group>, Failure> {
    let mut groups = Vec::new();
    for &kind in &query.kinds {
        let resource = if query.exact { Some(session.resource(kind).await?) } else { session.served(kind).await? };
        // of a general question, a kind that the cluster lacks has no objects
        let Some(resource) = resource else { continue };
        let items = if query.names.is_empty() {
            let options = ListOptions { labels: selector.to_owned(), ..ListOptions::labels(namespace, "") };
            session.cluster.list(&resource, &options).await?.items
        } else {
            named(session, kind, &resource, &query.names).await?
        };
        groups.push(Group { kind, items });
    }
    if groups.is_empty() {
        // says which definition is missing, and how to get it
        session.resource(query.kinds[0]).await?;
    }
    Ok(groups)
}

async fn named(session: &Session, kind: &'static Kind, resource: &Resource, names: &[String]) -> Result<Vec<Json>, Failure> {
    let mut items = Vec::new();
    for name in names {
        let (namespace, name) = name.split_once('/').unwrap_or((session.namespace(), name));
        let id = ObjectId::new(kind.group, kind.kind, namespace, name);
        let found = session.cluster.get_as(resource, &id).await?;
        items.push(found.ok_or_else(|| {
            Failure::error(format!("{id} is not there"))
                .hint(format!("`helmward get {} -A` shows what is; choose the namespace with -n", kind.plural))
        })?);
    }
    Ok(items)
}

fn print(groups: &[Group], args: &GetArgs, query: &Query, console: &Console) -> Result<(), Failure> {
    let document = || {
        let mut items: Vec<Json> = groups.iter().flat_map(|group| group.items.iter().cloned()).collect();
        items.iter_mut().for_each(without_managed_fields);
        let single = query.names.len() == 1 && items.len() == 1;
        if single { items.remove(0) } else { json!({"apiVersion": "v1", "kind": "List", "items": items}) }
    };
    match &args.output {
        Output::JsonPath(template) => console
            .data(&template.print(&document()).map_err(|e| Failure::error(e).hint("`-o json` shows what the template is applied to"))?),
        Output::As(format @ (Format::Json | Format::Yaml)) => console.document(&document(), *format),
        Output::As(Format::Name) => {
            let lines =
                groups.iter().flat_map(|g| g.items.iter().map(|item| target::full_name(g.kind, text(item, "/metadata/name")) + "\n"));
            console.data(&lines.collect::<String>())
        }
        Output::As(Format::Table | Format::Wide) => {
            let prefixed = groups.len() > 1;
            let tables = groups.iter().filter(|group| !group.items.is_empty()).map(|group| table(group, args, prefixed, console));
            console.data(&tables.collect::<Vec<_>>().join("\n"))
        }
    }
}

/// Who owns which field is of no use to a person, and long.
fn without_managed_fields(object: &mut Json) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Json::as_object_mut) {
        metadata.remove("managedFields");
    }
}

fn table(group: &Group, args: &GetArgs, prefixed: bool, console: &Console) -> String {
    let wide = args.output == Output::As(Format::Wide);
    let mut header = Vec::new();
    if args.all_namespaces {
        header.push("NAMESPACE");
    }
    header.extend(["NAME", "REVISION", "SUSPENDED", "READY"]);
    if wide {
        header.extend(["DRIFTED", "FROM", "AGE"]);
    }
    header.push("MESSAGE");
    let mut table = Table::new(&header);
    let now = Timestamp::now();
    for item in &group.items {
        let mut row: Vec<Cell> = Vec::new();
        if args.all_namespaces {
            row.push(text(item, "/metadata/namespace").into());
        }
        let name = text(item, "/metadata/name");
        row.push(if prefixed { format!("{}/{name}", group.kind.kind.to_lowercase()).into() } else { name.into() });
        let ready = status::ready(item);
        row.push(status::short(&revision(item)).into());
        row.push(if status::suspended(item) { Cell::painted("True", |t| console.out.warn(t)) } else { "False".into() });
        row.push(match ready.status {
            _ if !group.kind.has_status => "".into(),
            "True" => Cell::painted("True", |t| console.out.good(t)),
            "False" => Cell::painted("False", |t| console.out.bad(t)),
            other => other.into(),
        });
        if wide {
            row.push(status::condition(item, "Drifted").map_or("", |c| c.status).into());
            row.push(from(item).into());
            row.push(age::since(text(item, "/metadata/creationTimestamp"), now).into());
        }
        row.push(if group.kind.has_status { status::short(ready.message).into() } else { "".into() });
        table.row(row);
    }
    table.render(!args.no_headers)
}

/// What is deployed, applied or fetched.
pub(super) fn revision(item: &Json) -> String {
    let places: &[&str] = match text(item, "/kind") {
        "HelmRelease" => &["/status/history/0/chartVersion", "/status/lastAttemptedRevision"],
        "Kustomization" => &["/status/lastAppliedRevision", "/status/lastAttemptedRevision"],
        _ => &["/status/artifact/revision"],
    };
    places.iter().map(|place| text(item, place)).find(|found| !found.is_empty()).unwrap_or_default().to_owned()
}

/// Where it comes from.
pub(super) fn from(item: &Json) -> String {
    let reference = |place: &str| {
        let kind = text(item, &format!("{place}/kind"));
        if kind.is_empty() { String::new() } else { format!("{kind}/{}", text(item, &format!("{place}/name"))) }
    };
    let joined = |source: String, path: &str| if path.is_empty() { source } else { format!("{source} {path}") };
    match text(item, "/kind") {
        "HelmRelease" if item.pointer("/spec/chartRef").is_some() => reference("/spec/chartRef"),
        "HelmRelease" => joined(reference("/spec/chart/spec/sourceRef"), text(item, "/spec/chart/spec/chart")),
        "Kustomization" => joined(reference("/spec/sourceRef"), text(item, "/spec/path")),
        _ => crate::object::redact::strip_userinfo(text(item, "/spec/url")),
    }
}
