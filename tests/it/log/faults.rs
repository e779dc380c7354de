//! Failures and ends of the process at every step of a publish that is logged.

use pcl_registry::log::LogError;
use pcl_registry::registry::{Builder, Committing, Limits, OpenError, RegistryError};
use pcl_registry::search::Index;
use pcl_registry::storage::{Failure, Fault, Key, Meter, When};

use super::whole::{assert_grew, assert_whole, shown};
use super::{key, logged, open, package, push_images};
use crate::inside::{DataFolder, Owner};

/// How many steps a publish takes that is logged, when one was made before.
async fn steps(owner: Owner) -> u64 {
    let folder = DataFolder::new(owner);
    let opened = open(&folder).await;
    opened.push(&package(1)).await.unwrap();
    opened.meter.arm(None);
    opened.push(&package(2)).await.unwrap();
    opened.meter.steps()
}

async fn ends_at_every_step(owner: Owner, failure: Failure) {
    let steps = steps(owner).await;
    for (step, when) in (1..=steps).flat_map(|step| [(step, When::Before), (step, When::After)]) {
        let what = format!("{owner:?}, {failure:?} {when:?} step {step} of {steps}");
        let folder = DataFolder::new(owner);
        let opened = open(&folder).await;
        opened.push(&package(1)).await.unwrap();
        let before = shown(&opened.storage).await;
        opened.meter.arm(Some(Fault { step, when, failure }));
        let acknowledged = opened.push(&package(2)).await.is_ok();
        if failure == Failure::Error {
            opened.meter.arm(None);
            opened.push(&package(2)).await.unwrap_or_else(|error| panic!("{what}: asked again: {error}"));
            assert_eq!(assert_whole(&opened.storage, &opened.meta).await, 2, "{what}");
        }
        drop(opened);
        let again = open(&folder).await;
        assert_grew(&again.storage, &again.meta, &before).await;
        let logged = assert_whole(&again.storage, &again.meta).await;
        assert_eq!(logged, again.assert_events_agree().await, "{what}: a start logs what is committed");
        assert!(logged == 2 || !acknowledged, "{what}: what was acknowledged is not logged");
        again.push(&package(2)).await.unwrap_or_else(|error| panic!("{what}: the next push: {error}"));
        again.push(&package(3)).await.unwrap_or_else(|error| panic!("{what}: another push: {error}"));
        assert_eq!(assert_whole(&again.storage, &again.meta).await, 3, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_every_write_leaves_a_log_that_goes_on_with_sqlite() {
    ends_at_every_step(Owner::Sqlite, Failure::Crash).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_every_write_leaves_a_log_that_goes_on_without_a_database() {
    ends_at_every_step(Owner::Store, Failure::Crash).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_at_any_write_is_logged_when_it_is_asked_again() {
    for owner in [Owner::Sqlite, Owner::Store] {
        ends_at_every_step(owner, Failure::Error).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tiles_that_are_gone_or_damaged_are_made_again() {
    let folder = DataFolder::new(Owner::Sqlite);
    let opened = open(&folder).await;
    push_images(&opened, 0, 260).await;
    drop(opened);
    let log = folder.path().join("store/public/log");
    // A start reads what it goes on from; if that is not whole, all is written again.
    for (damage, rows) in [("gone", "tile"), ("gone", "tile/1"), ("cut", "tile/1")] {
        let mut folders = vec![log.join(rows)];
        while let Some(next) = folders.pop() {
            for found in std::fs::read_dir(next).unwrap().map(|found| found.unwrap().path()) {
                match (found.is_dir(), damage) {
                    (true, _) => folders.push(found),
                    (false, "gone") => std::fs::remove_file(found).unwrap(),
                    (false, _) => std::fs::write(found, b"nonsense").unwrap(),
                }
            }
        }
        let again = open(&folder).await;
        assert_eq!(assert_whole(&again.storage, &again.meta).await, 260, "{rows} {damage}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_was_made_again_goes_on_with_the_log_that_was_shown() {
    let folder = DataFolder::new(Owner::Sqlite);
    let opened = open(&folder).await;
    push_images(&opened, 0, 3).await;
    let before = shown(&opened.storage).await;
    drop(opened);
    drop(folder.open_storage(&Meter::default()).await);
    let database = rusqlite::Connection::open(folder.database()).unwrap();
    assert_eq!(database.execute("DELETE FROM log_head", []).unwrap(), 1);
    drop(database);
    let again = open(&folder).await;
    assert_grew(&again.storage, &again.meta, &before).await;
    push_images(&again, 3, 1).await;
    assert_eq!(assert_whole(&again.storage, &again.meta).await, 4);
    assert_eq!(again.meta.ledger.log_head().await.unwrap().map(|head| head.size), Some(4));
}

/// Opens the folder's store as one that owns itself, or says why not.
async fn opened_with(folder: &DataFolder, limits: Limits) -> Result<(), OpenError> {
    let storage = folder.open_storage(&Meter::default()).await;
    let memory = std::sync::Arc::new(pcl_registry::meta::Memory::new());
    let meta = memory.clone().meta();
    let search = Box::pin(async { Index::memory() });
    let committing = Committing::Store(memory);
    Builder { storage, meta, committing, search, limits, clock: folder.clock() }.open().await.map(drop)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_signed_over_events_that_are_not_those_that_were_signed() {
    for lost in [false, true] {
        let folder = DataFolder::new(Owner::Store);
        let opened = open(&folder).await;
        push_images(&opened, 0, 3).await;
        let event = opened.storage.get(&Key::Event(3), 1 << 20).await.unwrap();
        let before = opened.storage.get(&Key::LogCheckpoint, 1 << 20).await.unwrap();
        match lost {
            true => opened.storage.delete(&Key::Event(3)).await.unwrap(),
            false => {
                let other = String::from_utf8(event.to_vec()).unwrap().replace("\"n2\"", "\"n9\"");
                opened.storage.put(&Key::Event(3), other.into()).await.unwrap();
            }
        }
        drop(opened);
        let refused = opened_with(&folder, logged()).await.unwrap_err();
        let said = refused.to_string();
        assert!(matches!(refused, OpenError::Registry(RegistryError::Log(LogError::Forked { size: 3, .. }))), "{said}");
        assert!(said.contains("hint: restore the events"), "{said}");
        let storage = folder.open_storage(&Meter::default()).await;
        assert_eq!(storage.get(&Key::LogCheckpoint, 1 << 20).await.unwrap(), before, "nothing was signed");
        storage.put(&Key::Event(3), event).await.unwrap();
        drop(storage);
        opened_with(&folder, logged()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_is_not_gone_on_with_without_its_key() {
    let folder = DataFolder::new(Owner::Store);
    let opened = open(&folder).await;
    opened.push(&package(1)).await.unwrap();
    drop(opened);
    let refused = opened_with(&folder, Limits::default()).await.unwrap_err();
    assert!(matches!(&refused, OpenError::LogKept(origin) if origin == "registry.example/log"), "{refused}");
    let other = Limits { log: Some(key("other.example/log")), ..Limits::default() };
    let refused = opened_with(&folder, other).await.unwrap_err();
    let is_it = matches!(refused, OpenError::Registry(RegistryError::Log(LogError::OtherKey { .. })));
    assert!(is_it && refused.to_string().contains("hint: "), "{refused}");
    opened_with(&folder, logged()).await.unwrap();
}
