//! Every step of a publish and of an upload fails in every way: before and after it happened, on a full disk, by a crash.

use std::sync::Arc;

use bytes::Bytes;
use object_store::memory::InMemory;
use tempfile::TempDir;
use uuid::Uuid;

use super::super::{Created, Failure, Fault, Key, Meter, Storage, StorageError, Syncing, When};
use super::{blob, folder};
use crate::domain::{Algorithm, Area, Timestamp};

const TEXTS: [&str; 3] = ["config", "layer", "manifest"];

/// What a publish does to the store.
async fn publish(storage: &Storage, number: u64) -> Result<(), StorageError> {
    let mut keys = Vec::new();
    for text in TEXTS {
        let (bytes, digest) = blob(&format!("{text} {number}"));
        storage.put_blob(&Area::Public, bytes, &digest).await?;
        keys.push(Key::Blob { area: Area::Public, digest });
    }
    storage.settle(&keys).await?;
    storage.create(&Key::Event(number), Bytes::from(format!("event {number}"))).await?;
    storage.settle(&[Key::Event(number)]).await
}

/// What may be seen of a publish: every blob whole or absent, and all of them there if the event is.
async fn assert_whole_or_absent(storage: &Storage, number: u64) -> bool {
    let event = match storage.get(&Key::Event(number), 100).await {
        Ok(bytes) => {
            assert_eq!(bytes, format!("event {number}"));
            true
        }
        Err(StorageError::NotFound { .. }) => false,
        Err(error) => panic!("{error}"),
    };
    for text in TEXTS {
        let (bytes, digest) = blob(&format!("{text} {number}"));
        match storage.get_blob(&Area::Public, &digest, 100).await {
            Ok(found) => assert_eq!(found, bytes),
            Err(StorageError::NotFound { .. }) => assert!(!event, "the event names {text}, which is absent"),
            Err(error) => panic!("{error}"),
        }
    }
    event
}

async fn open(folder: &TempDir) -> (Storage, Meter) {
    let meter = Meter::default();
    (Storage::open_disk_with(folder.path(), meter.clone(), Syncing::EachFile).await.unwrap(), meter)
}

async fn steps_of_a_publish() -> u64 {
    let folder = folder();
    let (storage, meter) = open(&folder).await;
    publish(&storage, 1).await.unwrap();
    meter.arm(None);
    publish(&storage, 2).await.unwrap();
    meter.steps()
}

#[tokio::test]
async fn a_crash_at_any_step_of_a_publish_leaves_it_whole_or_absent() {
    let steps = steps_of_a_publish().await;
    assert!(steps >= 14, "three blobs and an event, staged, named and synced: {steps}");
    for step in 1..=steps {
        for (when, power) in [(When::Before, true), (When::After, true), (When::Before, false), (When::After, false)] {
            let folder = folder();
            let (storage, meter) = open(&folder).await;
            publish(&storage, 1).await.unwrap();
            meter.arm(Some(Fault { step, when, failure: Failure::Crash }));
            let second = publish(&storage, 2).await;
            assert!(second.is_err(), "step {step} {when:?}");
            assert!(storage.get(&Key::Event(1), 100).await.is_err(), "a process that is gone answers nothing");
            if power {
                meter.arm(None);
                storage.disk().unwrap().lose_power().unwrap();
            }
            drop(storage);
            let (storage, _) = open(&folder).await;
            assert!(assert_whole_or_absent(&storage, 1).await, "what was acknowledged is there");
            assert_whole_or_absent(&storage, 2).await;
            publish(&storage, 2).await.unwrap();
            assert!(assert_whole_or_absent(&storage, 2).await);
            assert_eq!(storage.last_event(1).await.unwrap(), 2);
        }
    }
}

#[tokio::test]
async fn a_step_that_fails_once_is_mended_by_trying_again() {
    let steps = steps_of_a_publish().await;
    for step in 1..=steps {
        for when in [When::Before, When::After] {
            for failure in [Failure::Error, Failure::Full] {
                let folder = folder();
                let (storage, meter) = open(&folder).await;
                publish(&storage, 1).await.unwrap();
                meter.arm(Some(Fault { step, when, failure }));
                let error = publish(&storage, 2).await.unwrap_err();
                let full = matches!(error, StorageError::Full { .. });
                assert_eq!(full, failure == Failure::Full, "step {step} {when:?}: {error:?}");
                assert_whole_or_absent(&storage, 2).await;
                // The event is created if absent: one whose sync failed is written anew by who commits it.
                match publish(&storage, 2).await {
                    Ok(()) => {}
                    Err(_) => {
                        storage.put(&Key::Event(2), Bytes::from_static(b"event 2")).await.unwrap();
                        publish(&storage, 2).await.unwrap();
                    }
                }
                assert!(assert_whole_or_absent(&storage, 2).await);
                drop(storage);
                let temporary = std::fs::read_dir(folder.path().join(".temporary")).unwrap().count();
                assert_eq!(temporary, 0, "nothing is left of what failed");
            }
        }
    }
}

