//! Writing blobs: hashed while they arrive, visible under their digest only if it is theirs, deduplicated within an area.

use std::io::{self, Read as _};

use bytes::Bytes;
use futures::{Stream, StreamExt as _};

use super::disk::{DiskStore, Staged, Stamp, blocking};
use super::error::Source;
use super::objects::{ObjectWriter, Written};
use super::trust::Proof;
use super::{Key, Storage, StorageError};
use crate::domain::{Area, Digest, Hasher};

/// Bytes gathered before they are hashed and written: one visit to a blocking thread each.
pub(super) const GATHER: usize = 256 << 10;

/// What a put of a blob did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlobPut {
    /// It is there now.
    Stored,
    /// It was there; nothing was written.
    Present,
}

impl Storage {
    /// Puts a blob whose bytes are at hand. Errors with [`StorageError::WrongDigest`] if they are not of this digest.
    pub async fn put_blob(&self, area: &Area, bytes: Bytes, digest: &Digest) -> Result<BlobPut, StorageError> {
        let (key, digest) = (Key::Blob { area: area.clone(), digest: *digest }, *digest);
        let path = key.path();
        if let Some(disk) = self.0.disk.clone() {
            let storage = self.clone();
            return blocking(path.clone(), move || {
                let found = Digest::of(digest.algorithm(), &bytes);
                if found != digest {
                    return Err(StorageError::wrong_digest(&digest, found));
                }
                let failed = |error| StorageError::io(&path, error);
                if storage.holds(&disk, &path, bytes.len() as u64, &digest).map_err(failed)? {
                    return Ok(BlobPut::Present);
                }
                let stamp = disk.write(&path, &bytes).map_err(failed)?;
                storage.0.trust.note(&path, stamp, Proof::Written);
                Ok(BlobPut::Stored)
            })
            .await;
        }
        let found = Digest::of(digest.algorithm(), &bytes);
        if found != digest {
            return Err(StorageError::wrong_digest(&digest, found));
        }
        self.put_object_blob(&key, &digest, bytes).await
    }

    /// Puts a blob of at most `limit` bytes as it arrives. Returns its length.
    ///
    /// Errors: [`StorageError::WrongDigest`], [`StorageError::TooLarge`], [`StorageError::Interrupted`] if the stream fails. After an error, or
    /// if the caller stops waiting, nothing of it is left.
    pub async fn put_blob_stream<S, E>(
        &self,
        area: &Area,
        digest: &Digest,
        stream: S,
        limit: u64,
    ) -> Result<u64, StorageError>
    where
        S: Stream<Item = Result<Bytes, E>> + Send,
        E: Into<Source>,
    {
        let mut stream = std::pin::pin!(stream);
        let mut gathered = Gathered::default();
        let small = gathered.fill(&mut stream, GATHER, limit).await?;
        if small {
            let size = gathered.size as u64;
            self.put_blob(area, gathered.take_whole(), digest).await?;
            return Ok(size);
        }
        match self.0.disk.clone() {
            Some(disk) => self.spool(disk, area, digest, stream, gathered, limit).await,
            None => self.put_parts(area, digest, stream, gathered, limit).await,
        }
    }

    async fn spool<S, E>(
        &self,
        disk: DiskStore,
        area: &Area,
        digest: &Digest,
        mut stream: S,
        mut gathered: Gathered,
        limit: u64,
    ) -> Result<u64, StorageError>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
        E: Into<Source>,
    {
        let (storage, digest) = (self.clone(), *digest);
        let path = Key::Blob { area: area.clone(), digest }.path();
        let mut spool: Option<(Staged, Hasher)> = None;
        let mut size = 0;
        loop {
            let (chunks, disk, its_path) = (gathered.take(), disk.clone(), path.clone());
            size += chunks.iter().map(|chunk| chunk.len() as u64).sum::<u64>();
            let written = move || {
                let write = |spool: Option<(Staged, Hasher)>| -> io::Result<(Staged, Hasher)> {
                    let (mut staged, mut hasher) = match spool {
                        Some(spool) => spool,
                        None => (disk.stage()?, Hasher::new(digest.algorithm())),
                    };
                    for chunk in chunks {
                        staged.write(&chunk)?;
                        hasher.update(&chunk);
                    }
                    Ok((staged, hasher))
                };
                write(spool).map_err(|error| StorageError::io(its_path, error))
            };
            spool = Some(blocking(path.clone(), written).await?);
            if gathered.ended {
                break;
            }
            gathered.fill(&mut stream, GATHER, limit - size).await.map_err(|error| error.with_limit(limit))?;
        }
        let Some((staged, hasher)) = spool else { return Ok(size) };
        blocking(path.clone(), move || {
            let found = hasher.finish();
            if found != digest {
                return Err(StorageError::wrong_digest(&digest, found));
            }
            storage.publish_blob(&disk, staged, &path, size, &digest).map_err(|error| StorageError::io(path, error))?;
            Ok(size)
        })
        .await
    }

    fn publish_blob(&self, disk: &DiskStore, staged: Staged, path: &str, size: u64, digest: &Digest) -> io::Result<()> {
        if !self.holds(disk, path, size, digest)? {
            let stamp = staged.publish(path)?;
            self.0.trust.note(path, stamp, Proof::Written);
        }
        Ok(())
    }

