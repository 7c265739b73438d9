//! `helmward history`: revisions from the object's status and from Helm's release Secrets, or, with --server, from the daemon.

use super::daemon::{Daemon, DaemonArgs};
use super::failure::{Exit, Failure};
use super::globals::Globals;
use super::output::{Cell, Console, Format, Table};
use super::session::Session;
use super::status::{self, text};
use super::target::{self, Target};
use crate::object::Json;
use crate::release::{Rejected, RevisionMeta};
use clap::Args;
use jiff::Timestamp;
use serde_json::json;
use std::collections::BTreeMap;

#[derive(Args)]
#[command(override_usage = "helmward history [KIND] NAME [OPTIONS]")]
pub(super) struct HistoryArgs {
    /// Whose history: a HelmRelease by its name, or ks NAME
    #[arg(value_name = "NAME", required = true)]
    what: Vec<String>,
    /// How to print
    #[arg(short, long, value_enum, default_value = "table", value_name = "FORMAT")]
    output: Format,
    /// So many of the newest; 0 for all
    #[arg(long, default_value_t = 0, value_name = "N")]
    max: usize,
    #[command(flatten)]
    daemon: DaemonArgs,
}

/// One revision, as much of it as is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Revision {
    /// 0 for an attempt that was refused before it became one.
    pub(super) number: i64,
    pub(super) status: String,
    pub(super) action: String,
    pub(super) updated: String,
    pub(super) chart: String,
    pub(super) app_version: String,
    pub(super) description: String,
    pub(super) commit: String,
}

impl Revision {
    /// Whether it was good once, so that one can go back to it.
    pub(super) fn was_good(&self) -> bool {
        matches!(self.status.as_str(), "deployed" | "superseded")
    }

    fn to_json(&self) -> Json {
        let fields = [
            ("status", &self.status),
            ("action", &self.action),
            ("updated", &self.updated),
            ("chart", &self.chart),
            ("appVersion", &self.app_version),
            ("description", &self.description),
            ("commit", &self.commit),
        ];
        let mut out = json!({ "revision": Some(self.number).filter(|n| *n > 0) });
        for (name, value) in fields.into_iter().filter(|(_, value)| !value.is_empty()) {
            out[name] = json!(value);
        }
        out
    }
}

pub(super) async fn history(args: HistoryArgs, globals: &Globals, console: &Console) -> Result<Exit, Failure> {
    let target = target::one(&args.what, "hr")?;
    let (name, mut revisions) = match args.daemon.asked_for() {
        Some(daemon) => from_daemon(daemon, &target, globals).await?,
        None => {
            let session = Session::open(globals).await?;
            let (_, id, object) = session.fetch(&target).await?;
            let revisions = match id.kind.as_str() {
                "HelmRelease" => {
                    let mut revisions = of_release(&session, &object, true).await?;
                    revisions.extend(rejected(&object, &revisions));
                    revisions
                }
                "Kustomization" => of_kustomization(&object),
                other => {
                    return Err(Failure::error(format!("{other} has no history")).hint("releases (hr) and kustomizations (ks) have one"));
                }
            };
            (id.to_string(), revisions)
        }
    };
    if args.max > 0 && revisions.len() > args.max {
        revisions.drain(..revisions.len() - args.max);
    }
    print(&name, &revisions, args.output, console)?;
    if revisions.is_empty() {
        console.note(&format!("{name} has no revision yet"));
    }
    Ok(Exit::Ok)
}

/// The revisions of a HelmRelease, the oldest first: its status has the newest, release Secrets have all; with their records,
/// which are large, they say more.
pub(super) async fn of_release(session: &Session, object: &Json, with_records: bool) -> Result<Vec<Revision>, Failure> {
    let mut known: BTreeMap<i64, Revision> = BTreeMap::new();
    for snapshot in object.pointer("/status/history").and_then(Json::as_array).into_iter().flatten() {
        let number = snapshot.get("version").and_then(Json::as_i64).unwrap_or_default();
        known.insert(
            number,
            Revision {
                number,
                status: text(snapshot, "/status").to_owned(),
                action: text(snapshot, "/action").to_owned(),
                updated: text(snapshot, "/lastDeployed").to_owned(),
                chart: format!("{}-{}", text(snapshot, "/chartName"), text(snapshot, "/chartVersion")),
                app_version: text(snapshot, "/appVersion").to_owned(),
                ..Revision::default()
            },
        );
    }
    let (release, storage) = release_of(object);
    if with_records {
        for secret in session.cluster.releases(&storage, &release).await? {
            let entry = known.entry(secret.head.version.into()).or_default();
            (entry.number, entry.status) = (secret.head.version.into(), secret.head.status);
            // a record of another make is no reason to show nothing
            let Ok(record) = helmward_chart::release::decode(&secret.payload) else { continue };
            entry.updated = record.last_deployed().to_owned();
            entry.chart = format!("{}-{}", record.chart_name(), record.chart_version());
            entry.app_version = record.app_version().to_owned();
            entry.description = record.description().to_owned();
        }
    } else {
        for head in session.cluster.release_heads(&storage, &release).await? {
            let entry = known.entry(head.version.into()).or_default();
            (entry.number, entry.status) = (head.version.into(), head.status);
        }
    }
    Ok(known.into_values().collect())
}

