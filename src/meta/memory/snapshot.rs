//! The rows written down, so that a start need not replay every event, and read back.
//!
//! A snapshot is a line with a [`Header`], pages of rows, and the SHA-256 of all bytes before it. A page is its length, in four bytes
//! with the least first, and that many bytes of postcard. It is a projection: whoever cannot believe one replays the events. What no
//! event says (uploads without a manifest, condemned blobs) is not in it for long: it is left out when the rows are read back, as a
//! replay would not have it either.
//!
//! Rows are written page by page under a lock that is held for one page, and are all of the moment in which the writing began.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::domain::{Area, Digest, Repository, Tag, Timestamp, Visibility};

use super::super::{Head, MetaError};
use super::state::{BlobState, Gathered, Held, Life, Link, PackageRow, Said, State, VersionRow, tables};
use super::stored::Stored;
use super::table::Table;
use super::{Archive, Memory};

/// The form of snapshots that this program writes, and the newest that it reads.
pub const SNAPSHOT: u32 = 2;

/// Which rows, and what is in them: to be raised by whoever changes what a row holds or what an event makes of it, so that
/// rows of the program before are not taken for today's.
const ROWS: u32 = 8;

/// Rows in one page.
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

/// Bytes of the SHA-256 at the end.
pub(super) const HASH: usize = 32;

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
        let written = serde_json::to_vec(&header).map_err(|error| error.to_string()).and_then(|mut bytes| {
            bytes.push(b'\n');
            self.write_rows(bytes).map_err(|error| error.to_string())
        });
        drop(thaw);
        let mut bytes =
            written.map_err(|error| MetaError::Corrupt(format!("a row cannot be written down: {error}")))?;
        let hash = Sha256::digest(&bytes);
        bytes.extend_from_slice(&hash);
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
        // All of it is read before any of it is believed, on another thread.
        let state = std::thread::scope(|scope| {
            let whole = scope.spawn(|| rows(snapshot).map(drop));
            let state = parts(snapshot).and_then(|(rows, _)| read_rows(rows));
            whole.join().map_err(|_| damaged("its digest cannot be compared"))?.and(state)
        });
        let mut state = state?;
        state.head = Head { n: header.event, time: header.time };
        state.events = Table::of([(header.event, last.clone())]);
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

/// What lies between header and digest, and the digest.
fn parts(snapshot: &[u8]) -> Result<(&[u8], &[u8; HASH]), Unbelievable> {
    let cut = || damaged("it has no end");
    let (before, hash) = snapshot.split_last_chunk::<HASH>().ok_or_else(cut)?;
    let begin = before.iter().position(|byte| *byte == b'\n').ok_or_else(cut)? + 1;
    Ok((&before[begin..], hash))
}

/// The pages, after the digest was found to be right.
fn rows(snapshot: &[u8]) -> Result<&[u8], Unbelievable> {
    let (rows, hash) = parts(snapshot)?;
    if Sha256::digest(&snapshot[..snapshot.len() - HASH]).as_slice() != hash {
        return Err(damaged("its bytes do not match its digest"));
    }
    Ok(rows)
}

/// Cuts the pages apart.
fn pages(mut rows: &[u8]) -> Result<Vec<&[u8]>, Unbelievable> {
    let mut pages = Vec::new();
    while !rows.is_empty() {
        let page = rows.split_first_chunk().and_then(|(length, behind)| {
            let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
            behind.split_at_checked(length)
        });
        let (page, behind) = page.ok_or_else(|| damaged("a page is cut"))?;
        pages.push(page);
        rows = behind;
    }
    Ok(pages)
}

