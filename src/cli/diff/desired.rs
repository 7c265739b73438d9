//! What is wanted: from a directory, a chart or a stored revision, with the metadata that the daemon would put on it.

use super::Wanted;
use crate::api::{self, CommonMetadata, HelmRelease, ValuesKind, names};
use crate::cli::chart::{self, SystemEntropy};
use crate::cli::failure::Failure;
use crate::cli::local::WorkingCopy;
use crate::cli::output::Console;
use crate::cli::session::Session;
use crate::cluster::{Lookups, Served};
use crate::object::{Gvk, Json, Manifest, ObjectId, Origin};
use crate::plan::hook::{Hook, Role};
use crate::render::metadata::{self, Scopes};
use crate::render::post::PostRenderers;
use crate::render::{Scope, plain, values};
use base64::Engine as _;
use helmward_chart::render::{Input, ReleaseInfo, helm_template_capabilities, parse_kube_version};
use helmward_chart::{release, yaml};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

/// A directory as it is, for nobody in particular.
pub(super) async fn directory(session: &Session, path: &Path, console: &Console) -> Result<Wanted, Failure> {
    let mut manifests = build(session, path, None, console).await?;
    let served = session.cluster.discovery().served().await?;
    let lookup = scope_in(&served);
    let mut scopes = Scopes::new(&lookup);
    scopes.declare(&manifests);
    metadata::default_namespace(&mut manifests, session.namespace(), &scopes);
    Ok(Wanted { manifests, ..Wanted::default() })
}

/// A directory as the manifests of a Kustomization.
pub(super) async fn kustomization(session: &Session, object: &Json, path: &Path, console: &Console) -> Result<Wanted, Failure> {
    let object = api::parse_kustomization(object).map_err(|e| Failure::error(e.to_string()))?;
    let mut manifests = build(session, path, object.spec.target_namespace.as_deref(), console).await?;
    let served = session.cluster.discovery().served().await?;
    let lookup = scope_in(&served);
    let mut scopes = Scopes::new(&lookup);
    scopes.declare(&manifests);
    metadata::require_namespace(&mut manifests, &scopes).map_err(|e| Failure::error(e.to_string()))?;
    put_common(&mut manifests, object.spec.common_metadata.as_ref());
    metadata::own_by_kustomization(&mut manifests, &object.metadata.name, &object.metadata.namespace);
    let owned = object.status.inventory.iter().filter(|_| object.spec.prune).flat_map(|inventory| &inventory.entries);
    let owned = owned.filter_map(|entry| ObjectId::from_inventory_id(&entry.id)).collect();
    Ok(Wanted { manifests, owned, ..Wanted::default() })
}

async fn build(session: &Session, path: &Path, target_namespace: Option<&str>, console: &Console) -> Result<Vec<Manifest>, Failure> {
    let (copy, inside) = WorkingCopy::around(path)?;
    let served = session.cluster.discovery().served().await?;
    let lookup = scope_in(&served);
    let built = plain::build(&copy, &inside, target_namespace, &lookup).map_err(|e| Failure::error(e.to_string()).at(copy.place(&e)))?;
    built.notes.iter().for_each(|note| console.warn(note));
    for skipped in &built.skipped {
        console.warn(&format!("{}: {} is one of Flux's own controllers and is left out", skipped.origin, skipped.id));
    }
    if built.manifests.is_empty() {
        console.warn(&format!("{} holds no manifests", path.display()));
    }
    Ok(built.manifests)
}

/// A local chart as the chart of a HelmRelease.
pub(super) async fn release(session: &Session, object: &Json, path: &Path, console: &Console) -> Result<Wanted, Failure> {
    let object = api::parse_helm_release(object).map_err(|e| Failure::error(e.to_string()))?;
    let chart = chart::load(path)?;
    chart.check_installable().map_err(|e| Failure::error(format!("{}: {e}", path.display())))?;
    chart.check_dependencies().map_err(|e| Failure::error(format!("{}: {e}", path.display())))?;
    let (values, secrets) = compose(session, &object).await?;
    let current = current(session, &object).await?;
    let info = match &current {
        None => ReleaseInfo::install(object.release_name(), object.release_namespace()),
        Some((number, _)) => ReleaseInfo::upgrade(object.release_name(), object.release_namespace(), i64::from(*number) + 1),
    };
    let rendered = render(session, &chart, &values, info, path).await?;
    rendered.warnings.iter().for_each(|warning| console.warn(warning));
    let documents = rendered.manifests.iter().map(|doc| (doc.text.as_str(), doc.path.as_str(), doc.first_line));
    let mut manifests = Vec::new();
    for (text, path, line) in documents {
        manifests.extend(manifest(text, path, line)?);
    }
    let post = PostRenderers::compile(&object.spec.post_renderers, object.spec.post_render_strategy);
    let post = post.map_err(|e| Failure::error(e.to_string()))?;
    if !post.is_empty() {
        let mut hooks = Vec::new();
        for doc in rendered.hooks.iter().map(|hook| &hook.doc) {
            hooks.extend(manifest(&doc.text, &doc.path, doc.first_line)?);
        }
        let changed = post.apply(manifests, hooks).map_err(|e| Failure::error(e.to_string()))?;
        changed.notes.iter().for_each(|note| console.warn(note));
        manifests = changed.objects.into_iter().filter(|m| Hook::role_of(m) == Role::Object).collect();
    }
    place(session, &object, &mut manifests).await?;
    let mut owned = BTreeSet::new();
    if let Some((_, record)) = current {
        let mut before = of_record(&record)?;
        place(session, &object, &mut before).await?;
        owned = before.into_iter().map(|manifest| manifest.id).collect();
    }
    Ok(Wanted { manifests, owned, secrets })
}

