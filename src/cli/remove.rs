//! `pclr remove`: packages that a project does not ask for any more.

use clap::Args;

use super::args::Global;
use super::failure::Exit;
use super::project::{Sources, here};
use crate::client::project::{ProjectError, Update};
use crate::domain::Name;

/// Take packages out of a project
#[derive(Debug, Args)]
#[command(after_help = "What others still need stays. Files that were changed by hand stay too, and are named.")]
pub(super) struct Remove {
    /// org/name
    #[arg(value_name = "NAME", required = true)]
    names: Vec<Name>,
    #[command(flatten)]
    sources: Sources,
}

impl Remove {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let opened = self.sources.open(global, here()?).await?;
        let mut after = opened.project.clone();
        for name in &self.names {
            if !after.manifest.remove(name) {
                return Err(ProjectError::NotAsked(name.clone()).into());
            }
        }
        opened.install(after, &self.sources, Update::Nothing).await
    }
}
