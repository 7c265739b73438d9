//! A directory of plain manifests, built as kustomize does it in its simplest form.
//!
//! Without a kustomization file, all `*.yaml` and `*.yml` files below the directory are manifests, and a subdirectory with a
//! kustomization file is built on its own. With one, its `resources` and `namespace` are honoured; anything more is refused by name.

mod error;
mod kustomization;

pub use error::PlainError;

use super::metadata::{Scope, Scopes, override_namespace};
use super::values::inside;
use crate::api::{convert, names};
use crate::object::{Gvk, Json, Manifest, ObjectId, Origin};
use crate::source::Snapshot;
use bytes::Bytes;
use helmward_chart::yaml;
use kustomization::Kustomization;
use std::collections::BTreeMap;

/// The files of a source. Paths are relative to its root, with `/` between parts; symlinks are resolved.
pub trait Files {
    /// The paths of all files below a directory, in the order of their bytes; the root is the empty path.
    ///
    /// # Errors
    /// Where the source cannot be read.
    fn names(&self, directory: &str) -> Result<Vec<String>, String>;

    /// The bytes of a file, `None` where there is none.
    ///
    /// # Errors
    /// Where the source cannot be read.
    fn read(&self, path: &str) -> Result<Option<Bytes>, String>;
}

impl Files for BTreeMap<String, Bytes> {
    fn names(&self, directory: &str) -> Result<Vec<String>, String> {
        let prefix = if directory.is_empty() { String::new() } else { format!("{directory}/") };
        Ok(self.range(prefix.clone()..).map(|(path, _)| path).take_while(|path| path.starts_with(&prefix)).cloned().collect())
    }

    fn read(&self, path: &str) -> Result<Option<Bytes>, String> {
        Ok(self.get(path).cloned())
    }
}

impl Files for Snapshot {
    fn names(&self, directory: &str) -> Result<Vec<String>, String> {
        let names = Self::names(self, directory).map_err(|e| e.to_string())?;
        Ok(if directory.is_empty() { names } else { names.into_iter().map(|name| format!("{directory}/{name}")).collect() })
    }

    fn read(&self, path: &str) -> Result<Option<Bytes>, String> {
        if self.is_file(path) { Self::read(self, path).map(Some).map_err(|e| e.to_string()) } else { Ok(None) }
    }
}

/// What a directory holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Built {
    /// The objects, in the order of files and documents.
    pub manifests: Vec<Manifest>,
    /// Objects that are left out on purpose: Flux's own controllers.
    pub skipped: Vec<Skipped>,
    /// What a person should know, such as an object of an older version.
    pub notes: Vec<String>,
}

/// An object that is left out on purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Which one.
    pub id: ObjectId,
    /// Where it stands.
    pub origin: Origin,
}

const KUSTOMIZATION_FILES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
const MAX_BYTES: usize = 64 << 20;
const MAX_OBJECTS: usize = 50_000;
const MAX_DEPTH: usize = 64;

/// Builds a directory. `target_namespace` moves all namespaced objects, as `spec.targetNamespace` asks; `lookup` knows the scope of kinds.
///
/// # Errors
/// Where a file or document cannot be used; nothing is left out in silence.
pub fn build(
    files: &dyn Files,
    directory: &str,
    target_namespace: Option<&str>,
    lookup: &dyn Fn(&Gvk) -> Option<Scope>,
) -> Result<Built, PlainError> {
    let path = inside(directory).ok_or_else(|| PlainError::Outside { from: "spec.path".into(), path: directory.into() })?;
    let mut builder = Builder { files, lookup, open: Vec::new(), bytes: 0, objects: 0, built: Built::default() };
    let mut manifests = builder.root(&path)?;
    let mut kept = Vec::with_capacity(manifests.len());
    for manifest in manifests.drain(..) {
        if is_flux_controller(&manifest) {
            builder.built.skipped.push(Skipped { id: manifest.id, origin: manifest.origin });
        } else {
            kept.push(manifest);
        }
    }
    if let Some(namespace) = target_namespace.filter(|n| !n.is_empty()) {
        builder.move_to(&mut kept, namespace);
    }
    check_duplicates(&kept)?;
    for manifest in &mut kept {
        let converted = convert::convert(&manifest.body);
        let (origin, id) = (&manifest.origin, &manifest.id);
        builder.built.notes.extend(converted.notes.iter().map(|note| format!("{origin}: {id}: {note}")));
        if converted.object != manifest.body {
            *manifest = Manifest::new(converted.object, manifest.origin.clone())?;
        }
    }
    builder.built.manifests = kept;
    Ok(builder.built)
}

/// Flux's own controllers and what belongs to them. Objects that they serve are not meant, and the namespace is needed by those.
fn is_flux_controller(manifest: &Manifest) -> bool {
    manifest.label(names::PART_OF) == Some("flux")
        && !(manifest.id.group.is_empty() && manifest.id.kind == "Namespace")
        && !manifest.id.group.ends_with(".toolkit.fluxcd.io")
}

