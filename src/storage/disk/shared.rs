//! Who may open a folder: one process alone, or several that share it.
//!
//! Whoever opens it alone holds the lock file exclusively, those who share it hold it together, so that neither kind gets in
//! beside the other. Each of those who share takes a slot, the lowest free one, by the lock of a file of its own, and with it
//! what must not be shared: a folder for temporary files, and the uploads whose ids end in the slot's number. A slot comes back
//! with the process, or goes to the next one that starts.
//!
//! The locks are those of the operating system and end with the process that holds them. They hold between machines only as
//! far as the file system carries them.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::super::StorageError;
use super::{DiskStore, TEMPORARY};

/// Files and folders of the store's own, which are no objects, beside [`TEMPORARY`].
const LOCK: &str = ".lock";
const SLOTS: &str = ".servers";
const TURN: &str = ".collecting";
const REPLACING: &str = ".replacing";
const RENDERING: &str = ".rendering";

/// Whether others may open the folder meanwhile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sharing {
    /// Nobody.
    #[default]
    Alone,
    /// Those who open it in the same way. Who writes what first is decided by the database that they share.
    Shared,
}

/// A lock of the operating system. Given back when dropped.
#[derive(Debug)]
pub(in crate::storage) struct Lock(#[expect(dead_code, reason = "its lock is what counts")] File);

/// What a process holds of a folder.
pub(super) struct Place {
    /// Where its temporary files are.
    pub(super) temporary: PathBuf,
    /// Its number among those who share the folder; `None` if it is alone.
    pub(super) slot: Option<u8>,
    _locks: Vec<File>,
}

/// Whether a path is one of the store's own, and no object.
pub(super) fn is_own(path: &str) -> bool {
    [LOCK, SLOTS, TURN, REPLACING, RENDERING, TEMPORARY].contains(&path)
}

/// Locks the folder. Errors: [`StorageError::Locked`].
pub(super) fn take(root: &Path, sharing: Sharing) -> Result<Place, StorageError> {
    let lock = open(&root.join(LOCK))?;
    let locked = match sharing {
        Sharing::Alone => lock.try_lock(),
        Sharing::Shared => lock.try_lock_shared(),
    };
    if !is_locked(root, locked)? {
        return Err(StorageError::Locked(root.to_owned()));
    }
    let temporary = root.join(TEMPORARY);
    if sharing == Sharing::Alone {
        return Ok(Place { temporary, slot: None, _locks: vec![lock] });
    }
    let slots = root.join(SLOTS);
    fs::create_dir_all(&slots).map_err(|error| StorageError::io(slots.display().to_string(), error))?;
    for slot in 1..=u8::MAX {
        let path = slots.join(slot.to_string());
        let own = open(&path)?;
        if is_locked(&path, own.try_lock())? {
            let temporary = temporary.join(slot.to_string());
            fs::create_dir_all(&temporary).map_err(|error| StorageError::io(temporary.display().to_string(), error))?;
            return Ok(Place { temporary, slot: Some(slot), _locks: vec![lock, own] });
        }
    }
    Err(StorageError::Locked(root.to_owned()))
}

/// What somebody holds of a folder who only looks at it: nothing.
pub(super) fn beside(root: &Path) -> Place {
    Place { temporary: root.join(TEMPORARY), slot: None, _locks: Vec::new() }
}

/// How many files lie in the folder and those below it.
fn files_in(folder: &Path) -> io::Result<u64> {
    let mut files = 0;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        files += if path.is_dir() { files_in(&path)? } else { 1 };
    }
    Ok(files)
}

/// Removes what a process that died left half written.
pub(super) fn clean(temporary: &Path) -> io::Result<()> {
    for entry in fs::read_dir(temporary)? {
        let path = entry?.path();
        if path.is_dir() { fs::remove_dir_all(&path)? } else { fs::remove_file(&path)? }
    }
    Ok(())
}

fn open(path: &Path) -> Result<File, StorageError> {
    let opened = File::options().create(true).append(true).open(path);
    opened.map_err(|error| StorageError::io(path.display().to_string(), error))
}

fn is_locked(path: &Path, locked: Result<(), TryLockError>) -> Result<bool, StorageError> {
    match locked {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(StorageError::io(path.display().to_string(), error)),
    }
}

impl DiskStore {
    /// The number of this process among those who share the folder; `None` if it is alone.
    pub fn slot(&self) -> Option<u8> {
        self.0.place.slot
    }

    /// How many temporary files lie in the folder, whosever they are.
    pub(in crate::storage) fn temporary_files(&self) -> io::Result<u64> {
        match files_in(&self.0.root.join(TEMPORARY)) {
            // Removed while it was looked at.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            files => files,
        }
    }

    /// The right to collect; `None` while another process has it, `Some(None)` where there is no other.
    pub(in crate::storage) fn turn(&self) -> Result<Option<Option<Lock>>, StorageError> {
        if self.slot().is_none() {
            return Ok(Some(None));
        }
        let path = self.0.root.join(TURN);
        let lock = open(&path)?;
        Ok(is_locked(&path, lock.try_lock())?.then(|| Some(Lock(lock))))
    }

    /// The right to replace a document, waited for: of all processes that have the folder, and all their threads, one has it.
    pub(in crate::storage) fn replacing(&self) -> io::Result<Lock> {
        self.waited_for(REPLACING)
    }

    /// The right to write what the static tree has of a repository, waited for in the same way.
    pub(in crate::storage) fn rendering(&self) -> io::Result<Lock> {
        self.waited_for(RENDERING)
    }

    fn waited_for(&self, name: &str) -> io::Result<Lock> {
        self.0.meter.alive()?;
        let lock = File::options().create(true).append(true).open(self.0.root.join(name))?;
        lock.lock()?;
        Ok(Lock(lock))
    }
}
