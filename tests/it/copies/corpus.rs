//! Everything that others wrote, pulled out of a copy: over plain HTTP, by `pclr`, by `skopeo` and by `oras`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use futures::{StreamExt, TryStreamExt, stream};
use pcl_registry::client::{Client, Selector, Wanted};
use pcl_registry::domain::{Digest, Manifest, Name, Version};
use serde_json::Value;

use super::copy::{Copy, content, kept};
use super::server::{FileServer, Program};
use super::tools::get;
use crate::clients::program::{Home, find, run};
use crate::corpus;
use crate::world::World;

/// Requests under way at once.
const AT_ONCE: usize = 16;
/// Artifacts that each container tool pulls from servers after the first.
const SAMPLE: usize = 40;

/// Pulls all artifacts of a list, each into a folder of its own, and sees that the files are the layers.
const ORAS: &str = r#"
import hashlib, sys, oras.client
from concurrent.futures import ThreadPoolExecutor

def pull(numbered):
    number, target = numbered
    client = oras.client.OrasClient(insecure=True)
    files = client.pull(target=target, outdir=f"out{number}")
    found = sorted("sha256:" + hashlib.sha256(open(path, "rb").read()).hexdigest() for path in files)
    wanted = sorted(layer["digest"] for layer in client.get_manifest(target)["layers"])
    assert found and found == wanted, (target, found, wanted)
    return target

targets = open(sys.argv[1]).read().split()
with ThreadPoolExecutor(8) as pool:
    for target in pool.map(pull, enumerate(targets)):
        print(target)
"#;

/// An artifact that was published.
pub struct Artifact {
    pub name: Name,
    pub version: Version,
    pub digest: Digest,
}

/// A registry with the corpus in it, or with the project's own examples where that is absent, and all artifacts.
pub fn published(world: &World) -> Vec<Artifact> {
    import(world, corpus::folder().unwrap_or_else(examples))
}

/// The same of the project's own examples.
pub fn published_examples(world: &World) -> Vec<Artifact> {
    import(world, examples())
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn import(world: &World, folder: PathBuf) -> Vec<Artifact> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pclr"));
    command.arg("import").arg(folder).args(["--org", "corpus", "--output", "json", "--registry"]);
    let output = command.arg(format!("http://{}", world.address)).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let items = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let items = items.filter(|item| item["digest"].is_string()).map(|item| Artifact {
        name: item["name"].as_str().unwrap().parse().unwrap(),
        version: item["version"].as_str().unwrap().parse().unwrap(),
        digest: item["digest"].as_str().unwrap().parse().unwrap(),
    });
    let items: Vec<Artifact> = items.collect();
    assert!(items.len() > 2, "{}", String::from_utf8_lossy(&output.stderr));
    items
}

#[tokio::test]
async fn everything_is_pulled_from_servers_that_are_not_ours() {
    let world = kept();
    let artifacts = published(&world);
    let copy = Copy::of(world.data(), world.address).await;
    drop(world);
    for (program, chosen) in [(Program::Nginx, artifacts.iter().collect()), (Program::Caddy, sample(&artifacts))] {
        let Some(server) = FileServer::start(program, copy.path()) else { continue };
        over_http(&server, &artifacts).await;
        by_container_tools(&server, &chosen);
    }
    let (plain, lost) = copy.through_fat();
    assert!(lost.iter().all(|path| path.starts_with("v2/")), "{lost:?}");
    for (program, folder) in [(Program::Python, &plain), (Program::Nginx, &copy)] {
        let Some(server) = FileServer::start(program, folder.path()) else { continue };
        by_the_client(&server, &artifacts).await;
    }
}

/// Manifest by tag and digest, and every blob that it names.
async fn over_http(server: &FileServer, artifacts: &[Artifact]) {
    let pulls = stream::iter(artifacts).map(|artifact| async move {
        let at = format!("/v2/{}", artifact.name);
        let by_tag = get(server, &format!("{at}/manifests/{}", artifact.version.tag())).await;
        let by_digest = get(server, &format!("{at}/manifests/{}", artifact.digest)).await;
        assert_eq!((by_tag.status, by_digest.status), (200, 200), "{}", artifact.name);
        assert_eq!(by_tag.body, by_digest.body, "{}", artifact.name);
        assert!(artifact.digest.matches(&by_tag.body), "{}", artifact.name);
        let content_type = by_tag.header("content-type");
        let manifest =
            Manifest::parse(by_tag.body.into(), content_type.as_deref(), artifact.digest.algorithm()).unwrap();
        for blob in manifest.config.iter().chain(&manifest.layers) {
            let answer = get(server, &format!("{at}/blobs/{}", blob.digest)).await;
            assert!(answer.status == 200 && blob.digest.matches(&answer.body), "{}@{}", artifact.name, blob.digest);
        }
    });
    pulls.buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
}

