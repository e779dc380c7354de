//! A registry of a test's own: the real program on a free port of the loopback, with a data folder that goes with it.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use pcl_registry::domain::Digest;
use serde_json::{Value, json};

use crate::backend::{Backend, Place};
use crate::script::wire::{Request, Response};

/// The media type of an OCI image manifest.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A running registry. Its process ends and its folder and its database go when it is dropped, in this order: that of the fields.
pub struct World {
    pub address: SocketAddr,
    data: PathBuf,
    /// What the program is started with besides.
    flags: Vec<String>,
    server: Option<Server>,
    _folder: Option<tempfile::TempDir>,
    _place: Option<Place>,
}

/// The process of a registry; dropping it ends the process.
pub struct Server {
    child: Child,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts the program on a data folder, and gives where it listens.
pub fn start_server(data: &Path) -> (SocketAddr, Server) {
    start_server_with(data, &[])
}

/// The same with further flags.
pub fn start_server_with(data: &Path, flags: &[&str]) -> (SocketAddr, Server) {
    let mut command = serve_command(data, flags);
    command.env("PCLR_LOG", "warn").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the built program starts");
    let mut output = BufReader::new(child.stdout.take().expect("its output is piped"));
    let mut line = String::new();
    output.read_line(&mut line).expect("its output can be read");
    let Some(address) = line.trim().strip_prefix("listening on http://").and_then(|rest| rest.parse().ok()) else {
        let _ = child.kill();
        let mut errors = String::new();
        let _ = child.stderr.take().expect("its errors are piped").read_to_string(&mut errors);
        panic!("`pclr serve` did not say `listening on http://ADDRESS` first but {line:?}\n{errors}");
    };
    // Both pipes are drained, or a talkative server would stop at a full one.
    std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
    let mut errors = child.stderr.take().expect("its errors are piped");
    std::thread::spawn(move || std::io::copy(&mut errors, &mut std::io::stderr()));
    (address, Server { child })
}

fn borrowed(flags: &[String]) -> Vec<&str> {
    flags.iter().map(String::as_str).collect()
}

/// The one place that knows how a registry is started.
fn serve_command(data: &Path, flags: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pclr"));
    command.arg("serve").arg("--data").arg(data).args(["--listen", "127.0.0.1:0"]).args(flags);
    // It is written beside the requests; tests that do not look at it need not wait for the processor.
    if !flags.contains(&"--static") {
        command.args(["--static", "false"]);
    }
    command
}

/// What a registry says that does not start on this folder. Fails if it starts.
pub fn refused_start(data: &Path, flags: &[&str]) -> String {
    ended_start(data, flags).1
}

/// The same with the exit code.
fn ended_start(data: &Path, flags: &[&str]) -> (Option<i32>, String) {
    let mut command = serve_command(data, flags);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the built program starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("its output is piped")).read_line(&mut line).expect("output is text");
    if !line.is_empty() {
        let _ = child.kill();
        panic!("it started: {line}");
    }
    let output = child.wait_with_output().expect("it ends");
    assert!(!output.status.success());
    (output.status.code(), String::from_utf8(output.stderr).expect("errors are text"))
}

/// That a start with these metadata ends with this code within seconds, saying this and what to do, and no password.
pub fn assert_refused_soon(metadata: &str, code: i32, expected: &str) {
    let (folder, begun) = (tempfile::tempdir().expect("a folder"), Instant::now());
    let (ended, said) = ended_start(folder.path(), &["--metadata", metadata]);
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    assert!(ended == Some(code) && said.contains(expected) && said.contains("\nhint: "), "{ended:?} {said}");
    assert!(metadata.contains("secret") && !said.contains("secret"), "{said}");
}

impl World {
    /// A new, empty registry with these flags.
    pub fn start_with(flags: &[&str]) -> Self {
        Self::start_new(flags.iter().map(|flag| (*flag).to_owned()).collect(), None)
    }

    /// A new, empty registry on that backend; `None` where its server cannot be had.
    pub fn on(backend: Backend) -> Option<Self> {
        if let Some(given) = Self::given() {
            // Whatever keeps its metadata, once is enough.
            return Some(given).filter(|_| backend == Backend::Sqlite);
        }
        let place = backend.place()?;
        Some(Self::start_new(place.flags(), Some(place)))
    }

