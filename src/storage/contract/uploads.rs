//! Upload sessions.
// Panics because: these are checks of a store; a promise that is not kept is reported as in any test.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore as _};
use uuid::Uuid;

use super::super::{Key, PartName, Storage, StorageError};
use super::{content, pieces, read};
use crate::domain::{Algorithm, Area, Digest, Repository, Timestamp};

const SIZE: usize = 3_000_017;

fn time(seconds: i64) -> Timestamp {
    Timestamp::from_micros(1_700_000_000_000_000).plus_seconds(seconds)
}

async fn begin(storage: &Storage, algorithm: Algorithm, at: i64) -> Uuid {
    let repository: Repository = "acme/hello".parse().expect("a repository");
    let upload = storage.begin_upload(&repository, &Area::Public, algorithm, time(at)).await.expect("begin");
    assert_eq!((upload.offset, upload.algorithm, &upload.repository), (0, algorithm, &repository));
    upload.id
}

async fn append(storage: &Storage, id: Uuid, at: u64, bytes: &Bytes) -> Result<u64, StorageError> {
    storage.append(id, Some(at), pieces(bytes, 65_537), u64::MAX, time(0)).await
}

async fn assert_unknown(storage: &Storage, id: Uuid) {
    assert!(matches!(storage.upload(id).await, Err(StorageError::UploadUnknown(found)) if found == id));
    let late = append(storage, id, 0, &Bytes::new()).await;
    assert!(matches!(late, Err(StorageError::UploadUnknown(_))), "{late:?}");
    let late = storage.finish(id, &Digest::sha256(b"")).await;
    assert!(matches!(late, Err(StorageError::UploadUnknown(_))), "{late:?}");
    let left = Key::Upload(id);
    assert!(!storage.exists(&left).await.expect("exists"), "nothing of it is left");
    assert!(!storage.exists(&Key::UploadData(id)).await.expect("exists"));
    let list = storage.objects().list(Some(&Path::from("staging/uploads")));
    let left: Vec<ObjectMeta> = list.try_collect().await.expect("list");
    assert!(left.iter().all(|meta| !meta.location.as_ref().contains(&id.to_string())), "{left:?}");
}

/// Chunks join; a chunk that starts elsewhere is refused and changes nothing; the end makes a blob.
pub async fn check_chunks(storage: &Storage) {
    for (seed, algorithm) in [(61, Algorithm::Sha256), (62, Algorithm::Sha512)] {
        let bytes = content(seed, SIZE);
        let digest = Digest::of(algorithm, &bytes);
        let id = begin(storage, algorithm, 0).await;
        let mut at = 0;
        for end in [1, 1, 700_000, 2_000_000, SIZE] {
            for wrong in [at as u64 + 1, 0, u64::MAX] {
                if wrong != at as u64 {
                    let refused = append(storage, id, wrong, &bytes.slice(at..end)).await;
                    assert!(
                        matches!(refused, Err(StorageError::Offset { expected, found }) if (expected, found) == (at as u64, wrong)),
                        "{refused:?}"
                    );
                }
            }
            let offset = append(storage, id, at as u64, &bytes.slice(at..end)).await.expect("append");
            assert_eq!(offset, end as u64);
            assert_eq!(storage.upload(id).await.expect("upload").offset, end as u64);
            at = end;
        }
        assert_eq!(storage.blob_size(&Area::Public, &digest).await.expect("size"), None, "not before the end");
        assert_eq!(storage.finish(id, &digest).await.expect("finish"), SIZE as u64);
        assert_eq!(read(storage, &Area::Public, &digest).await, bytes);
        assert_unknown(storage, id).await;
        // The same bytes again: the blob is there, and the upload ends as any other.
        let id = begin(storage, algorithm, 0).await;
        append(storage, id, 0, &bytes).await.expect("append");
        assert_eq!(storage.finish(id, &digest).await.expect("finish"), SIZE as u64);
        assert_unknown(storage, id).await;
        assert_eq!(read(storage, &Area::Public, &digest).await, bytes);
    }
    let id = begin(storage, Algorithm::Sha256, 0).await;
    let empty = Digest::sha256(b"");
    assert_eq!(storage.finish(id, &empty).await.expect("finish"), 0, "an empty blob");
    assert_eq!(read(storage, &Area::Public, &empty).await, Bytes::new());
    let id = begin(storage, Algorithm::Sha256, 0).await;
    let long = storage.append(id, None, pieces(&content(63, SIZE), 65_536), 2_000_000, time(0)).await;
    assert!(matches!(long, Err(StorageError::TooLarge { limit: 2_000_000 })), "{long:?}");
    storage.cancel_upload(id).await.expect("cancel");
    assert_unknown(storage, id).await;
    assert_unknown(storage, Uuid::nil()).await;
}

