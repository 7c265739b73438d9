//! `helmward template`: renders a local chart, as `helm template` does.

use super::chart::{SystemEntropy, ValuesArgs, load, now, unrenderable};
use super::explain_template::explain_template;
use super::failure::{Exit, Failure};
use super::globals::Globals;
use super::output::Console;
use crate::cluster::Cluster;
use clap::Args;
use helmward_chart::render::{
    Input, ReleaseInfo, RenderError, TemplateOptions, helm_template_capabilities, parse_kube_version, render_with_log, to_template_output,
};
use jiff::Timestamp;
use std::path::PathBuf;
use std::sync::Arc;

#[derive(Args)]
#[command(override_usage = "helmward template [NAME] CHART [flags]")]
pub(super) struct TemplateArgs {
    /// Release name [default: release-name], and the directory or archive of a chart
    #[arg(value_name = "CHART", required = true, num_args = 1..=2)]
    what: Vec<String>,
    #[command(flatten)]
    values: ValuesArgs,
    /// Only these templates, such as templates/service.yaml
    #[arg(short = 's', long, value_name = "TEMPLATE", value_delimiter = ',')]
    show_only: Vec<String>,
    /// The files of crds/ too
    #[arg(long)]
    include_crds: bool,
    /// The version of Kubernetes that the chart sees
    #[arg(long, value_name = "VERSION")]
    kube_version: Option<String>,
    /// API versions that the chart sees, beside the usual ones
    #[arg(short = 'a', long, value_name = "VERSION", value_delimiter = ',')]
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
    /// Do not check values.schema.json
    #[arg(long)]
    skip_schema_validation: bool,
    /// Make a release name up
    #[arg(short = 'g', long)]
    generate_name: bool,
    /// Instead of the manifests: which template and values made a line, or KIND/NAME, or a field as in KIND/NAME.spec.replicas
    #[arg(long, value_name = "LINE|KIND/NAME[.PATH]")]
    explain: Option<String>,
}

pub(super) async fn template(args: TemplateArgs, globals: &Globals, console: &Console) -> Result<Exit, Failure> {
    let (name, path) = match &args.what[..] {
        [name, _] if args.generate_name => {
            return Err(Failure::error(format!("a name ({name}) and --generate-name exclude each other")).hint("leave one of them out"));
        }
        [name, path] => (Some(name.clone()), PathBuf::from(path)),
        _ => (None, PathBuf::from(&args.what[0])),
    };
    let mut capabilities = helm_template_capabilities();
    if let Some(version) = &args.kube_version {
        parse_kube_version(&mut capabilities, version).map_err(|e| Failure::error(e.to_string()).hint("write it as 1.33.0"))?;
    }
    capabilities.api_versions.extend(args.api_versions.iter().cloned());
    let values = args.values.read()?;
    let chart = load(&path)?;
    let unusable = |e: &dyn std::fmt::Display| Failure::error(format!("{}: {e}", path.display()));
    chart.check_installable().map_err(|e| unusable(&e))?;
    if chart.metadata().deprecated {
        console.note("WARNING: This chart is deprecated");
    }
    chart.check_dependencies().map_err(|e| unusable(&e))?;
    let name = name.unwrap_or_else(|| {
        if args.generate_name { format!("{}-{}", chart.name(), Timestamp::now().as_second()) } else { "release-name".into() }
    });
    let namespace = match &globals.namespace {
        Some(namespace) => namespace.clone(),
        None => Cluster::namespace_of(&globals.access()).await.unwrap_or_else(|| "default".into()),
    };
    let release = if args.is_upgrade { ReleaseInfo::upgrade(name, namespace, 1) } else { ReleaseInfo::install(name, namespace) };
    let mut input = Input::new(&chart, &values, release, &capabilities, now(), Arc::new(SystemEntropy));
    input.options.skip_schema = args.skip_schema_validation;
    let options = TemplateOptions {
        include_crds: args.include_crds,
        skip_tests: args.skip_tests,
        no_hooks: args.no_hooks,
        show_only: args.show_only,
    };
    if let Some(query) = &args.explain {
        return explain_template(&input, &path, &options, &args.values.sources()?, query, console);
    }
    let failed = |e: RenderError| unrenderable(&path, &e);
    let mut log = Vec::new();
    let rendered = render_with_log(&input, &mut log);
    log.iter().for_each(|warning| console.note(warning));
    let rendered = rendered.map_err(failed)?;
    console.data(&to_template_output(&rendered, &options).map_err(failed)?)?;
    Ok(Exit::Ok)
}
