//! How long the log becomes, who waits for whom, and what is there afterwards.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::OpenFlags;
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::super::MetaError;
use super::super::pool::Pool;
use super::super::sql::{Sql, get};
use super::super::writer::{Durable, End};
use super::*;

/// So few that each is soon come to.
const FEW: Pages = Pages { grown: 64, restart: 256, little: 32, limit: 2048 };

const TABLE: &str = "CREATE TABLE IF NOT EXISTS filler (number INTEGER PRIMARY KEY, bytes BLOB NOT NULL)";
const INSERT: &str = "INSERT OR REPLACE INTO filler VALUES (?1, ?2)";

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("meta.sqlite");
    (folder, path)
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", path.display()))
}

/// A store with a table for bytes.
fn open(path: &Path) -> Arc<Pool> {
    let pool = Arc::new(Pool::open_with(path, FEW).unwrap());
    pool.with_writer(|writer| writer.execute_batch(TABLE)).unwrap();
    pool
}

/// A row of that many pages, all of whose bytes are `value`.
async fn write(pool: &Pool, number: i64, value: u8, pages: usize) {
    let work = move |sql: &Sql<'_>| {
        sql.run(INSERT, (number, vec![value; pages * 4096]))?;
        Ok(((), End::Commit))
    };
    pool.write(Durable::Now, work).await.unwrap();
}

fn count(sql: &Sql<'_>) -> Result<Option<i64>, MetaError> {
    sql.row("SELECT count(*) FROM filler", [], |row| get(row, 0))
}

/// So many rows of that many pages from each of several writers. The most pages that the log came to.
async fn write_at_once(pool: &Arc<Pool>, writers: i64, rows: i64, pages: usize) -> i64 {
    let mut writing = JoinSet::new();
    for writer in 0..writers {
        let pool = pool.clone();
        writing.spawn(async move {
            let mut longest = 0;
            for at in 0..rows {
                write(&pool, writer * rows + at, 1, pages).await;
                longest = longest.max(log(&pool).frames);
            }
            longest
        });
    }
    writing.join_all().await.into_iter().max().unwrap()
}

fn log(pool: &Pool) -> Log {
    loop {
        // Another store of the same file may just be writing the index.
        if let Some(log) = pool.with_writer(|writer| Log::of(writer).unwrap()) {
            return log;
        }
    }
}

/// A connection by itself, with the same table.
fn connection(path: &Path) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection.pragma_update(None, "journal_mode", "WAL").unwrap();
    connection.pragma_update(None, "wal_autocheckpoint", 0).unwrap();
    connection.execute_batch(TABLE).unwrap();
    connection
}

fn insert(connection: &Connection, number: i64, value: u8, pages: usize) {
    connection.execute(INSERT, (number, vec![value; pages * 4096])).unwrap();
}

/// The rows with their values, of a database that is whole.
fn contents(connection: &Connection) -> Vec<(i64, u8)> {
    let check: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
    let mut statement = connection.prepare("SELECT number, bytes FROM filler ORDER BY number").unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?))).unwrap();
    let row = |row: rusqlite::Result<(i64, Vec<u8>)>| {
        let (number, bytes) = row.unwrap();
        assert!(bytes.iter().all(|byte| *byte == bytes[0]), "row {number} is of two writes");
        (number, bytes[0])
    };
    rows.map(row).collect()
}

#[test]
fn the_build_has_a_sqlite_that_loses_no_pages_beside_a_checkpoint() {
    assert!(rusqlite::version_number() >= 3_051_003, "{}", rusqlite::version());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_stays_short_while_many_write_and_somebody_always_reads() {
    /// Takes some milliseconds.
    const LONG: &str = "WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < 20000)
        SELECT max(n) FROM counted";
    let (_folder, path) = folder();
    let pool = open(&path);
    let over = Arc::new(AtomicBool::new(false));
    let reader = (pool.clone(), over.clone());
    let reading = tokio::spawn(async move {
        let (pool, over) = reader;
        let mut longest = 0;
        while !over.load(Ordering::Relaxed) {
            let read = |sql: &Sql<'_>| {
                let before = count(sql)?;
                sql.row(LONG, [], |row| get::<i64>(row, 0))?;
                Ok((before, count(sql)?))
            };
            let (before, after) = pool.read(read).await.unwrap();
            assert_eq!(before, after, "one state");
            longest = longest.max(after.unwrap_or(0));
        }
        longest
    });
    let longest = write_at_once(&pool, 8, 100, 16).await;
    over.store(true, Ordering::Relaxed);
    assert!(reading.await.unwrap() > 0);
    // 12,800 pages were written, and more for what holds them together.
    assert!(longest < 3 * FEW.limit, "the log came to {longest} pages");
    drop(pool);
    assert_eq!(contents(&connection(&path)).len(), 800);
}

