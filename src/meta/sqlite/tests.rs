//! The contract, and what SQLite promises beyond it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use tempfile::TempDir;

use super::super::contract::Stores;
use super::super::{Meta, MetaError};
use super::Sqlite;

/// A folder of databases.
struct Folder {
    folder: TempDir,
    made: AtomicU32,
}

impl Folder {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), made: AtomicU32::new(0) }
    }

    fn next(&self) -> PathBuf {
        self.folder.path().join(format!("{}.sqlite", self.made.fetch_add(1, Ordering::Relaxed)))
    }
}

#[async_trait]
impl Stores for Folder {
    async fn empty(&self) -> Result<Meta, MetaError> {
        Ok(Arc::new(Sqlite::open(self.next())?).meta())
    }
}

crate::metadata_contract!(Folder::new());
