//! `pclr install`: brings the files of a project in step with what it asks for.

use clap::Args;

use super::args::Global;
use super::failure::Exit;
use super::project::{Sources, here};
use crate::client::project::{Mode, Update};

/// Install what a project asks for
#[derive(Debug, Args)]
pub(super) struct Install {
    /// Do nothing if pclr.lock would change
    #[arg(long)]
    locked: bool,
    /// The same as --locked and --offline
    #[arg(long)]
    frozen: bool,
    #[command(flatten)]
    sources: Sources,
}

impl Install {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let sources = self.sources.offline_if(self.frozen);
        let opened = sources.open(global, here()?).await?;
        let mode = if self.locked || self.frozen { Mode::Locked } else { Mode::Free };
        let after = opened.project.clone();
        opened.install(after, &sources, Update::Nothing, mode).await
    }
}
