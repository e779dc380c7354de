//! `kill -9` while packages are published one after another: what was acknowledged is there after a restart.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pcl_registry::domain::Digest;

use crate::backend::on_every_backend;
use crate::inside::Package;
use crate::script::wire::Request;
use crate::world::World;

/// How long the rounds go on. Each takes a start and up to 60 ms of publishing.
const BUDGET: Duration = Duration::from_secs(5);

fn package(number: usize) -> Package {
    Package::new(&format!("acme/p{number}@1.0.0"), &format!("number {number} {}", "text ".repeat(number % 50)))
}

/// Publishes; `false` when the registry went away first.
async fn publish(address: SocketAddr, package: &Package) -> bool {
    let repository = &package.repository;
    for blob in [&package.packed.config, &package.packed.layer] {
        let target = format!("/v2/{repository}/blobs/uploads/?digest={}", blob.digest);
        let request = Request::new("POST", &target).header("Content-Type", "application/octet-stream");
        match request.body(&blob.content).send(address).await {
            Ok(Some(response)) => assert_eq!(response.status, 201, "{}", String::from_utf8_lossy(&response.body)),
            _ => return false,
        }
    }
    let target = format!("/v2/{repository}/manifests/{}", package.tag);
    let manifest = &package.packed.manifest;
    let request = Request::new("PUT", &target).header("Content-Type", &manifest.media_type).body(&manifest.content);
    match request.send(address).await {
        Ok(Some(response)) => {
            assert_eq!(response.status, 201, "{}", String::from_utf8_lossy(&response.body));
            true
        }
        _ => false,
    }
}

/// Whether a package is there; if so, whole.
pub async fn is_there(world: &World, package: &Package) -> bool {
    let repository = package.repository.to_string();
    let tagged = world.get(&format!("/v2/{repository}/manifests/{}", package.tag)).await;
    let shown = world.get(&format!("/api/v1/artifacts/{repository}/versions/{}", package.tag)).await;
    assert_eq!(tagged.status, shown.status, "{repository}: registry and catalogue agree");
    if tagged.status == 404 {
        return false;
    }
    assert_eq!(tagged.body, package.packed.manifest.content);
    for blob in [&package.packed.config, &package.packed.layer] {
        let bytes = world.pull_blob(&repository, &blob.digest.to_string()).await;
        assert_eq!(Digest::sha256(&bytes), blob.digest, "{repository}");
    }
    true
}

on_every_backend! { what_was_acknowledged_is_there_after_kills_at_any_moment }

async fn what_was_acknowledged_is_there_after_kills_at_any_moment(mut world: World) {
    let acknowledged = Arc::new(Mutex::new(Vec::new()));
    let next = Arc::new(AtomicUsize::new(0));
    let (begun, mut random, mut rounds) = (Instant::now(), 0x9e37_79b9_7f4a_7c15_u64, 0);
    while begun.elapsed() < BUDGET || rounds < 3 {
        let publishers: Vec<_> = (0..2)
            .map(|_| {
                let (address, acknowledged, next) = (world.address, acknowledged.clone(), next.clone());
                tokio::spawn(async move {
                    loop {
                        let number = next.fetch_add(1, Ordering::SeqCst);
                        if !publish(address, &package(number)).await {
                            return number;
                        }
                        acknowledged.lock().unwrap().push(number);
                    }
                })
            })
            .collect();
        // xorshift: the same moments in every run, as far as a machine repeats itself.
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        tokio::time::sleep(Duration::from_micros(random % 60_000)).await;
        world.kill();
        let mut interrupted = Vec::new();
        for publisher in publishers {
            interrupted.push(publisher.await.expect("only the registry ends"));
        }
        world.restart();
        for number in interrupted {
            let package = package(number);
            is_there(&world, &package).await;
            assert!(publish(world.address, &package).await, "the next push of the same artifact works");
            acknowledged.lock().unwrap().push(number);
        }
        rounds += 1;
    }
    let acknowledged = acknowledged.lock().unwrap().clone();
    for number in &acknowledged {
        assert!(is_there(&world, &package(*number)).await, "{number} was acknowledged and is lost, {rounds} rounds");
    }
    let ready = world.get("/ready").await;
    let health = String::from_utf8_lossy(&ready.body);
    assert_eq!(ready.status, 200, "{health}");
    eprintln!("{rounds} kills, {} packages, {health}", acknowledged.len());
    let events = std::fs::read_dir(world.data().join("store/events")).unwrap();
    let numbered = events.filter(|entry| entry.as_ref().unwrap().file_name().len() == 20).count();
    assert_eq!(numbered, acknowledged.len(), "one event each, and none besides");
}
