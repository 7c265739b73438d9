//! `helmward completion`: words for a shell to complete.

use super::failure::{Exit, Failure};
use super::output::Console;
use clap::{Args, Command};
use clap_complete::{Shell, generate};

pub(super) const HOW: &str = "\
How to use it:
  bash        source <(helmward completion bash)
  zsh         helmward completion zsh > \"${fpath[1]}/_helmward\"
  fish        helmward completion fish | source
  powershell  helmward completion powershell | Out-String | Invoke-Expression";

#[derive(Args)]
pub(super) struct CompletionArgs {
    /// For which shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn completion(args: &CompletionArgs, mut command: Command, console: &Console) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    generate(args.shell, &mut command, "helmward", &mut script);
    console.data(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Ok)
}
