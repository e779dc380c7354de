//! `pclr install`: brings the files of a project in step with what it asks for.

use clap::Args;

use super::args::Global;
use super::failure::Exit;
use super::project::{Sources, here};
use crate::client::project::Update;

/// Install what a project asks for
#[derive(Debug, Args)]
pub(super) struct Install {
    #[command(flatten)]
    sources: Sources,
}

impl Install {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let opened = self.sources.open(global, here()?).await?;
        let after = opened.project.clone();
        opened.install(after, &self.sources, Update::Nothing).await
    }
}
