//! Blobs: hashed, deduplicated, read whole and in part.
// Panics because: these are checks of a store; a promise that is not kept is reported as in any test.

use std::io;

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use object_store::ObjectStoreExt as _;

use super::super::{BlobPut, Key, Storage, StorageError};
use super::{content, pieces, read};
use crate::domain::{Algorithm, Area, Digest};

fn private() -> Area {
    "private/acme".parse().expect("an area")
}

/// What is put is read back; the second put of the same writes nothing; areas do not share.
pub async fn check_blobs(storage: &Storage) {
    for (seed, algorithm, size) in [
        (1, Algorithm::Sha256, 0),
        (2, Algorithm::Sha256, 1),
        (3, Algorithm::Sha512, 100_000),
        (4, Algorithm::Sha512, 0),
    ] {
        let bytes = content(seed, size);
        let digest = Digest::of(algorithm, &bytes);
        assert_eq!(storage.blob_size(&Area::Public, &digest).await.expect("size"), None);
        let put = storage.put_blob(&Area::Public, bytes.clone(), &digest).await;
        assert_eq!(put.expect("put"), BlobPut::Stored);
        assert_eq!(storage.blob_size(&Area::Public, &digest).await.expect("size"), Some(size as u64));
        let before = storage.writes().objects;
        let put = storage.put_blob(&Area::Public, bytes.clone(), &digest).await;
        assert_eq!(put.expect("put"), BlobPut::Present);
        assert_eq!(storage.writes().objects, before, "nothing is written twice");
        for _ in 0..2 {
            assert_eq!(read(storage, &Area::Public, &digest).await, bytes);
        }
        assert_eq!(storage.blob_size(&private(), &digest).await.expect("size"), None);
        let key = Key::Blob { area: Area::Public, digest };
        storage.settle(&[key]).await.expect("settle");
        storage.delete_blob(&Area::Public, &digest).await.expect("delete");
        storage.delete_blob(&Area::Public, &digest).await.expect("delete what is absent");
        let absent = storage.read_blob(&Area::Public, &digest, None).await;
        assert!(matches!(absent, Err(StorageError::NotFound { .. })), "{absent:?}");
        let put = storage.put_blob(&Area::Public, bytes.clone(), &digest).await;
        assert_eq!(put.expect("put"), BlobPut::Stored, "deletion is effective at once");
    }
}

/// Blobs of many chunks, put as they arrive in pieces of any size.
pub async fn check_large_blobs(storage: &Storage) {
    let bytes = content(5, 9_000_001);
    for (algorithm, piece) in [(Algorithm::Sha256, 100_003), (Algorithm::Sha512, 9_000_001)] {
        let digest = Digest::of(algorithm, &bytes);
        let before = storage.writes().objects;
        let put = storage.put_blob_stream(&Area::Public, &digest, pieces(&bytes, piece), 9_000_001).await;
        assert_eq!(put.expect("put"), 9_000_001);
        assert_eq!(storage.writes().objects, before + 1, "straight to its name");
        for _ in 0..2 {
            let mut stream = storage.read_blob(&Area::Public, &digest, None).await.expect("read");
            assert_eq!((stream.size, stream.range.clone()), (9_000_001, 0..9_000_001));
            let mut at = 0;
            while let Some(chunk) = stream.next().await {
                let chunk = chunk.expect("a chunk");
                assert_eq!(chunk, bytes.slice(at..at + chunk.len()));
                at += chunk.len();
            }
            assert_eq!(at, bytes.len());
        }
        let long = storage.get_blob(&Area::Public, &digest, 9_000_000).await;
        assert!(matches!(long, Err(StorageError::TooLarge { limit: 9_000_000 })), "{long:?}");
        assert_eq!(read(storage, &Area::Public, &digest).await, bytes);
    }
}

/// Parts of blobs, and ranges that are none.
pub async fn check_ranges(storage: &Storage) {
    let bytes = content(6, 2_000_000);
    let digest = Digest::sha256(&bytes);
    storage.put_blob_stream(&Area::Public, &digest, pieces(&bytes, 65_536), u64::MAX).await.expect("put");
    for (start, end) in [(0, 1), (0, 2_000_000), (1, 2_000_000), (1_999_999, 2_000_000), (524_287, 1_048_577), (5, 5)] {
        let stream = storage.read_blob(&Area::Public, &digest, Some(start..end)).await.expect("read");
        assert_eq!((stream.size, stream.range.clone()), (2_000_000, start..end));
        let chunks: Vec<Bytes> = stream.try_collect().await.expect("chunks");
        assert_eq!(chunks.concat(), bytes.slice(start as usize..end as usize), "{start}..{end}");
    }
    for (start, end) in [(0, 2_000_001), (2_000_001, 2_000_002), (u64::MAX - 1, u64::MAX)] {
        let refused = storage.read_blob(&Area::Public, &digest, Some(start..end)).await;
        assert!(matches!(refused, Err(StorageError::Range { size: 2_000_000 })), "{refused:?}");
    }
}

