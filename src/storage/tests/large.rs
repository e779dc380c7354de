//! Memory: however many push at once, and however slowly, it stays within its bound.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};

use super::super::objects::PartBuffers;
use super::super::{Storage, StorageError};
use super::watched::{Seen, Watched};
use crate::domain::{Algorithm, Area, Digest, Hasher, Timestamp};

const MIB: usize = 1 << 20;
const PIECE: usize = 64 << 10;

/// So many bytes that are made as they are asked for.
fn generated(seed: u8, size: usize) -> impl Stream<Item = io::Result<Bytes>> + Send {
    stream::iter((0..size / PIECE).map(move |index| Ok(piece(seed, index))))
}

fn piece(seed: u8, index: usize) -> Bytes {
    let mut piece = vec![seed; PIECE];
    piece[..8].copy_from_slice(&(index as u64).to_le_bytes());
    piece.into()
}

fn digest_of(seed: u8, size: usize) -> Digest {
    let mut hasher = Hasher::new(Algorithm::Sha256);
    for index in 0..size / PIECE {
        hasher.update(&piece(seed, index));
    }
    hasher.finish()
}

/// Most memory that this process ever had resident, in bytes, where the system tells.
fn peak() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse::<usize>().ok().map(|kib| kib * 1024)
}

/// 16 pushes of 40 MiB, half of them whole and half in a session, come to 640 MiB.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_pushes_at_once_share_the_memory_for_parts() {
    let (watched, size) = (Watched::forgetting(), 40 * MIB);
    let storage = Storage::over(Arc::new(watched.clone()));
    let before = peak();
    let pushes = (0..16u8).map(|seed| {
        let storage = storage.clone();
        tokio::spawn(async move {
            if seed % 2 == 0 {
                let digest = digest_of(seed, size);
                return storage.put_blob_stream(&Area::Public, &digest, generated(seed, size), u64::MAX).await.unwrap();
            }
            let now = Timestamp::from_micros(0);
            let repository = "acme/hello".parse().unwrap();
            let upload = storage.begin_upload(&repository, &Area::Public, Algorithm::Sha256, now).await.unwrap();
            storage.append(upload.id, Some(0), generated(seed, size), u64::MAX, now).await.unwrap()
        })
    });
    for push in pushes.collect::<Vec<_>>() {
        assert_eq!(push.await.unwrap(), size as u64);
    }
    assert_eq!(Seen::of(&watched.seen.completed), 16);
    let most = Seen::of(&watched.seen.most_in_flight);
    assert!((8 * MIB..=64 * MIB).contains(&most), "{most} bytes were on their way at once");
    assert_eq!(storage.0.parts.in_use(), 0);
    if let (Some(before), Some(after)) = (before, peak()) {
        let grown = after - before;
        assert!(grown < 110 * MIB, "{} MiB for 640 MiB of pushes", grown / MIB);
    }
}

/// A store in memory keeps the very bytes that it is given, and not the room to send more.
#[tokio::test]
async fn a_store_in_memory_takes_more_than_all_buffers_hold() {
    let storage = Storage::memory();
    for (seed, size) in (0..12).map(|seed| (seed, MIB)).chain([(20, 80 * MIB)]) {
        let digest = digest_of(seed, size);
        storage.put_blob_stream(&Area::Public, &digest, generated(seed, size), u64::MAX).await.unwrap();
        assert_eq!(storage.blob_size(&Area::Public, &digest).await.unwrap(), Some(size as u64));
    }
}

/// Clients that hold all the memory and send nothing more do not keep others out for ever.
#[tokio::test]
async fn who_is_slow_gives_way_to_who_waits_and_to_nobody_else() {
    let mut storage = Storage::over(Arc::new(Watched::forgetting()));
    Arc::get_mut(&mut storage.0).unwrap().parts = PartBuffers::with_patience(Duration::from_millis(100));
    let now = Timestamp::from_micros(0);
    let repository = "acme/hello".parse().unwrap();
    let mut slow = Vec::new();
    for seed in 0..8 {
        let upload = storage.begin_upload(&repository, &Area::Public, Algorithm::Sha256, now).await.unwrap();
        let storage = storage.clone();
        slow.push(tokio::spawn(async move {
            let trickle = generated(seed, MIB).chain(stream::pending());
            (upload.id, storage.append(upload.id, Some(0), trickle, u64::MAX, now).await)
        }));
    }
    while storage.0.parts.in_use() < 8 {
        tokio::task::yield_now().await;
    }
    let long = tokio::time::timeout(Duration::from_secs(1), futures::future::select_all(&mut slow)).await;
    assert!(long.is_err(), "nobody waits for them");
    let size = 20 * MIB;
    let digest = digest_of(9, size);
    let put = storage.put_blob_stream(&Area::Public, &digest, generated(9, size), u64::MAX).await;
    assert_eq!(put.unwrap(), size as u64);
    let mut given_up = 0;
    for push in slow.into_iter().filter(tokio::task::JoinHandle::is_finished) {
        let (id, outcome) = push.await.unwrap();
        assert!(matches!(outcome, Err(StorageError::Interrupted(_))), "{outcome:?}");
        assert_eq!(storage.upload(id).await.unwrap().offset, MIB as u64, "what had come is kept");
        given_up += 1;
    }
    assert!((1..=3).contains(&given_up), "no more than it needs: {given_up}");
}
