//! Many servers on one database: one sequence, no circle of locks, and few questions asked.

use std::sync::Arc;

use pcl_registry::domain::{Area, Digest, Timestamp};
use pcl_registry::meta::contract::{Artifact, World, dump};
use pcl_registry::meta::{Act, Atomicity, Refused, Unknown};
use sqlx::Row as _;

use super::database::Database;
use super::faults::{Opened, hold_up, let_go};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_on_one_database_share_one_sequence() {
    let Some(database) = Database::new() else { return };
    let worlds = [database.world().await, database.world().await, database.world().await].map(Arc::new);
    let mut publishers = tokio::task::JoinSet::new();
    for at in 0..60 {
        let world = worlds[at % 3].clone();
        // Each version is published by all three.
        publishers.spawn(async move {
            let artifact = Artifact::new(&format!("acme/hello@{}.0.0", at / 3)).unwrap().seed(&at.to_string());
            world.try_push(&artifact).await.unwrap().is_ok()
        });
    }
    let won = publishers.join_all().await.into_iter().filter(|won| *won).count();
    assert_eq!(won, 20);
    let expected = dump(&worlds[0].meta).await.unwrap();
    for world in &worlds[1..] {
        assert_eq!(dump(&world.meta).await.unwrap(), expected);
        assert_eq!(world.meta.ledger.identity().await.unwrap(), worlds[0].meta.ledger.identity().await.unwrap());
    }
    assert!(worlds[0].events().await.unwrap().iter().map(|event| event.n).eq(1..=20));
}

/// Artifacts whose blobs are those of others, in every order.
fn shared(at: usize) -> Artifact {
    Artifact::new(&format!("acme/p{}@{}.0.0", at % 3, at / 3)).unwrap().seed(&format!("shared {}", at % 5))
}

