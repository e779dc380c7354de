//! Connections: up to twenty, shared by readers and writers. Nothing here waits without an end.

use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions, PgRow};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

use super::super::{Address, MetaError};
use super::error::{failed, is_broken, timed_out};
use super::migrate::{MIGRATIONS, identify, migrate};
use super::sql::Query;

/// Most connections: more would only compete for the same rows, and a server takes a hundred by default.
const CONNECTIONS: u32 = 20;
/// How long a caller waits for a connection, a new one included.
const ACQUIRE: Duration = Duration::from_secs(3);
/// A connection that lay idle for longer is asked whether it lives before it is used.
const FRESH: Duration = Duration::from_secs(1);
/// How long an answer may take. The server gives up earlier, at `statement_timeout`; this is for one that cannot be heard.
const ANSWER: Duration = Duration::from_secs(17);
/// The same for a migration, which may build an index over millions of rows.
const MIGRATION: Duration = Duration::from_secs(3600);
/// What each session is told, unless the address says otherwise. A server that vanishes in the middle of a change holds the counter
/// until its session is ended for idling.
const SESSION: [(&str, &str); 3] =
    [("statement_timeout", "15s"), ("lock_timeout", "12s"), ("idle_in_transaction_session_timeout", "10s")];
/// Statements that each connection keeps prepared: those of this store, and the lists that are asked for most.
const PREPARED: usize = 200;

pub(super) struct Pool {
    pool: PgPool,
    /// When a connection was last seen to be broken: those that lay idle since before then are suspect.
    broke: Arc<Mutex<Option<Instant>>>,
    round_trips: AtomicU64,
    /// The address, without its password.
    server: String,
}

