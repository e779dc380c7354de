//! The disk store: objects as files below one folder, complete and readable at once, durable when settled.
//!
//! An object is written to a temporary file of the same file system, then renamed (or linked, where it must not exist yet) to
//! its name, so no reader ever sees half of one. Nothing is synced before [`DiskStore::settle`]: a commit makes all its
//! files durable in one group. Temporary files of a process that died are removed when the folder is opened again; a lock
//! file keeps a second process out, or, of several that share the folder, whoever wants it alone (`shared.rs`).
//!
//! Functions without `async` block and belong on a blocking thread. Knows nothing of keys, digests and uploads.

mod object_store;
mod parts;
mod settle;
mod shared;
mod staged;
mod system;
#[cfg_attr(not(target_os = "linux"), path = "no_whole.rs")]
mod whole;

use std::fs::{self, File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use super::error::StorageError;
use super::meter::Meter;
use super::planned::Step;
use parts::Disk;
pub(super) use parts::Stamp;
use settle::Durability;
pub use settle::Syncing;
pub(super) use shared::Lock;
pub use shared::Sharing;
pub(super) use staged::Staged;
pub(super) use system::blocking;
use system::{is_absent, unusable};
use whole::Whole;

/// Folder of the files that are no objects yet.
const TEMPORARY: &str = ".temporary";

/// A folder that holds objects. Clones share it; the lock is given back with the last of them.
#[derive(Clone)]
pub struct DiskStore(Arc<Disk>);

impl DiskStore {
    /// Opens the folder, creating it if absent, and locks it, alone or with others that share it. Errors: [`StorageError::Locked`],
    /// [`StorageError::ReadOnly`], [`StorageError::Full`].
    pub fn open(root: &Path, meter: Meter, syncing: Syncing, sharing: Sharing) -> Result<Self, StorageError> {
        fs::create_dir_all(root.join(TEMPORARY)).map_err(|error| unusable(root, error))?;
        let place = shared::take(root, sharing)?;
        shared::clean(&place.temporary)
            .map_err(|error| StorageError::io(place.temporary.display().to_string(), error))?;
        Ok(Self(Arc::new(Disk {
            root: root.to_owned(),
            meter,
            temporary: AtomicU64::new(0),
            durability: Durability::default(),
            whole: Whole::of(root),
            syncing,
            naming: RwLock::new(()),
            place,
        })))
    }

    /// The folder, only to be looked at: no lock is taken, and nothing is made or cleaned.
    pub(super) fn look_at(root: &Path, meter: Meter) -> Self {
        Self(Arc::new(Disk {
            root: root.to_owned(),
            meter,
            temporary: AtomicU64::new(0),
            durability: Durability::default(),
            whole: None,
            syncing: Syncing::EachFile,
            naming: RwLock::new(()),
            place: shared::beside(root),
        }))
    }

    /// The counts of this store.
    pub fn meter(&self) -> &Meter {
        &self.0.meter
    }

    /// Where an object's file lies.
    pub(super) fn file_path(&self, path: &str) -> PathBuf {
        self.0.root.join(path)
    }

    /// Opens a temporary file, to be written and then published.
    pub(super) fn stage(&self) -> io::Result<Staged> {
        let number = self.0.temporary.fetch_add(1, Ordering::Relaxed);
        Staged::create(self.clone(), self.0.place.temporary.join(number.to_string()))
    }

    /// Writes an object, replacing what has its name.
    pub(super) fn write(&self, path: &str, bytes: &[u8]) -> io::Result<Stamp> {
        let mut staged = self.stage()?;
        staged.write(bytes)?;
        staged.publish(path)
    }

    /// Writes an object unless one has its name; says whether it did. Of many at once exactly one does.
    pub(super) fn create(&self, path: &str, bytes: &[u8]) -> io::Result<bool> {
        let mut staged = self.stage()?;
        staged.write(bytes)?;
        staged.publish_new(path)
    }

    /// Opens an object for reading.
    pub(super) fn open_file(&self, path: &str) -> io::Result<(File, Metadata)> {
        self.0.meter.alive()?;
        let file = File::open(self.file_path(path))?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok((file, metadata))
    }

    /// What is known of an object without opening it; `None` if there is none.
    pub(super) fn stat(&self, path: &str) -> io::Result<Option<Metadata>> {
        self.0.meter.alive()?;
        match fs::metadata(self.file_path(path)) {
            Ok(metadata) if metadata.is_file() => Ok(Some(metadata)),
            Ok(_) => Ok(None),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes an object. Errors with `NotFound` if there is none.
    pub(super) fn remove(&self, path: &str) -> io::Result<()> {
        self.0.durability.changed(path);
        self.0.meter.step(Step::Delete, || fs::remove_file(self.file_path(path)))
    }

    /// Gives a file a new name, replacing what had it. Both names are objects.
    pub(super) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.0.durability.changed(from);
        self.name(to, || fs::rename(self.file_path(from), self.file_path(to)))
    }

    /// Moves an object away if its name is still on the file with this stamp; says whether it was.
    pub(super) fn rename_if_same(&self, from: &str, stamp: Stamp, to: &str) -> io::Result<bool> {
        let _names_rest = self.0.naming.write().unwrap_or_else(PoisonError::into_inner);
        match self.stat(from)? {
            Some(metadata) if Stamp::of(&metadata) == stamp => {}
            _ => return Ok(false),
        }
        let target = self.file_path(to);
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder)?;
        }
        self.0.durability.changed(from);
        self.0.durability.changed(to);
        self.0.meter.step(Step::Publish, || fs::rename(self.file_path(from), &target))?;
        if self.0.place.slot.is_none() || Stamp::of(&fs::metadata(&target)?) == stamp {
            return Ok(true);
        }
        // Another process put a file there between the look and the rename. It goes back, unless a third came meanwhile.
        match fs::hard_link(&target, self.file_path(from)) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => fs::remove_file(&target)?,
        }
        self.0.durability.changed(from);
        Ok(false)
    }

    /// Opens a file that only the caller knows, for appending at `offset`; whatever lies beyond is cut off. Errors with
    /// `UnexpectedEof` if it is shorter, so that no hole takes the place of bytes that are lost.
    pub(super) fn open_append(&self, path: &str, offset: u64) -> io::Result<File> {
        self.0.meter.alive()?;
        let target = self.file_path(path);
        // A file that should hold bytes and is gone must not come back empty.
        let open = || File::options().create(offset == 0).write(true).truncate(false).open(&target);
        let mut file = self.with_folder(&target, open)?;
        if file.metadata()?.len() < offset {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        file.set_len(offset)?;
        io::Seek::seek(&mut file, io::SeekFrom::Start(offset))?;
        Ok(file)
    }

    /// Adds bytes at the end of a file that only the caller knows, creating it if absent: a tenth of the cost of replacing it,
    /// which on ext4 starts writing it out (12 µs against 142 µs).
    pub(super) fn append(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let target = self.file_path(path);
        self.0.durability.changed(path);
        self.0.meter.step(Step::Append, || {
            let mut file = self.with_folder(&target, || File::options().create(true).append(true).open(&target))?;
            io::Write::write_all(&mut file, bytes)
        })
    }

    /// Names in a folder, in no order; none if the folder is absent.
    pub(super) fn names(&self, folder: &str) -> io::Result<Vec<String>> {
        self.0.meter.alive()?;
        let entries = match fs::read_dir(self.file_path(folder)) {
            Ok(entries) => entries,
            Err(error) if is_absent(&error) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        // A name that is no UTF-8 is none of ours.
        entries.filter_map(|entry| entry.map(|entry| entry.file_name().into_string().ok()).transpose()).collect()
    }

    /// Makes a name appear by `work`, whose target is `path`: creates its folder where absent, and notes that the name is new.
    fn name<T>(&self, path: &str, work: impl Fn() -> io::Result<T>) -> io::Result<T> {
        let target = self.file_path(path);
        self.0.durability.changed(path);
        let _names_move = self.0.naming.read().unwrap_or_else(PoisonError::into_inner);
        let done = self.0.meter.step(Step::Publish, || self.with_folder(&target, work));
        // Again, for a group of syncs that met the old file between the two.
        self.0.durability.changed(path);
        done
    }

    /// Tries without looking first: folders are nearly always there, and a look is a system call.
    fn with_folder<T>(&self, target: &Path, work: impl Fn() -> io::Result<T>) -> io::Result<T> {
        match work() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if let Some(folder) = target.parent() {
                    fs::create_dir_all(folder)?;
                }
                work()
            }
            done => done,
        }
    }
}

impl std::fmt::Debug for DiskStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DiskStore({})", self.0.root.display())
    }
}

impl std::fmt::Display for DiskStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0.root.display())
    }
}
