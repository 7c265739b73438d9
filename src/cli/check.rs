//! `helmward check`: whether a cluster has what the daemon needs, and whether one is at work.

use super::failure::{Exit, Failure};
use super::globals::Globals;
use super::output::{Cell, Console, Format, Table};
use super::session::Session;
use super::status::text;
use super::uninstall::holder;
use crate::api::kinds::{ALL, Kind};
use crate::api::names::CRD_VERSION;
use crate::object::{Gvk, Json, ObjectId};
use clap::Args;
use futures::{StreamExt, stream};
use serde_json::json;

/// The oldest Kubernetes whose definitions may hold the rules that ours do.
const OLDEST: u32 = 29;

#[derive(Args)]
pub(super) struct CheckArgs {
    /// Before the installation: what `install` will make may be absent
    #[arg(long)]
    pre: bool,
    /// How to print
    #[arg(short, long, value_enum, default_value = "table", value_name = "FORMAT")]
    output: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Good,
    /// To know, but no hindrance.
    Note,
    Bad,
}

/// One thing that was looked at.
struct Line {
    what: String,
    verdict: Verdict,
    found: String,
    /// What to do, where it is not good.
    next: String,
}

impl Line {
    fn new(what: &str, verdict: Verdict, found: impl Into<String>) -> Self {
        Self { what: what.into(), verdict, found: found.into(), next: String::new() }
    }

    fn next(mut self, next: impl Into<String>) -> Self {
        self.next = next.into();
        self
    }
}

pub(super) async fn check(args: CheckArgs, globals: &Globals, console: &Console) -> Result<Exit, Failure> {
    let session = Session::open(globals).await?;
    let home = globals.home();
    let mut lines = vec![server(&session)];
    lines.extend(permissions(&session).await);
    lines.push(namespace(&session, home, args.pre).await);
    lines.extend(definitions(&session, args.pre).await);
    lines.push(flux(&session).await);
    if !args.pre {
        lines.push(daemon(&session, home).await);
    }
    print(&lines, args.output, console)?;
    let bad = lines.iter().filter(|line| line.verdict == Verdict::Bad).count();
    if bad > 0 {
        console.note(&format!("{bad} of {} checks failed", lines.len()));
        return Ok(Exit::Differs);
    }
    let next = if args.pre { "`helmward install`, or `helmward run --git URL --path DIR`" } else { "`helmward get all -A`" };
    console.done("all checks passed", next);
    Ok(Exit::Ok)
}

fn print(lines: &[Line], format: Format, console: &Console) -> Result<(), Failure> {
    let word = |verdict| match verdict {
        Verdict::Good => "ok",
        Verdict::Note => "note",
        Verdict::Bad => "FAIL",
    };
    if matches!(format, Format::Json | Format::Yaml) {
        let checks: Vec<Json> = lines
            .iter()
            .map(|line| json!({"check": line.what, "result": word(line.verdict).to_lowercase(), "found": line.found, "next": line.next}))
            .collect();
        return console.document(&json!({"apiVersion": "helmward.dev/v1alpha1", "kind": "CheckResult", "checks": checks}), format);
    }
    let mut table = Table::new(&["RESULT", "CHECK", "FOUND"]);
    for line in lines {
        let paint = |t: &str| match line.verdict {
            Verdict::Good => console.out.good(t),
            Verdict::Note => console.out.warn(t),
            Verdict::Bad => console.out.bad(t),
        };
        table.row(vec![Cell::painted(word(line.verdict), paint), (&line.what).into(), (&line.found).into()]);
        if !line.next.is_empty() {
            table.row(vec![Cell::blank(), Cell::blank(), Cell::painted(&format!("→ {}", line.next), |t| console.out.dim(t))]);
        }
    }
    console.data(&table.render(true))
}

