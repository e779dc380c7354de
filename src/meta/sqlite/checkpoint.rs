//! Checkpoints: what the log holds is copied into the file of the database, on a thread and a connection of their own.
//!
//! Left to SQLite, a COMMIT does it: thousands of pages, scattered over a file of 5 GB, are written and synced while every
//! change waits, 100 ms and more.
//!
//! **Copying holds up nobody.** When the log has grown, the thread copies it by passive checkpoints, which wait neither for
//! writers nor for readers. SQLite syncs the log before it copies, so that no page is in the file before it is durable in the
//! log. The file itself it syncs only if nobody wrote meanwhile; under steady writes the thread does it instead, or all that
//! was ever copied would be left to the one sync that counts.
//!
//! **The log begins anew** only where all of it is copied, the file is synced and nobody reads from the log, which under steady
//! writes is never so by itself. When the log is long enough and little is left, the writer does the rest between two
//! transactions: few pages and their sync. How long that takes is that of a commit, not that of a checkpoint.
//!
//! **A reader keeps what it may still need.** A checkpoint stops at the state that the oldest reader sees. Then the log grows,
//! and copying is tried again when it has grown further, never in a loop. If it comes to [`Pages::limit`], whether by readers,
//! or because writers are faster than the disk, or because the thread is gone, the writer does all that it can and waits
//! longer for readers, once each time that the log grows by as much again.
//!
//! **What fails costs no commit**: it is logged and tried again after the next growth. Except a sync: Linux forgets the pages
//! that it could not write, so that a second sync says yes though they are lost. They are in the log still. Nothing is copied
//! any more then, not even on closing, and the next start copies the whole log again. Known hole: somebody else who has the
//! same file open and closes it last knows nothing of this.
//!
//! This wants SQLite 3.51.3. Before, a checkpoint beside a writer that let the log begin anew could pass over pages and lose them
//! (<https://sqlite.org/wal.html#walresetbug>).

use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ffi};

use super::pool::BUSY;

/// Pages that the log grows by before they are copied: 4 MiB. Behind what one copy gives the disk to write, every other sync
/// on that disk waits, those of commits and of blobs too; in small portions it is spread over the time in which it came about.
/// The price is that a page that many changes touch is written once for each copy; most are not, as digests scatter over the
/// tables. Not measured yet: 1024 against 2048 and 8192.
const CHECKPOINT_PAGES: i64 = 1024;
/// What a log is long: 32 MiB.
const RESTART_PAGES: i64 = 8192;

pub(super) const PAGES: Pages =
    Pages { grown: CHECKPOINT_PAGES, restart: RESTART_PAGES, little: 256, limit: 8 * RESTART_PAGES };

/// Copies in a row. Each has to do what was written during the one before; four bring it down to little, unless writers are
/// about as fast as the disk.
const PASSES: usize = 4;
/// How long the writer waits for readers, so that the log can begin anew. Most reads take a millisecond; one that takes
/// longer is not worth holding up changes for.
const PATIENCE: Duration = Duration::from_millis(20);
/// The same at the limit: long enough that of reads that follow each other without a gap two can end.
const PATIENCE_AT_LIMIT: Duration = Duration::from_millis(250);
/// A page of 4 KiB, SQLite's default, and what the log says of it.
const FRAME_BYTES: i64 = 4096 + 24;

/// When what is done, in pages of the log.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pages {
    /// The log is copied when it has grown by so many.
    pub grown: i64,
    /// It is to begin anew once it is so long.
    pub restart: i64,
    /// So many at the most are left to the writer, if they can be brought down to that.
    pub little: i64,
    /// The writer does all itself once the log is so long.
    pub limit: i64,
}

impl Pages {
    /// Bytes of the log's file that are kept when it begins anew. Writing into what is there is cheaper than growing; what a
    /// long read made of it is given back.
    pub fn kept(self) -> i64 {
        2 * self.restart * FRAME_BYTES
    }
}

/// Belongs to the thread that writes.
pub(super) struct Checkpointer {
    pages: Pages,
    turn: Arc<Mutex<Turn>>,
    wake: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    /// How long the log was when the thread was last woken, or the writer last did something itself.
    seen: i64,
    /// [`Pages::limit`], and more while readers do not let the log begin anew.
    limit: i64,
}

/// Who does the next step. Only the one whose turn it is gives it away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// Nobody, until the log has grown.
    Nobody,
    /// The thread copies.
    Thread,
    /// The writer does the little that is left.
    Writer,
    /// A sync has failed.
    Never,
}

