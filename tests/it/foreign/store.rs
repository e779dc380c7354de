//! The store: a journal behind a lock, with the traits on it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use pcl_registry::domain::{Repository, Timestamp};
use pcl_registry::meta::contract::Stores;
use pcl_registry::meta::{Head, Ledger, LogHead, Meta, MetaError};
use tokio::sync::watch;
use uuid::Uuid;

use super::journal::{Durable, Journal, Unit};
use super::rows::{EventRow, HEAD, IDENTITY, LOG_HEAD, event};

/// A metadata store in one file.
pub struct Foreign {
    journal: Mutex<Journal>,
    heads: watch::Sender<u64>,
}

impl Foreign {
    /// Opens the file, or begins it with an identity of its own.
    pub fn open(path: &Path) -> Result<Self, MetaError> {
        let mut journal = Journal::open(path)?;
        let mut unit = journal.begin();
        if unit.get::<String>(IDENTITY)?.is_none() {
            unit.put(IDENTITY, &Uuid::now_v7().to_string())?;
        }
        unit.commit(Durable::Now)?;
        let head = journal.begin().head()?;
        Ok(Self { journal: Mutex::new(journal), heads: watch::Sender::new(head.n) })
    }

    /// The traits of the store.
    pub fn meta(self: Arc<Self>) -> Meta {
        Meta {
            catalog: self.clone(),
            refs: self.clone(),
            blobs: self.clone(),
            ledger: self.clone(),
            accounts: self.clone(),
            groups: self.clone(),
            social: self.clone(),
            carrier: self,
        }
    }

    /// Lets a write of the next change fail after so many others, or none. What was left of the last one that was to fail.
    pub fn fail_after(&self, writes: Option<usize>) -> Option<usize> {
        std::mem::replace(&mut self.journal.lock().unwrap().fails_after, writes)
    }

    /// Reads one state.
    pub fn read<T>(&self, work: impl FnOnce(&Unit<'_>) -> Result<T, MetaError>) -> Result<T, MetaError> {
        work(&self.journal.lock().unwrap().begin())
    }

    /// Writes in one transaction; an error keeps nothing of it.
    pub fn write<T>(
        &self,
        durable: Durable,
        work: impl FnOnce(&mut Unit<'_>) -> Result<T, MetaError>,
    ) -> Result<T, MetaError> {
        let mut journal = self.journal.lock().unwrap();
        let mut unit = journal.begin();
        let made = work(&mut unit)?;
        let head = unit.head()?.n;
        unit.commit(durable)?;
        self.heads.send_if_modified(|told| std::mem::replace(told, head) != head);
        Ok(made)
    }
}

impl Unit<'_> {
    /// The last event.
    pub fn head(&self) -> Result<Head, MetaError> {
        let (n, time) = self.get(HEAD)?.unwrap_or((0, Timestamp::from_micros(0)));
        Ok(Head { n, time })
    }
}

fn bytes(row: EventRow) -> (u64, Bytes) {
    (row.n, row.text.into())
}

#[async_trait]
impl Ledger for Foreign {
    async fn identity(&self) -> Result<String, MetaError> {
        self.read(|unit| unit.get(IDENTITY))?.ok_or_else(|| MetaError::Corrupt("it has no identity".into()))
    }

    async fn head(&self) -> Result<Head, MetaError> {
        self.read(|unit| unit.head())
    }

    async fn events(&self, after: u64, limit: usize) -> Result<Vec<(u64, Bytes)>, MetaError> {
        let after = event(after);
        self.read(|unit| {
            let rows = unit.rows::<EventRow>("event ", &after).take(limit);
            rows.map(|row| Ok(bytes(row?.1))).collect()
        })
    }

    async fn history(
        &self,
        repository: &Repository,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<(u64, Bytes)>, MetaError> {
        self.read(|unit| {
            let prefix = format!("history {repository} ");
            let before = before.map(event);
            let earlier = |n: &&str| before.as_ref().is_none_or(|before| *n < before.as_str());
            let numbers: Vec<&str> = unit.keys(&prefix, "").take_while(earlier).collect();
            let found = numbers.into_iter().rev().take(limit);
            found.filter_map(|n| unit.get(&format!("event {n}")).transpose()).map(|row| row.map(bytes)).collect()
        })
    }

    async fn log_head(&self) -> Result<Option<LogHead>, MetaError> {
        self.read(|unit| unit.get(LOG_HEAD))
    }

    async fn swap_log_head(&self, seen: Option<&LogHead>, next: &LogHead) -> Result<bool, MetaError> {
        self.write(Durable::Now, |unit| {
            let found: Option<LogHead> = unit.get(LOG_HEAD)?;
            if found.as_ref() != seen {
                return Ok(found.as_ref() == Some(next));
            }
            unit.put(LOG_HEAD, next)?;
            Ok(true)
        })
    }

    async fn heads(&self) -> Result<watch::Receiver<u64>, MetaError> {
        Ok(self.heads.subscribe())
    }
}

/// Stores of the contract's checks, in a folder that goes with them.
struct Files {
    folder: tempfile::TempDir,
}

impl Files {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn next(&self) -> PathBuf {
        self.folder.path().join(Uuid::now_v7().to_string())
    }
}

#[async_trait]
impl Stores for Files {
    async fn empty(&self) -> Result<Meta, MetaError> {
        Ok(Arc::new(Foreign::open(&self.next())?).meta())
    }
}

pcl_registry::metadata_contract!(Files::new());
