//! What a check can find, and how bad it is.

use serde::Serialize;

use crate::domain::{Area, Digest};
use crate::meta::{Role, Table};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Something is left over, or lacks what another place has: nobody is given anything wrong.
    Untidy,
    /// Something that was acknowledged is lost or altered, or is not served.
    Damage,
}

/// Who needs a blob, and what for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct NeededBy {
    /// Versions, images and collections, as people write them.
    pub name: String,
    /// What the blob is to them.
    pub role: Role,
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "finding", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Finding {
    /// An event has no object.
    EventMissing {
        /// Its number.
        event: u64,
        /// Whether the database has its bytes.
        in_database: bool,
    },
    /// The object of an event is not what was written.
    EventDamaged {
        /// Its number.
        event: u64,
        /// What is wrong with it.
        why: String,
        /// Whether the database has its bytes.
        in_database: bool,
    },
    /// The last event of a store that owns itself was cut, and never acknowledged.
    EventCut {
        /// Its number.
        event: u64,
    },
    /// Object and database hold different events under one number.
    EventDiverged {
        /// The number.
        event: u64,
    },
    /// What the database keeps of an event is not what was written; the object is.
    LedgerDamaged {
        /// The number of the event.
        event: u64,
    },
    /// The store has events that the database lacks.
    StoreAhead {
        /// The last event of the database.
        head: u64,
        /// The last event of the store.
        last: u64,
    },
    /// A batch of events was interrupted.
    BatchInterrupted {
        /// The digest of its document.
        digest: Digest,
        /// Whether its first event is there, so that it counts.
        has_begun: bool,
    },
    /// The events cannot be folded beyond one of them.
    FoldStopped {
        /// That one.
        event: u64,
        /// Why.
        why: String,
    },
    /// The database says something else than the events.
    CatalogueDiffers {
        /// In which table.
        table: Table,
        /// The first row in which it does.
        row: String,
    },
    /// A snapshot cannot be believed.
    SnapshotUnbelievable {
        /// The event that it is of.
        event: u64,
        /// Why.
        why: String,
    },
    /// Stored bytes have another digest than their name.
    BlobDamaged {
        /// The area.
        area: Area,
        /// What it is called.
        digest: Digest,
        /// What is wrong with the bytes.
        why: String,
        /// Who needs it.
        needed_by: Vec<NeededBy>,
        /// Where a copy lies that is whole.
        copy: Option<String>,
    },
    /// A blob that something names is not there.
    BlobMissing {
        /// The area.
        area: Area,
        /// What it is called.
        digest: Digest,
        /// Who needs it.
        needed_by: Vec<NeededBy>,
        /// Where a copy lies that is whole.
        copy: Option<String>,
    },
    /// The database has another length of a blob than its bytes.
    LengthDiffers {
        /// The area.
        area: Area,
        /// What it is called.
        digest: Digest,
        /// What the database says.
        recorded: u64,
        /// What there is.
        stored: u64,
    },
    /// Blobs that nothing names and no row tells of, so that no collection will ever remove them.
    BlobsForgotten {
        /// The area.
        area: Area,
        /// How many.
        blobs: u64,
        /// Their bytes.
        bytes: u64,
        /// One of them.
        example: Digest,
    },
    /// A damaged blob that was moved away, and that nothing names any more.
    QuarantineLeft {
        /// The path in the store.
        path: String,
        /// Whether its bytes are whole after all.
        is_whole: bool,
    },
    /// An upload that nobody can go on with.
    UploadUnusable {
        /// Its id.
        upload: uuid::Uuid,
        /// Why.
        why: String,
    },
    /// An object where only blobs, events or uploads lie, that is none.
    Misplaced {
        /// Its path.
        path: String,
    },
    /// A document of the static tree is wrong, or is not there, or ought not to be.
    StaticWrong {
        /// Its path.
        path: String,
        /// What is wrong with it.
        why: String,
    },
}

impl Finding {
    /// How bad it is.
    pub fn severity(&self) -> Severity {
        match self {
            Self::EventMissing { in_database: true, .. }
            | Self::EventDamaged { in_database: true, .. }
            | Self::EventCut { .. }
            | Self::StoreAhead { .. }
            | Self::BatchInterrupted { .. }
            | Self::SnapshotUnbelievable { .. }
            | Self::BlobsForgotten { .. }
            | Self::QuarantineLeft { .. }
            | Self::UploadUnusable { .. }
            | Self::Misplaced { .. }
            | Self::StaticWrong { .. } => Severity::Untidy,
            Self::BlobDamaged { needed_by, .. } if needed_by.is_empty() => Severity::Untidy,
            Self::EventMissing { .. }
            | Self::EventDamaged { .. }
            | Self::EventDiverged { .. }
            | Self::LedgerDamaged { .. }
            | Self::FoldStopped { .. }
            | Self::CatalogueDiffers { .. }
            | Self::BlobDamaged { .. }
            | Self::BlobMissing { .. }
            | Self::LengthDiffers { .. } => Severity::Damage,
        }
    }
}
