//! The hash of every stored byte, several blobs at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::{StreamExt as _, stream};

use super::super::RegistryError;
use super::check::{Check, CheckStage};
use super::report::Report;
use super::survey::{Lies, Survey};
use crate::domain::{Area, Digest, Timestamp};
use crate::meta::BlobKey;
use crate::storage::{Key, StorageError};

/// Blobs that are hashed at once.
const HASHES: usize = 4;

/// What the bytes of a blob are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Bytes {
    /// They have its digest; so many.
    Whole(u64),
    /// They have not, or cannot be read: why.
    Damaged(String),
    /// It was there when the store was listed, and is not any more; or an empty object says that it is not.
    Gone,
}

/// What all stored bytes are.
#[derive(Debug, Default)]
pub(super) struct Hashes {
    blobs: BTreeMap<BlobKey, (Bytes, Timestamp)>,
    /// Those in quarantine whose bytes are whole after all.
    whole_in_quarantine: BTreeSet<BlobKey>,
    areas: BTreeSet<Area>,
}

impl Hashes {
    /// What the bytes of a blob are; `None` if it was not there when the store was listed.
    pub fn of(&self, blob: &BlobKey) -> Option<&Bytes> {
        self.blobs.get(blob).map(|(bytes, _)| bytes)
    }

    /// All blobs, with the times when they were written.
    pub fn all(&self) -> impl Iterator<Item = (&BlobKey, &Bytes, Timestamp)> {
        self.blobs.iter().map(|(blob, (bytes, written))| (blob, bytes, *written))
    }

    pub fn is_whole(&self, blob: &BlobKey) -> bool {
        matches!(self.of(blob), Some(Bytes::Whole(_)))
    }

    pub fn is_whole_in_quarantine(&self, blob: &BlobKey) -> bool {
        self.whole_in_quarantine.contains(blob)
    }

    /// Where a copy of a blob lies that is whole, but in that place itself.
    pub fn copy(&self, blob: &BlobKey) -> Option<Key> {
        let (area, digest) = (&blob.0, blob.1);
        let elsewhere = |found: &&Area| *found != area && self.is_whole(&((*found).clone(), digest));
        let quarantined = |found: &&Area| self.whole_in_quarantine.contains(&((*found).clone(), digest));
        let in_area = self.areas.iter().find(elsewhere).map(|area| Key::Blob { area: area.clone(), digest });
        let in_quarantine = || {
            let area = self.areas.iter().find(quarantined)?.clone();
            Some(Key::Quarantined { area, digest })
        };
        in_area.or_else(in_quarantine)
    }
}

/// Hashes everything that was listed.
pub(super) async fn hash(check: &Check, survey: &Survey, report: &mut Report) -> Result<Hashes, RegistryError> {
    let (total, done) = (survey.bytes(), Arc::new(AtomicU64::new(0)));
    check.tell(CheckStage::Hashing, 0, total);
    let blobs = survey.blobs.iter().map(|(blob, lies)| (blob, lies, false));
    let blobs = blobs.chain(survey.quarantined.iter().map(|(blob, lies)| (blob, lies, true)));
    let mut hashed = stream::iter(blobs)
        .map(|(blob, lies, is_quarantined)| {
            let read = {
                let (watch, done) = (Arc::clone(&check.watch), Arc::clone(&done));
                move |bytes| watch(CheckStage::Hashing, done.fetch_add(bytes, Ordering::Relaxed) + bytes, total)
            };
            async move {
                Ok::<_, RegistryError>((blob, lies, is_quarantined, one(check, blob, is_quarantined, read).await?))
            }
        })
        .buffer_unordered(HASHES);
    let mut hashes = Hashes::default();
    while let Some(hashed) = hashed.next().await {
        let (blob, Lies { written, .. }, is_quarantined, bytes) = hashed?;
        if let Bytes::Whole(size) = bytes
            && !is_quarantined
        {
            report.summary.blobs.add(size);
        }
        hashes.areas.insert(blob.0.clone());
        if !is_quarantined {
            hashes.blobs.insert(blob.clone(), (bytes, *written));
        } else if matches!(bytes, Bytes::Whole(_)) {
            hashes.whole_in_quarantine.insert(blob.clone());
        }
    }
    Ok(hashes)
}

/// Hashes a blob as it lies there now.
pub(super) async fn look_again(check: &Check, blob: &BlobKey) -> Result<Bytes, RegistryError> {
    one(check, blob, false, |_| {}).await
}

async fn one(
    check: &Check,
    (area, digest): &BlobKey,
    is_quarantined: bool,
    read: impl Fn(u64) + Send + Sync + 'static,
) -> Result<Bytes, RegistryError> {
    let (area, digest) = (area.clone(), *digest);
    let key = match is_quarantined {
        true => Key::Quarantined { area, digest },
        false => Key::Blob { area, digest },
    };
    Ok(match check.storage.hash_object(&key, digest.algorithm(), read).await {
        Ok(Some(hashed)) if hashed.digest == digest => Bytes::Whole(hashed.size),
        // Damage is taken away from an object store by an empty object in its place, which says that the blob is absent
        // (`spec/layout.md`, "Blobs").
        Ok(Some(hashed)) if hashed.size == 0 && check.storage.disk().is_none() => Bytes::Gone,
        Ok(Some(hashed)) => Bytes::Damaged(damage(&hashed.digest)),
        Ok(None) => Bytes::Gone,
        // What a disk cannot read is damage; what a store on a network does not answer is not.
        Err(StorageError::Unavailable { source, .. }) if check.storage.disk().is_some() => {
            Bytes::Damaged(format!("they cannot be read: {source}"))
        }
        Err(error) => return Err(error.into()),
    })
}

fn damage(found: &Digest) -> String {
    format!("they hash to {found}")
}
