//! Damaged, lost and misplaced blobs.

use pcl_registry::domain::{Area, Digest};
use pcl_registry::meta::Role;
use pcl_registry::registry::{Finding, Mend, Severity};
use pcl_registry::storage::Key;

use super::support::{After, assert_clean, blob_of, file_of, filled, flip, found, fsck, kinds, put, review, spoiled};
use crate::inside::{DataFolder, Owner, Package};
use crate::rebuild::close;

/// Pushes the package again, as an author does who is told to, and sees that nothing is missed any more.
async fn pushed_again(folder: &DataFolder) {
    let open = folder.open().await;
    open.push(&review()).await.unwrap();
    // Without a database a manifest that was lost at a start is accepted anew, which is one event more.
    assert!(folder.owner == Owner::Store || open.has(&review()).await);
    assert_eq!(
        open.blob(&review().repository, &review().packed.layer.digest).await.unwrap(),
        review().packed.layer.content
    );
    close(folder, open).await;
    assert_clean(&fsck(folder, Mend::Nothing).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flipped_bit_is_found_and_a_push_mends_it() {
    for owner in [Owner::Sqlite, Owner::Store] {
        let layer = review().packed.layer.digest;
        let spoil = |folder: &DataFolder| flip(blob_of(folder, layer));
        let folder = spoiled(owner, spoil, &["blob-damaged"], Severity::Damage, After::Left).await;
        let quarantined = Key::Quarantined { area: Area::Public, digest: layer };
        assert!(file_of(&folder, &quarantined).is_file() && !blob_of(&folder, layer).exists());
        let report = fsck(&folder, Mend::Nothing).await;
        assert_eq!((kinds(&report), report.summary.quarantined.number), (vec!["blob-missing".to_owned()], 1));
        pushed_again(&folder).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_lost_part_of_a_version_is_missed_and_a_push_mends_it() {
    let folder = filled(Owner::Sqlite).await;
    let open = folder.open().await;
    let version = open.meta.catalog.version(&review().name(), &"1.0.0".parse().unwrap()).await.unwrap().unwrap();
    close(&folder, open).await;
    let packed = review().packed;
    let parts = [
        (packed.config.digest, Role::Content),
        (packed.layer.digest, Role::Content),
        (packed.manifest.digest, Role::Manifest),
        (version.record, Role::Record),
    ];
    for (lost, expected) in parts {
        std::fs::remove_file(blob_of(&folder, lost)).unwrap();
        let report = fsck(&folder, Mend::Nothing).await;
        assert_eq!((kinds(&report), report.worst()), (vec!["blob-missing".to_owned()], Some(Severity::Damage)));
        match &report.found[0].finding {
            Finding::BlobMissing { needed_by, copy: None, digest, .. } => {
                assert_eq!(*digest, lost);
                assert!(needed_by.iter().any(|needed| needed.name == "acme/review@1.0.0" && needed.role == expected));
            }
            other => panic!("{other:?}"),
        }
        let words = report.found[0].finding.words();
        let way =
            if expected == Role::Record { "sending the version's manifest once more" } else { "pushing what needs it" };
        assert!(words.mends.contains(way), "{words:?}");
        assert!(fsck(&folder, Mend::WhatCanBe).await.worst().is_some(), "it comes from nowhere");
        pushed_again(&folder).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_reason_is_told_as_one() {
    for reason in ["it deletes too much", "it is old"] {
        let digest = Digest::sha256(reason.as_bytes());
        let spoil = |folder: &DataFolder| std::fs::remove_file(blob_of(folder, digest)).unwrap();
        let folder = spoiled(Owner::Sqlite, spoil, &["blob-missing"], Severity::Damage, After::Left).await;
        let words = fsck(&folder, Mend::Nothing).await.found[0].finding.words();
        assert!(words.mends.contains("pclr yank") && !words.mends.contains("pushing"), "{words:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blob_in_the_wrong_area_comes_back() {
    for owner in [Owner::Sqlite, Owner::Store] {
        let digest = review().packed.layer.digest;
        let elsewhere = Key::Blob { area: "private/other".parse().unwrap(), digest };
        let spoil = |folder: &DataFolder| {
            let bytes = std::fs::read(blob_of(folder, digest)).unwrap();
            let target = file_of(folder, &elsewhere);
            std::fs::create_dir_all(target.parent().unwrap()).unwrap();
            std::fs::write(target, bytes).unwrap();
            std::fs::remove_file(blob_of(folder, digest)).unwrap();
        };
        spoiled(owner, spoil, &["blob-missing"], Severity::Damage, After::Mended).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damage_is_mended_from_a_copy_in_another_area() {
    for owner in [Owner::Sqlite, Owner::Store] {
        // The manifest: what it names must be known from the copy, or the rest would not be checked.
        let digest = review().packed.manifest.digest;
        let elsewhere = Key::Blob { area: "private/acme".parse().unwrap(), digest };
        let spoil = |folder: &DataFolder| {
            let target = file_of(folder, &elsewhere);
            std::fs::create_dir_all(target.parent().unwrap()).unwrap();
            std::fs::copy(blob_of(folder, digest), target).unwrap();
            flip(blob_of(folder, digest));
        };
        spoiled(owner, spoil, &["blob-damaged"], Severity::Damage, After::Mended).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_went_to_quarantine_whole_comes_back() {
    let digest = review().packed.config.digest;
    let spoil = |folder: &DataFolder| {
        let target = file_of(folder, &Key::Quarantined { area: Area::Public, digest });
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::rename(blob_of(folder, digest), target).unwrap();
    };
    spoiled(Owner::Sqlite, spoil, &["blob-missing"], Severity::Damage, After::Mended).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_private_blob_is_checked_too() {
    let secret = Package::new("acme/secret@1.0.0", "acme/secret@1.0.0");
    let key = Key::Blob { area: "private/acme".parse().unwrap(), digest: secret.packed.layer.digest };
    let spoil = |folder: &DataFolder| flip(file_of(folder, &key));
    let folder = spoiled(Owner::Sqlite, spoil, &["blob-damaged"], Severity::Damage, After::Left).await;
    let told = format!("{:?}", fsck(&folder, Mend::Nothing).await.found);
    assert!(told.contains("acme/secret@1.0.0"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_grown_empty_and_exchanged_blobs_are_damaged() {
    let folder = filled(Owner::Sqlite).await;
    let (one, two) = (review().packed.layer.digest, review().packed.config.digest);
    let (first, second) = (blob_of(&folder, one), blob_of(&folder, two));
    let (first_bytes, second_bytes) = (std::fs::read(&first).unwrap(), std::fs::read(&second).unwrap());
    let check = async |expected: usize| {
        let report = fsck(&folder, Mend::Nothing).await;
        assert_eq!(kinds(&report), vec!["blob-damaged"; expected]);
        assert_eq!(report.worst(), Some(Severity::Damage));
        std::fs::write(&first, &first_bytes).unwrap();
        std::fs::write(&second, &second_bytes).unwrap();
        assert_clean(&fsck(&folder, Mend::Nothing).await);
    };
    std::fs::write(&first, &first_bytes[..first_bytes.len() - 1]).unwrap();
    check(1).await;
    std::fs::write(&first, [&first_bytes[..], b" "].concat()).unwrap();
    check(1).await;
    std::fs::write(&first, b"").unwrap();
    check(1).await;
    std::fs::write(&first, &second_bytes).unwrap();
    std::fs::write(&second, &first_bytes).unwrap();
    check(2).await;
}

/// A lost manifest says no more what it named: what seems to be named by nothing is left alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_removed_where_it_is_not_known_what_is_named() {
    for owner in [Owner::Sqlite, Owner::Store] {
        let folder = filled(owner).await;
        let (lost, layer) = (review().packed.manifest.digest, review().packed.layer.digest);
        let bytes = std::fs::read(blob_of(&folder, layer)).unwrap();
        put(blob_of(&folder, layer), &bytes);
        std::fs::remove_file(blob_of(&folder, lost)).unwrap();
        let report = fsck(&folder, Mend::WhatCanBe).await;
        assert_eq!(kinds(&report), ["blob-missing"], "{report:#?}");
        assert_eq!(report.summary.notes.len(), 1, "{:?}", report.summary);
        assert!(blob_of(&folder, layer).is_file());
        found(&folder, &["blob-missing"], Severity::Damage, After::Left).await;
        pushed_again(&folder).await;
    }
}
