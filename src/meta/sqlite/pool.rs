//! Connections: one that writes and one that copies the log, each on its own thread, and a few that read, from blocking threads.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::super::MetaError;
use super::checkpoint::{Checkpointer, PAGES, Pages};
use super::migrate::{MIGRATIONS, migrate};
use super::sql::{Sql, failed};
use super::statements::Statements;
use super::writer::{Durable, End, Writer};

/// How many connections read at once. Reads are short, and more would only compete for the same disk.
const READERS: usize = 4;
/// How long a connection waits for another process that writes.
pub(super) const BUSY: Duration = Duration::from_secs(10);
/// Pages that the writer keeps, in KiB.
const WRITER_CACHE_KIB: i64 = 8192;
/// Statements that each connection keeps prepared: more than there are in this store.
const PREPARED: usize = 128;

/// The file could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot open {path}: {source}; check that its folder exists, can be written to and has space")]
struct OpenError {
    path: PathBuf,
    source: Box<dyn std::error::Error + Send + Sync>,
}

pub(super) struct Pool {
    /// Before the writer, as fields are dropped in their order: its connection closes last, and copies the log then.
    readers: Mutex<Vec<Connection>>,
    writer: Writer,
    /// As many permits as there are idle readers.
    idle: Semaphore,
    statements: Arc<Statements>,
}

impl Pool {
    pub fn open(path: &Path) -> Result<Self, MetaError> {
        Self::open_with(path, PAGES)
    }

    pub fn open_with(path: &Path, pages: Pages) -> Result<Self, MetaError> {
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
            // The log is copied elsewhere: `checkpoint`.
            writer.pragma_update(None, "wal_autocheckpoint", 0).map_err(failed)?;
            writer.pragma_update(None, "journal_size_limit", pages.kept()).map_err(failed)?;
            writer.pragma_update(None, "cache_size", -WRITER_CACHE_KIB).map_err(failed)?;
            migrate(&writer, &name, MIGRATIONS)?;
            let identity = "INSERT OR IGNORE INTO identity (one, id) VALUES (1, ?1)";
            writer.execute(identity, [Uuid::now_v7().to_string()]).map_err(failed)?;
            let readers = (0..READERS).map(|_| {
                let reader = connect_beside(path)?;
                reader.pragma_update(None, "query_only", "ON").map_err(failed)?;
                Ok(reader)
            });
            let readers = readers.collect::<Result<Vec<_>, MetaError>>()?;
            let copier = connect_beside(path)?;
            copier.pragma_update(None, "synchronous", Durable::Now.synchronous()).map_err(failed)?;
            Ok((writer, readers, copier))
        };
        let (writer, readers, copier) = open().map_err(explain)?;
        let statements = Arc::<Statements>::default();
        let writer = Checkpointer::start(copier, pages)
            .and_then(|checkpointer| Writer::start(writer, checkpointer, statements.clone()))
            .map_err(|error| MetaError::Unavailable(error.into()))?;
        Ok(Self { readers: Mutex::new(readers), writer, idle: Semaphore::new(READERS), statements })
    }

    pub fn statements(&self) -> &Statements {
        &self.statements
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

    /// Writes in a transaction, perhaps with others: [`Writer::write`].
    pub async fn write<T: Send + 'static>(
        &self,
        durable: Durable,
        work: impl FnOnce(&Sql<'_>) -> Result<(T, End), MetaError> + Send + 'static,
    ) -> Result<T, MetaError> {
        self.writer.write(durable, work).await
    }

    /// Runs `work` on the writer, outside any transaction.
    #[cfg(test)]
    pub fn with_writer<T: Send + 'static>(&self, work: impl FnOnce(&Connection) -> T + Send + 'static) -> T {
        self.writer.outside(work)
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

/// A connection that leaves the log as it is when it closes: that is for the writer, which knows whether it may be copied.
fn connect_beside(path: &Path) -> Result<Connection, MetaError> {
    let connection = connect(path)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(failed)?;
    Ok(connection)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, MetaError> + Send + 'static,
) -> Result<T, MetaError> {
    tokio::task::spawn_blocking(work).await.map_err(|failed| MetaError::Unavailable(Box::new(failed)))?
}
