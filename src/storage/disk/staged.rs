//! A temporary file on its way to becoming an object. Dropped before that, it is removed.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::PathBuf;

use super::{DiskStore, Stamp, Step};

/// A file that nobody else sees yet.
pub(in crate::storage) struct Staged {
    disk: DiskStore,
    path: PathBuf,
    file: File,
    named: bool,
}

impl Staged {
    pub(super) fn create(disk: DiskStore, path: PathBuf) -> io::Result<Self> {
        disk.0.meter.alive()?;
        let file = disk.with_folder(&path, || File::options().create_new(true).read(true).write(true).open(&path))?;
        Ok(Self { disk, path, file, named: false })
    }

    /// Adds bytes at the end.
    pub(in crate::storage) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let meter = self.disk.0.meter.clone();
        meter.step(Step::Stage, || self.file.write_all(bytes))
    }

    /// Writes bytes at an offset, which may lie beyond the end.
    pub(super) fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        io::Seek::seek(&mut self.file, io::SeekFrom::Start(offset))?;
        self.write(bytes)
    }

    /// Gives it its name, replacing what has it.
    pub(in crate::storage) fn publish(mut self, path: &str) -> io::Result<Stamp> {
        let stamp = Stamp::of(&self.file.metadata()?);
        let target = self.disk.file_path(path);
        self.disk.name(path, || fs::rename(&self.path, &target))?;
        self.named = true;
        Ok(stamp)
    }

    /// Gives it its name unless something has it; says whether it did.
    pub(in crate::storage) fn publish_new(self, path: &str) -> io::Result<bool> {
        let target = self.disk.file_path(path);
        // A link fails where the name is taken, which a rename does not; the temporary name goes when `self` is dropped.
        match self.disk.name(path, || fs::hard_link(&self.path, &target)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // A process that is gone removes nothing; the next one to open the folder does.
        if !self.named && !self.disk.0.meter.crashed() {
            let _ = fs::remove_file(&self.path);
        }
    }
}
