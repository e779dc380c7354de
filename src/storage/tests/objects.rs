//! Object stores: what fails half-way leaves nothing, damage never takes good bytes along, an upload becomes a blob.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use object_store::path::Path;
use object_store::{Attribute, ObjectStore as _, ObjectStoreExt as _};
use uuid::Uuid;

use super::super::{BlobPut, Failure, Fault, Key, Meter, Storage, StorageError, When};
use super::faults::{go_on, upload};
use super::watched::{Fails, Seen, Watched};
use crate::domain::{Algorithm, Area, Digest, Timestamp};

const MIB: usize = 1 << 20;

fn content(seed: u8, size: usize) -> Bytes {
    (0..size).map(|index| (index * 7 + index / 251) as u8 ^ seed).collect()
}

fn pieces(bytes: &Bytes) -> impl futures::Stream<Item = io::Result<Bytes>> + Send + use<> {
    let bytes = bytes.clone();
    stream::iter((0..bytes.len()).step_by(100_000).map(move |at| Ok(bytes.slice(at..bytes.len().min(at + 100_000)))))
}

fn time() -> Timestamp {
    Timestamp::from_micros(0)
}

/// Until everything that was begun has ended, and nothing is in use.
async fn settled(storage: &Storage, seen: &Seen) {
    while Seen::of(&seen.begun) != Seen::of(&seen.completed) + Seen::of(&seen.aborted) || storage.0.parts.in_use() > 0 {
        tokio::task::yield_now().await;
    }
}

async fn begin(storage: &Storage) -> Uuid {
    let repository = "acme/hello".parse().unwrap();
    storage.begin_upload(&repository, &Area::Public, Algorithm::Sha256, time()).await.unwrap().id
}

async fn append(storage: &Storage, id: Uuid, bytes: &Bytes) -> Result<u64, StorageError> {
    storage.append(id, None, pieces(bytes), u64::MAX, time()).await
}

async fn staged(storage: &Storage) -> usize {
    storage.objects().list(Some(&Path::from("staging"))).count().await
}

#[tokio::test]
async fn a_large_blob_that_fails_leaves_no_multipart_upload() {
    let bytes = content(1, 20 * MIB);
    let digest = Digest::sha256(&bytes);
    for fails in [Fails::Begin, Fails::Part, Fails::Complete] {
        let watched = Watched::new(fails);
        let storage = Storage::over(Arc::new(watched.clone()));
        let put = storage.put_blob_stream(&Area::Public, &digest, pieces(&bytes), u64::MAX).await;
        assert!(matches!(put, Err(StorageError::Unavailable { .. })), "{fails:?} {put:?}");
        settled(&storage, &watched.seen).await;
        assert_eq!(Seen::of(&watched.seen.aborted), usize::from(fails != Fails::Begin), "{fails:?}");
        assert_eq!(storage.blob_size(&Area::Public, &digest).await.unwrap(), None);
    }
    let watched = Watched::new(Fails::Never);
    let storage = Storage::over(Arc::new(watched.clone()));
    let wrong = storage.put_blob_stream(&Area::Public, &Digest::sha256(b"other"), pieces(&bytes), u64::MAX).await;
    assert!(matches!(wrong, Err(StorageError::WrongDigest { .. })), "{wrong:?}");
    let long = storage.put_blob_stream(&Area::Public, &digest, pieces(&bytes), 19 * MIB as u64).await;
    assert!(matches!(long, Err(StorageError::TooLarge { .. })), "{long:?}");
    let cut = pieces(&bytes).take(150).chain(stream::once(async { Err(io::ErrorKind::ConnectionReset.into()) }));
    let cut = storage.put_blob_stream(&Area::Public, &digest, cut, u64::MAX).await;
    assert!(matches!(cut, Err(StorageError::Interrupted(_))), "{cut:?}");
    {
        // The client goes without a word.
        let silent = pieces(&bytes).take(150).chain(stream::pending());
        let mut put = std::pin::pin!(storage.put_blob_stream(&Area::Public, &digest, silent, u64::MAX));
        while Seen::of(&watched.seen.begun) < 4 {
            assert!(futures::poll!(put.as_mut()).is_pending());
            tokio::task::yield_now().await;
        }
    }
    settled(&storage, &watched.seen).await;
    assert_eq!((Seen::of(&watched.seen.aborted), Seen::of(&watched.seen.completed)), (4, 0));
    assert_eq!(storage.blob_size(&Area::Public, &digest).await.unwrap(), None);
}

#[tokio::test]
async fn a_completion_whose_answer_was_lost_is_one() {
    let watched = Watched::new(Fails::Completed);
    let storage = Storage::over(Arc::new(watched));
    let bytes = content(2, 9 * MIB);
    let digest = Digest::sha256(&bytes);
    storage.put_blob_stream(&Area::Public, &digest, pieces(&bytes), u64::MAX).await.unwrap();
    assert_eq!(storage.get_blob(&Area::Public, &digest, u64::MAX).await.unwrap(), bytes);
}

