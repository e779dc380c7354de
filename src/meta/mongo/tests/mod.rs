//! The contract, and what MongoDB promises beyond it. Without a server these tests say that they are skipped; `tests/run`
//! starts one.

mod beside;
mod contract;
mod faults;
mod limits;
mod opening;
mod postings;
mod reads;
mod server;
mod statements;
mod wire;

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use mongodb::bson::{Document, doc};
use mongodb::{Client, Database};
use uuid::Uuid;

use super::super::contract::{Stores, World};
use super::super::{Meta, MetaError};
use super::Mongo;
use wire::Wire;

/// The value of a variable, or why the test is skipped. With `CI=true` nothing may be skipped.
fn given(variable: &str) -> Option<String> {
    let value = std::env::var(variable).ok();
    if value.is_none() {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "{variable} is not set, and CI=true says that no test is skipped"
        );
        eprintln!(
            "skipped: {variable} is not set; start one with `tests/services start FOLDER mongodb`, which says it"
        );
    }
    value
}

/// Databases of the test's own on the server that is there, dropped at its end.
struct Databases {
    server: String,
    made: Mutex<Vec<String>>,
}

impl Databases {
    /// `None` without a server.
    fn new() -> Option<Self> {
        given("PCLR_TEST_MONGODB").map(Self::on)
    }

    fn on(server: String) -> Self {
        Self { server, made: Mutex::default() }
    }

    /// On the other side of a wire.
    fn behind(wire: &Wire) -> Self {
        Self::on(format!("mongodb://127.0.0.1:{}/?directConnection=true", wire.port))
    }

    /// The address of a database that is not there yet.
    fn next(&self) -> String {
        let name = format!("pclr_test_{}", Uuid::now_v7().simple());
        self.made.lock().unwrap().push(name.clone());
        let (host, options) = self.server.rsplit_once('/').unwrap();
        format!("{host}/{name}{options}")
    }

    /// Drops those that were made so far: each is some sixty files that the server has open.
    async fn drop_all(&self) -> Result<(), MetaError> {
        let made = std::mem::take(&mut *self.made.lock().unwrap());
        let unavailable = |error: mongodb::error::Error| MetaError::Unavailable(error.into());
        let client = Client::with_uri_str(&self.server).await.map_err(unavailable)?;
        for name in made {
            client.database(&name).drop().await.map_err(unavailable)?;
        }
        Ok(())
    }

    async fn open(&self) -> Mongo {
        Mongo::open(&self.next()).await.unwrap()
    }
}

#[async_trait]
impl Stores for Databases {
    async fn empty(&self) -> Result<Meta, MetaError> {
        Ok(Arc::new(Mongo::open(&self.next()).await?).meta())
    }
}

impl Drop for Databases {
    fn drop(&mut self) {
        let (server, made) = (self.server.clone(), std::mem::take(&mut *self.made.lock().unwrap()));
        // The test's own runtime may be in the middle of a panic.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let client = Client::with_uri_str(format!("{server}&serverSelectionTimeoutMS=2000")).await.unwrap();
                for name in made {
                    // A server of the test's own may be gone by now.
                    let _ = client.database(&name).drop().await;
                }
            });
        });
        dropping.join().unwrap();
    }
}

/// A store that the test keeps at hand.
struct Opened(Arc<Mongo>);

#[async_trait]
impl Stores for Opened {
    async fn empty(&self) -> Result<Meta, MetaError> {
        Ok(self.0.clone().meta())
    }
}

/// A world in a store that is open.
async fn world(mongo: &Arc<Mongo>) -> World {
    World::new(&Opened(mongo.clone())).await.unwrap()
}

/// The database of an address, as any other program sees it.
async fn database(address: &str) -> Database {
    Client::with_uri_str(address).await.unwrap().default_database().unwrap()
}

/// A server by itself that takes no part in anything, asked directly.
async fn command(address: &str, command: Document) -> mongodb::error::Result<Document> {
    Client::with_uri_str(address).await?.database("admin").run_command(command).await
}

/// Events of a world by number, without gaps.
async fn numbers(world: &World) -> Vec<u64> {
    let numbers: Vec<u64> = world.events().await.unwrap().iter().map(|event| event.n).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
    assert_eq!(world.meta.ledger.head().await.unwrap().n, numbers.len() as u64);
    numbers
}

async fn is_primary(address: &str) -> bool {
    let hello = command(address, doc! { "hello": 1 }).await;
    hello.is_ok_and(|hello| hello.get_bool("isWritablePrimary").unwrap_or_default())
}
