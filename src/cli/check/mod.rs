//! `helmward check`: whether a cluster has what the daemon needs, and whether one is at work.

mod rights;

use super::failure::{Exit, Failure};
use super::globals::Globals;
use super::output::{Cell, Console, Format, Table};
use super::session::Session;
use super::status::text;
use super::uninstall::holder;
use crate::api::kinds::{ALL, Kind};
use crate::api::{crd, names::CRD_VERSION};
use crate::cluster::ListOptions;
use crate::object::{Gvk, Json, ObjectId};
use clap::Args;
use serde_json::json;
use std::path::{Path, PathBuf};

/// The oldest Kubernetes whose definitions may hold the rules that ours do.
const OLDEST: u32 = 29;
/// The newest Kubernetes that was tried.
const NEWEST: u32 = 36;

#[derive(Args)]
pub(super) struct CheckArgs {
    /// Before the installation: what `install` will make may be absent
    #[arg(long)]
    pre: bool,
    /// Also check that a daemon that runs here may keep its state in this directory
    #[arg(long, value_name = "DIR", env = "HELMWARD_STATE_DIR")]
    state_dir: Option<PathBuf>,
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
    lines.extend(rights::lines(&session, home).await);
    lines.push(namespace(&session, home, args.pre).await);
    lines.extend(definitions(&session, args.pre).await);
    lines.push(flux(&session).await);
    lines.extend(argo(&session).await);
    lines.extend(args.state_dir.as_deref().map(state));
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
    if minor > NEWEST {
        return Line::new("kubernetes", Verdict::Note, found)
            .next(format!("newer than 1.{NEWEST}, with which this version was tried: try an upgrade elsewhere first"));
    }
    Line::new("kubernetes", Verdict::Good, found)
}

async fn namespace(session: &Session, home: &str, pre: bool) -> Line {
    match session.cluster.get(&ObjectId::new("", "Namespace", "", home)).await {
        Ok(Some(live)) if !text(&live, "/metadata/deletionTimestamp").is_empty() => {
            Line::new("namespace", Verdict::Bad, format!("{home} is being deleted"))
                .next(format!("wait until it is gone; `kubectl get namespace {home} -o yaml` says what holds it"))
        }
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
    if let (Some(have), [wanted, ..]) = (annotation, &versions_of(kind)[..])
        && !versions_of(kind).iter().any(|version| version == have)
    {
        let next = "`helmward install` brings it to the version of this program";
        return Ok(Line::new(&what, Verdict::Note, format!("{whose}; this program has {wanted}")).next(next));
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

/// The versions of the schema that this program would install: as it is, and with file URLs, as a bootstrap from one needs it.
fn versions_of(kind: &Kind) -> Vec<String> {
    let of_kind = |d: &Json| text(d, "/spec/group") == kind.group && text(d, "/spec/names/kind") == kind.kind;
    let Some(definition) = crd::all().into_iter().find(of_kind) else { return Vec::new() };
    let mut with_files = definition.clone();
    crd::allow_file_urls(&mut with_files);
    let version = |d: &Json| d.pointer("/metadata/annotations")?.get(CRD_VERSION)?.as_str().map(str::to_owned);
    [definition, with_files].iter().filter_map(version).collect()
}

/// Argo CD keeps no Lease: its Applications are all that tells of it.
async fn argo(session: &Session) -> Option<Line> {
    let kind = session.cluster.discovery().preferred("argoproj.io", "Application").await.ok()??;
    let options = ListOptions { metadata_only: true, ..ListOptions::default() };
    let count = session.cluster.list(&kind, &options).await.map_or(0, |list| list.items.len());
    (count > 0).then(|| {
        Line::new("argo cd", Verdict::Note, format!("{count} Applications"))
            .next("an object that an Application deploys too is fought over: move one Application at a time")
    })
}

/// Whether files can be made in a directory, or it in the nearest one that there is.
fn state(directory: &Path) -> Line {
    let (what, shown) = ("state directory", directory.display());
    let there = directory.ancestors().find(|path| path.exists()).map_or(Path::new("."), |path| {
        // the relative path of one part has an empty parent
        if path.as_os_str().is_empty() { Path::new(".") } else { path }
    });
    match tempfile::tempfile_in(there) {
        Ok(_) if there == directory => Line::new(what, Verdict::Good, format!("{shown} can be written")),
        Ok(_) => Line::new(what, Verdict::Good, format!("{shown} is not there yet, and can be made")),
        Err(error) => Line::new(what, Verdict::Bad, format!("nothing can be written to {}: {error}", there.display()))
            .next("change its owner or its rights, or choose another directory with --state-dir"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_directory_must_be_writable() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(state(dir.path()).verdict, Verdict::Good);
        assert!(state(&dir.path().join("a/b")).found.contains("can be made"));
        let file = dir.path().join("file");
        std::fs::write(&file, "").unwrap();
        let line = state(&file.join("x"));
        assert!(line.verdict == Verdict::Bad && !line.next.is_empty(), "{}", line.found);
    }

    #[test]
    fn every_kind_has_a_version_of_its_schema() {
        assert!(ALL.iter().all(|kind| versions_of(kind).len() == 2));
    }
}
