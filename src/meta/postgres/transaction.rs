//! Transactions that write. They run on blocking threads, statement by statement, so that the engine that all stores share can
//! drive them, and to their end, whether or not the caller still waits.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgRow;
use tokio::runtime::Handle;

use crate::domain::Timestamp;

use super::super::column::unsigned;
use super::super::{Head, MetaError};
use super::error::{is_broken, is_conflict};
use super::pool::{Lease, Pool};
use super::sql::{Query, get};

/// How often a transaction is run when the server ends it because of another one.
const ATTEMPTS: usize = 3;

/// Begins, locks the counter and reads the head: one round trip. Every later statement sees what was committed before the lock
/// was had.
const BEGIN_CHANGE: &str = "BEGIN; SELECT n, time FROM counter WHERE one = 1 FOR UPDATE";

/// Begins what may take long: it goes over all blobs.
const BEGIN_SWEEP: &str = "BEGIN; SET LOCAL statement_timeout = '10min'";
const SWEEP: Duration = Duration::from_secs(11 * 60);

/// Whether what a transaction did is to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Commit,
    RollBack,
}

/// An open transaction.
pub(super) struct Sql<'a> {
    lease: Lease<'a>,
    pool: &'a Pool,
    runtime: Handle,
    /// By the label's id, how many packages have gained or lost it, all and those that everybody sees. Not written yet.
    pub(super) label_changes: BTreeMap<i32, (i64, i64)>,
}

impl Sql<'_> {
    /// Runs a statement whose answer does not matter.
    pub fn run(&mut self, query: Query) -> Result<(), MetaError> {
        self.rows(query, |_| Ok(())).map(drop)
    }

    /// All rows of a query.
    pub fn rows<T>(
        &mut self,
        query: Query,
        read: impl Fn(&PgRow) -> Result<T, MetaError>,
    ) -> Result<Vec<T>, MetaError> {
        let rows = self.runtime.block_on(self.lease.rows(query)).map_err(|error| self.pool.failed(error))?;
        rows.iter().map(read).collect()
    }

    /// The first row of a query, if there is one.
    pub fn row<T>(
        &mut self,
        query: Query,
        read: impl Fn(&PgRow) -> Result<T, MetaError>,
    ) -> Result<Option<T>, MetaError> {
        Ok(self.rows(query, read)?.into_iter().next())
    }

    fn end(mut self, end: End) -> Result<(), MetaError> {
        let sql = match end {
            End::Commit => "COMMIT",
            End::RollBack => "ROLLBACK",
        };
        self.runtime.block_on(self.lease.script(sql)).map_err(|error| self.pool.failed(error))?;
        self.lease.is_clean = true;
        Ok(())
    }
}

impl Pool {
    /// Runs `work` under the lock of the counter, with the head. Nothing of it is kept if it fails.
    pub async fn change<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl Fn(&mut Sql<'_>, Head) -> Result<(T, End), MetaError> + Send + 'static,
    ) -> Result<T, MetaError> {
        let work = move |sql: &mut Sql<'_>, begun: &[PgRow]| {
            let head = begun.first().map(head).transpose()?;
            work(sql, head.ok_or_else(|| MetaError::Corrupt("the event counter is gone".to_owned()))?)
        };
        self.transact(BEGIN_CHANGE, None, work).await
    }

    /// Runs `work` without a lock, and gives each of its statements minutes.
    pub async fn sweep<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl Fn(&mut Sql<'_>) -> Result<(T, End), MetaError> + Send + 'static,
    ) -> Result<T, MetaError> {
        self.transact(BEGIN_SWEEP, Some(SWEEP), move |sql, _| work(sql)).await
    }

    async fn transact<T: Send + 'static>(
        self: &Arc<Self>,
        begin: &'static str,
        limit: Option<Duration>,
        work: impl Fn(&mut Sql<'_>, &[PgRow]) -> Result<(T, End), MetaError> + Send + 'static,
    ) -> Result<T, MetaError> {
        let (pool, runtime) = (self.clone(), Handle::current());
        let run = move || {
            let mut attempt = 1;
            loop {
                match pool.attempt(&runtime, begin, limit, &work) {
                    Err(error) if is_conflict(&error) && attempt < ATTEMPTS => attempt += 1,
                    ended => return ended,
                }
            }
        };
        tokio::task::spawn_blocking(run).await.map_err(|failed| MetaError::Unavailable(Box::new(failed)))?
    }

    fn attempt<T>(
        &self,
        runtime: &Handle,
        begin: &'static str,
        limit: Option<Duration>,
        work: &impl Fn(&mut Sql<'_>, &[PgRow]) -> Result<(T, End), MetaError>,
    ) -> Result<T, MetaError> {
        let (lease, begun) = runtime.block_on(self.begin(begin, limit)).map_err(|error| self.failed(error))?;
        let mut sql = Sql { lease, pool: self, runtime: runtime.clone(), label_changes: BTreeMap::new() };
        match work(&mut sql, &begun) {
            Ok((made, end)) => sql.end(end).map(|()| made),
            Err(error) => {
                // If this fails, or nobody would hear it, the connection is closed and the server does it.
                if !sql.lease.is_broken {
                    let _ = sql.end(End::RollBack);
                }
                Err(error)
            }
        }
    }

    /// A connection with an open transaction. Tried twice, as after a restart of the server: nothing has happened yet.
    async fn begin(
        &self,
        begin: &'static str,
        limit: Option<Duration>,
    ) -> Result<(Lease<'_>, Vec<PgRow>), sqlx::Error> {
        match self.begin_once(begin, limit).await {
            Err(error) if is_broken(&error) => self.begin_once(begin, limit).await,
            begun => begun,
        }
    }

    async fn begin_once(
        &self,
        begin: &'static str,
        limit: Option<Duration>,
    ) -> Result<(Lease<'_>, Vec<PgRow>), sqlx::Error> {
        let mut lease = self.lease().await?;
        lease.limit = limit.unwrap_or(lease.limit);
        lease.is_clean = false;
        let begun = lease.script(begin).await?;
        Ok((lease, begun))
    }
}

/// Number and time of the last event.
pub(super) fn head(row: &PgRow) -> Result<Head, MetaError> {
    Ok(Head { n: unsigned(get(row, 0)?), time: Timestamp::from_micros(get(row, 1)?) })
}
