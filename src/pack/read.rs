//! Reading archives that strangers packed: files and folders only, every path inside, every limit kept.

use std::collections::HashSet;
use std::io::{self, Cursor, Read};

use bytes::Bytes;
use flate2::read::MultiGzDecoder;

use super::limits::{ArchiveError, Limit, Limits};
use super::tar_entries::{EntryKind, Exceeded, looks_like_tar, malformed, next_entry, read_error, shown, skip_padding};
use crate::domain::{File, Tree, TreePath, TreePathError};

#[cfg(test)]
mod tests;

/// Reads a tar, plain or compressed with gzip, whatever its media type says.
///
/// If all files lie in one folder, as in the layers that are written here, that folder is not part of their paths.
/// Folders without files are not kept. Never reads more of `input` than [`Limits::compressed`] allows.
///
/// # Errors
/// [`ArchiveError`], with the entry at which reading stopped. Nothing is returned of an archive that is refused.
pub fn read_archive(input: impl Read, limits: &Limits) -> Result<Tree, ArchiveError> {
    let mut opened = Opened::new(limits);
    opened.add_archive(input)?;
    opened.into_tree()
}

/// Reads a tar as [`read_archive`] does, with the paths as they stand in it: a folder that holds all files stays part of them.
///
/// # Errors
/// [`ArchiveError`], with the entry at which reading stopped. Nothing is returned of an archive that is refused.
pub fn read_files(input: impl Read, limits: &Limits) -> Result<Tree, ArchiveError> {
    let mut opened = Opened::new(limits);
    opened.add_archive(input)?;
    opened.into_tree_below(None)
}

/// Whether content with these first bytes is read as an archive rather than kept as a file.
pub(super) fn looks_like_archive(head: &[u8]) -> bool {
    head.starts_with(&GZIP) || looks_like_tar(head)
}

/// RFC 1952, 2.3.1: ID1 and ID2.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The files of one artifact as its layers are opened, and what is left of its limits.
pub(super) struct Opened {
    limits: Limits,
    compressed_left: u64,
    unpacked_left: u64,
    entries: u64,
    files: Vec<(String, File)>,
    folders: HashSet<String>,
}

impl Opened {
    pub fn new(limits: &Limits) -> Self {
        Self {
            limits: *limits,
            compressed_left: limits.compressed,
            unpacked_left: limits.unpacked,
            entries: 0,
            files: Vec::new(),
            folders: HashSet::new(),
        }
    }

    /// Adds a layer that is one file.
    pub fn add_file(&mut self, path: &str, content: Bytes) -> Result<(), ArchiveError> {
        let size = content.len() as u64;
        self.check_entry(path, size)?;
        let spend = |left: &mut u64, limit, maximum| {
            *left = left.checked_sub(size).ok_or_else(|| too_large(limit, maximum, path))?;
            Ok::<(), ArchiveError>(())
        };
        spend(&mut self.compressed_left, Limit::Compressed, self.limits.compressed)?;
        spend(&mut self.unpacked_left, Limit::Unpacked, self.limits.unpacked)?;
        self.push(path.to_owned(), false, content)
    }

    /// Adds a layer that is a tar, compressed with gzip or not.
    pub fn add_archive(&mut self, input: impl Read) -> Result<(), ArchiveError> {
        let (mut compressed_left, mut unpacked_left) = (self.compressed_left, self.unpacked_left);
        let mut input = Metered::new(input, &mut compressed_left, Limit::Compressed, self.limits.compressed);
        let mut head = Vec::new();
        input.by_ref().take(2).read_to_end(&mut head).map_err(|error| read_error(error, ""))?;
        if head.is_empty() {
            return Err(malformed("it has no bytes", ""));
        }
        let is_gzip = head == GZIP;
        let whole = Cursor::new(head).chain(input);
        let (limit, maximum) = (Limit::Unpacked, self.limits.unpacked);
        if is_gzip {
            self.add_entries(Metered::new(MultiGzDecoder::new(whole), &mut unpacked_left, limit, maximum))?;
        } else {
            self.add_entries(Metered::new(whole, &mut unpacked_left, limit, maximum))?;
        }
        (self.compressed_left, self.unpacked_left) = (compressed_left, unpacked_left);
        Ok(())
    }

    /// The files as one tree. A folder that holds all of them is taken off their paths.
    pub fn into_tree(self) -> Result<Tree, ArchiveError> {
        let root = common_root(&self.files).map(str::len);
        self.into_tree_below(root)
    }

