//! The text that `helm template` prints.

use std::borrow::Cow;

use super::manifest::{Hook, HookEvent, split_as};
use super::{Compat, Input, RenderError, Rendered};
use crate::chart::paths;
use crate::go::unicode;

/// What `helm template` prints of a rendered chart: its flags (cmd/helm/template.go).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TemplateOptions {
    /// The files of `crds/` too: `--include-crds`.
    pub include_crds: bool,
    /// No hooks of the event `test`: `--skip-tests`, Helm's `isTestHook` (cmd/helm/template.go).
    pub skip_tests: bool,
    /// No hooks: `--no-hooks`.
    pub no_hooks: bool,
    /// Only the documents of these templates (patterns; paths without the chart's name): `--show-only`.
    pub show_only: Vec<String>,
    /// Whose rules hold.
    pub compat: Compat,
}

impl Rendered {
    /// The manifest as Helm stores it with a release: documents that are no hooks, each under its source. Helm's
    /// `renderResources` (action/action.go).
    pub fn manifest(&self) -> String {
        self.manifest_pieces(false).concat()
    }

    fn manifest_pieces(&self, crds: bool) -> Vec<Cow<'_, str>> {
        let mut out = Vec::with_capacity(5 * (self.crds.len() + self.manifests.len()));
        for crd in self.crds.iter().filter(|_| crds) {
            push_document(&mut out, &crd.path, crd.text());
        }
        for doc in &self.manifests {
            push_document(&mut out, &doc.path, Cow::Borrowed(&doc.text));
        }
        out
    }
}

fn push_document<'a>(out: &mut Vec<Cow<'a, str>>, path: &'a str, text: Cow<'a, str>) {
    let borrowed = Cow::Borrowed;
    out.extend([borrowed("---\n# Source: "), borrowed(path), borrowed("\n"), text, borrowed("\n")]);
}

/// The bytes that `helm template` prints: Helm's `newTemplateCmd` (cmd/helm/template.go).
///
/// # Errors
/// Where `show_only` names a file that rendered nothing.
pub fn to_template_output(rendered: &Rendered, options: &TemplateOptions) -> Result<String, RenderError> {
    to_template_pieces(rendered, options).map(|pieces| pieces.concat())
}

/// The bytes that `helm template` prints, in pieces to be written one after another: the whole of a large chart with its
/// CRDs need not be copied together.
///
/// # Errors
/// As for [`to_template_output`].
pub fn to_template_pieces<'a>(rendered: &'a Rendered, options: &TemplateOptions) -> Result<Vec<Cow<'a, str>>, RenderError> {
    // It begins with dashes, or is empty.
    let mut out = rendered.manifest_pieces(options.include_crds);
    while let Some(last) = out.pop() {
        let kept = last.trim_end_matches(unicode::is_space).len();
        if kept > 0 {
            out.push(match last {
                Cow::Borrowed(text) => Cow::Borrowed(&text[..kept]),
                Cow::Owned(text) => Cow::Owned(text[..kept].to_owned()),
            });
            break;
        }
    }
    out.push(Cow::Borrowed("\n"));
    for hook in rendered.hooks.iter().filter(|hook| options.shows(hook)) {
        push_document(&mut out, &hook.doc.path, Cow::Borrowed(&hook.doc.text));
    }
    if options.show_only.is_empty() {
        return Ok(out);
    }
    Ok(vec![Cow::Owned(show_only(out.concat(), &options.show_only, options.compat)?)])
}

impl TemplateOptions {
    /// Whether a hook is printed.
    pub fn shows(&self, hook: &Hook) -> bool {
        !(self.no_hooks || self.skip_tests && hook.events.contains(&HookEvent::Test))
    }
}

/// The documents of some templates out of the whole output; all of it without patterns. `--show-only` of Helm's
/// `newTemplateCmd` (cmd/helm/template.go).
///
/// # Errors
/// Where a pattern fits no template that rendered something.
pub fn show_only(out: String, patterns: &[String], compat: Compat) -> Result<String, RenderError> {
    if patterns.is_empty() {
        return Ok(out);
    }
    let docs: Vec<(&str, &str)> = split_as(&out, compat).filter_map(|(_, doc)| Some((source(doc)?, doc))).collect();
    let mut shown = String::new();
    for pattern in patterns {
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

/// What `helm template --debug` prints where a render fails: the rendered files, if it is a document that is no YAML (Helm's
/// `renderResources` in action/action.go has them in no order, here they are sorted); else nothing but a line break.
pub fn files_of_failure(input: &Input<'_>, error: &RenderError) -> String {
    let files = match error {
        RenderError::Manifest { .. } => super::lint::rendered_files(input),
        _ => Ok(Default::default()),
    };
    let shown = |text: &String| !text.trim_matches(unicode::is_space).is_empty();
    let files = files.unwrap_or_default();
    let all: String = files.iter().filter(|(_, text)| shown(text)).map(|(path, text)| format!("---\n# Source: {path}\n{text}\n")).collect();
    format!("{}\n", all.trim_matches(unicode::is_space))
}

/// The path in the source comment, without the chart's name.
fn source(doc: &str) -> Option<&str> {
    doc.match_indices("# Source: ").find_map(|(at, mark)| {
        let line = doc[at + mark.len()..].lines().next()?;
        let (chart, path) = line.split_once('/')?;
        (!chart.is_empty() && !path.is_empty()).then_some(path)
    })
}