#[tokio::test]
async fn what_fits_into_one_part_is_one_request() {
    let watched = Watched::new(Fails::Begin);
    let storage = Storage::over(Arc::new(watched));
    for size in [256 * 1024, 256 * 1024 + 1, 8 * MIB] {
        let bytes = content(3, size);
        let digest = Digest::sha256(&bytes);
        storage.put_blob_stream(&Area::Public, &digest, pieces(&bytes), u64::MAX).await.unwrap();
        assert_eq!(storage.get_blob(&Area::Public, &digest, u64::MAX).await.unwrap(), bytes);
    }
}

/// A reader has found the damage, and stands before the gate; whoever pushes the same digest meanwhile must not lose it.
#[tokio::test]
async fn bytes_that_are_pushed_while_damage_is_taken_away_survive() {
    let watched = Watched::new(Fails::Never);
    let storage = Storage::over(Arc::new(watched.clone()));
    for (seed, size) in [(4, 1_000), (5, 9 * MIB)] {
        let bytes = content(seed, size);
        let digest = Digest::sha256(&bytes);
        let key = Key::Blob { area: Area::Public, digest };
        let mut damaged = bytes.to_vec();
        damaged[size / 2] ^= 1;
        storage.objects().put(&key.location(), damaged.into()).await.unwrap();
        let shut = watched.seen.gate.forget_permits(usize::MAX);
        let before = Seen::of(&watched.seen.waiting);
        let reader = storage.clone();
        let reading = tokio::spawn(async move { reader.get_blob(&Area::Public, &digest, u64::MAX).await });
        while Seen::of(&watched.seen.waiting) == before {
            tokio::task::yield_now().await;
        }
        let put = storage.put_blob_stream(&Area::Public, &digest, pieces(&bytes), u64::MAX).await;
        assert_eq!(put.unwrap(), size as u64);
        watched.seen.gate.add_permits(shut);
        let read = reading.await.unwrap();
        assert!(matches!(read, Err(StorageError::Corrupt(_))), "{read:?}");
        assert_eq!(storage.get_blob(&Area::Public, &digest, u64::MAX).await.unwrap(), bytes);
    }
}

#[tokio::test]
async fn an_empty_object_is_an_absent_blob_that_no_cache_keeps() {
    let storage = Storage::memory();
    let bytes = content(6, 1_000);
    let digest = Digest::sha256(&bytes);
    let key = Key::Blob { area: Area::Public, digest };
    storage.objects().put(&key.location(), vec![0; 1_000].into()).await.unwrap();
    assert!(storage.get_blob(&Area::Public, &digest, u64::MAX).await.is_err());
    let left = storage.objects().get(&key.location()).await.unwrap();
    assert_eq!((left.meta.size, left.attributes.get(&Attribute::CacheControl)), (0, Some(&"no-store".into())));
    assert_eq!(storage.put_blob(&Area::Public, bytes.clone(), &digest).await.unwrap(), BlobPut::Stored);
    let mended = storage.objects().get(&key.location()).await.unwrap();
    assert_eq!(mended.attributes.get(&Attribute::CacheControl), Some(&key.cache_control().into()));
    // That of nothing is empty, and there.
    let nothing = Digest::sha256(b"");
    storage.put_blob(&Area::Public, Bytes::new(), &nothing).await.unwrap();
    assert_eq!(storage.blob_size(&Area::Public, &nothing).await.unwrap(), Some(0));
    let listed: Vec<_> = storage.list_blobs(&Area::Public).map_ok(|blob| blob.size).try_collect().await.unwrap();
    assert_eq!(listed.len(), 2);
}

#[tokio::test]
async fn an_upload_of_one_chunk_becomes_a_blob_without_being_read() {
    for (size, area) in [(100, Area::Public), (20 * MIB, "private/acme".parse().unwrap())] {
        let watched = Watched::new(Fails::Never);
        let storage = Storage::over(Arc::new(watched.clone()));
        let bytes = content(7, size);
        let digest = Digest::sha256(&bytes);
        let repository = "acme/hello".parse().unwrap();
        let id = storage.begin_upload(&repository, &area, Algorithm::Sha256, time()).await.unwrap().id;
        assert_eq!(append(&storage, id, &bytes).await.unwrap(), size as u64);
        assert_eq!(storage.finish(id, &digest).await.unwrap(), size as u64);
        assert_eq!((Seen::of(&watched.seen.copies), Seen::of(&watched.seen.read)), (1, 0));
        let key = Key::Blob { area: area.clone(), digest };
        let found = storage.objects().get(&key.location()).await.unwrap();
        assert_eq!(found.attributes.get(&Attribute::CacheControl), Some(&key.cache_control().into()));
        assert_eq!(storage.get_blob(&area, &digest, u64::MAX).await.unwrap(), bytes);
        assert_eq!(staged(&storage).await, 0);
    }
}

