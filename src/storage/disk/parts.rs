//! What a disk store is made of, and the stamp of a file.

use std::fs::Metadata;
use std::path::PathBuf;
use std::sync::RwLock;
use std::sync::atomic::AtomicU64;

use super::super::meter::Meter;
use super::settle::{Durability, Syncing};
use super::shared::Place;
use super::whole::Whole;

/// Shared by all clones.
pub(super) struct Disk {
    pub(super) root: PathBuf,
    pub(super) meter: Meter,
    pub(super) temporary: AtomicU64,
    pub(super) durability: Durability,
    /// For syncing many files in one call; `None` where that cannot be done.
    pub(super) whole: Option<Whole>,
    pub(super) syncing: Syncing,
    /// Read by whoever gives a file its name, written by whoever must be sure that a name stays on its file.
    pub(super) naming: RwLock<()>,
    /// The locks, and what is this process's own where several share the folder.
    pub(super) place: Place,
}

/// Tells whether a file is still the same: what a change of its bytes changes too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::storage) struct Stamp {
    pub(in crate::storage) size: u64,
    pub(in crate::storage) changed: i128,
    pub(in crate::storage) file: u64,
}

impl Stamp {
    pub(in crate::storage) fn of(metadata: &Metadata) -> Self {
        let since_epoch = |time: std::time::SystemTime| match time.duration_since(std::time::UNIX_EPOCH) {
            Ok(after) => after.as_nanos() as i128,
            Err(before) => -(before.duration().as_nanos() as i128),
        };
        let changed = metadata.modified().map(since_epoch).unwrap_or_default();
        #[cfg(unix)]
        let file = std::os::unix::fs::MetadataExt::ino(metadata);
        #[cfg(not(unix))]
        let file = 0;
        Self { size: metadata.len(), changed, file }
    }
}
