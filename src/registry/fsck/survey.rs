//! What lies in the store: one list of everything, each object by what it is.

use std::collections::BTreeMap;

use futures::TryStreamExt as _;
use uuid::Uuid;

use super::super::RegistryError;
use super::check::{Check, CheckStage};
use super::finding::Finding;
use super::report::Report;
use super::statics;
use crate::domain::{Digest, Timestamp};
use crate::meta::BlobKey;
use crate::storage::{Key, StoredObject};

/// Folders that hold nothing but objects of this program's.
const OURS: [&str; 5] = ["events/", "public/blobs/", "private/", "quarantine/", "staging/uploads/"];

/// Length and time of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lies {
    pub size: u64,
    pub written: Timestamp,
}

/// What lies in the store.
#[derive(Debug, Default)]
pub(super) struct Survey {
    pub blobs: BTreeMap<BlobKey, Lies>,
    pub quarantined: BTreeMap<BlobKey, Lies>,
    /// When the last object of each upload was written.
    pub uploads: BTreeMap<Uuid, Timestamp>,
    pub batches: BTreeMap<Digest, Timestamp>,
    pub snapshots: Vec<u64>,
}

impl Survey {
    /// Bytes of all blobs, those in quarantine too.
    pub fn bytes(&self) -> u64 {
        self.blobs.values().chain(self.quarantined.values()).map(|lies| lies.size).sum()
    }
}

/// Lists the store.
pub(super) async fn take(check: &Check, report: &mut Report) -> Result<Survey, RegistryError> {
    let (mut survey, mut listed) = (Survey::default(), 0);
    let mut objects = check.storage.list_all();
    while let Some(object) = objects.try_next().await? {
        listed += 1;
        check.tell(CheckStage::Listing, listed, 0);
        sort(object, &mut survey, report);
    }
    survey.snapshots.sort_unstable();
    report.summary.temporary = check.storage.temporary_files().await?;
    Ok(survey)
}

fn sort(object: StoredObject, survey: &mut Survey, report: &mut Report) {
    let summary = &mut report.summary;
    let lies = Lies { size: object.size, written: object.written };
    match object.key {
        Some(Key::Blob { area, digest }) => {
            survey.blobs.insert((area, digest), lies);
        }
        Some(Key::Quarantined { area, digest }) => {
            survey.quarantined.insert((area, digest), lies);
        }
        Some(Key::Upload(id) | Key::UploadData(id) | Key::UploadPart(id, _)) => {
            summary.uploads.add(lies.size);
            let newest = survey.uploads.entry(id).or_insert(lies.written);
            *newest = lies.written.max(*newest);
        }
        Some(Key::EventBatch(digest)) => {
            survey.batches.insert(digest, lies.written);
        }
        Some(Key::EventSnapshot(event)) => survey.snapshots.push(event),
        Some(Key::Draft { .. }) => summary.drafts.add(lies.size),
        None if OURS.iter().any(|folder| object.path.starts_with(folder)) => {
            report.tell(Finding::Misplaced { path: object.path });
        }
        _ if statics::is_static(&object.path) => statics::count(&object, summary),
        None => summary.unknown.add(lies.size),
        Some(_) => {}
    }
}
