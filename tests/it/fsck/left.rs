//! What is left over, and what lies where nothing of its kind does.

use bytes::Bytes;
use pcl_registry::domain::{Actor, Area, Digest};
use pcl_registry::registry::{Mend, Severity};
use pcl_registry::storage::Key;

use super::support::{After, assert_clean, blob_of, file_of, filled, flip, found, fsck, put, review, spoiled};
use crate::inside::{DataFolder, Owner};
use crate::rebuild::close;

const FORGOTTEN: &[u8] = b"written, and then the power went";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_no_row_knows_are_left_to_collection() {
    let digest = Digest::sha256(FORGOTTEN);
    let spoil = |folder: &DataFolder| put(blob_of(folder, digest), FORGOTTEN);
    let folder = spoiled(Owner::Sqlite, spoil, &["blobs-forgotten"], Severity::Untidy, After::Mended).await;
    assert!(blob_of(&folder, digest).is_file(), "a push may still name it");
    let open = folder.open().await;
    for _ in 0..2 {
        folder.pass(24 * 3600 + 1);
        open.registry.collect(&Actor::Operator).await.unwrap();
    }
    close(&folder, open).await;
    assert!(!blob_of(&folder, digest).exists());
    assert_clean(&fsck(&folder, Mend::Nothing).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_database_they_are_what_collection_goes_by() {
    let folder = filled(Owner::Store).await;
    let digest = Digest::sha256(FORGOTTEN);
    put(blob_of(&folder, digest), FORGOTTEN);
    let before = fsck(&folder, Mend::Nothing).await;
    assert_clean(&before);
    assert_clean(&fsck(&folder, Mend::WhatCanBe).await);
    assert!(blob_of(&folder, digest).is_file());
    folder.pass(1);
    let registry = pcl_registry::registry::open_to_collect(folder.options(folder.metadata())).await.unwrap();
    assert_eq!(registry.collect(&Actor::Operator).await.unwrap().deleted, 1);
    drop(registry);
    drop(folder.open_storage(&Default::default()).await);
    let after = fsck(&folder, Mend::Nothing).await;
    assert_clean(&after);
    assert_eq!(after.summary.unnamed.number, before.summary.unnamed.number - 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damage_that_nobody_needs_is_untidy_and_goes() {
    for owner in [Owner::Sqlite, Owner::Store] {
        let digest = Digest::sha256(b"nobody names it");
        let spoil = |folder: &DataFolder| flip(blob_of(folder, digest));
        let folder = spoiled(owner, spoil, &["blob-damaged"], Severity::Untidy, After::Mended).await;
        assert!(!blob_of(&folder, digest).exists());
        assert!(!file_of(&folder, &Key::Quarantined { area: Area::Public, digest }).exists());
        let open = folder.open().await;
        open.push_blob(&review().repository, &Bytes::from_static(b"nobody names it")).await.unwrap();
        close(&folder, open).await;
        assert_clean(&fsck(&folder, Mend::Nothing).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_lies_in_quarantine_for_nobody_goes() {
    for bytes in [&b"damaged"[..], b"whole after all"] {
        let key = Key::Quarantined { area: Area::Public, digest: Digest::sha256(b"whole after all") };
        let spoil = |folder: &DataFolder| put(file_of(folder, &key), bytes);
        spoiled(Owner::Sqlite, spoil, &["quarantine-left"], Severity::Untidy, After::Mended).await;
    }
}

fn upload_file(folder: &DataFolder, ending: &str) -> std::path::PathBuf {
    let names = std::fs::read_dir(folder.path().join("store/staging/uploads")).unwrap();
    let mut paths = names.map(|entry| entry.unwrap().path());
    paths.find(|path| path.extension().is_some_and(|extension| extension == ending)).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploads_that_cannot_go_on_are_removed() {
    let cut = |folder: &DataFolder| std::fs::write(upload_file(folder, "data"), b"the").unwrap();
    let altered = |folder: &DataFolder| std::fs::write(upload_file(folder, "json"), b"{}").unwrap();
    let lost = |folder: &DataFolder| {
        std::fs::remove_file(upload_file(folder, "json")).unwrap();
        let data = std::fs::File::options().write(true).open(upload_file(folder, "data")).unwrap();
        data.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    };
    let spoils: [&dyn Fn(&DataFolder); 3] = [&cut, &altered, &lost];
    for spoil in spoils {
        let folder = spoiled(Owner::Sqlite, spoil, &["upload-unusable"], Severity::Untidy, After::Mended).await;
        assert_eq!(fsck(&folder, Mend::Nothing).await.summary.uploads.number, 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_object_where_objects_lie_is_told_and_left_alone() {
    let folder = filled(Owner::Sqlite).await;
    let layer = review().packed.layer.digest;
    let misplaced = [
        "events/notes.txt".to_owned(),
        format!("public/blobs/sha256/00/{}", layer.hex()),
        "private/acme/blobs/README".to_owned(),
    ];
    for path in &misplaced {
        put(folder.path().join("store").join(path), b"somebody's own");
    }
    put(folder.path().join("store/README"), b"the root belongs to everybody");
    found(&folder, &["misplaced"; 3], Severity::Untidy, After::Left).await;
    for path in &misplaced {
        std::fs::remove_file(folder.path().join("store").join(path)).unwrap();
    }
    let report = fsck(&folder, Mend::Nothing).await;
    assert_clean(&report);
    assert_eq!(report.summary.unknown.number, 1);
}
