//! Rendering a release: the chart with its values, asked again until no `lookup` is unanswered, into a placed target.

use super::run::{content, failure, surroundings};
use super::spec::ReleaseSpec;
use crate::cluster::{Cluster, Lookups};
use crate::controller::context::Context;
use crate::object::{Json, Manifest, Origin};
use crate::plan::hook::{Hook, Role};
use crate::release::{Failure, RunAction, UnitKey};
use crate::render::chart::Loaded;
use crate::render::drawn;
use crate::render::post::PostRenderers;
use crate::render::target::{Payload, Target};
use helmward_chart::render::{Input, ReleaseInfo, Rendered, helm_template_capabilities, parse_kube_version};
use helmward_chart::template::{CallSite, Capabilities, Entropy, LookupQuery, Time};
use helmward_chart::yaml;
use hmac::{Hmac, KeyInit as _, Mac};
use jiff::Timestamp;
use serde_json::json;
use sha2::Sha256;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// So many other chances tell what is drawn: fewer, and what is the same by chance looks as if it were not drawn.
const CHANCES: usize = 4;

/// For which revision a release is rendered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turn<'a> {
    /// What makes it.
    pub action: RunAction,
    /// Its number.
    pub number: u32,
    /// The objects whose drawn texts are kept.
    pub before: Option<&'a Target>,
}

/// Renders a release. Where the objects before are given, what they hold that is drawn by chance is kept.
pub(super) async fn render(
    ctx: &Context,
    cluster: &Cluster,
    key: &UnitKey,
    release: &ReleaseSpec,
    chart: &Arc<Loaded>,
    values: &Json,
    turn: Turn<'_>,
) -> Result<(Target, bool), Failure> {
    let Turn { action, number, before } = turn;
    let capabilities = Arc::new(capabilities(cluster).await?);
    let object = &release.object;
    let (name, namespace) = (release.name.as_str(), object.release_namespace());
    let info = match action {
        RunAction::Install => ReleaseInfo::install(name, namespace),
        _ => ReleaseInfo::upgrade(name, namespace, i64::from(number)),
    };
    let now = Timestamp::now();
    let now = Time::unix(now.as_second(), now.subsec_nanosecond().unsigned_abs());
    let values = Arc::new(values.as_object().cloned().unwrap_or_default());
    let skip_schema = match action {
        RunAction::Install => object.spec.install().disable_schema_validation,
        _ => object.spec.upgrade().disable_schema_validation,
    };
    let context = format!("{}/{}\0{namespace}/{name}\0{}", key.namespace, key.name, chart.name());
    let mut answers: HashMap<LookupQuery, Option<Json>> = HashMap::new();
    // Renders with the answers known so far, and a chance of its own for each context.
    let once = async |asked: &Arc<Lookups>, context: String| {
        let entropy = Arc::new(Keyed { key: ctx.secret, context, calls: Mutex::default() });
        let job = {
            let (chart, values, capabilities) = (Arc::clone(chart), Arc::clone(&values), Arc::clone(&capabilities));
            let (info, now, asked, parsed) = (info.clone(), now.clone(), Arc::clone(asked), Arc::clone(&ctx.parsed));
            move || {
                let mut input = Input::new(&chart.chart, &values, info, &capabilities, now, entropy);
                input.lookup = asked;
                input.cache = Some(parsed);
                input.options.skip_schema = skip_schema;
                helmward_chart::render::render(&input)
            }
        };
        tokio::task::spawn_blocking(job).await.map_err(|e| content(format!("rendering ended: {e}")))
    };
    for _ in 0..Lookups::ROUNDS {
        let asked = Arc::new(Lookups::with(answers.clone()));
        let rendered = once(&asked, context.clone()).await?;
        let new = asked.take_new();
        if new.is_empty() {
            let mut rendered = rendered.map_err(|e| content(e.to_string()))?;
            let mut drawn = false;
            if let Some(before) = before {
                let mut others: Vec<Rendered> = Vec::new();
                for n in 0..CHANCES {
                    let other = once(&asked, format!("{context}\0{n}")).await?.map_err(|e| content(e.to_string()))?;
                    let same = other.manifests == rendered.manifests;
                    others.push(other);
                    if same {
                        break;
                    }
                }
                let others: Vec<_> = others.iter().map(|o| o.manifests.as_slice()).collect();
                drawn = drawn::keep(&mut rendered.manifests, &others, &before.manifests);
            }
            let mut target = target(&rendered, chart, Json::Object(values.as_ref().clone()), &release.post)?;
            ctx.place_release(cluster, object, &mut target).await.map_err(|e| failure(&e))?;
            return Ok((target, drawn));
        }
        for query in new {
            let answer = cluster.look_up(&query).await.map_err(|e| failure(&e))?;
            answers.insert(query, answer);
        }
    }
    Err(content(format!(
        "the templates of {} ask `lookup` something new at every render; after {} renders this is given up",
        chart.name(),
        Lookups::ROUNDS
    )))
}

