//! Templates and what they render to (`rules.Templates`).

use std::sync::Arc;

use super::{Findings, Input, Severity, deprecations, names};
use crate::Json;
use crate::chart::shape::{self, Shape, Struct};
use crate::chart::{File, paths};
use crate::go::json;
use crate::go::quote::quote;
use crate::go::unicode;
use crate::render::{self, ReleaseInfo, lint_files};
use crate::yaml;

const DIRECTORY: &str = "templates/";

pub(super) fn check(input: &Input<'_>, found: &mut Findings, log: &mut Vec<String>) {
    let directory = if input.templates_is_file { Err("not a directory".to_owned()) } else { Ok(()) };
    if !found.rule(Severity::Warning, DIRECTORY, directory) {
        return;
    }
    log.extend_from_slice(input.loading);
    let chart = match input.chart {
        Ok(chart) => chart,
        Err(why) => {
            found.rule(Severity::Error, DIRECTORY, Err(why.to_owned()));
            return;
        }
    };
    let release = ReleaseInfo { revision: 0, is_install: false, ..ReleaseInfo::install("test-release", input.namespace) };
    let mut render = render::Input::new(chart, input.values, release, input.capabilities, input.now.clone(), Arc::clone(&input.entropy));
    render.options.skip_schema = input.skip_schema;
    let files = match lint_files(&render, log) {
        Ok(Some(files)) => files,
        Ok(None) => return,
        Err(why) => {
            found.rule(Severity::Error, DIRECTORY, Err(why.to_string()));
            return;
        }
    };
    for template in chart.templates() {
        source(template, found);
        let name = template.name.as_str();
        if extension(name) != ".yaml" {
            continue;
        }
        let rendered = files.get(&paths::clean(&format!("{}/{name}", chart.name()))).map(String::as_str).unwrap_or_default();
        if rendered.trim_matches(unicode::is_space).is_empty() {
            continue;
        }
        found.rule(Severity::Warning, name, top_indent(rendered));
        for document in Decoder::new(rendered) {
            let head = document.map_err(|why| format!("unable to parse YAML: {why}"));
            match head {
                Ok(None) => {}
                Ok(Some(head)) => head.check(name, rendered, input, found),
                Err(why) => {
                    // Helm stops here, for all templates
                    found.rule(Severity::Error, name, Err(why));
                    return;
                }
            }
        }
    }
}

/// Rules for the text before it is rendered.
fn source(template: &File, found: &mut Findings) {
    let name = template.name.as_str();
    let extension = extension(name);
    let known = [".yaml", ".yml", ".tpl", ".txt"].contains(&extension);
    let wrong = || Err(format!("file extension '{extension}' not valid. Valid extensions are .yaml, .yml, .tpl, or .txt"));
    found.rule(Severity::Error, name, if known { Ok(()) } else { wrong() });
    let text = String::from_utf8_lossy(&template.data);
    let hook = if has_crd_hook(&text) {
        Err("manifest is a crd-install hook. This hook is no longer supported in v3 and all CRDs should also exist the crds/ directory at the top level of the chart".to_owned())
    } else {
        Ok(())
    };
    found.rule(Severity::Warning, name, hook);
    let time = if text.contains(".Release.Time") {
        Err(".Release.Time has been removed in v3, please replace with the `now` function in your templates".to_owned())
    } else {
        Ok(())
    };
    found.rule(Severity::Error, name, time);
}

/// Go's `filepath.Ext`.
fn extension(name: &str) -> &str {
    let base = paths::base(name);
    let base = name.len() - base.len();
    name[base..].rfind('.').map_or("", |at| &name[base + at..])
}

/// `"?helm\.sh/hook"?:\s+crd-install`
fn has_crd_hook(text: &str) -> bool {
    text.match_indices("helm.sh/hook").any(|(at, key)| {
        let rest = &text[at + key.len()..];
        let rest = rest.strip_prefix('"').unwrap_or(rest);
        let Some(value) = rest.strip_prefix(':') else { return false };
        let bare = value.trim_start_matches(['\t', '\n', '\u{c}', '\r', ' ']);
        bare.len() < value.len() && bare.starts_with("crd-install")
    })
}

fn top_indent(text: &str) -> Result<(), String> {
    let first = text.lines().find(|line| !line.trim_matches(unicode::is_space).is_empty()).unwrap_or_default();
    if first.starts_with([' ', '\t']) {
        return Err(format!("document starts with an illegal indent: {}, which may cause parsing problems", quote(first)));
    }
    Ok(())
}

const METADATA: Struct =
    Struct { name: "k8sYamlMetadata", full: "rules.k8sYamlMetadata", fields: &[("Namespace", Shape::Text), ("Name", Shape::Text)] };

static HEAD: Struct = Struct {
    name: "K8sYamlStruct",
    full: "rules.K8sYamlStruct",
    fields: &[("apiVersion", Shape::Text), ("Kind", Shape::Text), ("Metadata", Shape::Struct(&METADATA))],
};

