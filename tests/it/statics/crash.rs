//! A server that dies at any write of the tree: the next one makes it whole.

use std::path::Path;

use pcl_registry::domain::Actor;
use pcl_registry::storage::{Failure, Fault, Meter, Storage, StorageError, Syncing, When};
use serde_json::{Value, json};

use super::tree::{Tree, kept, open_over, tree_on_disk};
use crate::inside::{Opened, Package, plain};

fn hello(version: &str) -> Package {
    Package::new(&format!("acme/hello@{version}"), &format!("the words of {version}"))
}

/// Opens a folder; the jobs of a registry that was dropped end when they next run.
async fn open(store: &Path, meter: &Meter, keeps: bool, arm: Option<Fault>) -> Option<Opened> {
    let storage = loop {
        match Storage::open_disk_with(store, meter.clone(), Syncing::EachFile).await {
            Ok(storage) => break storage,
            Err(StorageError::Locked(_)) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    };
    meter.arm(arm);
    let limits = if keeps { kept() } else { pcl_registry::registry::Limits::default() };
    open_over(storage, meter, limits).await.ok()
}

/// A store whose tree shows its beginning, and whose events tell of more: versions that came and went, another package, an image.
async fn prepare(store: &Path) {
    let first = open(store, &Meter::default(), true, None).await.unwrap();
    first.push(&hello("1.0.0")).await.unwrap();
    first.push(&Package::new("acme/gone@1.0.0", "what goes")).await.unwrap();
    first.registry.rendered().await;
    drop(first);
    let second = open(store, &Meter::default(), false, None).await.unwrap();
    second.push(&hello("1.1.0")).await.unwrap();
    let (actor, version) = (Actor::Operator, "1.0.0".parse().unwrap());
    second.registry.delete_version(&actor, &hello("1.0.0").name(), &version).await.unwrap();
    second.registry.delete_version(&actor, &"acme/gone".parse().unwrap(), &version).await.unwrap();
    let repository = "team/image".parse().unwrap();
    second.push_blob(&repository, &bytes::Bytes::from_static(b"{}")).await.unwrap();
    let image = plain("image", json!({}));
    let tag = pcl_registry::domain::Reference::Tag("v1".parse().unwrap());
    second.push_bytes(&repository, tag, crate::world::MANIFEST, &image).await.unwrap();
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() { copy(&path, &target) } else { std::fs::copy(&path, &target).map(drop).unwrap() }
    }
}

/// The tree without what documents remember of removals.
fn seen(store: &Path) -> Tree {
    let mut tree = tree_on_disk(store);
    for (path, bytes) in &mut tree {
        if path.ends_with(".json") {
            let mut document: Value = serde_json::from_slice(bytes).unwrap();
            document.as_object_mut().unwrap().remove("removed");
            if let Some(oci) = document.get_mut("oci").and_then(Value::as_object_mut) {
                oci.remove("removed");
            }
            *bytes = document.to_string().into_bytes();
        }
    }
    tree
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_before_any_write_is_healed_by_the_next_start() {
    heals_a_crash(When::Before).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_after_any_write_is_healed_by_the_next_start() {
    heals_a_crash(When::After).await;
}

async fn heals_a_crash(when: When) {
    let folder = tempfile::tempdir().unwrap();
    let prepared = folder.path().join("prepared");
    prepare(&prepared).await;
    let whole = folder.path().join("whole");
    copy(&prepared, &whole);
    let meter = Meter::default();
    let opened = open(&whole, &meter, true, None).await.unwrap();
    opened.registry.rendered().await;
    let steps = meter.steps();
    drop(opened);
    let expected = seen(&whole);
    assert!(steps > 20 && expected.contains_key("v2/team/image/manifests/v1"), "{steps}");
    for step in 1..=steps {
        let (what, store) = (format!("{when:?} step {step} of {steps}"), folder.path().join("crashed"));
        copy(&prepared, &store);
        let meter = Meter::default();
        let fault = Fault { step, when, failure: Failure::Crash };
        if let Some(crashed) = open(&store, &meter, true, Some(fault)).await {
            let rendered = crashed.registry.clone();
            tokio::select! {
                () = rendered.rendered() => {}
                () = async { while !meter.crashed() { tokio::task::yield_now().await } } => {}
            }
        }
        let healed = open(&store, &Meter::default(), true, None).await.unwrap();
        healed.registry.rendered().await;
        drop(healed);
        let found = seen(&store);
        assert!(found.keys().eq(expected.keys()), "{what}: {:?}", found.keys().collect::<Vec<_>>());
        for (path, bytes) in &expected {
            assert_eq!(String::from_utf8_lossy(&found[path]), String::from_utf8_lossy(bytes), "{what}: {path}");
        }
        std::fs::remove_dir_all(&store).unwrap();
    }
}