/// While one request writes, another is refused, and may still ask where the upload stands.
pub async fn check_one_writer(storage: &Storage) {
    let id = begin(storage, Algorithm::Sha256, 0).await;
    let (send, receive) = futures::channel::mpsc::unbounded::<Result<Bytes, io::Error>>();
    let mut first = std::pin::pin!(storage.append(id, Some(0), receive, u64::MAX, time(0)));
    send.unbounded_send(Ok(content(64, 100))).expect("send");
    assert!(futures::poll!(first.as_mut()).is_pending(), "it waits for more");
    let busy = append(storage, id, 0, &Bytes::new()).await;
    assert!(matches!(busy, Err(StorageError::Busy(_))), "{busy:?}");
    assert!(matches!(storage.finish(id, &Digest::sha256(b"")).await, Err(StorageError::Busy(_))));
    assert!(matches!(storage.cancel_upload(id).await, Err(StorageError::Busy(_))));
    assert_eq!(storage.expire_uploads(time(1_000)).await.expect("expire"), 0, "it is in use");
    assert!(storage.upload(id).await.expect("upload").offset <= 100);
    drop(send);
    assert_eq!(first.await.expect("append"), 100);
    assert_eq!(storage.finish(id, &Digest::sha256(&content(64, 100))).await.expect("finish"), 100);
}

/// A client that hangs up, by an error or without a word, leaves what had arrived; the upload goes on from there.
pub async fn check_hang_up(storage: &Storage) {
    let bytes = content(65, SIZE);
    let digest = Digest::sha256(&bytes);
    let id = begin(storage, Algorithm::Sha256, 0).await;
    let arrived = bytes.slice(..1_000_000);
    let reset = stream::once(std::future::ready(Err(io::ErrorKind::ConnectionReset.into())));
    let cut = pieces(&arrived, 65_537).chain(reset);
    let hung_up = storage.append(id, Some(0), cut, u64::MAX, time(0)).await;
    assert!(matches!(hung_up, Err(StorageError::Interrupted(_))), "{hung_up:?}");
    assert_eq!(storage.upload(id).await.expect("upload").offset, 1_000_000);
    // The request is dropped while it waits for more.
    {
        let silent = pieces(&bytes.slice(1_000_000..1_000_100), 10).chain(stream::pending());
        let mut append = std::pin::pin!(storage.append(id, Some(1_000_000), silent, u64::MAX, time(0)));
        assert!(futures::poll!(append.as_mut()).is_pending(), "it waits for more");
    }
    let offset = loop {
        match storage.append(id, None, stream::empty::<Result<Bytes, io::Error>>(), u64::MAX, time(0)).await {
            Err(StorageError::Busy(_)) => tokio::task::yield_now().await,
            offset => break offset.expect("append"),
        }
    };
    assert_eq!(offset, 1_000_100, "what had arrived is kept");
    append(storage, id, offset, &bytes.slice(offset as usize..)).await.expect("append");
    assert_eq!(storage.finish(id, &digest).await.expect("finish"), SIZE as u64);
    assert_eq!(read(storage, &Area::Public, &digest).await, bytes);
}

