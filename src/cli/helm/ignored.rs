//! Flags of Helm's that scripts pass along: most mean nothing where nothing is installed, some cannot be obeyed.

use super::failed;
use crate::cli::failure::Failure;
use clap::Args;

/// Taken, so that a script for Helm runs as it is.
#[derive(Args, Debug, Clone, Default)]
#[allow(clippy::struct_excessive_bools)]
pub(in crate::cli) struct IgnoredFlags {
    #[arg(long, hide = true)]
    create_namespace: bool,
    #[arg(long, hide = true)]
    force: bool,
    #[arg(long, hide = true)]
    replace: bool,
    #[arg(long, hide = true)]
    timeout: Option<String>,
    #[arg(long, hide = true)]
    wait: bool,
    #[arg(long, hide = true)]
    wait_for_jobs: bool,
    #[arg(long, hide = true)]
    atomic: bool,
    #[arg(long, hide = true)]
    description: Option<String>,
    #[arg(long, hide = true)]
    devel: bool,
    #[arg(long, hide = true)]
    disable_openapi_validation: bool,
    #[arg(short = 'l', long, hide = true)]
    labels: Vec<String>,
    #[arg(long, hide = true)]
    hide_notes: bool,
    #[arg(long, hide = true)]
    take_ownership: bool,
    #[arg(long, hide = true)]
    username: Option<String>,
    #[arg(long, hide = true)]
    password: Option<String>,
    #[arg(long, hide = true)]
    cert_file: Option<String>,
    #[arg(long, hide = true)]
    key_file: Option<String>,
    #[arg(long, hide = true)]
    ca_file: Option<String>,
    #[arg(long, hide = true)]
    keyring: Option<String>,
    #[arg(long, hide = true)]
    insecure_skip_tls_verify: bool,
    #[arg(long, hide = true)]
    plain_http: bool,
    #[arg(long, hide = true)]
    pass_credentials: bool,
    #[arg(long, hide = true)]
    registry_config: Option<String>,
    #[arg(long, hide = true)]
    repository_cache: Option<String>,
    #[arg(long, hide = true)]
    repository_config: Option<String>,
    #[arg(long, hide = true)]
    burst_limit: Option<String>,
    #[arg(long, hide = true)]
    qps: Option<String>,
    /// Refused: no program is run
    #[arg(long, value_name = "PROGRAM", hide = true)]
    post_renderer: Option<String>,
    #[arg(long, value_name = "ARGUMENT", hide = true)]
    post_renderer_args: Vec<String>,
    /// Refused: no signature of a package is checked
    #[arg(long, hide = true)]
    verify: bool,
    /// Refused: templates ask no name server
    #[arg(long, hide = true)]
    enable_dns: bool,
}

impl IgnoredFlags {
    /// Refuses what would change the output and cannot be done.
    pub(in crate::cli) fn refuse(&self) -> Result<(), Failure> {
        let program = self.post_renderer.as_deref().filter(|program| !program.is_empty());
        if let Some(program) = program {
            return Err(failed(format!(
                "--post-renderer is refused: no other program is run here; leave the flag out and write the output through it: helmward template … | {program}"
            )));
        }
        if self.verify {
            return Err(failed("--verify is refused: signatures of packages are not checked here; run `helm verify` on the package first"));
        }
        if self.enable_dns {
            return Err(failed(
                "--enable-dns is refused: templates ask no name server here; leave the flag out, and getHostByName gives an empty text",
            ));
        }
        Ok(())
    }
}