impl Checkpointer {
    /// Takes over a connection whose `synchronous` is not OFF and that leaves the log alone when it closes.
    pub fn start(connection: Connection, pages: Pages) -> std::io::Result<Self> {
        let (wake, woken) = mpsc::channel();
        let turn = Arc::new(Mutex::new(Turn::Nobody));
        let shared = turn.clone();
        let run = move || {
            while woken.recv().is_ok() {
                let next = copy(&connection, pages).unwrap_or_else(|error| after(&error));
                hand(&shared, Turn::Thread, next);
            }
        };
        let thread = std::thread::Builder::new().name("sqlite-checkpoint".into()).spawn(run)?;
        Ok(Self { pages, turn, wake: Some(wake), thread: Some(thread), seen: 0, limit: pages.limit })
    }

    /// Looks at the log for the first time. What migrations, or a process that was killed, left in it is for the thread, however
    /// much it is.
    pub fn begin(&mut self, writer: &Connection) {
        if let Ok(Some(log)) = Log::of(writer) {
            self.limit = log.frames + self.pages.limit;
        }
        self.between(writer);
    }

    /// Looks at the log, from the writer's thread between two transactions, and does or asks for what is due.
    pub fn between(&mut self, writer: &Connection) {
        let log = match Log::of(writer) {
            Ok(Some(log)) => log,
            Ok(None) => return,
            Err(error) => {
                tracing::warn!(%error, "how long the log of the database is cannot be told");
                return;
            }
        };
        if log.frames < self.seen {
            // It has begun anew.
            self.seen = 0;
            self.limit = self.pages.limit;
        }
        match self.turn() {
            Turn::Never => {}
            _ if log.frames >= self.limit => {
                if self.finish(writer, log, PATIENCE_AT_LIMIT) {
                    self.limit = log.frames + self.pages.limit;
                }
            }
            Turn::Writer if log.frames >= self.pages.restart => {
                self.finish(writer, log, PATIENCE);
            }
            // The log has begun anew by itself: there was a moment in which nobody wrote.
            Turn::Writer => hand(&self.turn, Turn::Writer, Turn::Nobody),
            Turn::Nobody if log.frames - self.seen >= self.pages.grown => self.wake(log),
            Turn::Nobody | Turn::Thread => {}
        }
    }

    /// Ends the thread. The writer's connection, which closes next, copies what is left, unless a sync has failed.
    pub fn end(mut self, writer: &Connection) {
        self.join();
        if self.turn() == Turn::Never
            && let Err(error) = writer.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
        {
            tracing::error!(%error, "the log of the database cannot be kept for the next start");
        }
    }

    fn turn(&self) -> Turn {
        *self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&mut self, log: Log) {
        self.seen = log.frames;
        hand(&self.turn, Turn::Nobody, Turn::Thread);
        if let Some(wake) = &self.wake {
            // Of a thread that is gone nothing comes back: the writer goes on alone, at the limit.
            let _ = wake.send(());
        }
    }

    /// Does the rest on the writer's connection. False if somebody else is copying, so that nothing was done: then it is tried
    /// again after the next transaction.
    fn finish(&mut self, writer: &Connection, log: Log, patience: Duration) -> bool {
        let begun = Instant::now();
        let next = match restart(writer, patience) {
            Ok(None) => return false,
            Ok(Some(done)) => {
                let micros = begun.elapsed().as_micros() as u64;
                tracing::debug!(frames = done.frames, left = done.left(), micros, "end of a checkpoint");
                Turn::Nobody
            }
            Err(error) => after(&error),
        };
        self.seen = log.frames;
        hand(&self.turn, Turn::Writer, next);
        true
    }

    fn join(&mut self) {
        self.wake = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.join();
    }
}

/// Gives the turn away, if it is where the giver believes it to be. After a failed sync it stays where it is.
fn hand(turn: &Mutex<Turn>, from: Turn, to: Turn) {
    let mut turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
    if *turn == from || to == Turn::Never {
        *turn = to;
    }
}

/// Whose turn it is after a failure.
fn after(error: &rusqlite::Error) -> Turn {
    if error.sqlite_error().is_some_and(|error| error.extended_code == ffi::SQLITE_IOERR_FSYNC) {
        tracing::error!(
            %error,
            "a sync of the database failed: its log is kept whole and grows until the next start, which copies it again"
        );
        return Turn::Never;
    }
    tracing::warn!(%error, "the log of the database cannot be copied, trying again when it has grown");
    Turn::Nobody
}

