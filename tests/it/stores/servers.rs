//! Two server processes with one database and one bucket, each with a data folder of its own: what one takes the other shows, and one
//! that dies takes nothing along.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures::TryStreamExt as _;
use pcl_registry::domain::public::{PackageDocument, PublicPath, RegistryDocument};
use pcl_registry::domain::{Actor, Area, Digest, Event};
use pcl_registry::registry::{Clock, Collected, DataOptions, Limits, Metadata, open_data};
use pcl_registry::storage::{Key, Sharing, Storage};

use super::bucket::{Bucket, Cloud};
use crate::inside::Package;
use crate::postgres::database::Database;
use crate::script::wire::Request;
use crate::shared::{get, json, publish, send, until, until_within};
use crate::world::{Server, refused_start, start_server_with};

/// A day, the grace period.
const DAY: i64 = 24 * 3600;
/// Who publishes at once.
const PUBLISHERS: usize = 16;

fn start(data: &Path, bucket: &str, database: &str) -> (SocketAddr, Server) {
    start_server_with(data, &["--store", bucket, "--metadata", database, "--static", "true"])
}

async fn head(server: SocketAddr) -> u64 {
    json(server, "/ready").await["head"].as_u64().unwrap()
}

/// The events in the bucket have no gap, and the last is the last of the database.
async fn assert_gapless(storage: &Storage, server: SocketAddr) {
    let head = head(server).await;
    let events: Vec<(u64, _)> = storage.events(0).try_collect().await.unwrap();
    assert!(
        events.iter().map(|(n, _)| *n).eq(1..=head),
        "{head}: {:?}",
        events.iter().map(|(n, _)| n).collect::<Vec<_>>()
    );
    for (n, bytes) in events {
        assert!(Event::parse(&bytes).unwrap().body.repository().is_some(), "event {n}");
    }
}

async fn document<T: serde::de::DeserializeOwned>(storage: &Storage, path: PublicPath) -> Option<T> {
    let found = storage.read(&Key::Public(path), 1 << 24).await.unwrap()?;
    Some(serde_json::from_slice(&found.bytes).unwrap())
}

