//! What a finding is called: where it is, what it is, what it means, and what mends it.

use std::collections::BTreeSet;

use super::finding::{Finding, NeededBy};
use crate::domain::{Area, Digest};
use crate::meta::Role;
use crate::storage::Key;

/// Names that are told; a layer may be in thousands of versions.
const NAMES_MAX: usize = 8;

/// A finding in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// Where it is: a path in the store, or a table of the database.
    pub place: String,
    /// What is so.
    pub what: String,
    /// What it means to users.
    pub means: String,
    /// What mends it.
    pub mends: String,
}

const REPAIR: &str = "pclr fsck --repair, with the server stopped";

impl Finding {
    /// The finding in words.
    pub fn words(&self) -> Words {
        let words = |place: String, what: &str, means: &str, mends: &str| Words {
            place,
            what: what.to_owned(),
            means: means.to_owned(),
            mends: mends.to_owned(),
        };
        let event = |n: &u64| Key::Event(*n).path();
        match self {
            Self::EventMissing { event: n, in_database: true } => words(
                event(n),
                "the object of the event is missing; the database has its bytes",
                "a rebuild from this store would stop here",
                REPAIR,
            ),
            Self::EventMissing { event: n, .. } => words(
                event(n),
                "the event is missing, and no database has its bytes",
                "what it changed is known to nobody, and what came after it cannot be read from the events",
                "the file of that name from a backup or a mirror of the store",
            ),
            Self::EventDamaged { event: n, why, in_database: true } => words(
                event(n),
                &format!("the object of the event is not what was written: {why}; the database has its bytes"),
                "a rebuild from this store would stop here",
                REPAIR,
            ),
            Self::EventDamaged { event: n, why, .. } => words(
                event(n),
                &format!("the event is not what was written: {why}"),
                "what it changed is known to nobody, and what came after it cannot be read from the events",
                "the file of that name from a backup or a mirror of the store",
            ),
            Self::EventCut { event: n } => words(
                event(n),
                "the last event was cut while it was written",
                "it was never acknowledged to anybody",
                "the next start, or pclr fsck --repair: it is removed",
            ),
            Self::EventDiverged { event: n } => words(
                event(n),
                "store and database hold different events under this number, and both are whole",
                "they are of different registries, or of one that went on twice from the same backup",
                "the database that belongs to this store, or pclr rebuild, which believes the store",
            ),
            Self::LedgerDamaged { event } => words(
                format!("event {event} in the database"),
                "it is not what was written; its object in the store is",
                "histories show something else than what happened",
                "pclr rebuild: it believes the store",
            ),
            Self::StoreAhead { head, last } => words(
                event(last),
                &format!("the store has events up to {last}, the database up to {head}"),
                "an older database was restored: changes are refused until it has caught up",
                "pclr rebuild --catch-up",
            ),
            Self::BatchInterrupted { digest, has_begun } => words(
                Key::EventBatch(*digest).path(),
                match has_begun {
                    true => "a batch of events was interrupted, and counts",
                    false => "a batch of events was interrupted before its first event, and never was",
                },
                "the next start finishes it, or removes what never counted",
                "the next start, or pclr fsck --repair",
            ),
            Self::FoldStopped { event: n, why } => words(
                event(n),
                &format!("the catalogue cannot be made of the events beyond this one: {why}"),
                "a rebuild would stop here; what later events name was not checked against them",
                "what is said of this event, or of the blobs that it names, in other lines",
            ),
            Self::CatalogueDiffers { table, row } => words(
                format!("table {table} of the database"),
                &format!("it says something else than the events: {row}"),
                "readers are told something else than what was acknowledged",
                "pclr rebuild: it makes the catalogue anew from the events",
            ),
            Self::SnapshotUnbelievable { event, why } => words(
                Key::EventSnapshot(*event).path(),
                why,
                "the next start reads every event, which takes longer; nothing is lost",
                "pclr fsck --repair removes it; a server writes another one",
            ),
            Self::LengthDiffers { area, digest, recorded, stored } => words(
                blob(area, digest),
                &format!("the database says that it has {recorded} bytes, and it has {stored}"),
                "clients are told a length that is wrong",
                REPAIR,
            ),
            Self::BlobsForgotten { area, blobs, bytes, example } => words(
                format!("{}/blobs", area.as_str()),
                &format!(
                    "{blobs} blobs with {bytes} bytes are named by nothing and known to no row, such as {example}"
                ),
                "no collection would ever remove them; they cost space and nothing else",
                "pclr fsck --repair: it leaves them to collection",
            ),
            Self::QuarantineLeft { path, is_whole } => words(
                path.clone(),
                match is_whole {
                    true => "a blob was moved away as damaged, and its bytes are whole; nothing names it",
                    false => "a damaged blob was moved away, and nothing names it any more",
                },
                "a rebuild may stop at it, since an event of long ago names it",
                "pclr fsck --repair removes it",
            ),
            Self::UploadUnusable { upload, why } => words(
                Key::Upload(*upload).path(),
                &format!("an upload cannot be gone on with: {why}"),
                "whoever sends it must begin anew",
                "collection removes it when it was idle for long, pclr fsck --repair at once",
            ),
            Self::Misplaced { path } => words(
                path.clone(),
                "it lies where only objects of the store lie, and is none",
                "nothing reads it, and nothing removes it",
                "whoever put it there; this program leaves alone what it does not know",
            ),
            Self::StaticWrong { path, why } => words(
                path.clone(),
                why,
                "who reads the static tree is shown something else than the registry",
                "pclr rebuild --static",
            ),
            Self::BlobDamaged { area, digest, why, needed_by, copy } => Words {
                place: blob(area, digest),
                what: format!("the stored bytes are damaged: {why}"),
                means: unreadable(needed_by),
                mends: match needed_by.is_empty() {
                    true => "pclr fsck --repair removes it".to_owned(),
                    false => restored(copy.as_deref(), needed_by),
                },
            },
            Self::BlobMissing { area, digest, needed_by, copy } => Words {
                place: blob(area, digest),
                what: "it is not there".to_owned(),
                means: unreadable(needed_by),
                mends: restored(copy.as_deref(), needed_by),
            },
        }
    }
}

