//! Durability: what it costs, what shares it, and what a loss of power takes.

use bytes::Bytes;

use super::super::{BlobPut, Failure, Fault, Key, Meter, Storage, StorageError, Syncing, When, Writes};
use super::{blob, folder, open, open_syncing};
use crate::domain::Area;

fn since(storage: &Storage, before: Writes) -> Writes {
    let now = storage.writes();
    Writes {
        objects: now.objects - before.objects,
        appends: now.appends - before.appends,
        syncs: now.syncs - before.syncs,
        groups: now.groups - before.groups,
    }
}

async fn put(storage: &Storage, text: &str) -> Key {
    let (bytes, digest) = blob(text);
    storage.put_blob(&Area::Public, bytes, &digest).await.unwrap();
    Key::Blob { area: Area::Public, digest }
}

/// The writes of a publish are its cost. Its four blobs fall into four of the 256 folders.
#[tokio::test]
async fn a_publish_costs_two_groups_of_syncs() {
    let folder = folder();
    let storage = open(&folder).await;
    // The folders above them, once for the life of the store.
    let warm = [put(&storage, "warm").await, Key::Event(1)];
    storage.put(&Key::Event(1), Bytes::from_static(b"event")).await.unwrap();
    storage.settle(&warm).await.unwrap();
    let before = storage.writes();
    let mut keys = Vec::new();
    for text in ["config", "layer", "record", "manifest"] {
        keys.push(put(&storage, text).await);
    }
    assert_eq!(since(&storage, before), Writes { objects: 4, ..Writes::default() }, "putting syncs nothing");
    storage.settle(&keys).await.unwrap();
    // Four files, their four new folders, and the one that names those.
    assert_eq!(since(&storage, before), Writes { objects: 4, appends: 0, syncs: 9, groups: 1 });
    storage.settle(&keys).await.unwrap();
    assert_eq!(since(&storage, before).syncs, 9, "what is durable costs nothing");
    storage.create(&Key::Event(2), Bytes::from_static(b"event")).await.unwrap();
    storage.settle(&[Key::Event(2)]).await.unwrap();
    assert_eq!(since(&storage, before), Writes { objects: 5, appends: 0, syncs: 11, groups: 2 });
}

/// The same in one call a group, where the platform has it.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_group_takes_one_call_that_syncs_the_file_system() {
    let folder = folder();
    let storage = open_syncing(&folder, Syncing::FileSystem).await;
    let before = storage.writes();
    let mut keys = Vec::new();
    for text in ["config", "layer", "record", "manifest"] {
        keys.push(put(&storage, text).await);
    }
    storage.settle(&keys).await.unwrap();
    assert_eq!(since(&storage, before), Writes { objects: 4, appends: 0, syncs: 1, groups: 1 });
    storage.settle(&keys).await.unwrap();
    assert_eq!(since(&storage, before).syncs, 1, "what is durable costs nothing");
    let absent = Key::Event(1);
    let settled = storage.settle(&[put(&storage, "there").await, absent]).await;
    assert!(matches!(settled, Err(StorageError::NotFound { .. })), "{settled:?}");
    storage.disk().unwrap().lose_power().unwrap();
    for key in keys {
        assert!(storage.exists(&key).await.unwrap(), "{key:?}");
    }
}

