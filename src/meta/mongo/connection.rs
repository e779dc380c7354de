//! The way to the server: every operation outside a transaction passes through here, is counted, and ends in time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::TryStreamExt;
use mongodb::bson::{Document, doc};
use mongodb::error::Result as Driver;
use mongodb::options::{CollectionOptions, ReadConcern, WriteConcern};
use mongodb::{Client, Collection, Cursor, Database};
use serde::de::DeserializeOwned;

use super::super::MetaError;
use super::address::Address;
use super::error::{failed, message, unavailable};
use super::rows::Row;

/// Longest time for one operation: a server that accepts connections and answers nothing must not hold a caller for ever. One
/// that cannot be reached fails sooner.
pub(super) const OPERATION: Duration = Duration::from_secs(10);
/// The same for what reads or builds over a whole collection.
pub(super) const SWEEP: Duration = Duration::from_secs(3600);
/// The oldest server: wire protocol of MongoDB 6.0, with which this was tested.
const WIRE_VERSION: i32 = 17;
/// Documents in one answer; larger than any page, so that most lists take one round trip.
pub(super) const BATCH: u32 = 10_001;

/// A database, and the pool of connections below it. Clones share both.
#[derive(Clone)]
pub(super) struct Connection {
    pub client: Client,
    pub database: Database,
    /// Hosts and database, for messages.
    pub shown: Arc<str>,
    operations: Arc<AtomicU64>,
}

impl Connection {
    /// Connects and sees that the server has transactions.
    pub async fn open(address: &str) -> Result<Self, MetaError> {
        let Address { options, database, shown } = Address::parse(address).await?;
        let cannot = |error| MetaError::Unavailable(format!("{shown}: {error}").into());
        let client = Client::with_options(options).map_err(|error| cannot(message(&error)))?;
        let database = client.database(&database);
        let connection = Self { client, database, shown: shown.as_str().into(), operations: Arc::default() };
        let hello = connection.run(connection.database.run_command(doc! { "hello": 1 })).await;
        let hello = hello.map_err(|error| match error {
            MetaError::Unavailable(error) => cannot(format!(
                "{error}\nhint: check that the server runs, its address, and replicaSet if the address gives it"
            )),
            other => other,
        })?;
        // A router of a sharded cluster is no member of a set, and has transactions.
        let is_router = hello.get_str("msg").is_ok_and(|msg| msg == "isdbgrid");
        if !is_router && !hello.contains_key("setName") {
            return Err(cannot(
                "the server is no member of a replica set, and has no transactions\nhint: start it with --replSet rs0 and run \
                 rs.initiate() once in its shell: a set of one member is enough"
                    .to_owned(),
            ));
        }
        if hello.get_i32("maxWireVersion").unwrap_or_default() < WIRE_VERSION {
            return Err(cannot("the server is older than MongoDB 6.0\nhint: use a newer one".to_owned()));
        }
        Ok(connection)
    }

    pub fn operations(&self) -> u64 {
        self.operations.load(Ordering::Relaxed)
    }

    pub fn count(&self) {
        self.operations.fetch_add(1, Ordering::Relaxed);
    }

    /// What changes wrote, as a majority of members has it; writes are on a majority's disks.
    pub fn durable<T: Row>(&self) -> Collection<T> {
        self.database.collection(T::COLLECTION)
    }

    /// As the primary has it; a write is acknowledged by the primary alone.
    pub fn fresh<T: Row>(&self) -> Collection<T> {
        let options = CollectionOptions::builder()
            .read_concern(ReadConcern::local())
            .write_concern(WriteConcern::builder().w(mongodb::options::Acknowledgment::Nodes(1)).build())
            .build();
        self.database.collection_with_options(T::COLLECTION, options)
    }

    /// One operation.
    pub async fn run<T>(&self, operation: impl IntoFuture<Output = Driver<T>>) -> Result<T, MetaError> {
        self.count();
        within(OPERATION, operation.into_future()).await?.map_err(|error| failed(&error))
    }

    /// Everything that a query finds.
    pub async fn all<T: DeserializeOwned>(
        &self,
        query: impl IntoFuture<Output = Driver<Cursor<T>>>,
    ) -> Result<Vec<T>, MetaError> {
        self.run(async { query.await?.try_collect().await }).await
    }

    /// The same for a query over a whole collection.
    pub async fn sweep(
        &self,
        query: impl IntoFuture<Output = Driver<Cursor<Document>>>,
    ) -> Result<Vec<Document>, MetaError> {
        self.count();
        let found = async { query.await?.try_collect().await };
        within(SWEEP, found).await?.map_err(|error| failed(&error))
    }
}

/// Waits for an operation so long.
pub(super) async fn within<T>(time: Duration, operation: impl Future<Output = T>) -> Result<T, MetaError> {
    let late = |_| unavailable(format!("MongoDB did not answer for {} s; check the server", time.as_secs()));
    tokio::time::timeout(time, operation).await.map_err(late)
}
