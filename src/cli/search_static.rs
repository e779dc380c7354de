//! Searching a registry that is nothing but files: its catalogue is fetched, an index is made of it, and that is searched.
//!
//! Promises the answers of a server whose index was just made anew. What was fetched and made lies in the cache folder, so that the next
//! search asks for one small document, and fetches what has changed.

use std::collections::BTreeSet;
use std::path::Path;

use futures::{StreamExt, TryStreamExt, stream};

use super::failure::Failure;
use super::output::Output;
use super::progress::Progress;
use crate::client::{Cache, Client, Kept, SHARDS_AT_ONCE, SearchQuery};
use crate::domain::api::{SearchPage, values};
use crate::domain::public::{CatalogueLine, RegistryDocument, Shard};
use crate::domain::{Area, Visibility};
use crate::search::{Document, Index, LIMIT_MAX, Query, SearchError, Sort};

/// Hits on a page if nothing is said, as at a server.
const LIMIT: usize = 20;

/// Answers out of the catalogue. Without a cache folder it is fetched and indexed each time.
pub(super) async fn search(
    client: &Client,
    query: SearchQuery,
    cache: Option<&Cache>,
    output: Output,
) -> anyhow::Result<SearchPage> {
    let counted = query.facets;
    let question = question(query)?;
    let Some(registry) = client.files().await? else {
        return Err(client_without_files(client).into());
    };
    let folder = cache.map(|cache| cache.catalogue(client.address()));
    let index = match folder.as_deref().map(|folder| Index::open(&folder.join("index"))) {
        Some(Ok((index, _))) => index,
        // Another pclr searches in it, or makes it, at this moment.
        Some(Err(SearchError::Busy(_))) | None => Index::memory()?,
        Some(Err(error)) => return Err(error.into()),
    };
    if index.is_empty() || folder.as_deref().and_then(shown).as_ref() != Some(registry) {
        fill(client, registry, cache, &index, output).await?;
        if let Some(folder) = &folder {
            // Not kept, it is only fetched again.
            let _ = serde_json::to_vec(registry).map(|bytes| std::fs::write(folder.join("shown.json"), bytes));
        }
    }
    Ok(index.search(&question)?.document(counted))
}

/// What the index in this folder was made of.
fn shown(folder: &Path) -> Option<RegistryDocument> {
    serde_json::from_slice(&std::fs::read(folder.join("shown.json")).ok()?).ok()
}

/// Fetches what has changed, and makes the index anew if anything has: what was replaced in it would count in its scores.
async fn fill(
    client: &Client,
    registry: &RegistryDocument,
    cache: Option<&Cache>,
    index: &Index,
    output: Output,
) -> anyhow::Result<()> {
    let progress = Progress::things(output, "fetching the catalogue");
    // Each once, however often a stranger's document names it.
    let shards: BTreeSet<Shard> = registry.shards.iter().copied().collect();
    let fetching = stream::iter(shards).map(|shard| {
        let progress = &progress;
        async move {
            let fetched = fetch(client, shard, cache).await?;
            progress.step();
            anyhow::Ok((shard, fetched))
        }
    });
    let mut fetched: Vec<(Shard, (Vec<u8>, bool))> = fetching.buffer_unordered(SHARDS_AT_ONCE).try_collect().await?;
    let has_changed = fetched.iter().any(|(_, (_, has_changed))| *has_changed);
    if !has_changed && !index.is_empty() {
        return Ok(());
    }
    fetched.sort_by_key(|(shard, _)| *shard);
    let mut documents = Vec::new();
    for (shard, (compressed, _)) in fetched {
        documents.extend(client.read_shard(shard, &compressed)?.into_iter().map(document));
    }
    index.clear()?;
    // An index that shows nothing is empty: event 0.
    index.apply(documents, Vec::new(), registry.as_of.max(1))?;
    progress.finish();
    Ok(())
}

/// A part of the catalogue, and whether it is another than the one that was kept.
async fn fetch(client: &Client, shard: Shard, cache: Option<&Cache>) -> anyhow::Result<(Vec<u8>, bool)> {
    let kept = cache.and_then(|cache| cache.shard(client.address(), shard));
    let known = kept.as_ref().map(|kept| kept.etag.as_str()).filter(|etag| !etag.is_empty());
    match (client.shard(shard, known).await?, kept) {
        (None, kept) => Ok((kept.map(|kept| kept.body).unwrap_or_default(), false)),
        (Some((_, body)), Some(kept)) if kept.body == body => Ok((kept.body, false)),
        (Some((etag, body)), _) => {
            let fresh = Kept { etag, body: body.to_vec() };
            if let Some(cache) = cache {
                cache.keep_shard(client.address(), shard, &fresh)?;
            }
            Ok((fresh.body, true))
        }
    }
}

fn document(line: CatalogueLine) -> Document {
    Document {
        name: line.name,
        kind: line.kind,
        version: line.version,
        title: line.title,
        description: line.description,
        tags: line.tags,
        skills: line.skills,
        text: line.text,
        area: Area::Public,
        updated: line.updated,
        authors: line.authors,
        license: line.license,
        needs: line.needs,
    }
}

/// What a server would make of the same parameters.
fn question(query: SearchQuery) -> Result<Query, Failure> {
    let SearchQuery { q, filter, facets } = query;
    if filter.visibility.is_some_and(|visibility| visibility != Visibility::Public) {
        return Err(Failure::no("a copy holds public artifacts only", "leave out --visibility"));
    }
    let several = |text: Option<String>| text.map(|text| values(&text)).unwrap_or_default();
    let limit = filter.limit.map_or(LIMIT, |limit| limit as usize);
    if limit > LIMIT_MAX {
        return Err(Failure::usage(format!("--limit {limit} is not possible"), format!("at most {LIMIT_MAX}")));
    }
    let cursor = filter.cursor.filter(|cursor| !cursor.is_empty()).map(|cursor| cursor.parse()).transpose();
    Ok(Query {
        text: q,
        kinds: filter.kind,
        tags: several(filter.tag),
        skills: several(filter.skill),
        orgs: several(filter.org),
        sort: match filter.sort.as_deref() {
            Some("name") => Sort::Name,
            Some("newest") => Sort::Newest,
            _ => Sort::Relevance,
        },
        limit,
        cursor: cursor.map_err(|error: SearchError| Failure::usage(error.to_string(), "leave out --page"))?,
        facets,
        ..Query::default()
    })
}

fn client_without_files(client: &Client) -> Failure {
    Failure::no(format!("{} has no registry.json any more", client.address()), "was the copy moved or replaced?")
}
