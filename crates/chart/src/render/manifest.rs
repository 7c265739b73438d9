//! Rendered files to documents and hooks, in Helm's order.

use std::collections::BTreeMap;

use super::ahead::on_two_threads;
use super::{Compat, Input, RenderError};
use crate::Json;
use crate::chart::paths;
use crate::chart::shape::{self, Shape, Struct};
use crate::go::{num, quote, unicode};
use crate::yaml;

/// A document of a rendered file: Helm's `releaseutil.Manifest` (releaseutil/manifest_sorter.go).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Doc {
    /// The template that it came from: `CHART/templates/x.yaml`
    pub path: String,
    /// `kind`; empty for a document of comments.
    pub kind: String,
    /// `apiVersion`
    pub api_version: String,
    /// `metadata.name`
    pub name: String,
    /// The text, without the white space around it that Helm's `SplitManifests` (releaseutil/manifest.go) cuts off.
    pub text: String,
    /// The line of the rendered file, from 0, on which the text starts.
    pub first_line: usize,
}

/// A document that runs at a point of the release's life: Helm's `release.Hook` (release/hook.go).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hook {
    /// The document.
    pub doc: Doc,
    /// When it runs, as the annotation lists them.
    pub events: Vec<HookEvent>,
    /// Lower runs first: the annotation `helm.sh/hook-weight`, 0 where it is no number.
    pub weight: i64,
    /// `before-hook-creation`, `hook-succeeded`, `hook-failed`: the annotation `helm.sh/hook-delete-policy`, in lower case and not
    /// checked. None is `before-hook-creation` to Helm.
    pub delete_policies: Vec<String>,
    /// `hook-succeeded`, `hook-failed`: the annotation `helm.sh/hook-output-log-policy`, in lower case and not checked.
    pub output_log_policies: Vec<String>,
}

/// A point of a release's life: Helm's `release.HookEvent` (release/hook.go).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HookEvent {
    /// Before anything of a new release is created.
    PreInstall,
    /// After all of a new release is there.
    PostInstall,
    /// Before anything of a release is deleted.
    PreDelete,
    /// After all of a release is deleted.
    PostDelete,
    /// Before anything of a new revision is applied.
    PreUpgrade,
    /// After all of a new revision is applied.
    PostUpgrade,
    /// Before anything of an older revision is applied again.
    PreRollback,
    /// After all of an older revision is applied again.
    PostRollback,
    /// When `helm test` asks for it. `test-success` is the same.
    Test,
}

impl HookEvent {
    /// The name in the annotation `helm.sh/hook`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PreInstall => "pre-install",
            Self::PostInstall => "post-install",
            Self::PreDelete => "pre-delete",
            Self::PostDelete => "post-delete",
            Self::PreUpgrade => "pre-upgrade",
            Self::PostUpgrade => "post-upgrade",
            Self::PreRollback => "pre-rollback",
            Self::PostRollback => "post-rollback",
            Self::Test => "test",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "pre-install" => Self::PreInstall,
            "post-install" => Self::PostInstall,
            "pre-delete" => Self::PreDelete,
            "post-delete" => Self::PostDelete,
            "pre-upgrade" => Self::PreUpgrade,
            "post-upgrade" => Self::PostUpgrade,
            "pre-rollback" => Self::PreRollback,
            "post-rollback" => Self::PostRollback,
            "test" | "test-success" => Self::Test,
            _ => return None,
        })
    }
}

const INSTALL_ORDER: &[&str] = &[
    "PriorityClass",
    "Namespace",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodSecurityPolicy",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "SecretList",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleList",
    "ClusterRoleBinding",
    "ClusterRoleBindingList",
    "Role",
    "RoleList",
    "RoleBinding",
    "RoleBindingList",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
    "CronJob",
    "IngressClass",
    "Ingress",
    "APIService",
];

/// The place of a kind in the order of an install, from 0; unknown kinds come last, by name. Helm's `InstallOrder` and
/// `lessByKind` (releaseutil/kind_sorter.go).
pub fn install_order(kind: &str) -> (usize, &str) {
    match INSTALL_ORDER.iter().position(|k| *k == kind) {
        Some(place) => (place, ""),
        None => (INSTALL_ORDER.len(), kind),
    }
}

