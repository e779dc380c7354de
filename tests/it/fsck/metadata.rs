//! Metadata that say something else than the events, and metadata of something else.

use pcl_registry::registry::{DataError, Mend, OpenError, Severity, rebuild_catalog};
use pcl_registry::storage::{Key, Owner as StoreOwner, Storage};

use super::support::{After, assert_clean, file_of, filled, flip, found, fsck, kinds, spoiled, sql, try_fsck};
use crate::inside::{DataFolder, Owner};
use crate::rebuild::close;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_no_event_says_are_told_and_a_rebuild_mends_them() {
    let changes = [
        (
            "UPDATE tags SET digest = (SELECT digest FROM tags WHERE tag = '1.1.0') WHERE repository = 'acme/review' AND tag = '1.0.0'",
            "tags",
        ),
        ("DELETE FROM tags WHERE repository = 'team/image' AND tag = 'v2'", "tags"),
        ("INSERT INTO tags (repository, tag, digest) SELECT repository, 'foreign', digest FROM tags LIMIT 1", "tags"),
        ("UPDATE versions SET yanked = 1 WHERE name = 'acme/review' AND number = '1.0.0'", "versions"),
        ("DELETE FROM blobs WHERE digest IN (SELECT digest FROM manifests WHERE repository = 'team/image')", "blobs"),
    ];
    for (change, table) in changes {
        let folder = filled(Owner::Sqlite).await;
        sql(&folder, change);
        for mend in [Mend::Nothing, Mend::WhatCanBe] {
            let report = fsck(&folder, mend).await;
            assert_eq!(report.worst(), Some(Severity::Damage), "{change}: {report:?}");
            assert!(kinds(&report).iter().all(|kind| kind == "catalogue-differs"), "{change}: {report:?}");
            let told: Vec<_> = report.found.iter().map(|found| found.finding.words()).collect();
            assert!(told.iter().any(|words| words.place.contains(table)), "{change}: {told:?}");
            assert!(told.iter().all(|words| words.mends.contains("pclr rebuild")), "{told:?}");
        }
        rebuild_catalog(folder.path(), &folder.metadata(), |_| {}).await.unwrap();
        assert_clean(&fsck(&folder, Mend::Nothing).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_row_is_found_in_a_database_on_a_server() {
    for owner in Owner::here([Owner::Postgres, Owner::Mongo]) {
        let folder = filled(owner).await;
        match (&folder.postgres, &folder.mongo) {
            (Some(database), _) => drop(database.run("DELETE FROM tags WHERE tag = 'v2'").await),
            // Whatever a collection is called there: the rights to read go with the rows of blobs.
            (_, Some(_)) => {
                let open = folder.open().await;
                let row = open.meta.carrier.blobs(None, 1000).await.unwrap().into_iter().find(|row| row.size > 40);
                open.meta.carrier.put_blobs(&[], &[row.unwrap().key()]).await.unwrap();
                close(&folder, open).await;
            }
            _ => unreachable!(),
        }
        found(&folder, &["catalogue-differs"], Severity::Damage, After::Left).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_length_is_set_right() {
    let layer = super::support::review().packed.layer.digest;
    let change = format!("UPDATE blobs SET size = size + 1 WHERE digest = '{layer}' AND area = 'public'");
    let spoil = |folder: &DataFolder| sql(folder, &change);
    spoiled(Owner::Sqlite, spoil, &["length-differs"], Severity::Damage, After::Mended).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_that_cannot_be_believed_is_removed() {
    let folder = filled(Owner::Store).await;
    let open = folder.open().await;
    let event = open.registry.save_snapshot().await.unwrap().unwrap();
    close(&folder, open).await;
    flip(file_of(&folder, &Key::EventSnapshot(event)));
    found(&folder, &["snapshot-unbelievable"], Severity::Untidy, After::Mended).await;
    assert!(!file_of(&folder, &Key::EventSnapshot(event)).exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metadata_of_another_registry_are_refused_before_anything_is_told() {
    for mend in [Mend::Nothing, Mend::WhatCanBe] {
        let (folder, other) = (filled(Owner::Sqlite).await, filled(Owner::Sqlite).await);
        std::fs::copy(other.database(), folder.database()).unwrap();
        let refused = try_fsck(&folder, mend).await;
        assert!(matches!(refused, Err(DataError::Open(OpenError::Owned { .. }))), "{refused:?}");
        let absent = DataFolder::new(Owner::Sqlite);
        assert!(matches!(try_fsck(&absent, mend).await, Err(DataError::NoStore(_))));
        assert!(!absent.path().join("store").exists() && !absent.database().exists());
        std::fs::remove_file(folder.database()).unwrap();
        assert!(matches!(try_fsck(&folder, mend).await, Err(DataError::NoFile(_))));
        assert!(!folder.database().exists(), "a mistyped path makes no database");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mending_wants_the_store_alone() {
    let folder = filled(Owner::Sqlite).await;
    let open = folder.open().await;
    assert_clean(&fsck(&folder, Mend::Nothing).await);
    let refused = try_fsck(&folder, Mend::WhatCanBe).await;
    let is_locked = matches!(&refused, Err(DataError::Storage(pcl_registry::storage::StorageError::Locked(_))));
    assert!(is_locked, "{refused:?}");
    close(&folder, open).await;
    // Nor does looking take the store from anybody.
    let looking = Storage::look_at_disk(&folder.path().join("store")).await.unwrap();
    let open = folder.open().await;
    assert!(matches!(looking.owner().await.unwrap(), Some(StoreOwner::Database { .. })));
    close(&folder, open).await;
}
