//! Batches of events that count only together, in a store that owns itself: there each event is committed by creating its object, and
//! nothing but a document beside them says that the first of a batch was not meant to be alone (`spec/layout.md`, "events/batch/").
//!
//! The document holds the events after the first, and is durable before the first is created, which names its digest and is the
//! commit of them all. Whoever reads the events finishes such a batch before anything else, so that nobody ever sees a part of one.

use bytes::Bytes;

use crate::domain::{Digest, Event, EventBatch};
use crate::meta::{MetaError, Planned};
use crate::storage::{Key, Storage, StorageError};

use super::RegistryError;
use super::event_objects::write_event;
use super::replay::EVENT_MAX;

/// Longest document, in bytes.
pub(super) const BATCH_MAX: u64 = 256 << 20;

/// Creates the events of planned changes, which follow each other, so that all or none of them count. Returns the last number.
/// [`MetaError::Diverged`] with the first number, and nothing done, if somebody else has it. After any other error it may have
/// happened all the same: [`finish_batches`] tells.
pub(super) async fn create_whole(storage: &Storage, planned: &mut [Planned]) -> Result<Option<u64>, RegistryError> {
    let mut events: Vec<&mut (Event, Bytes)> =
        planned.iter_mut().filter_map(|planned| planned.applied.event.as_mut()).collect();
    let Some((first, rest)) = events.split_first_mut() else { return Ok(None) };
    let mut document = None;
    if !rest.is_empty() {
        let bytes = lines(rest.iter().map(|(_, bytes)| bytes));
        if bytes.len() as u64 > BATCH_MAX {
            return Err(RegistryError::TooLarge { what: "what is kept of the batch", limit: BATCH_MAX });
        }
        let (digest, count) = (Digest::sha256(&bytes), rest.len() as u64 + 1);
        let key = Key::EventBatch(digest);
        storage.put(&key, bytes).await?;
        storage.settle(std::slice::from_ref(&key)).await?;
        first.0.batch = Some(EventBatch { count, digest });
        first.1 = first.0.to_bytes();
        document = Some(key);
    }
    let mut last = 0;
    for (event, bytes) in std::iter::once(&*first).chain(rest.iter()).map(|event| &**event) {
        write_event(storage, event.n, bytes.clone()).await?;
        // Durable before the next is there: a loss of power must leave no gap.
        storage.settle(&[Key::Event(event.n)]).await?;
        last = event.n;
    }
    if let Some(key) = document {
        storage.delete(&key).await?;
    }
    Ok(Some(last))
}

/// Creates the events that are missing of batches whose first event is there, durable on return, and removes the documents, with
/// those of batches that never began. Costs a look at a folder where there is nothing to do.
pub(super) async fn finish_batches(storage: &Storage) -> Result<(), RegistryError> {
    for digest in storage.event_batches().await? {
        let key = Key::EventBatch(digest);
        let bytes = match storage.get(&key, BATCH_MAX).await {
            Ok(bytes) => bytes,
            Err(StorageError::NotFound { .. }) => continue,
            Err(error) => return Err(error.into()),
        };
        // One that was cut was never durable, and so its first event was never created.
        if Digest::sha256(&bytes) == digest {
            let events = read_lines(&bytes)?;
            if has_begun(storage, &events, digest).await? {
                tracing::warn!(events = events.len() + 1, "a batch of events was interrupted, and is finished");
                // Whoever created the first may have ended before it was durable, and what follows builds on it.
                let first = events.first().map(|(n, _)| Key::Event(n.saturating_sub(1)));
                storage.settle(first.as_slice()).await?;
                for (n, bytes) in events {
                    finish_event(storage, n, bytes).await?;
                }
            }
        }
        storage.delete(&key).await?;
    }
    Ok(())
}