/// One in so many, from the first to the last.
fn sample(artifacts: &[Artifact]) -> Vec<&Artifact> {
    artifacts.iter().step_by(artifacts.len().div_ceil(SAMPLE)).collect()
}

fn by_container_tools(server: &FileServer, artifacts: &[&Artifact]) {
    let home = Home::new();
    if let Some(skopeo) = find("skopeo") {
        let begun = Instant::now();
        by_skopeo(&home, &skopeo, server, artifacts);
        eprintln!("skopeo pulled {} artifacts in {:?}", artifacts.len(), begun.elapsed());
    }
    if let Some(python) = find("oras") {
        let begun = Instant::now();
        let targets: Vec<String> =
            artifacts.iter().map(|artifact| format!("{}/{}", server.address, tagged(artifact))).collect();
        std::fs::write(home.path("targets"), targets.join("\n")).unwrap();
        let pulled = run(home.command(&python).args(["-c", ORAS, "targets"]));
        assert_eq!(pulled.lines().collect::<Vec<_>>(), targets);
        eprintln!("oras pulled {} artifacts in {:?}", artifacts.len(), begun.elapsed());
    }
}

fn tagged(artifact: &Artifact) -> String {
    format!("{}:{}", artifact.name, artifact.version.tag())
}

/// Each of several processes copies its part of the artifacts into folders, from a list. It hashes what it gets; that it got all of it
/// is seen here.
fn by_skopeo(home: &Home, skopeo: &Path, server: &FileServer, artifacts: &[&Artifact]) {
    let processes = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for (number, part) in artifacts.chunks(artifacts.len().div_ceil(processes)).enumerate() {
            let mut list = format!("\"{}\":\n  tls-verify: false\n  images:\n", server.address);
            for artifact in part {
                writeln!(list, "    {}: [\"{}\"]", artifact.name, artifact.version.tag()).unwrap();
            }
            let [list_name, out] = [format!("list{number}.yaml"), format!("out{number}")];
            std::fs::write(home.path(&list_name), list).unwrap();
            scope.spawn(move || {
                let mut command = home.command(skopeo);
                command.arg("--policy").arg(home.path("policy.json"));
                command.args(["sync", "--all", "--preserve-digests", "--scoped", "--src", "yaml", "--dest", "dir"]);
                run(command.args([&list_name, &out]));
                for artifact in part {
                    let folder = home.path(&out).join(server.address.to_string()).join(tagged(artifact));
                    is_whole(artifact, &folder);
                }
                std::fs::remove_dir_all(home.path(&out)).unwrap();
            });
        }
    });
}

/// That a folder holds the artifact's manifest, and every blob that it names.
fn is_whole(artifact: &Artifact, folder: &Path) {
    let read =
        |name: &str| std::fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{folder:?} {name}: {error}"));
    let bytes = read("manifest.json");
    assert!(artifact.digest.matches(&bytes), "{folder:?}");
    let manifest = Manifest::parse(bytes.into(), None, artifact.digest.algorithm()).unwrap();
    for blob in manifest.config.iter().chain(&manifest.layers) {
        assert!(blob.digest.matches(&read(&blob.digest.hex())), "{folder:?} {}", blob.digest);
    }
}

/// As `pclr pull` does, every artifact; each is verified down to the digest of its tree.
async fn by_the_client(server: &FileServer, artifacts: &[Artifact]) {
    let client = Client::new(&server.url()).unwrap();
    let pulls = stream::iter(artifacts).map(|artifact| {
        let client = client.clone();
        async move {
            let (name, selector) = (artifact.name.clone(), Selector::Version(artifact.version.clone()));
            let pulled =
                client.pull(&Wanted { name, selector }).await.map_err(|error| format!("{}: {error}", artifact.name))?;
            Ok::<_, String>((artifact.name.clone(), pulled.digest == artifact.digest))
        }
    });
    let pulled: BTreeSet<(Name, bool)> = pulls.buffer_unordered(AT_ONCE).try_collect().await.unwrap();
    assert!(pulled.iter().all(|(_, is_same)| *is_same));
}

/// What a stick keeps is whole: each file of content has its digest.
#[tokio::test]
async fn a_copy_holds_nothing_but_what_its_names_say() {
    let world = kept();
    world.push_blob("team/x", b"blob").await;
    super::copy::push_images(&world).await;
    let copy = Copy::of(world.data(), world.address).await;
    assert!(copy.files().contains(&content(&Digest::sha256(b"blob"))));
    for path in copy.files() {
        let Some(rest) = path.strip_prefix("blobs/") else { continue };
        let (algorithm, rest) = rest.split_once('/').unwrap();
        let digest: Digest = format!("{algorithm}:{}", rest.split('/').nth(1).unwrap()).parse().unwrap();
        assert!(digest.matches(&copy.read(&path)), "{path}");
    }
}
