//! What the daemon must be allowed to do, asked of the API server for whoever asks.

use super::{Line, Verdict};
use crate::api::kinds::ALL;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::status::text;
use crate::object::{Gvk, Json, ObjectId};
use futures::{StreamExt, stream};
use serde_json::json;

/// Questions at the same time.
const CONCURRENCY: usize = 16;

/// Verbs on a resource of a group; a subresource stands behind a slash.
type Right = (&'static str, String, &'static [&'static str]);

/// What the daemon cannot work without, whatever it deploys. Where it acts as service accounts (`acts`), writing is for them.
fn needed(acts: bool) -> Vec<Right> {
    const READ: &[&str] = &["get", "list", "watch"];
    const ALL_VERBS: &[&str] = &["get", "list", "watch", "create", "patch", "delete"];
    let write: &[&str] = if acts { READ } else { ALL_VERBS };
    let definitions: &[&str] = if acts { READ } else { &["get", "list", "watch", "create", "patch"] };
    let built_in: [(&str, &str, &[&str]); 9] = [
        ("apiextensions.k8s.io", "customresourcedefinitions", definitions),
        ("", "namespaces", definitions),
        ("", "secrets", write),
        ("", "configmaps", write),
        ("", "events", &["create", "patch"]),
        ("", "pods", READ),
        ("apps", "replicasets", READ),
        ("apps", "deployments", write),
        ("coordination.k8s.io", "leases", &["get", "list", "create", "patch", "update"]),
    ];
    let mut rights: Vec<Right> = built_in.into_iter().map(|(group, resource, verbs)| (group, resource.to_owned(), verbs)).collect();
    for kind in ALL.iter().filter(|kind| kind.served) {
        rights.push((kind.group, kind.plural.to_owned(), &["get", "list", "watch", "patch"]));
        rights.push((kind.group, format!("{}/status", kind.plural), &["patch"]));
    }
    rights
}

/// A line for each resource to which a right is missing; one line where none is.
pub(super) async fn lines(session: &Session, home: &str) -> Vec<Line> {
    let user = user(session).await;
    let of_user = |words: &str| if user.is_empty() { words.to_owned() } else { format!("{user}: {words}") };
    match allowed(session, "", "*", "*", "*").await {
        Ok(true) => return vec![Line::new("permissions", Verdict::Good, of_user("everything (cluster-admin)"))],
        Ok(false) => {}
        Err(failure) => {
            return vec![Line::new("permissions", Verdict::Bad, failure.message).next("ask for the right to review one's own access")];
        }
    }
    let acts = allowed(session, "", "", "serviceaccounts", "impersonate").await.unwrap_or(false);
    let needed = needed(acts);
    let wanted = needed.iter().flat_map(|(group, resource, verbs)| verbs.iter().map(move |verb| (*group, resource, *verb)));
    let answers: Vec<Result<bool, Failure>> = stream::iter(wanted)
        .map(|(group, resource, verb)| async move {
            // The Lease is the only thing that it has in its own namespace alone.
            let namespace = if resource == "leases" { home } else { "" };
            allowed(session, namespace, group, resource, verb).await
        })
        .buffered(CONCURRENCY)
        .collect()
        .await;
    // an answer that failed allows nothing
    let mut answers = answers.into_iter().map(|answer| answer.unwrap_or(false));
    let mut lines = Vec::new();
    for (group, resource, verbs) in &needed {
        let missing: Vec<&str> = verbs.iter().zip(answers.by_ref()).filter(|(_, allowed)| !allowed).map(|(verb, _)| *verb).collect();
        if !missing.is_empty() {
            lines.push(refused(&user, group, resource, &missing));
        }
    }
    if lines.is_empty() {
        let words = of_user(match acts {
            true => "what the daemon itself needs; what it deploys it deploys as service accounts",
            false => "what the daemon itself needs; what it deploys may need more",
        });
        lines.push(Line::new("permissions", Verdict::Good, words));
    }
    lines
}

fn refused(user: &str, group: &str, resource: &str, verbs: &[&str]) -> Line {
    let full = match resource.split_once('/') {
        _ if group.is_empty() => resource.to_owned(),
        Some((resource, subresource)) => format!("{resource}.{group}/{subresource}"),
        None => format!("{resource}.{group}"),
    };
    let who = if user.is_empty() { "this user" } else { user };
    Line::new(&format!("permissions: {full}"), Verdict::Bad, format!("{who} may not {}", verbs.join(", "))).next(format!(
        "`kubectl create clusterrole helmward-{} --verb={} --resource={full}` and bind it, or choose another user with --context or --as",
        resource.replace('/', "-"),
        verbs.join(",")
    ))
}

/// Who asks; empty where the server does not say.
async fn user(session: &Session) -> String {
    let kind = Gvk::new("authentication.k8s.io/v1", "SelfSubjectReview");
    let answer = review(session, &kind, json!({"apiVersion": kind.api_version(), "kind": kind.kind})).await;
    answer.map(|answer| text(&answer, "/status/userInfo/username").to_owned()).unwrap_or_default()
}

async fn allowed(session: &Session, namespace: &str, group: &str, resource: &str, verb: &str) -> Result<bool, Failure> {
    let kind = Gvk::new("authorization.k8s.io/v1", "SelfSubjectAccessReview");
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    let body = json!({
        "apiVersion": kind.api_version(),
        "kind": kind.kind,
        "spec": {"resourceAttributes": {"namespace": namespace, "group": group, "resource": resource, "subresource": subresource, "verb": verb}},
    });
    let answer = review(session, &kind, body).await?;
    Ok(answer.pointer("/status/allowed").and_then(Json::as_bool).unwrap_or(false))
}

async fn review(session: &Session, kind: &Gvk, body: Json) -> Result<Json, Failure> {
    let resource = session.cluster.resource(kind).await?;
    Ok(session.cluster.create(&resource, &ObjectId::new(&kind.group, &kind.kind, "", ""), &body).await?.object)
}
