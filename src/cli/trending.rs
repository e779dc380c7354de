//! `pclr trending`: what is downloaded and starred most these days.

use clap::Args;

use super::args::Global;
use super::failure::Exit;
use super::output::{about, table};
use crate::domain::api::{List, Trending as Row};
use crate::domain::{Kind, WINDOW_MAX};

/// List what is downloaded and starred most these days
#[derive(Debug, Args)]
pub(super) struct Trending {
    /// How many days count, the newer the more
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=i64::from(WINDOW_MAX)))]
    days: u32,
    /// Only this kind; repeat it for more
    #[arg(long)]
    kind: Vec<Kind>,
    /// How many artifacts
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
}

impl Trending {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let found = global.client()?.trending(self.days, &self.kind, self.limit).await?;
        global.output().document(&found, of_trend)?;
        Ok(Exit::Done)
    }
}

fn of_trend(found: &List<Row>) -> String {
    let rows = found.items.iter().map(|Row { package, score }| {
        let (title, description) = (package.title.as_deref(), package.description.as_deref());
        let about = about(title.unwrap_or_default(), description.unwrap_or_default());
        let (downloads, stars) = (package.downloads.to_string(), package.stars.to_string());
        [package.name.to_string(), package.kind.to_string(), format!("{score:.1}"), downloads, stars, about]
    });
    table(["NAME", "KIND", "SCORE", "DOWNLOADS", "STARS", "ABOUT"], rows)
}
