//! Manifests, tags, referrers.

use std::collections::HashMap;

use async_trait::async_trait;
use mongodb::bson::{Document, doc};
use mongodb::options::Hint;
use uuid::Uuid;

use crate::domain::{Digest, Name, Repository, Tag, Version};

use super::super::{ManifestRow, MetaError, Refs};
use super::Mongo;
use super::connection::BATCH;
use super::keys::{pair, pairs_after, parse, parts, second};
use super::rows::{self, Row, json, signed, unsigned};

#[async_trait]
impl Refs for Mongo {
    async fn manifest(&self, repository: &Repository, digest: &Digest) -> Result<Option<ManifestRow>, MetaError> {
        let manifests = self.connection.durable::<rows::Manifest>();
        let key = doc! { "_id": pair(repository, digest), "hidden": false };
        let found = self.connection.run(manifests.find_one(key)).await?;
        found.map(|row| manifest(&row)).transpose()
    }

    async fn tag(&self, repository: &Repository, tag: &Tag) -> Result<Option<Digest>, MetaError> {
        let tags = self.connection.durable::<rows::Tag>();
        let found = self.connection.run(tags.find_one(doc! { "_id": pair(repository, tag) })).await?;
        found.map(|row| second(&row.manifest)).transpose()
    }

    async fn tags(
        &self,
        repository: &Repository,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Option<Vec<Tag>>, MetaError> {
        // A repository that was pushed to is never forgotten: it need not be read together with its tags. Both are read whatever the
        // first says, so that the time tells nothing of who has tags that the caller does not see.
        let repositories = self.connection.durable::<rows::Repository>();
        let known = self.connection.run(repositories.find_one(doc! { "_id": repository.as_str() }));
        let found = self.keys::<rows::Tag>(between(repository, after.unwrap_or_default()), limit);
        let (known, found) = futures::try_join!(known, found)?;
        if known.is_none_or(|row| row.unpushed) {
            return Ok(None);
        }
        found.iter().map(|key| second(key)).collect::<Result<_, _>>().map(Some)
    }

    async fn repositories(&self, after: Option<&str>, limit: usize) -> Result<Vec<Repository>, MetaError> {
        let page =
            doc! { "_id": { "$gt": after.unwrap_or_default() }, "live": { "$gt": 0i64 }, "unlisted": { "$ne": true } };
        let found: Vec<rows::Repository> = self.page(page, doc! { "_id": 1 }, limit).await?;
        found.iter().map(|row| parse(&row.id)).collect()
    }

    async fn manifests(
        &self,
        repository: &Repository,
        after: Option<&Digest>,
        limit: usize,
    ) -> Result<Vec<(ManifestRow, Vec<Digest>)>, MetaError> {
        let after = after.map(ToString::to_string).unwrap_or_default();
        let page = doc! { "_id": between(repository, &after), "hidden": false };
        let found: Vec<rows::Manifest> = self.page(page, doc! { "_id": 1 }, limit).await?;
        let with_blobs = found.iter().map(|row| {
            let blobs = row.blobs.iter().map(|blob| second(blob)).collect::<Result<_, _>>()?;
            Ok((manifest(row)?, blobs))
        });
        with_blobs.collect()
    }

    async fn referrers(&self, repository: &Repository, subject: &Digest) -> Result<Vec<ManifestRow>, MetaError> {
        let of_subject = doc! { "subject": pair(repository, subject), "hidden": false };
        let found: Vec<rows::Manifest> = self.page(of_subject, doc! { "n": 1 }, usize::MAX).await?;
        found.iter().map(manifest).collect()
    }

    async fn identified(&self, id: Uuid) -> Result<Option<(Name, Version)>, MetaError> {
        let found: Vec<rows::Release> = self.page(doc! { "event_id": id.to_string() }, doc! { "event": 1 }, 1).await?;
        found.first().map(|row| Ok((parse(&row.name)?, parse(&row.version)?))).transpose()
    }

    async fn published_as(&self, manifests: &[(Name, Digest)]) -> Result<Vec<Option<Version>>, MetaError> {
        let keys: Vec<String> = manifests.iter().map(|(name, digest)| pair(name, digest)).collect();
        let of_manifests = doc! { "manifest": { "$in": &keys } };
        let found: Vec<rows::Release> = self.page(of_manifests, doc! { "event": 1 }, usize::MAX).await?;
        // A later one takes the place of an earlier one.
        let versions: HashMap<&str, &str> =
            found.iter().map(|row| (row.manifest.as_str(), row.version.as_str())).collect();
        keys.iter().map(|key| versions.get(key.as_str()).map(|version| parse(version)).transpose()).collect()
    }
}

impl Mongo {
    /// The first documents of a list.
    pub(super) async fn page<R: Row>(
        &self,
        filter: Document,
        sort: Document,
        limit: usize,
    ) -> Result<Vec<R>, MetaError> {
        self.page_along(None, filter, sort, limit).await
    }

    /// The same along an index; `None`: along that which MongoDB chooses.
    pub(super) async fn page_along<R: Row>(
        &self,
        index: Option<&'static str>,
        filter: Document,
        sort: Document,
        limit: usize,
    ) -> Result<Vec<R>, MetaError> {
        if limit == 0 {
            // To MongoDB this is no limit.
            return Ok(Vec::new());
        }
        let collection = self.connection.durable::<R>();
        let query = collection.find(filter).sort(sort).limit(signed(limit as u64)).batch_size(BATCH);
        let query = match index {
            Some(index) => query.hint(Hint::Name(index.to_owned())),
            None => query,
        };
        self.connection.all(query).await
    }

    /// The first keys of a range. The index on them tells them by itself: their documents, which lie far apart, are not
    /// read.
    async fn keys<R: Row>(&self, range: Document, limit: usize) -> Result<Vec<String>, MetaError> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let keys = self.connection.durable::<R>().clone_with_type::<Document>();
        let keys = keys.find(doc! { "_id": range }).projection(doc! { "_id": 1 }).sort(doc! { "_id": 1 });
        let found = self.connection.all(keys.limit(signed(limit as u64)).batch_size(BATCH)).await?;
        let key = |row: &Document| row.get_str("_id").map(ToOwned::to_owned);
        found.iter().map(|row| key(row).map_err(|error| MetaError::Corrupt(error.to_string()))).collect()
    }
}

/// The keys of a repository after a text.
fn between(repository: &Repository, after: &str) -> Document {
    let keys = pairs_after(repository, after);
    doc! { "$gt": keys.start, "$lt": keys.end }
}

fn manifest(row: &rows::Manifest) -> Result<ManifestRow, MetaError> {
    let (area, digest) = parts(&row.blob)?;
    Ok(ManifestRow {
        digest,
        area,
        media_type: row.media_type.clone(),
        size: unsigned(row.size),
        artifact_type: row.artifact_type.clone(),
        annotations: json(&row.annotations)?,
        subject: row.subject.as_deref().map(second).transpose()?,
    })
}
