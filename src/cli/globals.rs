//! Options that every command takes, and what the environment says. The one place that reads the environment, by clap.

use super::output::{Console, Paint};
use crate::cluster::Access;
use clap::{Args, ValueEnum};
use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

/// A token at this place means that the process runs in a pod.
const POD_TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Global options")]
pub(super) struct Globals {
    /// Kubeconfig file [default: $KUBECONFIG, else ~/.kube/config, else the pod's service account]
    #[arg(long, global = true, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    #[arg(long = "kubeconfig-of-the-environment", env = "KUBECONFIG", hide = true)]
    environment: Option<OsString>,
    /// Context of the kubeconfig [default: its current one]
    #[arg(long, global = true)]
    context: Option<String>,
    /// Namespace [default: that of the context; for run, install, uninstall and check: flux-system]
    #[arg(short, long, global = true)]
    pub(super) namespace: Option<String>,
    /// Act as this user, as kubectl --as does
    #[arg(long = "as", global = true, value_name = "USER")]
    act_as: Option<String>,
    /// Say nothing but errors: no progress, no hints
    #[arg(short, long, global = true)]
    quiet: bool,
    /// When to use colours; NO_COLOR and CLICOLOR_FORCE are obeyed
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: Color,
    #[arg(long = "no-color-of-the-environment", env = "NO_COLOR", hide = true)]
    no_color: Option<OsString>,
    #[arg(long = "force-color-of-the-environment", env = "CLICOLOR_FORCE", hide = true)]
    force_color: Option<OsString>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Color {
    /// On a terminal
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// Where the daemon keeps its Lease, unless told otherwise.
pub(super) const HOME: &str = "flux-system";

impl Globals {
    /// How a person gets to the cluster: as kubectl does.
    pub(super) fn access(&self) -> Access {
        self.with(|| home_file().filter(|path| path.exists()))
    }

    /// How the daemon gets to the cluster: in a pod, by its service account rather than by a file that lies about.
    pub(super) fn daemon_access(&self) -> Access {
        self.with(|| if Path::new(POD_TOKEN).exists() { None } else { home_file().filter(|path| path.exists()) })
    }

    fn with(&self, default: impl Fn() -> Option<PathBuf>) -> Access {
        let files = match (&self.kubeconfig, &self.environment) {
            (Some(file), _) => vec![file.clone()],
            (None, Some(list)) if !list.is_empty() => std::env::split_paths(list).filter(|path| !path.as_os_str().is_empty()).collect(),
            _ => default().into_iter().collect(),
        };
        Access { files, context: self.context.clone(), act_as: self.act_as.clone() }
    }

    /// As these, in another context where one is named.
    pub(super) fn in_context(&self, context: Option<String>) -> Self {
        Self { context: context.or_else(|| self.context.clone()), ..self.clone() }
    }

    /// The namespace of the daemon.
    pub(super) fn home(&self) -> &str {
        self.namespace.as_deref().unwrap_or(HOME)
    }

    pub(super) fn console(&self) -> Console {
        let says = |value: &Option<OsString>| value.as_ref().is_some_and(|v| !v.is_empty() && v != "0");
        let paint = |terminal: bool| {
            Paint(match self.color {
                Color::Always => true,
                Color::Never => false,
                Color::Auto if self.no_color.as_ref().is_some_and(|v| !v.is_empty()) => false,
                Color::Auto => says(&self.force_color) || terminal,
            })
        };
        Console { out: paint(std::io::stdout().is_terminal()), err: paint(std::io::stderr().is_terminal()), quiet: self.quiet }
    }
}

fn home_file() -> Option<PathBuf> {
    std::env::home_dir().map(|home| home.join(".kube/config"))
}
