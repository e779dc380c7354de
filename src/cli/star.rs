//! `pclr star`, `pclr unstar` and `pclr stars`: what a user likes.

use clap::Args;

use super::args::Global;
use super::failure::Exit;
use super::output::{table, when};
use crate::domain::Name;

/// Give an artifact a star, or take it away
#[derive(Debug, Args)]
pub(super) struct Star {
    /// org/name
    #[arg(value_name = "NAME")]
    name: Name,
}

/// List the artifacts that you have given a star
#[derive(Debug, Args)]
pub(super) struct Stars {}

impl Star {
    pub(super) async fn give(self, global: &Global) -> anyhow::Result<Exit> {
        let client = global.client()?;
        client.star(&self.name).await?;
        let package = client.package(&self.name).await?;
        global.output().outcome(&package, |package| format!("{} has {}", self.name, stars(package.stars)))?;
        Ok(Exit::Done)
    }

    pub(super) async fn take(self, global: &Global) -> anyhow::Result<Exit> {
        global.client()?.unstar(&self.name).await?;
        global.output().outcome(&self.name, |name| format!("{name} has no star of yours"))?;
        Ok(Exit::Done)
    }
}

impl Stars {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let stars = global.client()?.stars().await?;
        global.output().document(&stars, |stars| {
            let rows = stars.iter().map(|star| [star.name.to_string(), when(star.starred)]);
            table(["NAME", "SINCE"], rows)
        })?;
        Ok(Exit::Done)
    }
}

/// `1 star`, `2 stars`.
fn stars(number: u64) -> String {
    format!("{number} star{}", if number == 1 { "" } else { "s" })
}
