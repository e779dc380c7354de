//! Contents by digest, from wherever a whole copy lies: what an event names is known as long as its bytes are anywhere.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

use super::super::RegistryError;
use super::super::replay::Contents;
use super::blobs::Hashes;
use crate::domain::{Area, Digest};
use crate::storage::{Key, Storage, StorageError};

/// Reads without believing, and without moving anything away.
pub(super) struct Copies<'a> {
    pub storage: &'a Storage,
    pub hashes: &'a Hashes,
    /// What was asked for and is nowhere.
    pub nowhere: Mutex<BTreeSet<Digest>>,
}

impl Copies<'_> {
    async fn read(&self, key: &Key, digest: Digest, limit: u64) -> Result<Option<Bytes>, RegistryError> {
        match self.storage.get(key, limit).await {
            Ok(bytes) => Ok(digest.matches(&bytes).then_some(bytes)),
            // One that grew is damaged.
            Err(StorageError::NotFound { .. } | StorageError::TooLarge { .. }) => Ok(None),
            Err(StorageError::Unavailable { .. }) if self.storage.disk().is_some() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

impl Contents for Copies<'_> {
    async fn content(&self, area: &Area, digest: Digest, limit: u64) -> Result<Option<Bytes>, RegistryError> {
        let here = Key::Blob { area: area.clone(), digest };
        if let Some(bytes) = self.read(&here, digest, limit).await? {
            return Ok(Some(bytes));
        }
        if let Some(copy) = self.hashes.copy(&(area.clone(), digest))
            && let Some(bytes) = self.read(&copy, digest, limit).await?
        {
            return Ok(Some(bytes));
        }
        self.nowhere.lock().unwrap_or_else(PoisonError::into_inner).insert(digest);
        Ok(None)
    }
}