    async fn put_parts<S, E>(
        &self,
        area: &Area,
        digest: &Digest,
        mut stream: S,
        mut gathered: Gathered,
        limit: u64,
    ) -> Result<u64, StorageError>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
        E: Into<Source>,
    {
        let key = Key::Blob { area: area.clone(), digest: *digest };
        let mut object = ObjectWriter::new(self, key.clone(), key.clone());
        let mut hasher = Hasher::new(digest.algorithm());
        let mut size = 0;
        loop {
            for chunk in gathered.take() {
                hasher.update(&chunk);
                size += chunk.len() as u64;
                object.write(chunk).await?;
            }
            if gathered.ended {
                break;
            }
            let more = object.await_client(gathered.fill(&mut stream, GATHER, limit - size)).await;
            more.map_err(|error| error.with_limit(limit))?;
        }
        let found = hasher.finish();
        if found != *digest {
            return Err(StorageError::wrong_digest(digest, found));
        }
        if let Written::Whole(whole) = object.finish().await? {
            self.put_object_blob(&key, digest, whole.bytes.clone()).await?;
        }
        Ok(size)
    }

    /// Writes an object anew if a sync of it failed: the system may have dropped what it could not write and call the rest clean,
    /// so another sync would prove nothing. A blob is hashed on the way; one that is no longer good is [`StorageError::Corrupt`].
    pub(super) async fn mend(&self, disk: &DiskStore, key: &Key) -> Result<(), StorageError> {
        let path = key.path();
        if !disk.is_suspect(&path) {
            return Ok(());
        }
        let digest = match key {
            Key::Blob { digest, .. } => Some(*digest),
            _ => None,
        };
        let (storage, disk) = (self.clone(), disk.clone());
        blocking(path.clone(), move || {
            let failed = |error| StorageError::io(&path, error);
            let mut file = disk.open_file(&path).map_err(failed)?.0;
            let mut staged = disk.stage().map_err(failed)?;
            let mut hasher = digest.map(|digest| Hasher::new(digest.algorithm()));
            let mut buffer = Vec::with_capacity(GATHER);
            while file.by_ref().take(GATHER as u64).read_to_end(&mut buffer).map_err(failed)? > 0 {
                staged.write(&buffer).map_err(failed)?;
                if let Some(hasher) = &mut hasher {
                    hasher.update(&buffer);
                }
                buffer.clear();
            }
            if let (Some(digest), Some(hasher)) = (digest, hasher)
                && hasher.finish() != digest
            {
                return Err(StorageError::Corrupt(digest));
            }
            let stamp = staged.publish(&path).map_err(failed)?;
            if digest.is_some() {
                storage.0.trust.note(&path, stamp, Proof::Written);
            }
            Ok(())
        })
        .await
    }

    /// Whether the disk has this blob, good: of this size and hashed by this process. One that it has not hashed yet is
    /// hashed now, so that a damaged file is replaced and not taken for the bytes that are being pushed.
    pub(super) fn holds(&self, disk: &DiskStore, path: &str, size: u64, digest: &Digest) -> io::Result<bool> {
        let Some(metadata) = disk.stat(path)? else { return Ok(false) };
        let stamp = Stamp::of(&metadata);
        if stamp.size != size || disk.is_suspect(path) {
            return Ok(false);
        }
        if self.0.trust.covers(path, stamp, Proof::Written) {
            return Ok(true);
        }
        let (file, metadata) = disk.open_file(path)?;
        if hash_file(file, digest)? != *digest {
            tracing::warn!(blob = path, "a stored blob is damaged and is replaced by what is pushed");
            return Ok(false);
        }
        self.0.trust.note(path, Stamp::of(&metadata), Proof::Read);
        Ok(true)
    }
}

/// The digest of a file, by the algorithm of `like`.
pub(super) fn hash_file(mut file: impl io::Read, like: &Digest) -> io::Result<Digest> {
    let mut hasher = Hasher::new(like.algorithm());
    let mut buffer = Vec::with_capacity(GATHER);
    while file.by_ref().take(GATHER as u64).read_to_end(&mut buffer)? > 0 {
        hasher.update(&buffer);
        buffer.clear();
    }
    Ok(hasher.finish())
}

/// Chunks that have arrived and are not written yet.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) chunks: Vec<Bytes>,
    pub(super) size: usize,
    pub(super) ended: bool,
}

impl Gathered {
    /// Takes chunks until there are `enough` bytes, or the stream ends, which it returns. Errors past `limit` bytes; what was
    /// taken before stays.
    pub(super) async fn fill<S, E>(&mut self, stream: &mut S, enough: usize, limit: u64) -> Result<bool, StorageError>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin,
        E: Into<Source>,
    {
        while self.size < enough {
            match stream.next().await {
                None => {
                    self.ended = true;
                    break;
                }
                Some(Ok(chunk)) if chunk.is_empty() => {}
                Some(Ok(chunk)) if (self.size + chunk.len()) as u64 > limit => {
                    return Err(StorageError::TooLarge { limit });
                }
                Some(Ok(chunk)) => {
                    self.size += chunk.len();
                    self.chunks.push(chunk);
                }
                Some(Err(error)) => return Err(StorageError::Interrupted(error.into())),
            }
        }
        Ok(self.ended)
    }

    pub(super) fn take(&mut self) -> Vec<Bytes> {
        self.size = 0;
        std::mem::take(&mut self.chunks)
    }

    fn take_whole(&mut self) -> Bytes {
        let chunks = self.take();
        match <[Bytes; 1]>::try_from(chunks) {
            Ok([only]) => only,
            Err(chunks) => chunks.concat().into(),
        }
    }
}

impl StorageError {
    /// Names the limit of the whole, where the error is about what was left of it.
    pub(super) fn with_limit(self, whole: u64) -> Self {
        match self {
            Self::TooLarge { .. } => Self::TooLarge { limit: whole },
            other => other,
        }
    }
}