/// A document that was not read yet.
struct Piece<'f> {
    path: &'f String,
    first_line: usize,
    text: &'f str,
}

/// Documents of one render. The largest charts have some hundreds.
const MAX_DOCUMENTS: usize = 100_000;

/// As [`install_order`]; Helm 4 gives two more kinds a place before the unknown ones.
fn order(kind: &str, compat: Compat) -> (usize, &str) {
    const MORE: [&str; 2] = ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];
    let (place, name) = install_order(kind);
    if compat == Compat::Helm3 || place < INSTALL_ORDER.len() {
        return (place, name);
    }
    match MORE.iter().position(|more| *more == kind) {
        Some(more) => (place + more, ""),
        None => (place + MORE.len(), name),
    }
}

/// The documents and hooks of rendered files.
pub(super) fn sort(
    input: &Input<'_>,
    files: &BTreeMap<String, String>,
    warnings: &mut Vec<String>,
) -> Result<(Vec<Doc>, Vec<Hook>), RenderError> {
    let compat = input.options.compat;
    let mut pieces = Vec::new();
    for (path, text) in files.iter().filter(|(path, _)| !paths::base(path).starts_with('_')) {
        for (first_line, text) in split_as(text, compat) {
            if pieces.len() >= MAX_DOCUMENTS {
                return Err(RenderError::TooManyDocuments { path: path.clone(), limit: MAX_DOCUMENTS });
            }
            pieces.push(Piece { path, first_line, text });
        }
    }
    let (mut docs, mut hooks) = (Vec::new(), Vec::new());
    if input.options.two_threads {
        // what cannot be read is found again, in its turn
        on_two_threads(&pieces, |piece| piece.text.len(), |piece| drop(input.chart.head(piece.text)));
    }
    for Piece { path, first_line, text } in pieces {
        super::go_on(&input.limits.stop)?;
        let fail = |why: String| RenderError::Manifest { path: path.clone(), why, first_line };
        let head = input.chart.head(text).map_err(fail)?;
        let doc = Doc {
            path: path.clone(),
            kind: head.kind.clone(),
            api_version: head.api_version.clone(),
            name: head.name.clone(),
            text: text.to_owned(),
            first_line,
        };
        match head.annotations.get("helm.sh/hook") {
            None => docs.push(doc),
            Some(types) => hooks.extend(hook(doc, types, &head, warnings)),
        }
    }
    docs.sort_by(|a, b| order(&a.kind, compat).cmp(&order(&b.kind, compat)));
    hooks.sort_by(|a, b| order(&a.doc.kind, compat).cmp(&order(&b.doc.kind, compat)));
    Ok((docs, hooks))
}

fn hook(doc: Doc, types: &str, head: &Head, warnings: &mut Vec<String>) -> Option<Hook> {
    let names = |text: &str| -> Vec<String> { text.split(',').map(|t| t.trim().to_lowercase()).collect() };
    let policies = |key: &str| head.annotations.get(key).map(|text| names(text)).unwrap_or_default();
    let events: Option<Vec<HookEvent>> = names(types).iter().map(|name| HookEvent::parse(name)).collect();
    let Some(events) = events else {
        warnings.push(format!("info: skipping unknown hook: {}", quote::quote(types)));
        return None;
    };
    Some(Hook {
        doc,
        events,
        weight: head.annotations.get("helm.sh/hook-weight").and_then(|w| num::atoi(w).ok()).unwrap_or(0),
        delete_policies: policies("helm.sh/hook-delete-policy"),
        output_log_policies: policies("helm.sh/hook-output-log-policy"),
    })
}

/// What Helm reads of a document.
#[derive(Debug, Default)]
pub(crate) struct Head {
    api_version: String,
    kind: String,
    name: String,
    annotations: BTreeMap<String, String>,
}

const HEAD_METADATA: Struct = Struct {
    name: "",
    full: r#"struct { Name string "json:\"name\""; Annotations map[string]string "json:\"annotations\"" }"#,
    fields: &[("name", Shape::Text), ("annotations", Shape::Map(&Shape::Text))],
};