fn check_duplicates(manifests: &[Manifest]) -> Result<(), PlainError> {
    let mut seen: BTreeMap<&ObjectId, &Origin> = BTreeMap::new();
    for manifest in manifests {
        if let Some(first) = seen.insert(&manifest.id, &manifest.origin) {
            return Err(PlainError::Duplicate { object: manifest.id.to_string(), first: first.clone(), second: manifest.origin.clone() });
        }
    }
    Ok(())
}

struct Builder<'a> {
    files: &'a dyn Files,
    lookup: &'a dyn Fn(&Gvk) -> Option<Scope>,
    /// The directories that are being built, outermost first.
    open: Vec<String>,
    bytes: usize,
    objects: usize,
    built: Built,
}

impl Builder<'_> {
    /// The directory that `spec.path` names.
    fn root(&mut self, directory: &str) -> Result<Vec<Manifest>, PlainError> {
        if let Some(file) = self.kustomization_of(directory)? {
            return self.kustomization(directory, &file);
        }
        let names = self.names(directory)?;
        if names.is_empty() && !directory.is_empty() {
            return Err(PlainError::NoDirectory(directory.to_owned()));
        }
        self.scan(directory, &names)
    }

    /// All manifests below a directory without a kustomization file. Subdirectories with one are built in their place.
    fn scan(&mut self, directory: &str, names: &[String]) -> Result<Vec<Manifest>, PlainError> {
        let mut roots: Vec<&str> = Vec::new();
        for name in names {
            let (parent, file) = name.rsplit_once('/').unwrap_or(("", name));
            if KUSTOMIZATION_FILES.contains(&file) && parent != directory && !roots.contains(&parent) {
                roots.push(parent);
            }
        }
        let mut out = Vec::new();
        let mut done: Vec<&str> = Vec::new();
        for name in names {
            // The outermost directory with a kustomization file decides for all below it.
            let root = roots.iter().filter(|root| is_below(name, root)).min_by_key(|root| root.len()).copied();
            match root {
                Some(root) if done.contains(&root) => {}
                Some(root) => {
                    done.push(root);
                    if let Some(file) = self.kustomization_of(root)? {
                        out.extend(self.kustomization(root, &file)?);
                    }
                }
                None if is_yaml(name) => out.extend(self.file(name)?),
                None => {}
            }
        }
        Ok(out)
    }

    fn kustomization_of(&self, directory: &str) -> Result<Option<String>, PlainError> {
        let mut found = None;
        for name in KUSTOMIZATION_FILES {
            let path = under(directory, name);
            if self.read(&path)?.is_some() {
                if let Some((first, _)) = found {
                    return Err(PlainError::TwoKustomizations { directory: directory.to_owned(), first, second: name });
                }
                found = Some((name, path));
            }
        }
        Ok(found.map(|(_, path)| path))
    }

    /// A directory by its kustomization file.
    fn kustomization(&mut self, directory: &str, file: &str) -> Result<Vec<Manifest>, PlainError> {
        let content = self.take(file)?;
        let wanted = Kustomization::parse(file, &content)?;
        self.open.push(directory.to_owned());
        let mut out = Vec::new();
        for resource in &wanted.resources {
            out.extend(self.resource(directory, file, resource)?);
        }
        self.open.pop();
        if let Some(namespace) = &wanted.namespace {
            self.move_to(&mut out, namespace);
        }
        Ok(out)
    }

    /// One entry of `resources`.
    fn resource(&mut self, directory: &str, from: &str, resource: &str) -> Result<Vec<Manifest>, PlainError> {
        let from = from.to_owned();
        let given = resource.to_owned();
        if is_remote(resource) {
            return Err(PlainError::Remote { from, path: given });
        }
        if resource.starts_with('/') {
            return Err(PlainError::Outside { from, path: given });
        }
        let Some(path) = inside(&under(directory, resource)) else { return Err(PlainError::Outside { from, path: given }) };
        if self.read(&path)?.is_some() {
            return self.file(&path);
        }
        if self.open.contains(&path) || self.open.len() >= MAX_DEPTH {
            return Err(PlainError::Cycle { from, path: given });
        }
        match self.kustomization_of(&path)? {
            Some(file) => self.kustomization(&path, &file),
            None if self.names(&path)?.is_empty() => Err(PlainError::NoResource { from, path: given }),
            None => Err(PlainError::NoKustomization { from, path: given }),
        }
    }

    /// The manifests of one file.
    fn file(&mut self, file: &str) -> Result<Vec<Manifest>, PlainError> {
        let content = self.take(file)?;
        let mut out = Vec::new();
        for document in yaml::documents(&content) {
            let bad = |e: yaml::Error| PlainError::Yaml { file: at_line(file, e.line(), document.line), problem: problem_of(&e) };
            let body = yaml::from_str(document.text).map_err(bad)?;
            let line = first_line(document.text, document.line);
            let origin = Origin { file: file.to_owned(), line };
            if body.is_null() {
                continue;
            }
            match list_items(&body) {
                Some(items) => {
                    let spans = yaml::from_str_spanned(document.text).map_err(bad)?;
                    for (index, item) in items.into_iter().enumerate() {
                        let pointer = format!("/items/{index}");
                        let line = spans.positions.iter().find(|p| p.pointer == pointer).map_or(line, |p| to_line(p.line, document.line));
                        out.extend(self.manifest(item, Origin { file: file.to_owned(), line })?);
                    }
                }
                None => out.extend(self.manifest(body, origin)?),
            }
        }
        Ok(out)
    }

    fn manifest(&mut self, body: Json, origin: Origin) -> Result<Option<Manifest>, PlainError> {
        self.objects += 1;
        if self.objects > MAX_OBJECTS {
            return Err(PlainError::TooMuch { at: origin.file, limit: "50,000 objects" });
        }
        let manifest = Manifest::new(body, origin)?;
        // Files for kustomize's own use, which it does not put out either.
        if matches!(manifest.annotation("config.kubernetes.io/local-config"), Some(value) if value != "false") {
            return Ok(None);
        }
        if manifest.body.pointer("/sops/mac").is_some() {
            return Err(PlainError::Encrypted { object: manifest.id.to_string(), origin: manifest.origin });
        }
        Ok(Some(manifest))
    }

    fn move_to(&self, manifests: &mut [Manifest], namespace: &str) {
        let mut scopes = Scopes::new(self.lookup);
        scopes.declare(manifests.iter());
        override_namespace(manifests, namespace, &scopes);
    }

    /// The text of a file that exists, counted against the limit.
    fn take(&mut self, file: &str) -> Result<String, PlainError> {
        let content = self.read(file)?.unwrap_or_default();
        self.bytes += content.len();
        if self.bytes > MAX_BYTES {
            return Err(PlainError::TooMuch { at: file.to_owned(), limit: "64 MiB" });
        }
        String::from_utf8(content.to_vec())
            .map_err(|_| PlainError::Yaml { file: file.to_owned(), problem: "is no UTF-8 text; save it as such".into() })
    }

    fn read(&self, path: &str) -> Result<Option<Bytes>, PlainError> {
        self.files.read(path).map_err(|problem| PlainError::Source { path: path.to_owned(), problem })
    }

    fn names(&self, directory: &str) -> Result<Vec<String>, PlainError> {
        self.files.names(directory).map_err(|problem| PlainError::Source { path: directory.to_owned(), problem })
    }
}