    /// The files as one tree, without the first so many bytes of their paths and the slash behind them.
    fn into_tree_below(mut self, root: Option<usize>) -> Result<Tree, ArchiveError> {
        let paths: HashSet<&str> = self.files.iter().map(|(path, _)| path.as_str()).collect();
        for folder in &self.folders {
            let ancestors = folder.match_indices('/').map(|(at, _)| &folder[..at]);
            if let Some(clash) = ancestors.chain([folder.as_str()]).find(|path| paths.contains(path)) {
                return Err(refuse(clash, "it is both a file and a folder"));
            }
        }
        for (path, file) in &mut self.files {
            let below = root.map_or(path.as_str(), |length| &path[length + 1..]);
            file.path = below.parse()?;
        }
        Ok(Tree::new(self.files.into_iter().map(|(_, file)| file).collect())?)
    }

    fn add_entries(&mut self, mut stream: impl Read) -> Result<(), ArchiveError> {
        while let Some(entry) = next_entry(&mut stream)? {
            let name = shown(&entry.path);
            let path = String::from_utf8(entry.path).map_err(|_| refuse(&name, "it is not UTF-8"))?;
            let path = relative(&path);
            let path = if entry.kind == EntryKind::Folder { path.trim_end_matches('/') } else { path };
            self.check_entry(path, entry.size)?;
            match entry.kind {
                // "./" is the root itself, "/" is not.
                EntryKind::Folder if matches!(name.as_str(), "." | "./") => {}
                EntryKind::Folder => {
                    check_path(path)?;
                    self.folders.insert(path.to_owned());
                }
                EntryKind::File => {
                    let mut content = Vec::new();
                    let read = stream.by_ref().take(entry.size).read_to_end(&mut content);
                    if read.map_err(|error| read_error(error, &name))? as u64 != entry.size {
                        return Err(read_error(io::ErrorKind::UnexpectedEof.into(), &name));
                    }
                    skip_padding(&mut stream, entry.size, &name)?;
                    self.push(path.to_owned(), entry.executable, Bytes::from(content))?;
                }
            }
        }
        Ok(())
    }

    fn check_entry(&mut self, path: &str, size: u64) -> Result<(), ArchiveError> {
        self.entries += 1;
        let found = [
            (self.entries, Limit::Entries, self.limits.entries),
            (size, Limit::File, self.limits.file),
            (path.len() as u64, Limit::Path, self.limits.path),
            (path.split('/').count() as u64, Limit::Depth, self.limits.depth),
        ];
        match found.into_iter().find(|(value, _, maximum)| value > maximum) {
            Some((_, limit, maximum)) => Err(too_large(limit, maximum, path)),
            None => Ok(()),
        }
    }

    fn push(&mut self, path: String, executable: bool, content: Bytes) -> Result<(), ArchiveError> {
        let checked = check_path(&path)?;
        self.files.push((path, File { path: checked, executable, content }));
        Ok(())
    }
}

/// The path without `./` in front.
pub(super) fn relative(path: &str) -> &str {
    let mut path = path;
    while let Some(rest) = path.strip_prefix("./") {
        path = rest.trim_start_matches('/');
    }
    path
}

/// Checks the root folder and the path below it each by itself: together they may be longer than a path of a tree.
/// Gives back the part below the root.
fn check_path(path: &str) -> Result<TreePath, ArchiveError> {
    if path.starts_with('/') {
        return Err(refuse(path, "it is absolute"));
    }
    let (root, below) = path.split_once('/').unwrap_or((path, path));
    root.parse::<TreePath>().map_err(|error| refuse(path, error.why))?;
    below.parse::<TreePath>().map_err(|error| refuse(path, error.why))
}

fn common_root(files: &[(String, File)]) -> Option<&str> {
    let (root, _) = files.first()?.0.split_once('/')?;
    let inside = |path: &str| path.strip_prefix(root).is_some_and(|below| below.starts_with('/'));
    files.iter().all(|(path, _)| inside(path)).then_some(root)
}

fn refuse(path: &str, why: &'static str) -> ArchiveError {
    ArchiveError::Path(TreePathError { path: path.chars().take(300).collect(), why })
}

fn too_large(limit: Limit, maximum: u64, entry: &str) -> ArchiveError {
    ArchiveError::TooLarge { limit, maximum, entry: entry.chars().take(300).collect() }
}

/// A reader that fails once more than the allowed bytes have come through it.
pub(super) struct Metered<'a, R> {
    inner: R,
    left: &'a mut u64,
    limit: Limit,
    maximum: u64,
}

impl<'a, R: Read> Metered<'a, R> {
    pub fn new(inner: R, left: &'a mut u64, limit: Limit, maximum: u64) -> Self {
        Self { inner, left, limit, maximum }
    }
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // One byte beyond the limit is asked for: only that tells "exactly full" from "too much".
        let allowed = usize::try_from(self.left.saturating_add(1)).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.inner.read(&mut buffer[..allowed])?;
        match self.left.checked_sub(count as u64) {
            Some(left) => *self.left = left,
            None => return Err(io::Error::other(Exceeded { limit: self.limit, maximum: self.maximum })),
        }
        Ok(count)
    }
}
