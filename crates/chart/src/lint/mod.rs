//! `helm lint`: what is wrong, odd or missing in a chart, in Helm's words (`pkg/lint` and its rules).
//!
//! - `chartfile`: `Chart.yaml`; `address`: mail and web addresses in it
//! - `values`: `values.yaml` and its schema
//! - `templates`: rendered files; `names`: names of objects; `deprecations`: kinds that Kubernetes gives up
//! - `dependencies`: what `Chart.yaml` declares against what `charts/` holds

mod address;
mod chartfile;
mod dependencies;
mod deprecations;
mod names;
mod templates;
mod values;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::Map;

use crate::Json;
use crate::chart::Chart;
use crate::template::{Capabilities, Entropy, Time};

/// How bad a finding is: Helm's `InfoSev`, `WarningSev` and `ErrorSev` (lint/support/message.go).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Good to know.
    Info,
    /// Against a convention.
    Warning,
    /// It will not work.
    Error,
}

/// One finding: Helm's `support.Message` (lint/support/message.go). Its text is the line that `helm lint` prints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// How bad.
    pub severity: Severity,
    /// What it is about, such as `templates/x.yaml`.
    pub path: String,
    /// What was found.
    pub text: String,
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Info => "INFO",
            Severity::Warning => "WARNING",
            Severity::Error => "ERROR",
        };
        write!(f, "[{severity}] {}: {}", self.path, self.text)
    }
}

/// A chart as it lies on the disk, and what it is rendered with: what Helm's `support.Linter` (lint/support/message.go) and its
/// rules read for themselves.
pub struct Input<'a> {
    /// The absolute path of its directory, for messages.
    pub directory: &'a str,
    /// `Chart.yaml`, or why it cannot be read.
    pub chart_yaml: Result<Bytes, String>,
    /// Whether `Chart.yaml` is a directory.
    pub chart_yaml_is_directory: bool,
    /// `values.yaml`, if there is one.
    pub values_yaml: Option<Bytes>,
    /// `values.schema.json`, if there is one.
    pub schema: Option<Bytes>,
    /// Whether `templates` is something else than a directory.
    pub templates_is_file: bool,
    /// The chart, or why it cannot be loaded.
    pub chart: Result<&'a Chart, &'a str>,
    /// What Helm logs whenever it loads the chart, which it does twice.
    pub loading: &'a [String],
    /// The user's values.
    pub values: &'a Map<String, Json>,
    /// `.Release.Namespace`
    pub namespace: &'a str,
    /// What `.Capabilities` says.
    pub capabilities: &'a Capabilities,
    /// Major and minor version of Kubernetes against which kinds are held, as Helm's `validateNoDeprecations`
    /// (lint/rules/deprecations.go) does.
    pub kubernetes: (u32, u32),
    /// Do not check the schema where the chart is rendered.
    pub skip_schema: bool,
    /// What `now` says, and when certificates begin.
    pub now: Time,
    /// Random bytes for passwords, certificates and the like.
    pub entropy: Arc<dyn Entropy + Send + Sync>,
}

/// The findings in Helm's order: its `AllWithKubeVersionAndSchemaValidation` (lint/lint.go). What Helm would log goes to `log`.
pub fn lint(input: &Input<'_>, log: &mut Vec<String>) -> Vec<Message> {
    let mut found = Findings::default();
    chartfile::check(input, &mut found);
    values::check(input, &mut found, log);
    templates::check(input, &mut found, log);
    dependencies::check(input, &mut found, log);
    found.messages
}

/// The findings so far.
#[derive(Default)]
struct Findings {
    messages: Vec<Message>,
}

impl Findings {
    /// Notes what a rule found; whether it found nothing.
    fn rule(&mut self, severity: Severity, path: &str, result: Result<(), String>) -> bool {
        match result {
            Ok(()) => true,
            Err(text) => {
                self.messages.push(Message { severity, path: path.to_owned(), text });
                false
            }
        }
    }
}
