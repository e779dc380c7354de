//! `pclr list`: artifacts, a page at a time.

use clap::{Args, ValueEnum};

use super::args::{Filter, Global};
use super::failure::Exit;
use super::output::{about, table};
use crate::domain::api::PackageList;

/// List artifacts
#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    filter: Filter,
    /// Order: name or updated
    #[arg(long, value_enum, hide_possible_values = true, value_name = "ORDER")]
    sort: Option<Sort>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Sort {
    Name,
    Updated,
}

impl List {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let sort = self.sort.map(|sort| match sort {
            Sort::Name => "name",
            Sort::Updated => "updated",
        });
        let page = global.client()?.packages(&self.filter.query(sort)).await?;
        global.output().document(&page, of_packages)?;
        if let Some(next) = &page.next {
            global.output().note(format!("more: repeat with --page {next}"));
        }
        Ok(Exit::Done)
    }
}

fn of_packages(page: &PackageList) -> String {
    let rows = page.items.iter().map(|package| {
        let (title, description) = (package.title.as_deref(), package.description.as_deref());
        let about = about(title.unwrap_or_default(), description.unwrap_or_default());
        [package.name.to_string(), package.kind.to_string(), package.shown.to_string(), about]
    });
    table(["NAME", "KIND", "VERSION", "ABOUT"], rows)
}
