//! Servers that go away, connections that break, callers who leave.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures::FutureExt;
use mongodb::bson::doc;

use super::super::super::contract::faults::{Life, Met, Places, nothing_of_a_failed_change_stays};
use super::super::super::contract::{Artifact, Check, Failure, World, dump};
use super::super::super::{Atomicity, Catalog, MetaError};
use super::super::Mongo;
use super::server::{Server, Set};
use super::wire::{Fault, Wire};
use super::{Databases, database, numbers, world};

/// Collections whose documents cannot be written, but can be deleted.
struct Collections(String);

#[async_trait]
impl Places for Collections {
    async fn fail_at(&self, at: usize) -> Result<bool, Failure> {
        let database = database(&self.0).await;
        let mut names = database.list_collection_names().await?;
        names.sort_unstable();
        let Some(name) = names.get(at) else { return Ok(false) };
        database.run_command(doc! { "collMod": name, "validator": { "never": { "$exists": true } } }).await?;
        Ok(true)
    }

    async fn heal(&self) -> Result<(), Failure> {
        let database = database(&self.0).await;
        for name in database.list_collection_names().await? {
            database.run_command(doc! { "collMod": name, "validator": {} }).await?;
        }
        // Whoever opens the database puts its validators right.
        Ok(Mongo::open(&self.0).await.map(drop)?)
    }
}

/// One life: deletes, the others and the rest are in `statements.rs`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_at_any_collection_leaves_nothing() -> Check {
    let Some(databases) = Databases::new() else { return Ok(()) };
    let mut failures = 0;
    for at in 0.. {
        databases.drop_all().await?;
        let address = databases.next();
        let world = world(&Arc::new(Mongo::open(&address).await?)).await;
        match nothing_of_a_failed_change_stays(world, &Collections(address), Life::Batches, at).await? {
            Some(more) => failures += more,
            None => break,
        }
    }
    assert!(failures >= 10, "only {failures} changes failed");
    Ok(())
}

async fn unavailable<T>(operation: impl Future<Output = Result<T, MetaError>>, limit: u64) {
    let started = Instant::now();
    let Err(error) = operation.await else { panic!("it worked") };
    assert!(matches!(error, MetaError::Unavailable(_)), "{error}");
    assert!(started.elapsed() < Duration::from_secs(limit), "{:?}: {error}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_dies_is_unavailable_and_found_again() {
    let Some(mut server) = Server::start(Set::Member).await else { return };
    let databases = Databases::on(server.address());
    let world = world(&Arc::new(databases.open().await)).await;
    world.publish("acme/hello@1.0.0").await.unwrap();
    let before = dump(&world.meta).await.unwrap();
    let next = Artifact::new("acme/hello@2.0.0").unwrap();
    let change = [world.change(next.accept().unwrap())];
    server.kill();
    unavailable(world.meta.ledger.head(), 5).await;
    unavailable(world.meta.catalog.apply(&change, Atomicity::Each), 5).await;
    server.restart().await;
    assert_eq!(dump(&world.meta).await.unwrap(), before, "what was acknowledged survived");
    world.push(&next).await.unwrap();
    // One that hangs holds nobody for ever.
    server.signal("-STOP");
    unavailable(world.meta.ledger.head(), 15).await;
    unavailable(world.meta.catalog.apply(&change, Atomicity::Each), 30).await;
    server.signal("-CONT");
    world.publish("acme/hello@3.0.0").await.unwrap();
    assert_eq!(numbers(&world).await.len(), 3);
}

/// The connection breaks at every message of a publish, before it and after it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_breaks_at_any_message_loses_and_doubles_nothing() {
    let Some(server) = Server::start(Set::Member).await else { return };
    for fault in [Fault::NotDone, Fault::Done] {
        let wire = Wire::to(format!("127.0.0.1:{}", server.port()), fault).await;
        let databases = Databases::behind(&wire);
        let world = world(&Arc::new(databases.open().await)).await;
        let mut published = 0;
        loop {
            let artifact = Artifact::new(&format!("acme/hello@{published}.0.0")).unwrap();
            wire.trap.set(published);
            // What failed may be asked for again, until it stands.
            let mut outcome = push(&world, &artifact).await;
            let met = wire.trap.take();
            for _ in 0..5 {
                if outcome.is_ok() {
                    break;
                }
                outcome = push(&world, &artifact).await;
            }
            outcome.unwrap_or_else(|error| panic!("{fault:?} {published}: {error}"));
            published += 1;
            assert_eq!(numbers(&world).await.len(), published, "{fault:?}");
            if met == Met::Nowhere {
                break;
            }
        }
        assert!(published > 10, "a publish takes more than {published} messages");
        assert_eq!(world.releases("acme/hello").await.unwrap().len(), published);
    }
}

async fn push(world: &World, artifact: &Artifact) -> Check {
    for (digest, size) in artifact.blobs() {
        world.meta.blobs.link(&artifact.repository, &artifact.area, &digest, size, world.now()).await?;
    }
    world.act(artifact.accept()?).await??;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_who_leaves_holds_up_nobody() {
    let Some(databases) = Databases::new() else { return };
    let mongo = Arc::new(databases.open().await);
    let world = world(&mongo).await;
    for at in 0..10 {
        let artifact = Artifact::new(&format!("acme/hello@{at}.0.0")).unwrap();
        world.upload(&artifact).await.unwrap();
        let changes = [world.change(artifact.accept().unwrap())];
        let applied = Box::pin(mongo.apply(&changes, Atomicity::Each));
        // Polled once, and left somewhere on its way.
        assert!(applied.now_or_never().is_none());
    }
    let started = Instant::now();
    world.publish("acme/other@1.0.0").await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    numbers(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn publishers_on_two_servers_leave_no_gaps() {
    let Some(databases) = Databases::new() else { return };
    let address = databases.next();
    let mut worlds = Vec::new();
    for _ in 0..2 {
        worlds.push(Arc::new(world(&Arc::new(Mongo::open(&address).await.unwrap())).await));
    }
    let mut publishers = tokio::task::JoinSet::new();
    for at in 0..32 {
        let world = worlds[at % 2].clone();
        // Each version is published on both.
        publishers.spawn(async move {
            let artifact = Artifact::new(&format!("acme/hello@{}.0.0", at / 2)).unwrap().seed(&at.to_string());
            world.try_push(&artifact).await.unwrap().is_ok()
        });
    }
    let won = publishers.join_all().await.into_iter().filter(|won| *won).count();
    assert_eq!(won, 16);
    assert_eq!(numbers(&worlds[0]).await.len(), 16);
    assert_eq!(dump(&worlds[0].meta).await.unwrap(), dump(&worlds[1].meta).await.unwrap());
}
