//! Answers that do not tell what happened.
// Panics because: these are checks of a store; a promise that is not kept is reported as in any test.

use bytes::Bytes;
use futures::TryStreamExt as _;

use super::super::{
    Created, Failure, Fault, Key, Meter, ReadFailure, ReadFault, Reading, Storage, StorageError, When, Which,
};
use super::{content, read};
use crate::domain::{Area, Digest};

/// Whoever creates an object is told the truth, whatever the store answers. The store is no disk, and its writes and reads pass `meter`.
pub async fn check_answers_in_doubt(storage: &Storage, meter: &Meter) {
    let [ours, theirs] = ["written by us", "what they wrote"].map(Bytes::from);
    let key = Key::EventSnapshot(400);
    for (when, failure) in [
        (When::Before, Failure::Error),
        (When::After, Failure::Error),
        (When::Before, Failure::Conflict),
        (When::After, Failure::Conflict),
    ] {
        let what = format!("{failure:?} {when:?} it happened");
        meter.arm(Some(Fault { step: 1, when, failure }));
        assert_eq!(storage.create(&key, ours.clone()).await.expect(&what), Created::Created, "{what}");
        assert_eq!(storage.get(&key, 100).await.expect(&what), ours, "{what}");
        meter.arm(Some(Fault { step: 1, when: When::Before, failure }));
        assert_eq!(storage.create(&key, theirs.clone()).await.expect(&what), Created::Exists, "{what}");
        assert_eq!(storage.get(&key, 100).await.expect(&what), ours, "{what}");
        assert_eq!(
            storage.create(&key, ours.clone()).await.expect(&what),
            Created::Created,
            "created as wanted, {what}"
        );
        meter.arm(None);
        storage.delete(&key).await.expect("delete");
        check_race(storage, meter, &key, Fault { step: 3, when, failure }).await;
    }
    check_refusal(storage, meter, &key, &ours).await;
    check_looks(storage, meter, &key, &ours, &theirs).await;
    storage.delete(&key).await.expect("delete");
}

/// One winner, though one of the racers gets an answer that is wrong.
async fn check_race(storage: &Storage, meter: &Meter, key: &Key, fault: Fault) {
    meter.arm(Some(fault));
    let racers = (0..8u8).map(|racer| {
        let (storage, key) = (storage.clone(), key.clone());
        tokio::spawn(async move { storage.create(&key, vec![racer; 1000].into()).await.expect("create") })
    });
    let mut winners = Vec::new();
    for (racer, outcome) in racers.collect::<Vec<_>>().into_iter().enumerate() {
        if outcome.await.expect("the racer ends") == Created::Created {
            winners.push(racer as u8);
        }
    }
    meter.arm(None);
    assert_eq!(winners.len(), 1, "one winner, {fault:?}");
    assert_eq!(storage.get(key, 1000).await.expect("get"), vec![winners[0]; 1000], "{fault:?}");
    storage.delete(key).await.expect("delete");
}

/// A refusal leaves no doubt: it is not sent again.
async fn check_refusal(storage: &Storage, meter: &Meter, key: &Key, ours: &Bytes) {
    meter.arm(Some(Fault { step: 1, when: When::Before, failure: Failure::Denied }));
    storage.create(key, ours.clone()).await.expect_err("it is refused");
    assert_eq!(meter.steps(), 1);
    meter.arm(None);
    assert!(!storage.exists(key).await.expect("exists"));
}

/// What is there is not seen whole, or not at all: that is said, and nothing is taken for what it may not be.
async fn check_looks(storage: &Storage, meter: &Meter, key: &Key, ours: &Bytes, theirs: &Bytes) {
    let looks = |which, failure| meter.arm_reads(Some(ReadFault { reading: Reading::Get, which, failure }));
    meter.arm(Some(Fault { step: 1, when: When::After, failure: Failure::Error }));
    looks(Which::Only(1), ReadFailure::Cut { after: 3 });
    let cut = storage.create(key, ours.clone()).await;
    assert!(matches!(cut, Err(StorageError::Unavailable { .. })), "{cut:?}");
    assert_eq!(storage.create(key, ours.clone()).await.expect("create"), Created::Created);
    meter.arm(None);
    looks(Which::From(1), ReadFailure::Missing);
    let unseen = storage.create(key, theirs.clone()).await;
    assert!(matches!(unseen, Err(StorageError::Unavailable { .. })), "{unseen:?}");
    assert_eq!(meter.steps(), 5, "it was tried again");
    meter.arm_reads(None);
    assert_eq!(storage.get(key, 100).await.expect("get"), ours);
}

/// A body that ends before its promised length is an error, whole or in a range, and damages nothing. The store is no disk, and its reads pass `meter`.
pub async fn check_bodies_cut_short(storage: &Storage, meter: &Meter) {
    let cut = |after| {
        let (reading, which, failure) = (Reading::Get, Which::Only(1), ReadFailure::Cut { after });
        meter.arm_reads(Some(ReadFault { reading, which, failure }));
    };
    let key = Key::EventSnapshot(500);
    storage.put(&key, Bytes::from_static(b"all of it")).await.expect("put");
    for after in [0, 4, 8] {
        cut(after);
        let found = storage.get(&key, 100).await;
        assert!(matches!(found, Err(StorageError::Unavailable { .. })), "{found:?} of {after} bytes");
        cut(after);
        let found = storage.read(&key, 100).await;
        assert!(matches!(found, Err(StorageError::Unavailable { .. })), "{found:?} of {after} bytes");
    }
    storage.delete(&key).await.expect("delete");
    for length in [100, 3 << 20] {
        let bytes = content(5, length);
        let digest = Digest::sha256(&bytes);
        storage.put_blob(&Area::Public, bytes.clone(), &digest).await.expect("put");
        for trusted in [false, true] {
            for (range, after) in [(None, 0), (None, 99), (Some(10..90), 0), (Some(10..90), 79)] {
                cut(after);
                let found = match storage.read_blob(&Area::Public, &digest, range.clone()).await {
                    Ok(stream) => stream.try_collect::<Vec<Bytes>>().await.map(drop).map_err(|error| error.to_string()),
                    Err(error) => Err(error.to_string()),
                };
                let said = found.expect_err("it is cut short");
                assert!(said.contains("bytes came of"), "{said}: {length}, {range:?}, {after}, trusted: {trusted}");
            }
            assert_eq!(read(storage, &Area::Public, &digest).await, bytes, "it is where it was, and good");
        }
        storage.delete_blob(&Area::Public, &digest).await.expect("delete");
    }
    assert_eq!(storage.corruptions(), 0, "what did not come is not damaged");
}
