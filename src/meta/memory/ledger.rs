//! The sequence of events.

use async_trait::async_trait;
use bytes::Bytes;

use crate::domain::Repository;

use super::super::{Head, Ledger, MetaError};
use super::Memory;

#[async_trait]
impl Ledger for Memory {
    async fn identity(&self) -> Result<String, MetaError> {
        Ok(self.identity.clone())
    }

    async fn head(&self) -> Result<Head, MetaError> {
        Ok(self.read().head)
    }

    async fn events(&self, after: u64, limit: usize) -> Result<Vec<(u64, Bytes)>, MetaError> {
        let state = self.read();
        Ok(state.events.after(after).take(limit).map(|(n, bytes)| (*n, bytes.clone())).collect())
    }

    async fn history(
        &self,
        repository: &Repository,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<(u64, Bytes)>, MetaError> {
        let state = self.read();
        let key = |n| (repository.to_string(), n);
        let latest_first = state.history.range(key(0)..key(before.unwrap_or(u64::MAX))).rev();
        let events = latest_first.filter_map(|((_, n), ())| Some((*n, state.events.get(n)?.clone())));
        Ok(events.take(limit).collect())
    }
}
