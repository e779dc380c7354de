//! Several servers on one database and one folder: what one is told, the others show; and one that dies takes nothing along.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::inside::{Package, keys};
use crate::postgres::database::Database;
use crate::script::wire::{Request, Response};
use crate::world::{Server, refused_start, start_server_with};

/// How long another server may take to show what one has acknowledged, on a machine that has little else to do.
const STALE: Duration = Duration::from_secs(1);
/// How long the test waits for it: machines of tests are busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// A database of the test's own, gone with it.
pub enum Shared {
    Postgres(Database),
    Mongo { server: String, name: String },
}

impl Shared {
    pub fn postgres() -> Option<Self> {
        Database::new().map(Self::Postgres)
    }

    pub fn mongo() -> Option<Self> {
        let Ok(server) = std::env::var("PCLR_TEST_MONGODB") else {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "PCLR_TEST_MONGODB is not set, and CI=true");
            eprintln!("skipped: PCLR_TEST_MONGODB is not set; tests/run starts a server and sets it");
            return None;
        };
        Some(Self::Mongo { server, name: format!("pclr_shared_{}", uuid::Uuid::now_v7().simple()) })
    }

    pub fn address(&self) -> String {
        match self {
            Self::Postgres(database) => database.url(),
            Self::Mongo { server, name } => {
                let (place, options) = server.split_once("/?").expect("mongodb://HOST/?OPTIONS");
                format!("{place}/{name}?{options}")
            }
        }
    }

    pub async fn remove(self) {
        if let Self::Mongo { server, name } = self {
            let client = mongodb::Client::with_uri_str(server).await.unwrap();
            client.database(&name).drop().await.unwrap();
        }
    }
}

fn start(data: &Path, database: &str) -> (SocketAddr, Server) {
    start_server_with(data, &["--metadata", database, "--shared", "true"])
}

pub async fn send(address: SocketAddr, request: Request) -> Response {
    request.send(address).await.unwrap().expect("the server answers")
}

pub async fn get(address: SocketAddr, target: &str) -> Response {
    send(address, Request::new("GET", target)).await
}

pub async fn json(address: SocketAddr, target: &str) -> Value {
    serde_json::from_slice(&get(address, target).await.body).unwrap()
}

/// Publishes by any of the servers for each request, as behind something that spreads them; gives the status of the last.
pub async fn publish(servers: [SocketAddr; 2], package: &Package) -> u16 {
    let repository = &package.repository;
    for blob in [&package.packed.config, &package.packed.layer] {
        let target = format!("/v2/{repository}/blobs/uploads/?digest={}", blob.digest);
        let request = Request::new("POST", &target).header("Content-Type", "application/octet-stream");
        let response = send(servers[0], request.body(&blob.content)).await;
        assert_eq!(response.status, 201, "{}", String::from_utf8_lossy(&response.body));
    }
    let target = format!("/v2/{repository}/manifests/{}", package.tag);
    let manifest = &package.packed.manifest;
    let request = Request::new("PUT", &target).header("Content-Type", &manifest.media_type).body(&manifest.content);
    send(servers[1], request).await.status
}

/// Asks until the answer is right, and gives how long that took.
pub async fn until(what: &str, is_so: impl AsyncFnMut() -> bool) -> Duration {
    until_within(PATIENCE, what, is_so).await
}

/// The same for what may take so long.
pub async fn until_within(patience: Duration, what: &str, mut is_so: impl AsyncFnMut() -> bool) -> Duration {
    let started = Instant::now();
    while !is_so().await {
        assert!(started.elapsed() < patience, "{what} is not so after {patience:?}");
        tokio::task::yield_now().await;
    }
    started.elapsed()
}

/// Numbers of the event objects.
fn events(data: &Path) -> Vec<u64> {
    let names = std::fs::read_dir(data.join("store/events")).unwrap();
    let mut numbers: Vec<u64> = names
        .map(|entry| entry.unwrap().file_name().to_str().unwrap().trim_end_matches(".json").parse().unwrap())
        .collect();
    numbers.sort_unstable();
    numbers
}

async fn finds(address: SocketAddr, word: &str) -> bool {
    json(address, &format!("/api/v1/search?q={word}")).await["total"] == 1
}

