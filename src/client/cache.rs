//! What was fetched before: blobs by digest and the registry's answers about packages, in one folder for all projects.
//!
//! Nothing in it is believed: a blob is hashed and an answer compared with its checksum on every use, and what does not
//! match counts as damaged. Files are written beside their place and renamed, so processes share the folder without
//! asking each other. Nothing is synced: all of it can be fetched again. Delete it at any time.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::folder::{FilesError, failed};
use crate::domain::public::Shard;
use crate::domain::{Digest, Name};

/// Most that is read of an answer, in bytes.
const ANSWER_MAX: u64 = 64 << 20;

/// A folder of things that were fetched.
#[derive(Clone, Debug)]
pub struct Cache {
    root: PathBuf,
}

/// What the cache has of a blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cached {
    /// Its bytes, which match the digest.
    Bytes(Bytes),
    /// Other bytes than those of the digest, at this path.
    Damaged(PathBuf),
    /// Nothing.
    Absent,
}

/// An answer that was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its entity tag; empty if it had none.
    pub etag: String,
    /// Its body.
    pub body: Vec<u8>,
}

impl Cache {
    /// The cache in a folder, which is made when something is kept.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// A blob of at most `maximum` bytes.
    ///
    /// # Errors
    /// Only if the operating system will not read what is there.
    pub fn blob(&self, digest: &Digest, maximum: u64) -> Result<Cached, FilesError> {
        let path = self.blob_path(digest);
        match read(&path, maximum) {
            Ok(Some(bytes)) if digest.matches(&bytes) => Ok(Cached::Bytes(bytes.into())),
            Ok(Some(_)) => Ok(Cached::Damaged(path)),
            Ok(None) => Ok(Cached::Absent),
            Err(error) => Err(failed("read", &path)(error)),
        }
    }

    /// Whether there is anything under this digest, whole or damaged.
    pub fn holds(&self, digest: &Digest) -> bool {
        self.blob_path(digest).is_file()
    }

    /// Keeps bytes that were verified already.
    pub fn keep_blob(&self, digest: &Digest, bytes: &[u8]) -> Result<(), FilesError> {
        write_atomically(&self.blob_path(digest), bytes)
    }

    /// The last answer of a registry about a package. What is damaged is as good as absent: it is asked for again.
    pub fn answer(&self, registry: &str, name: &Name) -> Option<Kept> {
        kept(&self.answer_path(registry, name))
    }

    /// Keeps an answer of a registry about a package.
    pub fn keep_answer(&self, registry: &str, name: &Name, kept: &Kept) -> Result<(), FilesError> {
        keep(&self.answer_path(registry, name), kept)
    }

    /// The last part of a catalogue that a registry of files gave, as [`Cache::answer`].
    pub fn shard(&self, registry: &str, shard: Shard) -> Option<Kept> {
        kept(&self.catalogue(registry).join(shard.as_str()))
    }

    /// Keeps a part of the catalogue of a registry of files.
    pub fn keep_shard(&self, registry: &str, shard: Shard, kept: &Kept) -> Result<(), FilesError> {
        keep(&self.catalogue(registry).join(shard.as_str()), kept)
    }

    /// The folder for the catalogue of a registry of files, and for what is made of it.
    pub fn catalogue(&self, registry: &str) -> PathBuf {
        self.root.join("catalogues").join(short(registry))
    }

    /// Waits until no other process works on this project; the project is this one's while the file is held.
    /// `waiting` is called if it must wait. `None` where the file system knows no locks: renames alone must do.
    pub fn lock(&self, project: &Path, waiting: impl FnOnce()) -> Result<Option<File>, FilesError> {
        let hash = Digest::sha256(project.as_os_str().as_encoded_bytes()).hex();
        let path = self.root.join("locks").join(&hash[..32]);
        create_parent(&path)?;
        let file = File::create(&path).map_err(failed("create", &path))?;
        match file.try_lock() {
            Ok(()) => return Ok(Some(file)),
            Err(fs::TryLockError::WouldBlock) => waiting(),
            Err(fs::TryLockError::Error(_)) => return Ok(None),
        }
        match file.lock() {
            Ok(()) => Ok(Some(file)),
            Err(error) if error.kind() == ErrorKind::Unsupported => Ok(None),
            Err(error) => Err(failed("lock", &path)(error)),
        }
    }

    fn blob_path(&self, digest: &Digest) -> PathBuf {
        let hex = digest.hex();
        self.root.join("blobs").join(digest.algorithm().as_str()).join(&hex[..2]).join(hex)
    }

