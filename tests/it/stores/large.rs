//! Blobs that are larger than the memory a server may take, by each way to send them, and read from the bucket itself.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use pcl_registry::domain::{Algorithm, Digest, Hasher};

use super::bucket::{Bucket, Cloud};
use crate::script::wire::Request;
use crate::world::World;

const MIB: usize = 1 << 20;
/// What is pushed each time.
const SIZE: usize = 300 * MIB;
/// What a server may come to have resident meanwhile; one that kept the bytes would have all of them. Of the program of the tests itself,
/// with all that a debugger needs, some 60 MB are resident.
const LIMIT: u64 = 180_000_000;

/// The bytes from `at` on, made as they are sent: no MiB is like another.
fn piece(seed: u8, at: usize) -> Vec<u8> {
    let mut piece = vec![seed; MIB];
    piece[..8].copy_from_slice(&(at as u64).to_le_bytes());
    piece
}

fn digest_of(seed: u8, size: usize) -> Digest {
    let mut hasher = Hasher::new(Algorithm::Sha256);
    (0..size).step_by(MIB).for_each(|at| hasher.update(&piece(seed, at)));
    hasher.finish()
}

/// Sends a request whose body is made meanwhile; gives the status and the place that it names.
fn send(to: SocketAddr, method: &str, target: &str, seed: u8, part: std::ops::Range<usize>) -> (u16, String) {
    let mut stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let length = part.len();
    let head =
        format!("{method} {target} HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    part.step_by(MIB).for_each(|at| stream.write_all(&piece(seed, at)).unwrap());
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap();
    let location = answer.lines().find_map(|line| line.strip_prefix("location: ")).unwrap_or_default();
    (status, location.to_owned())
}

async fn stays_small(world: World) {
    let to = world.address;
    let pushes = tokio::task::spawn_blocking(move || {
        let begin = || {
            let (status, session) = send(to, "POST", "/v2/team/image/blobs/uploads/", 0, 0..0);
            assert_eq!(status, 202);
            session
        };
        let whole = digest_of(1, SIZE);
        assert_eq!(send(to, "PUT", &format!("{}?digest={whole}", begin()), 1, 0..SIZE).0, 201);
        let one_chunk = digest_of(2, SIZE);
        let session = begin();
        assert_eq!(send(to, "PATCH", &session, 2, 0..SIZE).0, 202);
        assert_eq!(send(to, "PUT", &format!("{session}?digest={one_chunk}"), 2, 0..0).0, 201);
        let chunks = digest_of(3, SIZE / 3);
        let session = begin();
        for at in (0..SIZE / 3).step_by(20 * MIB) {
            assert_eq!(send(to, "PATCH", &session, 3, at..at + 20 * MIB).0, 202);
        }
        assert_eq!(send(to, "PUT", &format!("{session}?digest={chunks}"), 3, 0..0).0, 201);
        [(1, whole, SIZE), (2, one_chunk, SIZE), (3, chunks, SIZE / 3)]
    });
    for (seed, digest, size) in pushes.await.unwrap() {
        let last = Request::new("GET", &format!("/v2/team/image/blobs/{digest}"));
        let last = world.send(last.header("Range", &format!("bytes={}-", size - MIB))).await;
        assert_eq!((last.status, last.body == piece(seed, size - MIB)), (206, true), "{digest}");
    }
    let peak = world.peak_memory();
    assert!(peak < LIMIT, "{peak} bytes were resident");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_push_into_a_folder_needs_little_memory() {
    stays_small(World::start_with(&["--cache-size", "8MiB"])).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_push_into_a_bucket_needs_little_memory() {
    let Some(bucket) = Bucket::new(Cloud::S3) else { return };
    stays_small(World::start_with(&["--cache-size", "8MiB", "--store", bucket.text()])).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_blobs_are_read_from_the_bucket_itself() {
    for cloud in [Cloud::S3, Cloud::Azure] {
        let Some(bucket) = Bucket::new(cloud) else { continue };
        let world = World::start_with(&["--redirect-above", "64KiB", "--store", bucket.text()]);
        let (large, small) = (vec![7; 64 << 10], b"small".to_vec());
        let (of_large, of_small) =
            (world.push_blob("team/image", &large).await, world.push_blob("team/image", &small).await);
        let target = format!("/v2/team/image/blobs/{of_large}");
        let sent = world.get(&target).await;
        assert_eq!((sent.status, sent.header("cache-control").as_deref()), (307, Some("no-store")), "{cloud:?}");
        assert_eq!(sent.header("docker-content-digest"), Some(of_large.to_string()));
        let address = sent.header("location").unwrap().to_owned();
        let (_, server) = bucket.text().split_once("endpoint=").expect("it names an endpoint");
        assert!(address.starts_with(server.split('&').next().unwrap()), "{address}");
        pcl_registry::client::install_tls_provider();
        let http = reqwest::Client::new();
        assert_eq!(http.get(&address).send().await.unwrap().bytes().await.unwrap(), large);
        let part = http.get(&address).header("Range", "bytes=5-8").send().await.unwrap();
        assert_eq!((part.status().as_u16(), part.bytes().await.unwrap().len()), (206, 4));
        // Signed for this object, and for reading it.
        let refused = http.get(address.replace(&of_large.hex(), &of_small.hex())).send().await.unwrap().status();
        assert_eq!(refused.as_u16(), 403, "{cloud:?}");
        let refused = http.delete(&address).send().await.unwrap().status();
        assert_eq!(refused.as_u16(), 403, "{cloud:?}");

        // What the registry itself answers.
        let head = world.send(Request::new("HEAD", &target)).await;
        assert_eq!((head.status, head.header("content-length").as_deref()), (200, Some("65536")));
        assert_eq!(world.get(&format!("/v2/team/image/blobs/{of_small}")).await.body, small);
        let known = world.send(Request::new("GET", &target).header("If-None-Match", &format!("\"{of_large}\""))).await;
        assert_eq!(known.status, 304);
        let outside = world.send(Request::new("GET", &target).header("Range", "bytes=65536-")).await;
        assert_eq!(outside.status, 416);
        let unknown = world.get(&format!("/v2/team/other/blobs/{of_large}")).await;
        assert_eq!(unknown.status, 404, "who may not read it is sent nowhere");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_signs_nothing_sends_the_bytes_itself() {
    let world = World::start_with(&["--redirect-above", "1KiB"]);
    let bytes = vec![7; 100_000];
    let digest = world.push_blob("team/image", &bytes).await;
    assert_eq!(world.pull_blob("team/image", &digest.to_string()).await, bytes);
}
