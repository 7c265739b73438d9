//! What can go wrong in a render, in Helm's words.

use crate::template::{self, Location};
use crate::values::ValuesError;

/// Why a chart could not be rendered. The text is Helm's, but for limits that only this crate has.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RenderError {
    /// The release's name cannot be one: Helm's `ValidateReleaseName` (chartutil/validate_name.go).
    #[error("release name {}: {why}", crate::go::quote::quote(name))]
    ReleaseName {
        /// The name.
        name: String,
        /// The rule that it breaks.
        why: String,
    },
    /// Values cannot be combined, or break a schema.
    #[error(transparent)]
    Values(#[from] ValuesError),
    /// The chart asks for another version of Kubernetes: Helm's `renderResources` (action/action.go).
    #[error("chart requires kubeVersion: {wanted} which is incompatible with Kubernetes {have}")]
    KubeVersion {
        /// The constraint.
        wanted: String,
        /// The version of the cluster.
        have: String,
    },
    /// A template does not parse or fails: Helm's `cleanupParseError` and `cleanupExecError` (engine/engine.go).
    #[error("{}", error.helm_text(file))]
    Template {
        /// The file.
        file: String,
        /// What went wrong, with its place.
        error: template::Error,
    },
    /// A rendered document is no YAML mapping: Helm's `SortManifests` (releaseutil/manifest_sorter.go).
    #[error("YAML parse error on {path}: {why}")]
    Manifest {
        /// The template.
        path: String,
        /// Helm's text.
        why: String,
        /// The line of the rendered file, from 0, on which the document starts; lines in `why` count from there.
        first_line: usize,
    },
    /// `--show-only` names a file that rendered nothing: Helm's `newTemplateCmd` (cmd/helm/template.go).
    #[error("could not find template {0} in chart")]
    NoSuchTemplate(String),
    /// The rendered files have more documents than any release could hold.
    #[error("rendered files have more than {limit} documents, the last of them in {path}")]
    TooManyDocuments {
        /// The template that went over the limit.
        path: String,
        /// The limit.
        limit: usize,
    },
    /// The caller's [`Stop`](crate::template::Stop) was set between two templates.
    #[error("{}", crate::template::STOPPED)]
    Stopped,
    /// `--name-template` is no template, or fails: Helm's `TemplateName` (action/install.go).
    #[error("{0}")]
    Name(String),
    /// No thread for the render.
    #[error("cannot start a thread for the render: {0}")]
    Stack(String),
}

impl RenderError {
    /// The place in a template that failed, the innermost one where includes are nested. None where no template did.
    pub fn location(&self) -> Option<&Location> {
        match self {
            Self::Template { error, .. } => error.location(),
            _ => None,
        }
    }

    /// Whether `helm template` adds its hint about `--debug` (`newTemplateCmd` in cmd/helm/template.go): it does once there is a
    /// release, which is from the check of Kubernetes' version on.
    pub fn has_debug_hint(&self) -> bool {
        matches!(self, Self::KubeVersion { .. } | Self::Template { .. } | Self::Manifest { .. })
    }

    /// What `helm template` prints to stderr, from `Error:` on.
    pub fn to_template_output(&self) -> String {
        let hint = if self.has_debug_hint() { "\n\nUse --debug flag to render out invalid YAML" } else { "" };
        format!("Error: {self}{hint}\n")
    }
}