/// Wrong bytes, too many bytes and bytes that stop coming leave nothing, neither under the digest nor anywhere.
pub async fn check_refused_blobs(storage: &Storage) {
    for size in [10, 3_000_000] {
        let (bytes, other) = (content(7, size), content(8, size));
        let digest = Digest::sha256(&bytes);
        let put = storage.put_blob_stream(&Area::Public, &digest, pieces(&other, 70_000), u64::MAX).await;
        assert!(
            matches!(&put, Err(StorageError::WrongDigest { expected, found })
                if **expected == digest && **found == Digest::sha256(&other)),
            "{put:?}"
        );
        let limit = size as u64 - 1;
        let put = storage.put_blob_stream(&Area::Public, &digest, pieces(&bytes, 70_000), limit).await;
        assert!(matches!(put, Err(StorageError::TooLarge { limit: found }) if found == limit), "{put:?}");
        let half = pieces(&bytes.slice(..size / 2), 70_000);
        let cut = half.chain(stream::once(std::future::ready(Err(io::ErrorKind::ConnectionReset.into()))));
        let put = storage.put_blob_stream(&Area::Public, &digest, cut, u64::MAX).await;
        assert!(matches!(put, Err(StorageError::Interrupted(_))), "{put:?}");
        let half = pieces(&bytes.slice(..size / 2), 70_000);
        {
            // A caller who stops waiting in the middle.
            let never = half.chain(stream::pending());
            let put = storage.put_blob_stream(&Area::Public, &digest, never, u64::MAX);
            let mut put = std::pin::pin!(put);
            for _ in 0..3 {
                assert!(futures::poll!(put.as_mut()).is_pending());
                tokio::task::yield_now().await;
            }
        }
        assert_eq!(storage.blob_size(&Area::Public, &digest).await.expect("size"), None);
    }
    let (bytes, other) = (content(7, 10), content(8, 10));
    let put = storage.put_blob(&Area::Public, other, &Digest::sha256(&bytes)).await;
    assert!(matches!(put, Err(StorageError::WrongDigest { .. })), "{put:?}");
    assert_eq!(storage.blob_size(&Area::Public, &Digest::sha256(&bytes)).await.expect("size"), None);
}

/// Bytes that changed in the store are never handed out whole, are moved away, and are mended by the next push.
pub async fn check_damage_is_found(storage: &Storage) {
    for (seed, size) in [(9, 1_000), (10, 3_000_000)] {
        let bytes = content(seed, size);
        let digest = Digest::sha256(&bytes);
        let key = Key::Blob { area: Area::Public, digest };
        storage.put_blob(&Area::Public, bytes.clone(), &digest).await.expect("put");
        assert_eq!(read(storage, &Area::Public, &digest).await, bytes);
        let mut damaged = bytes.to_vec();
        damaged[size - 1] ^= 1;
        storage.objects().put(&key.location(), damaged.clone().into()).await.expect("damage");
        let corruptions = storage.corruptions();
        let mut received = 0;
        let failure = match storage.read_blob(&Area::Public, &digest, None).await {
            Err(error) => error.to_string(),
            Ok(mut stream) => loop {
                match stream.next().await.expect("no good end") {
                    Ok(chunk) => received += chunk.len(),
                    Err(error) => break error.to_string(),
                }
            },
        };
        assert!(failure.contains("damaged"), "{failure}");
        assert!(received < size, "the last bytes are held back");
        assert_eq!(storage.corruptions(), corruptions + 1);
        let absent = storage.read_blob(&Area::Public, &digest, None).await;
        assert!(matches!(absent, Err(StorageError::NotFound { .. })), "{absent:?}");
        let absent = storage.read_blob(&Area::Public, &digest, Some(0..0)).await;
        assert!(matches!(absent, Err(StorageError::NotFound { .. })), "{absent:?}");
        assert_eq!(storage.blob_size(&Area::Public, &digest).await.expect("size"), None);
        let listed = storage.list_blobs(&Area::Public).try_any(|blob| std::future::ready(blob.digest == digest)).await;
        assert!(!listed.expect("list"), "nothing that is absent is listed");
        let kept = storage.get(&Key::Quarantined { area: Area::Public, digest }, u64::MAX).await;
        assert_eq!(kept.expect("quarantined").as_ref(), damaged);
        let put = storage.put_blob(&Area::Public, bytes.clone(), &digest).await;
        assert_eq!(put.expect("put"), BlobPut::Stored);
        assert_eq!(read(storage, &Area::Public, &digest).await, bytes);
    }
    // Damage that nobody has read yet is not taken for what is pushed, of whatever length it is.
    for (seed, cut) in [(11, 0), (12, 1), (13, 1_000)] {
        let bytes = content(seed, 1_000);
        let digest = Digest::sha256(&bytes);
        let mut damaged = bytes.to_vec();
        damaged[0] ^= 1;
        damaged.truncate(1_000 - cut);
        let key = Key::Blob { area: Area::Public, digest };
        storage.objects().put(&key.location(), damaged.into()).await.expect("damage");
        let put = storage.put_blob(&Area::Public, bytes.clone(), &digest).await;
        assert_eq!(put.expect("put"), BlobPut::Stored);
        assert_eq!(read(storage, &Area::Public, &digest).await, bytes);
    }
}

/// Every blob of an area is listed, and nothing of another.
pub async fn check_listing(storage: &Storage) {
    let area: Area = "private/listing".parse().expect("an area");
    let mut expected = Vec::new();
    for seed in 20..60 {
        let bytes = content(seed, seed as usize);
        let algorithm = if seed % 2 == 0 { Algorithm::Sha256 } else { Algorithm::Sha512 };
        let digest = Digest::of(algorithm, &bytes);
        storage.put_blob(&area, bytes, &digest).await.expect("put");
        expected.push((digest, u64::from(seed)));
    }
    storage.put_blob(&private(), content(1, 9), &Digest::sha256(&content(1, 9))).await.expect("put");
    let list = storage.list_blobs(&area).map_ok(|blob| (blob.digest, blob.size));
    let mut found: Vec<(Digest, u64)> = list.try_collect().await.expect("list");
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
    let nothing: Area = "private/nothing".parse().expect("an area");
    assert!(storage.list_blobs(&nothing).next().await.is_none());
}