static HEAD: Struct = Struct {
    name: "SimpleHead",
    full: "releaseutil.SimpleHead",
    fields: &[("apiVersion", Shape::Text), ("kind", Shape::Text), ("metadata", Shape::Struct(&HEAD_METADATA))],
};

impl Head {
    /// Whether it is small enough to be kept for later renders.
    pub(crate) fn is_small(&self) -> bool {
        self.annotations.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>() < 16 << 10 && self.name.len() < 4 << 10
    }

    /// Reads the whole document: a mistake at its end is an error, too.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let wanted = |key: &str| HEAD.fields.iter().any(|(name, _)| name.eq_ignore_ascii_case(key));
        let tree = yaml::from_str_picked(text, wanted).map_err(|e| e.to_string())?;
        let fields = shape::fit(tree, &HEAD)?;
        let text = |value: Option<&Json>| value.and_then(Json::as_str).unwrap_or_default().to_owned();
        let metadata = fields.get("metadata");
        let annotations = metadata.and_then(|m| m.get("annotations")).and_then(Json::as_object);
        Ok(Self {
            api_version: text(fields.get("apiVersion")),
            kind: text(fields.get("kind")),
            name: text(metadata.and_then(|m| m.get("name"))),
            annotations: annotations.into_iter().flatten().map(|(k, v)| (k.clone(), text(Some(v)))).collect(),
        })
    }
}

/// The documents of a file, each with its first line.
pub(super) fn split_as(file: &str, compat: Compat) -> Box<dyn Iterator<Item = (usize, &str)> + '_> {
    match compat {
        Compat::Helm3 => Box::new(split(file)),
        Compat::Helm4 => Box::new(split4(file).into_iter()),
    }
}

/// As Helm 4 splits: `---` at the start of a line with the blanks after it; white space stays at a document's end.
fn split4(file: &str) -> Vec<(usize, &str)> {
    let start = file.len() - file.trim_start_matches(unicode::is_space).len();
    let text = &file[start..];
    let mut out = Vec::new();
    let mut push = |from: usize, to: usize| {
        let doc = text[from..to].trim_start_matches(unicode::is_space);
        if !doc.is_empty() {
            out.push((file[..start + to - doc.len()].matches('\n').count(), doc));
        }
    };
    let after = |at: usize| text.len() - text[at + 3..].trim_start_matches([' ', '\t']).len();
    let mut from = if text.starts_with("---") { after(0) } else { 0 };
    while let Some(at) = text[from..].find("\n---").map(|at| from + at + 1) {
        push(from, at);
        from = after(at);
    }
    push(from, text.len());
    out
}

/// Splits a file at `---` as Helm 3 does: at the start of the text or of a line, with the white space around it.
/// Gives each document with its first line.
pub(super) fn split(file: &str) -> impl Iterator<Item = (usize, &str)> {
    let blank = |c: char| matches!(c, '\t' | '\n' | '\u{c}' | '\r' | ' ');
    let start = file.len() - file.trim_start_matches(unicode::is_space).len();
    let text = file.trim_matches(unicode::is_space);
    let mut from = Some(text.strip_prefix("---").map_or(0, |rest| text.len() - rest.trim_start_matches(blank).len()));
    let parts = std::iter::from_fn(move || {
        let here = from?;
        let Some(at) = text[here..].find("\n---") else {
            from = None;
            return Some((here, text.len()));
        };
        from = Some(text.len() - text[here + at + 4..].trim_start_matches(blank).len());
        Some((here, here + text[here..here + at].trim_end_matches(blank).len()))
    });
    // The lines are counted on from document to document.
    let (mut counted, mut line) = (0, 0);
    parts.filter(|(from, to)| from < to).map(move |(from, to)| {
        let doc = &text[from..to];
        let trimmed = doc.trim_start_matches(unicode::is_space);
        let at = start + from + (doc.len() - trimmed.len());
        line += file[counted..at].matches('\n').count();
        counted = at;
        (line, trimmed.trim_end_matches(unicode::is_space))
    })
}
