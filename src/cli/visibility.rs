//! `pclr visibility`: who sees an artifact.

use clap::Args;

use super::args::Global;
use super::failure::Exit;
use crate::domain::{Name, Visibility};

/// Let an artifact be in lists and searches, or only be served by name
#[derive(Debug, Args)]
pub(super) struct SetVisibility {
    /// org/name
    #[arg(value_name = "NAME")]
    name: Name,
    /// public or unlisted
    #[arg(value_name = "VISIBILITY")]
    visibility: Visibility,
}

impl SetVisibility {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let client = global.client()?;
        client.set_visibility(&self.name, self.visibility).await?;
        let name = &self.name;
        let package = client.package(name).await?;
        global.output().outcome(&package, |_| match self.visibility {
            Visibility::Public => format!("{name} is public: it is in lists and searches"),
            Visibility::Unlisted => {
                format!("{name} is unlisted: it is in no list, and served to whoever knows its name")
            }
            Visibility::Private => format!("{name} is private"),
        })?;
        Ok(Exit::Done)
    }
}