impl Pool {
    /// Connects and brings the schema up to date. `schema`: where the tables are, if not where the address leads.
    pub async fn open(address: &Address, schema: Option<&'static str>) -> Result<Self, MetaError> {
        let server = address.to_string();
        let mut options = connect_options(address, &server)?;
        if let Some(schema) = schema {
            options = options.options([("search_path", schema)]);
        }
        let mut connection = connect(&options, &server).await?;
        migrate(&mut connection, &server, MIGRATIONS).await?;
        identify(&mut connection, &server).await?;
        drop(connection);
        let broke = Arc::<Mutex<Option<Instant>>>::default();
        let seen = broke.clone();
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(ACQUIRE)
            .test_before_acquire(false)
            .before_acquire(move |connection, idle| {
                let broke = *seen.lock().unwrap_or_else(PoisonError::into_inner);
                let suspect = broke.is_some_and(|broke| broke.elapsed() < idle.idle_for);
                Box::pin(async move {
                    if suspect || idle.idle_for > FRESH {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_lazy_with(options);
        Ok(Self { pool, broke, round_trips: AtomicU64::new(0), server })
    }

    pub fn round_trips(&self) -> u64 {
        self.round_trips.load(Ordering::Relaxed)
    }

    /// How its connections are made.
    pub fn options(&self) -> PgConnectOptions {
        (*self.pool.connect_options()).clone()
    }

    /// What a failure means, said with the server's address.
    pub fn failed(&self, error: sqlx::Error) -> MetaError {
        failed(&self.server, error)
    }

    /// A connection for one caller.
    pub async fn lease(&self) -> Result<Lease<'_>, sqlx::Error> {
        let connection = self.pool.acquire().await?;
        Ok(Lease { connection: Some(connection), limit: ANSWER, is_clean: true, is_broken: false, pool: self })
    }

    /// The rows that one statement answers with. It is asked again, once, if the connection turns out to be broken, as after a
    /// restart of the server: it must do no harm when it runs twice.
    pub async fn rows<T>(
        &self,
        query: impl Fn() -> Query,
        read: impl Fn(&PgRow) -> Result<T, MetaError>,
    ) -> Result<Vec<T>, MetaError> {
        let answer = match self.ask(query()).await {
            Err(error) if is_broken(&error) => self.ask(query()).await,
            answer => answer,
        };
        answer.map_err(|error| self.failed(error))?.iter().map(read).collect()
    }

    /// The first row, if there is one.
    pub async fn row<T>(
        &self,
        query: impl Fn() -> Query,
        read: impl Fn(&PgRow) -> Result<T, MetaError>,
    ) -> Result<Option<T>, MetaError> {
        Ok(self.rows(query, read).await?.into_iter().next())
    }

    async fn ask(&self, query: Query) -> Result<Vec<PgRow>, sqlx::Error> {
        self.lease().await?.rows(query).await
    }
}

/// A connection in use. It goes back to the pool only if nothing is under way on it; else it is closed, which ends its transaction.
pub(super) struct Lease<'a> {
    connection: Option<PoolConnection<sqlx::Postgres>>,
    /// How long an answer may take.
    pub limit: Duration,
    /// No statement is under way, no transaction is open, and the server is heard.
    pub is_clean: bool,
    /// The server is not heard any more.
    pub is_broken: bool,
    pool: &'a Pool,
}

impl Lease<'_> {
    /// Runs a statement with parameters.
    pub async fn rows(&mut self, query: Query) -> Result<Vec<PgRow>, sqlx::Error> {
        let (limit, was_clean) = (self.limit, self.begin());
        let answer = within(limit, query.fetch_all(self.connection()?)).await;
        self.end(answer, was_clean)
    }

    /// Runs statements without parameters, all in one go.
    pub async fn script(&mut self, sql: &'static str) -> Result<Vec<PgRow>, sqlx::Error> {
        let (limit, was_clean) = (self.limit, self.begin());
        let answer = within(limit, sqlx::raw_sql(sql).fetch_all(self.connection()?)).await;
        self.end(answer, was_clean)
    }

    fn connection(&mut self) -> Result<&mut PgConnection, sqlx::Error> {
        self.connection.as_deref_mut().ok_or(sqlx::Error::PoolClosed)
    }

    /// A caller who goes away in the middle leaves it unclean.
    fn begin(&mut self) -> bool {
        self.pool.round_trips.fetch_add(1, Ordering::Relaxed);
        std::mem::replace(&mut self.is_clean, false)
    }

    fn end<T>(&mut self, answer: Result<T, sqlx::Error>, was_clean: bool) -> Result<T, sqlx::Error> {
        match &answer {
            Err(error) if is_broken(error) => {
                self.is_broken = true;
                *self.pool.broke.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
            }
            _ => self.is_clean = was_clean,
        }
        answer
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take().filter(|_| !self.is_clean) {
            drop(connection.detach());
        }
    }
}

/// One connection outside any pool.
pub(super) async fn connect(options: &PgConnectOptions, server: &str) -> Result<PgConnection, MetaError> {
    within(ACQUIRE, options.connect()).await.map_err(|error| failed(server, error))
}

/// What the address says, and what every session of this program is told.
pub(super) fn connect_options(address: &Address, server: &str) -> Result<PgConnectOptions, MetaError> {
    let mut options = PgConnectOptions::from_str(address.reveal()).map_err(|error| failed(server, error))?;
    for (name, value) in SESSION {
        if !options.get_options().unwrap_or_default().contains(name) {
            options = options.options([(name, value)]);
        }
    }
    if options.get_application_name().is_none() {
        options = options.application_name("pclr");
    }
    Ok(options.statement_cache_capacity(PREPARED).disable_statement_logging())
}

/// Runs a migration, which has its own time.
pub(super) async fn migration(connection: &mut PgConnection, sql: &'static str) -> Result<Vec<PgRow>, sqlx::Error> {
    within(MIGRATION, sqlx::raw_sql(sql).fetch_all(connection)).await
}

/// Runs statements without parameters on a connection outside any pool.
pub(super) async fn script(connection: &mut PgConnection, sql: String) -> Result<Vec<PgRow>, sqlx::Error> {
    within(ANSWER, sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(connection)).await
}

async fn within<T>(limit: Duration, answer: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    tokio::time::timeout(limit, answer).await.unwrap_or_else(|_| Err(timed_out(limit)))
}
