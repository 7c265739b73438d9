//! `helmward diff`: what a local directory, a chart or an earlier revision would change, by server-side dry-run.

mod compare;
mod desired;
mod show;

use super::failure::{Exit, Failure};
use super::globals::Globals;
use super::output::{Console, Format};
use super::session::Session;
use super::target::{self, Target};
use crate::object::{Json, Manifest, ObjectId, Redactor};
use clap::{Args, ValueEnum};
use compare::compare;
use std::collections::BTreeSet;
use std::path::PathBuf;

#[derive(Args)]
#[command(override_usage = "helmward diff [[KIND] NAME] [--path DIR] [OPTIONS]")]
pub(super) struct DiffArgs {
    /// For whom: ks NAME, or a HelmRelease by its name; without one, the directory is compared as it is
    #[arg(value_name = "NAME")]
    what: Vec<String>,
    /// Directory of manifests, or of the release's chart [default: the current directory]
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    path: PathBuf,
    /// How to print
    #[arg(short, long, value_enum, default_value = "fields", value_name = "FORMAT")]
    output: DiffFormat,
    /// Show values of Secrets
    #[arg(long)]
    show_secrets: bool,
}

/// How differences are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum DiffFormat {
    /// Field by field, below each object
    Fields,
    /// Line by line, as diff -u
    Unified,
    /// One JSON document
    Json,
    /// One YAML document
    Yaml,
    /// Objects that differ, one to a line
    Name,
}

/// What is wanted, and what is ours already.
#[derive(Default)]
struct Wanted {
    manifests: Vec<Manifest>,
    /// Objects that we own; those that are not wanted any more would be deleted.
    owned: BTreeSet<ObjectId>,
    /// Texts that came out of Secrets.
    secrets: Vec<String>,
}

pub(super) async fn diff(args: DiffArgs, globals: &Globals, console: &Console) -> Result<Exit, Failure> {
    let target = if args.what.is_empty() { None } else { Some(target::one(&args.what, "hr")?) };
    let session = Session::open(globals).await?;
    let wanted = match &target {
        None if args.path.join("Chart.yaml").is_file() => {
            return Err(Failure::error(format!("{} is a chart, and the release that it is for is not named", args.path.display()))
                .hint(format!("write `helmward diff NAME --path {}`", args.path.display())));
        }
        None => desired::directory(&session, &args.path, console).await?,
        Some(target) => of_target(&session, target, &args, console).await?,
    };
    let differs = report(&session, wanted, (args.output, args.show_secrets), console).await?;
    Ok(if differs { Exit::Differs } else { Exit::Ok })
}

async fn of_target(session: &Session, target: &Target, args: &DiffArgs, console: &Console) -> Result<Wanted, Failure> {
    let (_, id, object) = session.fetch(target).await?;
    match id.kind.as_str() {
        "Kustomization" => desired::kustomization(session, &object, &args.path, console).await,
        "HelmRelease" => desired::release(session, &object, &args.path, console).await,
        other => Err(Failure::error(format!("{other} has no manifests")).hint("write `ks NAME`, or the name of a HelmRelease")),
    }
}

/// Prints what going back to an earlier revision would change; says whether anything would.
pub(super) async fn against_revision(session: &Session, object: &Json, number: i64, console: &Console) -> Result<bool, Failure> {
    let wanted = desired::revision(session, object, number).await?;
    report(session, wanted, (DiffFormat::Fields, false), console).await
}

async fn report(session: &Session, wanted: Wanted, how: (DiffFormat, bool), console: &Console) -> Result<bool, Failure> {
    let (format, show_secrets) = how;
    let compared = compare(session, &wanted).await?;
    let redactor = if show_secrets {
        Redactor::reveal_all()
    } else {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(|e| Failure::error(format!("the system gives no random bytes: {e}")))?;
        let objects = compared.items.iter().flat_map(|item| [item.live.as_ref(), item.desired.as_ref()]).flatten();
        Redactor::new(&key).with_secrets_of(objects).with_secrets(wanted.secrets)
    };
    let shown = show::shown(&compared.items, &redactor);
    match format {
        DiffFormat::Fields => console.data(&show::fields(&shown, console))?,
        DiffFormat::Unified => console.data(&show::unified(&compared.items, &redactor, console))?,
        DiffFormat::Json => console.document(&show::document(&shown), Format::Json)?,
        DiffFormat::Yaml => console.document(&show::document(&shown), Format::Yaml)?,
        DiffFormat::Name => console.data(&shown.iter().filter(|s| s.differs()).map(|s| format!("{}\n", s.id)).collect::<String>())?,
    }
    for warning in &compared.warnings {
        console.warn(&redactor.text(warning));
    }
    if !compared.refused.is_empty() {
        let mut words: Vec<String> = compared.refused.iter().map(|error| redactor.text(&error.to_string())).collect();
        let first = words.remove(0);
        words.iter().for_each(|text| console.note(&format!("{} {text}", console.err.bad("error:"))));
        return Err(Failure::error(first).hint("the API server would refuse this: correct it before it is committed"));
    }
    let differs = shown.iter().any(show::Shown::differs);
    let count = shown.iter().filter(|s| s.differs()).count();
    console.note(&format!("{} of {} objects differ", if differs { count.to_string() } else { "none".into() }, shown.len()));
    Ok(differs)
}
