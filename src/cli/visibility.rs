//! `pclr visibility`: who sees an artifact.

use clap::Args;

use super::args::Global;
use super::failure::Exit;
use crate::client::ClientError;
use crate::domain::{Name, Visibility};

/// Let an artifact be in lists and searches, only be served by name, or be there for members alone
///
/// A name may be private before anything is pushed to it.
#[derive(Debug, Args)]
pub(super) struct SetVisibility {
    /// org/name
    #[arg(value_name = "NAME")]
    name: Name,
    /// public, unlisted or private
    #[arg(value_name = "VISIBILITY")]
    visibility: Visibility,
}

impl SetVisibility {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let client = global.client()?;
        client.set_visibility(&self.name, self.visibility).await?;
        let name = &self.name;
        let said = match self.visibility {
            Visibility::Public => format!("{name} is public: it is in lists and searches"),
            Visibility::Unlisted => {
                format!("{name} is unlisted: it is in no list, and served to whoever knows its name")
            }
            Visibility::Private => format!(
                "{name} is private: it is there for members of {} and its owners alone; what was public stays in caches and with whoever has it",
                name.org()
            ),
        };
        match client.package(name).await {
            Ok(package) => global.output().outcome(&package, |_| said)?,
            // Nothing is published under it yet.
            Err(ClientError::NotFound { .. }) => {
                let document = serde_json::json!({ "name": name, "visibility": self.visibility });
                global.output().outcome(&document, |_| said)?;
            }
            Err(error) => return Err(error.into()),
        }
        Ok(Exit::Done)
    }
}
