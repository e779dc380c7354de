//! The sequence of events.

use async_trait::async_trait;
use bytes::Bytes;
use mongodb::bson::{Document, doc};
use tokio::sync::watch;

use crate::domain::Repository;

use super::super::{Head, Ledger, LogHead, MetaError};
use super::rows::{COUNTER, Counter, EVENTS, Event, IDENTITY, LOG, REGISTRY, signed, unsigned};
use super::{Mongo, heads};

#[async_trait]
impl Ledger for Mongo {
    async fn identity(&self) -> Result<String, MetaError> {
        let registry = self.connection.database.collection::<Document>(REGISTRY);
        let found = self.connection.run(registry.find_one(doc! { "_id": IDENTITY })).await?;
        let identity = found.and_then(|found| found.get_str("id").ok().map(ToOwned::to_owned));
        identity.ok_or_else(|| MetaError::Corrupt("the identity is gone".to_owned()))
    }

    async fn head(&self) -> Result<Head, MetaError> {
        let registry = self.connection.database.collection::<Counter>(REGISTRY);
        let found = self.connection.run(registry.find_one(doc! { "_id": COUNTER })).await?;
        found.map(Counter::head).ok_or_else(|| MetaError::Corrupt("the event counter is gone".to_owned()))
    }

    async fn events(&self, after: u64, limit: usize) -> Result<Vec<(u64, Bytes)>, MetaError> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let events = self.connection.database.collection::<Event>(EVENTS);
        let page = events.find(doc! { "_id": { "$gt": signed(after) } }).sort(doc! { "_id": 1 });
        let found = self.connection.all(page.limit(signed(limit as u64)).batch_size(super::connection::BATCH)).await?;
        Ok(found.into_iter().map(|event| (unsigned(event.n), event.bytes.bytes.into())).collect())
    }

    async fn history(
        &self,
        repository: &Repository,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<(u64, Bytes)>, MetaError> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let events = self.connection.database.collection::<Event>(EVENTS);
        let below = doc! { "$lt": before.map_or(i64::MAX, signed) };
        let page = events.find(doc! { "repository": repository.as_str(), "_id": below }).sort(doc! { "_id": -1 });
        let found = self.connection.all(page.limit(signed(limit as u64)).batch_size(super::connection::BATCH)).await?;
        Ok(found.into_iter().map(|event| (unsigned(event.n), event.bytes.bytes.into())).collect())
    }

    async fn log_head(&self) -> Result<Option<LogHead>, MetaError> {
        let registry = self.connection.database.collection::<Document>(REGISTRY);
        let Some(found) = self.connection.run(registry.find_one(doc! { "_id": LOG })).await? else { return Ok(None) };
        let unreadable = |_| MetaError::Corrupt("the head of the log cannot be read".to_owned());
        let size = unsigned(found.get_i64("size").map_err(unreadable)?);
        let checkpoint = found.get_str("checkpoint").map_err(unreadable)?.to_owned();
        Ok(Some(LogHead { size, checkpoint }))
    }

    async fn swap_log_head(&self, seen: Option<&LogHead>, next: &LogHead) -> Result<bool, MetaError> {
        let registry = self.connection.database.collection::<Document>(REGISTRY);
        let fields = |head: &LogHead| doc! { "size": signed(head.size), "checkpoint": &head.checkpoint };
        let is_swapped = match seen {
            None => {
                let begin =
                    registry.update_one(doc! { "_id": LOG }, doc! { "$setOnInsert": fields(next) }).upsert(true);
                self.connection.run(begin).await?.upserted_id.is_some()
            }
            Some(seen) => {
                let mut filter = fields(seen);
                filter.insert("_id", LOG);
                self.connection.run(registry.update_one(filter, doc! { "$set": fields(next) })).await?.matched_count > 0
            }
        };
        Ok(is_swapped || self.log_head().await?.as_ref() == Some(next))
    }

    async fn heads(&self) -> Result<watch::Receiver<u64>, MetaError> {
        self.heads.get_or_try_init(|| heads::watch(&self.connection)).await.cloned()
    }
}