/// Uploads, pushes, touches, deletes and collections of the same few blobs, on two servers at once, with no grace period.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_in_a_circle_and_nothing_that_is_needed_is_deleted() {
    let Some(database) = Database::new() else { return };
    let worlds = [database.world().await, database.world().await].map(Arc::new);
    let mut tasks = tokio::task::JoinSet::new();
    for worker in 0..8 {
        let world = worlds[worker % 2].clone();
        tasks.spawn(async move {
            for round in 0..40 {
                work(&world, worker, round).await;
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    let deadlocks = database.run("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()").await;
    assert_eq!(deadlocks[0].get::<i64, _>(0), 0);
    let lost = "SELECT n.blob FROM manifest_blobs n
                JOIN manifests m ON m.repository = n.repository AND m.digest = n.manifest
                LEFT JOIN blobs b ON b.area = m.area AND b.digest = n.blob WHERE b.state IS DISTINCT FROM 0";
    // Condemned is not lost, but nobody condemns what is needed.
    assert!(database.run(lost).await.is_empty());
    let events = worlds[0].events().await.unwrap();
    assert!(events.iter().map(|event| event.n).eq(1..=events.len() as u64));
}

async fn work(world: &World, worker: usize, round: usize) {
    let artifacts = [shared(worker * 7 + round), shared(worker * 5 + round * 3), shared(worker + round * 2)];
    let digests: Vec<Digest> = artifacts.iter().flat_map(Artifact::blobs).map(|(digest, _)| digest).collect();
    let blobs = &world.meta.blobs;
    match (worker + round) % 4 {
        // Three changes in one transaction, with removals of links between.
        0 | 1 => {
            for artifact in &artifacts {
                for (digest, size) in artifact.blobs() {
                    blobs.link(&artifact.repository, &Area::Public, &digest, size, world.now()).await.unwrap();
                }
            }
            let unlink = Act::DeleteBlob { repository: artifacts[0].repository.clone(), digest: digests[0] };
            let mut acts = vec![unlink];
            acts.extend(artifacts.iter().map(|artifact| artifact.accept().unwrap()));
            acts.push(Act::DeleteManifest {
                repository: artifacts[1].repository.clone(),
                digest: artifacts[1].digest(),
            });
            let changes: Vec<_> = acts.into_iter().map(|act| world.change(act)).collect();
            for outcome in world.meta.catalog.apply(&changes, Atomicity::Each).await.unwrap() {
                assert!(!matches!(outcome, Err(Refused::Batch | Refused::KindDiffers { .. })), "{outcome:?}");
            }
        }
        2 => drop(blobs.touch(&Area::Public, &digests, Unknown::PassOver, world.now()).await.unwrap()),
        _ => {
            blobs.condemn(later(), world.now()).await.unwrap();
            let taken = blobs.take_condemned(later(), 5).await.unwrap();
            blobs.forget(&taken).await.unwrap();
        }
    }
}

/// A time after everything that a check does.
fn later() -> Timestamp {
    Timestamp::from_micros(4_000_000_000_000_000)
}

/// A change has found a condemned blob, and has not written yet that it needs it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_running_change_counts_on_is_not_taken() {
    let Some(database) = Database::new() else { return };
    let world = Arc::new(database.world().await);
    let hello = Artifact::new("acme/hello@1.0.0").unwrap();
    world.upload(&hello).await.unwrap();
    assert_eq!(world.meta.blobs.condemn(later(), world.now()).await.unwrap(), 2);
    let holding = hold_up(&database).await;
    let publishing = tokio::spawn({
        let (world, hello) = (world.clone(), hello.clone());
        async move { world.act(hello.accept()?).await }
    });
    database.until_waiting(1).await;
    let taking = tokio::spawn({
        let world = world.clone();
        async move { world.meta.blobs.take_condemned(later(), 10).await }
    });
    database.until_waiting(2).await;
    let_go(holding).await;
    publishing.await.unwrap().unwrap().unwrap();
    assert_eq!(taking.await.unwrap().unwrap(), []);
}

/// A blob was found to be unneeded, and somebody comes to need it before it is condemned, or just then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_written_meanwhile_is_not_condemned() {
    let Some(database) = Database::new() else { return };
    let world = Arc::new(database.world().await);
    world.upload(&Artifact::image("plain:v1").unwrap()).await.unwrap();
    let condemn = || {
        let world = world.clone();
        tokio::spawn(async move { world.meta.blobs.condemn(later(), world.now()).await.unwrap() })
    };
    let mut writing = database.connect().await;
    // Readers find what is unneeded; writers wait.
    sqlx::raw_sql("BEGIN; LOCK TABLE blobs IN EXCLUSIVE MODE").execute(&mut writing).await.unwrap();
    let condemning = condemn();
    database.until_waiting(1).await;
    let one = "UPDATE blobs SET touched = touched WHERE digest = (SELECT min(digest) FROM blobs)";
    sqlx::raw_sql(one).execute(&mut writing).await.unwrap();
    sqlx::raw_sql("COMMIT").execute(&mut writing).await.unwrap();
    assert_eq!(condemning.await.unwrap(), 1, "the other one");
    sqlx::raw_sql("BEGIN; UPDATE blobs SET touched = touched").execute(&mut writing).await.unwrap();
    assert_eq!(condemn().await.unwrap(), 0, "it does not even wait");
    sqlx::raw_sql("ROLLBACK").execute(&mut writing).await.unwrap();
    assert_eq!(condemn().await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publish_asks_the_server_few_times() {
    let Some(database) = Database::new() else { return };
    let store = database.open().await;
    let world = World::new(&Opened(store.clone())).await.unwrap();
    world.publish("acme/hello@1.0.0").await.unwrap();
    let next = Artifact::new("acme/hello@2.0.0").unwrap().labels(&["x"], &[]);
    let mut before = store.round_trips();
    let mut asked = || {
        let asked = store.round_trips() - before;
        before = store.round_trips();
        asked
    };
    world.upload(&next).await.unwrap();
    assert_eq!(asked(), 2, "a link is one statement");
    world.act(next.accept().unwrap()).await.unwrap().unwrap();
    assert_eq!(
        asked(),
        9,
        "begin, facts, rows, version, what is shown before and after, event, counts of labels, commit"
    );
    world.act(next.accept().unwrap()).await.unwrap().unwrap();
    assert_eq!(asked(), 3, "what is published already is only read");
    let plain = Artifact::image("plain:v1").unwrap();
    world.upload(&plain).await.unwrap();
    asked();
    world.act(plain.accept().unwrap()).await.unwrap().unwrap();
    assert_eq!(asked(), 5);
    world.package("acme/hello").await.unwrap();
    world.meta.refs.manifests(&next.repository, None, 100).await.unwrap();
    world.meta.refs.tags(&next.repository, None, 100).await.unwrap();
    assert_eq!(asked(), 3, "a read is one statement");
}
