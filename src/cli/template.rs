//! `helmward template`: renders a local chart, as `helm template` does.

use super::chart::{SystemEntropy, now, place};
use super::explain_template::explain_template;
use super::failure::{Exit, Failure};
use super::globals::Globals;
use super::helm::{Compat, Found, IgnoredFlags, ValuesArgs, failed, find, logged};
use super::output::Console;
use super::validate;
use crate::cluster::Cluster;
use clap::Args;
use helmward_chart::chart::Chart;
use helmward_chart::render::{
    Input, ReleaseInfo, RenderError, Rendered, TemplateOptions, check_release_name, files_of_failure, helm_template_capabilities,
    helm4_template_capabilities, helm4_text, parse_kube_version, release_name_from, render_with_log, show_only, to_template_pieces,
};
use helmward_chart::template::Capabilities;
use std::fs;
use std::io::Write;
use std::mem::ManuallyDrop;
use std::path::Path;
use std::sync::Arc;

#[derive(Args)]
#[command(override_usage = "helmward template [NAME] [CHART] [flags]")]
#[allow(clippy::struct_excessive_bools)]
pub(super) struct TemplateArgs {
    /// Release name [default: release-name], and the directory or archive of a chart
    #[arg(value_name = "CHART", num_args = 0..)]
    what: Vec<String>,
    #[command(flatten)]
    values: ValuesArgs,
    /// Only these templates, such as templates/service.yaml or charts/*/templates/*
    #[arg(short = 's', long, value_name = "TEMPLATE")]
    show_only: Vec<String>,
    /// The files of crds/ too
    #[arg(long)]
    include_crds: bool,
    /// The version of Kubernetes that the chart sees
    #[arg(long, value_name = "VERSION")]
    kube_version: Option<String>,
    /// API versions that the chart sees, beside the usual ones; several with commas
    #[arg(short = 'a', long, value_name = "VERSION")]
    api_versions: Vec<String>,
    /// .Release.IsUpgrade instead of .Release.IsInstall
    #[arg(long)]
    is_upgrade: bool,
    /// Without hooks
    #[arg(long)]
    no_hooks: bool,
    /// Without tests
    #[arg(long)]
    skip_tests: bool,
    /// Taken for Helm's sake: the files of crds/ are printed with --include-crds only
    #[arg(long)]
    skip_crds: bool,
    /// Do not check values.schema.json
    #[arg(long)]
    skip_schema_validation: bool,
    /// Taken for Helm's sake: a release without a name is called release-name
    #[arg(short = 'g', long)]
    generate_name: bool,
    /// Instead of the manifests: which template and values made a line, or KIND/NAME, or a field as in KIND/NAME.spec.replicas
    #[arg(long, value_name = "LINE|KIND/NAME[.PATH]")]
    explain: Option<String>,
    /// A template that gives the release's name
    #[arg(long, value_name = "TEMPLATE")]
    name_template: Option<String>,
    /// Write each template to a file below this directory
    #[arg(long, value_name = "DIR")]
    output_dir: Option<String>,
    /// With --output-dir: in a directory of the release's name
    #[arg(long)]
    release_name: bool,
    /// Render the notes of sub-charts, too; notes are not printed
    #[arg(long)]
    render_subchart_notes: bool,
    /// Ask the cluster for its version and kinds, and whether the objects could be installed
    #[arg(long)]
    validate: bool,
    /// Taken for Helm's sake: client, server, none, true or false
    #[arg(long, value_name = "HOW", num_args = 0..=1, default_missing_value = "client", hide = true)]
    dry_run: Option<String>,
    /// Refused where dependencies are missing: they are not fetched here
    #[arg(long)]
    dependency_update: bool,
    /// Refused where the chart is not a local one: charts are not fetched here
    #[arg(long, value_name = "URL")]
    repo: Option<String>,
    /// Without effect on a local chart
    #[arg(long, value_name = "RANGE")]
    version: Option<String>,
    /// Print the files of a failed render, too
    #[arg(long)]
    debug: bool,
    /// The Helm whose rules hold where 3 and 4 differ
    #[arg(long, value_name = "MAJOR", default_value = "3")]
    helm_compat: Compat,
    /// As --context
    #[arg(long, value_name = "NAME", hide = true)]
    kube_context: Option<String>,
    #[arg(long = "namespace-of-the-environment", env = "HELM_NAMESPACE", hide = true)]
    environment: Option<String>,
    #[command(flatten)]
    ignored: IgnoredFlags,
}

