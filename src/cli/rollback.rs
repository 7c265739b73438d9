//! `helmward rollback`: back to an earlier revision, by an annotation that the daemon carries out.

use super::failure::{Exit, Failure};
use super::globals::Globals;
use super::history::{Revision, of_release};
use super::output::Console;
use super::session::Session;
use super::status::text;
use super::target;
use super::wait::{Awaited, WaitArgs, until_settled};
use crate::api::names;
use crate::object::Json;
use clap::{Args, ValueEnum};
use serde_json::json;

#[derive(Args)]
pub(super) struct RollbackArgs {
    /// Which release
    name: String,
    /// To which revision [default: the last good one before that which is deployed]
    revision: Option<i64>,
    /// Only say what would be done: `server` asks the API server, which stores nothing
    #[arg(long, value_enum, value_name = "WHERE")]
    dry_run: Option<DryRun>,
    #[command(flatten)]
    wait: WaitArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DryRun {
    /// Ask the API server
    Server,
}

pub(super) async fn rollback(args: RollbackArgs, globals: &Globals, console: &Console) -> Result<Exit, Failure> {
    let target = target::one(&[args.name], "hr")?;
    let session = Session::open(globals).await?;
    let (resource, id, object) = session.fetch(&target).await?;
    if id.kind != "HelmRelease" {
        return Err(Failure::error(format!("{id}: only releases are rolled back by hand")).hint("revert the commit in Git"));
    }
    let revisions = of_release(&session, &object, false).await?;
    let current = revisions.iter().rev().find(|r| r.status == "deployed");
    let goal = choose(&revisions, current, args.revision).map_err(|words| {
        Failure::error(format!("{id}: {words}")).hint(format!("`helmward history {} -n {}` shows the revisions", id.name, id.namespace))
    })?;
    let words = |r: &Revision| if r.chart.is_empty() { r.number.to_string() } else { format!("{} ({})", r.number, r.chart) };
    let from = current.map_or_else(|| "nothing deployed".to_owned(), words);
    if args.dry_run == Some(DryRun::Server) {
        let differs = super::diff::against_revision(&session, &object, goal.number, console).await?;
        console.note(&format!("{id} would go from {from} to {}; nothing was written", words(goal)));
        return Ok(if differs { Exit::Differs } else { Exit::Ok });
    }
    let newest = revisions.last().map_or(0, |r| r.number);
    let annotations = json!({names::ROLLBACK_TO: goal.number.to_string()});
    session.patch(&resource, &id, json!({"metadata": {"annotations": annotations}})).await?;
    console.note(&format!("{id} goes from {from} back to {}, and stays there until it is resumed", words(goal)));
    let follow = format!("`helmward resume {} -n {}` follows Git again", id.name, id.namespace);
    if !args.wait.wait {
        console.done("the daemon carries it out", &format!("`helmward history {} -n {}`; {follow}", id.name, id.namespace));
        return Ok(Exit::Ok);
    }
    let awaited = Awaited { resource: &resource, id: &id, limit: args.wait.timeout.as_std() };
    // a rollback makes a new revision, whatever becomes of it
    let made = |object: &Json| object.pointer("/status/history/0/version").and_then(Json::as_i64).is_some_and(|n| n > newest);
    // the release is off its Git state on purpose, which Ready=False says: what counts is whether the rollback went well
    let back = |object: &Json| made(object) && text(object, "/status/history/0/status") == "deployed";
    until_settled(&session, &awaited, console, made, back).await?;
    console.done(&format!("{id} is back at {}", words(goal)), &follow);
    Ok(Exit::Ok)
}

fn choose<'a>(revisions: &'a [Revision], current: Option<&Revision>, wanted: Option<i64>) -> Result<&'a Revision, String> {
    let deployed = current.map_or(i64::MAX, |r| r.number);
    match wanted {
        Some(number) => match revisions.iter().find(|r| r.number == number) {
            None => Err(format!("there is no revision {number}")),
            Some(revision) if revision.number == deployed => Err(format!("revision {number} is the deployed one")),
            Some(revision) if !revision.was_good() => Err(format!("revision {number} was never good: it is {}", revision.status)),
            Some(revision) => Ok(revision),
        },
        None => {
            revisions.iter().rev().find(|r| r.number < deployed && r.was_good()).ok_or_else(|| "it has no earlier good revision".into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_good_revisions_are_gone_back_to() {
        let all: Vec<Revision> = [(1, "superseded"), (2, "failed"), (3, "superseded"), (4, "failed"), (5, "deployed")]
            .map(|(number, status)| Revision { number, status: status.into(), ..Revision::default() })
            .into();
        let to = |wanted| choose(&all, all.last(), wanted).map(|r| r.number);
        assert_eq!(to(None), Ok(3));
        assert_eq!(to(Some(1)), Ok(1));
        assert_eq!(to(Some(2)), Err("revision 2 was never good: it is failed".into()));
        assert_eq!(to(Some(5)), Err("revision 5 is the deployed one".into()));
        assert_eq!(to(Some(9)), Err("there is no revision 9".into()));
        assert_eq!(choose(&all[..1], None, None).map(|r| r.number), Ok(1));
        assert!(choose(&[], None, None).is_err());
    }
}