/// Creates the events that are missing of a batch whose first event was read. Its writer may be at it just now: whoever creates one,
/// they are the same bytes. The document goes; that it is gone already says that all of its events are there.
pub(super) async fn finish_batch(storage: &Storage, batch: EventBatch) -> Result<(), RegistryError> {
    let key = Key::EventBatch(batch.digest);
    let bytes = match storage.get(&key, BATCH_MAX).await {
        Ok(bytes) => bytes,
        Err(StorageError::NotFound { .. }) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    if Digest::sha256(&bytes) != batch.digest {
        return Err(MetaError::Corrupt(format!("the document {} is not what its name says", key.path())).into());
    }
    for (n, bytes) in read_lines(&bytes)? {
        finish_event(storage, n, bytes).await?;
    }
    Ok(storage.delete(&key).await?)
}

/// Whether the event before these is there, and says that they belong to it.
pub(super) async fn has_begun(
    storage: &Storage,
    events: &[(u64, Bytes)],
    digest: Digest,
) -> Result<bool, RegistryError> {
    let Some(first) = events.first().and_then(|(n, _)| n.checked_sub(1)) else { return Ok(false) };
    let bytes = match storage.get(&Key::Event(first), EVENT_MAX).await {
        Ok(bytes) => bytes,
        // The document of what never began is removed, and a batch without it can never be finished: one answer is not enough.
        Err(error @ StorageError::NotFound { .. }) => match storage.exists(&Key::Event(first)).await? {
            true => return Err(error.into()),
            false => return Ok(false),
        },
        Err(error) => return Err(error.into()),
    };
    let event = Event::parse(&bytes).map_err(|error| MetaError::Corrupt(format!("event {first}: {error}")))?;
    let expected = EventBatch { count: events.len() as u64 + 1, digest };
    Ok(event.batch == Some(expected))
}

/// Writes an event unless it is there; one that a loss of power cut is made whole. Other bytes are never replaced.
async fn finish_event(storage: &Storage, n: u64, bytes: Bytes) -> Result<(), RegistryError> {
    match storage.get(&Key::Event(n), EVENT_MAX).await {
        Ok(found) if found != bytes && bytes.starts_with(&found) => storage.put(&Key::Event(n), bytes).await?,
        Ok(_) | Err(StorageError::NotFound { .. }) => write_event(storage, n, bytes).await?,
        Err(error) => return Err(error.into()),
    }
    Ok(storage.settle(&[Key::Event(n)]).await?)
}

fn lines<'a>(events: impl Iterator<Item = &'a Bytes>) -> Bytes {
    let mut document = Vec::new();
    for bytes in events {
        document.extend_from_slice(bytes);
        document.push(b'\n');
    }
    document.into()
}

/// The events of a document, with their numbers, which follow each other.
pub(super) fn read_lines(document: &Bytes) -> Result<Vec<(u64, Bytes)>, RegistryError> {
    let corrupt = |why: String| RegistryError::Meta(MetaError::Corrupt(format!("a batch of events: {why}")));
    let mut events: Vec<(u64, Bytes)> = Vec::new();
    // No canonical JSON has a line feed in it.
    for line in document.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let event = Event::parse(line).map_err(|error| corrupt(error.to_string()))?;
        if let Some((before, _)) = events.last()
            && event.n != before + 1
        {
            return Err(corrupt(format!("event {} does not follow event {before}", event.n)));
        }
        events.push((event.n, document.slice_ref(line)));
    }
    Ok(events)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_gives_its_events_back() {
        let event = |n: u64| {
            let event = serde_json::json!({"v": 1, "n": n, "id": uuid::Uuid::now_v7(), "time": "2026-01-31T09:30:00.000001Z",
                "actor": "operator", "type": "unpin", "name": "acme/hello"});
            let event: Event = serde_json::from_value(event).unwrap();
            event.to_bytes()
        };
        let (one, two) = (event(7), event(8));
        let document = lines([&one, &two].into_iter());
        assert_eq!(read_lines(&document).unwrap(), [(7, one.clone()), (8, two.clone())]);
        for broken in [lines([&two, &one].into_iter()), lines([&one, &one].into_iter()), document.slice(..20)] {
            assert!(read_lines(&broken).is_err());
        }
    }
}
