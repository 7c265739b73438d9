//! `helmward lint`: looks for mistakes in local charts, as `helm lint` does.

use super::chart::{SystemEntropy, now};
use super::failure::{Exit, Failure};
use super::globals::Globals;
use super::helm::{Compat, ValuesArgs, failed, find, logged};
use super::output::Console;
use super::template::namespace;
use bytes::Bytes;
use clap::Args;
use helmward_chart::chart::{Chart, LoadError, LoadLimits, load_archive, load_tree};
use helmward_chart::lint::{Input, Message, Severity, lint as lint_chart};
use helmward_chart::render::{helm_template_capabilities, parse_kube_version};
use helmward_chart::template::Capabilities;
use serde_json::Map;
use std::fmt::Write as _;
use std::fs;
use std::sync::Arc;

/// Helm holds kinds against this version of Kubernetes where none is named and its build says nothing else.
const KUBERNETES: (u32, u32) = (1, 20);

#[derive(Args)]
#[command(override_usage = "helmward lint [PATH]... [flags]")]
pub(super) struct LintArgs {
    /// Directories or archives of charts [default: .]
    #[arg(value_name = "PATH", num_args = 0..)]
    paths: Vec<String>,
    /// Warnings are failures, too
    #[arg(long)]
    strict: bool,
    /// The charts in charts/, too
    #[arg(long)]
    with_subcharts: bool,
    /// Do not check values.schema.json where the chart is rendered
    #[arg(long)]
    skip_schema_validation: bool,
    /// The version of Kubernetes that the chart sees, and against which kinds are held
    #[arg(long, value_name = "VERSION")]
    kube_version: Option<String>,
    #[command(flatten)]
    values: ValuesArgs,
    #[arg(long, hide = true)]
    debug: bool,
    #[arg(long, value_name = "NAME", hide = true)]
    kube_context: Option<String>,
    #[arg(long = "namespace-of-the-environment", env = "HELM_NAMESPACE", hide = true)]
    environment: Option<String>,
}

pub(super) fn lint(args: &LintArgs, globals: &Globals, console: &Console) -> Result<Exit, Failure> {
    let mut paths = if args.paths.is_empty() { vec![".".to_owned()] } else { args.paths.clone() };
    let mut capabilities = helm_template_capabilities();
    let mut kubernetes = KUBERNETES;
    if let Some(version) = args.kube_version.as_deref().filter(|version| !version.is_empty()) {
        parse_kube_version(&mut capabilities, version).map_err(failed)?;
        kubernetes = (capabilities.kube_major.parse().unwrap_or(0), capabilities.kube_minor.parse().unwrap_or(0));
    }
    if args.with_subcharts {
        for path in paths.clone() {
            subcharts(&clean_join(&path, "charts"), &mut paths);
        }
    }
    let namespace = namespace(&globals.in_context(args.kube_context.clone()), args.environment.as_deref())?;
    let values = args.values.read(Compat::Helm3)?;
    let with =
        With { values: &values, namespace: &namespace, capabilities: &capabilities, kubernetes, skip_schema: args.skip_schema_validation };
    let (mut text, mut failures, mut noisy) = (String::new(), 0, 0);
    for path in &paths {
        let (messages, errors) = match with.lint(path, console) {
            Ok(messages) => {
                let lowest = if args.strict { Severity::Warning } else { Severity::Error };
                let errors = messages.iter().filter(|message| message.severity >= lowest).count();
                (messages, errors)
            }
            Err(why) => {
                noisy += 1;
                failures += 1;
                let _ = writeln!(text, "==> Linting {path}\nError {why}\n");
                continue;
            }
        };
        let found = errors > 0 || messages.iter().any(|message| message.severity > Severity::Info);
        noisy += usize::from(found);
        if console.quiet && !found {
            continue;
        }
        let _ = writeln!(text, "==> Linting {path}");
        for message in messages.iter().filter(|message| !console.quiet || message.severity > Severity::Info) {
            let _ = writeln!(text, "{message}");
        }
        failures += usize::from(errors > 0);
        text.push('\n');
    }
    console.data(&text)?;
    let summary = format!("{} chart(s) linted, {failures} chart(s) failed", paths.len());
    if failures > 0 {
        return Err(failed(summary));
    }
    if !console.quiet || noisy > 0 {
        console.data(&format!("{summary}\n"))?;
    }
    Ok(Exit::Ok)
}

