//! `pclr deprecate`: versions that people had better leave. They stay where they are.

use clap::Args;

use super::args::Global;
use super::failure::{Exit, Failure};
use super::output::aside;
use crate::client::{Client, Selector, Wanted};
use crate::domain::api::DeprecateRequest;
use crate::domain::{Name, Version};

/// Say that a version should be left, why, and for what
#[derive(Debug, Args)]
pub(super) struct Deprecate {
    /// org/name for all versions, org/name@1.2.3 for one, org/name@^1.2 for those in a range
    #[arg(value_name = "NAME[@RANGE]")]
    wanted: Wanted,
    /// Why, for people who meet it
    #[arg(long, value_name = "TEXT", conflicts_with = "undo")]
    reason: Option<String>,
    /// What to use instead
    #[arg(long, value_name = "NAME", conflicts_with = "undo")]
    replacement: Option<Name>,
    /// Take it back
    #[arg(long)]
    undo: bool,
}

impl Deprecate {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let (client, name) = (global.client()?, &self.wanted.name);
        let versions = versions(&client, &self.wanted).await?;
        let request = DeprecateRequest { reason: self.reason, replacement: self.replacement };
        for version in &versions {
            if self.undo {
                client.undo_deprecate(name, version).await?;
            } else {
                client.deprecate(name, version, &request).await?;
            }
        }
        if request.replacement.as_ref() == Some(name) {
            aside("warning", &format!("{name} is deprecated in favour of itself"));
        }
        global.output().outcome(&versions, |versions| {
            let state = if self.undo { "not deprecated" } else { "deprecated: ranges choose it, with a warning" };
            let lines = versions.iter().map(|version| format!("{name}@{version} is {state}"));
            lines.collect::<Vec<_>>().join("\n")
        })?;
        Ok(Exit::Done)
    }
}

/// The versions that are meant.
async fn versions(client: &Client, wanted: &Wanted) -> anyhow::Result<Vec<Version>> {
    let range = match &wanted.selector {
        Selector::Version(version) => return Ok(vec![version.clone()]),
        Selector::Latest => None,
        Selector::Range(range) => Some(range),
        Selector::Tag(_) | Selector::Digest(_) => {
            let hint = format!("name a version or a range; `pclr versions {}` lists them", wanted.name);
            return Err(Failure::usage(format!("{wanted} names no version"), hint).into());
        }
    };
    let releases = client.releases(&wanted.name).await?;
    let meant = releases.into_iter().filter(|release| range.is_none_or(|range| range.contains(&release.version)));
    let versions: Vec<Version> = meant.map(|release| release.version).collect();
    if versions.is_empty() {
        let hint = format!("`pclr versions {}` lists what there is", wanted.name);
        return Err(Failure::usage(format!("no version is in {wanted}"), hint).into());
    }
    Ok(versions)
}
