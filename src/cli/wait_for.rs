//! `helmward wait`: until a condition holds, a revision is deployed or an object is gone.

use super::failure::{Exit, Failure};
use super::globals::Globals;
use super::output::Console;
use super::session::Session;
use super::status::{self, condition, text};
use super::target;
use super::wait::{Awaited, tell_events, watched};
use super::{get, standing};
use crate::api;
use crate::cluster::ListOptions;
use crate::object::{Json, ObjectId};
use crate::release::report::Pill;
use clap::Args;
use std::str::FromStr;
use std::time::Duration;
use tokio::time::Instant;

#[derive(Args)]
#[command(override_usage = "helmward wait [KIND] NAME [OPTIONS]\n       helmward wait --all [KIND] [OPTIONS]")]
pub(super) struct WaitForArgs {
    /// For what: a HelmRelease by its name, or KIND NAME
    #[arg(value_name = "NAME", required_unless_present = "all")]
    what: Vec<String>,
    /// For all of a kind, or of every kind; what is suspended is passed over
    #[arg(long)]
    all: bool,
    /// With --all: in all namespaces
    #[arg(short = 'A', long, requires = "all")]
    all_namespaces: bool,
    /// Until what: condition=NAME, condition=NAME=False, revision=REVISION (a commit may be shortened), delete
    #[arg(long = "for", value_name = "WHAT", default_value = "condition=Ready")]
    until: Until,
    /// How long to wait; exit with 3 when it runs out
    #[arg(long, default_value = "5m", value_name = "TIME")]
    timeout: api::Duration,
}

/// What is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Until {
    Condition { kind: String, status: String },
    Revision(String),
    Delete,
}

impl FromStr for Until {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split('=').map(str::trim).collect();
        match parts[..] {
            ["delete"] => Ok(Self::Delete),
            ["revision", revision] if !revision.is_empty() => Ok(Self::Revision(revision.to_owned())),
            ["condition", kind] if !kind.is_empty() => Ok(Self::Condition { kind: kind.to_owned(), status: "True".into() }),
            ["condition", kind, status] if !kind.is_empty() && !status.is_empty() => {
                Ok(Self::Condition { kind: kind.to_owned(), status: status.to_owned() })
            }
            _ => Err("write condition=Ready, condition=Ready=False, revision=1.2.3, revision=main@sha1:0123abc or delete".into()),
        }
    }
}

impl Until {
    /// Whether it is so of the object (`None`: it is not there).
    fn holds(&self, object: Option<&Json>) -> bool {
        match (self, object) {
            (Self::Delete, object) => object.is_none(),
            (_, None) => false,
            (Self::Condition { kind, status }, Some(object)) => {
                // an old status says nothing of the spec as it stands
                let known = condition(object, kind).map(|c| c.status);
                status::is_current(object) && known.unwrap_or("Unknown").eq_ignore_ascii_case(status)
            }
            (Self::Revision(wanted), Some(object)) => status::is_ready(object) && is_at(&get::revision(object), wanted),
        }
    }

    fn words(&self) -> String {
        match self {
            Self::Condition { kind, status } if status.eq_ignore_ascii_case("true") => kind.to_lowercase(),
            Self::Condition { kind, status } => format!("{}={status}", kind.to_lowercase()),
            Self::Revision(revision) => format!("ready at {}", status::short(revision)),
            Self::Delete => "deleted".into(),
        }
    }
}

/// Whether a revision is the wanted one: equal, or its commit or digest begins with what is wanted (at least 7 digits).
fn is_at(revision: &str, wanted: &str) -> bool {
    const SHORTEST: usize = 7;
    let digest = |text: &str| text.rsplit_once(':').map_or(text, |(_, digest)| digest).to_owned();
    let branch = |text: &str| text.rsplit_once('@').map(|(branch, _)| branch.to_owned());
    let (have, want) = (digest(revision), digest(wanted));
    let hex = want.len() >= SHORTEST && want.chars().all(|c| c.is_ascii_hexdigit());
    let same_branch = branch(wanted).is_none_or(|wanted| branch(revision) == Some(wanted));
    revision == wanted || hex && same_branch && have.len() >= 40 && have.starts_with(&want)
}