/// Copies what the log holds, and syncs the file.
fn copy(connection: &Connection, pages: Pages) -> rusqlite::Result<Turn> {
    let Some(mut log) = Log::of(connection)? else { return Ok(Turn::Nobody) };
    for _ in 0..PASSES {
        let begun = Instant::now();
        // Somebody else is at it.
        let Some(pass) = checkpoint(connection, How::Passive)? else { return Ok(Turn::Nobody) };
        if pass.copied == log.copied {
            // All is copied, or a reader stays where it was.
            return Ok(Turn::Nobody);
        }
        sync(connection)?;
        let micros = begun.elapsed().as_micros() as u64;
        let Some(now) = Log::of(connection)? else { return Ok(Turn::Nobody) };
        tracing::debug!(frames = now.frames, copied = now.copied, left = now.left(), micros, "a checkpoint");
        log = now;
        if log.frames < pages.restart {
            return Ok(Turn::Nobody);
        }
        if log.left() <= pages.little {
            return Ok(Turn::Writer);
        }
    }
    // It gets no less. As much as one portion may hold changes up; more waits for a quieter moment, or for the limit.
    Ok(if log.left() <= pages.grown { Turn::Writer } else { Turn::Nobody })
}

/// Copies the rest and waits for those who read from the log: the next transaction then begins it anew. Writers wait meanwhile.
fn restart(writer: &Connection, patience: Duration) -> rusqlite::Result<Option<Log>> {
    writer.busy_timeout(patience)?;
    let done = checkpoint(writer, How::Restart);
    writer.busy_timeout(BUSY)?;
    done
}

/// How far the log and its copying are, in pages since it last began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Log {
    frames: i64,
    copied: i64,
}

impl Log {
    /// Reads it from the index of the log, which is in memory.
    fn of(connection: &Connection) -> rusqlite::Result<Option<Self>> {
        checkpoint(connection, How::Look)
    }

    fn left(self) -> i64 {
        self.frames - self.copied
    }
}

/// <https://sqlite.org/pragma.html#pragma_wal_checkpoint>
enum How {
    /// Copies nothing.
    Look,
    /// Copies what nobody needs to wait for.
    Passive,
    /// Waits for other writers, copies all, and waits until nobody reads from the log, as long as the connection's timeout
    /// allows.
    Restart,
}

/// `None` if another connection is copying, or just writing the index of the log, or there is no log.
fn checkpoint(connection: &Connection, how: How) -> rusqlite::Result<Option<Log>> {
    let sql = match how {
        How::Look => "PRAGMA main.wal_checkpoint(NOOP)",
        How::Passive => "PRAGMA main.wal_checkpoint(PASSIVE)",
        How::Restart => "PRAGMA main.wal_checkpoint(RESTART)",
    };
    // Who could not be waited for is in the first column; the others say what is left because of it.
    let mut statement = connection.prepare_cached(sql)?;
    let log = statement.query_row([], |row| Ok(Log { frames: row.get(1)?, copied: row.get(2)? }))?;
    Ok(Some(log).filter(|log| log.frames >= 0))
}

/// Waits until all that was copied is on the disk. Nothing relies on it: before the log begins anew SQLite syncs the file itself,
/// and has little to do then.
///
/// SQLite's own handle of the file does it, as nobody else may open that: whoever closes a file drops the locks that its
/// process has on it (<https://sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_>),
/// and then another process could take the database for one that nobody uses.
#[allow(unsafe_code)]
fn sync(connection: &Connection) -> rusqlite::Result<()> {
    const FILE: i32 = ffi::SQLITE_FCNTL_FILE_POINTER;
    let mut file: *mut ffi::sqlite3_file = std::ptr::null_mut();
    // SAFETY: the connection is open, and no other thread uses it. SQLite writes one pointer to where the last argument
    // points; the file that it names lives as long as the connection, and its methods are static.
    let code = unsafe {
        let asked = ffi::sqlite3_file_control(connection.handle(), c"main".as_ptr(), FILE, (&raw mut file).cast());
        let methods = file.as_ref().and_then(|file| file.pMethods.as_ref());
        match methods.and_then(|methods| methods.xSync) {
            Some(method) if asked == ffi::SQLITE_OK => method(file, ffi::SQLITE_SYNC_NORMAL),
            _ => asked,
        }
    };
    match code {
        ffi::SQLITE_OK => Ok(()),
        code => Err(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)),
    }
}

#[cfg(test)]
mod tests;