#[tokio::test]
async fn any_object_store_can_be_made_to_fail() {
    let meter = Meter::default();
    let storage = Storage::over_with(Arc::new(InMemory::new()), meter.clone());
    let key = Key::Event(1);
    meter.arm(Some(Fault { step: 1, when: When::Before, failure: Failure::Error }));
    assert!(storage.put(&key, Bytes::new()).await.is_err());
    assert_eq!(storage.create(&key, Bytes::new()).await.unwrap(), Created::Created);
    let key = Key::Event(2);
    meter.arm(Some(Fault { step: 1, when: When::After, failure: Failure::Full }));
    assert!(matches!(storage.put(&key, Bytes::new()).await, Err(StorageError::Full { .. })));
    assert_eq!(storage.create(&key, Bytes::from_static(b"other")).await.unwrap(), Created::Exists);
    assert_eq!(storage.writes().objects, 2);
    meter.arm(Some(Fault { step: 1, when: When::Before, failure: Failure::Crash }));
    assert!(storage.put(&key, Bytes::new()).await.is_err());
    assert!(storage.get(&key, 10).await.is_err());
    assert!(storage.list_blobs(&Area::Public).count_all().await.is_err());
}

trait CountAll {
    async fn count_all(self) -> Result<usize, StorageError>;
}

impl<S: futures::Stream<Item = Result<super::super::StoredBlob, StorageError>>> CountAll for S {
    async fn count_all(self) -> Result<usize, StorageError> {
        use futures::TryStreamExt as _;
        self.try_fold(0, async |count, _| Ok(count + 1)).await
    }
}

const CHUNKS: [&str; 3] = ["first chunk, ", "second chunk, ", "third"];

async fn append(storage: &Storage, id: Uuid, at: u64, text: &str) -> Result<u64, StorageError> {
    let chunk = futures::stream::iter([Ok::<_, std::io::Error>(Bytes::copy_from_slice(text.as_bytes()))]);
    storage.append(id, Some(at), chunk, u64::MAX, Timestamp::from_micros(0)).await
}

pub(super) async fn upload(storage: &Storage, begun: &mut Option<Uuid>) -> Result<(), StorageError> {
    let repository = "acme/hello".parse().unwrap();
    let now = Timestamp::from_micros(0);
    let id = storage.begin_upload(&repository, &Area::Public, Algorithm::Sha256, now).await?.id;
    storage.save_uploads().await?;
    *begun = Some(id);
    let mut at = 0;
    for chunk in CHUNKS {
        at = append(storage, id, at, chunk).await?;
    }
    storage.finish(id, &blob(&CHUNKS.concat()).1).await.map(|_| ())
}

/// Goes on with an upload after a failure, as a client does: asks where it stands and sends the rest, or all of it again.
pub(super) async fn go_on(storage: &Storage, id: Uuid) {
    let whole = CHUNKS.concat();
    let (bytes, digest) = blob(&whole);
    let rest = async {
        let at = storage.upload(id).await?.offset;
        append(storage, id, at, &whole[at as usize..]).await?;
        storage.finish(id, &digest).await
    };
    match rest.await {
        Ok(size) => assert_eq!(size, bytes.len() as u64),
        Err(StorageError::UploadUnknown(_)) => {
            let stored = storage.blob_size(&Area::Public, &digest).await.unwrap();
            assert_eq!(stored, Some(bytes.len() as u64), "only an upload that became a blob is gone");
        }
        Err(error) => panic!("{error}"),
    }
    assert_eq!(storage.get_blob(&Area::Public, &digest, 100).await.unwrap(), bytes);
}

#[tokio::test]
async fn an_upload_goes_on_after_a_failure_at_any_step() {
    let steps = {
        let folder = folder();
        let (storage, meter) = open(&folder).await;
        meter.arm(None);
        upload(&storage, &mut None).await.unwrap();
        meter.steps()
    };
    for step in 1..=steps {
        for when in [When::Before, When::After] {
            for failure in [Failure::Error, Failure::Full, Failure::Crash] {
                let folder = folder();
                let (mut storage, meter) = open(&folder).await;
                meter.arm(Some(Fault { step, when, failure }));
                let mut begun = None;
                let error = upload(&storage, &mut begun).await;
                assert!(error.is_err(), "step {step} {when:?} {failure:?}");
                if failure == Failure::Crash {
                    drop(storage);
                    (storage, _) = open(&folder).await;
                }
                match begun {
                    Some(id) => go_on(&storage, id).await,
                    None => upload(&storage, &mut None).await.unwrap(),
                }
                storage.expire_uploads(Timestamp::from_micros(1)).await.unwrap();
                let left = std::fs::read_dir(folder.path().join("staging/uploads")).unwrap().count();
                assert_eq!(left, 0, "step {step} {when:?} {failure:?}");
            }
        }
    }
}
