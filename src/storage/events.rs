//! The events in the store: one gapless sequence of objects, read in order.

use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::ObjectStore as _;
use object_store::path::Path;

use super::disk::blocking;
use super::{Key, Storage, StorageError};
use crate::domain::Digest;

/// Longest event that is read, in bytes.
pub const EVENT_MAX: u64 = 4 << 20;
/// Most events fetched at once.
const BATCH: u64 = 64;
/// Events fetched at first from a store that answers for each by itself: those who look for what is new mostly find one, and each of
/// the others costs a request.
const FIRST: u64 = 2;
/// How far ahead of a hint the last event is looked for one by one before the folder is listed.
const PROBES: u64 = 256;

impl Storage {
    /// The events after number `after`, in order, with their exact bytes, up to the last. An event that is absent while a
    /// later one is there is an error, [`StorageError::EventGap`], in its place.
    pub fn events(&self, after: u64) -> BoxStream<'static, Result<(u64, Bytes), StorageError>> {
        let storage = self.clone();
        let first = if self.0.disk.is_some() { BATCH } else { FIRST };
        stream::try_unfold((after, first), move |(after, most)| {
            let storage = storage.clone();
            async move {
                let mut batch = storage.event_batch(after, most).await?;
                if batch.is_empty() && storage.present_after(after).await?.is_some() {
                    // It may have been written since it was looked for, and then the one before it is there as well.
                    batch = storage.event_batch(after, most).await?;
                    if let (true, Some(present)) = (batch.is_empty(), storage.present_after(after).await?) {
                        return Err(StorageError::EventGap { missing: after + 1, present });
                    }
                }
                let last = after + batch.len() as u64;
                let batch = (after + 1..).zip(batch).map(Ok::<_, StorageError>);
                Ok((last > after).then(|| (stream::iter(batch), (last, (4 * most).min(BATCH)))))
            }
        })
        .try_flatten()
        .boxed()
    }

    /// The highest number of an event that is present, 0 if none is. `hint` is a number that the caller believes in: if the
    /// last event is at most a few hundred beyond it, this costs a few looks; else the folder is listed, from the hint on if that is there.
    pub async fn last_event(&self, hint: u64) -> Result<u64, StorageError> {
        let mut known = 0;
        if hint > 0 && self.exists(&Key::Event(hint)).await? {
            for last in hint..hint.saturating_add(PROBES) {
                if !self.exists(&Key::Event(last + 1)).await? {
                    return Ok(last);
                }
            }
            known = hint;
        }
        let numbers = self.event_numbers(known).await?;
        Ok(numbers.into_iter().max().unwrap_or(known))
    }

    /// Events after `after` up to the first that is absent, at most so many.
    async fn event_batch(&self, after: u64, most: u64) -> Result<Vec<Bytes>, StorageError> {
        let numbers = after + 1..after.saturating_add(most + 1);
        if let Some(disk) = self.0.disk.clone() {
            return blocking(Key::EVENTS, move || {
                let mut events = Vec::new();
                for number in numbers {
                    let path = Key::Event(number).path();
                    let failed = |error| StorageError::io(&path, error);
                    if disk.stat(&path).map_err(failed)?.is_none() {
                        break;
                    }
                    let (file, metadata) = disk.open_file(&path).map_err(failed)?;
                    events.push(event(file, metadata.len()).map_err(failed)?.ok_or_else(too_large)?);
                }
                Ok(events)
            })
            .await;
        }
        let gets = numbers.map(|number| {
            let storage = self.clone();
            async move {
                match storage.get(&Key::Event(number), EVENT_MAX).await {
                    Ok(bytes) => Ok(Some(bytes)),
                    Err(StorageError::NotFound { .. }) => Ok(None),
                    Err(error) => Err(error),
                }
            }
        });
        let mut found = stream::iter(gets).buffered(BATCH as usize);
        let mut events = Vec::new();
        while let Some(Some(bytes)) = found.try_next().await? {
            events.push(bytes);
        }
        Ok(events)
    }

    async fn present_after(&self, after: u64) -> Result<Option<u64>, StorageError> {
        Ok(self.event_numbers(after).await?.into_iter().min())
    }

    /// The events that snapshots are of, lowest first. Reads names, not snapshots.
    pub async fn snapshots(&self) -> Result<Vec<u64>, StorageError> {
        let mut numbers = self.numbers(Key::SNAPSHOTS, 0).await?;
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Sizes of the heads of the log that lie in the store, in no order. Reads names, not heads.
    pub async fn log_heads(&self) -> Result<Vec<u64>, StorageError> {
        self.numbers(Key::LOG_HEADS, 0).await
    }

    /// Digests of the batches of events that are being committed, or were when somebody stopped.
    pub async fn event_batches(&self) -> Result<Vec<Digest>, StorageError> {
        let folder = Key::BATCHES;
        let digest = |name: &str| format!("sha256:{name}").parse().ok();
        if let Some(disk) = self.0.disk.clone() {
            return blocking(folder, move || {
                let names = disk.names(folder).map_err(|error| StorageError::io(folder, error))?;
                Ok(names.iter().filter_map(|name| digest(name)).collect())
            })
            .await;
        }
        let list = self.0.objects.list(Some(&Path::from(folder)));
        list.map_err(|error| StorageError::object(folder, error))
            .try_filter_map(|meta| std::future::ready(Ok(meta.location.filename().and_then(digest))))
            .try_collect()
            .await
    }

    /// Numbers above `after` of events that are present. Reads names, not events.
    async fn event_numbers(&self, after: u64) -> Result<Vec<u64>, StorageError> {
        self.numbers(Key::EVENTS, after).await
    }

    /// Numbers above `after` that objects of a folder are called by.
    async fn numbers(&self, folder: &'static str, after: u64) -> Result<Vec<u64>, StorageError> {
        let number = move |name: &str| name.parse().ok().filter(|number| name.len() == 20 && *number > after);
        if let Some(disk) = self.0.disk.clone() {
            return blocking(folder, move || {
                let names = disk.names(folder).map_err(|error| StorageError::io(folder, error))?;
                Ok(names.iter().filter_map(|name| number(name)).collect())
            })
            .await;
        }
        let location = Path::from(folder);
        let offset = Path::from(format!("{folder}/{after:020}"));
        let list = self.0.objects.list_with_offset(Some(&location), &offset);
        list.map_err(|error| StorageError::object(folder, error))
            .try_filter_map(|meta| {
                let name = meta.location.as_ref().strip_prefix(folder).and_then(|rest| rest.strip_prefix('/'));
                std::future::ready(Ok(name.and_then(number)))
            })
            .try_collect()
            .await
    }
}

fn too_large() -> StorageError {
    StorageError::TooLarge { limit: EVENT_MAX }
}

/// The bytes of an event, unless there are too many.
fn event(file: std::fs::File, size: u64) -> std::io::Result<Option<Bytes>> {
    use std::io::Read as _;
    if size > EVENT_MAX {
        return Ok(None);
    }
    let mut bytes = Vec::with_capacity(size as usize);
    file.take(EVENT_MAX).read_to_end(&mut bytes)?;
    Ok(Some(bytes.into()))
}