/// Whatever server rendered it: the tree shows all that was published by now, each package with its document, its manifests by tag
/// and digest, its page and its blobs.
async fn assert_tree(storage: &Storage, server: SocketAddr, packages: &[Package]) {
    let head = head(server).await;
    // What shows many packages is written the more seldom the longer it takes, and on a busy machine it takes long.
    until_within(Duration::from_secs(180), "the tree shows it", async || {
        let registry: Option<RegistryDocument> = document(storage, PublicPath::Registry).await;
        registry.is_some_and(|registry| registry.as_of >= head)
    })
    .await;
    let listed: Vec<_> = storage.objects().list(Some(&"public".into())).try_collect().await.unwrap();
    let listed: std::collections::BTreeSet<String> = listed.into_iter().map(|meta| meta.location.to_string()).collect();
    for package in packages {
        let name = package.name();
        let document: PackageDocument = document(storage, PublicPath::Package(name.clone())).await.unwrap();
        assert!(
            document.versions.iter().any(|version| version.release.digest == package.digest()),
            "{name}: {document:?}"
        );
        let manifests = format!("public/v2/{name}/manifests");
        let [tag, digest] = [&package.tag, &package.digest().to_string()].map(|name| format!("{manifests}/{name}"));
        let blobs = [&package.packed.config, &package.packed.layer]
            .map(|blob| format!("public/v2/{name}/blobs/{}", blob.digest));
        for path in [tag, digest, format!("public/pages/{name}.html")].iter().chain(&blobs) {
            assert!(listed.contains(path), "{path} is missing");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_share_a_database_and_a_bucket() {
    let (Some(bucket), Some(database)) = (Bucket::new(Cloud::S3), Database::new()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let starting = ["one", "other"].map(|name| {
        let (data, bucket, database) = (folder.path().join(name), bucket.text().to_owned(), database.url());
        tokio::task::spawn_blocking(move || start(&data, &bucket, &database))
    });
    let [starting_one, starting_other] = starting;
    let ((one, first), (other, _second)) = (starting_one.await.unwrap(), starting_other.await.unwrap());
    let storage = bucket.open().await;

    // Publishes at once, of one version and of many, over both.
    let mut publishers = tokio::task::JoinSet::new();
    for publisher in 0..PUBLISHERS {
        publishers.spawn(async move {
            let servers = if publisher % 2 == 0 { [one, other] } else { [other, one] };
            let contested = Package::new("acme/contested@1.0.0", &format!("by publisher {publisher}"));
            let status = publish([servers[0]; 2], &contested).await;
            let own = Package::new(&format!("acme/p{publisher}@1.0.0"), "its own");
            assert_eq!(publish(servers, &own).await, 201);
            (status, contested, own)
        });
    }
    let (mut packages, mut won) = (Vec::new(), Vec::new());
    for (status, contested, own) in publishers.join_all().await {
        assert!([201, 409].contains(&status), "{status}");
        won.extend((status == 201).then_some(contested));
        packages.push(own);
    }
    assert_eq!(won.len(), 1, "one publish of the version won");
    packages.extend(won);
    assert_eq!(head(one).await, PUBLISHERS as u64 + 1);
    assert_gapless(&storage, other).await;
    for server in [one, other] {
        for package in &packages {
            let target = format!("/v2/{}/manifests/{}", package.repository, package.tag);
            until("it is shown", async || get(server, &target).await.body == *package.packed.manifest.content).await;
            let layer = format!("/v2/{}/blobs/{}", package.repository, package.packed.layer.digest);
            assert_eq!(get(server, &layer).await.body, *package.packed.layer.content);
        }
        let all = packages.len() as u64;
        until("all is found", async || json(server, "/api/v1/search?limit=1").await["total"] == all).await;
    }
    assert_tree(&storage, one, &packages).await;

    // One is killed in the middle of publishes; the other goes on, also with what the first left undone.
    let dying = tokio::spawn(async move {
        for number in 0.. {
            let package = Package::new(&format!("acme/dying{number}@1.0.0"), "before the end");
            for blob in [&package.packed.config, &package.packed.layer] {
                let target = format!("/v2/{}/blobs/uploads/?digest={}", package.repository, blob.digest);
                if !matches!(Request::new("POST", &target).body(&blob.content).send(one).await, Ok(Some(said)) if said.status == 201)
                {
                    return number;
                }
            }
            let manifest = &package.packed.manifest;
            let target = format!("/v2/{}/manifests/1.0.0", package.repository);
            let request = Request::new("PUT", &target).header("Content-Type", &manifest.media_type);
            let _ = request.body(&manifest.content).send(one).await;
        }
        unreachable!()
    });
    until("it is at work", async || get(other, "/v2/acme/dying3/manifests/1.0.0").await.status == 200).await;
    drop(first);
    let acknowledged = dying.await.unwrap() - 1;
    let after = Package::new("acme/after@1.0.0", "after the end");
    until("the other goes on", async || publish([other; 2], &after).await == 201).await;
    packages.push(after);
    packages
        .extend((0..acknowledged).map(|number| Package::new(&format!("acme/dying{number}@1.0.0"), "before the end")));
    assert_gapless(&storage, other).await;
    assert_tree(&storage, other, &packages).await;

    collects(&bucket, &database, other, &packages).await;
    let said = crate::cli::pclr([
        "fsck",
        "--store",
        bucket.text(),
        "--metadata",
        &database.url(),
        "--data",
        folder.path().to_str().unwrap(),
    ]);
    assert!(said.starts_with("exit: 0\n"), "{said}");
}

/// Whoever collects, two days later, takes what nothing names, and nothing that the other server serves.
async fn collects(bucket: &Bucket, database: &Database, server: SocketAddr, packages: &[Package]) {
    let orphan = b"nobody names this";
    let digest = Digest::sha256(orphan);
    let pushed = Request::new("POST", &format!("/v2/acme/p0/blobs/uploads/?digest={digest}")).body(orphan);
    assert_eq!(send(server, pushed).await.status, 201);
    let (folder, limits) = (tempfile::tempdir().unwrap(), Limits::default());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros();
    let clock = Arc::new(AtomicI64::new(i64::try_from(now).unwrap()));
    let options = DataOptions {
        folder: folder.path().to_owned(),
        store: Some(bucket.address()),
        metadata: Metadata::Server(database.address()),
        sharing: Sharing::Alone,
        limits,
        clock: Clock::Manual(clock.clone()),
    };
    let third = open_data(options).await.unwrap();
    let mut collected = Collected::default();
    for _ in 0..2 {
        clock.fetch_add((DAY + 1) * 1_000_000, Ordering::SeqCst);
        let round = third.collect(&Actor::Operator).await.unwrap();
        collected.condemned += round.condemned;
        collected.deleted += round.deleted;
    }
    third.leave().await.unwrap();
    assert!(collected.deleted >= 1 && collected.deleted == collected.condemned, "{collected:?}");
    let storage = bucket.open().await;
    assert_eq!(storage.blob_size(&Area::Public, &digest).await.unwrap(), None);
    for package in packages {
        let layer = format!("/v2/{}/blobs/{}", package.repository, package.packed.layer.digest);
        let answer = get(server, &layer).await;
        assert_eq!(
            (answer.status, answer.body.as_slice()),
            (200, &*package.packed.layer.content),
            "{}",
            package.name()
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_databases_on_servers_are_refused_on_one_bucket() {
    let (Some(bucket), Some(database), Some(second)) = (Bucket::new(Cloud::S3), Database::new(), Database::new())
    else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (server, _process) = start(&folder.path().join("one"), bucket.text(), &database.url());
    let hello = Package::new("acme/hello@1.0.0", "first");
    assert_eq!(publish([server; 2], &hello).await, 201);
    let said = refused_start(&folder.path().join("other"), &["--store", bucket.text(), "--metadata", &second.url()]);
    let theirs = format!("the store {} belongs to database", bucket.shown());
    assert!(said.contains(&theirs) && said.contains("\nhint: "), "{said}");
    assert_eq!(publish([server; 2], &Package::new("acme/hello@1.1.0", "second")).await, 201, "the first goes on");
}
