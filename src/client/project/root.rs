//! The folder of a project and its two files.

use std::path::{Path, PathBuf};

use super::super::cache::{read, write_atomically};
use super::super::folder::failed;
use super::error::ProjectError;
use super::manifest::Manifest;
use crate::resolve::Lock;

/// What the project asks for.
pub const MANIFEST_FILE: &str = "pclr.toml";
/// What it got.
pub const LOCK_FILE: &str = "pclr.lock";
/// Most that is read of either, in bytes.
const FILE_MAX: u64 = 16 << 20;

/// A project as its files have it.
#[derive(Clone, Debug)]
pub struct Project {
    /// Its folder, absolute and without links.
    pub folder: PathBuf,
    /// What it asks for.
    pub manifest: Manifest,
    /// What it got, if it was ever installed.
    pub lock: Option<Lock>,
}

impl Project {
    /// The project of a folder: the nearest `pclr.toml`, here or above.
    ///
    /// # Errors
    /// [`ProjectError::NoManifest`], [`ProjectError::Unusable`].
    pub fn find(from: &Path) -> Result<Self, ProjectError> {
        let from = from.canonicalize().map_err(failed("find", from))?;
        let folder = from.ancestors().find(|folder| folder.join(MANIFEST_FILE).is_file());
        Self::open(folder.ok_or_else(|| ProjectError::NoManifest(from.clone()))?.to_owned())
    }

    /// The project of a folder; a new one there if there is none. Nothing is written yet.
    ///
    /// # Errors
    /// [`ProjectError::Unusable`].
    pub fn find_or_new(from: &Path) -> Result<Self, ProjectError> {
        match Self::find(from) {
            Err(ProjectError::NoManifest(folder)) => Self::open(folder),
            result => result,
        }
    }

    /// The same project, read again: another process may have changed it.
    pub fn again(&self) -> Result<Self, ProjectError> {
        Self::open(self.folder.clone())
    }

    fn open(folder: PathBuf) -> Result<Self, ProjectError> {
        let manifest = text(&folder.join(MANIFEST_FILE))?.unwrap_or_default();
        let unusable = |file: &str, why: String| ProjectError::Unusable { path: folder.join(file), why };
        let manifest = Manifest::parse(&manifest).map_err(|why| unusable(MANIFEST_FILE, why))?;
        let lock = text(&folder.join(LOCK_FILE))?;
        let lock = lock.map(|text| Lock::parse(&text)).transpose();
        let lock = lock.map_err(|error| unusable(LOCK_FILE, error.to_string()))?;
        Ok(Self { folder, manifest, lock })
    }

    /// The lock, if it is one for what the project asks for.
    ///
    /// # Errors
    /// [`ProjectError::OutOfStep`].
    pub fn fitting_lock(&self) -> Result<&Lock, ProjectError> {
        let Some(lock) = &self.lock else { return Err(ProjectError::OutOfStep("there is none".to_owned())) };
        match lock.mismatch(&self.manifest.needs(), self.manifest.skip()) {
            None => Ok(lock),
            Some(why) => Err(ProjectError::OutOfStep(why)),
        }
    }

    /// Writes what changed: `before` is the project as it was read.
    pub(super) fn save(&self, before: &Self) -> Result<(), ProjectError> {
        let path = self.folder.join(MANIFEST_FILE);
        if self.manifest.text() != before.manifest.text() || !path.exists() {
            write_atomically(&real(&path), self.manifest.text().as_bytes())?;
        }
        if let Some(lock) = self.lock.as_ref().filter(|_| self.lock != before.lock) {
            write_atomically(&real(&self.folder.join(LOCK_FILE)), lock.text().as_bytes())?;
        }
        Ok(())
    }
}

/// Where a file really lies: one that is a link stays one.
fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

fn text(path: &Path) -> Result<Option<String>, ProjectError> {
    let unusable = |why: &str| ProjectError::Unusable { path: path.to_owned(), why: why.to_owned() };
    let Some(bytes) = read(path, FILE_MAX).map_err(failed("read", path))? else { return Ok(None) };
    if bytes.len() as u64 == FILE_MAX {
        return Err(unusable("it is larger than 16 MiB"));
    }
    String::from_utf8(bytes).map(Some).map_err(|_| unusable("it is not UTF-8"))
}
