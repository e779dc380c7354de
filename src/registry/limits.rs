//! What a registry takes, and for how long it waits.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::MANIFEST_MAX;
use crate::pack;
use crate::tlog::NoteSigner;

/// What a registry takes, and for how long it waits.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Largest blob, in bytes.
    pub blob: u64,
    /// Largest manifest, in bytes.
    pub manifest: usize,
    /// Whether a manifest that is no version of a package may name blobs that were never pushed.
    pub sparse_images: bool,
    /// Limits on the archives of artifacts that are published.
    pub archive: pack::Limits,
    /// How long an upload session may be idle.
    pub upload_idle: Duration,
    /// How long a blob that nothing references is kept, twice over: before it is condemned, and after.
    pub grace: Duration,
    /// Room for cached manifests, and as much again for small blobs, in bytes.
    pub cache: u64,
    /// Least number of events between two snapshots of a registry without a database.
    pub snapshot_every: u64,
    /// Whether the static tree is kept, and for how long what shows many packages gathers changes.
    pub static_tree: Option<Duration>,
    /// The key of the transparency log, whose name is the log's origin; without one none is kept.
    pub log: Option<Arc<NoteSigner>>,
}

impl Default for Limits {
    /// 20 GiB a blob, a day for uploads and for the grace period, 32 MiB for each cache, a snapshot every 2,048 events, no
    /// static tree and no log.
    fn default() -> Self {
        Self {
            blob: 20 << 30,
            manifest: MANIFEST_MAX,
            sparse_images: false,
            archive: pack::Limits::default(),
            upload_idle: Duration::from_secs(24 * 3600),
            grace: Duration::from_secs(24 * 3600),
            cache: 32 << 20,
            snapshot_every: 2048,
            static_tree: None,
            log: None,
        }
    }
}
