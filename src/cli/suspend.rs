//! `helmward suspend`: stops following Git for one object.

use super::failure::{Exit, Failure};
use super::globals::Globals;
use super::output::Console;
use super::session::Session;
use super::{status, target};
use crate::api::names;
use clap::Args;
use serde_json::json;

#[derive(Args)]
#[command(override_usage = "helmward suspend [KIND] NAME [OPTIONS]")]
pub(super) struct SuspendArgs {
    /// What to suspend: a HelmRelease by its name, or KIND NAME
    #[arg(value_name = "NAME", required = true)]
    what: Vec<String>,
    /// Why, for those who find it suspended
    #[arg(long, value_name = "WORDS")]
    reason: Option<String>,
}

pub(super) async fn suspend(args: SuspendArgs, globals: &Globals, console: &Console) -> Result<Exit, Failure> {
    let target = target::one(&args.what, "hr")?;
    let session = Session::open(globals).await?;
    let (resource, id, object) = session.fetch(&target).await?;
    let already = status::suspended(&object);
    if !already || args.reason.is_some() {
        let body = json!({"metadata": {"annotations": {names::SUSPEND_REASON: args.reason}}, "spec": {"suspend": true}});
        session.patch(&resource, &id, body).await?;
    }
    let words = if already { "was suspended already" } else { "is suspended; what is deployed stays" };
    console.done(&format!("{id} {words}"), &format!("`helmward resume {}/{} -n {}`", target.kind.plural, id.name, id.namespace));
    Ok(Exit::Ok)
}