    fn answer_path(&self, registry: &str, name: &Name) -> PathBuf {
        self.root.join("packages").join(short(registry)).join(name.org()).join(name.slug())
    }
}

/// The name of a registry's folder.
fn short(registry: &str) -> String {
    Digest::sha256(registry.as_bytes()).hex()[..16].to_owned()
}

fn kept(path: &Path) -> Option<Kept> {
    let bytes = read(path, ANSWER_MAX).ok()??;
    let (checksum, rest) = split_line(&bytes)?;
    let (etag, body) = split_line(rest)?;
    let matches = checksum == Digest::sha256(rest).to_string().as_bytes();
    let etag = String::from_utf8(etag.to_vec()).ok()?;
    matches.then(|| Kept { etag, body: body.to_vec() })
}

fn keep(path: &Path, kept: &Kept) -> Result<(), FilesError> {
    let rest = [kept.etag.as_bytes(), b"\n", &kept.body].concat();
    let bytes = [Digest::sha256(&rest).to_string().as_bytes(), b"\n", &rest].concat();
    write_atomically(path, &bytes)
}

/// Replaces a file as a whole: readers see the old bytes or the new ones.
pub(super) fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), FilesError> {
    create_parent(path)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.{}.part", uuid::Uuid::now_v7().simple()));
    let written = File::create_new(&temporary).and_then(|mut file| file.write_all(bytes));
    let renamed = written.and_then(|()| fs::rename(&temporary, path));
    renamed.map_err(|error| {
        // What is left of it is of no use; failing to remove it changes nothing.
        let _ = fs::remove_file(&temporary);
        failed("write", path)(error)
    })
}

fn create_parent(path: &Path) -> Result<(), FilesError> {
    let parent = path.parent().unwrap_or(path);
    fs::create_dir_all(parent).map_err(failed("create", parent))
}

/// A file of at most `maximum` bytes; a larger one is cut, and so matches nothing. `None` if there is none.
pub(super) fn read(path: &Path, maximum: u64) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.take(maximum).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

fn split_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|byte| *byte == b'\n')?;
    Some((&bytes[..at], &bytes[at + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAXIMUM: u64 = 1 << 20;

    #[test]
    fn a_blob_is_hashed_on_every_use() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path().join("deep"));
        let digest = Digest::sha256(b"content");
        assert_eq!(cache.blob(&digest, MAXIMUM).unwrap(), Cached::Absent);
        cache.keep_blob(&digest, b"content").unwrap();
        assert_eq!(cache.blob(&digest, MAXIMUM).unwrap(), Cached::Bytes(Bytes::from_static(b"content")));
        for damage in ["contenT", "conten", "content ", ""] {
            fs::write(cache.blob_path(&digest), damage).unwrap();
            assert_eq!(cache.blob(&digest, MAXIMUM).unwrap(), Cached::Damaged(cache.blob_path(&digest)), "{damage}");
        }
        cache.keep_blob(&digest, b"content").unwrap();
        assert!(matches!(cache.blob(&digest, MAXIMUM).unwrap(), Cached::Bytes(_)));
        let left: Vec<_> = fs::read_dir(cache.blob_path(&digest).parent().unwrap()).unwrap().collect();
        assert_eq!(left.len(), 1, "nothing unfinished is left");
    }

    #[test]
    fn an_answer_is_kept_for_each_registry_and_forgotten_when_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path());
        let name: Name = "acme/hello".parse().unwrap();
        let kept = Kept { etag: "\"abc\"".to_owned(), body: b"{\n}\n".to_vec() };
        cache.keep_answer("http://one", &name, &kept).unwrap();
        assert_eq!(cache.answer("http://one", &name), Some(kept));
        assert_eq!(cache.answer("http://two", &name), None);
        let path = cache.answer_path("http://one", &name);
        let mut bytes = fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(&path, bytes).unwrap();
        assert_eq!(cache.answer("http://one", &name), None);
    }

    #[test]
    fn a_project_belongs_to_one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path());
        let held = cache.lock(Path::new("/a"), || panic!("it is free")).unwrap();
        cache.lock(Path::new("/b"), || panic!("another project is free")).unwrap();
        let (said, hears) = std::sync::mpsc::channel();
        let second = std::thread::spawn(move || cache.lock(Path::new("/a"), || said.send(()).unwrap()).map(|_| ()));
        hears.recv().unwrap();
        drop(held);
        second.join().unwrap().unwrap();
    }
}
