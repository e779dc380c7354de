//! Telling what is wrong with blobs, and mending it: damage goes to quarantine as a read would put it there, and a whole copy comes back
//! from wherever one lies.

use futures::StreamExt as _;

use super::super::RegistryError;
use super::blobs::Hashes;
use super::check::Check;
use super::finding::{Finding, NeededBy};
use super::references::Evaluated;
use super::report::Report;
use crate::domain::{Area, Digest};
use crate::meta::{BlobKey, CarriedBlob, Table, Unknown};
use crate::storage::{Key, StorageError};

const LOST: &str = "no whole copy of it is in the store";

/// Tells what the references came to.
pub(super) async fn blobs(
    check: &Check,
    evaluated: &Evaluated,
    hashes: &Hashes,
    report: &mut Report,
) -> Result<(), RegistryError> {
    report.summary.unnamed = evaluated.unnamed;
    report.summary.never_pushed = evaluated.never_pushed;
    for (blob, why, needed_by) in &evaluated.damaged {
        let copy = hashes.copy(blob);
        let finding = damaged(blob, why, needed_by.clone(), copy.as_ref());
        if !check.is_alone() {
            report.tell(finding);
            continue;
        }
        let outcome = async {
            quarantine(check, blob).await.map_err(|error| error.to_string())?;
            bring_back(check, blob, copy.as_ref()).await.map_err(|why| format!("moved to quarantine; {why}"))
        };
        report.mended(finding, outcome.await);
    }
    for (blob, needed_by) in &evaluated.missing {
        let (copy, (area, digest)) = (hashes.copy(blob), blob.clone());
        let path = copy.as_ref().map(Key::path);
        let finding = Finding::BlobMissing { area, digest, needed_by: needed_by.clone(), copy: path };
        match check.is_alone() {
            true => report.mended(finding, bring_back(check, blob, copy.as_ref()).await),
            false => report.tell(finding),
        }
    }
    for (row, stored) in &evaluated.lengths {
        let (area, digest) = row.key();
        let finding = Finding::LengthDiffers { area, digest, recorded: row.size, stored: *stored };
        if !check.is_alone() {
            report.tell(finding);
            continue;
        }
        let right = CarriedBlob { size: *stored, ..row.clone() };
        let put = check.side.meta.carrier.put_blobs(&[right], &[]).await;
        report.mended(finding, put.map(|()| "the database has the right length"));
    }
    for (area, digest) in &evaluated.rowless {
        let row = format!("{}/{digest} is missing", area.as_str());
        report.tell(Finding::CatalogueDiffers { table: Table::Blobs, row });
    }
    for (blob, why) in &evaluated.unnamed_damaged {
        let finding = damaged(blob, why, Vec::new(), None);
        if !check.is_alone() {
            report.tell(finding);
            continue;
        }
        // As after a purge: what nothing names must not stop a rebuild, for which an event of long ago is enough.
        let outcome = async {
            quarantine(check, blob).await?;
            check.storage.delete(&quarantined(blob)).await
        };
        report.mended(finding, outcome.await.map(|()| "removed"));
    }
    for (area, blobs) in &evaluated.forgotten {
        forgotten(check, area, blobs, report).await;
    }
    Ok(())
}

fn damaged((area, digest): &BlobKey, why: &str, needed_by: Vec<NeededBy>, copy: Option<&Key>) -> Finding {
    let (area, digest, why) = (area.clone(), *digest, why.to_owned());
    Finding::BlobDamaged { area, digest, why, needed_by, copy: copy.map(Key::path) }
}

pub(super) fn quarantined((area, digest): &BlobKey) -> Key {
    Key::Quarantined { area: area.clone(), digest: *digest }
}

/// Moves damage away, as a read does that meets it.
async fn quarantine(check: &Check, (area, digest): &BlobKey) -> Result<(), StorageError> {
    let mut stream = match check.storage.read_blob(area, digest, None).await {
        Ok(stream) => stream,
        Err(StorageError::Corrupt(_) | StorageError::NotFound { .. }) => return Ok(()),
        Err(error) => return Err(error),
    };
    while let Some(chunk) = stream.next().await {
        if chunk.is_err() {
            break;
        }
    }
    // Where it could not be read to its end, it is there still.
    let key = Key::Blob { area: area.clone(), digest: *digest };
    match check.storage.exists(&key).await? {
        true => Err(StorageError::Corrupt(*digest)),
        false => Ok(()),
    }
}

/// Puts a whole copy in the place of a blob that is not there, and removes what lies of it in quarantine.
async fn bring_back(check: &Check, blob: &BlobKey, copy: Option<&Key>) -> Result<String, String> {
    let Some(copy) = copy else { return Err(LOST.to_owned()) };
    let (area, digest) = blob;
    let restore = async {
        let stream = check.storage.stream_object(copy).await?;
        check.storage.put_blob_stream(area, digest, stream, u64::MAX).await?;
        check.storage.settle(&[Key::Blob { area: area.clone(), digest: *digest }]).await?;
        check.storage.delete(&quarantined(blob)).await
    };
    match restore.await {
        Ok(()) => Ok(format!("copied from {}", copy.path())),
        Err(error) => Err(error.to_string()),
    }
}

/// Blobs that nothing knows: collection is told of them, which gives everybody its two grace periods to name them after all.
async fn forgotten(check: &Check, area: &Area, blobs: &[(Digest, u64)], report: &mut Report) {
    let Some((example, _)) = blobs.first() else { return };
    let finding = Finding::BlobsForgotten {
        area: area.clone(),
        blobs: blobs.len() as u64,
        bytes: blobs.iter().map(|(_, bytes)| bytes).sum(),
        example: *example,
    };
    if !check.is_alone() {
        report.tell(finding);
        return;
    }
    let digests: Vec<Digest> = blobs.iter().map(|(digest, _)| *digest).collect();
    let outcome = check.side.meta.blobs.touch(area, &digests, Unknown::Record, check.now).await;
    report.mended(finding, outcome.map(|_| "left to collection"));
}
