//! The rows written down, so that a start need not replay every event, and read back.
//!
//! A snapshot is lines: a [`Header`], pages of rows, and a [`Trailer`] with the digest of all bytes before it. It is a projection:
//! whoever cannot believe one replays the events. What no event says (uploads without a manifest, condemned blobs) is not in it
//! for long: it is left out when the rows are read back, as a replay would not have it either.
//!
//! Rows are written page by page under a lock that is held for one page, and are all of the moment in which the writing began.

use std::cmp::Reverse;
use std::io::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::{Area, Digest, Name, Repository, Tag, Timestamp, Version, Visibility};

use super::super::{Head, MetaError, OrgSaid};
use super::state::{BlobState, Gathered, Held, Life, Link, PackageRow, State, VersionRow, tables};
use super::stored::Stored;
use super::table::Table;
use super::{Archive, Memory};

/// The form of snapshots that this program writes, and the newest that it reads.
pub const SNAPSHOT: u32 = 1;

/// Which rows, and what is in them: to be raised by whoever changes what a row holds or what an event makes of it, so that
/// rows of the program before are not taken for today's.
const ROWS: u32 = 7;

/// Rows in one line.
const PAGE: usize = 512;

/// The first line of a snapshot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Header {
    /// [`SNAPSHOT`].
    snapshot: u32,
    /// Number of the last event that is folded in.
    event: u64,
    /// Its time.
    time: Timestamp,
    /// Digest of its exact bytes: whose events these are.
    last: Digest,
    /// The release that wrote it.
    release: String,
    /// [`ROWS`].
    rows: u32,
}

/// The last line.
#[derive(Debug, Serialize, Deserialize)]
struct Trailer {
    /// Digest of every byte before this line.
    digest: Digest,
}

/// A snapshot, ready to be stored.
pub struct Snapshot {
    /// The last event that is folded in.
    pub event: u64,
    /// Digest of that event's exact bytes.
    pub last: Digest,
    /// What is to be stored.
    pub bytes: Bytes,
}

/// Why a snapshot is not believed.
#[derive(Debug, thiserror::Error)]
pub enum Unbelievable {
    /// It was written by a newer program, which may want it again.
    #[error("a newer program wrote it, in form {0}")]
    Newer(u32),
    /// Another release wrote it: what that one makes of events may differ.
    #[error("release {0} wrote it")]
    Release(String),
    /// It is not whole, or not what was written.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// The events of the store are not the ones that are folded in.
    #[error("it is of other events than the store's")]
    Foreign,
}

impl Memory {
    /// Writes the rows down, as they are now; later changes go on meanwhile and are not in it. `None` before the first event,
    /// and while another snapshot is being written. Blocks for as long as it takes to write all rows into memory.
    pub fn snapshot(&self) -> Result<Option<Snapshot>, MetaError> {
        let Ok(_turn) = self.snapshots.try_lock() else { return Ok(None) };
        let (head, last) = {
            let mut state = self.lock();
            let head = state.head;
            let Some(last) = state.events.get(&head.n).map(|bytes| Digest::sha256(bytes)) else { return Ok(None) };
            state.freeze();
            (head, last)
        };
        let thaw = Thaw(self);
        let release = env!("CARGO_PKG_VERSION").to_owned();
        let header = Header { snapshot: SNAPSHOT, event: head.n, time: head.time, last, release, rows: ROWS };
        let written = line(Vec::new(), &header).and_then(|bytes| self.write_rows(bytes));
        drop(thaw);
        let unwritable =
            |error: serde_json::Error| MetaError::Corrupt(format!("a row cannot be written down: {error}"));
        let bytes = written.map_err(unwritable)?;
        let digest = Digest::sha256(&bytes);
        let bytes = line(bytes, &Trailer { digest }).map_err(unwritable)?;
        Ok(Some(Snapshot { event: head.n, last, bytes: bytes.into() }))
    }

    /// Begins with the rows of a snapshot, in a memory without events. `last` are the exact bytes of event number `event`, which
    /// must be the last that is folded in; `archive` has all events, and is asked for those that came before.
    pub fn restore(
        &self,
        snapshot: &[u8],
        event: u64,
        last: &Bytes,
        archive: Arc<dyn Archive>,
    ) -> Result<Head, Unbelievable> {
        let header = header(snapshot)?;
        if header.event != event || Digest::sha256(last) != header.last {
            return Err(Unbelievable::Foreign);
        }
        let rows = rows(snapshot)?;
        let mut state = read_rows(rows)?;
        state.head = Head { n: header.event, time: header.time };
        state.events = Table::of([(header.event, last.clone())]);
        state.leave_out_what_no_event_says();
        *self.lock() = state;
        self.archive_in(archive);
        Ok(Head { n: header.event, time: header.time })
    }

    /// Whether a snapshot is whole, of this release, and of the same events as another one. Its rows are not read.
    pub fn verify(snapshot: &[u8], like: &Snapshot) -> Result<(), Unbelievable> {
        let header = header(snapshot)?;
        if (header.event, header.last) != (like.event, like.last) {
            return Err(Unbelievable::Foreign);
        }
        rows(snapshot).map(drop)
    }
}

/// Takes the frozen rows away, however the writing ended.
struct Thaw<'a>(&'a Memory);

impl Drop for Thaw<'_> {
    fn drop(&mut self) {
        self.0.lock().thaw();
    }
}

