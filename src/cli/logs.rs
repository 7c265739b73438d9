//! `helmward logs`: what the pods of a release or kustomization write.

use super::failure::{Exit, Failure};
use super::globals::Globals;
use super::household::Household;
use super::output::Console;
use super::session::Session;
use super::status::text;
use super::target::{self, Target};
use crate::api;
use crate::cluster::LogOptions;
use crate::object::{Json, ObjectId};
use clap::Args;
use futures::stream::{BoxStream, SelectAll};
use futures::{StreamExt, stream};
use std::collections::BTreeSet;
use std::time::Duration;

/// How often new pods are looked for.
const LOOK: Duration = Duration::from_secs(2);
/// Containers that are followed at once.
const MOST: usize = 50;

#[derive(Args)]
#[command(override_usage = "helmward logs [KIND] NAME [OPTIONS]")]
pub(super) struct LogsArgs {
    /// Whose pods: those of a HelmRelease by its name, or of ks NAME
    #[arg(value_name = "NAME", required = true)]
    what: Vec<String>,
    /// Only of the containers of this name
    #[arg(short, long, value_name = "NAME")]
    container: Option<String>,
    /// Go on with what is written from now on, by new pods too
    #[arg(short, long)]
    follow: bool,
    /// Of the containers before their last restart
    #[arg(short, long, conflicts_with = "follow")]
    previous: bool,
    /// Only what was written in this time, such as 10m
    #[arg(long, value_name = "TIME")]
    since: Option<api::Duration>,
    /// Only so many of the last lines of each container; -1 for all
    #[arg(long, value_name = "LINES", default_value_t = -1, allow_negative_numbers = true)]
    tail: i64,
    /// Each line with its time
    #[arg(long)]
    timestamps: bool,
    /// Without the pod and container before each line
    #[arg(long)]
    no_prefix: bool,
}

/// A container of a pod, and how often it began.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Source {
    pod: ObjectId,
    container: String,
    restarts: i64,
}

pub(super) async fn logs(args: LogsArgs, globals: &Globals, console: &Console) -> Result<Exit, Failure> {
    let target = target::one(&args.what, "hr")?;
    let session = Session::open(globals).await?;
    let (house, found) = sources(&session, &target, &args).await?;
    let name = format!("{}/{}", target.kind.kind, target.name);
    if found.is_empty() && !args.follow {
        house.gaps.iter().for_each(|gap| console.warn(gap));
        let containers = match &args.container {
            Some(container) => format!("no pod with a container {container}"),
            None => "no pod".to_owned(),
        };
        return Err(Failure::new(Exit::Differs, format!("{name} has {containers}")).hint(format!(
            "`helmward tree {}/{} -n {}` shows what it has",
            target.kind.plural,
            target.name,
            session.id(&target).namespace
        )));
    }
    if args.follow {
        return follow(&session, &target, &args, found, console).await;
    }
    let mut failed = None;
    let count = found.len();
    for source in &found {
        // one that never began has nothing to show, which is no reason to hide what the others wrote
        if let Err(failure) = print_one(&session, source, &args, console).await {
            console.note(&format!("{} {}", console.err.dim(&prefix(source)), failure.message));
            failed = Some(failure);
        }
    }
    match failed {
        Some(failure) if count == 1 => Err(failure),
        Some(_) => Ok(Exit::Differs),
        None => Ok(Exit::Ok),
    }
}

/// The containers whose lines are wanted.
async fn sources(session: &Session, target: &Target, args: &LogsArgs) -> Result<(Household, Vec<Source>), Failure> {
    let (_, id, object) = session.fetch(target).await?;
    if !matches!(id.kind.as_str(), "HelmRelease" | "Kustomization") {
        return Err(Failure::error(format!("{id} has no pods")).hint("releases (hr) and kustomizations (ks) have some"));
    }
    let house = Household::read(session, object, true).await;
    let found = house.members_pods().into_iter().flat_map(|pod| containers(pod, args.container.as_deref())).collect();
    Ok((house, found))
}