/// What the linter reads of a document (`K8sYamlStruct`).
struct Head {
    api_version: String,
    kind: String,
    name: String,
}

impl Head {
    /// None for a document of nothing.
    fn read(tree: Json) -> Result<Option<Self>, String> {
        if tree.is_null() {
            return Ok(None);
        }
        let fields = shape::fit(tree, &HEAD)?;
        let text = |value: Option<&Json>| value.and_then(Json::as_str).unwrap_or_default().to_owned();
        let name = text(fields.get("Metadata").and_then(|metadata| metadata.get("Name")));
        Ok(Some(Self { api_version: text(fields.get("apiVersion")), kind: text(fields.get("Kind")), name }))
    }

    fn check(&self, path: &str, file: &str, input: &Input<'_>, found: &mut Findings) {
        found.rule(Severity::Warning, path, names::check(&self.kind, &self.name));
        found.rule(Severity::Warning, path, deprecations::check(&self.api_version, &self.kind, input.kubernetes));
        found.rule(Severity::Error, path, self.selector(file));
        found.rule(Severity::Error, path, self.list_annotations(file));
    }

    fn selector(&self, file: &str) -> Result<(), String> {
        let needs = ["Deployment", "ReplicaSet", "DaemonSet", "StatefulSet"].contains(&&*self.kind);
        if !needs || file.contains("matchLabels") || file.contains("matchExpressions") {
            return Ok(());
        }
        Err(format!("a {} must contain matchLabels or matchExpressions, and {} does not", self.kind, quote(&self.name)))
    }

    fn list_annotations(&self, file: &str) -> Result<(), String> {
        if self.kind != "List" {
            return Ok(());
        }
        let tree = yaml::from_str(file).map_err(|e| format!("unable to parse YAML: {e}"))?;
        let items = tree.get("items").and_then(Json::as_array);
        let keeps = items.into_iter().flatten().any(|item| item.pointer("/metadata/annotations/helm.sh~1resource-policy").is_some());
        if keeps { Err("Annotation 'helm.sh/resource-policy' within List objects are ignored".to_owned()) } else { Ok(()) }
    }
}

/// The documents of a file as apimachinery's `YAMLOrJSONDecoder` splits and reads them.
struct Decoder<'a> {
    rest: &'a str,
    json: bool,
    count: usize,
    /// Why it is no JSON, where it looked like it: told if it is no YAML, either.
    first: Option<String>,
    taken: usize,
}

impl<'a> Decoder<'a> {
    fn new(text: &'a str) -> Self {
        Self { rest: text, json: text.trim_start_matches(unicode::is_space).starts_with('{'), count: 0, first: None, taken: 0 }
    }

    /// The lines up to the next separator (`YAMLReader`); None at the end.
    fn document(&mut self) -> Option<Result<String, String>> {
        let mut out = String::new();
        while !self.rest.is_empty() {
            let (line, rest) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
            self.rest = rest;
            let line = line.strip_suffix('\r').unwrap_or(line);
            if let Some(after) = line.strip_prefix("---") {
                let after = after.trim_matches(unicode::is_space);
                if !after.is_empty() && !after.starts_with('#') {
                    return Some(Err(format!("invalid Yaml document separator: {after}")));
                }
                if !out.is_empty() {
                    return Some(Ok(out));
                }
            }
            out.push_str(line);
            out.push('\n');
        }
        (!out.is_empty()).then_some(Ok(out))
    }
}

impl Iterator for Decoder<'_> {
    type Item = Result<Option<Head>, String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.json {
            let text = self.rest.trim_start_matches(unicode::is_space);
            if text.is_empty() {
                return None;
            }
            if let Ok((tree, len)) = json::prefix_from_str(text) {
                self.count += 1;
                self.taken += self.rest.len() - text.len() + len;
                self.rest = &text[len..];
                return Some(Head::read(tree));
            }
            if self.count > 1 {
                let why = json::prefix_from_str(text).err().map(|e| e.to_string());
                return Some(Err(why.unwrap_or_default()));
            }
            self.json = false;
            let blank = self.rest.len() - text.len();
            self.first = json::prefix_from_str(text).err().map(|e| match json::syntax_offset(text) {
                Some(offset) => format!("json: offset {}: {e}", self.taken + blank + offset),
                None => e.to_string(),
            });
            let blank = self.rest.len() - self.rest.trim_start_matches(unicode::is_space).len();
            let line = self.rest[..blank].find('\n').map_or(blank, |at| at + 1);
            self.rest = &self.rest[line..];
        }
        let text = match self.document()? {
            Ok(text) => text,
            Err(why) => return Some(Err(why)),
        };
        self.count += 1;
        let first = self.first.take();
        Some(yaml::from_str(&text).map_err(|e| e.to_string()).and_then(Head::read).map_err(|e| first.unwrap_or(e)))
    }
}
