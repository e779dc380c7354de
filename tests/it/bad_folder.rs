//! Data folders that are full, read-only, in use, newer or damaged.

use std::path::{Path, PathBuf};
use std::process::Command;

use bytes::Bytes;
use http::StatusCode;
use pcl_registry::domain::{Area, Digest};
use pcl_registry::http::error::Failure as Answer;
use pcl_registry::registry::RegistryError;
use pcl_registry::storage::{Failure, Fault, Key, When};

use crate::inside::{DataFolder, Owner, Package};
use crate::script::wire::{Request, Response};
use crate::world::{World, refused_start};

fn hello() -> Package {
    Package::new("acme/hello@1.0.0", "published when there is room")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_is_full_at_any_step_loses_nothing() {
    let mut steps = 30;
    let mut step = 0;
    while step < steps {
        step += 1;
        let folder = DataFolder::new(Owner::Sqlite);
        let open = folder.open().await;
        open.push(&Package::new("acme/hello@0.9.0", "before")).await.unwrap();
        open.meter.arm(Some(Fault { step, when: When::Before, failure: Failure::Full }));
        let outcome = open.push(&hello()).await;
        let Err(error) = outcome else {
            steps = steps.min(open.meter.steps());
            assert!(step > steps, "step {step} of {steps} failed and was acknowledged");
            break;
        };
        open.meter.arm(None);
        let text = error.to_string();
        assert!(text.contains("no space left") && text.contains("hint: free some space"), "step {step}: {text}");
        assert_eq!(Answer::from(error).status, StatusCode::INSUFFICIENT_STORAGE, "step {step}");
        open.push(&hello()).await.unwrap();
        assert!(open.has(&hello()).await && open.has(&Package::new("acme/hello@0.9.0", "before")).await);
        assert_eq!(open.assert_events_agree().await, 2);
    }
    assert!(step >= 20, "a publish has {step} steps");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blob_whose_sync_failed_need_not_be_sent_again() {
    // Two steps each for record and manifest, then the syncs of the four blobs, in the order of their digests.
    for step in 5..=8 {
        let folder = DataFolder::new(Owner::Sqlite);
        let open = folder.open().await;
        let package = hello();
        for blob in [&package.packed.config, &package.packed.layer] {
            open.push_blob(&package.repository, &blob.content).await.unwrap();
        }
        open.meter.arm(Some(Fault { step, when: When::Before, failure: Failure::Error }));
        assert!(open.push_manifest(&package).await.is_err(), "step {step}");
        open.meter.arm(None);
        // A client that asks first hears that the blobs are there, and sends the manifest alone.
        open.push_manifest(&package).await.unwrap_or_else(|error| panic!("step {step}: {error}"));
        open.storage.disk().unwrap().lose_power().unwrap();
        drop(open);
        assert!(folder.open().await.has(&package).await, "step {step}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_blob_is_served_to_nobody_and_asked_for_again() {
    let folder = DataFolder::new(Owner::Sqlite);
    let open = folder.open().await;
    let package = hello();
    let large = Bytes::from(vec![7; 2_000_000]);
    open.push(&package).await.unwrap();
    open.push_blob(&package.repository, &large).await.unwrap();
    drop(open);
    let open = folder.open().await;
    let layer = &package.packed.layer.content;
    for blob in [layer, &large] {
        let digest = Digest::sha256(blob);
        assert_eq!(
            open.registry
                .blob(&pcl_registry::domain::Actor::Operator, &package.repository, &digest)
                .await
                .unwrap()
                .size,
            blob.len() as u64
        );
        let path = folder.path().join("store").join(Key::Blob { area: Area::Public, digest }.path());
        let mut bytes = std::fs::read(&path).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        assert!(open.blob(&package.repository, &digest).await.is_err(), "served whole");
        let asked = open.registry.blob(&pcl_registry::domain::Actor::Operator, &package.repository, &digest).await;
        assert!(
            matches!(asked, Err(RegistryError::BlobUnknown(_))),
            "a HEAD would stop the push that mends it: {asked:?}"
        );
        open.push_blob(&package.repository, blob).await.unwrap();
        assert_eq!(open.blob(&package.repository, &digest).await.unwrap(), blob);
    }
    assert!(open.has(&package).await);
}

#[tokio::test]
async fn a_second_server_and_newer_formats_are_refused() {
    let mut world = World::start().await;
    world.push_blob("team/image", b"there").await;
    let said = refused_start(world.data(), &[]);
    assert!(said.contains("another server uses") && said.contains("hint:"), "{said}");
    world.kill();

    let format = world.data().join("store/format.json");
    let ours = std::fs::read(&format).unwrap();
    std::fs::write(&format, r#"{"format":99}"#).unwrap();
    let said = refused_start(world.data(), &[]);
    assert!(said.contains("format 99") && said.contains("newer program"), "{said}");
    std::fs::write(&format, ours).unwrap();

    let database = rusqlite::Connection::open(world.data().join("metadata.sqlite")).unwrap();
    let newer = "INSERT INTO migrations (number, name, checksum) VALUES (9999, 'later', 'x')";
    database.execute(newer, []).unwrap();
    let said = refused_start(world.data(), &[]);
    assert!(said.contains("schema 9999") && said.contains("newer release"), "{said}");
    database.execute("DELETE FROM migrations WHERE number = 9999", []).unwrap();
    drop(database);
    world.restart();
    assert_eq!(world.pull_blob("team/image", &Digest::sha256(b"there").to_string()).await, b"there");
}

/// A small file system of its own; `None`, said loudly, where this user may not mount one.
struct Mounted(PathBuf, #[expect(dead_code, reason = "removes the folder")] tempfile::TempDir);

impl Mounted {
    fn new(options: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_owned();
        let mounted = mount(&["-t", "tmpfs", "-o", options, "tmpfs"], &path);
        if !mounted {
            eprintln!("SKIPPED: no file system can be mounted here; a full and a read-only disk were not tried");
        }
        mounted.then_some(Self(path, folder))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn mount(arguments: &[&str], path: &Path) -> bool {
    Command::new("mount").args(arguments).arg(path).output().is_ok_and(|output| output.status.success())
}

async fn push(world: &World, bytes: &[u8]) -> Response {
    let target = format!("/v2/team/image/blobs/uploads/?digest={}", Digest::sha256(bytes));
    world.send(Request::new("POST", &target).body(bytes)).await
}

#[tokio::test]
async fn a_full_file_system_answers_507_and_goes_on_when_there_is_room() {
    let Some(mounted) = Mounted::new("size=16m") else { return };
    let world = World::start_in(&mounted.0.join("data"));
    let filler = mounted.0.join("filler");
    let small = b"fits once there is room".repeat(4000);
    assert_eq!(push(&world, b"first").await.status, 201);
    // Everything that is left is taken by somebody else.
    let _ = std::fs::write(&filler, vec![0; 16 << 20]);
    let refused = push(&world, &small).await;
    let text = String::from_utf8_lossy(&refused.body).into_owned();
    assert_eq!(refused.status, 507, "{text}");
    assert!(text.contains("no space left"), "{text}");
    assert_eq!(world.pull_blob("team/image", &Digest::sha256(b"first").to_string()).await, b"first", "reads go on");
    std::fs::remove_file(filler).unwrap();
    assert_eq!(push(&world, &small).await.status, 201);
    assert_eq!(world.pull_blob("team/image", &Digest::sha256(&small).to_string()).await, small);
}

#[tokio::test]
async fn a_read_only_folder_is_refused_with_the_reason() {
    let Some(mounted) = Mounted::new("size=16m") else { return };
    let data = mounted.0.join("data");
    std::fs::create_dir(&data).unwrap();
    assert!(mount(&["-o", "remount,ro"], &mounted.0));
    let said = refused_start(&data, &[]);
    assert!(said.to_lowercase().contains("read-only") || said.contains("cannot be written"), "{said}");
    assert!(said.contains("hint:"), "{said}");
    assert!(mount(&["-o", "remount,rw"], &mounted.0));
    let world = World::start_in(&data);
    assert_eq!(push(&world, b"first").await.status, 201);
    // It becomes read-only under a server that runs: as a disk does on which the kernel found errors. Open files forbid it,
    // so that is tried where the kernel lets it.
    if mount(&["-o", "remount,ro"], &mounted.0) {
        let refused = push(&world, b"second").await;
        assert_eq!(refused.status, 503);
        assert!(String::from_utf8_lossy(&refused.body).contains("cannot be written"));
        assert!(mount(&["-o", "remount,rw"], &mounted.0));
    }
    assert_eq!(push(&world, b"third").await.status, 201);
}
