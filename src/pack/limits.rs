//! How much an archive may hold, and every reason to refuse one.

use std::fmt;

use crate::domain::{Tree, TreePathError};

/// Most that the archives of one artifact may hold, all its layers together.
///
/// The defaults leave room above what is published: of 4,330 public skills 95 % are under 103 KB in a few files, the
/// largest had some megabytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes as they are stored and sent.
    pub compressed: u64,
    /// Bytes after decompression, tar headers and padding included.
    pub unpacked: u64,
    /// Bytes of one file.
    pub file: u64,
    /// Entries, folders included.
    pub entries: u64,
    /// Bytes of an entry's path, the root folder included.
    pub path: u64,
    /// Components of an entry's path, the root folder included.
    pub depth: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            compressed: 512 << 20,
            unpacked: 512 << 20,
            file: 256 << 20,
            entries: 20_000,
            // The longest path of a tree below the longest name of a root folder.
            path: 1024 + 1 + 255,
            depth: 64,
        }
    }
}

impl Limits {
    /// Whether an archive of this tree below a folder `root` can be read under these limits, before it is written.
    /// [`Limits::compressed`] cannot be known yet.
    pub fn check(&self, tree: &Tree, root: &str) -> Result<(), ArchiveError> {
        let mut unpacked = 0;
        for (number, file) in (1..).zip(tree.files()) {
            let size = file.content.len() as u64;
            unpacked += size;
            let path = file.path.as_str();
            let found = [
                (number, Limit::Entries, self.entries),
                (size, Limit::File, self.file),
                (unpacked, Limit::Unpacked, self.unpacked),
                ((root.len() + 1 + path.len()) as u64, Limit::Path, self.path),
                (path.split('/').count() as u64 + 1, Limit::Depth, self.depth),
            ];
            if let Some((_, limit, maximum)) = found.into_iter().find(|(value, _, maximum)| value > maximum) {
                return Err(ArchiveError::TooLarge { limit, maximum, entry: path.to_owned() });
            }
        }
        Ok(())
    }
}

/// Which of the [`Limits`] was exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// [`Limits::compressed`].
    Compressed,
    /// [`Limits::unpacked`].
    Unpacked,
    /// [`Limits::file`].
    File,
    /// [`Limits::entries`].
    Entries,
    /// [`Limits::path`].
    Path,
    /// [`Limits::depth`].
    Depth,
    /// Bytes of a pax or GNU header that carries a long name: fixed, 1 MiB.
    ExtendedHeader,
}

impl fmt::Display for Limit {
    /// What the limit counts, as it follows a number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Compressed => "bytes as stored",
            Self::Unpacked => "bytes when unpacked",
            Self::File => "bytes in one file",
            Self::Entries => "files and folders",
            Self::Path => "bytes in a path",
            Self::Depth => "folders deep",
            Self::ExtendedHeader => "bytes in an extended header",
        })
    }
}

/// Why an archive was not read. `entry` is the path in the archive, as far as it was known.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// More than a limit allows; nothing beyond it was read.
    #[error("the archive has more than {maximum} {limit}{}", At(.entry))]
    TooLarge {
        /// Which.
        limit: Limit,
        /// Its value.
        maximum: u64,
        /// Where it was exceeded.
        entry: String,
    },
    /// A path that leaves the tree or that not every file system can hold.
    #[error(transparent)]
    Path(#[from] TreePathError),
    /// Something else than a file or a folder.
    #[error("{entry:?} is a {what}: an artifact holds only files and folders")]
    Forbidden {
        /// Where.
        entry: String,
        /// Hard link, symbolic link, device, fifo.
        what: &'static str,
    },
    /// A form of tar that is not read here, though others may.
    #[error("the archive uses {what}, which is not read here{}", At(.entry))]
    Unsupported {
        /// Which form.
        what: &'static str,
        /// Where.
        entry: String,
    },
    /// No tar, or one that is damaged or cut off.
    #[error("the archive is damaged: {why}{}", At(.entry))]
    Malformed {
        /// What is wrong.
        why: String,
        /// Where.
        entry: String,
    },
}

struct At<'a>(&'a String);

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, ", at {:?}", self.0) }
    }
}
