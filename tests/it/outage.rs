//! The database is gone in the middle of work: what needs it is refused in time, all else goes on, and nothing is lost.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pcl_registry::domain::{Area, Digest};
use pcl_registry::storage::Key;
use serde_json::Value;

use crate::backend::Backend;
use crate::inside::Package;
use crate::kill::is_there;
use crate::proxy::{Fault, Proxy};
use crate::script::wire::{Request, Response};
use crate::world::World;

/// Within this every request is answered (`docs/operations.md`).
const LIMIT: Duration = Duration::from_secs(25);
/// Within this all goes on after the database is back.
const RECOVERY: Duration = Duration::from_secs(10);

/// How the database is gone.
#[derive(Clone, Copy, Debug)]
enum Gone {
    Refused,
    Silent,
}

/// A registry, and the way to its database. `None` without a server.
async fn registry(backend: Backend) -> Option<(World, Proxy)> {
    let place = backend.place()?;
    let proxy = Proxy::start(place.server().expect("this one has a server")).await;
    let world = World::start_new(place.flags_at(&proxy.place), Some(place));
    Some((world, proxy))
}

/// Publishes; the answer that was not 201, if one was not.
async fn push(address: SocketAddr, package: &Package) -> Result<(), Response> {
    let repository = &package.repository;
    let mut requests = Vec::new();
    for blob in [&package.packed.config, &package.packed.layer] {
        let target = format!("/v2/{repository}/blobs/uploads/?digest={}", blob.digest);
        let request = Request::new("POST", &target).header("Content-Type", "application/octet-stream");
        requests.push(request.body(&blob.content));
    }
    requests.push(manifest_of(package));
    for request in requests {
        let response = request.send(address).await.unwrap().expect("no hang-up");
        if response.status != 201 {
            return Err(response);
        }
    }
    Ok(())
}

fn manifest_of(package: &Package) -> Request {
    let manifest = &package.packed.manifest;
    let target = format!("/v2/{}/manifests/{}", package.repository, package.tag);
    Request::new("PUT", &target).header("Content-Type", &manifest.media_type).body(&manifest.content)
}

/// What a client can act on: 503, when to come again, and the front's own document.
fn assert_refused(request: &Request, response: &Response) {
    let what = format!("{} {}", request.method, request.target);
    assert_eq!(response.status, 503, "{what}: {}", String::from_utf8_lossy(&response.body));
    assert!(response.header("retry-after").is_some_and(|after| after.parse::<u32>().is_ok()), "{what}");
    if request.method == "HEAD" {
        return;
    }
    let document: Value = serde_json::from_slice(&response.body).unwrap();
    let message = match request.target.starts_with("/v2/") {
        true => &document["errors"][0]["message"],
        false => &document["detail"],
    };
    assert_eq!(message, "the metadata store is not available", "{what}");
}