pub(super) async fn wait_for(args: WaitForArgs, globals: &Globals, console: &Console) -> Result<Exit, Failure> {
    let session = Session::open(globals).await?;
    if !args.all {
        let target = target::one(&args.what, "hr")?;
        let resource = session.resource(target.kind).await?;
        return one(&session, &args.until, &resource, &session.id(&target), args.timeout.as_std(), console).await;
    }
    let deadline = Instant::now() + args.timeout.as_std();
    let query = target::many(&args.what)?;
    if !query.names.is_empty() {
        return Err(Failure::error(format!("--all and names ({}) exclude each other", query.names.join(", "))).hint("leave one out"));
    }
    let namespace = if args.all_namespaces { "" } else { session.namespace() };
    let mut count = 0;
    for kind in query.kinds.into_iter().filter(|kind| kind.has_status) {
        let Some(resource) = session.served(kind).await? else { continue };
        let items = session.cluster.list(&resource, &ListOptions::labels(namespace, "")).await?.items;
        // they become ready side by side: whichever is waited for first, the last one decides
        for item in items.iter().filter(|item| standing::pill(item) != Pill::Suspended) {
            let id = ObjectId::new(kind.group, kind.kind, text(item, "/metadata/namespace"), text(item, "/metadata/name"));
            let left = deadline.saturating_duration_since(Instant::now());
            one(&session, &args.until, &resource, &id, left, console).await?;
            count += 1;
        }
    }
    if count == 0 {
        let place = if namespace.is_empty() { "the cluster".to_owned() } else { format!("namespace {namespace}") };
        return Err(Failure::new(Exit::Differs, format!("there is nothing to wait for in {place}")).hint("all namespaces: -A"));
    }
    Ok(Exit::Ok)
}

async fn one(
    session: &Session,
    until: &Until,
    resource: &crate::cluster::Resource,
    id: &ObjectId,
    limit: Duration,
    console: &Console,
) -> Result<Exit, Failure> {
    let awaited = Awaited { resource, id, limit };
    let (answer, witness) = watched(session, &awaited, console, |object| until.holds(object)).await;
    if let Err(failure) = answer {
        witness.tell(console);
        tell_events(session, id, console).await;
        if failure.exit != Exit::Timeout {
            return Err(failure);
        }
        let there = session.cluster.get_as(resource, id).await?;
        let failure = if there.is_none() {
            let (exit, message) = (failure.exit, format!("{id} is not there, and did not come in time"));
            Failure::new(exit, message).hint(format!("`helmward get {} -A` shows what is; choose its namespace with -n", resource.plural))
        } else {
            failure
        };
        return Err(failure);
    }
    console.data(&format!("{}.{}/{} {}\n", resource.kind.to_lowercase(), resource.group, id.name, until.words()))?;
    Ok(Exit::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_waited_for_is_read_as_kubectl_does() {
        let condition = |kind: &str, status: &str| Until::Condition { kind: kind.into(), status: status.into() };
        for (text, want) in [
            ("condition=Ready", condition("Ready", "True")),
            ("condition=Ready=False", condition("Ready", "False")),
            ("revision=main@sha1:0123abc", Until::Revision("main@sha1:0123abc".into())),
            ("delete", Until::Delete),
        ] {
            assert_eq!(text.parse(), Ok(want), "{text}");
        }
        for text in ["", "Ready", "condition=", "jsonpath={.a}=b", "revision="] {
            assert!(text.parse::<Until>().is_err(), "{text}");
        }
    }

    #[test]
    fn revisions_may_be_shortened() {
        let full = "main@sha1:0123456789abcdef0123456789abcdef01234567";
        for (wanted, want) in [
            (full, true),
            ("0123456", true),
            ("sha1:0123456789", true),
            ("main@sha1:0123456", true),
            ("dev@sha1:0123456", false),
            ("012345", false),
            ("1234567", false),
        ] {
            assert_eq!(is_at(full, wanted), want, "{wanted}");
        }
        assert!(is_at("1.2.3", "1.2.3") && !is_at("1.2.34", "1.2.3"));
    }

    #[test]
    fn an_old_status_does_not_count() {
        let object = |observed: i64| {
            json!({"kind": "HelmRelease", "metadata": {"generation": 2}, "status": {"observedGeneration": observed,
                "conditions": [{"type": "Ready", "status": "True"}], "history": [{"chartVersion": "1.0.0"}]}})
        };
        let ready: Until = "condition=Ready".parse().unwrap();
        let revision: Until = "revision=1.0.0".parse().unwrap();
        assert!(ready.holds(Some(&object(2))) && revision.holds(Some(&object(2))));
        assert!(!ready.holds(Some(&object(1))) && !revision.holds(Some(&object(1))) && !ready.holds(None));
        let unknown: Until = "condition=Drifted=Unknown".parse().unwrap();
        assert!(unknown.holds(Some(&object(2))) && Until::Delete.holds(None) && !Until::Delete.holds(Some(&object(2))));
    }
}
