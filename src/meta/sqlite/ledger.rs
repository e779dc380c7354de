//! The sequence of events.

use async_trait::async_trait;
use bytes::Bytes;
use rusqlite::{Row, params};
use tokio::sync::watch;

use crate::domain::Repository;

use super::super::{Head, Ledger, LogHead, MetaError};
use super::Sqlite;
use super::sql::{Sql, get, signed, unsigned};
use super::writer::{Durable, End};

#[async_trait]
impl Ledger for Sqlite {
    async fn identity(&self) -> Result<String, MetaError> {
        let sql = "SELECT id FROM identity WHERE one = 1";
        let found = self.pool.read(move |reader| reader.row(sql, [], |row| get(row, 0))).await?;
        found.ok_or_else(|| MetaError::Corrupt("the identity is gone".to_owned()))
    }

    async fn head(&self) -> Result<Head, MetaError> {
        self.pool.read(|sql| sql.head()).await
    }

    async fn events(&self, after: u64, limit: usize) -> Result<Vec<(u64, Bytes)>, MetaError> {
        let sql = "SELECT n, bytes FROM events WHERE n > ?1 ORDER BY n LIMIT ?2";
        let page = [signed(after), signed(limit as u64)];
        self.pool.read(move |reader| reader.rows(sql, page, event)).await
    }

    async fn history(
        &self,
        repository: &Repository,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<(u64, Bytes)>, MetaError> {
        let sql = "SELECT n, bytes FROM events WHERE repository = ?1 AND n < ?2 ORDER BY n DESC LIMIT ?3";
        let page = (repository.to_string(), before.map_or(i64::MAX, signed), signed(limit as u64));
        self.pool.read(move |reader| reader.rows(sql, page, event)).await
    }

    async fn log_head(&self) -> Result<Option<LogHead>, MetaError> {
        self.pool.read(|sql| sql.log_head()).await
    }

    async fn swap_log_head(&self, seen: Option<&LogHead>, next: &LogHead) -> Result<bool, MetaError> {
        let (seen, next) = (seen.cloned(), next.clone());
        let swap = move |sql: &Sql<'_>| {
            let found = sql.log_head()?;
            if found != seen {
                return Ok((found.as_ref() == Some(&next), End::RollBack));
            }
            let put = "INSERT OR REPLACE INTO log_head (one, size, checkpoint) VALUES (1, ?1, ?2)";
            sql.run(put, params![signed(next.size), next.checkpoint])?;
            Ok((true, End::Commit))
        };
        self.pool.write(Durable::WithNext, swap).await
    }

    async fn heads(&self) -> Result<watch::Receiver<u64>, MetaError> {
        self.tell(self.head().await?.n);
        Ok(self.heads.subscribe())
    }
}

impl Sql<'_> {
    fn log_head(&self) -> Result<Option<LogHead>, MetaError> {
        let head = |row: &Row<'_>| Ok(LogHead { size: unsigned(get(row, 0)?), checkpoint: get(row, 1)? });
        self.row("SELECT size, checkpoint FROM log_head WHERE one = 1", [], head)
    }
}

fn event(row: &Row<'_>) -> Result<(u64, Bytes), MetaError> {
    Ok((unsigned(get(row, 0)?), Bytes::from(get::<Vec<u8>>(row, 1)?)))
}