/// What all charts of a call are held against.
struct With<'a> {
    values: &'a Map<String, helmward_chart::Json>,
    namespace: &'a str,
    capabilities: &'a Capabilities,
    kubernetes: (u32, u32),
    skip_schema: bool,
}

impl With<'_> {
    /// The findings of one chart; an error where it is none.
    fn lint(&self, path: &str, console: &Console) -> Result<Vec<Message>, String> {
        let archive = path.ends_with(".tgz") || path.ends_with(".tar.gz");
        let yaml = clean_join(path, "Chart.yaml");
        if !archive && let Err(e) = fs::metadata(&yaml) {
            return Err(format!("unable to check Chart.yaml file in chart: stat {yaml}: {}", words(&e)));
        }
        let mut found = find(path, None)
            .map_err(|e| if archive { format!("unable to open tarball: open {path}: no such file or directory") } else { e.message })?;
        let loaded = if archive {
            let bytes = fs::read(path).map_err(|e| format!("unable to open tarball: open {path}: {}", words(&e)))?;
            load_archive(&bytes, &LoadLimits::default()).map_err(|e| match e {
                LoadError::NoChartYaml => "chart name not specified".to_owned(),
                e => e.to_string(),
            })
        } else {
            found.load().map_err(|e| e.message)
        };
        if archive && loaded.is_err() {
            return Err(format!("unable to extract tarball: {}", loaded.err().unwrap_or_default()));
        }
        let files = if archive { loaded.as_ref().ok().map(packed) } else { None };
        let loaded = match &files {
            // unpacked, its .helmignore counts
            Some(files) => load_tree(files.clone(), &LoadLimits::default()).map_err(|e| e.to_string()),
            None => loaded,
        };
        let read = |name: &str| match &files {
            Some(files) => files.iter().find(|(file, _)| file == name).map(|(_, data)| data.clone()).ok_or_else(String::new),
            None => {
                let file = found.path.join(name);
                fs::read(&file).map(Bytes::from).map_err(|e| format!("read {}: {}", file.display(), words(&e)))
            }
        };
        let warnings = loaded.as_ref().map(Chart::warnings).unwrap_or_default();
        let loading: Vec<String> = found.log.iter().cloned().chain(warnings).collect();
        let directory = found.path.display().to_string();
        let input = Input {
            directory: &directory,
            chart_yaml: read("Chart.yaml"),
            chart_yaml_is_directory: found.path.join("Chart.yaml").is_dir(),
            values_yaml: read("values.yaml").ok(),
            schema: read("values.schema.json").ok(),
            templates_is_file: fs::metadata(found.path.join("templates")).is_ok_and(|meta| !meta.is_dir()),
            chart: loaded.as_ref().map_err(String::as_str),
            loading: &loading,
            values: self.values,
            namespace: self.namespace,
            capabilities: self.capabilities,
            kubernetes: self.kubernetes,
            skip_schema: self.skip_schema,
            now: now(),
            entropy: Arc::new(SystemEntropy),
        };
        let mut log = Vec::new();
        let messages = lint_chart(&input, &mut log);
        log.iter().for_each(|line| console.detail(&logged(line, Compat::Helm3)));
        Ok(messages)
    }
}

fn packed(chart: &Chart) -> Vec<(String, Bytes)> {
    chart.raw().iter().map(|file| (file.name.clone(), file.data.clone())).collect()
}

/// The charts below a directory, in the order of Go's `filepath.Walk`.
fn subcharts(directory: &str, out: &mut Vec<String>) {
    let mut names: Vec<String> =
        fs::read_dir(directory).into_iter().flatten().filter_map(Result::ok).filter_map(|e| e.file_name().into_string().ok()).collect();
    names.sort();
    for name in names {
        let path = format!("{directory}/{name}");
        if name == "Chart.yaml" {
            out.push(directory.to_owned());
        } else if path.ends_with(".tgz") || path.ends_with(".tar.gz") {
            out.push(path.clone());
        }
        if fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_dir()) {
            subcharts(&path, out);
        }
    }
}

/// Go's `filepath.Join`.
fn clean_join(path: &str, name: &str) -> String {
    let absolute = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/').chain([name]) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if absolute => {}
            part => parts.push(part),
        }
    }
    format!("{}{}", if absolute { "/" } else { "" }, parts.join("/"))
}

/// Go's words for a failed system call.
fn words(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        std::io::ErrorKind::NotADirectory => "not a directory".to_owned(),
        std::io::ErrorKind::IsADirectory => "is a directory".to_owned(),
        _ => error.to_string(),
    }
}
