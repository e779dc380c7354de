//! Objects, events and the store's own documents.
// Panics because: these are checks of a store; a promise that is not kept is reported as in any test.

use std::collections::HashSet;

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};

use super::super::{Created, Key, Owner, Replaced, Seen, Storage, StorageError};

/// What is put is read back, replaced, settled and deleted; what is absent is said to be.
pub async fn check_objects(storage: &Storage) {
    let key = Key::EventSnapshot(7);
    assert!(matches!(storage.get(&key, 100).await, Err(StorageError::NotFound { .. })));
    storage.put(&key, Bytes::from_static(b"one")).await.expect("put");
    storage.put(&key, Bytes::from_static(b"second")).await.expect("put over it");
    assert_eq!(storage.get(&key, 6).await.expect("get").as_ref(), b"second");
    assert!(matches!(storage.get(&key, 5).await, Err(StorageError::TooLarge { limit: 5 })));
    storage.settle(std::slice::from_ref(&key)).await.expect("settle");
    storage.settle(&[key.clone(), key.clone()]).await.expect("settle again");
    storage.settle(&[]).await.expect("settle nothing");
    storage.delete(&key).await.expect("delete");
    storage.delete(&key).await.expect("delete what is absent");
    assert!(matches!(storage.get(&key, 100).await, Err(StorageError::NotFound { .. })));
    assert!(!storage.exists(&key).await.expect("exists"));
}

/// Of writers that race to create one object exactly one wins, and its bytes are what is there, whole.
pub async fn check_creation(storage: &Storage) {
    for round in 0..8 {
        let key = Key::EventSnapshot(100 + round);
        let racers = (0..16u8).map(|racer| {
            let (storage, key) = (storage.clone(), key.clone());
            tokio::spawn(async move {
                let bytes = Bytes::from(vec![racer; 10_000]);
                (racer, storage.create(&key, bytes).await.expect("create"))
            })
        });
        let mut winners = Vec::new();
        for racer in racers.collect::<Vec<_>>() {
            let (racer, created) = racer.await.expect("the racer ends");
            if created == Created::Created {
                winners.push(racer);
            }
        }
        assert_eq!(winners.len(), 1, "one winner");
        assert_eq!(storage.get(&key, 10_000).await.expect("get").as_ref(), vec![winners[0]; 10_000]);
        assert_eq!(storage.create(&key, Bytes::new()).await.expect("create"), Created::Exists);
        storage.delete(&key).await.expect("delete");
    }
}

/// A document is replaced by those alone who saw what is there: of many who saw the same exactly one.
pub async fn check_replacement(storage: &Storage) {
    let key = Key::EventSnapshot(300);
    let other = Seen::ABSENT;
    assert!(storage.read(&key, 100).await.expect("read").is_none());
    let replace = |seen: Seen, text: String| {
        let (storage, key) = (storage.clone(), key.clone());
        async move { storage.replace(&key, &seen, text.into(), Some(7)).await.expect("replace") }
    };
    assert_eq!(replace(other.clone(), "first".into()).await, Replaced::Replaced);
    assert_eq!(replace(other, "not absent".into()).await, Replaced::Changed);
    for round in 0..4 {
        let seen = storage.read(&key, 100).await.expect("read").expect("it is there");
        assert_ne!(seen.as_of, Some(0), "what is kept beside it comes back, or nothing does");
        let racers = (0..8).map(|racer| tokio::spawn(replace(seen.seen.clone(), format!("{round} by {racer}"))));
        let mut winners = Vec::new();
        for (racer, outcome) in racers.collect::<Vec<_>>().into_iter().enumerate() {
            if outcome.await.expect("the racer ends") == Replaced::Replaced {
                winners.push(racer);
            }
        }
        let found = storage.read(&key, 100).await.expect("read").expect("it is there");
        assert_eq!(winners.len(), 1, "one winner");
        assert_eq!(found.bytes, format!("{round} by {}", winners[0]));
        assert_ne!(found.seen, seen.seen);
        assert_eq!(found.as_of.is_some(), seen.as_of.is_some());
    }
    let seen = storage.read(&key, 100).await.expect("read").expect("it is there").seen;
    assert!(matches!(storage.read(&key, 3).await, Err(StorageError::TooLarge { limit: 3 })));
    storage.delete(&key).await.expect("delete");
    assert_eq!(replace(seen, "what was seen is gone".into()).await, Replaced::Changed);
    assert!(storage.read(&key, 100).await.expect("read").is_none(), "and it did not come back");
}

/// Events come in order and without gaps; a gap is an error in its place. Needs a store without events.
pub async fn check_events(storage: &Storage) {
    let event = |number: u64| Bytes::from(format!("event {number}"));
    assert_eq!(storage.last_event(0).await.expect("last"), 0);
    assert!(storage.events(0).next().await.is_none());
    for number in 1..=150 {
        storage.put(&Key::Event(number), event(number)).await.expect("put");
    }
    // Beside the events, not among them.
    storage.put(&Key::EventSnapshot(9_000), Bytes::new()).await.expect("put");
    for after in [0, 1, 63, 64, 65, 149, 150, 151] {
        let found: Vec<(u64, Bytes)> = storage.events(after).try_collect().await.expect("events");
        let expected: Vec<(u64, Bytes)> = (after + 1..=150).map(|number| (number, event(number))).collect();
        assert_eq!(found, expected, "after {after}");
    }
    for hint in [0, 1, 100, 150, 151, 100_000] {
        assert_eq!(storage.last_event(hint).await.expect("last"), 150, "hint {hint}");
    }
    storage.put(&Key::Event(160), event(160)).await.expect("put");
    let mut events = storage.events(140);
    for number in 141..=150 {
        assert_eq!(events.next().await.expect("an event").expect("good").0, number);
    }
    let gap = events.next().await.expect("the gap");
    assert!(matches!(gap, Err(StorageError::EventGap { missing: 151, present: 160 })), "{gap:?}");
    assert_eq!(storage.last_event(0).await.expect("last"), 160);
    for number in (1..=150).chain([160]) {
        storage.delete(&Key::Event(number)).await.expect("delete");
    }
    storage.delete(&Key::EventSnapshot(9_000)).await.expect("delete");
}

/// A store has one owner, whoever asks first. Needs a store without one.
pub async fn check_owner(storage: &Storage) {
    assert_eq!(storage.owner().await.expect("owner"), None);
    let claims = (0..8).map(|number| {
        let storage = storage.clone();
        tokio::spawn(async move {
            let owner = Owner::Database { id: format!("database-{number}") };
            storage.claim_owner(&owner).await.expect("claim")
        })
    });
    let mut owners = HashSet::new();
    for claim in claims.collect::<Vec<_>>() {
        owners.insert(format!("{:?}", claim.await.expect("the claim ends")));
    }
    assert_eq!(owners.len(), 1, "all were told the same owner: {owners:?}");
    let owner = storage.owner().await.expect("owner").expect("somebody");
    assert_eq!(storage.claim_owner(&Owner::Store).await.expect("claim"), owner);
}
