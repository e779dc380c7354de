//! `pclr history`: who did what to an artifact, and when.

use clap::Args;

use super::args::Global;
use super::failure::Exit;
use super::output::{table, when};
use crate::client::ListQuery;
use crate::domain::Name;
use crate::domain::api::{HistoryEntry, List};

/// Show every change of an artifact, latest first
#[derive(Debug, Args)]
pub(super) struct History {
    /// org/name
    name: Name,
    /// Rows a page
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// The page to show, as the page before names it
    #[arg(long, value_name = "CURSOR")]
    page: Option<String>,
}

impl History {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let query = ListQuery { limit: self.limit, cursor: self.page, ..ListQuery::default() };
        let page = global.client()?.history(&self.name, &query).await?;
        global.output().document(&page, of_entries)?;
        if let Some(next) = &page.next {
            global.output().note(format!("more: repeat with --page {next}"));
        }
        Ok(Exit::Done)
    }
}

fn of_entries(page: &List<HistoryEntry>) -> String {
    let rows = page.items.iter().map(|entry| {
        let tags = entry.tags.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let about = match (&entry.version, &entry.digest) {
            (Some(version), _) => version.to_string(),
            (None, Some(digest)) if entry.tags.is_empty() => digest.to_string(),
            _ => tags,
        };
        let replacement = entry.replacement.as_ref().map(|name| format!("use {name}"));
        let visibility = entry.visibility.map(|visibility| visibility.to_string());
        let owners = entry.owners.as_ref().map(|owners| match owners.as_slice() {
            [] => "nobody".to_owned(),
            owners => owners.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        });
        let said = [entry.reason.clone(), replacement, visibility, owners];
        let said = said.into_iter().flatten().collect::<Vec<_>>().join("; ");
        [when(entry.time), entry.actor.to_string(), entry.what.clone(), about, said]
    });
    table(["WHEN", "WHO", "WHAT", "OF", "SAID"], rows)
}