/// What the cluster can do, as charts see it.
async fn capabilities(cluster: &Cluster) -> Result<Capabilities, Failure> {
    let version = cluster.discovery().server_version().await.map_err(|e| failure(&e))?;
    let served = cluster.discovery().served().await.map_err(|e| failure(&e))?;
    let mut capabilities = helm_template_capabilities();
    parse_kube_version(&mut capabilities, &version.git_version).map_err(|e| surroundings(format!("the server's version: {e}")))?;
    capabilities.api_versions = served.api_versions().to_vec();
    Ok(capabilities)
}

/// Random bytes that are the same at each render of the same release, and that nobody can guess without the key.
struct Keyed {
    key: [u8; 32],
    context: String,
    /// How often each place asked.
    calls: Mutex<HashMap<CallSite, u64>>,
}

impl Entropy for Keyed {
    fn fill(&self, site: &CallSite, out: &mut [u8]) {
        let time = {
            let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
            let entry = calls.entry(site.clone()).or_default();
            *entry += 1;
            *entry
        };
        for (block, chunk) in out.chunks_mut(32).enumerate() {
            let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of any length");
            mac.update(format!("{}\0{}\0{}\0{}\0{time}\0{block}", self.context, site.template, site.function, site.number).as_bytes());
            chunk.copy_from_slice(&mac.finalize().into_bytes()[..chunk.len()]);
        }
    }
}

fn target(rendered: &Rendered, chart: &Loaded, config: Json, post: &PostRenderers) -> Result<Target, Failure> {
    for warning in &rendered.warnings {
        tracing::debug!(chart = chart.name(), "{warning}");
    }
    let manifest = |text: &str, path: &str, line: usize| -> Result<Option<Manifest>, Failure> {
        let body = yaml::from_str(text).map_err(|e| content(format!("YAML parse error on {path}: {e}")))?;
        if body.is_null() {
            return Ok(None);
        }
        Manifest::new(body, Origin { file: path.to_owned(), line }).map(Some).map_err(|e| content(e.to_string()))
    };
    let mut target = Target::default();
    for doc in &rendered.manifests {
        // In Helm's stream every document ends with a line break, and a block of text at its end keeps it.
        target.manifests.extend(manifest(&format!("{}\n", doc.text), &doc.path, doc.first_line)?);
    }
    let mut hooks = Vec::new();
    for hook in &rendered.hooks {
        hooks.extend(manifest(&hook.doc.text, &hook.doc.path, hook.doc.first_line)?.map(|m| (m, Some(hook.doc.text.clone()))));
    }
    let mut text = rendered.manifest();
    if !post.is_empty() {
        let changed = post.apply(std::mem::take(&mut target.manifests), hooks.iter().map(|(m, _)| m.clone()).collect());
        let changed = changed.map_err(|e| content(e.to_string()))?;
        for note in &changed.notes {
            tracing::warn!(chart = chart.name(), "{note}");
        }
        let before = std::mem::take(&mut hooks);
        // A patch may make an object a hook, or a hook an object.
        for manifest in changed.objects.into_iter().chain(changed.hooks) {
            match Hook::role_of(&manifest) {
                Role::Object => target.manifests.push(manifest),
                _ => {
                    let same = before.iter().find(|(old, _)| *old == manifest);
                    hooks.push((manifest, same.and_then(|(_, text)| text.clone())));
                }
            }
        }
        text = target.manifests.iter().map(|m| format!("---\n# Source: {}\n{}", m.origin.file, yaml::to_string(&m.body))).collect();
    }
    let mut recorded = Vec::new();
    for (manifest, text) in hooks {
        let Role::Hook(hook) = Hook::role_of(&manifest) else { continue };
        recorded.push(json!({
            "name": manifest.id.name,
            "kind": manifest.id.kind,
            "path": manifest.origin.file,
            "manifest": text.unwrap_or_else(|| yaml::to_string(&manifest.body)),
            "events": hook.events.iter().map(|e| e.as_str()).collect::<Vec<_>>(),
            "last_run": {"started_at": "", "completed_at": "", "phase": ""},
            "weight": hook.weight,
            "delete_policies": hook.delete_policies,
        }));
        target.hooks.push(*hook);
    }
    for crd in &rendered.crds {
        for document in yaml::documents(&crd.text()) {
            target
                .crds
                .extend(manifest(document.text, &crd.path, document.line as usize)?.filter(|m| m.id.kind == "CustomResourceDefinition"));
        }
    }
    target.release =
        Some(Payload { chart: chart.record.clone(), config, manifest: text, hooks: Json::Array(recorded), notes: rendered.notes.clone() });
    Ok(target)
}