/// A stored revision of a HelmRelease.
pub(super) async fn revision(session: &Session, object: &Json, number: i64) -> Result<Wanted, Failure> {
    let object = api::parse_helm_release(object).map_err(|e| Failure::error(e.to_string()))?;
    let (name, storage) = (object.release_name(), object.storage_namespace());
    let version = u32::try_from(number).map_err(|_| Failure::error(format!("{number} is no revision")))?;
    let secret = session.cluster.release(storage, &name, version).await?;
    let secret = secret.ok_or_else(|| {
        Failure::error(format!("revision {number} of {name} is not stored in namespace {storage} any more"))
            .hint("`helmward history` shows what is")
    })?;
    let record = release::decode(&secret.payload).map_err(|e| Failure::error(format!("revision {number} of {name}: {e}")))?;
    let mut manifests = of_record(&record)?;
    place(session, &object, &mut manifests).await?;
    let mut owned = BTreeSet::new();
    if let Some((_, record)) = current(session, &object).await? {
        let mut before = of_record(&record)?;
        place(session, &object, &mut before).await?;
        owned = before.into_iter().map(|manifest| manifest.id).collect();
    }
    // values that came out of Secrets then are not told apart from others now, so that all that are composed now are hidden
    let secrets = compose(session, &object).await.map(|(_, secrets)| secrets).unwrap_or_default();
    Ok(Wanted { manifests, owned, secrets })
}

/// The newest deployed revision's number and record.
async fn current(session: &Session, object: &HelmRelease) -> Result<Option<(u32, release::Release)>, Failure> {
    let (name, storage) = (object.release_name(), object.storage_namespace());
    let heads = session.cluster.release_heads(storage, &name).await?;
    let Some(head) = heads.iter().rev().find(|head| head.status == "deployed").or(heads.last()) else { return Ok(None) };
    let Some(secret) = session.cluster.release(storage, &name, head.version).await? else { return Ok(None) };
    let record = release::decode(&secret.payload).map_err(|e| Failure::error(format!("revision {} of {name}: {e}", head.version)))?;
    Ok(Some((head.version, record)))
}

fn of_record(record: &release::Release) -> Result<Vec<Manifest>, Failure> {
    let mut out = Vec::new();
    for document in yaml::documents(record.manifest()) {
        out.extend(manifest(document.text, "the stored manifest", document.line as usize)?);
    }
    Ok(out)
}

fn manifest(text: &str, path: &str, line: usize) -> Result<Option<Manifest>, Failure> {
    let body = yaml::from_str(text).map_err(|e| Failure::error(format!("{path}: {e}")))?;
    if body.is_null() {
        return Ok(None);
    }
    let origin = Origin { file: path.to_owned(), line };
    Manifest::new(body, origin).map(Some).map_err(|e| Failure::error(e.to_string()))
}

/// Namespaces and ownership metadata of a release's objects.
async fn place(session: &Session, object: &HelmRelease, manifests: &mut [Manifest]) -> Result<(), Failure> {
    let served = session.cluster.discovery().served().await?;
    let lookup = scope_in(&served);
    let mut scopes = Scopes::new(&lookup);
    scopes.declare(manifests.iter());
    metadata::default_namespace(manifests, object.release_namespace(), &scopes);
    metadata::own_by_helm(manifests, &object.release_name(), object.release_namespace());
    metadata::own_by_helm_release(manifests, &object.metadata.name, &object.metadata.namespace);
    put_common(manifests, object.spec.common_metadata.as_ref());
    Ok(())
}

