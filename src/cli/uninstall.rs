//! `helmward uninstall`: the daemon goes, and the finalizers with it; what it deployed stays.

use super::failure::{Exit, Failure};
use super::globals::Globals;
use super::install::manifests;
use super::output::Console;
use super::session::Session;
use super::status::text;
use crate::api::kinds::ALL;
use crate::api::names::{CRD_VERSION, FINALIZER};
use crate::cluster::{Delete, ListOptions, Propagation};
use crate::object::{Gvk, Json, ObjectId};
use clap::Args;
use jiff::{SignedDuration, Timestamp};
use std::io::{BufRead, IsTerminal};
use std::time::Duration;

/// How long the daemon's own objects may take to go.
const PATIENCE: Duration = Duration::from_secs(120);

#[derive(Args)]
pub(super) struct UninstallArgs {
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// Also remove the definitions that Helmward installed, and with them all releases, kustomizations and sources; what they deployed stays
    #[arg(long)]
    crds: bool,
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
}

pub(super) async fn uninstall(args: UninstallArgs, globals: &Globals, console: &Console) -> Result<Exit, Failure> {
    let session = Session::open(globals).await?;
    let namespace = globals.home();
    let flux = session.cluster.foreign_leases().await?;
    if !args.dry_run && !args.yes {
        ask(&session, &args, namespace)?;
    }
    remove_daemon(&session, namespace, args.dry_run, console).await?;
    if !args.dry_run {
        refuse_living_daemon(&session, namespace).await?;
    }
    if let Some(lease) = flux.first() {
        // the finalizer is Flux's too, and Flux needs it to clean up
        console.warn(&format!("{lease}; the objects are Flux's now, and their finalizers and definitions stay"));
        console.done("helmward is removed", "Flux goes on with the same objects");
        return Ok(Exit::Ok);
    }
    let count = release_objects(&session, args.dry_run, console).await?;
    if args.crds {
        remove_definitions(&session, args.dry_run, console).await?;
    }
    if args.dry_run {
        console.note("nothing was written");
        return Ok(Exit::Ok);
    }
    let next = format!("`kubectl delete namespace {namespace}` removes what is left there, credentials included");
    console.done(&format!("helmward is removed; {count} objects are let go, and everything that they deployed runs on"), &next);
    Ok(Exit::Ok)
}

fn ask(session: &Session, args: &UninstallArgs, namespace: &str) -> Result<(), Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(
            Failure::error("nobody is there to be asked").hint("write --yes to remove without asking, or --dry-run to see what would go")
        );
    }
    let definitions = if args.crds { ", and the definitions with all releases, kustomizations and sources" } else { "" };
    let question = format!("Remove helmward from {} (namespace {namespace}){definitions}? What it deployed stays. [y/N] ", session.server);
    // the answer decides; a question that cannot be shown is answered by nobody
    std::io::Write::write_all(&mut std::io::stderr().lock(), question.as_bytes()).map_err(|e| Failure::error(e.to_string()))?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).map_err(|e| Failure::error(format!("read the answer: {e}")))?;
    if matches!(answer.trim(), "y" | "Y" | "yes") {
        return Ok(());
    }
    Err(Failure::new(Exit::Interrupted, "nothing was removed"))
}

async fn remove_daemon(session: &Session, namespace: &str, dry_run: bool, console: &Console) -> Result<(), Failure> {
    for (gvk, id) in manifests::ids(namespace) {
        let resource = session.cluster.resource(&gvk).await?;
        let foreground = Propagation::Foreground;
        let how = Delete { dry_run, propagation: foreground, ..Delete::default() };
        if session.cluster.delete(&resource, &id, &how).await?.is_none() {
            continue;
        }
        if !dry_run {
            // its pods are gone with it: a daemon that still writes would put finalizers back
            session.cluster.wait_until(&resource, &id, PATIENCE, |object| object.is_none()).await?;
        }
        console.note(&format!("{id} {}", if dry_run { "would be deleted" } else { "deleted" }));
    }
    Ok(())
}

/// A daemon outside of the cluster cannot be stopped from here.
async fn refuse_living_daemon(session: &Session, namespace: &str) -> Result<(), Failure> {
    match holder(session, namespace).await? {
        None => Ok(()),
        Some((holder, left)) => {
            Err(Failure::error(format!("{holder} holds the Lease {namespace}/helmward and would put the finalizers back"))
                .hint(format!("stop that daemon, or wait {left} s if it was just stopped, then repeat this")))
        }
    }
}

/// Who holds the daemon's Lease, and for how many seconds yet.
pub(super) async fn holder(session: &Session, namespace: &str) -> Result<Option<(String, i64)>, Failure> {
    let resource = session.cluster.resource(&Gvk::new("coordination.k8s.io/v1", "Lease")).await?;
    let id = ObjectId::new("coordination.k8s.io", "Lease", namespace, "helmward");
    let Some(lease) = session.cluster.get_as(&resource, &id).await? else { return Ok(None) };
    let Ok(renewed) = text(&lease, "/spec/renewTime").parse::<Timestamp>() else { return Ok(None) };
    let seconds = lease.pointer("/spec/leaseDurationSeconds").and_then(Json::as_i64).unwrap_or(15);
    let left = (renewed + SignedDuration::from_secs(seconds)).duration_since(Timestamp::now()).as_secs();
    let holder = text(&lease, "/spec/holderIdentity");
    Ok((left > 0 && !holder.is_empty()).then(|| (holder.to_owned(), left)))
}

/// Takes the finalizer from every object of our kinds; says from how many.
async fn release_objects(session: &Session, dry_run: bool, console: &Console) -> Result<usize, Failure> {
    let mut count = 0;
    for kind in &ALL {
        let Some(resource) = session.served(kind).await? else { continue };
        let options = ListOptions { metadata_only: true, ..ListOptions::default() };
        for object in session.cluster.list(&resource, &options).await?.items {
            let id = ObjectId::new(kind.group, kind.kind, text(&object, "/metadata/namespace"), text(&object, "/metadata/name"));
            let finalizers = object.pointer("/metadata/finalizers").and_then(Json::as_array);
            if !finalizers.is_some_and(|list| list.iter().any(|f| f.as_str() == Some(FINALIZER))) {
                continue;
            }
            if !dry_run {
                session.cluster.remove_finalizer(&resource, &id, &object, FINALIZER).await?;
            }
            count += 1;
            console.note(&format!("{id} {}", if dry_run { "would be let go" } else { "let go" }));
        }
    }
    Ok(count)
}

async fn remove_definitions(session: &Session, dry_run: bool, console: &Console) -> Result<(), Failure> {
    let resource = session.cluster.resource(&Gvk::new("apiextensions.k8s.io/v1", "CustomResourceDefinition")).await?;
    for kind in &ALL {
        let id = ObjectId::new("apiextensions.k8s.io", "CustomResourceDefinition", "", &format!("{}.{}", kind.plural, kind.group));
        let Some(live) = session.cluster.get_metadata(&resource, &id).await? else { continue };
        let ours = live.pointer("/metadata/annotations").and_then(|a| a.get(CRD_VERSION)).is_some();
        if !ours {
            console.note(&format!("{id} is not ours and stays"));
            continue;
        }
        session.cluster.delete(&resource, &id, &Delete { dry_run, ..Delete::default() }).await?;
        console.note(&format!("{id} {}", if dry_run { "would be deleted" } else { "deleted" }));
    }
    Ok(())
}