/// Bytes that are not what the client says make no blob; the upload stays until it is cancelled.
pub async fn check_wrong_upload(storage: &Storage) {
    let (bytes, claimed) = (content(66, 5_000), Digest::sha256(&content(67, 5_000)));
    let id = begin(storage, Algorithm::Sha256, 0).await;
    append(storage, id, 0, &bytes).await.expect("append");
    let refused = storage.finish(id, &claimed).await;
    assert!(matches!(refused, Err(StorageError::WrongDigest { .. })), "{refused:?}");
    assert_eq!(storage.blob_size(&Area::Public, &claimed).await.expect("size"), None);
    assert_eq!(storage.upload(id).await.expect("upload").offset, 5_000);
    storage.cancel_upload(id).await.expect("cancel");
    assert_unknown(storage, id).await;
    assert_eq!(storage.blob_size(&Area::Public, &Digest::sha256(&bytes)).await.expect("size"), None);
}

/// The digest at the end may name another algorithm than the one that hashed on the way.
pub async fn check_finish_with_another_algorithm(storage: &Storage) {
    let bytes = content(68, SIZE);
    for (on_the_way, at_the_end) in [(Algorithm::Sha256, Algorithm::Sha512), (Algorithm::Sha512, Algorithm::Sha256)] {
        let id = begin(storage, on_the_way, 0).await;
        append(storage, id, 0, &bytes).await.expect("append");
        let wrong = storage.finish(id, &Digest::of(at_the_end, b"other")).await;
        assert!(matches!(wrong, Err(StorageError::WrongDigest { .. })), "{wrong:?}");
        let digest = Digest::of(at_the_end, &bytes);
        assert_eq!(storage.finish(id, &digest).await.expect("finish"), SIZE as u64);
        assert_eq!(read(storage, &Area::Public, &digest).await, bytes);
    }
}

/// Uploads that nobody sent to for long go, and others stay. Needs a store without uploads.
pub async fn check_expiry(storage: &Storage) {
    let (old, refreshed, young) = (
        begin(storage, Algorithm::Sha256, 0).await,
        begin(storage, Algorithm::Sha256, 0).await,
        begin(storage, Algorithm::Sha256, 50).await,
    );
    append(storage, old, 0, &content(69, 100)).await.expect("append");
    let chunk = pieces(&content(69, 100), 100);
    storage.append(refreshed, Some(0), chunk, u64::MAX, time(60)).await.expect("append");
    // Bytes whose document is gone.
    let orphan = Uuid::now_v7();
    let orphan = if storage.disk().is_some() {
        Key::UploadData(orphan)
    } else {
        Key::UploadPart(orphan, PartName { place: 0, mark: 7 })
    };
    storage.put(&orphan, content(70, 10)).await.expect("put");
    assert_eq!(storage.expire_uploads(time(50)).await.expect("expire"), 2);
    assert!(!storage.exists(&orphan).await.expect("exists"));
    assert_unknown(storage, old).await;
    assert_eq!(storage.upload(refreshed).await.expect("upload").offset, 100);
    assert_eq!(storage.expire_uploads(time(61)).await.expect("expire"), 2);
    assert_unknown(storage, refreshed).await;
    assert_unknown(storage, young).await;
}

