//! `pclr rollback`: `latest` names an older version until it is taken back.

use clap::Args;

use super::args::Global;
use super::failure::{Exit, Failure};
use crate::client::{Selector, Wanted};

/// Pin `latest` to a version, or let it be the highest again
#[derive(Debug, Args)]
pub(super) struct Rollback {
    /// org/name@1.2.3; org/name with --undo
    #[arg(value_name = "NAME[@VERSION]")]
    wanted: Wanted,
    /// Let `latest` be the highest version again
    #[arg(long)]
    undo: bool,
}

impl Rollback {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let (client, name) = (global.client()?, &self.wanted.name);
        match (&self.wanted.selector, self.undo) {
            (Selector::Version(version), false) => client.pin(name, version).await?,
            (Selector::Latest, true) => client.unpin(name).await?,
            (_, false) => {
                let hint = format!("write {name}@1.2.3; `pclr versions {name}` lists what there is");
                return Err(Failure::usage(format!("{} names no version to go back to", self.wanted), hint).into());
            }
            (_, true) => {
                let hint = format!("write `pclr rollback --undo {name}`");
                return Err(Failure::usage("there is one pin for the whole artifact".to_owned(), hint).into());
            }
        }
        let package = client.package(name).await?;
        global.output().outcome(&package, |package| {
            let latest = package.latest.as_ref().map_or_else(|| "no version".to_owned(), ToString::to_string);
            let why = if package.pinned.is_some() { "pinned" } else { "the highest" };
            format!("latest of {name} is {latest}, {why}")
        })?;
        Ok(Exit::Done)
    }
}