fn blob(area: &Area, digest: &Digest) -> String {
    Key::Blob { area: area.clone(), digest: *digest }.path()
}

/// What is not served whole.
fn unreadable(needed_by: &[NeededBy]) -> String {
    let names: BTreeSet<&str> = needed_by.iter().map(|needed| needed.name.as_str()).collect();
    if names.is_empty() {
        return "nothing names it".to_owned();
    }
    let told: Vec<&str> = names.iter().copied().take(NAMES_MAX).collect();
    let more = match names.len() - told.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("needed by {}{more}", told.join(", "))
}

fn restored(copy: Option<&str>, needed_by: &[NeededBy]) -> String {
    if let Some(copy) = copy {
        return format!("{REPAIR}: {copy} is whole");
    }
    let has = |wanted: &[Role]| needed_by.iter().any(|needed| wanted.contains(&needed.role));
    let mut ways = Vec::new();
    if has(&[Role::Manifest, Role::Content]) {
        ways.push("pushing what needs it once more, from where it came from");
    }
    if has(&[Role::Record]) {
        // `pclr push` leaves a manifest alone that is there.
        ways.push("sending the version's manifest once more with a container tool, such as skopeo copy, to a registry of the release that published it");
    }
    if has(&[Role::Reason]) {
        ways.push("giving the reason once more: pclr yank or pclr deprecate");
    }
    if has(&[Role::Document]) {
        ways.push("saying once more what it held: pclr collection put, or pclr org set");
    }
    ways.push("the file of that name from a backup or a mirror of the store");
    ways.join("; or ")
}
