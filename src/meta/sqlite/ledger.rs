//! The sequence of events.

use async_trait::async_trait;
use bytes::Bytes;
use rusqlite::Row;
use tokio::sync::watch;

use crate::domain::Repository;

use super::super::{Head, Ledger, MetaError};
use super::Sqlite;
use super::sql::{get, signed, unsigned};

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

    async fn heads(&self) -> Result<watch::Receiver<u64>, MetaError> {
        self.tell(self.head().await?.n);
        Ok(self.heads.subscribe())
    }
}

fn event(row: &Row<'_>) -> Result<(u64, Bytes), MetaError> {
    Ok((unsigned(get(row, 0)?), Bytes::from(get::<Vec<u8>>(row, 1)?)))
}
