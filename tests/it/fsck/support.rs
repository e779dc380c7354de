//! A registry with every sort of thing in it, checks of it, and hands that spoil files.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use pcl_registry::domain::{Actor, Algorithm, Area, Digest, Tree, Version, Visibility};
use pcl_registry::registry::{DataError, Drafted, Mend, Report, Severity, check_data};
use pcl_registry::storage::Key;

use crate::inside::{DataFolder, Opened, Owner, Package};
use crate::private::support::see;
use crate::rebuild::{close, live};

/// The package that tests spoil: a version of `acme/review`, as [`live`] publishes it.
pub fn review() -> Package {
    Package::new("acme/review@1.0.0", "acme/review@1.0.0")
}

/// A closed registry with packages, plain images, referrers, what is deleted, purged, private and drafted.
pub async fn filled(owner: Owner) -> DataFolder {
    let folder = DataFolder::new(owner);
    let open = folder.open().await;
    fill(&open).await;
    close(&folder, open).await;
    folder
}

pub async fn fill(open: &Opened) {
    live(open).await;
    let (actor, registry) = (Actor::Operator, &open.registry);
    let version: Version = "1.0.0".parse().unwrap();
    for spec in ["acme/secret@1.0.0", "acme/purged@1.0.0", "acme/shown@1.0.0"] {
        open.push(&Package::new(spec, spec)).await.unwrap();
    }
    see(open, "acme/secret", Visibility::Private).await.unwrap();
    see(open, "acme/shown", Visibility::Private).await.unwrap();
    see(open, "acme/shown", Visibility::Public).await.unwrap();
    registry.deprecate(&actor, &review().name(), &version, Some("it is old"), None).await.unwrap();
    let purged = "acme/purged".parse().unwrap();
    registry.delete_version(&actor, &purged, &version).await.unwrap();
    registry.purge(&actor, &purged, &version).await.unwrap();
    let file = pcl_registry::domain::File {
        path: "SKILL.md".parse().unwrap(),
        executable: false,
        content: Bytes::from_static(b"# begun\n"),
    };
    let tree = Tree::new(vec![file]).unwrap();
    registry
        .create_draft(
            &actor,
            &"acme/begun".parse().unwrap(),
            tree,
            Drafted { version: Some(version), ..Drafted::default() },
        )
        .await
        .unwrap();
    // Uploaded and named by nothing, and an upload in flight.
    open.push_blob(&"team/image".parse().unwrap(), &Bytes::from_static(b"nobody names it")).await.unwrap();
    let repository = "team/image".parse().unwrap();
    let upload = registry.begin_upload(&actor, &repository, Algorithm::Sha256).await.unwrap();
    let body = futures::stream::iter([Ok::<_, std::convert::Infallible>(Bytes::from_static(b"the first half"))]);
    registry.append_upload(&actor, &repository, upload.id, None, body).await.unwrap();
    registry.save_uploads().await.unwrap();
    registry.settled().await;
}

pub async fn try_fsck(folder: &DataFolder, mend: Mend) -> Result<Report, DataError> {
    check_data(folder.options(folder.metadata()), mend, Arc::new(|_, _, _| {})).await
}

pub async fn fsck(folder: &DataFolder, mend: Mend) -> Report {
    try_fsck(folder, mend).await.unwrap()
}

/// What was found, by name.
pub fn kinds(report: &Report) -> Vec<String> {
    let kind = |found| serde_json::to_value(found).unwrap()["finding"].as_str().unwrap().to_owned();
    report.found.iter().map(kind).collect()
}

pub fn assert_clean(report: &Report) {
    assert!(report.found.is_empty(), "{:#?}", report.found);
    assert_eq!(report.worst(), None);
}

/// What is to come of some damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// It is mended, and the registry goes on.
    Mended,
    /// It cannot be mended from what is there.
    Left,
}

/// Spoils a sound registry, and sees that this is found, that looking changes nothing, and what mending comes to.
pub async fn spoiled(
    owner: Owner,
    spoil: impl FnOnce(&DataFolder),
    expected: &[&str],
    severity: Severity,
    after: After,
) -> DataFolder {
    let folder = filled(owner).await;
    assert_clean(&fsck(&folder, Mend::Nothing).await);
    spoil(&folder);
    found(&folder, expected, severity, after).await;
    folder
}

/// The same of one that is spoiled.
pub async fn found(folder: &DataFolder, expected: &[&str], severity: Severity, after: After) {
    let report = fsck(folder, Mend::Nothing).await;
    assert_eq!(kinds(&report), expected, "{report:#?}");
    assert_eq!(report.worst(), Some(severity), "{report:#?}");
    assert_eq!(fsck(folder, Mend::Nothing).await, report, "looking changes nothing");
    let mended = fsck(folder, Mend::WhatCanBe).await;
    assert_eq!(kinds(&mended), expected, "{mended:#?}");
    match after {
        After::Mended => {
            assert_eq!(mended.worst(), None, "{mended:#?}");
            assert_clean(&fsck(folder, Mend::Nothing).await);
            let open = folder.open().await;
            assert!(open.has(&review()).await);
            close(folder, open).await;
            assert_clean(&fsck(folder, Mend::Nothing).await);
        }
        After::Left => assert!(mended.worst().is_some(), "{mended:#?}"),
    }
}

pub fn file_of(folder: &DataFolder, key: &Key) -> PathBuf {
    folder.path().join("store").join(key.path())
}

pub fn blob_of(folder: &DataFolder, digest: Digest) -> PathBuf {
    file_of(folder, &Key::Blob { area: Area::Public, digest })
}

/// Changes one bit, and nothing of length and time.
pub fn flip(path: PathBuf) {
    let modified = std::fs::metadata(&path).unwrap().modified().unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    std::fs::write(&path, bytes).unwrap();
    std::fs::File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
}

/// Puts a file where it may have no folder yet; as old as can be.
pub fn put(path: PathBuf, bytes: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, bytes).unwrap();
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
}

/// Runs statements in the SQLite file of a folder.
pub fn sql(folder: &DataFolder, statements: &str) {
    let connection = rusqlite::Connection::open(folder.database()).unwrap();
    connection.execute_batch(statements).unwrap();
}
