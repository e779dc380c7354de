//! `pclr update`: newer versions, within the ranges of a project.

use clap::Args;

use super::args::Global;
use super::failure::Exit;
use super::project::{Sources, here};
use crate::client::project::{self, ProjectError};
use crate::domain::Name;

/// Move a project to newer versions, within its ranges
#[derive(Debug, Args)]
pub(super) struct Update {
    /// Packages that may move; all if none is named
    #[arg(value_name = "NAME")]
    names: Vec<Name>,
    #[command(flatten)]
    sources: Sources,
}

impl Update {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let opened = self.sources.open(global, here()?).await?;
        let locked = opened.project.lock.as_ref();
        let absent = self.names.iter().find(|name| locked.is_none_or(|lock| !lock.packages.contains_key(*name)));
        if let Some(name) = absent {
            return Err(ProjectError::NotUsed(name.clone()).into());
        }
        let update = match self.names.is_empty() {
            true => project::Update::All,
            false => project::Update::Only(self.names.into_iter().collect()),
        };
        let after = opened.project.clone();
        opened.install(after, &self.sources, update).await
    }
}
