//! The blobs of a commit: durable, and there, before anything names them.

use std::collections::HashSet;

use crate::domain::Digest;
use crate::meta::Refused;
use crate::storage::{Key, StorageError};

use super::super::RegistryError;
use super::{Job, Lane};

impl Lane {
    /// Makes the blobs of all jobs durable, together. If that fails, each job's own: one whose bytes are lost or cannot be
    /// synced takes no other down with it. Returns those whose bytes are durable, the others are answered.
    pub(super) async fn settle(&self, batch: Vec<Job>) -> Vec<Job> {
        let keys: HashSet<Key> = batch.iter().flat_map(|job| job.settle.iter().cloned()).collect();
        let keys: Vec<Key> = keys.into_iter().collect();
        let group = self.storage.settle(&keys).await;
        if group.is_ok() {
            return batch;
        }
        let alone = batch.len() == 1;
        let (mut settled, mut group) = (Vec::new(), Some(group));
        for job in batch {
            let own = match group.take_if(|_| alone) {
                Some(own) => own,
                None => self.storage.settle(&job.settle).await,
            };
            let error = match own {
                Ok(()) => {
                    settled.push(job);
                    continue;
                }
                Err(StorageError::NotFound { .. }) => match self.lost(&job.settle).await {
                    Ok(lost) => {
                        job.changes.iter().for_each(|change| self.forget_blobs(change, &lost));
                        Refused::BlobsUnknown(lost).into()
                    }
                    Err(error) => error,
                },
                Err(error) => error.into(),
            };
            let _ = job.reply.send(Err(error));
        }
        settled
    }

    /// Which of the blobs the store does not have.
    async fn lost(&self, keys: &[Key]) -> Result<Vec<Digest>, RegistryError> {
        let mut lost = Vec::new();
        for key in keys {
            if let Key::Blob { area, digest } = key
                && self.storage.blob_size(area, digest).await?.is_none()
            {
                lost.push(*digest);
            }
        }
        Ok(lost)
    }
}