/// Reads the pages of rows, on as many threads as the machine has: they are most of a start.
fn read_rows(rows: &[u8]) -> Result<State, Unbelievable> {
    let (pages, next) = (pages(rows)?, AtomicUsize::new(0));
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(8);
    let read = || {
        let mut read = Vec::new();
        while let Some((at, page)) = {
            let at = next.fetch_add(1, Ordering::Relaxed);
            pages.get(at).map(|page| (at, page))
        } {
            read.push((at, postcard::from_bytes::<Page>(page)?));
        }
        Ok::<_, postcard::Error>(read)
    };
    let parts: Vec<_> = std::thread::scope(|scope| {
        let reading: Vec<_> = (0..threads).map(|_| scope.spawn(read)).collect();
        reading.into_iter().map(|thread| thread.join().map_err(|_| damaged("its rows cannot be read"))).collect()
    });
    let mut read = Vec::with_capacity(pages.len());
    for part in parts {
        read.extend(part?.map_err(damaged)?);
    }
    read.sort_unstable_by_key(|(at, _)| *at);
    let mut pages = Pages::default();
    read.into_iter().for_each(|(_, page)| pages.add(page));
    let unreadable = || damaged("its rows cannot be read");
    let mut state = pages.state().ok_or_else(unreadable)?;
    let (indexes, links) = std::thread::scope(|scope| {
        let links = scope.spawn(|| state.links_that_no_event_names());
        Some((state.indexes()?, links.join().ok()?))
    })
    .ok_or_else(unreadable)?;
    state.take(indexes);
    state.leave_out_what_no_event_says(links);
    Ok(state)
}

macro_rules! declare_pages {
    (
        { $($(#[$doc:meta])* $table:ident: $key:ty => $row:ty,)+ }
        $followers:tt
    ) => {
        /// Rows of one table.
        #[derive(Deserialize)]
        #[expect(non_camel_case_types, reason = "called as the tables are")]
        enum Page {
            $($table(Vec<($key, <$row as Stored>::Form)>),)+
        }

        /// The same, to be written.
        #[derive(Serialize)]
        #[expect(non_camel_case_types, reason = "called as the tables are")]
        enum Written<'a> {
            $($table(Vec<(&'a $key, &'a <$row as Stored>::Form)>),)+
        }

        /// What was read of each table.
        #[derive(Default)]
        struct Pages {
            $($table: Vec<Vec<($key, <$row as Stored>::Form)>>,)+
        }

        impl Pages {
            fn add(&mut self, page: Page) {
                match page {
                    $(Page::$table(rows) => self.$table.push(rows),)+
                }
            }

            /// The tables, each made on a thread of its own.
            fn state(self) -> Option<State> {
                std::thread::scope(|scope| {
                    $(let $table = scope.spawn(move || {
                        let rows = self.$table.into_iter().flatten();
                        Table::of(rows.map(|(key, form)| (key, <$row>::of(form))))
                    });)+
                    let mut state = State::new();
                    $(state.$table = $table.join().ok()?;)+
                    Some(state)
                })
            }
        }

        impl Memory {
            pub(super) fn write_rows(&self, mut bytes: Vec<u8>) -> Result<Vec<u8>, postcard::Error> {
                $({
                    let mut after: Option<$key> = None;
                    loop {
                        let page = self.read().$table.frozen_page(after.as_ref(), PAGE);
                        if page.is_empty() {
                            break;
                        }
                        let rows = page.iter().map(|(key, row)| (key, row.form())).collect();
                        let written = postcard::to_allocvec(&Written::$table(rows))?;
                        let length = u32::try_from(written.len()).map_err(|_| postcard::Error::SerializeBufferFull)?;
                        bytes.extend_from_slice(&length.to_le_bytes());
                        bytes.extend_from_slice(&written);
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
    fn leave_out_what_no_event_says(&mut self, links: Vec<(Repository, Digest)>) {
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
    /// Those links.
    fn links_that_no_event_names(&self) -> Vec<(Repository, Digest)> {
        let is_gone = |area: &Area, digest: &Digest| {
            self.blobs.get(&(area.clone(), *digest)).is_none_or(|blob| blob.life == Life::Deleting)
        };
        let links = self.links.iter().filter(|((_, digest), link)| !link.recorded || is_gone(&link.area, digest));
        links.map(|(key, _)| key.clone()).collect()
    }
}
