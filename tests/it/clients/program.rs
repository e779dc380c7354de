//! Finding and running the client programs, each with a home of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use pcl_registry::domain::Digest;

use crate::world::{Artifact, MANIFEST};

/// Where a client program is, or `None` after saying that the test is skipped.
///
/// # Panics
///
/// Where `CI` is set and the program is absent: there, a skipped test is a failed one.
pub fn find(name: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let own = root.join(".cache/oras/bin/python");
    let found = match name {
        "oras" => Some(own).filter(|path| path.exists()),
        _ => {
            std::env::split_paths(&std::env::var_os("PATH")?).map(|folder| folder.join(name)).find(|path| path.exists())
        }
    };
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "{name} is not installed; tests/run installs it");
        eprintln!("SKIPPED: {name} is not installed; tests/run installs it");
    }
    found
}

/// A folder with what the container tools read before they do anything.
pub struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder for a client");
        let policy = json!({"default": [{"type": "insecureAcceptAnything"}]});
        std::fs::write(folder.path().join("policy.json"), policy.to_string()).expect("it can be written");
        std::fs::write(folder.path().join("registries.conf"), "").expect("it can be written");
        Self { folder }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The program with this home, in this folder, and no proxy between it and the loopback.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.folder.path()).env("HOME", self.folder.path());
        command.env("XDG_RUNTIME_DIR", self.folder.path()).env("TMPDIR", self.folder.path());
        command.env("CONTAINERS_REGISTRIES_CONF", self.path("registries.conf"));
        for proxy in ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
            command.env_remove(proxy);
        }
        command
    }
}

/// Runs a command that must succeed; gives its standard output without the last line's end.
pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{stdout}\n{stderr}", output.status);
    stdout.trim_end().to_owned()
}

/// What `skopeo` copies, with all in it and every digest as it was; registries are reached over plain HTTP. `from` and `to` are its names
/// of places, those of layouts below the home.
pub fn skopeo_copy(home: &Home, skopeo: &Path, from: &str, to: &str) -> Command {
    let mut command = home.command(skopeo);
    command.arg("--policy").arg(home.path("policy.json")).args(["copy", "--all", "--preserve-digests"]);
    command.args(["--src-tls-verify=false", "--dest-tls-verify=false", from, to]);
    command
}

/// Writes an OCI image layout (image spec, "Image layout") with one manifest under `tag`; gives the manifest's bytes.
pub fn write_layout(folder: &Path, tag: &str, artifact: &Artifact<'_>) -> Vec<u8> {
    let blobs = folder.join("blobs/sha256");
    std::fs::create_dir_all(&blobs).expect("it can be made");
    let manifest = artifact.manifest();
    let contents = artifact.layers.iter().map(|(_, bytes)| *bytes).chain([artifact.config.1, &manifest]);
    for bytes in contents {
        let digest = Digest::sha256(bytes).to_string();
        std::fs::write(blobs.join(digest.trim_start_matches("sha256:")), bytes).expect("it can be written");
    }
    let descriptor = json!({
        "mediaType": MANIFEST,
        "digest": Digest::sha256(&manifest).to_string(),
        "size": manifest.len(),
        "annotations": {"org.opencontainers.image.ref.name": tag},
    });
    let index = json!({"schemaVersion": 2, "manifests": [descriptor]});
    std::fs::write(folder.join("index.json"), index.to_string()).expect("it can be written");
    std::fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion": "1.0.0"}"#).expect("it can be written");
    manifest
}

/// The bytes of the one manifest of an OCI image layout, and the folder of its blobs.
pub fn read_layout(folder: &Path) -> (Vec<u8>, PathBuf) {
    let index = std::fs::read(folder.join("index.json")).expect("the client wrote a layout");
    let index: Value = serde_json::from_slice(&index).expect("its index is JSON");
    let digest = index["manifests"][0]["digest"].as_str().expect("its index lists a manifest");
    let blobs = folder.join("blobs/sha256");
    (std::fs::read(blobs.join(digest.trim_start_matches("sha256:"))).expect("the manifest is there"), blobs)
}
