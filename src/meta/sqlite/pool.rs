//! Connections: one writer behind a lock, a few readers, all used from blocking threads.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::super::MetaError;
use super::migrate::{MIGRATIONS, migrate};
use super::sql::{Sql, failed};

/// How many connections read at once. Reads are short, and more would only compete for the same disk.
const READERS: usize = 4;
/// How long a connection waits for another process that writes.
const BUSY: Duration = Duration::from_secs(10);
/// Statements that each connection keeps prepared: more than there are in this store.
const PREPARED: usize = 128;

/// The file could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot open {path}: {source}; check that its folder exists, can be written to and has space")]
struct OpenError {
    path: PathBuf,
    source: Box<dyn std::error::Error + Send + Sync>,
}

/// Whether a transaction is to be kept.
pub(super) enum End {
    Commit,
    RollBack,
}

/// When a transaction survives a loss of power. It survives the end of the process either way.
///
/// In WAL mode SQLite syncs the log at a commit only under `synchronous=FULL`, and such a sync covers the whole log: every
/// transaction before it is durable then too, in order, and none can be lost while a later one is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Durable {
    /// On return.
    Now,
    /// Together with the next one that is durable on return.
    WithNext,
}

impl Durable {
    fn synchronous(self) -> &'static str {
        match self {
            Self::Now => "FULL",
            Self::WithNext => "NORMAL",
        }
    }
}

/// The connection that writes, and what its `synchronous` is set to.
struct Writer {
    connection: Connection,
    durable: Durable,
}

pub(super) struct Pool {
    writer: Mutex<Writer>,
    readers: Mutex<Vec<Connection>>,
    /// As many permits as there are idle readers.
    idle: Semaphore,
    statements: AtomicU64,
}

impl Pool {
    pub fn open(path: &Path) -> Result<Self, MetaError> {
        let name = path.display().to_string();
        let explain = |error| match error {
            MetaError::Unavailable(source) => {
                MetaError::Unavailable(Box::new(OpenError { path: path.to_owned(), source }))
            }
            MetaError::Corrupt(what) => MetaError::Corrupt(format!("{name}: {what}")),
            other => other,
        };
        let open = || {
            let writer = connect(path)?;
            // Readers may then read while the writer writes; kept in the file.
            writer.pragma_update(None, "journal_mode", "WAL").map_err(failed)?;
            writer.pragma_update(None, "synchronous", Durable::Now.synchronous()).map_err(failed)?;
            writer.pragma_update(None, "foreign_keys", "ON").map_err(failed)?;
            migrate(&writer, &name, MIGRATIONS)?;
            let identity = "INSERT OR IGNORE INTO identity (one, id) VALUES (1, ?1)";
            writer.execute(identity, [Uuid::now_v7().to_string()]).map_err(failed)?;
            let readers = (0..READERS).map(|_| {
                let reader = connect(path)?;
                reader.pragma_update(None, "query_only", "ON").map_err(failed)?;
                Ok(reader)
            });
            Ok((writer, readers.collect::<Result<Vec<_>, _>>()?))
        };
        let (writer, readers) = open().map_err(explain)?;
        Ok(Self {
            writer: Mutex::new(Writer { connection: writer, durable: Durable::Now }),
            readers: Mutex::new(readers),
            idle: Semaphore::new(READERS),
            statements: AtomicU64::new(0),
        })
    }

    pub fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }

    /// Reads one state of the database: no change is seen halfway.
    pub async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Sql<'_>) -> Result<T, MetaError> + Send + 'static,
    ) -> Result<T, MetaError> {
        let pool = self.clone();
        // The permit goes along, so that it is given back only after the connection is.
        let permit = self.idle.acquire().await.map_err(|closed| MetaError::Unavailable(Box::new(closed)))?;
        permit.forget();
        blocking(move || {
            let reader = Reader { connection: pool.take_reader(), pool: &pool };
            let Some(connection) = &reader.connection else {
                return Err(MetaError::Unavailable("no connection is left to read with".into()));
            };
            let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Deferred).map_err(failed)?;
            let found = work(&Sql::new(&transaction, &pool.statements))?;
            transaction.commit().map_err(failed)?;
            Ok(found)
        })
        .await
    }

    /// Writes in one transaction that holds the write lock from its beginning. Rolls back on an error or a panic.
    pub async fn write<T: Send + 'static>(
        self: &Arc<Self>,
        durable: Durable,
        work: impl FnOnce(&Sql<'_>) -> Result<(T, End), MetaError> + Send + 'static,
    ) -> Result<T, MetaError> {
        let pool = self.clone();
        blocking(move || {
            // A panic while the lock was held has rolled its transaction back: the connection is sound.
            let mut writer = pool.writer.lock().unwrap_or_else(PoisonError::into_inner);
            if writer.durable != durable {
                writer.connection.pragma_update(None, "synchronous", durable.synchronous()).map_err(failed)?;
                writer.durable = durable;
            }
            let connection = &writer.connection;
            let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate).map_err(failed)?;
            let (made, end) = work(&Sql::new(&transaction, &pool.statements))?;
            match end {
                End::Commit => transaction.commit(),
                End::RollBack => transaction.rollback(),
            }
            .map_err(failed)?;
            Ok(made)
        })
        .await
    }

    /// Runs `work` on the writer, outside any transaction.
    #[cfg(test)]
    pub fn with_writer<T>(&self, work: impl FnOnce(&Connection) -> T) -> T {
        work(&self.writer.lock().unwrap_or_else(PoisonError::into_inner).connection)
    }

    fn take_reader(&self) -> Option<Connection> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
}

/// A reader that goes back to the pool however its use ends.
struct Reader<'a> {
    connection: Option<Connection>,
    pool: &'a Pool,
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.pool.readers.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
        self.pool.idle.add_permits(1);
    }
}

fn connect(path: &Path) -> Result<Connection, MetaError> {
    // Not SQLITE_OPEN_URI: a path is a path, whatever it begins with. Each connection is used by one thread at a time.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.busy_timeout(BUSY).map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(PREPARED);
    Ok(connection)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, MetaError> + Send + 'static,
) -> Result<T, MetaError> {
    tokio::task::spawn_blocking(work).await.map_err(|failed| MetaError::Unavailable(Box::new(failed)))?
}
