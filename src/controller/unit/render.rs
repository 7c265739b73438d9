//! Rendering a release: the chart with its values, asked again until no `lookup` is unanswered, into a placed target.

use super::prepare::ReleaseSpec;
use super::run::{content, failure, surroundings};
use crate::cluster::{Cluster, ListOptions};
use crate::controller::context::Context;
use crate::object::{Gvk, Json, Manifest, ObjectId, Origin};
use crate::plan::hook::{Hook, Role};
use crate::release::{Failure, RunAction, UnitKey};
use crate::render::chart::Loaded;
use crate::render::target::{Payload, Target};
use helmward_chart::render::{Input, ReleaseInfo, Rendered, helm_template_capabilities, parse_kube_version};
use helmward_chart::template::{CallSite, Capabilities, Entropy, Lookup, LookupQuery, Time};
use helmward_chart::yaml;
use hmac::{Hmac, KeyInit as _, Mac};
use jiff::Timestamp;
use serde_json::json;
use sha2::Sha256;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

/// Renders until the templates ask nothing new, at most so often.
const ROUNDS: usize = 6;

/// Renders a release.
pub(super) async fn render(
    ctx: &Context,
    key: &UnitKey,
    release: &ReleaseSpec,
    chart: &Arc<Loaded>,
    values: &Json,
    action: RunAction,
    number: u32,
) -> Result<Target, Failure> {
    let capabilities = Arc::new(capabilities(&ctx.cluster).await?);
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
    for _ in 0..ROUNDS {
        let asked = Arc::new(Asked { answers: answers.clone(), new: Mutex::default() });
        let entropy = Arc::new(Keyed { key: ctx.secret, context: context.clone(), calls: Mutex::default() });
        let job = {
            let (chart, values, capabilities) = (Arc::clone(chart), Arc::clone(&values), Arc::clone(&capabilities));
            let (info, now, asked) = (info.clone(), now.clone(), Arc::clone(&asked));
            move || {
                let mut input = Input::new(&chart.chart, &values, info, &capabilities, now, entropy);
                input.lookup = asked;
                input.options.skip_schema = skip_schema;
                helmward_chart::render::render(&input)
            }
        };
        let rendered = tokio::task::spawn_blocking(job).await.map_err(|e| content(format!("rendering ended: {e}")))?;
        let new = std::mem::take(&mut *asked.new.lock().unwrap_or_else(PoisonError::into_inner));
        if new.is_empty() {
            let rendered = rendered.map_err(|e| content(e.to_string()))?;
            let mut target = target(&rendered, chart, Json::Object(Arc::unwrap_or_clone(values)))?;
            ctx.place_release(object, &mut target).await.map_err(|e| failure(&e))?;
            return Ok(target);
        }
        for query in new {
            let answer = look_up(&ctx.cluster, &query).await?;
            answers.insert(query, answer);
        }
    }
    Err(content(format!(
        "the templates of {} ask `lookup` something new at every render; after {ROUNDS} renders this is given up",
        chart.name()
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

/// Answers from the cluster; what is not known yet is noted down.
struct Asked {
    answers: HashMap<LookupQuery, Option<Json>>,
    new: Mutex<BTreeSet<LookupQuery>>,
}

impl Lookup for Asked {
    fn get(&self, query: &LookupQuery) -> Result<Option<Json>, String> {
        if let Some(answer) = self.answers.get(query) {
            return Ok(answer.clone());
        }
        self.new.lock().unwrap_or_else(PoisonError::into_inner).insert(query.clone());
        Ok(None)
    }
}

async fn look_up(cluster: &Cluster, query: &LookupQuery) -> Result<Option<Json>, Failure> {
    let gvk = Gvk::new(&query.api_version, &query.kind);
    let Some(resource) = cluster.discovery().resource(&gvk).await.map_err(|e| failure(&e))? else { return Ok(None) };
    if query.name.is_empty() {
        let options = ListOptions { namespace: query.namespace.clone(), ..ListOptions::default() };
        let list = cluster.list(&resource, &options).await.map_err(|e| failure(&e))?;
        return Ok(Some(
            json!({"apiVersion": query.api_version, "kind": format!("{}List", query.kind), "metadata": {}, "items": list.items}),
        ));
    }
    let namespace = if resource.namespaced { query.namespace.as_str() } else { "" };
    let id = ObjectId::new(&gvk.group, &gvk.kind, namespace, &query.name);
    cluster.get_as(&resource, &id).await.map_err(|e| failure(&e))
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

fn target(rendered: &Rendered, chart: &Loaded, config: Json) -> Result<Target, Failure> {
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
        // Helm sends what its record holds, where each document ends with a line break: a block scalar at its end keeps one.
        target.manifests.extend(manifest(&format!("{}\n", doc.text), &doc.path, doc.first_line)?);
    }
    let mut hooks = Vec::new();
    for hook in &rendered.hooks {
        let doc = &hook.doc;
        if let Some(Role::Hook(hook)) = manifest(&doc.text, &doc.path, doc.first_line)?.map(|m| Hook::role_of(&m)) {
            target.hooks.push(*hook);
        }
        hooks.push(json!({
            "name": doc.name,
            "kind": doc.kind,
            "path": doc.path,
            "manifest": doc.text,
            "events": hook.events.iter().map(|e| e.as_str()).collect::<Vec<_>>(),
            "last_run": {"started_at": "", "completed_at": "", "phase": ""},
            "weight": hook.weight,
            "delete_policies": hook.delete_policies,
        }));
    }
    for crd in &rendered.crds {
        for document in yaml::documents(&crd.text) {
            target
                .crds
                .extend(manifest(document.text, &crd.path, document.line as usize)?.filter(|m| m.id.kind == "CustomResourceDefinition"));
        }
    }
    target.release = Some(Payload {
        chart: chart.record.clone(),
        config,
        manifest: rendered.manifest(),
        hooks: Json::Array(hooks),
        notes: rendered.notes.clone(),
    });
    Ok(target)
}
