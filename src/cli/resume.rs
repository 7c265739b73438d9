//! `helmward resume`: follows Git again, after a suspension or a rollback by hand.

use super::failure::{Exit, Failure};
use super::globals::Globals;
use super::output::Console;
use super::session::Session;
use super::wait::{Awaited, WaitArgs, until_handled};
use super::{status, target};
use crate::api::names;
use clap::Args;
use jiff::Timestamp;
use serde_json::json;

#[derive(Args)]
#[command(override_usage = "helmward resume [KIND] NAME [OPTIONS]")]
pub(super) struct ResumeArgs {
    /// What to resume: a HelmRelease by its name, or KIND NAME
    #[arg(value_name = "NAME", required = true)]
    what: Vec<String>,
    #[command(flatten)]
    wait: WaitArgs,
}

pub(super) async fn resume(args: ResumeArgs, globals: &Globals, console: &Console) -> Result<Exit, Failure> {
    let target = target::one(&args.what, "hr")?;
    let session = Session::open(globals).await?;
    let (resource, id, _) = session.fetch(&target).await?;
    let token = Timestamp::now().to_string();
    let annotations = json!({names::SUSPEND_REASON: null, names::ROLLBACK_TO: null, names::REQUESTED_AT: token});
    session.patch(&resource, &id, json!({"metadata": {"annotations": annotations}, "spec": {"suspend": false}})).await?;
    let next = format!("`helmward get {}/{} -n {}`", target.kind.plural, id.name, id.namespace);
    if !args.wait.wait {
        console.done(&format!("{id} follows its source again"), &format!("see {next}, or wait with --wait"));
        return Ok(Exit::Ok);
    }
    let awaited = Awaited { resource: &resource, id: &id, limit: args.wait.timeout.as_std() };
    let seen = until_handled(&session, &awaited, &token, console).await?;
    console.done(&format!("{id} is ready: {}", status::short(status::ready(&seen).message)), &next);
    Ok(Exit::Ok)
}
