//! `pclr delete` and `pclr purge`: a version is hidden, and given up for good.

use clap::Args;

use super::args::Global;
use super::failure::Exit;
use crate::client::Wanted;

/// Hide a version: its number stays burnt, and `pclr restore` brings it back
#[derive(Debug, Args)]
pub(super) struct Delete {
    /// org/name@1.2.3
    #[arg(value_name = "NAME@VERSION")]
    wanted: Wanted,
}

impl Delete {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let (name, version) = self.wanted.exact()?;
        global.client()?.delete(&name, &version).await?;
        let told = |version: &crate::domain::Version| {
            format!("{name}@{version} is deleted; `pclr restore {name}@{version}` brings it back")
        };
        global.output().outcome(&version, told)?;
        Ok(Exit::Done)
    }
}

/// Give up a deleted version for good: its bytes are removed, its number stays burnt
#[derive(Debug, Args)]
pub(super) struct Purge {
    /// org/name@1.2.3
    #[arg(value_name = "NAME@VERSION")]
    wanted: Wanted,
}

impl Purge {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let (name, version) = self.wanted.exact()?;
        global.client()?.purge(&name, &version).await?;
        let told = |version: &crate::domain::Version| {
            format!(
                "{name}@{version} is purged, and its number stays burnt. What only it used is removed at once, or where \
                 several servers share the folder by a collection"
            )
        };
        global.output().outcome(&version, told)?;
        Ok(Exit::Done)
    }
}
