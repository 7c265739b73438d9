//! `helmward drift`: which live fields differ, who changed them, and since when. Only the daemon knows since when.

use super::age;
use super::daemon::DaemonArgs;
use super::failure::{Exit, Failure};
use super::globals::Globals;
use super::output::{Cell, Console, Format, Table};
use super::target;
use crate::object::{Json, Shown};
use crate::plan::{Drift, DriftOp, DriftPolicy};
use crate::release::report::Report;
use clap::{Args, ValueEnum};
use jiff::Timestamp;
use serde_json::json;

#[derive(Args)]
#[command(override_usage = "helmward drift [[KIND] NAME] [OPTIONS]")]
pub(super) struct DriftArgs {
    /// Whose drift: a HelmRelease by its name, or ks NAME; without one, everything that drifts
    #[arg(value_name = "NAME")]
    what: Vec<String>,
    /// How to print
    #[arg(short, long, value_enum, default_value = "fields", value_name = "FORMAT")]
    output: DriftFormat,
    /// Also show fields that are not drift: ignored ones, and those that others added
    #[arg(short, long)]
    all: bool,
    #[command(flatten)]
    daemon: DaemonArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DriftFormat {
    /// Field by field, below each object
    Fields,
    /// Columns
    Table,
    /// One JSON document
    Json,
    /// One YAML document
    Yaml,
    /// Objects, one to a line
    Name,
}

pub(super) async fn drift(args: DriftArgs, globals: &Globals, console: &Console) -> Result<Exit, Failure> {
    let daemon = args.daemon.daemon();
    let mut reports = Vec::new();
    if args.what.is_empty() {
        let mut keys = daemon.keys("has:drift").await?;
        keys.retain(|key| globals.namespace.as_ref().is_none_or(|namespace| key.namespace == *namespace));
        for key in keys {
            reports.push(daemon.one(&key).await?);
        }
    } else {
        let target = target::one(&args.what, "hr")?;
        let namespace = target.namespace.as_deref().or(globals.namespace.as_deref());
        reports.push(daemon.report(target.kind, namespace, &target.name).await?);
    }
    for report in &mut reports {
        report.drift.retain(|drift| args.all || drift.counts());
    }
    let drifted = reports.iter().any(|report| report.drift.iter().any(Drift::counts));
    let now = Timestamp::now();
    match args.output {
        DriftFormat::Fields => console.data(&reports.iter().map(|report| fields(report, now, console)).collect::<String>())?,
        DriftFormat::Table => console.data(&table(&reports, now, console))?,
        DriftFormat::Json => console.document(&document(&reports), Format::Json)?,
        DriftFormat::Yaml => console.document(&document(&reports), Format::Yaml)?,
        DriftFormat::Name => {
            let objects = reports.iter().flat_map(|report| report.drift.iter().map(|drift| &drift.object));
            let unique: std::collections::BTreeSet<_> = objects.collect();
            console.data(&unique.into_iter().map(|id| format!("{id}\n")).collect::<String>())?;
        }
    }
    if drifted {
        return Ok(Exit::Differs);
    }
    let whose = reports.first().filter(|_| !args.what.is_empty()).map_or_else(|| "anywhere".to_owned(), |r| format!("in {}", r.key));
    console.note(&format!("no drift {whose}"));
    Ok(Exit::Ok)
}

fn document(reports: &[Report]) -> Json {
    let items: Vec<Json> = reports
        .iter()
        .map(|report| json!({"key": report.key, "status": report.pill, "mode": report.drift_mode, "fields": report.drift}))
        .collect();
    json!({"apiVersion": "helmward.dev/v1alpha1", "kind": "DriftList", "items": items})
}

fn fields(report: &Report, now: Timestamp, console: &Console) -> String {
    if report.drift.is_empty() {
        return String::new();
    }
    let count = report.drift.iter().filter(|drift| drift.counts()).count();
    let mut out = format!(
        "{} — {count} field{} — drift detection {}\n",
        console.out.strong(&report.key.to_string()),
        plural(count),
        report.drift_mode
    );
    let mut before = None;
    for drift in &report.drift {
        if before != Some(&drift.object) {
            out.push_str(&format!("  {}\n", drift.object));
            before = Some(&drift.object);
        }
        let (sign, paint): (_, fn(&Console, &str) -> String) = match drift.op {
            DriftOp::Changed => ("~", |c, t| c.out.warn(t)),
            DriftOp::Removed => ("-", |c, t| c.out.bad(t)),
            DriftOp::Extra => ("+", |c, t| c.out.good(t)),
        };
        let change = paint(console, &format!("{sign} {}: {}", drift.path, values(drift)));
        let mut rest = vec![who(drift), format!("for {}", age::between(drift.first_seen, now)), policy(drift, now)];
        rest.retain(|text| !text.is_empty());
        out.push_str(&format!("    {change}  {}\n", console.out.dim(&rest.join(", "))));
    }
    out
}

fn table(reports: &[Report], now: Timestamp, console: &Console) -> String {
    let mut table = Table::new(&["NAMESPACE", "NAME", "OBJECT", "FIELD", "DESIRED", "LIVE", "BY", "SINCE", "NEXT"]);
    for report in reports {
        for drift in &report.drift {
            let show = |value: &Option<Shown>| value.as_ref().map(line).unwrap_or_default();
            let mut row: Vec<Cell> =
                [&report.key.namespace, &report.key.name, &drift.object.to_string(), &drift.path].map(Cell::from).to_vec();
            row.extend([show(&drift.desired), show(&drift.live)].map(Cell::from));
            row.push(Cell::painted(&who(drift), |t| if t.contains("(person)") { console.out.warn(t) } else { t.to_owned() }));
            row.extend([age::between(drift.first_seen, now), policy(drift, now)].map(Cell::from));
            table.row(row);
        }
    }
    if table.is_empty() { String::new() } else { table.render(true) }
}

/// `3 -> 5`: what we want, and what is there.
fn values(drift: &Drift) -> String {
    match (&drift.desired, &drift.live) {
        (Some(desired), Some(live)) => format!("{} -> {}", line(desired), line(live)),
        (Some(desired), None) => format!("{} -> (gone)", line(desired)),
        (None, Some(live)) => line(live),
        (None, None) => "the object is gone".into(),
    }
}

/// A value on one line.
fn line(value: &Shown) -> String {
    const LONGEST: usize = 80;
    let text = value.to_string();
    match text.lines().count() {
        0 => "\"\"".into(),
        1 if text.chars().count() <= LONGEST => text.trim_end().to_owned(),
        1 => text.chars().take(LONGEST).chain(['…']).collect(),
        lines => format!("({lines} lines)"),
    }
}

fn who(drift: &Drift) -> String {
    match (drift.owners.first(), &drift.suspect) {
        (Some(owner), _) => format!("by {} ({})", owner.manager, owner.class),
        (None, Some(owner)) => format!("perhaps by {} ({})", owner.manager, owner.class),
        (None, None) => String::new(),
    }
}

fn policy(drift: &Drift, now: Timestamp) -> String {
    match (&drift.policy, drift.next) {
        (DriftPolicy::Correct, Some(next)) if next > now => format!("corrected in {}", age::between(now, next)),
        (DriftPolicy::Correct, _) => "is corrected".into(),
        (DriftPolicy::Warn | DriftPolicy::Show, _) => "is left as it is".into(),
        (DriftPolicy::Ignored(why), _) => format!("ignored: {why}"),
        (DriftPolicy::NotOurs, _) => "set by others".into(),
    }
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}
