//! What one damaged file, one hostile artifact or one loss of power can do: to itself, and to nothing else.

use std::path::PathBuf;

use bytes::Bytes;
use pcl_registry::domain::{Actor, Digest, Reference};
use pcl_registry::meta::Refused;
use pcl_registry::registry::{Limits, RegistryError};
use pcl_registry::storage::{Key, StorageError};
use serde_json::json;

use crate::inside::{DataFolder, Opened, Owner, Package};

fn file_of(folder: &DataFolder, key: &Key) -> PathBuf {
    folder.path().join("store").join(key.path())
}

fn blob_file(folder: &DataFolder, digest: Digest) -> PathBuf {
    file_of(folder, &Key::Blob { area: pcl_registry::domain::Area::Public, digest })
}

#[tokio::test]
async fn a_lost_blob_fails_the_push_that_names_it_and_no_other() {
    let folder = DataFolder::new(Owner::Sqlite);
    let opened = folder.open().await;
    let lost = Package::new("acme/lost@1.0.0", "lost");
    let sound = Package::new("acme/sound@1.0.0", "sound");
    for package in [&lost, &sound] {
        for blob in [&package.packed.config, &package.packed.layer] {
            opened.push_blob(&package.repository, &blob.content).await.unwrap();
        }
    }
    // The link is known from before; the file goes when nobody looks.
    opened.blob(&lost.repository, &lost.packed.layer.digest).await.unwrap();
    opened.push_manifest(&Package::new("acme/sound@1.0.0", "sound")).await.unwrap();
    std::fs::remove_file(blob_file(&folder, lost.packed.layer.digest)).unwrap();
    let other = Package::new("acme/other@1.0.0", "other");
    for blob in [&other.packed.config, &other.packed.layer] {
        opened.push_blob(&other.repository, &blob.content).await.unwrap();
    }
    let plain = json!({
        "schemaVersion": 2,
        "config": { "mediaType": "text/plain", "digest": lost.packed.layer.digest, "size": lost.packed.layer.content.len() },
        "layers": [],
    });
    let (plain, tag) = (Bytes::from(plain.to_string()), "x".parse().unwrap());
    let (guilty, innocent) = tokio::join!(
        opened.push_bytes(&lost.repository, Reference::Tag(tag), "application/vnd.oci.image.manifest.v1+json", &plain),
        opened.push_manifest(&other),
    );
    innocent.unwrap();
    match guilty {
        Err(RegistryError::Refused(Refused::BlobsUnknown(digests))) => {
            assert_eq!(digests, [lost.packed.layer.digest]);
        }
        other => panic!("{other:?}"),
    }
}

/// The upload left its link in the cache. Whoever asks after the failure must not be told that the bytes are there.
#[tokio::test]
async fn bytes_that_a_push_misses_are_asked_for_again() {
    let folder = DataFolder::new(Owner::Sqlite);
    let opened = folder.open().await;
    let package = Package::new("acme/lost@1.0.0", "lost");
    for blob in [&package.packed.config, &package.packed.layer] {
        opened.push_blob(&package.repository, &blob.content).await.unwrap();
    }
    let lost = package.packed.layer.digest;
    std::fs::remove_file(blob_file(&folder, lost)).unwrap();
    let failed = opened.push_manifest(&package).await;
    assert!(matches!(failed, Err(RegistryError::Refused(Refused::BlobsUnknown(_)))), "{failed:?}");
    let asked = opened.registry.blob(&Actor::Operator, &package.repository, &lost).await;
    assert!(matches!(asked, Err(RegistryError::BlobUnknown(digest)) if digest == lost));
    opened.push_blob(&package.repository, &package.packed.layer.content).await.unwrap();
    opened.push_manifest(&package).await.unwrap();
}

#[tokio::test]
async fn a_blob_that_grew_is_not_served_whole_nor_in_part() {
    let folder = DataFolder::new(Owner::Sqlite);
    for (size, name) in [(200_000usize, "acme/large@1.0.0"), (2_000, "acme/small@1.0.0")] {
        let opened = folder.open().await;
        let package = Package::new(name, "grows");
        let bytes = Bytes::from(vec![7; size]);
        let digest = Digest::sha256(&bytes);
        opened.push_blob(&package.repository, &bytes).await.unwrap();
        let mut damaged = bytes.to_vec();
        damaged[0] = 8;
        damaged.extend(vec![9; 100_000]);
        std::fs::write(blob_file(&folder, digest), damaged).unwrap();
        let served = opened.blob(&package.repository, &digest).await;
        assert!(served.is_err(), "{size}: {:?}", served.map(|bytes| bytes.len()));
        // Pushed again it is whole again, and asking before pushing says that it must be.
        let known = opened.registry.blob(&pcl_registry::domain::Actor::Operator, &package.repository, &digest).await;
        assert!(matches!(known, Err(RegistryError::BlobUnknown(_))), "{size}: {known:?}");
        opened.push_blob(&package.repository, &bytes).await.unwrap();
        assert_eq!(opened.blob(&package.repository, &digest).await.unwrap(), bytes);
        drop(opened);
    }
}

/// Publishes three packages, spoils event files while nothing runs, and opens again.
async fn reopened_after(owner: Owner, spoil: impl FnOnce(&DataFolder)) -> (DataFolder, Opened) {
    let folder = DataFolder::new(owner);
    let opened = folder.open().await;
    for name in ["acme/one@1.0.0", "acme/two@1.0.0", "acme/three@1.0.0"] {
        opened.push(&Package::new(name, name)).await.unwrap();
    }
    drop(opened);
    // Until the jobs of the old registry have ended the folder is locked; then nobody writes.
    drop(folder.open_storage(&Default::default()).await);
    spoil(&folder);
    let opened = folder.open().await;
    (folder, opened)
}

