//! Reading blobs: whole or in part, in bounded memory, checked against their digest on the first whole read.
//!
//! A whole read of a file that is not trusted yet is hashed as it streams. If the digest does not match, the stream fails
//! before its last chunk, so that nobody receives the damaged bytes as complete, and the blob goes to quarantine. Ranges are
//! not hashed: a part says nothing about the whole.

use std::fs::File;
use std::io::{self, Read as _, Seek as _};
use std::ops::Range;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt as _};

use super::buffers::Buffers;
use super::disk::{DiskStore, Stamp, blocking};
use super::objects::{is_blob, read_object};
use super::trust::Proof;
use super::{Key, Storage, StorageError};
use crate::domain::{Area, Digest, Hasher};

/// Bytes read at once. A stream holds two such chunks: the one handed out, and the next, which is read ahead.
const CHUNK: u64 = 512 << 10;

/// The bytes of a blob, or of a part of it, as they are read.
pub struct BlobStream {
    /// Length of the whole blob, in bytes.
    pub size: u64,
    /// Which part of it this is; `0..size` for the whole.
    pub range: Range<u64>,
    chunks: BoxStream<'static, io::Result<Bytes>>,
}

impl BlobStream {
    pub(super) fn new(size: u64, range: Range<u64>, chunks: BoxStream<'static, io::Result<Bytes>>) -> Self {
        Self { size, range, chunks }
    }
}

impl Stream for BlobStream {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.chunks.poll_next_unpin(context)
    }
}

impl std::fmt::Debug for BlobStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BlobStream({:?} of {})", self.range, self.size)
    }
}

impl Storage {
    /// Length of a blob in bytes, if the area has it.
    pub async fn blob_size(&self, area: &Area, digest: &Digest) -> Result<Option<u64>, StorageError> {
        let size = self.size(&Key::Blob { area: area.clone(), digest: *digest }).await?;
        Ok(size.filter(|size| self.0.disk.is_some() || is_blob(digest, *size)))
    }

    /// Opens a blob, or the part of it in `range`, which must lie inside it and may be empty.
    ///
    /// Errors: [`StorageError::NotFound`], [`StorageError::Range`] with the blob's size, [`StorageError::Corrupt`]. Damage
    /// that shows only later is an error of the stream, in place of its last chunk.
    pub async fn read_blob(
        &self,
        area: &Area,
        digest: &Digest,
        range: Option<Range<u64>>,
    ) -> Result<BlobStream, StorageError> {
        let blob = Blob::new(self, area, digest);
        match self.0.disk.clone() {
            Some(disk) => read_file(disk, blob, range).await,
            None => read_object(blob, range).await,
        }
    }

    /// A whole blob of at most `limit` bytes, checked like [`Storage::read_blob`].
    pub async fn get_blob(&self, area: &Area, digest: &Digest, limit: u64) -> Result<Bytes, StorageError> {
        let mut stream = self.read_blob(area, digest, None).await?;
        if stream.size > limit {
            return Err(StorageError::TooLarge { limit });
        }
        let mut first = Bytes::new();
        let mut whole = Vec::new();
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.map_err(|error| from_stream(digest, error))?;
            // Nearly every blob is one chunk, which is handed on as it is.
            match (first.is_empty(), whole.is_empty()) {
                (true, true) => first = chunk,
                (_, true) => {
                    whole.reserve(stream.size as usize);
                    whole.extend_from_slice(&first);
                    whole.extend_from_slice(&chunk);
                }
                (_, false) => whole.extend_from_slice(&chunk),
            }
        }
        Ok(if whole.is_empty() { first } else { whole.into() })
    }

    /// How many damaged blobs were found since the store was opened.
    pub fn corruptions(&self) -> u64 {
        self.0.corruptions.load(Ordering::Relaxed)
    }
}

/// Errors of a stream as the errors that they were made from.
pub(super) fn from_stream(digest: &Digest, error: io::Error) -> StorageError {
    match error.downcast::<StorageError>() {
        Ok(error) => error,
        Err(error) => StorageError::io(digest.to_string(), error),
    }
}

pub(super) fn to_stream(error: StorageError) -> io::Error {
    io::Error::other(error)
}

/// What is read, and where it goes if it is damaged.
pub(super) struct Blob {
    pub(super) storage: Storage,
    pub(super) area: Area,
    pub(super) digest: Digest,
    pub(super) path: String,
}

impl Blob {
    fn new(storage: &Storage, area: &Area, digest: &Digest) -> Self {
        let (storage, area, digest) = (storage.clone(), area.clone(), *digest);
        let path = Key::Blob { area: area.clone(), digest }.path();
        Self { storage, area, digest, path }
    }

    fn trusted(&self, stamp: Stamp) -> bool {
        self.storage.0.trust.covers(&self.path, stamp, Proof::Read)
    }

    /// A hasher if all of it is read and nobody has checked it yet.
    pub(super) fn hasher(&self, range: &Range<u64>, stamp: Stamp) -> Option<Hasher> {
        let whole = *range == (0..stamp.size);
        (whole && !self.trusted(stamp)).then(|| Hasher::new(self.digest.algorithm()))
    }

