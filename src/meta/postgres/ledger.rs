//! The sequence of events.

use async_trait::async_trait;
use bytes::Bytes;
use sqlx::postgres::PgRow;
use tokio::sync::watch;

use crate::domain::Repository;

use super::super::column::{signed, unsigned};
use super::super::{Head, Ledger, LogHead, MetaError};
use super::sql::{get, query};
use super::transaction::head;
use super::{Postgres, heads};

#[async_trait]
impl Ledger for Postgres {
    async fn identity(&self) -> Result<String, MetaError> {
        let found = self.pool.row(|| query("SELECT id FROM identity WHERE one = 1"), |row| get(row, 0)).await?;
        found.ok_or_else(|| MetaError::Corrupt("the identity is gone".to_owned()))
    }

    async fn head(&self) -> Result<Head, MetaError> {
        let found = self.pool.row(|| query("SELECT n, time FROM counter WHERE one = 1"), head).await?;
        found.ok_or_else(|| MetaError::Corrupt("the event counter is gone".to_owned()))
    }

    async fn events(&self, after: u64, limit: usize) -> Result<Vec<(u64, Bytes)>, MetaError> {
        let sql = "SELECT n, bytes FROM events WHERE n > $1 ORDER BY n LIMIT $2";
        self.pool.rows(|| query(sql).bind(signed(after)).bind(signed(limit as u64)), event).await
    }

    async fn history(
        &self,
        repository: &Repository,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<(u64, Bytes)>, MetaError> {
        let sql = "SELECT n, bytes FROM events WHERE repository = $1 AND n < $2 ORDER BY n DESC LIMIT $3";
        let before = before.map_or(i64::MAX, signed);
        let page = || query(sql).bind(repository.to_string()).bind(before).bind(signed(limit as u64));
        self.pool.rows(page, event).await
    }

    async fn log_head(&self) -> Result<Option<LogHead>, MetaError> {
        self.pool.row(|| query("SELECT size, checkpoint FROM log_head WHERE one = 1"), log_head).await
    }

    async fn swap_log_head(&self, seen: Option<&LogHead>, next: &LogHead) -> Result<bool, MetaError> {
        let (size, checkpoint) = (signed(next.size), next.checkpoint.as_str());
        let swapped = match seen {
            None => {
                let sql = "INSERT INTO log_head (one, size, checkpoint) VALUES (1, $1, $2) ON CONFLICT DO NOTHING \
                    RETURNING size, checkpoint";
                self.pool.row(|| query(sql).bind(size).bind(checkpoint.to_owned()), log_head).await?
            }
            Some(seen) => {
                let sql = "UPDATE log_head SET size = $1, checkpoint = $2 WHERE one = 1 AND size = $3 AND checkpoint = $4 \
                    RETURNING size, checkpoint";
                let swap = || {
                    let (seen_size, seen) = (signed(seen.size), seen.checkpoint.clone());
                    query(sql).bind(size).bind(checkpoint.to_owned()).bind(seen_size).bind(seen)
                };
                self.pool.row(swap, log_head).await?
            }
        };
        Ok(swapped.is_some() || self.log_head().await?.as_ref() == Some(next))
    }

    async fn heads(&self) -> Result<watch::Receiver<u64>, MetaError> {
        self.heads.get_or_try_init(|| heads::listen(&self.pool)).await.cloned()
    }
}

fn log_head(row: &PgRow) -> Result<LogHead, MetaError> {
    Ok(LogHead { size: unsigned(get(row, 0)?), checkpoint: get(row, 1)? })
}

fn event(row: &PgRow) -> Result<(u64, Bytes), MetaError> {
    Ok((unsigned(get(row, 0)?), Bytes::from(get::<Vec<u8>>(row, 1)?)))
}