/// Under steady writes the log never ends by itself: the writer's own last step lets it begin anew, long before the limit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_begins_anew_before_its_limit_while_many_write() {
    let (_folder, path) = folder();
    let pool = open(&path);
    let longest = write_at_once(&pool, 4, 400, 1).await;
    assert!((FEW.restart..FEW.limit).contains(&longest), "the log came to {longest} pages");
}

#[test]
fn the_log_is_copied_while_a_transaction_is_open() {
    static WAITED: AtomicBool = AtomicBool::new(false);
    let (_folder, path) = folder();
    let (writer, copier) = (connection(&path), connection(&path));
    insert(&writer, 1, 1, 100);
    copier
        .busy_handler(Some(|_| {
            WAITED.store(true, Ordering::Relaxed);
            false
        }))
        .unwrap();
    writer.execute_batch("BEGIN IMMEDIATE").unwrap();
    insert(&writer, 2, 2, 1);
    assert_eq!(copy(&copier, FEW).unwrap(), Turn::Nobody);
    let log = Log::of(&copier).unwrap().unwrap();
    assert!(log.frames > 100 && log.left() == 0, "{log:?}");
    assert!(!WAITED.load(Ordering::Relaxed));
    writer.execute_batch("COMMIT").unwrap();
    assert_eq!(contents(&writer), [(1_i64, 1_u8), (2, 2)]);
}

/// A checkpointer whose thread is never done, and how it was woken.
fn stuck() -> (Checkpointer, mpsc::Receiver<()>) {
    let (wake, woken) = mpsc::channel();
    let turn = Arc::new(Mutex::new(Turn::Nobody));
    let checkpointer = Checkpointer { pages: FEW, turn, wake: Some(wake), thread: None, seen: 0, limit: FEW.limit };
    (checkpointer, woken)
}

#[test]
fn what_was_there_before_is_left_to_the_thread() {
    let (_folder, path) = folder();
    let writer = connection(&path);
    insert(&writer, 1, 1, FEW.limit as usize);
    let (mut checkpointer, woken) = stuck();
    checkpointer.begin(&writer);
    assert_eq!(woken.try_iter().count(), 1);
    assert_eq!(Log::of(&writer).unwrap().unwrap().copied, 0);
}

#[test]
fn a_thread_that_does_not_come_back_holds_up_nobody_and_the_log_stays_short() {
    let (_folder, path) = folder();
    let writer = connection(&path);
    let (mut checkpointer, woken) = stuck();
    let mut longest = 0;
    for number in 0..3 * FEW.limit / 32 {
        insert(&writer, number, 1, 32);
        checkpointer.between(&writer);
        longest = longest.max(Log::of(&writer).unwrap().unwrap().frames);
    }
    assert_eq!(woken.try_iter().count(), 1);
    assert!((FEW.limit..FEW.limit + 64).contains(&longest), "the log came to {longest} pages");
}

#[test]
fn copying_that_fails_costs_no_commit_and_the_log_stays_short() {
    let (_folder, path) = folder();
    let writer = connection(&path);
    insert(&writer, 0, 0, 32);
    let broken = || Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    assert!(copy(&broken(), FEW).is_err(), "nothing is copied into a file that is open for reading");
    let mut checkpointer = Checkpointer::start(broken(), FEW).unwrap();
    let rows = 3 * FEW.limit / 32;
    let mut longest = 0;
    for number in 0..rows {
        insert(&writer, number, 1, 32);
        checkpointer.between(&writer);
        longest = longest.max(Log::of(&writer).unwrap().unwrap().frames);
    }
    assert!((FEW.limit..2 * FEW.limit).contains(&longest), "the log came to {longest} pages");
    checkpointer.end(&writer);
    drop(writer);
    assert!(!beside(&path, "-wal").exists());
    assert_eq!(contents(&connection(&path)).len() as i64, rows);
}

