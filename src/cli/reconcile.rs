//! `helmward reconcile`: asks for a reconciliation by the annotation that Flux's users know.

use super::failure::{Exit, Failure};
use super::globals::Globals;
use super::output::Console;
use super::session::Session;
use super::status::{self, text};
use super::target::{self, Target};
use super::wait::{Awaited, WaitArgs, until_handled};
use crate::api::{names, source::Artifact};
use crate::object::Json;
use clap::Args;
use jiff::Timestamp;
use serde_json::json;

#[derive(Args)]
#[command(override_usage = "helmward reconcile [KIND] NAME [OPTIONS]")]
pub(super) struct ReconcileArgs {
    /// What to reconcile: a HelmRelease by its name, or KIND NAME
    #[arg(value_name = "NAME", required = true)]
    what: Vec<String>,
    /// Read its source first
    #[arg(long)]
    with_source: bool,
    /// Install or upgrade even if nothing changed (HelmRelease)
    #[arg(long)]
    force: bool,
    /// Forget earlier failures (HelmRelease)
    #[arg(long)]
    reset: bool,
    #[command(flatten)]
    wait: WaitArgs,
}

pub(super) async fn reconcile(args: ReconcileArgs, globals: &Globals, console: &Console) -> Result<Exit, Failure> {
    let target = target::one(&args.what, "hr")?;
    let session = Session::open(globals).await?;
    let (resource, id, object) = session.fetch(&target).await?;
    if !target.kind.served {
        return Err(Failure::error(format!("{id}: the kind {} is not served yet", id.kind)).hint("`helmward get all -A` shows what is"));
    }
    refuse_suspended(&object, &target, &id.namespace)?;
    if args.with_source {
        let source = source_of(&object, &target, &id.namespace)?;
        let (resource, id, object) = session.fetch(&source).await?;
        refuse_suspended(&object, &source, &id.namespace)?;
        let token = ask(&session, &resource, &id, json!({})).await?;
        console.note(&format!("{id} is asked to look at its repository"));
        if args.wait.wait {
            let awaited = Awaited { resource: &resource, id: &id, limit: args.wait.timeout.as_std() };
            let seen = until_handled(&session, &awaited, &token, console).await?;
            let revision = seen.pointer("/status/artifact").and_then(|a| serde_json::from_value::<Artifact>(a.clone()).ok());
            console.note(&format!("{id} is at {}", revision.map_or_else(|| "no revision yet".into(), |a| status::short(&a.revision))));
        }
    }
    let mut more = json!({});
    for (wanted, annotation) in [(args.force, names::FORCE_AT), (args.reset, names::RESET_AT)] {
        if wanted && id.kind != "HelmRelease" {
            return Err(Failure::error(format!("{id}: --force and --reset are for releases")));
        }
        more[annotation] = json!(wanted);
    }
    let token = ask(&session, &resource, &id, more).await?;
    let next = format!("`helmward get {}/{} -n {}`", target.kind.plural, id.name, id.namespace);
    if !args.wait.wait {
        console.done(&format!("{id} is asked to reconcile"), &format!("see {next}, or wait with --wait"));
        return Ok(Exit::Ok);
    }
    let awaited = Awaited { resource: &resource, id: &id, limit: args.wait.timeout.as_std() };
    let seen = until_handled(&session, &awaited, &token, console).await?;
    console.done(&format!("{id} is ready: {}", status::short(status::ready(&seen).message)), &next);
    Ok(Exit::Ok)
}

/// Sets `requestedAt`, and those of `more` that are true, to one new token; returns it.
pub(super) async fn ask(
    session: &Session,
    resource: &crate::cluster::Resource,
    id: &crate::object::ObjectId,
    more: Json,
) -> Result<String, Failure> {
    let token = Timestamp::now().to_string();
    let mut annotations = json!({ names::REQUESTED_AT: token });
    for (name, wanted) in more.as_object().into_iter().flatten() {
        if wanted.as_bool() == Some(true) {
            annotations[name] = json!(token);
        }
    }
    session.patch(resource, id, json!({ "metadata": { "annotations": annotations } })).await?;
    Ok(token)
}

fn refuse_suspended(object: &Json, target: &Target, namespace: &str) -> Result<(), Failure> {
    if !status::suspended(object) {
        return Ok(());
    }
    let name = text(object, "/metadata/name");
    Err(Failure::error(format!("{}/{namespace}/{name} is suspended", target.kind.kind))
        .hint(format!("`helmward resume {}/{name} -n {namespace}`", target.kind.plural)))
}

/// The source of a release or kustomization.
fn source_of(object: &Json, target: &Target, namespace: &str) -> Result<Target, Failure> {
    let place = ["/spec/chartRef", "/spec/chart/spec/sourceRef", "/spec/sourceRef"]
        .into_iter()
        .find(|place| object.pointer(place).is_some())
        .ok_or_else(|| Failure::error(format!("{} {} has no source", target.kind.kind, target.name)).hint("leave --with-source out"))?;
    let kind = target::known(text(object, &format!("{place}/kind")))?;
    let own = text(object, &format!("{place}/namespace"));
    let namespace = if own.is_empty() { namespace } else { own };
    Ok(Target { kind, namespace: Some(namespace.to_owned()), name: text(object, &format!("{place}/name")).to_owned() })
}