fn put_common(manifests: &mut [Manifest], common: Option<&CommonMetadata>) {
    if let Some(common) = common {
        metadata::common(manifests, common);
    }
}

/// The values of a release from its ConfigMaps, Secrets and spec; and the texts that came out of Secrets.
async fn compose(session: &Session, object: &HelmRelease) -> Result<(Json, Vec<String>), Failure> {
    let namespace = &object.metadata.namespace;
    let mut found: BTreeMap<(String, String), values::Data> = BTreeMap::new();
    let mut secrets = Vec::new();
    for reference in &object.spec.values_from {
        let kind = match reference.kind {
            ValuesKind::ConfigMap => "ConfigMap",
            ValuesKind::Secret => "Secret",
        };
        let id = ObjectId::new("", kind, namespace, &reference.name);
        let Some(live) = session.cluster.get(&id).await? else { continue };
        let data = data_of(&live, reference.kind);
        if reference.kind == ValuesKind::Secret {
            for bytes in data.values() {
                let text = String::from_utf8_lossy(bytes).into_owned();
                if let Ok(tree) = yaml::from_str(&text) {
                    leaves(&tree, &mut secrets);
                }
                secrets.push(text);
            }
        }
        found.insert((kind.to_owned(), reference.name.clone()), data);
    }
    let find = |kind: ValuesKind, name: &str| {
        let kind = if kind == ValuesKind::Secret { "Secret" } else { "ConfigMap" };
        found.get(&(kind.to_owned(), name.to_owned()))
    };
    let composed = values::compose(namespace, &object.spec.values_from, find, object.spec.values.as_ref());
    Ok((composed.map_err(|e| Failure::error(e.to_string()))?, secrets))
}

fn leaves(tree: &Json, out: &mut Vec<String>) {
    match tree {
        Json::String(text) => out.push(text.clone()),
        Json::Array(items) => items.iter().for_each(|item| leaves(item, out)),
        Json::Object(map) => map.values().for_each(|item| leaves(item, out)),
        _ => {}
    }
}

fn data_of(object: &Json, kind: ValuesKind) -> values::Data {
    let mut out = values::Data::new();
    for (key, value) in object.get("data").and_then(Json::as_object).into_iter().flatten() {
        let Some(text) = value.as_str() else { continue };
        let bytes = match kind {
            ValuesKind::ConfigMap => Some(text.as_bytes().to_vec()),
            ValuesKind::Secret => base64::engine::general_purpose::STANDARD.decode(text).ok(),
        };
        out.extend(bytes.map(|bytes| (key.clone(), bytes)));
    }
    out
}

/// Renders with answers from the cluster, again until the templates ask nothing new.
async fn render(
    session: &Session,
    chart: &helmward_chart::chart::Chart,
    values: &Json,
    info: ReleaseInfo,
    path: &Path,
) -> Result<helmward_chart::render::Rendered, Failure> {
    let mut capabilities = helm_template_capabilities();
    parse_kube_version(&mut capabilities, &session.version.git_version)
        .map_err(|e| Failure::error(format!("the server's version: {e}")))?;
    capabilities.api_versions = session.cluster.discovery().served().await?.api_versions().to_vec();
    let values = values.as_object().cloned().unwrap_or_default();
    let mut answers = HashMap::new();
    for _ in 0..Lookups::ROUNDS {
        let asked = Arc::new(Lookups::with(answers.clone()));
        let mut input = Input::new(chart, &values, info.clone(), &capabilities, chart::now(), Arc::new(SystemEntropy));
        input.lookup = asked.clone();
        let rendered = helmward_chart::render::render(&input);
        let new = asked.take_new();
        if new.is_empty() {
            return rendered.map_err(|e| chart::unrenderable(path, &e));
        }
        for query in new {
            let answer = session.cluster.look_up(&query).await?;
            answers.insert(query, answer);
        }
    }
    Err(Failure::error(format!("{}: its templates ask `lookup` something new at every render", path.display())))
}

/// The scope of a kind, as discovery has it.
pub(super) fn scope_in(served: &Served) -> impl Fn(&Gvk) -> Option<Scope> + '_ {
    |gvk| {
        let resource = served.resource(gvk).or_else(|| served.preferred(&gvk.group, &gvk.kind))?;
        Some(if resource.namespaced { Scope::Namespaced } else { Scope::Cluster })
    }
}

/// Whether an object opts out of being applied.
pub(super) fn is_left_alone(manifest: &Manifest) -> bool {
    let says = |key: &str| manifest.annotation(key).or(manifest.label(key));
    says(names::KUSTOMIZE_RECONCILE) == Some("disabled") || says(names::KUSTOMIZE_SSA).is_some_and(|v| v.eq_ignore_ascii_case("ignore"))
}
