//! A new `v2/` beside the old one, until all of it is there.
//!
//! A manifest under many names is one file with many links, where the file system has them: a copy that somebody else made may name one
//! under hundreds of thousands of tags.

use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::super::folder::{FilesError, failed};
use crate::domain::Digest;

/// What is made.
const TREE: &str = "v2";
/// Most that is written of manifests that are there already under another name, in bytes.
const COPIES_MAX: u64 = 4 << 30;

/// The new `v2/`. It goes unless it takes its place.
pub(super) struct Staging<'a> {
    folder: &'a Path,
    path: PathBuf,
    /// A file of each manifest that can take another link.
    known: HashMap<Digest, PathBuf>,
    copied: u64,
    copies_max: u64,
}

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Put {
    /// It is there.
    Written,
    /// A repository `a/manifests` beside one called `a`: a file system has no room for both.
    Taken,
}

impl Drop for Staging<'_> {
    fn drop(&mut self) {
        // It is gone where it took its place; what cannot be removed is of no use to anybody.
        let _ = fs::remove_dir_all(&self.path);
    }
}

impl<'a> Staging<'a> {
    pub(super) fn new(folder: &'a Path) -> Result<Self, FilesError> {
        // One name, so that the next run clears up after one that was interrupted.
        let path = folder.join(format!(".{TREE}.new"));
        remove(&path)?;
        fs::create_dir(&path).map_err(failed("create", &path))?;
        Ok(Self { folder, path, known: HashMap::new(), copied: 0, copies_max: COPIES_MAX })
    }

    /// Writes a file by its path in the tree.
    pub(super) fn write(&self, at: &str, bytes: &[u8]) -> Result<Put, FilesError> {
        self.judged(at, self.place(at).and_then(|path| fs::write(path, bytes)))
    }

    /// Writes a manifest that is not there yet.
    pub(super) fn write_manifest(&mut self, at: &str, digest: Digest, bytes: &[u8]) -> Result<Put, FilesError> {
        let put = self.write(at, bytes)?;
        if put == Put::Written {
            self.known.insert(digest, self.below(at));
        }
        Ok(put)
    }

    /// Puts a manifest that is there under one more name; `None` if it is not.
    pub(super) fn again(&mut self, at: &str, digest: &Digest) -> Result<Option<Put>, FilesError> {
        let Some(known) = self.known.get(digest).cloned() else { return Ok(None) };
        let path = match self.place(at) {
            Ok(path) => path,
            failed => return self.judged(at, failed.map(drop)).map(Some),
        };
        match fs::hard_link(&known, &path) {
            Ok(()) => return Ok(Some(Put::Written)),
            Err(error) if is_taken(&error) => return Ok(Some(Put::Taken)),
            // The file system has no links, or this file has as many as a file can have: a copy takes the next ones.
            Err(_) => {}
        }
        self.copied += fs::metadata(&known).map_err(failed("read", &known))?.len();
        if self.copied > self.copies_max {
            let why = format!(
                "more than {} bytes of manifests under several names, on a file system without hard links",
                self.copies_max
            );
            return Err(failed("write", &self.folder.join(at))(std::io::Error::new(ErrorKind::FileTooLarge, why)));
        }
        let put = self.judged(at, fs::copy(&known, &path).map(drop))?;
        if put == Put::Written {
            self.known.insert(*digest, path);
        }
        Ok(Some(put))
    }

    /// Puts it in the place of the old one.
    pub(super) fn take_its_place(self) -> Result<(), FilesError> {
        let place = self.folder.join(TREE);
        let old = self.folder.join(format!(".{TREE}.old"));
        remove(&old)?;
        match fs::rename(&place, &old) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            moved => moved.map_err(failed("move", &place))?,
        }
        if let Err(error) = fs::rename(&self.path, &place) {
            // As it was. If that fails too, the error tells where to look.
            let _ = fs::rename(&old, &place);
            return Err(failed("create", &place)(error));
        }
        remove(&old)
    }

    fn below(&self, at: &str) -> PathBuf {
        self.path.join(at.strip_prefix(TREE).unwrap_or(at).trim_start_matches('/'))
    }

    /// Where a file goes, once its folder is there.
    fn place(&self, at: &str) -> std::io::Result<PathBuf> {
        let path = self.below(at);
        fs::create_dir_all(path.parent().unwrap_or(&path))?;
        Ok(path)
    }

    fn judged(&self, at: &str, written: std::io::Result<()>) -> Result<Put, FilesError> {
        match written {
            Ok(()) => Ok(Put::Written),
            Err(error) if is_taken(&error) => Ok(Put::Taken),
            Err(error) => Err(failed("write", &self.folder.join(at))(error)),
        }
    }
}

/// Removes a folder, if it is there.
fn remove(folder: &Path) -> Result<(), FilesError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(failed("remove", folder)(error)),
        _ => Ok(()),
    }
}

/// Whether another file or folder lies where one is to be made.
fn is_taken(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::IsADirectory | ErrorKind::NotADirectory | ErrorKind::AlreadyExists)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_there_are_no_links_copies_are_limited() {
        let folder = tempfile::tempdir().unwrap();
        let mut staging = Staging::new(folder.path()).unwrap();
        let digest = Digest::sha256(b"manifest");
        assert_eq!(staging.again("v2/a/manifests/1", &digest).unwrap(), None, "nothing is there");
        assert_eq!(staging.write_manifest("v2/a/manifests/1", digest, b"manifest").unwrap(), Put::Written);
        assert_eq!(staging.again("v2/a/manifests/2", &digest).unwrap(), Some(Put::Written));
        assert_eq!(staging.again("v2/a/manifests/2", &digest).unwrap(), Some(Put::Taken));
        assert_eq!(staging.again("v2/a/manifests/1/x", &digest).unwrap(), Some(Put::Taken));
        assert_eq!(staging.copied, 0);
        // What no file system links: another one.
        let Ok(other) = tempfile::tempdir_in("/dev/shm") else { return };
        let known = other.path().join("manifest");
        fs::write(&known, b"manifest").unwrap();
        if fs::hard_link(&known, folder.path().join("link")).is_ok() {
            return;
        }
        staging.copies_max = 12;
        staging.known.insert(digest, known.clone());
        assert_eq!(staging.again("v2/a/manifests/3", &digest).unwrap(), Some(Put::Written));
        assert_eq!(staging.copied, 8);
        assert_eq!(staging.again("v2/a/manifests/4", &digest).unwrap(), Some(Put::Written), "the copy takes links");
        assert_eq!(staging.copied, 8);
        staging.known.insert(digest, known);
        let error = staging.again("v2/a/manifests/5", &digest).unwrap_err();
        assert!(error.to_string().contains("v2/a/manifests/5"), "{error}");
    }
}
