//! What was acknowledged survives the end of the process, and what the disk spoilt is never served as good.

use std::path::{Path, PathBuf};

use pcl_registry::domain::Digest;

use crate::script::wire::Request;
use crate::world::{Artifact, World};

const CONFIG: (&str, &[u8]) = ("application/vnd.oci.image.config.v1+json", b"{}");
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

#[tokio::test]
async fn an_acknowledged_push_survives_a_kill() {
    let mut world = World::start().await;
    let layer = b"bytes that must not be lost".repeat(1000);
    let image = Artifact { artifact_type: None, config: CONFIG, layers: &[(LAYER, &layer)] };
    let digest = world.push_manifest("team/image", "v1", &image).await;
    world.restart();

    assert_eq!(world.pull("team/image", "v1").await, image.manifest());
    assert_eq!(world.pull("team/image", &digest.to_string()).await, image.manifest());
    assert_eq!(world.pull_blob("team/image", &Digest::sha256(&layer).to_string()).await, layer);
    let digest = world.push_manifest("team/image", "v2", &image).await;
    assert_eq!(digest, Digest::sha256(&image.manifest()), "the next push works");
}

#[tokio::test]
async fn an_upload_goes_on_after_a_kill() {
    let mut world = World::start().await;
    let blob = b"0123456789".repeat(5000);
    let digest = Digest::sha256(&blob);
    let opened = world.send(Request::new("POST", "/v2/team/image/blobs/uploads/")).await;
    assert_eq!(opened.status, 202);
    let location = path(&opened.header("location").expect("an upload has an address"));
    let first = Request::new("PATCH", &location).header("Content-Range", "0-29999").body(&blob[..30000]);
    let taken = world.send(first).await;
    assert_eq!(taken.status, 202);
    let location = path(&taken.header("location").expect("a chunk is answered with an address"));
    world.restart();

    let status = world.get(&location).await;
    assert_eq!((status.status, status.header("range").as_deref()), (204, Some("0-29999")));
    let separator = if location.contains('?') { '&' } else { '?' };
    let last = Request::new("PUT", &format!("{location}{separator}digest={digest}"));
    let closed = world.send(last.header("Content-Range", "30000-49999").body(&blob[30000..])).await;
    assert_eq!(closed.status, 201, "{}", String::from_utf8_lossy(&closed.body));
    assert_eq!(world.pull_blob("team/image", &digest.to_string()).await, blob);
}

#[tokio::test]
async fn a_blob_that_the_disk_spoilt_is_not_served_and_can_be_pushed_again() {
    let mut world = World::start().await;
    let layer = b"sound ".repeat(20_000);
    let image = Artifact { artifact_type: None, config: CONFIG, layers: &[(LAYER, &layer)] };
    world.push_manifest("team/image", "v1", &image).await;
    let digest = Digest::sha256(&layer).to_string();
    world.kill();
    let file =
        find(world.data(), digest.trim_start_matches("sha256:")).expect("the blob's file is named by its digest");
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[60_000] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    world.restart();

    // An error, or a connection that breaks before the last byte: anything but a whole answer.
    for _ in 0..2 {
        let answer = Request::new("GET", &format!("/v2/team/image/blobs/{digest}")).send(world.address).await;
        let whole = matches!(&answer, Ok(Some(response)) if response.status == 200);
        assert!(!whole, "spoilt bytes were served as good");
    }
    world.push_blob("team/image", &layer).await;
    assert_eq!(world.pull_blob("team/image", &digest).await, layer);
}

/// The path of an address that may be absolute.
fn path(location: &str) -> String {
    match location.strip_prefix("http://") {
        Some(rest) => rest[rest.find('/').expect("an address has a path")..].to_owned(),
        None => location.to_owned(),
    }
}

fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    for entry in std::fs::read_dir(folder).ok()? {
        let path = entry.ok()?.path();
        if path.is_dir() {
            if let Some(found) = find(&path, name) {
                return Some(found);
            }
        } else if path.file_name().is_some_and(|file| file == name) {
            return Some(path);
        }
    }
    None
}