fn line(mut bytes: Vec<u8>, value: &impl Serialize) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_writer(&mut bytes, value)?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn damaged(error: impl std::fmt::Display) -> Unbelievable {
    Unbelievable::Damaged(error.to_string())
}

fn header(snapshot: &[u8]) -> Result<Header, Unbelievable> {
    /// What every form begins with.
    #[derive(Deserialize)]
    struct Form {
        snapshot: u32,
    }
    let first = snapshot.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let Form { snapshot: form } = serde_json::from_slice(first).map_err(damaged)?;
    if form > SNAPSHOT {
        return Err(Unbelievable::Newer(form));
    }
    let header: Header = serde_json::from_slice(first).map_err(damaged)?;
    let release = env!("CARGO_PKG_VERSION");
    if header.release != release || header.rows != ROWS {
        return Err(Unbelievable::Release(format!("{} (rows {})", header.release, header.rows)));
    }
    Ok(header)
}

/// The lines between header and trailer, after the digest was found to be right.
fn rows(snapshot: &[u8]) -> Result<&[u8], Unbelievable> {
    let cut = || damaged("it has no end");
    let whole = snapshot.strip_suffix(b"\n").ok_or_else(cut)?;
    let end = whole.iter().rposition(|byte| *byte == b'\n').ok_or_else(cut)? + 1;
    let trailer: Trailer = serde_json::from_slice(&whole[end..]).map_err(damaged)?;
    if Digest::sha256(&snapshot[..end]) != trailer.digest {
        return Err(damaged("its bytes do not match its digest"));
    }
    let begin = snapshot.iter().position(|byte| *byte == b'\n').ok_or_else(cut)? + 1;
    Ok(&snapshot[begin..end])
}

/// Reads the pages of rows, on as many threads as the machine has: they are most of a start.
fn read_rows(rows: &[u8]) -> Result<State, Unbelievable> {
    let lines: Vec<&[u8]> = rows.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(8);
    let part = lines.len().div_ceil(threads).max(1);
    let read = |lines: &[&[u8]]| -> Result<Vec<Page>, serde_json::Error> {
        lines.iter().map(|line| serde_json::from_slice(line)).collect()
    };
    let parts: Vec<_> = std::thread::scope(|scope| {
        let reading: Vec<_> = lines.chunks(part).map(|lines| scope.spawn(move || read(lines))).collect();
        reading.into_iter().map(|thread| thread.join().map_err(|_| damaged("its rows cannot be read"))).collect()
    });
    let mut pages = Pages::default();
    for part in parts {
        part?.map_err(damaged)?.into_iter().for_each(|page| pages.add(page));
    }
    Ok(pages.state())
}

macro_rules! declare_pages {
    ($($(#[$doc:meta])* $table:ident: $key:ty => $row:ty,)+) => {
        /// One line of rows.
        #[derive(Deserialize)]
        #[expect(non_camel_case_types, reason = "called as the tables are")]
        enum Page {
            $($table(Vec<($key, <$row as Stored>::Form)>),)+
        }

        /// What was read of each table.
        #[derive(Default)]
        struct Pages {
            $($table: Vec<($key, $row)>,)+
        }

        impl Pages {
            fn add(&mut self, page: Page) {
                match page {
                    $(Page::$table(rows) => {
                        self.$table.extend(rows.into_iter().map(|(key, form)| (key, <$row>::of(form))));
                    })+
                }
            }

            fn state(self) -> State {
                let mut state = State::new();
                $(state.$table = Table::of(self.$table);)+
                state
            }
        }

        impl Memory {
            pub(super) fn write_rows(&self, mut bytes: Vec<u8>) -> Result<Vec<u8>, serde_json::Error> {
                $({
                    let mut after: Option<$key> = None;
                    loop {
                        let page = self.read().$table.frozen_page(after.as_ref(), PAGE);
                        if page.is_empty() {
                            break;
                        }
                        let rows: Vec<_> = page.iter().map(|(key, row)| (key, row.form())).collect();
                        let _ = write!(bytes, "{{\"{}\":", stringify!($table));
                        serde_json::to_writer(&mut bytes, &rows)?;
                        bytes.extend_from_slice(b"}\n");
                        after = page.into_iter().next_back().map(|(key, _)| key);
                    }
                })+
                Ok(bytes)
            }
        }
    };
}

tables!(declare_pages);

impl State {
    /// Links that an upload or a mount made and that no event names since, and how far a collection was: a process that ended
    /// knows nothing of these, whether it had a snapshot or not.
    fn leave_out_what_no_event_says(&mut self) {
        let gone = |state: &Self, area: &Area, digest: &Digest| {
            state.blobs.get(&(area.clone(), *digest)).is_none_or(|blob| blob.life == Life::Deleting)
        };
        let links = self.links.iter().filter(|((_, digest), link)| !link.recorded || gone(self, &link.area, digest));
        let links: Vec<_> = links.map(|(key, _)| key.clone()).collect();
        for (repository, digest) in links {
            self.remove_link(&repository, &digest);
        }
        let blobs: Vec<_> = self.blobs.iter().filter(|(_, blob)| blob.life != Life::Live).collect();
        let blobs: Vec<_> = blobs.into_iter().map(|(key, blob)| (key.clone(), *blob)).collect();
        for (key, blob) in blobs {
            match blob.life {
                Life::Deleting => drop(self.blobs.remove(&key)),
                _ => self.blobs.insert(key, BlobState { life: Life::Live, ..blob }),
            }
        }
        self.commit();
    }
}
