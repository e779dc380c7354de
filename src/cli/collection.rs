//! `pclr collection`: ordered bundles of artifacts.

use std::io::Read as _;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::args::Global;
use super::failure::{Exit, Failure};
use super::output::{about, pairs, short, table, when};
use crate::client::{ClientError, Selector, Wanted};
use crate::domain::api::{CollectionDocument, CollectionEntry, List};
use crate::domain::{COLLECTION_MAX, Collection, CollectionItem, Name, OrgName, Visibility};

/// List, show, make and remove collections: ordered bundles of artifacts
#[derive(Debug, Args)]
pub(super) struct Collections {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List collections
    List {
        /// Only of this organisation
        #[arg(long)]
        org: Option<OrgName>,
        /// Only those that this artifact is in
        #[arg(long, value_name = "NAME")]
        with: Option<Name>,
        /// Those that are in no list too: for who may publish in the organisation
        #[arg(long, requires = "org")]
        unlisted: bool,
        /// Rows a page
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        limit: Option<u32>,
        /// The page to show, as the page before names it
        #[arg(long, value_name = "CURSOR")]
        page: Option<String>,
    },
    /// Show a collection
    Show {
        /// org/name
        #[arg(value_name = "COLLECTION")]
        name: Name,
    },
    /// Make a collection, or change it: what is not said stays as it is
    Put(Put),
    /// Remove a collection; the artifacts in it stay
    Delete {
        /// org/name
        #[arg(value_name = "COLLECTION")]
        name: Name,
    },
}

#[derive(Debug, Args)]
struct Put {
    /// org/name
    #[arg(value_name = "COLLECTION")]
    name: Name,
    /// All artifacts in it, in their order, each as org/name or org/name@RANGE
    #[arg(value_name = "NAME[@RANGE]", conflicts_with = "file")]
    items: Vec<Wanted>,
    /// The name as people write it
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// public or unlisted
    #[arg(long)]
    visibility: Option<Visibility>,
    /// Read all that it says from a JSON document; - for standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["title", "description", "visibility"])]
    file: Option<PathBuf>,
}

impl Collections {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let (client, output) = (global.client()?, global.output());
        match self.verb {
            Verb::List { org, with, unlisted, limit, page } => {
                let query = [
                    ("org", org.map(|org| org.to_string())),
                    ("with", with.map(|name| name.to_string())),
                    ("visibility", unlisted.then(|| "public,unlisted".to_owned())),
                    ("limit", limit.map(|limit| limit.to_string())),
                    ("cursor", page),
                ];
                let query: Vec<_> = query.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
                let page = client.collections(&query).await?;
                output.document(&page, of_entries)?;
                if let Some(next) = &page.next {
                    output.note(format!("more: repeat with --page {next}"));
                }
            }
            Verb::Show { name } => output.document(&client.collection(&name).await?.0, of_collection)?,
            Verb::Put(put) => {
                let known = match client.collection(&put.name).await {
                    Ok(known) => Some(known),
                    Err(ClientError::NotFound { .. }) => None,
                    Err(error) => return Err(error.into()),
                };
                let (before, seen) = known.map(|(document, tag)| (document.content, tag)).unzip();
                let name = put.name.clone();
                let content = put.content(before.unwrap_or_default())?;
                client.put_collection(&name, &content, seen.as_deref()).await?;
                let number = content.items.len();
                output.outcome(&content, |_| format!("{name} is a collection of {number}"))?;
            }
            Verb::Delete { name } => {
                client.delete_collection(&name).await?;
                output.outcome(&name, |name| format!("the collection {name} is gone"))?;
            }
        }
        Ok(Exit::Done)
    }
}

impl Put {
    fn content(self, before: Collection) -> anyhow::Result<Collection> {
        if let Some(file) = self.file {
            let mut bytes = Vec::new();
            let read = match file.as_os_str() == "-" {
                true => std::io::stdin().take(COLLECTION_MAX + 1).read_to_end(&mut bytes),
                false => {
                    std::fs::File::open(&file).and_then(|file| file.take(COLLECTION_MAX + 1).read_to_end(&mut bytes))
                }
            };
            let (file, hint) = (file.display(), "`pclr collection show NAME --output json` prints one");
            read.map_err(|error| Failure::usage(format!("{file} cannot be read: {error}"), hint))?;
            let content = serde_json::from_slice(&bytes);
            return Ok(content.map_err(|error| Failure::usage(format!("{file} is no collection: {error}"), hint))?);
        }
        let items = self.items.iter().map(item).collect::<Result<Vec<_>, _>>()?;
        Ok(Collection {
            title: self.title.or(before.title),
            description: self.description.or(before.description),
            visibility: self.visibility.unwrap_or(before.visibility),
            items: if items.is_empty() { before.items } else { items },
        })
    }
}

fn item(wanted: &Wanted) -> anyhow::Result<CollectionItem> {
    let range = match &wanted.selector {
        Selector::Latest => None,
        Selector::Range(range) => Some(range.clone()),
        Selector::Version(version) => Some(version.number().parse()?),
        Selector::Tag(_) | Selector::Digest(_) => {
            let hint = format!("write {0}@^1.2, or {0} for any version", wanted.name);
            return Err(Failure::usage(format!("{wanted} names no range of versions"), hint).into());
        }
    };
    Ok(CollectionItem { name: wanted.name.clone(), range, note: None })
}

fn of_entries(page: &List<CollectionEntry>) -> String {
    let rows = page.items.iter().map(|entry| {
        let (title, description) = (entry.title.as_deref(), entry.description.as_deref());
        let about = about(title.unwrap_or_default(), description.unwrap_or_default());
        [entry.name.to_string(), entry.items.to_string(), about]
    });
    table(["NAME", "ITEMS", "ABOUT"], rows)
}

fn of_collection(document: &CollectionDocument) -> String {
    let Collection { title, description, visibility, items } = &document.content;
    let head = pairs([
        ("name", document.name.to_string()),
        ("title", title.clone().unwrap_or_default()),
        ("description", description.clone().unwrap_or_default()),
        ("visibility", visibility.to_string()),
        ("changed", when(document.updated)),
    ]);
    let rows = items.iter().map(|item| {
        let range = item.range.as_ref().map(ToString::to_string).unwrap_or_default();
        [item.name.to_string(), range, short(item.note.as_deref().unwrap_or_default())]
    });
    format!("{head}\n\n{}", table(["ARTIFACT", "RANGE", "NOTE"], rows))
}