/// Thirty-two publishers over two servers that started at once: one winner of a version, no gap in the events, and both servers
/// show all of it.
async fn share(shared: Shared) {
    let (folder, address) = (tempfile::tempdir().unwrap(), shared.address());
    let data = folder.path().join("data");
    let starting: Vec<_> = (0..2)
        .map(|_| {
            let (data, address) = (data.clone(), address.clone());
            tokio::task::spawn_blocking(move || start(&data, &address))
        })
        .collect();
    let mut servers = Vec::new();
    for starting in starting {
        servers.push(starting.await.unwrap());
    }
    let ((one, first), (other, second)) = (servers.remove(0), servers.remove(0));

    let mut publishers = tokio::task::JoinSet::new();
    for publisher in 0..32usize {
        publishers.spawn(async move {
            let servers = if publisher % 2 == 0 { [one, other] } else { [other, one] };
            let contested = Package::new("acme/contested@1.0.0", &format!("by publisher {publisher}"));
            let status = publish(servers, &contested).await;
            for number in 0..3 {
                let own = Package::new(&format!("acme/p{publisher}-{number}@1.0.0"), "its own");
                assert_eq!(publish([servers[number % 2], servers[(number + 1) % 2]], &own).await, 201);
            }
            status
        });
    }
    let statuses = publishers.join_all().await;
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [201, 409].contains(status)), "{statuses:?}");
    assert_eq!(events(&data), (1..=97).collect::<Vec<_>>());
    for server in [one, other] {
        until("everything is searched", async || json(server, "/ready").await["indexed"] == 97).await;
        assert_eq!(json(server, "/api/v1/search?limit=1").await["total"], 97);
        assert_eq!(json(server, "/api/v1/artifacts?limit=1&total=true").await["total"], 97);
    }

    let mut times = Vec::new();
    for number in 0..10 {
        let word = format!("zebra{number}");
        let target = format!("/v2/acme/{word}/manifests/latest");
        assert_eq!(get(other, &target).await.status, 404, "that there is none is known, and kept");
        for version in ["1.0.0", "2.0.0"] {
            let package = Package::new(&format!("acme/{word}@{version}"), version);
            assert_eq!(publish([one, one], &package).await, 201);
            let manifest = &package.packed.manifest.content;
            times.push(until("the tag moved", async || get(other, &target).await.body == *manifest).await);
        }
        times.push(until("it is found", async || finds(other, &word).await).await);
        let deleted = send(one, Request::new("DELETE", &format!("/v2/acme/{word}/manifests/2.0.0"))).await;
        assert_eq!(deleted.status, 202);
        let exact = format!("/v2/acme/{word}/manifests/2.0.0");
        times.push(until("it is gone", async || get(other, &exact).await.status == 404).await);
    }
    // What is no cache's is seen at once.
    let steps = "/api/v1/collections/acme/steps";
    let put = Request::new("PUT", steps).body(br#"{"title":"First steps","items":[{"name":"acme/zebra1"}]}"#);
    assert_eq!(send(one, put).await.status, 200);
    assert_eq!(json(other, "/api/v1/collections?with=acme/zebra1").await["items"][0]["name"], "acme/steps");
    assert_eq!(send(other, Request::new("DELETE", steps)).await.status, 204);
    assert_eq!(get(one, steps).await.status, 404);

    times.sort_unstable();
    let late = times.iter().filter(|time| **time > STALE).count();
    eprintln!("seen by the other server: p50 {:?}, p95 {:?}, max {:?}", times[20], times[37], times[39]);
    assert!(late <= times.len() / 10, "{late} of {} were later than {STALE:?}: {times:?}", times.len());

    uploads_stay_with_their_server(one, other).await;

    // One dies in the middle of work; the other goes on, also with what the first left undone.
    let dying = tokio::spawn(async move {
        for number in 0.. {
            let package = Package::new(&format!("acme/dying{number}@1.0.0"), "before the end");
            let target = format!("/v2/{}/blobs/uploads/?digest={}", package.repository, package.packed.config.digest);
            let request = Request::new("POST", &target).body(&package.packed.config.content);
            if !matches!(request.send(one).await, Ok(Some(response)) if response.status == 201) {
                return;
            }
            let target = format!("/v2/{}/blobs/uploads/?digest={}", package.repository, package.packed.layer.digest);
            let _ = Request::new("POST", &target).body(&package.packed.layer.content).send(one).await;
            let manifest = &package.packed.manifest;
            let target = format!("/v2/{}/manifests/1.0.0", package.repository);
            let request = Request::new("PUT", &target).header("Content-Type", &manifest.media_type);
            let _ = request.body(&manifest.content).send(one).await;
        }
    });
    until("it is at work", async || get(other, "/v2/acme/dying3/manifests/1.0.0").await.status == 200).await;
    drop(first);
    dying.await.unwrap();
    // A transaction that died with its server may hold the counter for a moment.
    let after = Package::new("acme/after@1.0.0", "after the end");
    until("the other goes on", async || publish([other, other], &after).await == 201).await;
    let head = json(other, "/ready").await["head"].as_u64().unwrap();
    assert_eq!(events(&data), (1..=head).collect::<Vec<_>>());
    until("it is found", async || finds(other, "after").await).await;

    // Another takes the place of the dead one.
    let (third, last) = start(&data, &address);
    until("it has caught up", async || finds(third, "after").await).await;
    let alone = tokio::task::spawn_blocking({
        let (data, address) = (data.clone(), address.clone());
        move || refused_start(&data, &["--metadata", &address])
    });
    let refused = alone.await.unwrap();
    assert!(refused.contains("another server uses") && refused.contains("--shared true"), "{refused}");
    drop((second, last));
    shared.remove().await;
}