/// Uploads that two processes write to by turns, `one` and `two`, which have the same store open together with others.
pub async fn check_shared_uploads(one: &Storage, two: &Storage) {
    let bytes = content(73, 9_500_000);
    let digest = Digest::sha256(&bytes);
    let id = begin(one, Algorithm::Sha256, 0).await;
    let mut at = 0;
    // The last is more than fits into one part of a store that takes parts.
    for (index, end) in [1, 500_000, 1_000_000, 9_500_000].into_iter().enumerate() {
        let (writer, other) = if index % 2 == 0 { (two, one) } else { (one, two) };
        let upload = writer.upload(id).await.expect("the other knows it");
        assert_eq!(upload.offset, at as u64);
        let wrong = append(other, id, at as u64 + 7, &bytes.slice(at..end)).await;
        assert!(matches!(wrong, Err(StorageError::Offset { expected, .. }) if expected == at as u64), "{wrong:?}");
        let offset = append(writer, id, at as u64, &bytes.slice(at..end)).await.expect("append");
        assert_eq!(offset, end as u64);
        assert_eq!(other.upload(id).await.expect("upload").offset, end as u64, "and sees what was added");
        at = end;
    }
    assert_eq!(one.finish(id, &digest).await.expect("finish"), bytes.len() as u64);
    assert_eq!(read(two, &Area::Public, &digest).await, bytes);
    assert_unknown(two, id).await;
    assert_unknown(one, id).await;

    // Both at once: one goes on, and the other is told; nothing of its bytes counts.
    let id = begin(one, Algorithm::Sha256, 0).await;
    append(one, id, 0, &bytes.slice(..10)).await.expect("append");
    let (send, receive) = futures::channel::mpsc::unbounded::<Result<Bytes, io::Error>>();
    let taken = AtomicBool::new(false);
    let receive = receive.inspect(|_| taken.store(true, Ordering::SeqCst));
    let mut slow = std::pin::pin!(one.append(id, Some(10), receive, u64::MAX, time(0)));
    send.unbounded_send(Ok(bytes.slice(20..40))).expect("send");
    while !taken.load(Ordering::SeqCst) {
        assert!(futures::poll!(slow.as_mut()).is_pending(), "it waits for more");
        tokio::task::yield_now().await;
    }
    assert_eq!(append(two, id, 10, &bytes.slice(10..20)).await.expect("append"), 20);
    drop(send);
    let late = slow.await;
    assert!(matches!(late, Err(StorageError::Busy(_))), "{late:?}");
    assert_eq!(one.upload(id).await.expect("upload").offset, 20);
    assert_eq!(append(one, id, 20, &bytes.slice(20..40)).await.expect("append"), 40);
    let digest = Digest::sha256(&bytes.slice(..40));
    assert_eq!(two.finish(id, &digest).await.expect("finish"), 40);
    assert_eq!(read(one, &Area::Public, &digest).await, bytes.slice(..40));
    assert_unknown(one, id).await;

    // One that the other has ended is over here, too, and goes with what is too old.
    let id = begin(one, Algorithm::Sha256, 0).await;
    two.cancel_upload(id).await.expect("cancel");
    assert_unknown(one, id).await;
    let id = begin(one, Algorithm::Sha256, 0).await;
    assert_eq!(two.expire_uploads(time(1)).await.expect("expire"), 1);
    assert_unknown(one, id).await;
}

/// An upload goes on in another process: `reopen` opens the store anew after this one was dropped.
pub async fn check_upload_survives_restart(storage: Storage, reopen: impl AsyncFn() -> Storage) {
    let mut storage = storage;
    for (seed, algorithm) in [(71, Algorithm::Sha256), (72, Algorithm::Sha512)] {
        let bytes = content(seed, SIZE);
        let digest = Digest::of(algorithm, &bytes);
        let id = begin(&storage, algorithm, 5).await;
        // As a server that stops does.
        storage.save_uploads().await.expect("save");
        let mut at = 0;
        for end in [0, 1_234_567, 1_234_600, SIZE] {
            let before = storage.upload(id).await.expect("upload");
            drop(storage);
            storage = reopen().await;
            assert_eq!(storage.upload(id).await.expect("upload"), before);
            assert_eq!(append(&storage, id, at as u64, &bytes.slice(at..end)).await.expect("append"), end as u64);
            at = end;
        }
        drop(storage);
        storage = reopen().await;
        assert_eq!(storage.finish(id, &digest).await.expect("finish"), SIZE as u64);
        drop(storage);
        storage = reopen().await;
        assert_eq!(read(&storage, &Area::Public, &digest).await, bytes);
        assert_unknown(&storage, id).await;
    }
}
