//! `pclr list`: artifacts, a page at a time.

use clap::{Args, ValueEnum};

use super::args::{Filter, Global};
use super::failure::Exit;
use super::output::{about, table};
use crate::client::ListQuery;
use crate::domain::Timestamp;
use crate::domain::api::PackageList;

/// List artifacts
#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    filter: Filter,
    /// Only with any of these tags, with commas between them
    #[arg(long, value_name = "TAGS")]
    any_tag: Option<String>,
    /// Only with any of these skills, with commas between them
    #[arg(long, value_name = "SKILLS")]
    any_skill: Option<String>,
    /// Only by this author
    #[arg(long)]
    author: Option<String>,
    /// Only under this licence
    #[arg(long, visible_alias = "licence")]
    license: Option<String>,
    /// Only if the version that it shows is published, deprecated or yanked, with commas between several
    #[arg(long, value_name = "STATES")]
    state: Option<String>,
    /// Only what this user owns
    #[arg(long, value_name = "USER")]
    owner: Option<String>,
    /// Only with this value in the metadata, such as governance.risk_classification=critical; repeat it for more
    #[arg(long = "field", value_name = "PATH=VALUE")]
    fields: Vec<String>,
    /// Only what was first published at this time or later, such as 2026-01-31T00:00:00Z
    #[arg(long, value_name = "TIME")]
    created_since: Option<Timestamp>,
    /// Only what was first published before this time
    #[arg(long, value_name = "TIME")]
    created_before: Option<Timestamp>,
    /// Only what changed at this time or later
    #[arg(long, value_name = "TIME")]
    updated_since: Option<Timestamp>,
    /// Only what last changed before this time
    #[arg(long, value_name = "TIME")]
    updated_before: Option<Timestamp>,
    /// Only what was downloaded so often at least
    #[arg(long, value_name = "N")]
    min_downloads: Option<u64>,
    /// Only what has so many stars at least
    #[arg(long, value_name = "N")]
    min_stars: Option<u64>,
    /// Print how many there are instead
    #[arg(long)]
    count: bool,
    /// Order: name, updated, created, downloads or stars
    #[arg(long, value_enum, hide_possible_values = true, value_name = "ORDER")]
    sort: Option<Sort>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Sort {
    Name,
    Updated,
    Created,
    Downloads,
    Stars,
}

impl List {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let sort = self.sort.map(|sort| match sort {
            Sort::Name => "name",
            Sort::Updated => "updated",
            Sort::Created => "created",
            Sort::Downloads => "downloads",
            Sort::Stars => "stars",
        });
        let fields: Vec<String> = self.fields.iter().map(|field| field.replace(',', "\\,")).collect();
        let mut query = ListQuery {
            any_tag: self.any_tag,
            any_skill: self.any_skill,
            author: self.author,
            license: self.license,
            state: self.state,
            owner: self.owner,
            field: Some(fields.join(",")).filter(|fields| !fields.is_empty()),
            created_since: self.created_since,
            created_before: self.created_before,
            updated_since: self.updated_since,
            updated_before: self.updated_before,
            downloads_min: self.min_downloads,
            stars_min: self.min_stars,
            total: self.count,
            ..self.filter.query(sort)
        };
        if self.count {
            query.limit = Some(1);
            let page = global.client()?.packages(&query).await?;
            let total = page.total.unwrap_or_default();
            global.output().document(&serde_json::json!({ "total": total }), |_| total.to_string())?;
            return Ok(Exit::Done);
        }
        let page = global.client()?.packages(&query).await?;
        let is_counted = matches!(self.sort, Some(Sort::Downloads | Sort::Stars));
        global.output().document(&page, if is_counted { of_counts } else { of_packages })?;
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

fn of_counts(page: &PackageList) -> String {
    let rows = page.items.iter().map(|package| {
        let (downloads, stars) = (package.downloads.to_string(), package.stars.to_string());
        [package.name.to_string(), package.kind.to_string(), package.shown.to_string(), downloads, stars]
    });
    table(["NAME", "KIND", "VERSION", "DOWNLOADS", "STARS"], rows)
}
