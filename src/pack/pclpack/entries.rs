//! The entries of a pack's tar, one after the other, each within its limits.

use std::io::{self, Read};

use bytes::Bytes;

use super::part::Entry;
use super::{Content, Limits, PclPackError, Sink};
use crate::domain::{Digest, Hasher};
use crate::pack::limits::{ArchiveError, Limit};
use crate::pack::tar_entries::{EntryKind, next_entry, read_error, shown, skip_padding};

/// How much is read at a time. Zstandard gives 128 KiB blocks.
const CHUNK: usize = 128 << 10;

pub(super) struct Entries<'l, R> {
    stream: R,
    limits: &'l Limits,
    count: u64,
    chunk: Vec<u8>,
}

/// An entry whose content comes next in the stream.
pub(super) struct Next {
    pub entry: Entry,
    pub path: String,
    pub size: u64,
}

impl<'l, R: Read> Entries<'l, R> {
    pub fn new(stream: R, limits: &'l Limits) -> Self {
        Self { stream, limits, count: 0, chunk: vec![0; CHUNK] }
    }

    /// The next entry, or `None` at the end, with nothing but zeros behind it.
    pub fn next(&mut self) -> Result<Option<Next>, PclPackError> {
        let Some(found) = next_entry(&mut self.stream)? else { return Ok(None) };
        let name = shown(&found.path);
        self.count += 1;
        if self.count > self.limits.entries {
            return Err(too_large(Limit::Entries, self.limits.entries, &name));
        }
        let path = String::from_utf8(found.path).map_err(|_| PclPackError::Unknown(name.clone()))?;
        let entry = Entry::parse(&path)?;
        match found.kind {
            EntryKind::File => Ok(Some(Next { entry, path, size: found.size })),
            EntryKind::Folder => Err(PclPackError::Unknown(name)),
        }
    }

    /// The content of an entry that is held in memory, if it has at most so many bytes.
    pub fn small(&mut self, next: &Next, most: u64) -> Result<Bytes, PclPackError> {
        if next.size > most {
            return Err(too_large(Limit::File, most, &next.path));
        }
        let mut content = Vec::new();
        self.chunks(next.size, &next.path, |bytes| {
            content.extend_from_slice(bytes);
            Ok(())
        })?;
        Ok(Bytes::from(content))
    }

    /// Passes the content of a blob on, and says what it is if it is a manifest. Fails unless it is what its digest says.
    pub fn blob(
        &mut self,
        next: &Next,
        content: &Content,
        sink: &mut impl Sink,
    ) -> Result<Option<Bytes>, PclPackError> {
        if next.size != content.size {
            let (digest, declared, found) = (content.digest, content.size, next.size);
            return Err(PclPackError::SizeDiffers { digest, declared, found });
        }
        let most = if content.manifest.is_some() { self.limits.document } else { self.limits.blob };
        if next.size > most {
            return Err(too_large(Limit::File, most, &next.path));
        }
        sink.begin(content).map_err(PclPackError::Io)?;
        let mut hasher = Hasher::new(content.digest.algorithm());
        let mut kept = content.manifest.map(|_| Vec::new());
        self.chunks(next.size, &next.path, |bytes| {
            hasher.update(bytes);
            if let Some(kept) = &mut kept {
                kept.extend_from_slice(bytes);
            }
            sink.write(bytes).map_err(PclPackError::Io)
        })?;
        check_digest(content.digest, hasher.finish())?;
        sink.end(content).map_err(PclPackError::Io)?;
        Ok(kept.map(Bytes::from))
    }

    fn chunks(
        &mut self,
        size: u64,
        path: &str,
        mut take: impl FnMut(&[u8]) -> Result<(), PclPackError>,
    ) -> Result<(), PclPackError> {
        let mut left = size;
        while left > 0 {
            let most = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
            let count = match self.stream.read(&mut self.chunk[..most]) {
                Ok(0) => return Err(read_error(io::ErrorKind::UnexpectedEof.into(), path).into()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(read_error(error, path).into()),
            };
            take(&self.chunk[..count])?;
            left -= count as u64;
        }
        Ok(skip_padding(&mut self.stream, size, path)?)
    }
}

pub(super) fn check_digest(declared: Digest, found: Digest) -> Result<(), PclPackError> {
    if declared == found { Ok(()) } else { Err(PclPackError::DigestDiffers(declared)) }
}

fn too_large(limit: Limit, maximum: u64, entry: &str) -> PclPackError {
    ArchiveError::TooLarge { limit, maximum, entry: entry.to_owned() }.into()
}