/// The containers of a pod, in the order in which they begin.
fn containers(pod: &Json, only: Option<&str>) -> Vec<Source> {
    let id = ObjectId::new("", "Pod", text(pod, "/metadata/namespace"), text(pod, "/metadata/name"));
    let list = |place: &str| pod.pointer(place).and_then(Json::as_array).cloned().unwrap_or_default();
    let statuses = [list("/status/initContainerStatuses"), list("/status/containerStatuses")].concat();
    let restarts = |name: &str| {
        let status = statuses.iter().find(|status| text(status, "/name") == name);
        status.and_then(|status| status.get("restartCount")?.as_i64()).unwrap_or_default()
    };
    let specs = [list("/spec/initContainers"), list("/spec/containers")].concat();
    let names = specs.iter().map(|spec| text(spec, "/name")).filter(|name| only.is_none_or(|only| only == *name));
    names.map(|name| Source { pod: id.clone(), container: name.to_owned(), restarts: restarts(name) }).collect()
}

fn prefix(source: &Source) -> String {
    format!("[pod/{}/{}]", source.pod.name, source.container)
}

fn options(source: &Source, args: &LogsArgs) -> LogOptions {
    LogOptions {
        container: source.container.clone(),
        follow: args.follow,
        previous: args.previous,
        since_seconds: args.since.map(|since| since.as_std().as_secs().max(1)),
        tail: u64::try_from(args.tail).ok(),
        timestamps: args.timestamps,
    }
}

fn print_line(source: &Source, line: &str, args: &LogsArgs, console: &Console) -> Result<(), Failure> {
    if args.no_prefix {
        return console.data(&format!("{line}\n"));
    }
    console.data(&format!("{} {line}\n", console.out.dim(&prefix(source))))
}

async fn print_one(session: &Session, source: &Source, args: &LogsArgs, console: &Console) -> Result<(), Failure> {
    let mut lines = std::pin::pin!(session.cluster.logs(&source.pod, &options(source, args)).await?);
    while let Some(line) = lines.next().await {
        print_line(source, &line?, args, console)?;
    }
    Ok(())
}

type Lines = BoxStream<'static, (Source, Result<String, String>)>;

/// Prints lines as they come, until interrupted. Pods and containers that begin later are joined in.
async fn follow(session: &Session, target: &Target, args: &LogsArgs, mut found: Vec<Source>, console: &Console) -> Result<Exit, Failure> {
    let mut streams: SelectAll<Lines> = SelectAll::new();
    let mut joined: BTreeSet<Source> = BTreeSet::new();
    let mut look = tokio::time::interval(LOOK);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    if found.is_empty() {
        console.note("no pod yet; waiting for one");
    }
    loop {
        for source in found.drain(..) {
            if streams.len() >= MOST || joined.contains(&source) {
                continue;
            }
            // a container that has not begun is asked for again at the next look
            let Ok(lines) = session.cluster.logs(&source.pod, &options(&source, args)).await else { continue };
            joined.insert(source.clone());
            streams.push(lines.map(move |line| (source.clone(), line.map_err(|e| e.to_string()))).boxed());
        }
        tokio::select! {
            line = next(&mut streams) => match line {
                (source, Ok(line)) => print_line(&source, &line, args, console)?,
                (source, Err(why)) => console.note(&format!("{} {why}", console.err.dim(&prefix(&source)))),
            },
            _ = look.tick() => found = sources(session, target, args).await?.1,
        }
    }
}

/// The next line; where nothing is followed, never.
async fn next(streams: &mut SelectAll<Lines>) -> (Source, Result<String, String>) {
    match streams.next().await {
        Some(line) => line,
        None => std::future::pending().await,
    }
}

/// The last lines of a container; of its last round where it waits for the next one.
pub(super) async fn last_lines(
    session: &Session,
    pod: &ObjectId,
    container: &str,
    previous: bool,
    count: u64,
) -> Result<Vec<String>, Failure> {
    let options = LogOptions { container: container.to_owned(), previous, tail: Some(count), ..LogOptions::default() };
    let lines = session.cluster.logs(pod, &options).await?;
    Ok(lines.take_while(|line| futures::future::ready(line.is_ok())).flat_map(stream::iter).collect().await)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn containers_are_named_in_the_order_in_which_they_begin() {
        let pod = json!({"metadata": {"namespace": "shop", "name": "web-1"},
            "spec": {"containers": [{"name": "app"}, {"name": "proxy"}], "initContainers": [{"name": "init"}]},
            "status": {"containerStatuses": [{"name": "app", "restartCount": 4}]}});
        let got: Vec<String> = containers(&pod, None).iter().map(|s| format!("{} {}", prefix(s), s.restarts)).collect();
        assert_eq!(got, ["[pod/web-1/init] 0", "[pod/web-1/app] 4", "[pod/web-1/proxy] 0"]);
        assert_eq!(containers(&pod, Some("app")).len(), 1);
    }
}
