//! `helmward install`: the daemon and what it needs, in a cluster or as YAML.

pub(super) mod manifests;

use super::failure::{Exit, Failure};
use super::globals::Globals;
use super::output::Console;
use super::session::Session;
use super::wait::WaitArgs;
use crate::api::crd;
use crate::cluster::{Apply, CrdOutcome};
use crate::object::{Json, Manifest, Origin};
use clap::Args;
use helmward_chart::yaml;
use std::time::Duration;

/// The field manager of what a person installs, beside the daemon's own.
const MANAGER: &str = "helmward-cli";

#[derive(Args)]
pub(super) struct InstallArgs {
    /// Print the manifests instead of applying them
    #[arg(long)]
    export: bool,
    /// Image of the daemon; the nodes must be able to pull it
    #[arg(long, default_value = concat!("helmward:", env!("CARGO_PKG_VERSION")))]
    image: String,
    /// Only ask the API server what it would do
    #[arg(long, conflicts_with = "export")]
    dry_run: bool,
    #[command(flatten)]
    wait: WaitArgs,
}

pub(super) async fn install(args: InstallArgs, globals: &Globals, console: &Console) -> Result<Exit, Failure> {
    let namespace = globals.home();
    let objects = manifests::all(namespace, &args.image);
    let definitions = crd::all();
    if args.export {
        let mut out = String::new();
        for object in objects.iter().take(1).chain(&definitions).chain(objects.iter().skip(1)) {
            out.push_str(&format!("---\n{}", yaml::to_string(object)));
        }
        console.data(&out)?;
        return Ok(Exit::Ok);
    }
    let session = Session::open(globals).await?;
    let how = Apply { manager: MANAGER.into(), dry_run: args.dry_run, ..Apply::default() };
    apply(&session, &objects[0], &how, console).await?;
    if args.dry_run {
        console.note(&format!("{} definitions would be installed where they are absent", definitions.len()));
    } else {
        for (name, outcome) in session.cluster.install_crds(&definitions, Duration::from_secs(60)).await? {
            let words = if outcome == CrdOutcome::LeftAlone { "is somebody else's and stays as it is".into() } else { outcome.to_string() };
            console.note(&format!("CustomResourceDefinition/{name} {words}"));
        }
    }
    for object in &objects[1..] {
        apply(&session, object, &how, console).await?;
    }
    if args.dry_run {
        console.note("nothing was written");
        return Ok(Exit::Ok);
    }
    for lease in session.cluster.foreign_leases().await? {
        console.warn(&format!(
            "{lease}; the daemon waits until it is gone: `kubectl -n {} scale deployment {} --replicas=0`",
            lease.namespace, lease.controller
        ));
    }
    if args.wait.wait {
        wait_for_daemon(&session, namespace, &args, console).await?;
    }
    console.done(
        &format!("helmward is installed in namespace {namespace} (image {})", args.image),
        &format!("`helmward check -n {namespace}`"),
    );
    Ok(Exit::Ok)
}

async fn apply(session: &Session, object: &Json, how: &Apply, console: &Console) -> Result<(), Failure> {
    let manifest = Manifest::new(object.clone(), Origin::default()).map_err(|e| Failure::error(e.to_string()))?;
    let answer = match session.cluster.apply(&manifest, how).await {
        // what would lie in a namespace that is only tried cannot be tried
        Err(error) if how.dry_run && error.kind == crate::cluster::Kind::NamespaceMissing => {
            console.note(&format!("{} would be created", manifest.id));
            return Ok(());
        }
        other => other?,
    };
    let words = match (how.dry_run, answer.created) {
        (true, true) => "would be created",
        (true, false) => "would be configured",
        (false, true) => "created",
        (false, false) => "configured",
    };
    console.note(&format!("{} {words}", manifest.id));
    Ok(())
}

async fn wait_for_daemon(session: &Session, namespace: &str, args: &InstallArgs, console: &Console) -> Result<(), Failure> {
    let (resource, id) = manifests::deployment_id(session, namespace).await?;
    console.progress(&format!("waiting for {id}"));
    let available = |object: Option<&Json>| object.is_some_and(manifests::is_available);
    let limit = args.wait.timeout.as_std();
    match session.cluster.wait_until(&resource, &id, limit, available).await {
        Ok(_) => Ok(()),
        Err(error) if error.kind == crate::cluster::Kind::TimedOut => {
            let words = format!("{id} is not available after {}", args.wait.timeout);
            Err(Failure::new(Exit::Timeout, words)
                .hint(format!("`kubectl -n {namespace} describe pods -l app={}` says why", manifests::NAME)))
        }
        Err(error) => Err(error.into()),
    }
}
