//! Requests of people on the page: carried out through the custom resource, so that `kubectl` sees them too.

use super::context::Context;
use super::objects::unit_id;
use super::views::Request;
use crate::api::names;
use crate::cluster::Patch;
use crate::object::{Gvk, Json, ObjectId};
use crate::release::{RevisionStatus, UnitKey, UnitKind};
use jiff::Timestamp;
use serde_json::json;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// Carries requests out until the daemon stops.
pub async fn serve(
    ctx: Arc<Context>,
    mut incoming: mpsc::Receiver<(Request, oneshot::Sender<Result<String, String>>)>,
    stop: CancellationToken,
) {
    loop {
        let (request, answer) = tokio::select! {
            () = stop.cancelled() => return,
            next = incoming.recv() => match next {
                Some(next) => next,
                None => return,
            },
        };
        // Whoever asked may be gone by now.
        let _ = answer.send(carry_out(&ctx, request).await);
    }
}

async fn carry_out(ctx: &Context, request: Request) -> Result<String, String> {
    match request {
        Request::Reconcile { key, source } => {
            let now = Timestamp::now().to_string();
            if source && let Some(report) = ctx.views.unit(&key).and_then(|r| r.source.clone()) {
                let id = ObjectId::new(names::SOURCE_GROUP, &report.kind, &report.namespace, &report.name);
                patch(ctx, names::SOURCE_V1, &id, json!({"metadata": {"annotations": {names::REQUESTED_AT: now}}})).await?;
            }
            patch_unit(ctx, &key, json!({"metadata": {"annotations": {names::REQUESTED_AT: now}}})).await?;
            Ok(format!("{key} is looked at again"))
        }
        Request::Suspend { key, reason } => {
            let reason = if reason.is_empty() { Json::Null } else { Json::String(reason) };
            patch_unit(ctx, &key, json!({"metadata": {"annotations": {names::SUSPEND_REASON: reason}}, "spec": {"suspend": true}})).await?;
            Ok(format!("{key} is suspended"))
        }
        Request::Resume { key } => {
            let annotations =
                json!({names::SUSPEND_REASON: null, names::ROLLBACK_TO: null, names::REQUESTED_AT: Timestamp::now().to_string()});
            patch_unit(ctx, &key, json!({"metadata": {"annotations": annotations}, "spec": {"suspend": null}})).await?;
            Ok(format!("{key} follows Git again"))
        }
        Request::Rollback { key, to } => {
            let report = ctx.views.unit(&key).ok_or_else(|| format!("{key} is not known"))?;
            let good = |status: RevisionStatus| matches!(status, RevisionStatus::Deployed | RevisionStatus::Superseded);
            let target = match to {
                Some(number) => report.history.iter().find(|r| r.number == number && good(r.status)),
                None => report.history.iter().find(|r| r.number < report.revision && good(r.status)),
            };
            let Some(target) = target else {
                return Err(match to {
                    Some(number) => format!("revision {number} of {key} was never good, or is not kept any more"),
                    None => format!("{key} has no earlier good revision"),
                });
            };
            patch_unit(ctx, &key, json!({"metadata": {"annotations": {names::ROLLBACK_TO: target.number.to_string()}}})).await?;
            Ok(format!("{key} goes back to revision {}; it stays there until it is resumed", target.number))
        }
    }
}

async fn patch_unit(ctx: &Context, key: &UnitKey, body: Json) -> Result<(), String> {
    let api_version = match key.kind {
        UnitKind::Release => names::HELM_V2,
        UnitKind::Bundle => names::KUSTOMIZE_V1,
    };
    patch(ctx, api_version, &unit_id(key), body).await
}

async fn patch(ctx: &Context, api_version: &str, id: &ObjectId, body: Json) -> Result<(), String> {
    let resource = ctx.cluster.resource(&Gvk::new(api_version, &id.kind)).await.map_err(|e| e.to_string())?;
    ctx.cluster.patch(&resource, id, &Patch::Merge(body)).await.map(|_| ()).map_err(|e| e.to_string())
}
