//! A database of a test's own on the server that the tests were given.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use pcl_registry::meta::contract::{Stores, World};
use pcl_registry::meta::{Address, Meta, MetaError, Postgres};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection as _};

/// The variable with the server's address.
const SERVER: &str = "PCLR_TEST_POSTGRES";

/// A database that goes when this is dropped, whoever still uses it.
pub struct Database {
    server: String,
    name: String,
}

impl Database {
    /// A new, empty database; `None` if there is no server. With `CI=true` that is a failure.
    pub fn new() -> Option<Self> {
        let Ok(server) = std::env::var(SERVER) else {
            assert!(
                std::env::var("CI").as_deref() != Ok("true"),
                "{SERVER} is not set, and CI=true says that it must be"
            );
            eprintln!("skipped: {SERVER} is not set; tests/run starts a server and sets it");
            return None;
        };
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name = format!("pclr_{}_{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let database = Self { server, name };
        database.on_server(format!("CREATE DATABASE {} TEMPLATE template0", database.name));
        Some(database)
    }

    pub fn url(&self) -> String {
        let (server, _) = self.server.rsplit_once('/').expect("the server's address names a database");
        format!("{server}/{}", self.name)
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn address(&self) -> Address {
        self.url().parse().unwrap()
    }

    /// Host and port of the server.
    pub fn place(&self) -> String {
        let url = self.url();
        let rest = url.rsplit_once('@').expect("the server's address names a user").1;
        rest.split('/').next().unwrap().to_owned()
    }

    /// The same address at another place.
    pub fn address_at(&self, place: &str) -> Address {
        self.url().replace(&self.place(), place).parse().unwrap()
    }

    pub async fn open(&self) -> Arc<Postgres> {
        Arc::new(Postgres::open(&self.address()).await.unwrap())
    }

    /// A world in this database.
    pub async fn world(&self) -> World {
        World::new(self).await.unwrap()
    }

    /// A connection of the test's own.
    pub async fn connect(&self) -> PgConnection {
        self.url().parse::<sqlx::postgres::PgConnectOptions>().unwrap().connect().await.unwrap()
    }

    /// Runs statements on a connection of the test's own.
    pub async fn run(&self, sql: &str) -> Vec<PgRow> {
        let mut connection = self.connect().await;
        let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        rows
    }

    /// Ends every other session in the database.
    pub async fn end_sessions(&self) {
        self.run(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .await;
    }

    /// Waits until so many sessions in the database wait for a lock.
    pub async fn until_waiting(&self, sessions: usize) {
        let waiting = "SELECT 1 FROM pg_stat_activity
                       WHERE datname = current_database() AND wait_event_type = 'Lock' AND state = 'active'";
        let begun = std::time::Instant::now();
        while self.run(waiting).await.len() < sessions {
            assert!(begun.elapsed().as_secs() < 20, "fewer than {sessions} sessions wait for a lock");
            tokio::task::yield_now().await;
        }
    }

    /// From a thread of its own: a test is asynchronous or not.
    fn on_server(&self, sql: String) {
        let server: sqlx::postgres::PgConnectOptions = self.server.parse().unwrap();
        let run = async move {
            let mut connection = server.connect().await.expect("the server at PCLR_TEST_POSTGRES answers");
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.expect("the statement runs");
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        std::thread::spawn(move || runtime.block_on(run)).join().unwrap();
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.on_server(format!("DROP DATABASE {} WITH (FORCE)", self.name));
        }
    }
}

#[async_trait]
impl Stores for Database {
    /// The same database each time.
    async fn empty(&self) -> Result<Meta, MetaError> {
        Ok(Arc::new(Postgres::open(&self.address()).await?).meta())
    }
}