fn server(session: &Session) -> Line {
    let version = &session.version;
    let minor: u32 = version.minor.trim_end_matches(|c: char| !c.is_ascii_digit()).parse().unwrap_or_default();
    let found = format!("{} at {}", version.git_version, session.server);
    if version.major == "1" && minor < OLDEST {
        return Line::new("kubernetes", Verdict::Bad, found).next(format!("upgrade the cluster to 1.{OLDEST} or newer"));
    }
    Line::new("kubernetes", Verdict::Good, found)
}

/// What the daemon cannot work without, whatever it deploys.
const NEEDED: &[(&str, &str, &[&str])] = &[
    ("apiextensions.k8s.io", "customresourcedefinitions", &["get", "list", "watch", "create", "patch"]),
    ("", "namespaces", &["get", "list", "watch", "create", "patch"]),
    ("", "secrets", &["get", "list", "watch", "create", "patch", "delete"]),
    ("", "configmaps", &["get", "list", "watch", "create", "patch", "delete"]),
    ("", "events", &["create", "patch"]),
    ("", "pods", &["get", "list", "watch"]),
    ("apps", "deployments", &["get", "list", "watch", "create", "patch", "delete"]),
    ("coordination.k8s.io", "leases", &["get", "list", "create", "patch", "update"]),
    ("helm.toolkit.fluxcd.io", "helmreleases", &["get", "list", "watch", "patch"]),
    ("helm.toolkit.fluxcd.io", "helmreleases/status", &["patch"]),
    ("kustomize.toolkit.fluxcd.io", "kustomizations", &["get", "list", "watch", "patch"]),
    ("kustomize.toolkit.fluxcd.io", "kustomizations/status", &["patch"]),
    ("source.toolkit.fluxcd.io", "gitrepositories", &["get", "list", "watch", "patch"]),
    ("source.toolkit.fluxcd.io", "gitrepositories/status", &["patch"]),
];

async fn permissions(session: &Session) -> Vec<Line> {
    match allowed(session, "*", "*", "*").await {
        Ok(true) => return vec![Line::new("permissions", Verdict::Good, "everything (cluster-admin)")],
        Ok(false) => {}
        Err(failure) => {
            return vec![Line::new("permissions", Verdict::Bad, failure.message).next("ask for the right to review one's own access")];
        }
    }
    let wanted = NEEDED.iter().flat_map(|&(group, resource, verbs)| verbs.iter().map(move |&verb| (group, resource, verb)));
    let asked: Vec<_> = stream::iter(wanted)
        .map(|(group, resource, verb)| async move { (group, resource, verb, allowed(session, group, resource, verb).await) })
        .buffered(8)
        .collect()
        .await;
    let mut lines = Vec::new();
    for &(group, resource, _) in NEEDED {
        let of_this = asked.iter().filter(|(g, r, ..)| *g == group && *r == resource);
        let missing: Vec<&str> = of_this.filter(|(.., answer)| !matches!(answer, Ok(true))).map(|(_, _, verb, _)| *verb).collect();
        let what = format!("permissions: {resource}{}", if group.is_empty() { String::new() } else { format!(".{group}") });
        if !missing.is_empty() {
            let next = "use a user who may, or bind this one to a role that allows it";
            lines.push(Line::new(&what, Verdict::Bad, format!("may not {}", missing.join(", "))).next(next));
        }
    }
    if lines.is_empty() {
        lines.push(Line::new("permissions", Verdict::Good, "what the daemon itself needs; what it deploys may need more"));
    }
    lines
}

async fn allowed(session: &Session, group: &str, resource: &str, verb: &str) -> Result<bool, Failure> {
    let kind = Gvk::new("authorization.k8s.io/v1", "SelfSubjectAccessReview");
    let review = session.cluster.resource(&kind).await?;
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    let body = json!({
        "apiVersion": kind.api_version(),
        "kind": kind.kind,
        "spec": {"resourceAttributes": {"group": group, "resource": resource, "subresource": subresource, "verb": verb}},
    });
    let answer = session.cluster.create(&review, &ObjectId::new(&kind.group, &kind.kind, "", ""), &body).await?;
    Ok(answer.object.pointer("/status/allowed").and_then(Json::as_bool).unwrap_or(false))
}

