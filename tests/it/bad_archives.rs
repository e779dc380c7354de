//! Artifacts whose content is hostile or broken: the hostile are refused with the reason, the broken are stored with diagnostics.

use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use pcl_registry::domain::{Actor, Digest};
use pcl_registry::pack;
use pcl_registry::registry::{Limits, RegistryError};
use serde_json::Value;
use tar::{EntryType, Header};

use crate::inside::{DataFolder, Opened, Owner, Package};

fn gzip(bytes: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap().into()
}

/// An entry as it stands in a tar, whatever its name.
fn entry(path: &str, kind: EntryType, link: &str, content: &[u8]) -> Vec<u8> {
    let mut header = Header::new_gnu();
    header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
    header.as_old_mut().linkname[..link.len()].copy_from_slice(link.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_size(content.len() as u64);
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend(content);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

fn tar(entries: &[Vec<u8>]) -> Bytes {
    let mut bytes = entries.concat();
    bytes.resize(bytes.len() + 1024, 0);
    gzip(&bytes)
}

fn good() -> Package {
    Package::new("acme/hello@1.0.0", "a good one")
}

/// The good package with another layer.
fn with_layer(layer: &Bytes) -> Package {
    let mut package = good();
    let mut manifest: Value = serde_json::from_slice(&package.packed.manifest.content).unwrap();
    manifest["layers"][0]["digest"] = Digest::sha256(layer).to_string().into();
    manifest["layers"][0]["size"] = layer.len().into();
    package.packed.manifest.content = manifest.to_string().into();
    package.packed.manifest.digest = Digest::sha256(&package.packed.manifest.content);
    package.packed.layer.content = layer.clone();
    package.packed.layer.digest = Digest::sha256(layer);
    package
}

async fn assert_refused(open: &Opened, layer: Bytes, reason: &str) {
    let package = with_layer(&layer);
    let Err(RegistryError::ManifestInvalid(said)) = open.push(&package).await else { panic!("{reason}: taken") };
    assert!(said.contains(reason), "{reason}: {said}");
    assert!(!open.has(&package).await, "{reason}");
    assert_eq!(open.assert_events_agree().await, 0);
}

async fn open(folder: &DataFolder) -> Opened {
    let archive = pack::Limits { unpacked: 4 << 20, file: 2 << 20, ..pack::Limits::default() };
    folder.open_with(Limits { archive, ..Limits::default() }, |meta| meta).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_would_leave_the_tree_is_refused() {
    let folder = DataFolder::new(Owner::Sqlite);
    let open = open(&folder).await;
    let file = entry("hello/SKILL.md", EntryType::Regular, "", b"# Hello\n");
    for (bad, reason) in [
        (entry("hello/../../etc/passwd", EntryType::Regular, "", b"x"), "hello/../../etc/passwd"),
        (entry("/etc/passwd", EntryType::Regular, "", b"x"), "/etc/passwd"),
        (entry("hello/link", EntryType::Symlink, "/etc/passwd", b""), "link"),
        (entry("hello/hard", EntryType::Link, "hello/SKILL.md", b""), "link"),
        (entry("hello/device", EntryType::Char, "", b""), "hello/device"),
        (entry("hello/disk", EntryType::Block, "", b""), "hello/disk"),
        (entry("hello/pipe", EntryType::Fifo, "", b""), "hello/pipe"),
    ] {
        assert_refused(&open, tar(&[file.clone(), bad]), reason).await;
    }
    assert_refused(&open, Bytes::from_static(b"no archive at all"), "archive").await;
    let whole = tar(&[entry("hello/SKILL.md", EntryType::Regular, "", &[b'x'; 5000])]);
    assert_refused(&open, whole.slice(..whole.len() - 12), "archive").await;
    open.push(&good()).await.unwrap();
    assert!(open.has(&good()).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bombs_and_a_hundred_thousand_files_are_refused() {
    let folder = DataFolder::new(Owner::Sqlite);
    let open = open(&folder).await;
    let zeros = vec![0; 1 << 20];
    let files: Vec<_> = (0..8).map(|n| entry(&format!("hello/{n}"), EntryType::Regular, "", &zeros)).collect();
    let bomb = tar(&files);
    assert!(bomb.len() < 100_000, "eight megabytes in {}", bomb.len());
    assert_refused(&open, bomb, "4194304").await;
    assert_refused(&open, tar(&[entry("hello/large", EntryType::Regular, "", &vec![0; 3 << 20])]), "2097152").await;
    // Says that it is a terabyte and is not.
    let mut lie = Header::new_gnu();
    lie.set_path("hello/lie").unwrap();
    lie.set_size(1 << 40);
    lie.set_cksum();
    assert_refused(&open, gzip(lie.as_bytes()), "hello/lie").await;
    open.push(&good()).await.unwrap();
    drop(open);

    let folder = DataFolder::new(Owner::Sqlite);
    let open = folder.open().await;
    let files: Vec<_> = (0..100_000).map(|n| entry(&format!("hello/{n}"), EntryType::Regular, "", b"")).collect();
    assert_refused(&open, tar(&files), "20000").await;
    open.push(&good()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn text_that_is_not_utf8_is_stored_with_a_diagnostic() {
    let folder = DataFolder::new(Owner::Sqlite);
    let open = folder.open().await;
    let content = b"---\nname: hello\ndescription: caf\xe9\n---\n# Hello \xff\xfe\n";
    let mut package = with_layer(&tar(&[entry("hello/SKILL.md", EntryType::Regular, "", content)]));
    // Without a config of ours, as a stranger's client pushes it.
    let mut manifest: Value = serde_json::from_slice(&package.packed.manifest.content).unwrap();
    package.packed.config.content = Bytes::from_static(b"{}");
    package.packed.config.digest = Digest::sha256(b"{}");
    manifest["config"]["digest"] = package.packed.config.digest.to_string().into();
    manifest["config"]["size"] = 2.into();
    manifest["config"]["mediaType"] = "application/vnd.oci.empty.v1+json".into();
    package.packed.manifest.content = manifest.to_string().into();
    package.packed.manifest.digest = Digest::sha256(&package.packed.manifest.content);
    open.push(&package).await.unwrap();
    let (actor, version) = (Actor::Operator, "1.0.0".parse().unwrap());
    let shown = open.registry.version(&actor, &package.name(), &version).await.unwrap();
    let diagnostics = &shown.published.config.as_ref().unwrap().about.diagnostics;
    assert!(diagnostics.iter().any(|found| found.message.contains("UTF-8")), "{diagnostics:?}");
    let source = open.registry.source(&actor, &package.name(), &version, Some("SKILL.md")).await.unwrap().0;
    assert_eq!(source.as_ref(), content);
    open.registry.settled().await;
    assert_eq!(open.registry.indexed(), 1);
}
