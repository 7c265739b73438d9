//! The text that `helm template` prints.

use super::manifest::{HookEvent, split};
use super::{RenderError, Rendered};
use crate::chart::paths;
use crate::go::unicode;

/// What `helm template` prints of a rendered chart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TemplateOptions {
    /// The files of `crds/` too.
    pub include_crds: bool,
    /// No hooks of the event `test`.
    pub skip_tests: bool,
    /// No hooks.
    pub no_hooks: bool,
    /// Only the documents of these templates (patterns; paths without the chart's name).
    pub show_only: Vec<String>,
}

impl Rendered {
    /// The manifest as Helm stores it with a release: documents that are no hooks, each under its source.
    pub fn manifest(&self) -> String {
        self.manifest_with(false)
    }

    fn manifest_with(&self, crds: bool) -> String {
        let crds = self.crds.iter().filter(|_| crds).map(|crd| (&crd.path, &crd.text));
        let docs = self.manifests.iter().map(|doc| (&doc.path, &doc.text));
        crds.chain(docs).map(|(path, text)| format!("---\n# Source: {path}\n{text}\n")).collect()
    }
}

/// The bytes that `helm template` prints.
pub fn to_template_output(rendered: &Rendered, options: &TemplateOptions) -> Result<String, RenderError> {
    let mut out = rendered.manifest_with(options.include_crds).trim_matches(unicode::is_space).to_owned();
    out.push('\n');
    for hook in rendered.hooks.iter().filter(|_| !options.no_hooks) {
        if !(options.skip_tests && hook.events.contains(&HookEvent::Test)) {
            out.push_str(&format!("---\n# Source: {}\n{}\n", hook.doc.path, hook.doc.text));
        }
    }
    if options.show_only.is_empty() {
        return Ok(out);
    }
    let docs: Vec<(&str, &str)> = split(&out).filter_map(|(_, doc)| Some((source(doc)?, doc))).collect();
    let mut shown = String::new();
    for pattern in &options.show_only {
        let before = shown.len();
        for (_, doc) in docs.iter().filter(|(path, _)| paths::matches(pattern, path).unwrap_or(false)) {
            shown.push_str(&format!("---\n{doc}\n"));
        }
        if shown.len() == before {
            return Err(RenderError::NoSuchTemplate(pattern.clone()));
        }
    }
    Ok(shown)
}

/// The path in the source comment, without the chart's name.
fn source(doc: &str) -> Option<&str> {
    doc.match_indices("# Source: ").find_map(|(at, mark)| {
        let line = doc[at + mark.len()..].lines().next()?;
        let (chart, path) = line.split_once('/')?;
        (!chart.is_empty() && !path.is_empty()).then_some(path)
    })
}
