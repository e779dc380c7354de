//! Copies of what a registry has published as files, and what is published for the tests here.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use pcl_registry::domain::Digest;
use serde_json::{Value, json};

use crate::project::Bench;
use crate::script::tar_gz;
use crate::script::wire::Request;
use crate::world::{Artifact, IMAGE_LAYER, MANIFEST, World};

pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub const DOCKER: &str = "application/vnd.docker.distribution.manifest.v2+json";
pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

/// Longer than any tree takes to be rendered, so that one that is not is a failure and not a test that hangs.
const PATIENCE: Duration = Duration::from_secs(300);

/// A registry that keeps its tree, which those of other tests do without.
pub fn kept() -> World {
    World::start_with(&KEPT)
}

/// The same with a project beside it.
pub fn kept_bench() -> Bench {
    Bench::with(&KEPT)
}

/// What makes it keep the tree.
pub const KEPT: [&str; 2] = ["--static", "true"];

/// A folder with a copy of a tree.
pub struct Copy(tempfile::TempDir);

impl Copy {
    /// All of it, once it shows what was published by now.
    pub async fn of(data: &Path, registry: SocketAddr) -> Self {
        let public = rendered(data, registry).await;
        let copy = Self(tempfile::tempdir().unwrap());
        copy_folder(&public, &public, copy.path(), &|_| true);
        copy
    }

    /// What of it comes through a medium that takes no colons in names, such as FAT: and whether all else did.
    pub fn through_fat(&self) -> (Self, Vec<String>) {
        let copy = Self(tempfile::tempdir().unwrap());
        let is_kept = |path: &str| !path.contains([':', '*', '?', '"', '<', '>', '|', '\\']);
        let lost = copy_folder(self.path(), self.path(), copy.path(), &is_kept);
        (copy, lost)
    }

    /// The same without a folder or file of it.
    pub fn without(&self, path: &str) -> Self {
        let copy = Self(tempfile::tempdir().unwrap());
        copy_folder(self.path(), self.path(), copy.path(), &|other| other != path);
        copy
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn read(&self, path: &str) -> Vec<u8> {
        fs::read(self.path().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    pub fn document(&self, path: &str) -> Value {
        serde_json::from_slice(&self.read(path)).unwrap()
    }

    pub fn write(&self, path: &str, bytes: &[u8]) {
        fs::write(self.path().join(path), bytes).unwrap();
    }

    /// Every file, as a path below the folder.
    pub fn files(&self) -> Vec<String> {
        let mut found = Vec::new();
        list(self.path(), self.path(), &mut found);
        found.sort();
        found
    }
}

/// Where content lies in a copy.
pub fn content(digest: &Digest) -> String {
    pcl_registry::domain::public::content_path(digest)
}

/// The registry's own tree, once it shows what was published by now.
pub async fn rendered(data: &Path, registry: SocketAddr) -> PathBuf {
    let ready = Request::new("GET", "/ready").send(registry).await.unwrap().unwrap();
    let ready: Value = serde_json::from_slice(&ready.body).unwrap();
    let head = ready["head"].as_u64().unwrap();
    let (public, begun) = (data.join("store/public"), Instant::now());
    loop {
        let document = fs::read(public.join("registry.json")).unwrap_or_default();
        let document: Value = serde_json::from_slice(&document).unwrap_or_default();
        if document["as_of"].as_u64().is_some_and(|as_of| as_of >= head) {
            return public;
        }
        assert!(begun.elapsed() < PATIENCE, "event {head} is not rendered: {document}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Copies what passes; gives the paths of what does not.
fn copy_folder(root: &Path, from: &Path, to: &Path, is_kept: &dyn Fn(&str) -> bool) -> Vec<String> {
    let mut lost = Vec::new();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let path = entry.path();
        let below = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        if !is_kept(&below) {
            lost.push(below);
        } else if path.is_dir() {
            fs::create_dir_all(to.join(entry.file_name())).unwrap();
            lost.extend(copy_folder(root, &path, &to.join(entry.file_name()), is_kept));
        } else {
            fs::copy(&path, to.join(entry.file_name())).unwrap();
        }
    }
    lost
}

fn list(root: &Path, folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => list(root, &path, found),
            false => found.push(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned()),
        }
    }
}

/// A manifest of every type under `team/`, and what refers to one; gives repository, tag, media type and digest of each.
pub async fn push_images(world: &World) -> Vec<(String, String, &'static str, Digest)> {
    let layer = tar_gz(&[("hello.txt", b"hello")]);
    let layers = [(IMAGE_LAYER, layer.as_slice())];
    let image = Artifact::image(&layers);
    let digest = world.push_manifest("team/image", "1.0", &image).await;
    let image_bytes = world.push_parts("team/multi", &image).await;
    let docker_bytes = String::from_utf8(image_bytes.clone()).unwrap().replace(MANIFEST, DOCKER);
    let docker_bytes = docker_bytes
        .replace("application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json")
        .replace(IMAGE_LAYER, "application/vnd.docker.image.rootfs.diff.tar.gzip")
        .into_bytes();
    world.push_parts("team/docker", &image).await;
    let of = |media_type: &str, bytes: &[u8]| json!({"mediaType": media_type, "digest": Digest::sha256(bytes), "size": bytes.len(), "platform": {"architecture": "amd64", "os": "linux"}});
    let list = |media_type: &str, part: Value| {
        json!({"schemaVersion": 2, "mediaType": media_type, "manifests": [part]}).to_string().into_bytes()
    };
    let index = list(INDEX, of(MANIFEST, &image_bytes));
    let docker_list = list(DOCKER_LIST, of(DOCKER, &docker_bytes));
    let referrer = json!({"schemaVersion": 2, "mediaType": MANIFEST, "artifactType": "application/vnd.example.note.v1",
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": Digest::sha256(b"{}"), "size": 2},
        "layers": [], "subject": {"mediaType": MANIFEST, "digest": digest, "size": world.pull("team/image", "1.0").await.len()}});
    let referrer = referrer.to_string().into_bytes();
    world.push_blob("team/image", b"{}").await;
    let mut pushed = vec![("team/image".to_owned(), "1.0".to_owned(), MANIFEST, digest)];
    for (repository, tag, media_type, bytes) in [
        ("team/multi", "part", MANIFEST, image_bytes),
        ("team/multi", "all", INDEX, index),
        ("team/docker", "part", DOCKER, docker_bytes),
        ("team/docker", "all", DOCKER_LIST, docker_list),
        ("team/image", "note", MANIFEST, referrer),
    ] {
        let answer = world.put_manifest(repository, tag, media_type, &bytes).await;
        assert_eq!(answer.status, 201, "{repository}:{tag}: {}", String::from_utf8_lossy(&answer.body));
        pushed.push((repository.to_owned(), tag.to_owned(), media_type, Digest::sha256(&bytes)));
    }
    pushed
}
