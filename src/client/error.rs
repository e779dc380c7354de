//! Everything that can go wrong between here and a registry, as decisions that a caller can take.

use std::time::Duration;

use super::FilesError;
use crate::domain::api::ImportItem;
use crate::domain::{Digest, Name, Version};
use crate::pack::{PackError, UnpackError};

/// Why a call did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address cannot be that of a registry.
    #[error("{address:?} is not the address of a registry: {why}")]
    Address {
        /// As given.
        address: String,
        /// What is wrong.
        why: String,
    },
    /// The token holds what no header can. It is not repeated.
    #[error("the token cannot be sent: it holds line breaks or other characters that no token has")]
    Token,
    /// There is no such thing. Nothing was changed.
    #[error("{what} not found: {detail}")]
    NotFound {
        /// What was asked for.
        what: String,
        /// What the registry says.
        detail: String,
        /// What the registry advises.
        hint: Option<String>,
    },
    /// No version of the package lies in the range, or the tag names nothing.
    #[error("{0}")]
    NoMatch(String),
    /// The version is taken by other content. Nothing was changed.
    #[error("{name} {version} is published already, with other content{}", digest_of(.published))]
    VersionExists {
        /// The package.
        name: Name,
        /// The version, which cannot be published again.
        version: Version,
        /// Digest of the manifest that is published.
        published: Option<Digest>,
    },
    /// The registry understood and said no. Nothing was changed.
    #[error("the registry refuses {what}: {}", .said.detail)]
    Refused {
        /// What was asked for.
        what: String,
        /// What it says.
        said: Box<Refusal>,
    },
    /// No answer, or none to be had now. What was asked for may have happened; it is safe to ask again.
    #[error("no answer from {address} to {what}: {outage}")]
    Unavailable {
        /// The registry.
        address: String,
        /// What was asked for.
        what: String,
        /// In which way.
        outage: Outage,
    },
    /// What came is not what was asked for. It was thrown away.
    #[error("{what} failed verification: {why}")]
    NotVerified {
        /// What was asked for.
        what: String,
        /// What differs.
        why: String,
    },
    /// What came is larger than anything of its sort may be. It was thrown away.
    #[error("{what} is larger than {maximum} bytes, the most that is read")]
    TooLarge {
        /// What was asked for.
        what: String,
        /// The limit, in bytes.
        maximum: u64,
    },
    /// There is no server at the address, but a copy of a registry's files, which cannot do this.
    #[error("{address} is a copy of a registry's files, without a server: {what} cannot be had there")]
    NeedsServer {
        /// The copy.
        address: String,
        /// What was asked for.
        what: String,
    },
    /// An answer that is none of this protocol: is this a registry?
    #[error("the answer of {address} to {what} is not understood: {why}")]
    NotUnderstood {
        /// The registry.
        address: String,
        /// What was asked for.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// The archive of a pulled artifact is unsafe, damaged or no archive.
    #[error("{what} cannot be opened: {source}")]
    Unpack {
        /// Which artifact.
        what: String,
        /// Why.
        source: Box<UnpackError>,
    },
    /// The files make no artifact.
    #[error(transparent)]
    Pack(Box<PackError>),
    /// Something about files on this machine.
    #[error(transparent)]
    Files(#[from] FilesError),
}

/// What an error document says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// The code of the document, stable; empty if there was no document.
    pub code: String,
    /// What happened.
    pub detail: String,
    /// What to do next.
    pub hint: Option<String>,
    /// Content that it names: what is there instead.
    pub digest: Option<Digest>,
    /// Artifacts that are to blame, of an import that is all or nothing.
    pub items: Vec<ImportItem>,
}

/// In which way a registry is out of reach.
#[derive(Debug, thiserror::Error)]
pub enum Outage {
    /// No connection could be made.
    #[error("cannot connect: {0}")]
    Connect(String),
    /// The connection broke before the answer was complete.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// It asks to come back later: 429, 502, 503 or 504.
    #[error("it is busy or starting (HTTP {0})")]
    Busy(u16),
    /// Neither side sent a byte for this long.
    #[error("nothing came for {} seconds", .0.as_secs_f32())]
    Silent(Duration),
    /// Its own failure: any other status from 500 on.
    #[error("it failed (HTTP {status}): {detail}")]
    Failed {
        /// HTTP status.
        status: u16,
        /// What it says.
        detail: String,
    },
}

impl From<PackError> for ClientError {
    fn from(error: PackError) -> Self {
        Self::Pack(Box::new(error))
    }
}

impl ClientError {
    /// Whether the same call may succeed a moment later. Silence is not among these: it has cost long enough.
    pub(super) fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { outage: Outage::Connect(_) | Outage::Broken(_) | Outage::Busy(_), .. })
    }
}

fn digest_of(published: &Option<Digest>) -> String {
    published.map(|digest| format!(" ({digest})")).unwrap_or_default()
}
