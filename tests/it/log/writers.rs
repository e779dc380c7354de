//! Several who write one log at once: it is one log.

use std::sync::Arc;

use object_store::memory::InMemory;
use pcl_registry::log::{Heads, Sequencer};
use pcl_registry::meta::{Memory, Meta};
use pcl_registry::registry::{Builder, Committing, Registry};
use pcl_registry::search::Index;
use pcl_registry::storage::{Meter, Storage};

use super::whole::{assert_grew, assert_whole, shown};
use super::{key, logged, open, push_images};
use crate::inside::{DataFolder, Opened, Owner};

/// A pusher of a bucket that owns itself.
async fn pusher(objects: &Arc<InMemory>, folder: &DataFolder) -> Opened {
    let meter = Meter::default();
    let storage = Storage::over_shared(objects.clone(), meter.clone());
    let memory = Arc::new(Memory::new());
    let meta = memory.clone().meta();
    let search = Box::pin(async { Index::memory() });
    let (clock, limits) = (folder.clock(), logged());
    let builder = Builder {
        storage: storage.clone(),
        meta: meta.clone(),
        committing: Committing::Store(memory),
        search,
        limits,
        clock,
    };
    let registry = builder.open().await.unwrap_or_else(|error| panic!("{error}"));
    Opened { registry, storage, meta, meter, sqlite: None }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pushers_of_one_bucket_make_one_log() {
    let folder = DataFolder::new(Owner::Store);
    let objects = Arc::new(InMemory::new());
    let pushers = futures::future::join_all((0..4).map(|_| pusher(&objects, &folder))).await;
    push_images(&pushers[0], 0, 1).await;
    let pushing = pushers.iter().zip(1..).map(|(pusher, place): (&Opened, usize)| async move {
        let mut before = None;
        for round in 0..8 {
            push_images(pusher, place * 1000 + round, 1).await;
            // What was acknowledged is logged, and nobody was ever shown less before.
            let now = shown(&pusher.storage).await;
            assert!(before.is_none_or(|before| before < now.size()));
            before = Some(now.size());
        }
    });
    futures::future::join_all(pushing).await;
    let last = pusher(&objects, &folder).await;
    assert_eq!(assert_whole(&last.storage, &last.meta).await, 33);
    let heads = last.storage.log_heads().await.unwrap();
    assert!(heads.contains(&33) && heads.len() <= 5, "those that were outgrown go: {heads:?}");
}

async fn sequencer(storage: &Storage, meta: &Meta) -> Sequencer {
    let heads = Heads::Database(meta.ledger.clone());
    Sequencer::load(storage.clone(), heads, key("registry.example/log"), &*meta.ledger, 1).await.unwrap()
}

/// As on two servers of one database: each logs what it sees, and yields to the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_sequencers_of_one_database_make_one_log() {
    for owner in Owner::here([Owner::Sqlite, Owner::Postgres, Owner::Mongo]) {
        let folder = DataFolder::new(owner);
        let opened = folder.open().await;
        let (mut one, mut other) =
            (sequencer(&opened.storage, &opened.meta).await, sequencer(&opened.storage, &opened.meta).await);
        let mut before = None;
        for round in 0..12 {
            push_images(&opened, round * 25, 25).await;
            let (head, ledger) = ((round as u64 + 1) * 25, &*opened.meta.ledger);
            let (first, second) = match round % 3 {
                0 => tokio::join!(one.advance(ledger, head, 2), other.advance(ledger, head, 2)),
                1 => tokio::join!(one.advance(ledger, head - 10, 2), other.advance(ledger, head, 2)),
                _ => (one.advance(ledger, head, 2).await, other.advance(ledger, head, 2).await),
            };
            first.and(second).unwrap_or_else(|error| panic!("{owner:?}, round {round}: {error}"));
            assert_eq!(shown(&opened.storage).await.size(), head, "{owner:?}, round {round}");
            if let Some(before) = before.replace(shown(&opened.storage).await) {
                assert_grew(&opened.storage, &opened.meta, &before).await;
            }
        }
        assert_eq!(assert_whole(&opened.storage, &opened.meta).await, 300, "{owner:?}");
    }
}

/// A burst is logged in a few batches, and one alone does not wait for others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_arrives_while_one_is_logged_is_logged_together() {
    let folder = DataFolder::new(Owner::Sqlite);
    let opened = open(&folder).await;
    push_images(&opened, 0, 1).await;
    let registry: &Registry = &opened.registry;
    let writes = |opened: &Opened| opened.storage.writes().objects;
    opened.meter.arm(None);
    let before = writes(&opened);
    push_images(&opened, 1, 1).await;
    let alone = writes(&opened) - before;
    let before = writes(&opened);
    let burst = (0..64).map(|number| push_images(&opened, 100 + number, 1));
    futures::future::join_all(burst).await;
    let together = writes(&opened) - before;
    assert!(together < 64 * alone * 3 / 4, "{together} writes for 64, {alone} for one");
    registry.logged().await;
    assert_eq!(assert_whole(&opened.storage, &opened.meta).await, 66);
}
