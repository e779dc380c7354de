//! Searching a registry that is nothing but files: its catalogue is fetched, an index is made of it, and that is searched.
//!
//! Promises the answers of a server whose index was just made anew. What was fetched and made lies in the cache folder (`search_index.rs`),
//! so that the next search asks for one small document, and fetches what has changed.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, TryStreamExt, stream};

use super::failure::Failure;
use super::output::Output;
use super::progress::Progress;
use super::search_index::{Indexes, made_of};
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
    let indexes = cache.map(|cache| Indexes::below(&cache.catalogue(client.address())));
    let index = match indexes.as_ref().and_then(|indexes| indexes.shown(registry)) {
        Some(index) => index,
        None => current(client, registry, cache, indexes.as_ref(), output).await?,
    };
    Ok(index.search(&question)?.document(counted))
}

/// Fetches what has changed, and makes the index anew if anything has: what was replaced in it would count in its scores.
async fn current(
    client: &Client,
    registry: &RegistryDocument,
    cache: Option<&Cache>,
    indexes: Option<&Indexes>,
    output: Output,
) -> anyhow::Result<Index> {
    let progress = Progress::things(output, "fetching the catalogue");
    // Each once, however often a stranger's document names it.
    let shards: BTreeSet<Shard> = registry.shards.iter().copied().collect();
    let fetching =
        stream::iter(shards).map(|shard| async move { anyhow::Ok((shard, fetch(client, shard, cache).await?)) });
    let mut fetching = fetching.buffer_unordered(SHARDS_AT_ONCE);
    let (mut reader, mut parts) = (client.catalogue_reader(), BTreeMap::new());
    while let Some((shard, part)) = fetching.try_next().await? {
        reader.fetched(part.len())?;
        parts.insert(shard, part);
        progress.step();
    }
    let documents = || {
        let (mut reader, mut documents) = (client.catalogue_reader(), Vec::new());
        for (shard, part) in &parts {
            documents.extend(reader.read(*shard, part)?.into_iter().map(document));
        }
        anyhow::Ok(documents)
    };
    // An index that shows nothing is empty: event 0.
    let through = registry.as_of.max(1);
    let made_of = made_of(&parts);
    if let Some(indexes) = indexes {
        let index = match indexes.open(&made_of) {
            Some(index) => Some(index),
            None => indexes.make(&made_of, documents()?, through),
        };
        if let Some(index) = index {
            indexes.show(registry, made_of);
            progress.finish();
            return Ok(index);
        }
    }
    // There is no cache folder, or another pclr searches in the very same index at this moment.
    let index = Index::memory()?;
    index.apply(documents()?, Vec::new(), through)?;
    progress.finish();
    Ok(index)
}

/// A part of the catalogue as it is now.
async fn fetch(client: &Client, shard: Shard, cache: Option<&Cache>) -> anyhow::Result<Vec<u8>> {
    let kept = cache.and_then(|cache| cache.shard(client.address(), shard));
    let known = kept.as_ref().map(|kept| kept.etag.as_str()).filter(|etag| !etag.is_empty());
    let Some((etag, body)) = client.shard(shard, known).await? else {
        return Ok(kept.map(|kept| kept.body).unwrap_or_default());
    };
    let fresh = Kept { etag, body: body.to_vec() };
    if let Some(cache) = cache.filter(|_| kept.as_ref() != Some(&fresh)) {
        cache.keep_shard(client.address(), shard, &fresh)?;
    }
    Ok(fresh.body)
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