/// A failure of the one call may be that of somebody else's file: each is asked for itself then.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn when_the_one_call_fails_each_file_is_synced() {
    let folder = folder();
    let meter = Meter::default();
    let storage = Storage::open_disk_with(folder.path(), meter.clone(), Syncing::FileSystem).await.unwrap();
    let keys = [put(&storage, "config").await, put(&storage, "layer").await];
    let before = storage.writes();
    meter.arm(Some(Fault { step: 1, when: When::Before, failure: Failure::Error }));
    storage.settle(&keys).await.unwrap();
    assert!(since(&storage, before).syncs >= 4, "two files and their folders");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_callers_share_groups_and_no_file_is_synced_twice() {
    let folder = folder();
    let storage = open(&folder).await;
    storage.put(&Key::Event(1), Bytes::new()).await.unwrap();
    storage.settle(&[Key::Event(1)]).await.unwrap();
    let before = storage.writes();
    for number in 2..=100 {
        storage.put(&Key::Event(number), Bytes::new()).await.unwrap();
    }
    let callers = (2..=100).map(|number| {
        let storage = storage.clone();
        tokio::spawn(async move { storage.settle(&[Key::Event(number), Key::Event(2)]).await })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.unwrap().unwrap();
    }
    let cost = since(&storage, before);
    assert_eq!(cost.syncs, 99 + cost.groups, "each file once, and their folder once a group");
}

#[tokio::test]
async fn a_caller_who_stops_waiting_leaves_the_lane_in_order() {
    let folder = folder();
    let storage = open(&folder).await;
    for number in 1..=20 {
        storage.put(&Key::Event(number), Bytes::new()).await.unwrap();
        let key = [Key::Event(number)];
        let mut waiting = Box::pin(storage.settle(&key));
        let _ = futures::poll!(waiting.as_mut());
        drop(waiting);
    }
    let keys: Vec<Key> = (1..=20).map(Key::Event).collect();
    storage.settle(&keys).await.unwrap();
    storage.disk().unwrap().lose_power().unwrap();
    assert_eq!(storage.last_event(0).await.unwrap(), 20);
}

#[tokio::test]
async fn an_absent_object_fails_only_who_asked_for_it() {
    let folder = folder();
    let storage = open(&folder).await;
    let here = put(&storage, "here").await;
    let absent = Key::Event(9);
    let (good, bad) = (std::slice::from_ref(&here), std::slice::from_ref(&absent));
    let (good, bad) = futures::join!(storage.settle(good), storage.settle(bad));
    good.unwrap();
    assert!(matches!(bad, Err(StorageError::NotFound { path }) if path == absent.path()));
}

#[tokio::test]
async fn power_takes_what_was_not_settled_and_nothing_else() {
    let folder = folder();
    let storage = open(&folder).await;
    let (kept, lost, rewritten) = (put(&storage, "kept").await, put(&storage, "lost").await, Key::EventSnapshot(1));
    storage.put(&rewritten, Bytes::from_static(b"one")).await.unwrap();
    storage.settle(&[kept.clone(), rewritten.clone()]).await.unwrap();
    storage.put(&rewritten, Bytes::from_static(b"two")).await.unwrap();
    storage.disk().unwrap().lose_power().unwrap();
    drop(storage);
    let storage = open(&folder).await;
    assert!(storage.exists(&kept).await.unwrap());
    assert!(!storage.exists(&lost).await.unwrap());
    assert!(!storage.exists(&rewritten).await.unwrap(), "new bytes are not durable because the old ones were");
}

/// The system reports a failed sync once and may then take the lost pages for clean.
#[tokio::test]
async fn a_file_whose_sync_failed_is_written_again_before_it_is_durable() {
    let folder = folder();
    let meter = Meter::default();
    let storage = Storage::open_disk_with(folder.path(), meter.clone(), Syncing::EachFile).await.unwrap();
    for (text, damaged) in [("content", false), ("damaged", true)] {
        let key = put(&storage, text).await;
        meter.arm(Some(Fault { step: 1, when: When::Before, failure: Failure::Error }));
        let failed = storage.settle(std::slice::from_ref(&key)).await;
        assert!(matches!(failed, Err(StorageError::Unavailable { .. })), "{failed:?}");
        let objects = storage.writes().objects;
        if !damaged {
            storage.settle(&[key]).await.unwrap();
            assert_eq!(storage.writes().objects, objects + 1, "a second sync alone would prove nothing");
            continue;
        }
        std::fs::write(folder.path().join(key.path()), "dXmaged").unwrap();
        let settled = storage.settle(std::slice::from_ref(&key)).await;
        assert!(matches!(settled, Err(StorageError::Corrupt(_))), "{settled:?}");
        let (bytes, digest) = blob(text);
        assert_eq!(storage.put_blob(&Area::Public, bytes, &digest).await.unwrap(), BlobPut::Stored, "not deduplicated");
        storage.settle(&[key]).await.unwrap();
    }
}