#[test]
fn after_a_sync_that_failed_nothing_is_copied_until_the_next_start() {
    let (_folder, path) = folder();
    let writer = connection(&path);
    let mut checkpointer = Checkpointer::start(connection(&path), FEW).unwrap();
    let failure = rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_IOERR_FSYNC), None);
    hand(&checkpointer.turn, Turn::Thread, after(&failure));
    let rows = 2 * FEW.limit / 32;
    for number in 0..rows {
        insert(&writer, number, 1, 32);
        checkpointer.between(&writer);
    }
    let log = Log::of(&writer).unwrap().unwrap();
    assert!(log.frames >= 2 * FEW.limit && log.copied == 0, "{log:?}");
    checkpointer.end(&writer);
    drop(writer);
    assert!(std::fs::metadata(beside(&path, "-wal")).unwrap().len() > 0);
    let next = connection(&path);
    assert_eq!(contents(&next).len() as i64, rows);
    assert_eq!(Log::of(&next).unwrap().unwrap().copied, 0, "all of it is copied again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_keeps_the_log_and_its_end_lets_it_begin_anew() {
    let (_folder, path) = folder();
    let pool = open(&path);
    write(&pool, 0, 0, 1).await;
    let (begun, begins) = mpsc::channel();
    let (go_on, ends) = mpsc::channel::<()>();
    let reader = pool.clone();
    let reading = tokio::spawn(async move {
        let read = move |sql: &Sql<'_>| {
            let before = count(sql)?;
            begun.send(()).unwrap();
            ends.recv().unwrap();
            Ok((before, count(sql)?))
        };
        reader.read(read).await
    });
    tokio::task::spawn_blocking(move || begins.recv()).await.unwrap().unwrap();
    let seen = log(&pool).frames;
    for number in 1..60 {
        write(&pool, number, 1, 16).await;
    }
    let held = log(&pool);
    assert!(held.frames > 59 * 16 && held.copied <= seen, "{held:?}, begun at {seen}");
    go_on.send(()).unwrap();
    assert_eq!(reading.await.unwrap().unwrap(), (Some(1), Some(1)));
    let mut number = 60;
    while log(&pool).frames >= held.frames {
        assert!(number < 2000, "the log does not begin anew: {:?}", log(&pool));
        write(&pool, number, 1, 1).await;
        number += 1;
    }
    let kept = std::fs::metadata(beside(&path, "-wal")).unwrap().len();
    assert!(kept <= FEW.kept() as u64, "{kept} bytes are kept");
}

#[tokio::test]
async fn what_was_copied_and_what_was_not_is_there_after_a_crash_and_after_a_reopen() {
    let (_folder, path) = folder();
    let pool = open(&path);
    for value in 1..=3 {
        // Pages that one round gives up are those of the next.
        for number in 0..100 {
            write(&pool, number, value, 1 + usize::from(value)).await;
        }
    }
    let expected: Vec<(i64, u8)> = (0..100).map(|number| (number, 3)).collect();
    // As a crash leaves them. The log first: what is copied meanwhile is in it.
    let crashed = beside(&path, ".crashed");
    std::fs::copy(beside(&path, "-wal"), beside(&crashed, "-wal")).unwrap();
    std::fs::copy(&path, &crashed).unwrap();
    assert_eq!(contents(&connection(&crashed)), expected);
    drop(pool);
    assert!(!beside(&path, "-wal").exists());
    assert_eq!(contents(&connection(&path)), expected);
    let again = open(&path);
    assert_eq!(again.read(count).await.unwrap(), Some(100));
}

#[tokio::test]
async fn the_thread_ends_with_the_store() {
    let (_folder, path) = folder();
    for number in 0..10 {
        let pool = open(&path);
        write(&pool, number, 1, 500).await;
        // It has just been woken. A connection that were open still would keep both files.
        drop(pool);
        assert!(!beside(&path, "-wal").exists() && !beside(&path, "-shm").exists());
    }
    assert_eq!(contents(&connection(&path)).len(), 10);
    let checkpointer = Checkpointer::start(connection(&path), FEW).unwrap();
    let turn = Arc::downgrade(&checkpointer.turn);
    drop(checkpointer);
    assert!(turn.upgrade().is_none(), "the thread has let go of all that it had");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_stores_of_one_file_share_its_log() {
    let (_folder, path) = folder();
    let stores = [open(&path), open(&path)];
    let mut writing = JoinSet::new();
    for (pool, writer) in stores.iter().cycle().zip(0..8) {
        let pool = pool.clone();
        writing.spawn(async move {
            let mut longest = 0;
            for at in 0..50 {
                write(&pool, writer * 50 + at, 1, 16).await;
                longest = longest.max(log(&pool).frames);
            }
            longest
        });
    }
    let longest = writing.join_all().await.into_iter().max().unwrap();
    // Of more than 6,800.
    assert!(longest < 3 * FEW.limit, "the log came to {longest} pages");
    let [one, other] = stores;
    drop(one);
    assert!(beside(&path, "-wal").exists(), "the other has it open");
    write(&other, 400, 1, 16).await;
    drop(other);
    assert!(!beside(&path, "-wal").exists());
    assert_eq!(contents(&connection(&path)).len(), 401);
}