async fn uploads_stay_with_their_server(one: SocketAddr, other: SocketAddr) {
    let begun = send(one, Request::new("POST", "/v2/plain/image/blobs/uploads/")).await;
    assert_eq!(begun.status, 202);
    let location = begun.header("location").expect("a place to send to");
    let chunk = |address| {
        let request = Request::new("PATCH", &location).header("Content-Type", "application/octet-stream");
        send(address, request.body(b"bytes"))
    };
    let elsewhere = chunk(other).await;
    assert_eq!(elsewhere.status, 404, "{}", String::from_utf8_lossy(&elsewhere.body));
    assert_eq!(chunk(one).await.status, 202);
    let digest = pcl_registry::domain::Digest::sha256(b"bytes");
    let target = format!("{location}?digest={digest}");
    assert_eq!(send(one, Request::new("PUT", &target)).await.status, 201);
    assert_eq!(get(other, &format!("/v2/plain/image/blobs/{digest}")).await.body, b"bytes".as_slice());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_share_a_database_of_postgresql() {
    if let Some(shared) = Shared::postgres() {
        share(shared).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_share_a_database_of_mongodb() {
    if let Some(shared) = Shared::mongo() {
        share(shared).await;
    }
}

/// What one server purges another may just be sent, so the bytes stay. A server that has the folder to itself removes them.
async fn purge(shared: Shared) {
    let (folder, address) = (tempfile::tempdir().unwrap(), shared.address());
    let data = folder.path().join("data");
    let package = Package::new("acme/hello@1.0.0", "what must go");
    let files = keys(&package).map(|key| data.join("store").join(key.path()));
    let are_there = || files.iter().map(|file| file.exists()).collect::<Vec<_>>();
    let version = "/api/v1/artifacts/acme/hello/versions/1.0.0";
    let content = format!("{version}/content");
    let (one, server) = start(&data, &address);
    assert_eq!(publish([one, one], &package).await, 201);
    for target in [version, content.as_str()] {
        assert_eq!(send(one, Request::new("DELETE", target)).await.status, 204);
    }
    assert_eq!(get(one, "/v2/acme/hello/manifests/1.0.0").await.status, 404);
    assert_eq!(are_there(), [true; 3]);
    drop(server);
    let (alone, server) = start_server_with(&data, &["--metadata", &address]);
    assert_eq!(send(alone, Request::new("DELETE", &content)).await.status, 204);
    assert_eq!(are_there(), [false; 3]);
    drop(server);
    shared.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_go_when_a_server_alone_purges_again_with_postgresql() {
    if let Some(shared) = Shared::postgres() {
        purge(shared).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_go_when_a_server_alone_purges_again_with_mongodb() {
    if let Some(shared) = Shared::mongo() {
        purge(shared).await;
    }
}

#[test]
fn what_cannot_be_shared_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    for flags in [&["--shared", "true"][..], &["--shared", "true", "--metadata", "memory:"]] {
        let refused = refused_start(&data, flags);
        assert!(refused.contains("several servers cannot share") && refused.contains("hint:"), "{refused}");
    }
}
