//! Connections that break, servers that go away, callers who do.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use pcl_registry::domain::Area;
use pcl_registry::meta::contract::faults::{Life, Places, nothing_of_a_failed_change_stays};
use pcl_registry::meta::contract::{Artifact, Check, Failure, Stores, World, dump};
use pcl_registry::meta::{Meta, MetaError, Postgres, Releases, Unknown};
use sqlx::Row as _;
use sqlx::postgres::PgConnection;

use super::database::Database;
use crate::proxy::Proxy;

/// A store that the test keeps at hand.
pub struct Opened(pub Arc<Postgres>);

#[async_trait]
impl Stores for Opened {
    async fn empty(&self) -> Result<Meta, MetaError> {
        Ok(self.0.clone().meta())
    }
}

/// Holds up whoever writes manifests; readers are let through.
pub async fn hold_up(database: &Database) -> PgConnection {
    let mut holding = database.connect().await;
    sqlx::raw_sql("BEGIN; LOCK TABLE manifests IN SHARE ROW EXCLUSIVE MODE").execute(&mut holding).await.unwrap();
    holding
}

pub async fn let_go(mut holding: PgConnection) {
    sqlx::raw_sql("ROLLBACK").execute(&mut holding).await.unwrap();
}

fn is_unavailable(failure: &Failure) -> bool {
    matches!(failure.downcast_ref::<MetaError>(), Some(MetaError::Unavailable(_)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_is_ended_in_the_middle_of_a_change_leaves_nothing() {
    let Some(database) = Database::new() else { return };
    let world = Arc::new(database.world().await);
    world.publish("acme/hello@1.0.0").await.unwrap();
    let before = dump(&world.meta).await.unwrap();
    let next = Artifact::new("acme/hello@2.0.0").unwrap();
    world.upload(&next).await.unwrap();
    let holding = hold_up(&database).await;
    let publishing = tokio::spawn({
        let (world, next) = (world.clone(), next.clone());
        async move { world.act(next.accept()?).await }
    });
    database.until_waiting(1).await;
    // The change has locked the counter, decided, and waits with its first row. Readers do not.
    assert_eq!(world.package("acme/hello").await.unwrap().versions, 1);
    let killed = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                  WHERE datname = current_database() AND wait_event_type = 'Lock'";
    assert_eq!(database.run(killed).await.len(), 1);
    let failure = publishing.await.unwrap().unwrap_err();
    assert!(is_unavailable(&failure), "{failure}");
    let_go(holding).await;
    assert_eq!(dump(&world.meta).await.unwrap(), before);
    world.push(&next).await.unwrap();
    assert_eq!(world.events().await.unwrap().len(), 2);
}

/// Tables whose rows cannot be written.
struct Tables(Database);

#[async_trait]
impl Places for Tables {
    async fn fail_at(&self, at: usize) -> Result<bool, Failure> {
        let tables = self.0.run("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename").await;
        let Some(table) = tables.get(at) else { return Ok(false) };
        let table: String = table.try_get(0)?;
        self.0
            .run(&format!(
                "CREATE OR REPLACE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql
                     AS 'BEGIN RAISE EXCEPTION ''in the middle''; END';
                 CREATE TRIGGER fails AFTER INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION fails()"
            ))
            .await;
        Ok(true)
    }

    async fn heal(&self) -> Result<(), Failure> {
        self.0.run("DROP FUNCTION fails CASCADE").await;
        Ok(())
    }
}

/// One life: all of them are in `statements.rs`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_at_any_table_leaves_nothing() -> Check {
    let mut failures = 0;
    for at in 0.. {
        let Some(database) = Database::new() else { return Ok(()) };
        let world = database.world().await;
        match nothing_of_a_failed_change_stays(world, &Tables(database), Life::Batches, at).await? {
            Some(more) => failures += more,
            None => break,
        }
    }
    assert!(failures >= 10, "only {failures} changes failed");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_who_goes_away_does_not_stop_a_change() {
    let Some(database) = Database::new() else { return };
    let world = Arc::new(database.world().await);
    let hello = Artifact::new("acme/hello@1.0.0").unwrap();
    world.upload(&hello).await.unwrap();
    let holding = hold_up(&database).await;
    let publishing = tokio::spawn({
        let (world, hello) = (world.clone(), hello.clone());
        async move { world.act(hello.accept()?).await }
    });
    database.until_waiting(1).await;
    publishing.abort();
    assert!(publishing.await.unwrap_err().is_cancelled());
    assert_eq!(world.meta.ledger.head().await.unwrap().n, 0);
    let_go(holding).await;
    // The next change waits for the counter, and so for that one.
    assert_eq!(world.act(hello.accept().unwrap()).await.unwrap().unwrap().event, None);
    assert_eq!(world.releases("acme/hello").await.unwrap(), ["1.0.0"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_who_goes_away_costs_no_connection() {
    let Some(database) = Database::new() else { return };
    let world = Arc::new(database.world().await);
    let mut holding = database.connect().await;
    sqlx::raw_sql("BEGIN; LOCK TABLE packages").execute(&mut holding).await.unwrap();
    // More than there are connections.
    for _ in 0..3 {
        let readers = (0..12).map(|_| {
            let world = world.clone();
            tokio::spawn(async move { world.package("acme/hello").await.map(drop) })
        });
        let readers: Vec<_> = readers.collect();
        database.until_waiting(1).await;
        readers.iter().for_each(|reader| reader.abort());
        futures::future::join_all(readers).await;
    }
    let begun = Instant::now();
    assert_eq!(world.meta.ledger.head().await.unwrap().n, 0);
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    let_go(holding).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ended_sessions_are_not_noticed_by_the_next_caller() {
    let Some(database) = Database::new() else { return };
    let world = database.world().await;
    for round in 1..=5 {
        // Several idle connections, all ended.
        let (name, digest) = ("acme/hello".parse().unwrap(), pcl_registry::domain::Digest::sha256(b"unknown"));
        let reads = (0..8).map(|_| world.meta.catalog.releases(&name, Releases::Readable));
        assert!(futures::future::join_all(reads).await.iter().all(Result::is_ok));
        database.end_sessions().await;
        match round % 3 {
            0 => drop(world.meta.ledger.head().await.unwrap()),
            1 => drop(world.publish(&format!("acme/hello@{round}.0.0")).await.unwrap()),
            _ => drop(world.meta.blobs.touch(&Area::Public, &[digest], Unknown::PassOver, world.now()).await.unwrap()),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_comes_back_is_used_again() {
    let Some(database) = Database::new() else { return };
    let proxy = Proxy::start(database.place()).await;
    let store = Arc::new(Postgres::open(&database.address_at(&proxy.place)).await.unwrap());
    let world = World::new(&Opened(store)).await.unwrap();
    let hello = world.publish("acme/hello@1.0.0").await.unwrap();
    for round in 2..4 {
        proxy.cut().await;
        let begun = Instant::now();
        let next = Artifact::new(&format!("acme/hello@{round}.0.0")).unwrap();
        let read = world.package("acme/hello").await.map(drop).unwrap_err();
        let written = world.act(next.accept().unwrap()).await.map(drop).unwrap_err();
        let linked = world.upload(&next).await.unwrap_err();
        assert!(begun.elapsed() < Duration::from_secs(15), "three calls, five seconds each: {:?}", begun.elapsed());
        for failure in [read, written, linked] {
            assert!(is_unavailable(&failure), "{failure}");
            assert!(failure.to_string().contains("hint: see that the server runs"), "{failure}");
        }
        proxy.mend().await;
        world.push(&next).await.unwrap();
        assert_eq!(world.package("acme/hello").await.unwrap().versions, round);
    }
    assert_eq!(world.tag("acme/hello:1.0.0").await.unwrap(), Some(hello.digest()));
}

/// Connections break all the time; what was acknowledged is there, once, and numbers have no gaps.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_connections_that_break() {
    let Some(database) = Database::new() else { return };
    let proxy = Proxy::start(database.place()).await;
    let store = Arc::new(Postgres::open(&database.address_at(&proxy.place)).await.unwrap());
    let world = Arc::new(World::new(&Opened(store)).await.unwrap());
    let mut publishers = tokio::task::JoinSet::new();
    for publisher in 0..4 {
        let world = world.clone();
        publishers.spawn(async move {
            let (mut acknowledged, mut failed) = (Vec::new(), 0);
            for version in 0..60 {
                let artifact = Artifact::new(&format!("acme/p{publisher}@{version}.0.0")).unwrap();
                // A client asks again until it is told that it stands.
                loop {
                    match world.try_push(&artifact).await {
                        Ok(outcome) => break drop(outcome.unwrap()),
                        Err(failure) if is_unavailable(&failure) => failed += 1,
                        Err(other) => panic!("{other}"),
                    }
                }
                acknowledged.push(artifact);
            }
            (acknowledged, failed)
        });
    }
    let (mut acknowledged, mut failed) = (Vec::new(), 0);
    let mut breaking = tokio::time::interval(Duration::from_millis(100));
    loop {
        tokio::select! {
            joined = publishers.join_next() => match joined {
                Some(joined) => {
                    let (artifacts, failures) = joined.unwrap();
                    acknowledged.extend(artifacts);
                    failed += failures;
                }
                None => break,
            },
            _ = breaking.tick() => proxy.interrupt(),
        }
    }
    assert!(failed > 0, "the test breaks something");
    let events = world.events().await.unwrap();
    assert!(events.iter().map(|event| event.n).eq(1..=240), "each once, without gaps");
    for artifact in &acknowledged {
        assert_eq!(
            world.tag(&format!("{}:{}", artifact.repository, artifact.tags[0])).await.unwrap(),
            Some(artifact.digest())
        );
    }
    assert_eq!(acknowledged.len(), 240);
}
