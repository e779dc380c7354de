//! Blobs read from object stores.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::{GetOptions, GetRange, ObjectMeta, ObjectStore as _, ObjectStoreExt as _};

use super::super::disk::Stamp;
use super::super::read::{Blob, from_stream, to_stream, within};
use super::super::{BlobStream, Key, StorageError};
use super::blobs::is_blob;
use crate::domain::Hasher;

/// Opens a blob, or a part of it. Awaits the first chunk, so that the damage of a blob that is one chunk is an error of this call.
pub(in crate::storage) async fn read_object(blob: Blob, range: Option<Range<u64>>) -> Result<BlobStream, StorageError> {
    let location = Key::Blob { area: blob.area.clone(), digest: blob.digest }.location();
    let objects = blob.storage.0.objects.clone();
    let failed = |error| StorageError::object(&blob.path, error);
    let present = |meta: &ObjectMeta| match is_blob(&blob.digest, meta.size) {
        true => Ok(()),
        false => Err(StorageError::NotFound { path: blob.path.clone() }),
    };
    // Not every store takes a range that is empty, or knows the size when it refuses one.
    let (size, range, bounds) = match range {
        None => (None, None, None),
        Some(range) => {
            let meta = objects.head(&location).await.map_err(failed)?;
            present(&meta)?;
            let range = within(Some(range), meta.size)?;
            if range.is_empty() {
                return Ok(BlobStream::new(meta.size, range, stream::empty().boxed()));
            }
            (Some(meta.size), Some(range.clone()), Some(GetRange::Bounded(range)))
        }
    };
    let found = objects.get_opts(&location, GetOptions { range: bounds, ..GetOptions::default() }).await;
    let found = found.map_err(failed)?;
    present(&found.meta)?;
    let size = size.unwrap_or(found.meta.size);
    let range = range.unwrap_or(0..size);
    let meta = found.meta.clone();
    let hasher = blob.hasher(&range, Stamp::of_object(&meta));
    let digest = blob.digest;
    let chunks = all_of(blob.path.clone(), range.end - range.start, found.into_stream());
    let checked = Checked { blob, meta, hasher, chunks, held: None };
    let mut chunks = Box::pin(stream::try_unfold(checked, Checked::next).map_err(to_stream));
    let first: Option<io::Result<Bytes>> = match chunks.next().await {
        Some(Err(error)) => return Err(from_stream(&digest, error)),
        first => first,
    };
    Ok(BlobStream::new(size, range, stream::iter(first).chain(chunks).boxed()))
}

/// The bytes of an answer. One that ends before all that it promised have come is an error: neither a shorter blob nor a damaged one.
pub(in crate::storage) fn all_of(
    path: String,
    promised: u64,
    chunks: BoxStream<'static, object_store::Result<Bytes>>,
) -> BoxStream<'static, Result<Bytes, StorageError>> {
    let path: Arc<str> = path.into();
    let chunks = stream::try_unfold((chunks, 0), move |(mut chunks, came)| {
        let path = path.clone();
        async move {
            match chunks.next().await {
                Some(Ok(chunk)) => {
                    let came = came + chunk.len();
                    Ok(Some((chunk, (chunks, came))))
                }
                Some(Err(error)) => Err(StorageError::object(&*path, error)),
                None if (came as u64) < promised => Err(StorageError::cut(&*path, promised, came)),
                None => Ok(None),
            }
        }
    });
    chunks.boxed()
}

/// An object that is read, and hashed where it is not trusted yet. The latest chunk is held back until the next one, or the
/// verdict, is there.
struct Checked {
    blob: Blob,
    meta: ObjectMeta,
    /// Taken by the verdict.
    hasher: Option<Hasher>,
    chunks: BoxStream<'static, Result<Bytes, StorageError>>,
    held: Option<Bytes>,
}

impl Checked {
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, StorageError> {
        while let Some(chunk) = self.chunks.next().await {
            let chunk = chunk?;
            match &mut self.hasher {
                Some(hasher) => hasher.update(&chunk),
                // The last bytes are nothing special where nothing is judged.
                None => return Ok(Some((chunk, self))),
            }
            if let Some(held) = self.held.replace(chunk) {
                return Ok(Some((held, self)));
            }
        }
        let Some(hasher) = self.hasher.take() else { return Ok(None) };
        if self.blob.judge(hasher, Stamp::of_object(&self.meta)).is_err() {
            self.blob.storage.quarantine_object(&self.blob.area, &self.blob.digest, &self.meta).await;
            return Err(StorageError::Corrupt(self.blob.digest));
        }
        Ok(self.held.take().map(|last| (last, self)))
    }
}