#[tokio::test]
async fn several_chunks_are_joined_and_hashed_on_the_way() {
    let watched = Watched::new(Fails::Never);
    let storage = Storage::over(Arc::new(watched.clone()));
    let bytes = content(8, 30 * MIB);
    let digest = Digest::sha256(&bytes);
    let chunks = [bytes.slice(..MIB), bytes.slice(MIB..20 * MIB), bytes.slice(20 * MIB..)];
    let id = begin(&storage).await;
    for chunk in &chunks {
        append(&storage, id, chunk).await.unwrap();
    }
    storage.finish(id, &digest).await.unwrap();
    assert_eq!(storage.get_blob(&Area::Public, &digest, u64::MAX).await.unwrap(), bytes);
    assert_eq!(staged(&storage).await, 0);
    storage.delete_blob(&Area::Public, &digest).await.unwrap();

    // What the store has is not what it was given.
    for damage in ["other bytes", "fewer", "none"] {
        let id = begin(&storage).await;
        for chunk in &chunks {
            append(&storage, id, chunk).await.unwrap();
        }
        let folder = Path::from(format!("staging/uploads/{id}"));
        let parts: Vec<_> = storage.objects().list(Some(&folder)).try_collect().await.unwrap();
        let part = &parts[1];
        let size = part.size as usize;
        match damage {
            "none" => storage.objects().delete(&part.location).await.unwrap(),
            "fewer" => drop(storage.objects().put(&part.location, vec![0; size - 1].into()).await.unwrap()),
            _ => drop(storage.objects().put(&part.location, vec![0; size].into()).await.unwrap()),
        }
        let lost = storage.finish(id, &digest).await;
        assert!(matches!(lost, Err(StorageError::UploadUnknown(_))), "{damage}: {lost:?}");
        assert_eq!(storage.blob_size(&Area::Public, &digest).await.unwrap(), None, "{damage}");
        assert_eq!(staged(&storage).await, 0, "{damage}");
        settled(&storage, &watched.seen).await;
    }
}

#[tokio::test]
async fn a_chunk_that_fails_counts_nothing_and_the_upload_goes_on() {
    let watched = Watched::new(Fails::Part);
    let storage = Storage::over(Arc::new(watched.clone()));
    let bytes = content(9, 20 * MIB);
    let id = begin(&storage).await;
    append(&storage, id, &bytes.slice(..100)).await.unwrap();
    let failed = append(&storage, id, &bytes.slice(100..)).await;
    assert!(matches!(failed, Err(StorageError::Unavailable { .. })), "{failed:?}");
    settled(&storage, &watched.seen).await;
    assert_eq!(storage.upload(id).await.unwrap().offset, 100);
    append(&storage, id, &bytes.slice(100..5_000)).await.unwrap();
    storage.finish(id, &Digest::sha256(&bytes.slice(..5_000))).await.unwrap();
    assert_eq!(staged(&storage).await, 0);
}

#[tokio::test]
async fn an_upload_to_an_object_store_goes_on_after_a_failure_at_any_step() {
    let steps = {
        let meter = Meter::default();
        let storage = Storage::over_with(Arc::new(Watched::new(Fails::Never)), meter.clone());
        meter.arm(None);
        upload(&storage, &mut None).await.unwrap();
        meter.steps()
    };
    assert!(steps >= 8, "{steps}");
    for step in 1..=steps {
        for when in [When::Before, When::After] {
            for failure in [Failure::Error, Failure::Crash] {
                for shared in [false, true] {
                    let (objects, meter) = (Arc::new(Watched::new(Fails::Never)), Meter::default());
                    let open = || match shared {
                        true => Storage::over_shared(objects.clone(), meter.clone()),
                        false => Storage::over_with(objects.clone(), meter.clone()),
                    };
                    let mut storage = open();
                    meter.arm(Some(Fault { step, when, failure }));
                    let mut begun = None;
                    let what = format!("step {step} {when:?} {failure:?} shared: {shared}");
                    let outcome = upload(&storage, &mut begun).await;
                    // A copy that failed is done again by reading and writing.
                    assert!(outcome.is_err() || failure == Failure::Error, "{what}");
                    meter.arm(None);
                    if failure == Failure::Crash {
                        storage = open();
                    }
                    match (begun, outcome) {
                        (_, Ok(())) => {}
                        (Some(id), Err(_)) => go_on(&storage, id).await,
                        (None, Err(_)) => upload(&storage, &mut None).await.unwrap(),
                    }
                    storage.expire_uploads(Timestamp::from_micros(1)).await.unwrap();
                    assert_eq!(staged(&storage).await, 0, "{what}");
                }
            }
        }
    }
}