pub(super) fn template(args: TemplateArgs, globals: &Globals, console: &Console) -> Result<Exit, Failure> {
    if args.what.is_empty() {
        return Err(failed("\"helmward template\" requires at least 1 argument\n\nUsage:  helmward template [NAME] [CHART] [flags]"));
    }
    args.ignored.refuse()?;
    let capabilities = args.capabilities()?;
    let (name, chart) = args.name_and_chart()?;
    let mut found = find(&chart, args.repo.as_deref())?;
    // the process ends with this command, and its memory at once: nothing large is taken apart before
    let values = ManuallyDrop::new(args.values.read(args.helm_compat)?);
    let chart = ManuallyDrop::new(args.load(&mut found, console)?);
    let strategy = args.dry_run.as_deref().unwrap_or("true");
    if !["false", "true", "none", "client", "server", ""].contains(&strategy) {
        return Err(failed("Invalid dry-run flag. Flag must one of the following: false, true, none, client, server"));
    }
    check_release_name(&name).map_err(|e| failed(e.to_string()))?;
    let globals = globals.in_context(args.kube_context.clone());
    let namespace = namespace(&globals, args.environment.as_deref())?;
    let release = if args.is_upgrade { ReleaseInfo::upgrade(&name, namespace, 1) } else { ReleaseInfo::install(&name, namespace) };
    let server = if args.validate { Some(validate::Server::ask(&globals, capabilities.clone())?) } else { None };
    let capabilities = server.as_ref().map_or(&capabilities, |server| &server.capabilities);
    let mut input = Input::new(&chart, &values, release, capabilities, now(), Arc::new(SystemEntropy));
    input.options.skip_schema = args.skip_schema_validation;
    input.options.sub_notes = args.render_subchart_notes;
    input.options.compat = args.helm_compat.into();
    input.options.two_threads = true;
    if let Some(query) = &args.explain {
        return explain_template(&input, &found.path, &args.options(), &args.values.sources(args.helm_compat)?, query, console);
    }
    let mut log = Vec::new();
    let rendered = render_with_log(&input, &mut log).map(ManuallyDrop::new);
    // those of the loader were told before
    log.iter().skip(chart.warnings().len()).for_each(|line| console.detail(&logged(line, args.helm_compat)));
    match rendered {
        Ok(rendered) => {
            if let Some(server) = &server {
                server.check(&rendered, &input.release)?;
            }
            args.print(&rendered, &name, console)?;
            Ok(Exit::Ok)
        }
        Err(error) => {
            if args.debug && error.has_debug_hint() {
                let files = files_of_failure(&input, &error);
                let shown = show_only(files, &args.show_only, args.helm_compat.into()).map_err(|e| failed(e.to_string()))?;
                console.data(&shown)?;
            }
            Err(refused(&found.path, &error, &args))
        }
    }
}

impl TemplateArgs {
    fn capabilities(&self) -> Result<Capabilities, Failure> {
        let mut capabilities = match self.helm_compat {
            Compat::Helm3 => helm_template_capabilities(),
            Compat::Helm4 => helm4_template_capabilities(),
        };
        if let Some(version) = self.kube_version.as_deref().filter(|version| !version.is_empty()) {
            parse_kube_version(&mut capabilities, version).map_err(failed)?;
        }
        capabilities.api_versions.extend(self.api_versions.iter().cloned());
        Ok(capabilities)
    }

    /// Helm's `NameAndChart`; without a name the release is called `release-name`.
    fn name_and_chart(&self) -> Result<(String, String), Failure> {
        let template = self.name_template.as_deref().filter(|template| !template.is_empty());
        match &self.what[..] {
            [chart] => {
                let name = match template {
                    Some(template) => release_name_from(template, now(), Arc::new(SystemEntropy)).map_err(|e| failed(e.to_string()))?,
                    None => "release-name".to_owned(),
                };
                Ok((name, chart.clone()))
            }
            [name, chart] => {
                if self.generate_name {
                    return Err(failed("cannot set --generate-name and also specify a name"));
                }
                if template.is_some() {
                    return Err(failed("cannot set --name-template and also specify a name"));
                }
                Ok((name.clone(), chart.clone()))
            }
            more => {
                let unexpected = more.get(2..).unwrap_or_default().join(", ");
                Err(failed(format!("expected at most two arguments, unexpected arguments: {unexpected}")))
            }
        }
    }

    /// Reads the chart and checks that it can be rendered at all.
    fn load(&self, found: &mut Found, console: &Console) -> Result<Chart, Failure> {
        let loaded = found.load();
        found.log.iter().for_each(|line| console.detail(&logged(line, self.helm_compat)));
        let chart = loaded?;
        chart.warnings().iter().for_each(|line| console.detail(&logged(line, self.helm_compat)));
        chart.check_installable().map_err(|e| failed(e.to_string()))?;
        if chart.metadata().deprecated {
            console.detail(match self.helm_compat {
                Compat::Helm3 => "WARNING: This chart is deprecated",
                Compat::Helm4 => "level=WARN msg=\"this chart is deprecated\"",
            });
        }
        chart.check_dependencies().map_err(|e| {
            if self.dependency_update {
                failed(format!(
                    "--dependency-update is refused: dependencies are not fetched here, run `helm dependency update` first; {e}"
                ))
            } else if self.helm_compat == Compat::Helm4 {
                let text = e.to_string();
                failed(text.replacen("An error", "an error", 1).replacen("`helm dependency build`", "'helm dependency build'", 1))
            } else {
                failed(e.to_string())
            }
        })?;
        Ok(chart)
    }

