//! `pclr stats`: how a registry, or one artifact, is used.

use clap::Args;

use super::args::Global;
use super::failure::{Exit, Failure};
use super::output::{pairs, table};
use crate::client::{Selector, Wanted};
use crate::domain::Day;
use crate::domain::api::{PackageStatistics, Statistics};

/// Show how the registry, or one artifact, is used
#[derive(Debug, Args)]
pub(super) struct Stats {
    /// org/name, or org/name@version for the days of one version; the whole registry if it is left out
    #[arg(value_name = "NAME")]
    wanted: Option<Wanted>,
    /// First day, such as 2026-01-31; the last thirty days if it is left out
    #[arg(long, value_name = "DAY", requires = "wanted")]
    since: Option<Day>,
}

impl Stats {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let (client, output) = (global.client()?, global.output());
        match self.wanted {
            Some(wanted) => {
                let version = match &wanted.selector {
                    Selector::Latest => None,
                    Selector::Version(version) => Some(version),
                    Selector::Range(_) | Selector::Tag(_) | Selector::Digest(_) => {
                        let hint = format!("`pclr versions {}` lists versions", wanted.name);
                        return Err(Failure::usage(format!("{wanted} names no version"), hint).into());
                    }
                };
                let found = client.package_statistics(&wanted.name, version, self.since).await?;
                output.document(&found, of_package)?;
            }
            None => output.document(&client.statistics().await?, of_registry)?,
        }
        Ok(Exit::Done)
    }
}

fn of_registry(found: &Statistics) -> String {
    let kinds: Vec<String> = found.kinds.iter().map(|kind| format!("{} {}", kind.count, kind.value)).collect();
    pairs([
        ("artifacts", found.packages.to_string()),
        ("kinds", kinds.join(", ")),
        ("organisations", found.organisations.to_string()),
        ("versions", found.versions.to_string()),
        ("downloads", found.downloads.to_string()),
        ("stars", found.stars.to_string()),
    ])
}

fn of_package(found: &PackageStatistics) -> String {
    let mut parts = vec![pairs([
        ("name", found.name.to_string()),
        ("downloads", found.downloads.to_string()),
        ("stars", found.stars.to_string()),
    ])];
    if !found.versions.is_empty() {
        let rows = found.versions.iter().map(|row| [row.version.to_string(), row.downloads.to_string()]);
        parts.push(table(["VERSION", "DOWNLOADS"], rows));
    }
    if !found.days.is_empty() {
        let rows = found.days.iter().map(|row| [row.day.to_string(), row.downloads.to_string()]);
        parts.push(table(["DAY", "DOWNLOADS"], rows));
    }
    parts.join("\n\n")
}
