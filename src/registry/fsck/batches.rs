//! Batches of events that were being committed when somebody stopped.

use super::super::RegistryError;
use super::super::whole::{BATCH_MAX, finish_batches, has_begun, read_lines};
use super::check::Check;
use super::finding::Finding;
use super::report::Report;
use super::survey::Survey;
use crate::domain::Digest;
use crate::storage::{Key, StorageError};

/// A batch of a server that runs is over sooner than this, in seconds.
const YOUNG: i64 = 600;

/// Tells of the documents that lie there, and does with them what a start would.
pub(super) async fn check(check: &Check, survey: &Survey, report: &mut Report) -> Result<(), RegistryError> {
    let mut interrupted = Vec::new();
    for (digest, written) in &survey.batches {
        if !check.is_alone() && *written > check.now.plus_seconds(-YOUNG) {
            continue;
        }
        let bytes = match check.storage.get(&Key::EventBatch(*digest), BATCH_MAX).await {
            Ok(bytes) => bytes,
            // It is over.
            Err(StorageError::NotFound { .. }) => continue,
            Err(error) => return Err(error.into()),
        };
        let events = read_lines(&bytes).ok().filter(|_| Digest::sha256(&bytes) == *digest);
        let has_begun = match events {
            Some(events) => has_begun(&check.storage, &events, *digest).await.unwrap_or(false),
            None => false,
        };
        interrupted.push(Finding::BatchInterrupted { digest: *digest, has_begun });
    }
    if interrupted.is_empty() || !check.is_alone() {
        interrupted.into_iter().for_each(|finding| report.tell(finding));
        return Ok(());
    }
    let outcome = finish_batches(&check.storage).await.map_err(|error| error.to_string());
    for finding in interrupted {
        report.mended(finding, outcome.clone().map(|()| "finished, or removed if it never was"));
    }
    Ok(())
}