#[tokio::test]
async fn events_that_a_loss_of_power_cut_or_lost_are_written_again() {
    let cut = |folder: &DataFolder| {
        std::fs::write(file_of(folder, &Key::Event(3)), b"").unwrap();
        let second = file_of(folder, &Key::Event(2));
        let bytes = std::fs::read(&second).unwrap();
        std::fs::write(second, &bytes[..bytes.len() / 2]).unwrap();
        std::fs::remove_file(file_of(folder, &Key::Event(1))).unwrap();
    };
    let (_folder, opened) = reopened_after(Owner::Sqlite, cut).await;
    assert_eq!(opened.assert_events_agree().await, 3);
    for name in ["acme/one@1.0.0", "acme/two@1.0.0", "acme/three@1.0.0"] {
        assert!(opened.has(&Package::new(name, name)).await);
    }
}

#[tokio::test]
async fn a_cut_last_event_of_a_store_that_owns_itself_never_happened() {
    let cut = |folder: &DataFolder| std::fs::write(file_of(folder, &Key::Event(3)), br#"{"actor":"op"#).unwrap();
    let (_folder, opened) = reopened_after(Owner::Store, cut).await;
    assert_eq!(opened.assert_events_agree().await, 2);
    let third = Package::new("acme/three@1.0.0", "acme/three@1.0.0");
    assert!(!opened.has(&third).await);
    opened.push(&third).await.unwrap();
    assert!(opened.has(&third).await);
}

#[tokio::test]
async fn layers_are_counted_together_before_any_is_read() {
    let folder = DataFolder::new(Owner::Sqlite);
    let mut limits = Limits::default();
    limits.archive.compressed = 10_000;
    let opened = folder.open_with(limits, |meta| meta).await;
    let package = Package::new("acme/many@1.0.0", "many");
    let bytes = Bytes::from(vec![1; 6_000]);
    opened.push_blob(&package.repository, &bytes).await.unwrap();
    opened.push_blob(&package.repository, &Bytes::from_static(b"{}")).await.unwrap();
    let layer = json!({ "mediaType": "text/plain", "digest": Digest::sha256(&bytes), "size": bytes.len() });
    let manifest = json!({
        "schemaVersion": 2,
        "artifactType": "application/vnd.pcl.persona.v1",
        "config": { "mediaType": "application/vnd.oci.empty.v1+json", "digest": Digest::sha256(b"{}"), "size": 2 },
        "layers": [layer, layer],
    });
    let pushed = opened
        .push_bytes(
            &package.repository,
            package.reference(),
            "application/vnd.oci.image.manifest.v1+json",
            &Bytes::from(manifest.to_string()),
        )
        .await;
    assert!(matches!(pushed, Err(RegistryError::TooLarge { limit: 10_000, .. })), "{pushed:?}");
}

#[tokio::test]
async fn an_artifact_whose_record_could_not_be_read_back_is_refused_and_others_are_found() {
    use pcl_registry::domain::{About, CONFIG_SCHEMA, Config, File, Kind, Primary, RECORD_MAX, Tree};
    let folder = DataFolder::new(Owner::Sqlite);
    let opened = folder.open().await;
    // Few bytes in the archive, many in the list of files.
    let long = "x".repeat(250);
    let path = |n: usize| format!("{long}/{long}/{long}/{long}/{n}").parse().unwrap();
    let mut files: Vec<File> =
        (0..19_000).map(|n| File { path: path(n), executable: false, content: Bytes::new() }).collect();
    files.push(File { path: "a.md".parse().unwrap(), executable: false, content: Bytes::from_static(b"# a") });
    let tree = Tree::new(files).unwrap();
    let config = Config {
        schema: CONFIG_SCHEMA,
        name: "huge".into(),
        version: "1.0.0".parse().unwrap(),
        kind: Kind::Persona,
        about: About::default(),
        primary: Primary { file: "a.md".into(), declaration: None },
        source: None,
        tree: tree.digest(),
    };
    let packed = pcl_registry::pack::pack(&tree, &config).unwrap();
    let huge = Package { repository: "acme/huge".parse().unwrap(), tag: "1.0.0".into(), packed };
    match opened.push(&huge).await {
        Err(RegistryError::ManifestInvalid(why)) => assert!(why.contains(&RECORD_MAX.to_string()), "{why}"),
        other => panic!("{other:?}"),
    }
    let small = Package::new("acme/small@1.0.0", "small");
    opened.push(&small).await.unwrap();
    opened.registry.settled().await;
    assert_eq!(opened.registry.indexed(), opened.assert_events_agree().await);
}

#[tokio::test]
async fn a_damaged_manifest_stops_a_rebuild_every_time() {
    let folder = DataFolder::new(Owner::Store);
    let opened = folder.open().await;
    let package = Package::new("acme/hello@1.0.0", "hello");
    opened.push(&package).await.unwrap();
    drop(opened);
    drop(folder.open_storage(&Default::default()).await);
    std::fs::write(blob_file(&folder, package.digest()), b"{}").unwrap();
    for attempt in 0..2 {
        let storage = folder.open_storage(&Default::default()).await;
        let meta = std::sync::Arc::new(pcl_registry::meta::Memory::new()).meta();
        let rebuilt = pcl_registry::registry::catch_up(&storage, &meta, |_| {}).await;
        let corrupt = matches!(rebuilt, Err(RegistryError::Storage(StorageError::Corrupt(_))));
        assert!(corrupt, "attempt {attempt}: {rebuilt:?}");
    }
}
