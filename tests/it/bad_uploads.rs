//! Uploads and manifests that are not what they say, or stop in the middle: refused clearly, and nothing of them is visible.

use std::time::Duration;

use pcl_registry::domain::Digest;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::script::wire::{Payload, Request, Response};
use crate::world::{Artifact, MANIFEST, World};

const CONFIG: (&str, &[u8]) = ("application/vnd.oci.image.config.v1+json", b"{}");
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

fn error(response: &Response) -> (u16, String, String) {
    let body: Value = serde_json::from_slice(&response.body).expect("an errors document");
    let text = |member: &str| body["errors"][0][member].as_str().expect("a member of the error").to_owned();
    (response.status, text("code"), text("message"))
}

async fn assert_absent(world: &World, digest: &Digest) {
    assert_eq!(world.get(&format!("/v2/team/image/blobs/{digest}")).await.status, 404);
    let file = world.data().join("store/public/blobs/sha256").join(&digest.to_string()[7..9]);
    assert!(!file.join(&digest.to_string()[7..]).exists(), "no bytes under the digest");
}

#[tokio::test]
async fn a_client_that_hangs_up_leaves_nothing_and_can_push_again() {
    let world = World::start().await;
    // Small ones are gathered in memory, large ones spooled to a file.
    for size in [10_000, 3_000_000] {
        let blob = vec![size as u8; size];
        let digest = Digest::sha256(&blob);
        let target = format!("/v2/team/image/blobs/uploads/?digest={digest}");
        let mut request = Request::new("POST", &target).header("Content-Type", "application/octet-stream");
        request.payload = Payload::Partial(size - 1, blob.clone());
        assert!(request.send(world.address).await.unwrap().is_none());
        assert_absent(&world, &digest).await;
        world.push_blob("team/image", &blob).await;
        assert_eq!(world.pull_blob("team/image", &digest.to_string()).await, blob);
    }
    let image = Artifact { artifact_type: None, config: CONFIG, layers: &[(LAYER, b"layer")] };
    let manifest = world.push_parts("team/image", &image).await;
    let mut request = Request::new("PUT", "/v2/team/image/manifests/v1").header("Content-Type", MANIFEST);
    request.payload = Payload::Partial(manifest.len() - 1, manifest.clone());
    assert!(request.send(world.address).await.unwrap().is_none());
    assert_eq!(world.get("/v2/team/image/manifests/v1").await.status, 404);
    assert_eq!(world.put_manifest("team/image", "v1", MANIFEST, &manifest).await.status, 201);
}

#[tokio::test]
async fn wrong_bytes_are_never_stored_under_a_digest() {
    let world = World::start().await;
    for size in [100, 3_000_000] {
        let (claimed, sent) = (vec![1; size], vec![2; size]);
        let digest = Digest::sha256(&claimed);
        let target = format!("/v2/team/image/blobs/uploads/?digest={digest}");
        let refused = world.send(Request::new("POST", &target).body(&sent)).await;
        let (status, code, message) = error(&refused);
        assert_eq!((status, code.as_str()), (400, "DIGEST_INVALID"));
        assert!(message.contains(&digest.to_string()) && message.contains(&Digest::sha256(&sent).to_string()));
        assert_absent(&world, &digest).await;
        assert_absent(&world, &Digest::sha256(&sent)).await;
    }
}

#[tokio::test]
async fn a_manifest_that_says_another_size_is_refused() {
    let world = World::start().await;
    let image = Artifact { artifact_type: None, config: CONFIG, layers: &[(LAYER, b"five!")] };
    let manifest = String::from_utf8(world.push_parts("team/image", &image).await).unwrap();
    let wrong = manifest.replace("\"size\":5", "\"size\":6");
    assert_ne!(manifest, wrong);
    let refused = world.put_manifest("team/image", "v1", MANIFEST, wrong.as_bytes()).await;
    let (status, code, message) = error(&refused);
    assert_eq!((status, code.as_str()), (400, "SIZE_INVALID"));
    assert!(message.contains("has 5 bytes, the manifest says 6"), "{message}");
    assert_eq!(world.get("/v2/team/image/manifests/v1").await.status, 404);
    assert_eq!(world.put_manifest("team/image", "v1", MANIFEST, manifest.as_bytes()).await.status, 201);
}

#[tokio::test]
async fn deep_and_huge_json_is_refused() {
    let world = World::start().await;
    for depth in [1_000, 1_000_000] {
        let deep = format!("{{\"schemaVersion\":2,\"x\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        let refused = world.put_manifest("team/image", "v1", MANIFEST, deep.as_bytes()).await;
        assert_eq!(error(&refused).1, "MANIFEST_INVALID");
    }
    let huge = format!("{{\"schemaVersion\":2,\"x\":\"{}\"}}", "a".repeat(5 << 20));
    let refused = world.put_manifest("team/image", "v1", MANIFEST, huge.as_bytes()).await;
    let (status, code, message) = error(&refused);
    assert_eq!((status, code.as_str()), (413, "SIZE_INVALID"));
    assert!(message.contains("4194304"), "{message}");
    assert_eq!(world.get("/v2/").await.status, 200, "the registry goes on");
}

/// Sends a blob's head and half of it, then the rest in parts with a pause before each. The answer's first line.
async fn slow_upload(world: &World, blob: &[u8], pause: Duration, parts: usize) -> String {
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    let head = format!(
        "POST /v2/team/image/blobs/uploads/?digest={} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        Digest::sha256(blob),
        blob.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    for part in blob.chunks(blob.len().div_ceil(parts)) {
        tokio::time::sleep(pause).await;
        // A server that gave up closes the connection; its answer is read below.
        if stream.write_all(part).await.is_err() {
            break;
        }
    }
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn an_upload_may_be_slow_and_not_silent() {
    let flags = ["--upload-idle-timeout", "1s", "--request-timeout", "1s", "--header-timeout", "1s"];
    let world = World::start_with(&flags);
    let blob = b"slow".repeat(1000);
    let (slow, silent) = tokio::join!(
        // Two seconds in all: twice the limit for silence and for whole requests.
        slow_upload(&world, &blob, Duration::from_millis(200), 10),
        slow_upload(&world, b"silent for three seconds", Duration::from_secs(3), 1),
    );
    assert!(slow.contains(" 201 "), "{slow:?}");
    assert!(!silent.contains(" 201 "), "{silent:?}");
    assert_eq!(world.pull_blob("team/image", &Digest::sha256(&blob).to_string()).await, blob);
    assert_absent(&world, &Digest::sha256(b"silent for three seconds")).await;
}
