//! `pclr completions`: what a shell needs to complete commands and flags.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::args::Cli;
use super::failure::Exit;
use super::output::raw;

/// Print the completions of a shell
#[derive(Debug, Args)]
#[command(after_help = "For bash: pclr completions bash > ~/.local/share/bash-completion/completions/pclr")]
pub(super) struct Completions {
    /// Which shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self) -> anyhow::Result<Exit> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "pclr", &mut script);
        raw(&script)?;
        Ok(Exit::Done)
    }
}