/// The items of a `List`, or of a typed one such as `ConfigMapList`, whose items may leave out their kind.
fn list_items(body: &Json) -> Option<Vec<Json>> {
    let kind = body.get("kind")?.as_str()?.strip_suffix("List")?;
    let items = body.get("items")?.as_array()?;
    let fill = |item: &Json| {
        let mut item = item.clone();
        if let (false, Some(map)) = (kind.is_empty(), item.as_object_mut()) {
            map.entry("kind").or_insert_with(|| kind.into());
            map.entry("apiVersion").or_insert_with(|| body["apiVersion"].clone());
        }
        item
    };
    Some(items.iter().map(fill).collect())
}

fn is_yaml(path: &str) -> bool {
    path.ends_with(".yaml") || path.ends_with(".yml")
}

fn is_below(path: &str, directory: &str) -> bool {
    path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'))
}

fn is_remote(resource: &str) -> bool {
    resource.contains("://") || resource.contains("?ref=") || resource.starts_with("git@") || resource.starts_with("github.com/")
}

fn under(directory: &str, path: &str) -> String {
    if directory.is_empty() { path.to_owned() } else { format!("{directory}/{path}") }
}

/// The first line of a document that is neither blank nor a comment.
fn first_line(text: &str, start: u32) -> usize {
    let skipped = text.lines().take_while(|line| line.trim().is_empty() || line.trim_start().starts_with('#')).count();
    start as usize + skipped
}

/// A line of a document as a line of its file.
fn to_line(line: u32, document: u32) -> usize {
    (line + document).saturating_sub(1) as usize
}

fn at_line(file: &str, line: Option<u32>, document: u32) -> String {
    format!("{file}:{}", to_line(line.unwrap_or(1), document))
}

/// The parser's words without what the place already says.
fn problem_of(error: &yaml::Error) -> String {
    let text = error.to_string();
    let text = text.rsplit_once("yaml: ").map_or(text.as_str(), |(_, rest)| rest);
    let text = match error.line() {
        Some(line) => text.strip_prefix(&format!("line {line}: ")).unwrap_or(text),
        None => text,
    };
    format!("{text}; correct the YAML")
}

#[cfg(test)]
mod tests;
