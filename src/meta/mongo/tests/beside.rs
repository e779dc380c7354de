//! What runs beside the changes: collections, uploads, and how much a change sends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::super::super::contract::{Artifact, World};
use super::super::super::{Atomicity, Linked, Meta, Refused};
use super::{Databases, world};
use crate::domain::Timestamp;

/// Deletes everything that nothing keeps, at once and again and again, until told to end.
async fn collect(meta: Meta, end: Arc<AtomicBool>) -> usize {
    let later = Timestamp::from_micros(4_000_000_000_000_000);
    let mut removed = 0;
    while !end.load(Ordering::Relaxed) {
        meta.blobs.condemn(later, Timestamp::from_micros(0)).await.unwrap();
        let taken = meta.blobs.take_condemned(later, 10).await.unwrap();
        meta.blobs.forget(&taken).await.unwrap();
        removed += taken.len();
        // Without a pause, pushes are refused again and again.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    removed
}

/// Pushes until it is accepted: what a collection deletes just now is refused.
async fn push(world: &World, image: &Artifact) -> bool {
    for _ in 0..100 {
        if push_once(world, image).await {
            return true;
        }
    }
    false
}

async fn push_once(world: &World, image: &Artifact) -> bool {
    for (digest, size) in image.blobs() {
        let linked = world.meta.blobs.link(&image.repository, &image.area, &digest, size, world.now()).await.unwrap();
        match linked {
            Linked::Done => {}
            Linked::Vanishing => return false,
            Linked::Elsewhere => panic!("nothing here changes its area: {digest} of {}", image.repository),
        }
    }
    match world.act(image.accept().unwrap()).await.unwrap() {
        Ok(_) => true,
        Err(Refused::BlobsUnknown(_)) => false,
        Err(other) => panic!("{other}"),
    }
}

/// Whatever a push that was accepted names can be read, though collections run all the time without any grace.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collection_takes_nothing_that_a_push_counts_on() {
    let Some(databases) = Databases::new() else { return };
    let world = Arc::new(world(&Arc::new(databases.open().await)).await);
    let end = Arc::<AtomicBool>::default();
    let collectors: Vec<_> = (0..2).map(|_| tokio::spawn(collect(world.meta.clone(), end.clone()))).collect();
    let mut pushers = tokio::task::JoinSet::new();
    for pusher in 0..4 {
        let world = world.clone();
        pushers.spawn(async move {
            let mut accepted = Vec::new();
            for round in 0..15 {
                // Two push the same at the same time, and every third image is deleted again.
                let image = Artifact::image(&format!("plain-{pusher}:v{round}")).unwrap();
                let image = image.seed(&format!("{} {round}", pusher / 2));
                if push(&world, &image).await {
                    match round % 3 {
                        0 => drop(world.delete_manifest(&image.repository, image.digest()).await.unwrap().unwrap()),
                        _ => accepted.push(image),
                    }
                }
            }
            accepted
        });
    }
    let accepted: Vec<Artifact> = pushers.join_all().await.into_iter().flatten().collect();
    end.store(true, Ordering::Relaxed);
    let mut removed = 0;
    for collector in collectors {
        removed += collector.await.unwrap();
    }
    assert!(accepted.len() > 4 && removed > 4, "{} accepted, {removed} removed: nothing met", accepted.len());
    for image in accepted {
        for (digest, _) in image.blobs() {
            let found = world.meta.blobs.blob(&image.repository, &digest).await.unwrap();
            assert!(found.is_some(), "{digest} of {}", image.repository);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_takes_few_more_round_trips_than_one_change() {
    let Some(databases) = Databases::new() else { return };
    let mongo = Arc::new(databases.open().await);
    let world = world(&mongo).await;
    world.publish("acme/hello@1.0.0").await.unwrap();
    let cost = async |specs: Vec<String>| {
        let mut changes = Vec::new();
        for spec in specs {
            let artifact = Artifact::new(&spec).unwrap().labels(&["x"], &["y"]);
            world.upload(&artifact).await.unwrap();
            changes.push(world.change(artifact.accept().unwrap()));
        }
        let before = mongo.operations();
        let outcomes = mongo.clone().meta().catalog.apply(&changes, Atomicity::Each).await.unwrap();
        assert!(outcomes.iter().all(Result::is_ok));
        (mongo.operations() - before, changes)
    };
    // The counter beside what it needs, what it is found by, ten commands and the events, the head, the commit.
    let (one, changes) = cost(vec!["acme/hello@2.0.0".to_owned()]).await;
    assert_eq!(one, 15);
    let (many, _) = cost((0..100).map(|at| format!("acme/many-{at}@1.0.0")).collect()).await;
    assert_eq!(many, 23, "so many are read a query a collection");
    let before = mongo.operations();
    mongo.clone().meta().catalog.apply(&changes, Atomicity::Each).await.unwrap();
    assert_eq!(mongo.operations() - before, 2, "what is published already is only read");
    let before = mongo.operations();
    world.package("acme/hello").await.unwrap();
    assert_eq!(mongo.operations() - before, 1);
}