    fn options(&self) -> TemplateOptions {
        TemplateOptions {
            include_crds: self.include_crds,
            skip_tests: self.skip_tests,
            no_hooks: self.no_hooks,
            show_only: self.show_only.clone(),
            compat: self.helm_compat.into(),
        }
    }

    fn print(&self, rendered: &Rendered, name: &str, console: &Console) -> Result<(), Failure> {
        let options = self.options();
        let fail = |e: RenderError| failed(e.to_string());
        let Some(top) = self.output_dir.as_deref().filter(|top| !top.is_empty()) else {
            let pieces = to_template_pieces(rendered, &options).map_err(fail)?;
            return console.pieces(&pieces);
        };
        let below = if self.release_name { Path::new(top).join(name).display().to_string() } else { top.to_owned() };
        let mut written: Vec<&str> = Vec::new();
        let put = |top: &str, path: &str, text: &str, append: bool| write(top, path, text, append, console);
        for crd in rendered.crds.iter().filter(|_| self.include_crds) {
            put(top, &crd.path, &crd.text(), written.contains(&&*crd.path))?;
            written.push(&crd.path);
        }
        for doc in &rendered.manifests {
            put(&below, &doc.path, &doc.text, written.contains(&&*doc.path))?;
            written.push(&doc.path);
        }
        for hook in rendered.hooks.iter().filter(|hook| options.shows(hook)) {
            // Helm adds a hook to whatever file of its name is there
            let there = Path::new(&below).join(&hook.doc.path).exists();
            put(&below, &hook.doc.path, &hook.doc.text, there)?;
        }
        console.data(&show_only("\n".to_owned(), &self.show_only, options.compat).map_err(fail)?)
    }
}

/// Writes one document of a template to its file.
fn write(top: &str, path: &str, text: &str, append: bool, console: &Console) -> Result<(), Failure> {
    let file = format!("{top}/{path}");
    let unwritable = |e: std::io::Error| match e.kind() {
        // Helm finds out while it renders, and so speaks of --debug
        std::io::ErrorKind::NotADirectory => {
            let directory = Path::new(&file).parent().unwrap_or(Path::new(top)).display();
            failed(format!("stat {directory}: not a directory\n\nUse --debug flag to render out invalid YAML"))
        }
        std::io::ErrorKind::PermissionDenied => failed(format!("open {file}: permission denied")),
        _ => failed(format!("open {file}: {e}")),
    };
    if let Some(directory) = Path::new(&file).parent() {
        fs::create_dir_all(directory).map_err(unwritable)?;
    }
    let mut options = fs::OpenOptions::new();
    let options = if append { options.append(true) } else { options.write(true).create(true).truncate(true) };
    let mut open = options.open(&file).map_err(unwritable)?;
    open.write_all(format!("---\n# Source: {path}\n{text}\n").as_bytes()).map_err(unwritable)?;
    console.data(&format!("wrote {file}\n"))
}

/// The namespace of the flag, of `HELM_NAMESPACE`, or of the kubeconfig's context.
pub(super) fn namespace(globals: &Globals, environment: Option<&str>) -> Result<String, Failure> {
    if let Some(namespace) = globals.namespace.as_deref().or(environment).filter(|namespace| !namespace.is_empty()) {
        return Ok(namespace.to_owned());
    }
    let access = globals.access();
    if access.files.is_empty() {
        return Ok("default".to_owned());
    }
    let found = validate::block_on(async { Ok(Cluster::namespace_of(&access).await) })?;
    Ok(found.unwrap_or_else(|| "default".to_owned()))
}

/// Why a chart cannot be rendered, with the lines of the template.
fn refused(path: &Path, error: &RenderError, args: &TemplateArgs) -> Failure {
    let hint = if error.has_debug_hint() && !args.debug { "\n\nUse --debug flag to render out invalid YAML" } else { "" };
    let text = match args.helm_compat {
        Compat::Helm3 => error.to_string(),
        Compat::Helm4 => helm4_text(&error.to_string()),
    };
    let failure = failed(format!("{text}{hint}"));
    match place(path, error) {
        None => failure,
        place => failure.hint("correct the template or the values that it reads").at(place),
    }
}
