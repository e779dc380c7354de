//! `pclr search`: artifacts by words.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::args::{Filter, Global};
use super::failure::{Exit, Failure};
use super::output::{Format, about, table};
use super::project::user_cache;
use super::search_static;
use crate::client::{Cache, ClientError, SearchQuery};
use crate::domain::api::{Count, SearchPage};

/// Find artifacts by words
#[derive(Debug, Args)]
pub(super) struct Search {
    /// What to look for
    #[arg(required = true)]
    words: Vec<String>,
    #[command(flatten)]
    filter: Filter,
    /// Order: relevance, name or newest
    #[arg(long, value_enum, hide_possible_values = true, value_name = "ORDER")]
    sort: Option<Sort>,
    /// Also count the matches by kind, tag, skill and organisation
    #[arg(long)]
    facets: bool,
    /// Folder for the catalogue of a copy without a server (also PCLR_CACHE) [default: that of the user]
    #[arg(long, env = "PCLR_CACHE", hide_env = true, value_name = "DIR")]
    cache: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Sort {
    Relevance,
    Name,
    Newest,
}

impl Search {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let sort = self.sort.map(|sort| match sort {
            Sort::Relevance => "relevance",
            Sort::Name => "name",
            Sort::Newest => "newest",
        });
        let words = self.words.join(" ");
        let query = SearchQuery { q: words.clone(), filter: self.filter.query(sort), facets: self.facets };
        let (client, output) = (global.client()?, global.output());
        let page = match client.search(&query).await {
            Err(ClientError::NeedsServer { .. }) => {
                let cache = self.cache.or_else(user_cache).map(Cache::at);
                search_static::search(&client, query, cache.as_ref(), output).await?
            }
            page => page?,
        };
        if page.hits.is_empty() && output.format == Format::Table {
            return Err(Failure::no(format!("nothing matches {words:?}"), "fewer words or filters find more").into());
        }
        output.document(&page, of_page)?;
        if let Some(next) = &page.next {
            output.note(format!("{} match; more: repeat with --page {next}", page.total));
        }
        Ok(if page.hits.is_empty() { Exit::No } else { Exit::Done })
    }
}

fn of_page(page: &SearchPage) -> String {
    let rows = page.hits.iter().map(|hit| {
        let about = about(&hit.title, &hit.description);
        [hit.name.to_string(), hit.kind.to_string(), hit.version.to_string(), about]
    });
    let mut text = table(["NAME", "KIND", "VERSION", "ABOUT"], rows);
    if let Some(facets) = &page.facets {
        let groups = [("kind", &facets.kinds), ("tag", &facets.tags), ("skill", &facets.skills), ("org", &facets.orgs)];
        let rows = groups.into_iter().filter(|(_, counts)| !counts.is_empty());
        let rows = rows.map(|(name, counts)| [name.to_owned(), counts.iter().map(one).collect::<Vec<_>>().join(", ")]);
        text = format!("{text}\n\n{}", table(["BY", "MATCHES"], rows));
    }
    text
}

fn one(count: &Count) -> String {
    format!("{} {}", count.value, count.count)
}
