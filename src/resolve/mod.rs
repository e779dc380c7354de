//! Choosing versions: the best release for an npm range, and the one that `latest` names.
//!
//! Pure: the server answers with it and the client checks with it, from the same list of releases. Knows nothing of where
//! the list comes from.

mod choose;

pub use choose::{NoMatch, best, latest, newest_first};

use crate::domain::{Digest, Timestamp, Version};

/// A published version, as far as choosing it needs to know.
#[derive(Clone, Debug)]
pub struct Release {
    /// Its version.
    pub version: Version,
    /// Digest of its manifest.
    pub digest: Digest,
    /// Whether it must not be chosen any more, though it can be read.
    pub yanked: bool,
    /// Whether its authors advise against it. It is chosen all the same.
    pub deprecated: bool,
    /// When it was published.
    pub published: Timestamp,
}
