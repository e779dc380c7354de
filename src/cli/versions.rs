//! `pclr versions`: what was published under a name.

use clap::Args;

use super::args::Global;
use super::failure::Exit;
use super::output::{table, when};
use crate::domain::Name;
use crate::domain::api::{List, ReleaseList};

/// List the versions of an artifact
#[derive(Debug, Args)]
pub(super) struct Versions {
    /// org/name
    name: Name,
    /// Only those that are published, deprecated, yanked or deleted, with commas between several
    #[arg(long, value_name = "STATES")]
    state: Option<String>,
}

impl Versions {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let releases = List::new(global.client()?.releases_in(&self.name, self.state.as_deref()).await?, None);
        global.output().document(&releases, of_releases)?;
        Ok(Exit::Done)
    }
}

fn of_releases(releases: &ReleaseList) -> String {
    let rows = releases.items.iter().map(|release| {
        let state = match (release.deleted, release.yanked, release.deprecated) {
            (true, ..) => "deleted",
            (_, true, _) => "yanked",
            (_, _, true) => "deprecated",
            _ => "",
        };
        let published = when(release.published);
        [release.version.to_string(), published, release.digest.to_string(), state.to_owned()]
    });
    table(["VERSION", "PUBLISHED", "DIGEST", "STATE"], rows)
}
