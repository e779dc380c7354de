//! Which stored bytes were checked against their digest, and are trusted until their file changes.
//!
//! Forgets what was not used for long, which costs one more hash. Knows nothing of how bytes are read.

use std::sync::{Mutex, MutexGuard, PoisonError};

use object_store::ObjectMeta;

use super::disk::Stamp;
use super::recent::{PathId, Recent};

/// Blobs remembered: about 80 bytes each, so 40 MB at most.
const REMEMBERED: usize = 1 << 18;

/// How it is known that a file has its digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Proof {
    /// They were hashed on their way in. Enough to take a second push for the same.
    Written,
    /// They were hashed on their way out, since the start. Enough to hand them out.
    Read,
}

pub(super) struct Trust(Mutex<Recent<PathId, (Stamp, Proof)>>);

impl Default for Trust {
    fn default() -> Self {
        Self(Mutex::new(Recent::new(REMEMBERED)))
    }
}

impl Trust {
    /// Whether the file is as it was when there was such a proof, or a better one.
    pub(super) fn covers(&self, path: &str, stamp: Stamp, needed: Proof) -> bool {
        self.map().get(PathId::of(path)).is_some_and(|(known, proof)| known == stamp && proof >= needed)
    }

    pub(super) fn note(&self, path: &str, stamp: Stamp, proof: Proof) {
        self.map().insert(PathId::of(path), (stamp, proof));
    }

    pub(super) fn forget(&self, path: &str) {
        self.map().remove(&PathId::of(path));
    }

    fn map(&self) -> MutexGuard<'_, Recent<PathId, (Stamp, Proof)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stamp {
    /// The same for an object of any store: its tag changes with its bytes.
    pub(super) fn of_object(meta: &ObjectMeta) -> Self {
        use std::hash::{DefaultHasher, Hash as _, Hasher as _};
        let mut tag = DefaultHasher::new();
        (&meta.e_tag, &meta.version).hash(&mut tag);
        Self { size: meta.size, changed: meta.last_modified.timestamp_micros().into(), file: tag.finish() }
    }
}