/// The attempt that was refused last, before it became a revision, as the status tells it; the daemon knows of earlier ones too.
fn rejected(object: &Json, revisions: &[Revision]) -> Option<Revision> {
    let conditions = object.pointer("/status/conditions").and_then(Json::as_array)?;
    let held = conditions.iter().find(|c| text(c, "/type") == "Quarantined" && text(c, "/status") == "True")?;
    let description = text(held, "/message");
    // One that was written and failed has a revision.
    if revisions.iter().any(|r| r.status == "failed" && description.starts_with(&r.description)) {
        return None;
    }
    Some(Revision {
        status: "rejected".to_owned(),
        action: if revisions.iter().any(Revision::was_good) { "upgrade" } else { "install" }.to_owned(),
        updated: text(held, "/lastTransitionTime").to_owned(),
        chart: text(object, "/status/lastAttemptedRevision").to_owned(),
        description: description.to_owned(),
        ..Revision::default()
    })
}

/// Name of the Helm release and namespace of its Secrets.
pub(super) fn release_of(object: &Json) -> (String, String) {
    match crate::api::parse_helm_release(object) {
        Ok(release) => (release.release_name(), release.storage_namespace().to_owned()),
        Err(_) => (text(object, "/metadata/name").to_owned(), text(object, "/metadata/namespace").to_owned()),
    }
}

fn of_kustomization(object: &Json) -> Vec<Revision> {
    let attempts = object.pointer("/status/history").and_then(Json::as_array).cloned().unwrap_or_default();
    let count = attempts.len();
    let one = |(n, attempt): (usize, &Json)| Revision {
        number: i64::try_from(count - n).unwrap_or_default(),
        status: text(attempt, "/lastReconciledStatus").to_owned(),
        updated: text(attempt, "/lastReconciled").to_owned(),
        chart: status::short(text(attempt, "/metadata/revision")),
        description: format!(
            "{} reconciliations since {}",
            attempt.get("totalReconciliations").and_then(Json::as_i64).unwrap_or(1),
            text(attempt, "/firstReconciled")
        ),
        ..Revision::default()
    };
    // the status has the newest first
    attempts.iter().enumerate().map(one).rev().collect()
}

async fn from_daemon(daemon: Daemon, target: &Target, globals: &Globals) -> Result<(String, Vec<Revision>), Failure> {
    let namespace = target.namespace.as_deref().or(globals.namespace.as_deref());
    let report = daemon.report(target.kind, namespace, &target.name).await?;
    let join = |name: &str, version: &str| [name, version].into_iter().filter(|t| !t.is_empty()).collect::<Vec<_>>().join("-");
    let one = |meta: &RevisionMeta| Revision {
        number: meta.number.into(),
        status: meta.status.as_str().to_owned(),
        action: meta.action.as_str().to_owned(),
        updated: meta.ended.unwrap_or(meta.started).to_string(),
        chart: status::short(&join(&meta.chart_name, &meta.attempt.version)),
        app_version: meta.app_version.clone(),
        description: meta.description.clone(),
        commit: meta.commit.clone(),
    };
    let refused = |refused: &Rejected| Revision {
        status: "rejected".to_owned(),
        action: refused.action.as_str().to_owned(),
        updated: refused.at.to_string(),
        chart: status::short(&join(&refused.chart_name, &refused.attempt.version)),
        description: refused.message.clone(),
        commit: refused.commit.clone(),
        ..Revision::default()
    };
    let mut rows: Vec<(Timestamp, Revision)> = report.history.iter().rev().map(|r| (r.started, one(r))).collect();
    rows.extend(report.rejected.iter().map(|r| (r.at, refused(r))));
    rows.sort_by_key(|(at, _)| *at);
    Ok((report.key.to_string(), rows.into_iter().map(|(_, revision)| revision).collect()))
}

fn print(name: &str, revisions: &[Revision], format: Format, console: &Console) -> Result<(), Failure> {
    match format {
        Format::Json | Format::Yaml => {
            let items: Vec<Json> = revisions.iter().map(Revision::to_json).collect();
            console.document(&json!({"apiVersion": "helmward.dev/v1alpha1", "kind": "History", "of": name, "revisions": items}), format)
        }
        Format::Name => console.data(&revisions.iter().filter(|r| r.number > 0).map(|r| format!("{}\n", r.number)).collect::<String>()),
        Format::Table | Format::Wide => {
            let mut table = Table::new(&["REVISION", "UPDATED", "STATUS", "ACTION", "CHART", "APP VERSION", "COMMIT", "DESCRIPTION"]);
            for r in revisions {
                let paint = |t: &str| match t {
                    "deployed" | "ReconciliationSucceeded" => console.out.good(t),
                    "failed" | "rejected" => console.out.bad(t),
                    _ => t.to_owned(),
                };
                let number = if r.number > 0 { r.number.to_string() } else { "-".to_owned() };
                let updated = r.updated.split('.').next().unwrap_or_default();
                let mut row: Vec<Cell> = vec![number.into(), updated.into(), Cell::painted(&r.status, paint)];
                row.extend([&r.action, &r.chart, &r.app_version, &r.commit, &r.description].map(Cell::from));
                table.row(row);
            }
            if table.is_empty() { Ok(()) } else { console.data(&table.render(true)) }
        }
    }
}