async fn namespace(session: &Session, home: &str, pre: bool) -> Line {
    match session.cluster.get(&ObjectId::new("", "Namespace", "", home)).await {
        Ok(Some(_)) => Line::new("namespace", Verdict::Good, home),
        Ok(None) if pre => Line::new("namespace", Verdict::Good, format!("{home} is not there yet, and will be made")),
        Ok(None) => {
            Line::new("namespace", Verdict::Bad, format!("{home} is not there")).next("`helmward install`, or another namespace with -n")
        }
        Err(error) => Line::new("namespace", Verdict::Bad, error.to_string()),
    }
}

async fn definitions(session: &Session, pre: bool) -> Vec<Line> {
    let mut lines = Vec::new();
    for kind in &ALL {
        lines.push(definition(session, kind, pre).await.unwrap_or_else(|failure| Line::new(kind.plural, Verdict::Bad, failure.message)));
    }
    lines
}

async fn definition(session: &Session, kind: &Kind, pre: bool) -> Result<Line, Failure> {
    let resource = session.cluster.resource(&Gvk::new("apiextensions.k8s.io/v1", "CustomResourceDefinition")).await?;
    let name = format!("{}.{}", kind.plural, kind.group);
    let what = format!("definition {}", kind.plural);
    let live = session.cluster.get_metadata(&resource, &ObjectId::new("apiextensions.k8s.io", &resource.kind, "", &name)).await?;
    let Some(live) = live else {
        return Ok(if pre {
            Line::new(&what, Verdict::Good, "not there yet, and will be made")
        } else if kind.served {
            Line::new(&what, Verdict::Bad, "not there").next("`helmward install`, or `helmward run`")
        } else {
            Line::new(&what, Verdict::Note, "not there; the kind is not served yet")
        });
    };
    let annotation = live.pointer("/metadata/annotations").and_then(|a| a.get(CRD_VERSION)?.as_str());
    let part_of = live.pointer("/metadata/labels").and_then(|l| l.get("app.kubernetes.io/part-of")?.as_str());
    let whose = match (annotation, part_of) {
        (Some(version), _) => format!("installed by helmward (schemas {version})"),
        (None, Some("flux")) => format!("Flux's own {}", text(&live, "/metadata/labels/app.kubernetes.io~1version")),
        (None, _) => "somebody else's".into(),
    };
    let served = session.cluster.discovery().served().await?.resource(&kind.gvk()).is_some();
    if !served && kind.served {
        let found = format!("{whose}, without version {}", kind.version);
        return Ok(Line::new(&what, Verdict::Bad, found).next("upgrade the definition: Flux 2.3 and newer have this version"));
    }
    Ok(Line::new(&what, Verdict::Good, whose.trim_end()))
}

async fn flux(session: &Session) -> Line {
    match session.cluster.foreign_leases().await {
        Err(error) => Line::new("flux controllers", Verdict::Bad, error.to_string()),
        Ok(leases) => match leases.first() {
            None => Line::new("flux controllers", Verdict::Good, "none at work"),
            Some(lease) => {
                let names: Vec<&str> = leases.iter().map(|l| l.controller.as_str()).collect();
                let scale = format!("`kubectl -n {} scale deployment {} --replicas=0`", lease.namespace, names.join(" "));
                Line::new("flux controllers", Verdict::Bad, format!("at work: {} (held by {})", names.join(", "), lease.holder))
                    .next(format!("two writers would fight: {scale}"))
            }
        },
    }
}

async fn daemon(session: &Session, home: &str) -> Line {
    match holder(session, home).await {
        Ok(Some((holder, _))) => Line::new("daemon", Verdict::Good, format!("{holder} holds the Lease {home}/helmward")),
        Ok(None) => Line::new("daemon", Verdict::Bad, format!("nobody holds the Lease {home}/helmward"))
            .next(format!("start one with `helmward run`, or look at `kubectl -n {home} get pods -l app=helmward-controller`")),
        Err(failure) => Line::new("daemon", Verdict::Bad, failure.message),
    }
}
