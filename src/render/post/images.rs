//! Image overrides, as kustomize's `images` does them.

use super::PostError;
use crate::api::PatchImage;
use crate::object::Json;
use regex::Regex;

/// One override, ready to be applied.
#[derive(Debug, Clone)]
pub(super) struct Override {
    image: PatchImage,
    matches: Regex,
}

impl Override {
    pub(super) fn compile(image: &PatchImage, field: &str) -> Result<Self, PostError> {
        // In kustomize the name is an expression, and nothing of it is escaped.
        let matches = Regex::new(&format!("^(?:{})(:[a-zA-Z0-9_.{{}}-]*)?(@sha256:[a-zA-Z0-9_.{{}}-]*)?$", image.name))
            .map_err(|e| PostError::new(format!("{field}.name"), format!("`{}` is no regular expression: {e}", image.name)))?;
        Ok(Self { image: image.clone(), matches })
    }

    /// Changes the images of an object: of whatever is called `containers` or `initContainers`, and of image volumes of pods.
    pub(super) fn apply(&self, object: &mut Json) {
        if object.get("kind").and_then(Json::as_str) == Some("CustomResourceDefinition") {
            return;
        }
        self.walk(object);
        for pointer in ["/spec/volumes", "/spec/template/spec/volumes"] {
            for volume in object.pointer_mut(pointer).and_then(Json::as_array_mut).into_iter().flatten() {
                self.set(volume.pointer_mut("/image/reference"));
            }
        }
    }

    fn walk(&self, value: &mut Json) {
        match value {
            Json::Object(map) => {
                for (key, below) in map {
                    self.walk(below);
                    if matches!(key.as_str(), "containers" | "initContainers") {
                        for container in below.as_array_mut().into_iter().flatten() {
                            self.set(container.get_mut("image"));
                        }
                    }
                }
            }
            Json::Array(items) => items.iter_mut().for_each(|item| self.walk(item)),
            _ => {}
        }
    }

    fn set(&self, place: Option<&mut Json>) {
        if let Some(Json::String(text)) = place
            && self.matches.is_match(text)
        {
            *text = self.renamed(text);
        }
    }

    fn renamed(&self, full: &str) -> String {
        let given = |field: &Option<String>| field.clone().filter(|text| !text.is_empty());
        let (mut name, mut tag, mut digest) = split(full);
        if let Some(new) = given(&self.image.new_name) {
            name = new;
        }
        // One that is given replaces both.
        let (new_tag, new_digest) = (given(&self.image.new_tag), given(&self.image.digest));
        if new_tag.is_some() || new_digest.is_some() {
            (tag, digest) = (new_tag.unwrap_or_default(), new_digest.unwrap_or_default());
        }
        if !tag.is_empty() {
            name = format!("{name}:{tag}");
        }
        if digest.is_empty() { name } else { format!("{name}@{digest}") }
    }
}

/// Name, tag and digest. A colon before the first slash belongs to the host.
fn split(full: &str) -> (String, String, String) {
    let from = full.find('/').unwrap_or(0);
    let (head, digest) = match full[from..].find('@') {
        Some(at) => (&full[..from + at], full[from + at + 1..].to_owned()),
        None => (full, String::new()),
    };
    match head[from..].find(':') {
        Some(at) => (head[..from + at].to_owned(), head[from + at + 1..].to_owned(), digest),
        None => (head.to_owned(), String::new(), digest),
    }
}
