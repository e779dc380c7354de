//! The program on a bucket: what was pushed is there after a kill, is deleted, and is collected.

use std::process::Command;

use pcl_registry::domain::Digest;

use super::bucket::{Bucket, Cloud};
use crate::backend::Backend;
use crate::script::wire::Request;
use crate::world::{Artifact, World};

/// A registry with its objects in the bucket and its metadata on that backend.
pub fn start(bucket: &Bucket, backend: Backend) -> Option<World> {
    let place = backend.place()?;
    let mut flags = place.flags();
    flags.extend(["--store".to_owned(), bucket.text().to_owned()]);
    Some(World::start_new(flags, Some(place)))
}

/// Runs a command of the program on the data folder and store of a registry; gives what it says.
pub fn pclr(world: &World, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pclr"));
    let output = command.args(arguments).arg("--data").arg(world.data()).args(world.flags()).output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{arguments:?}: {stdout} {stderr}");
    stdout.into_owned()
}

async fn lives(cloud: Cloud, backend: Backend) {
    let Some(bucket) = Bucket::new(cloud) else { return };
    let Some(mut world) = start(&bucket, backend) else { return };
    let layer = vec![7; 3 << 20];
    let image = Artifact {
        artifact_type: None,
        config: ("application/vnd.oci.image.config.v1+json", br#"{"os":"linux"}"#),
        layers: &[("application/vnd.oci.image.layer.v1.tar", &layer)],
    };
    let digest = world.push_manifest("team/image", "1.0.0", &image).await.to_string();
    let kept = world.push_manifest("team/image", "kept", &Artifact { layers: &[], ..image }).await.to_string();
    let orphan = world.push_blob("team/image", b"nobody names this").await.to_string();
    // A session of two chunks, begun before the kill and closed after it.
    let begun = world.send(Request::new("POST", "/v2/team/image/blobs/uploads/")).await;
    let session = begun.header("Location").expect("an upload has a place").to_owned();
    let chunk = world.send(Request::new("PATCH", &session).body(b"first half, ")).await;
    assert_eq!(chunk.status, 202, "{}", String::from_utf8_lossy(&chunk.body));

    world.kill();
    bucket.forget_the_dead().await;
    world.restart();
    let closing = format!("{session}?digest={}", Digest::sha256(b"first half, second half"));
    let closed = world.send(Request::new("PUT", &closing).body(b"second half")).await;
    assert_eq!(closed.status, 201, "{}", String::from_utf8_lossy(&closed.body));
    assert_eq!(world.pull("team/image", "1.0.0").await, image.manifest());
    assert_eq!(world.pull_blob("team/image", &Digest::sha256(&layer).to_string()).await, layer);
    let part = Request::new("GET", &format!("/v2/team/image/blobs/{}", Digest::sha256(&layer)));
    let part = world.send(part.header("Range", "bytes=1048576-1048579")).await;
    assert_eq!((part.status, part.body.as_slice()), (206, [7; 4].as_slice()));

    let gone = world.send(Request::new("DELETE", &format!("/v2/team/image/manifests/{digest}"))).await;
    assert_eq!(gone.status, 202);
    assert_eq!(world.get(&format!("/v2/team/image/manifests/{digest}")).await.status, 404);
    if backend != Backend::Memory {
        // Who may read what nothing names is known to the database alone.
        assert_eq!(world.pull_blob("team/image", &orphan).await, b"nobody names this");
    }
    world.stop();
    assert!(!world.data().join("store").exists(), "nothing of the store lies in the data folder");
    let said = pclr(&world, &["collect"]);
    assert!(said.contains("0 blobs"), "the grace period has not passed: {said}");
    let said = pclr(&world, &["rebuild", "--search"]);
    assert!(said.contains("the last is event 3"), "{said}");
    world.restart();
    assert_eq!(world.get(&format!("/v2/team/image/manifests/{digest}")).await.status, 404);
    assert_eq!(world.pull("team/image", &kept).await.len(), world.pull("team/image", "kept").await.len());
}

macro_rules! lives {
    ($($test:ident: $cloud:ident, $backend:ident;)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $test() {
            lives(Cloud::$cloud, Backend::$backend).await;
        }
    )*};
}

lives! {
    a_registry_lives_on_s3_with_sqlite: S3, Sqlite;
    a_registry_lives_on_s3_by_itself: S3, Memory;
    a_registry_lives_on_s3_with_postgresql: S3, Postgres;
    a_registry_lives_on_s3_with_mongodb: S3, Mongo;
    a_registry_lives_on_azure_with_sqlite: Azure, Sqlite;
    a_registry_lives_on_azure_by_itself: Azure, Memory;
    a_registry_lives_on_azure_with_postgresql: Azure, Postgres;
    a_registry_lives_on_azure_with_mongodb: Azure, Mongo;
    a_registry_lives_on_the_stub_of_google_with_sqlite: Gcs, Sqlite;
    a_registry_lives_on_the_stub_of_google_by_itself: Gcs, Memory;
    a_registry_lives_on_the_stub_of_google_with_postgresql: Gcs, Postgres;
    a_registry_lives_on_the_stub_of_google_with_mongodb: Gcs, Mongo;
}

/// What is pushed is found again by a registry that has lost its data folder, and the data folder is not needed for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_that_owns_itself_needs_no_data_folder() {
    let Some(bucket) = Bucket::new(Cloud::S3) else { return };
    let Some(first) = start(&bucket, Backend::Memory) else { return };
    first.push_blob("team/image", b"x").await;
    let image = Artifact { artifact_type: None, config: ("application/vnd.x", b"x"), layers: &[] };
    first.push_manifest("team/image", "1", &image).await;
    drop(first);
    let Some(second) = start(&bucket, Backend::Memory) else { return };
    assert_eq!(second.pull("team/image", "1").await, image.manifest());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_in_another_folder_or_in_memory_is_named_like_one_in_a_bucket() {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("file:{}", folder.path().join("objects").display());
    let mut world = World::start_with(&["--store", &store]);
    let image = Artifact { artifact_type: None, config: ("application/vnd.x", b"x"), layers: &[] };
    world.push_manifest("team/image", "1", &image).await;
    world.restart();
    assert_eq!(world.pull("team/image", "1").await, image.manifest());
    assert!(folder.path().join("objects/format.json").is_file() && !world.data().join("store").exists());

    let mut world = World::start_with(&["--store", "memory:", "--metadata", "memory:"]);
    world.push_manifest("team/image", "1", &image).await;
    assert_eq!(world.pull("team/image", "1").await, image.manifest());
    world.restart();
    assert_eq!(world.get("/v2/team/image/manifests/1").await.status, 404, "it was gone with the process");
}