    /// A new, empty registry with these flags, whose metadata are in a place that goes with it.
    pub fn start_new(flags: Vec<String>, place: Option<Place>) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the registry's data");
        let data = folder.path().join("data");
        let (address, server) = start_server_with(&data, &borrowed(&flags));
        Self { address, data, flags, _folder: Some(folder), server: Some(server), _place: place }
    }

    /// A registry in a folder that is not its own to remove.
    pub fn start_in(data: &Path) -> Self {
        let (address, server) = start_server(data);
        Self { address, data: data.to_owned(), flags: Vec::new(), _folder: None, server: Some(server), _place: None }
    }

    /// A new, empty registry. `PCLR_TEST_REGISTRY=HOST:PORT` takes one that already runs instead, so that the scripts
    /// can be tried on other registries.
    pub async fn start() -> Self {
        Self::given().unwrap_or_else(|| Self::start_new(Vec::new(), None))
    }

    fn given() -> Option<Self> {
        let address = std::env::var("PCLR_TEST_REGISTRY").ok()?;
        let address = address.parse().expect("PCLR_TEST_REGISTRY is ADDRESS:PORT");
        let data = PathBuf::new();
        Some(Self { address, data, flags: Vec::new(), _folder: None, server: None, _place: None })
    }

    /// The folder that holds the registry's data.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// What the program is started with besides the data folder.
    pub fn flags(&self) -> &[String] {
        &self.flags
    }

    /// Most memory that the process ever had resident, in bytes.
    pub fn peak_memory(&self) -> u64 {
        let id = self.server.as_ref().expect("it runs").child.id();
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("the process is there");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the system counts it");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
    }

    /// Ends the process as a power cut would: no signal that it could answer.
    pub fn kill(&mut self) {
        self.server = None;
    }

    /// Ends the process as an operator would: it finishes what it does, and takes its leave.
    pub fn stop(&mut self) {
        let Some(mut server) = self.server.take() else { return };
        let told = Command::new("kill").args(["-TERM", &server.child.id().to_string()]).status();
        assert!(told.expect("kill is there").success());
        assert!(server.child.wait().expect("it ends").success());
    }

    /// Starts a killed registry again on the same data, on another port.
    pub fn restart(&mut self) {
        self.kill();
        let (address, server) = start_server_with(&self.data, &borrowed(&self.flags));
        self.address = address;
        self.server = Some(server);
    }

    /// Sends one request.
    pub async fn send(&self, request: Request) -> Response {
        let what = format!("{} {}", request.method, request.target);
        match request.send(self.address).await {
            Ok(Some(response)) => response,
            other => panic!("{what}: {other:?}"),
        }
    }

    pub async fn get(&self, target: &str) -> Response {
        self.send(Request::new("GET", target)).await
    }

    /// Pushes a blob in one request.
    pub async fn push_blob(&self, repository: &str, bytes: &[u8]) -> Digest {
        let digest = Digest::sha256(bytes);
        let target = format!("/v2/{repository}/blobs/uploads/?digest={digest}");
        let request = Request::new("POST", &target).header("Content-Type", "application/octet-stream").body(bytes);
        let response = self.send(request).await;
        assert_eq!(response.status, 201, "push of a blob to {repository}: {}", String::from_utf8_lossy(&response.body));
        digest
    }

    /// Pushes a manifest whose blobs are there, under a tag or its digest; gives the answer, whatever it is.
    pub async fn put_manifest(&self, repository: &str, reference: &str, media_type: &str, bytes: &[u8]) -> Response {
        let target = format!("/v2/{repository}/manifests/{reference}");
        self.send(Request::new("PUT", &target).header("Content-Type", media_type).body(bytes)).await
    }

    /// Pushes config, layers and a manifest that names them; gives the manifest's digest.
    pub async fn push_manifest(&self, repository: &str, tag: &str, artifact: &Artifact<'_>) -> Digest {
        let bytes = self.push_parts(repository, artifact).await;
        let response = self.put_manifest(repository, tag, MANIFEST, &bytes).await;
        assert_eq!(response.status, 201, "push of {repository}:{tag}: {}", String::from_utf8_lossy(&response.body));
        Digest::sha256(&bytes)
    }

    /// Pushes config and layers; gives the bytes of the manifest that names them.
    pub async fn push_parts(&self, repository: &str, artifact: &Artifact<'_>) -> Vec<u8> {
        self.push_blob(repository, artifact.config.1).await;
        for (_, bytes) in artifact.layers {
            self.push_blob(repository, bytes).await;
        }
        artifact.manifest()
    }

    /// The manifest under a tag or digest, byte for byte.
    pub async fn pull(&self, repository: &str, reference: &str) -> Vec<u8> {
        let request =
            Request::new("GET", &format!("/v2/{repository}/manifests/{reference}")).header("Accept", MANIFEST);
        let response = self.send(request).await;
        assert_eq!(response.status, 200, "pull of {repository} {reference}");
        response.body
    }

    pub async fn pull_blob(&self, repository: &str, digest: &str) -> Vec<u8> {
        let response = self.get(&format!("/v2/{repository}/blobs/{digest}")).await;
        assert_eq!(response.status, 200, "pull of {repository} {digest}");
        response.body
    }
}

/// The media type of an image's layer.
pub const IMAGE_LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// What a manifest names: media type and bytes of its config and layers.
pub struct Artifact<'a> {
    pub artifact_type: Option<&'a str>,
    pub config: (&'a str, &'a [u8]),
    pub layers: &'a [(&'a str, &'a [u8])],
}

impl<'a> Artifact<'a> {
    /// An image of these layers, as container tools take one for an image.
    pub fn image(layers: &'a [(&'a str, &'a [u8])]) -> Self {
        let config = br#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#;
        Self { artifact_type: None, config: ("application/vnd.oci.image.config.v1+json", config), layers }
    }

    /// The bytes of an image manifest that names these parts.
    pub fn manifest(&self) -> Vec<u8> {
        let descriptor = |(media_type, bytes): &(&str, &[u8])| json!({"mediaType": media_type, "digest": Digest::sha256(bytes).to_string(), "size": bytes.len()});
        let layers: Vec<Value> = self.layers.iter().map(descriptor).collect();
        let mut manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": descriptor(&self.config),
            "layers": layers,
        });
        if let Some(artifact_type) = self.artifact_type {
            manifest["artifactType"] = json!(artifact_type);
        }
        manifest.to_string().into_bytes()
    }
}