    /// Takes the verdict; damage is counted and reported, and the caller moves the blob away.
    pub(super) fn judge(&self, hasher: Hasher, stamp: Stamp) -> Result<(), Quarantine> {
        let found = hasher.finish();
        if found == self.digest {
            self.storage.0.trust.note(&self.path, stamp, Proof::Read);
            return Ok(());
        }
        self.storage.0.trust.forget(&self.path);
        self.storage.0.corruptions.fetch_add(1, Ordering::Relaxed);
        let to = Key::Quarantined { area: self.area.clone(), digest: self.digest };
        tracing::error!(
            blob = %self.path, expected = %self.digest, %found, size = stamp.size, moved_to = %to.path(),
            "a stored blob is damaged: it was moved away, and a push of its digest mends it"
        );
        Err(Quarantine { to })
    }

    fn failed(&self, error: io::Error) -> StorageError {
        StorageError::io(&self.path, error)
    }
}

pub(super) struct Quarantine {
    to: Key,
}

/// A range that lies inside `size` bytes, or all of them.
pub(super) fn within(range: Option<Range<u64>>, size: u64) -> Result<Range<u64>, StorageError> {
    match range {
        None => Ok(0..size),
        Some(range) if range.start <= range.end && range.end <= size => Ok(range),
        Some(_) => Err(StorageError::Range { size }),
    }
}

/// Opens the file and reads its first chunk in one visit to a blocking thread, which for most blobs is all of it.
async fn read_file(disk: DiskStore, blob: Blob, range: Option<Range<u64>>) -> Result<BlobStream, StorageError> {
    let opened = move || {
        let (mut file, metadata) = disk.open_file(&blob.path).map_err(|error| blob.failed(error))?;
        let stamp = Stamp::of(&metadata);
        let range = within(range, stamp.size)?;
        if range.start > 0 {
            file.seek(io::SeekFrom::Start(range.start)).map_err(|error| blob.failed(error))?;
        }
        let hasher = blob.hasher(&range, stamp);
        let buffers = blob.storage.0.buffers.clone();
        let mut reader = Reader { disk, file, left: range.end - range.start, stamp, hasher, blob, buffers };
        let first = reader.next()?;
        Ok((stamp.size, range, first, reader))
    };
    let (size, range, first, reader) = blocking("a blob", opened).await?;
    let first = stream::iter((!first.is_empty()).then_some(Ok(first)));
    let chunks = if reader.left == 0 { first.boxed() } else { first.chain(reader.into_stream()).boxed() };
    Ok(BlobStream::new(size, range, chunks))
}

/// A file that is being read.
struct Reader {
    disk: DiskStore,
    file: File,
    left: u64,
    stamp: Stamp,
    hasher: Option<Hasher>,
    blob: Blob,
    buffers: Buffers,
}

impl Reader {
    /// Reads the next chunk; before the last one is returned the digest is checked.
    fn next(&mut self) -> Result<Bytes, StorageError> {
        let wanted = self.left.min(CHUNK);
        let is_large = wanted == CHUNK;
        let mut buffer = if is_large { self.buffers.take(CHUNK as usize) } else { Vec::with_capacity(wanted as usize) };
        let read = (&mut self.file).take(wanted).read_to_end(&mut buffer);
        let read = read.map_err(|error| self.blob.failed(error))? as u64;
        if read < wanted {
            // Somebody cut the file after it was opened.
            return Err(self.blob.failed(io::ErrorKind::UnexpectedEof.into()));
        }
        self.left -= read;
        let chunk = if is_large { self.buffers.lend(buffer) } else { Bytes::from(buffer) };
        let Some(hasher) = &mut self.hasher else { return Ok(chunk) };
        hasher.update(&chunk);
        if self.left > 0 {
            return Ok(chunk);
        }
        let Some(hasher) = self.hasher.take() else { return Ok(chunk) };
        match self.blob.judge(hasher, self.stamp) {
            Ok(()) => Ok(chunk),
            Err(Quarantine { to }) => {
                // Only this very file: a push may have replaced it meanwhile.
                let moved = self.disk.rename_if_same(&self.blob.path, self.stamp, &to.path());
                if let Err(error) = moved {
                    tracing::error!(blob = %self.blob.path, %error, "the damaged blob could not be moved away");
                }
                Err(StorageError::Corrupt(self.blob.digest))
            }
        }
    }

    /// Reads one chunk ahead of whoever takes them.
    fn into_stream(self) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        let ahead = |mut reader: Reader| {
            tokio::task::spawn_blocking(move || {
                let chunk = reader.next()?;
                Ok::<_, StorageError>((chunk, reader))
            })
        };
        stream::unfold(Some(ahead(self)), move |reading| async move {
            match reading?.await {
                Ok(Ok((chunk, reader))) => {
                    let next = (reader.left > 0).then(|| ahead(reader));
                    Some((Ok(chunk), next))
                }
                Ok(Err(error)) => Some((Err(to_stream(error)), None)),
                Err(error) => Some((Err(io::Error::other(error)), None)),
            }
        })
    }
}
