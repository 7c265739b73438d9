//! The part of a kustomization file that is honoured.

use super::error::PlainError;
use super::{at_line, problem_of};
use crate::object::Json;
use helmward_chart::yaml;

/// What we honour of a kustomization file.
pub(super) struct Kustomization {
    /// Files and directories, relative to the file's own.
    pub(super) resources: Vec<String>,
    /// Where all objects go.
    pub(super) namespace: Option<String>,
}

impl Kustomization {
    /// Reads the file; anything that we do not honour is an error.
    pub(super) fn parse(file: &str, content: &str) -> Result<Self, PlainError> {
        let bad = |problem: &str| PlainError::BadKustomization { file: file.to_owned(), problem: problem.to_owned() };
        let body = yaml::from_str(content).map_err(|e| PlainError::Yaml { file: at_line(file, e.line(), 1), problem: problem_of(&e) })?;
        let Json::Object(mut map) = body else { return Err(bad("the file is no mapping; write resources and namespace")) };
        let kind = map.remove("kind");
        if kind.as_ref().is_some_and(|k| k != "Kustomization") {
            return Err(bad(&format!("kind {} is not served yet; only Kustomization is", kind.unwrap_or_default())));
        }
        let group = map.remove("apiVersion");
        if group.as_ref().is_some_and(|g| !g.as_str().unwrap_or_default().starts_with("kustomize.config.k8s.io/")) {
            return Err(bad("apiVersion is not kustomize's; write kustomize.config.k8s.io/v1beta1, or give the file another name"));
        }
        map.remove("metadata");
        let namespace = match map.remove("namespace") {
            None | Some(Json::Null) => None,
            Some(Json::String(text)) => Some(text).filter(|t| !t.is_empty()),
            Some(_) => return Err(bad("namespace is no text; write a name")),
        };
        let resources = match map.remove("resources") {
            None | Some(Json::Null) => Vec::new(),
            Some(Json::Array(items)) => items
                .into_iter()
                .map(|item| item.as_str().map(str::to_owned))
                .collect::<Option<_>>()
                .ok_or_else(|| bad("resources holds something else than text; write paths"))?,
            Some(_) => return Err(bad("resources is no list; write one path per line, each after a dash")),
        };
        // An empty field asks for nothing.
        let says_nothing = |value: &Json| match value {
            Json::Null => true,
            Json::Array(items) => items.is_empty(),
            Json::Object(map) => map.is_empty(),
            Json::String(text) => text.is_empty(),
            Json::Bool(_) | Json::Number(_) => false,
        };
        match map.into_iter().find(|(_, value)| !says_nothing(value)) {
            Some((field, _)) => Err(PlainError::Unsupported { file: file.to_owned(), field }),
            None => Ok(Self { resources, namespace }),
        }
    }
}
