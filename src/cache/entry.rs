//! What is kept, ready to be sent.

use std::sync::Arc;

use bytes::Bytes;

use super::Pulls;
use crate::domain::{Actor, Area, Digest, Timestamp};

/// A manifest, ready to be sent.
#[derive(Debug)]
pub struct CachedManifest {
    /// The exact bytes.
    pub bytes: Bytes,
    /// Its digest.
    pub digest: Digest,
    /// The digest as text.
    pub digest_text: Bytes,
    /// The digest as a strong entity tag, in quotes.
    pub etag: Bytes,
    /// Its media type.
    pub media_type: Bytes,
    /// Counts its downloads, where it may be a version of a package.
    pub pulls: Option<Arc<Pulls>>,
}

impl CachedManifest {
    /// Prepares the texts that every answer repeats.
    pub fn new(bytes: Bytes, digest: Digest, media_type: &str) -> Self {
        Self {
            bytes,
            digest,
            digest_text: Bytes::from(digest.to_string()),
            etag: Bytes::from(format!("\"{digest}\"")),
            media_type: Bytes::copy_from_slice(media_type.as_bytes()),
            pulls: None,
        }
    }

    /// The same with its downloads counted.
    pub fn counted(self, pulls: Option<Arc<Pulls>>) -> Self {
        Self { pulls, ..self }
    }
}

/// Where a blob is, for a repository that may read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CachedLink {
    /// Area that holds the bytes.
    pub area: Area,
    /// Length in bytes.
    pub size: u64,
}

/// Whose a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CachedLogin {
    /// Its owner.
    pub actor: Actor,
    /// From when on the token is of no use.
    pub expires: Option<Timestamp>,
}
