//! Many push at once while collections follow each other, with a grace period that is over in a moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use pcl_registry::domain::Actor;
use pcl_registry::registry::Limits;
use pcl_registry::storage::Meter;

use super::bucket::{Bucket, Held};
use super::collection::sends_again;
use crate::inside::Package;

const PUSHERS: u64 = 16;
const ROUNDS: u64 = 4;

/// Everybody's files are of a few sorts, so that each blob is wanted by many, and let go of by some.
fn package(pusher: u64, round: u64) -> Package {
    Package::new(&format!("pusher-{pusher}/hello@1.{round}.0"), &format!("sort {}", (pusher + round) % 3))
}

async fn push_beside_collections(held: Held) {
    let bucket = Arc::new(Bucket::new(held));
    let limits = Limits { grace: Duration::from_secs(1), ..Limits::default() };
    let open = Arc::new(bucket.open_with(&Meter::default(), limits).await.unwrap());
    let (done, deleted) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let collecting = tokio::spawn({
        let (bucket, open, done, deleted) = (bucket.clone(), open.clone(), done.clone(), deleted.clone());
        async move {
            while !done.load(Ordering::SeqCst) {
                bucket.pass(2);
                let collected = open.registry.collect(&Actor::Operator).await.unwrap();
                deleted.fetch_add(collected.deleted, Ordering::SeqCst);
                tokio::task::yield_now().await;
            }
        }
    });
    let pushers = (0..PUSHERS).map(|pusher| {
        let open = open.clone();
        tokio::spawn(async move {
            let mut tries = 0;
            for round in 0..ROUNDS {
                let package = package(pusher, round);
                // Bytes that nobody's manifest will name, for the collections.
                let lost = format!("of pusher {pusher} in round {round}");
                let _ = open.push_blob(&package.repository, &lost.into()).await;
                loop {
                    tries += 1;
                    match open.push(&package).await {
                        Ok(()) => break,
                        Err(error) if sends_again(&error) => assert!(tries < 10_000, "{error}"),
                        Err(error) => panic!("{error}"),
                    }
                }
                assert!(open.has_bytes(&package).await, "what was acknowledged just now is there");
                if round % 2 == 1 {
                    let (name, version) = (package.name(), package.tag.parse().unwrap());
                    open.registry.delete_version(&Actor::Operator, &name, &version).await.unwrap();
                    open.registry.purge(&Actor::Operator, &name, &version).await.unwrap();
                }
            }
        })
    });
    for pusher in pushers.collect::<Vec<_>>() {
        pusher.await.unwrap();
    }
    done.store(true, Ordering::SeqCst);
    collecting.await.unwrap();
    for _ in 0..3 {
        bucket.pass(2);
        deleted.fetch_add(open.registry.collect(&Actor::Operator).await.unwrap().deleted, Ordering::SeqCst);
    }
    for (pusher, round) in (0..PUSHERS).flat_map(|pusher| (0..ROUNDS).step_by(2).map(move |round| (pusher, round))) {
        assert!(open.has_bytes(&package(pusher, round)).await);
    }
    assert!(deleted.load(Ordering::SeqCst) > PUSHERS, "the collections had something to do");
    open.assert_events_agree().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn pushers_beside_collections_lose_nothing_in_a_store_that_owns_itself() {
    push_beside_collections(Held::Store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn pushers_beside_collections_lose_nothing_with_sqlite() {
    push_beside_collections(Held::Sqlite).await;
}
