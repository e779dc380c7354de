//! A sound registry is clean, whatever lies in it and whoever keeps its metadata.

use pcl_registry::domain::{Actor, Digest, Reference, Repository};
use pcl_registry::registry::{Limits, Mend};
use pcl_registry::storage::Key;
use serde_json::json;

use super::support::{assert_clean, filled, fsck};
use crate::inside::{DataFolder, Owner, Package};
use crate::rebuild::close;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_with_everything_in_it_is_clean() {
    for owner in Owner::here([Owner::Sqlite, Owner::Store, Owner::Postgres, Owner::Mongo]) {
        let folder = filled(owner).await;
        let report = fsck(&folder, Mend::Nothing).await;
        assert_clean(&report);
        let summary = &report.summary;
        assert!(summary.events > 30 && summary.blobs.number > 30, "{summary:?}");
        assert!(summary.unnamed.number > 0 && summary.uploads.number == 2 && summary.drafts.number == 1, "{summary:?}");
        assert_eq!((summary.quarantined.number, summary.never_pushed), (0, 0));
        assert!(summary.notes.is_empty(), "{summary:?}");
        let mended = fsck(&folder, Mend::WhatCanBe).await;
        assert_clean(&mended);
        let open = folder.open().await;
        open.push(&Package::new("acme/review@3.0.0", "after it")).await.unwrap();
        close(&folder, open).await;
        assert_clean(&fsck(&folder, Mend::Nothing).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_registry_is_clean() {
    for owner in [Owner::Sqlite, Owner::Store] {
        let folder = DataFolder::new(owner);
        let open = folder.open().await;
        close(&folder, open).await;
        for mend in [Mend::Nothing, Mend::WhatCanBe] {
            let report = fsck(&folder, mend).await;
            assert_clean(&report);
            assert_eq!((report.summary.events, report.summary.blobs.number), (0, 0));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_is_compared_and_clean() {
    let folder = filled(Owner::Store).await;
    let open = folder.open().await;
    assert!(open.registry.save_snapshot().await.unwrap().is_some());
    open.push(&Package::new("acme/review@3.0.0", "after the snapshot")).await.unwrap();
    close(&folder, open).await;
    let report = fsck(&folder, Mend::Nothing).await;
    assert_clean(&report);
    assert!(report.summary.notes.is_empty(), "{:?}", report.summary);
}

/// The database knows what was absent when the image came; without one the operator's setting tells.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_without_all_its_layers_is_clean_where_the_operator_takes_them() {
    for owner in [Owner::Sqlite, Owner::Store] {
        let folder = DataFolder::new(owner);
        let limits = Limits { sparse_images: true, ..Limits::default() };
        let open = folder.open_with(limits.clone(), |meta| meta).await;
        let repository: Repository = "team/image".parse().unwrap();
        let config = bytes::Bytes::from_static(b"{}");
        open.push_blob(&repository, &config).await.unwrap();
        let manifest = json!({
            "schemaVersion": 2,
            "config": { "mediaType": "text/plain", "digest": Digest::sha256(&config), "size": config.len() },
            "layers": [{ "mediaType": "text/plain", "digest": Digest::sha256(b"never pushed"), "size": 12 }],
        });
        let reference = Reference::Tag("sparse".parse().unwrap());
        open.push_bytes(&repository, reference, MANIFEST, &manifest.to_string().into()).await.unwrap();
        close(&folder, open).await;
        let mut options = folder.options(folder.metadata());
        options.limits = limits;
        let watch = std::sync::Arc::new(|_, _, _| {});
        let report = pcl_registry::registry::check_data(options, Mend::Nothing, watch).await.unwrap();
        assert_clean(&report);
        assert_eq!(report.summary.never_pushed, 1, "{owner:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_collected_and_purged_is_not_missed() {
    for owner in [Owner::Sqlite, Owner::Store] {
        let folder = filled(owner).await;
        let open = folder.open().await;
        let repository: Repository = "team/image".parse().unwrap();
        let tags = open.registry.tags(&Actor::Operator, &repository, None, 100).await.unwrap().0;
        for tag in tags {
            let reference = Reference::Tag(tag);
            // Two tags may be on one manifest.
            let _ = open.registry.delete_manifest(&Actor::Operator, &repository, &reference).await;
        }
        let before = fsck_beside(&folder).await;
        for _ in 0..3 {
            folder.pass(2 * 24 * 3600);
            open.registry.collect(&Actor::Operator).await.unwrap();
        }
        let after = fsck_beside(&folder).await;
        assert!(after.summary.blobs.number < before.summary.blobs.number, "{owner:?}: something was collected");
        close(&folder, open).await;
        assert_clean(&fsck(&folder, Mend::Nothing).await);
        assert!(!folder.path().join("store").join(Key::Format.path()).is_dir());
    }
}

/// While the registry is open.
async fn fsck_beside(folder: &DataFolder) -> pcl_registry::registry::Report {
    let report = fsck(folder, Mend::Nothing).await;
    assert_clean(&report);
    report
}