/// Numbers of the event objects, which must have no gap.
fn events(world: &World) -> usize {
    let entries = std::fs::read_dir(world.data().join("store/events")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut numbers: Vec<usize> = names.filter_map(|name| name.parse().ok()).collect();
    numbers.sort_unstable();
    assert!(numbers.iter().copied().eq(1..=numbers.len()), "gapless: {numbers:?}");
    numbers.len()
}

/// Waits for a request to be answered so.
async fn until(address: SocketAddr, target: &str, what: &str, is_so: impl Fn(&Response) -> bool) {
    let begun = Instant::now();
    loop {
        let response = Request::new("GET", target).send(address).await.unwrap().expect("no hang-up");
        if is_so(&response) {
            return;
        }
        assert!(begun.elapsed() < RECOVERY, "{what}: {} {target}", response.status);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn until_ready(world: &World) {
    until(world.address, "/ready", "ready again", |response| response.status == 200).await;
}

/// Sends all at once; each answer with its request.
async fn all(address: SocketAddr, requests: Vec<Request>) -> Vec<(Request, Response)> {
    let answers = requests.into_iter().map(|request| async move {
        let begun = Instant::now();
        let response = request.send(address).await.unwrap().expect("no hang-up");
        assert!(begun.elapsed() < LIMIT, "{} {}: {:?}", request.method, request.target, begun.elapsed());
        (request, response)
    });
    futures::future::join_all(answers).await
}

async fn serves_what_it_can(backend: Backend, gone: Gone) {
    let Some((mut world, proxy)) = registry(backend).await else { return };
    let [warm, cold, late] = ["warm", "cold", "late"].map(|slug| Package::new(&format!("acme/{slug}@1.0.0"), slug));
    for package in [&warm, &cold] {
        assert!(push(world.address, package).await.is_ok());
    }
    let large = vec![7; 300_000];
    let large_digest = world.push_blob("acme/cold", &large).await;
    let secret = b"nobody else's business";
    let key = Key::Blob { area: Area::private(&cold.repository), digest: Digest::sha256(secret) };
    let path = world.data().join("store").join(key.path());
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, secret).unwrap();
    // Nothing is cached any more but what is asked for from here on.
    world.restart();
    assert!(is_there(&world, &warm).await);
    let is_found = |response: &Response| String::from_utf8_lossy(&response.body).contains("acme/warm");
    until(world.address, "/api/v1/search?q=warm", "indexed", is_found).await;
    match gone {
        Gone::Refused => proxy.cut().await,
        Gone::Silent => proxy.stall(),
    }

    let manifest = cold.digest();
    let get = |target: String| Request::new("GET", &target);
    let needing = vec![
        get("/ready".into()),
        get("/api/v1/artifacts".into()),
        get("/api/v1/artifacts/acme/cold".into()),
        get("/v2/_catalog".into()),
        get("/v2/acme/cold/tags/list".into()),
        get("/v2/acme/cold/manifests/1.0.0".into()),
        Request::new("HEAD", "/v2/acme/cold/manifests/1.0.0"),
        get(format!("/v2/acme/cold/referrers/{manifest}")),
        // Whether these are anywhere only the database knows.
        get(format!("/v2/acme/cold/manifests/{}", Digest::sha256(b"unknown"))),
        get(format!("/v2/acme/cold/blobs/{}", Digest::sha256(b"unknown"))),
        get(format!("/v2/acme/cold/blobs/{}", Digest::sha256(secret))),
        // A blob that is no manifest.
        get(format!("/v2/acme/cold/manifests/{}", cold.packed.config.digest)),
        Request::new("POST", &format!("/v2/acme/late/blobs/uploads/?digest={}", Digest::sha256(b"late")))
            .header("Content-Type", "application/octet-stream")
            .body(b"late"),
        manifest_of(&late),
        Request::new("DELETE", "/v2/acme/cold/manifests/1.0.0"),
    ];
    for (request, response) in all(world.address, needing).await {
        assert_refused(&request, &response);
    }

    let layer = &cold.packed.layer;
    let served = vec![
        get("/health".into()),
        get("/v2/".into()),
        get("/metrics".into()),
        get("/v2/acme/warm/manifests/1.0.0".into()),
        get(format!("/v2/acme/warm/manifests/{}", warm.digest())),
        get(format!("/v2/acme/warm/blobs/{}", warm.packed.layer.digest)),
        get(format!("/v2/acme/cold/manifests/{manifest}")),
        Request::new("HEAD", &format!("/v2/acme/cold/manifests/{manifest}")),
        get(format!("/v2/acme/cold/blobs/{}", layer.digest)),
        Request::new("HEAD", &format!("/v2/acme/cold/blobs/{}", layer.digest)),
        get(format!("/v2/acme/cold/blobs/{large_digest}")),
        get("/api/v1/search?q=warm".into()),
        get("/api/v1/facets".into()),
    ];
    for (request, response) in all(world.address, served).await {
        let (target, body) = (request.target.as_str(), &response.body);
        assert_eq!(response.status, 200, "{} {target}: {}", request.method, String::from_utf8_lossy(body));
        if target == format!("/v2/acme/cold/manifests/{manifest}") {
            assert_eq!(response.header("content-type").unwrap(), cold.packed.manifest.media_type);
            assert_eq!(response.header("docker-content-digest").unwrap(), manifest.to_string());
            assert!(request.method == "HEAD" || *body == cold.packed.manifest.content);
        }
        if target.ends_with(&layer.digest.to_string()) {
            assert!(request.method == "HEAD" || *body == layer.content);
        }
        if target.ends_with(&large_digest.to_string()) {
            assert_eq!(*body, large);
        }
        if target.contains("q=warm") {
            assert!(is_found(&response));
        }
    }
    let part = get(format!("/v2/acme/cold/blobs/{large_digest}")).header("Range", "bytes=10-19");
    let (_, part) = all(world.address, vec![part]).await.remove(0);
    assert_eq!((part.status, part.body.as_slice()), (206, &large[..10]));

    proxy.mend().await;
    until_ready(&world).await;
    for (target, expected) in [
        (format!("/v2/acme/cold/blobs/{}", Digest::sha256(b"unknown")), 404),
        (format!("/v2/acme/cold/blobs/{}", Digest::sha256(secret)), 404),
        (format!("/v2/acme/other/manifests/{manifest}"), 404),
        (format!("/v2/acme/other/blobs/{large_digest}"), 404),
    ] {
        assert_eq!(world.get(&target).await.status, expected, "{target}: the database is asked again");
    }
    assert!(push(world.address, &late).await.is_ok());
    for package in [&warm, &cold, &late] {
        assert!(is_there(&world, package).await);
    }
    assert_eq!(events(&world), 3);
    let is_found = |response: &Response| String::from_utf8_lossy(&response.body).contains("acme/late");
    until(world.address, "/api/v1/search?q=late", "the index goes on", is_found).await;
}

/// The message that commits. What it commits has been written to the server by then.
fn committing(backend: Backend) -> &'static [u8] {
    match backend {
        Backend::Postgres => b"COMMIT",
        Backend::Mongo => b"commitTransaction",
        Backend::Memory | Backend::Sqlite => unreachable!("there is no server"),
    }
}

async fn settles_what_is_in_doubt(backend: Backend, fault: Fault) {
    let Some((world, proxy)) = registry(backend).await else { return };
    let [first, late] = ["first", "late"].map(|slug| Package::new(&format!("acme/{slug}@1.0.0"), slug));
    assert!(push(world.address, &first).await.is_ok());
    for blob in [&late.packed.config, &late.packed.layer] {
        world.push_blob("acme/late", &blob.content).await;
    }
    // That there is nothing yet is remembered too.
    let target = "/v2/acme/late/manifests/1.0.0";
    assert_eq!(world.get(target).await.status, 404);
    proxy.cut_at(committing(backend), fault);
    let (request, response) = all(world.address, vec![manifest_of(&late)]).await.remove(0);
    assert!(proxy.has_tripped());
    assert_refused(&request, &response);
    proxy.mend().await;
    until_ready(&world).await;
    if fault == Fault::Done {
        // It has happened, and comes to light although nobody asks for a change again.
        until(world.address, target, "whole by itself", |response| response.status == 200).await;
        assert_eq!(events(&world), 2);
    }
    assert_eq!(is_there(&world, &late).await, fault == Fault::Done);
    let (_, again) = all(world.address, vec![manifest_of(&late)]).await.remove(0);
    assert_eq!(again.status, 201, "asking again is safe: {}", String::from_utf8_lossy(&again.body));
    assert!(is_there(&world, &late).await);
    assert_eq!(events(&world), 2);
}

/// The same, asked again at once: what is acknowledged can be read, whatever was remembered.
async fn what_is_acknowledged_on_the_second_try_can_be_read(backend: Backend) {
    let Some((world, proxy)) = registry(backend).await else { return };
    let late = Package::new("acme/late@1.0.0", "late");
    for blob in [&late.packed.config, &late.packed.layer] {
        world.push_blob("acme/late", &blob.content).await;
    }
    assert_eq!(world.get("/v2/acme/late/manifests/1.0.0").await.status, 404);
    proxy.cut_at(committing(backend), Fault::Done);
    let mending = async {
        while !proxy.has_tripped() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        proxy.mend().await;
    };
    let trying = async {
        while push(world.address, &late).await.is_err() {}
        assert!(is_there(&world, &late).await);
        assert_eq!(events(&world), 1);
    };
    tokio::join!(mending, trying);
}

async fn loses_nothing_while_the_way_flaps(backend: Backend) {
    let Some((mut world, proxy)) = registry(backend).await else { return };
    let package =
        |number: usize| Package::new(&format!("acme/p{}@{number}.0.0", number % 7), &format!("text {number}"));
    let (next, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let (acknowledged, refused) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
    let publishers: Vec<_> = (0..3)
        .map(|_| {
            let (address, next, stop) = (world.address, next.clone(), stop.clone());
            let (acknowledged, refused) = (acknowledged.clone(), refused.clone());
            tokio::spawn(async move {
                while !stop.load(Ordering::SeqCst) {
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    match push(address, &package(number)).await {
                        Ok(()) => acknowledged.lock().unwrap().push(number),
                        Err(response) => {
                            assert_eq!(response.status, 503, "{}", String::from_utf8_lossy(&response.body));
                            refused.lock().unwrap().push(number);
                            tokio::time::sleep(Duration::from_millis(20)).await;
                        }
                    }
                }
            })
        })
        .collect();
    let pause = |millis| tokio::time::sleep(Duration::from_millis(millis));
    for round in 0..6_u64 {
        pause(150 + 40 * round).await;
        match round % 3 {
            0 => proxy.cut_at(committing(backend), if round == 0 { Fault::Done } else { Fault::NotDone }),
            1 => proxy.cut().await,
            _ => proxy.stall(),
        }
        pause(300).await;
        proxy.mend().await;
        for _ in 0..4 {
            pause(60).await;
            proxy.interrupt();
        }
    }
    stop.store(true, Ordering::SeqCst);
    for publisher in publishers {
        publisher.await.unwrap();
    }
    until_ready(&world).await;
    // The last change settles what was in doubt before it.
    let last = next.fetch_add(1, Ordering::SeqCst);
    assert!(push(world.address, &package(last)).await.is_ok());
    acknowledged.lock().unwrap().push(last);
    let (acknowledged, refused) = (acknowledged.lock().unwrap().clone(), refused.lock().unwrap().clone());
    let mut there = acknowledged.len();
    for number in &acknowledged {
        assert!(is_there(&world, &package(*number)).await, "{number} was acknowledged and is lost");
    }
    for number in &refused {
        there += usize::from(is_there(&world, &package(*number)).await);
    }
    eprintln!(
        "{} acknowledged, {} refused, of which {} are there",
        acknowledged.len(),
        refused.len(),
        there - acknowledged.len()
    );
    // MongoDB's client tries again by itself, so that perhaps nobody hears of it.
    assert!(proxy.broken() > 6, "the test breaks something");
    assert_eq!(events(&world), there, "one event each, and none besides");
    world.restart();
    for number in acknowledged.iter().chain(&refused) {
        assert!(push(world.address, &package(*number)).await.is_ok(), "asking again is safe");
        assert!(is_there(&world, &package(*number)).await);
    }
    assert_eq!(events(&world), acknowledged.len() + refused.len());
}

macro_rules! on_servers {
    ($($module:ident: $backend:ident;)*) => {$(
        mod $module {
            use super::*;

            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn what_needs_no_database_is_served_without_it() {
                serves_what_it_can(Backend::$backend, Gone::Refused).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn what_needs_no_database_is_served_beside_a_silent_one() {
                serves_what_it_can(Backend::$backend, Gone::Silent).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn a_commit_that_did_not_arrive_leaves_nothing() {
                settles_what_is_in_doubt(Backend::$backend, Fault::NotDone).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn a_commit_whose_answer_was_lost_comes_to_light() {
                settles_what_is_in_doubt(Backend::$backend, Fault::Done).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn a_second_try_is_acknowledged_whole() {
                what_is_acknowledged_on_the_second_try_can_be_read(Backend::$backend).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn nothing_acknowledged_is_lost_while_the_way_flaps() {
                loses_nothing_while_the_way_flaps(Backend::$backend).await;
            }
        }
    )*};
}

on_servers! { on_postgres: Postgres; on_mongodb: Mongo; }
