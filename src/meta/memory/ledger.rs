//! The sequence of events.

use std::sync::PoisonError;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::watch;

use crate::domain::Repository;

use super::super::{Head, Ledger, LogHead, MetaError};
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
        let last = self.read().head.n.min(after.saturating_add(limit as u64));
        self.events_of((after.saturating_add(1)..=last).collect()).await
    }

    async fn history(
        &self,
        repository: &Repository,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<(u64, Bytes)>, MetaError> {
        let key = |n| (repository.to_string(), n);
        let numbers = {
            let state = self.read();
            let latest_first = state.history.range(key(0)..key(before.unwrap_or(u64::MAX))).rev();
            latest_first.map(|((_, n), ())| *n).take(limit).collect()
        };
        self.events_of(numbers).await
    }

    async fn log_head(&self) -> Result<Option<LogHead>, MetaError> {
        Ok(self.log_head.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    async fn swap_log_head(&self, seen: Option<&LogHead>, next: &LogHead) -> Result<bool, MetaError> {
        let mut head = self.log_head.lock().unwrap_or_else(PoisonError::into_inner);
        if head.as_ref() == seen {
            *head = Some(next.clone());
        }
        Ok(head.as_ref() == Some(next))
    }

    async fn heads(&self) -> Result<watch::Receiver<u64>, MetaError> {
        Ok(self.heads.subscribe())
    }
}
