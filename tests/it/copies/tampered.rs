//! Whoever carries a copy may have changed it: nothing that was changed is used.

use pcl_registry::domain::Digest;
use serde_json::Value;

use super::copy::{Copy, content, kept_bench};
use super::server::{FileServer, Program};
use crate::project::Bench;

/// A registry of two packages, its copy, and a server of it.
async fn bench() -> Option<(Bench, Copy, FileServer)> {
    let bench = kept_bench();
    bench.publish("acme/base 1.0.0\nacme/base 1.1.0\nacme/other 1.0.0");
    let copy = Copy::of(&bench.beside("data"), bench.address()).await;
    let server = FileServer::start(Program::Python, copy.path())?;
    Some((bench, copy, server))
}

fn manifest(copy: &Copy, name: &str) -> (Digest, Value) {
    let document = copy.document(&format!("index/{name}.json"));
    let digest: Digest = document["oci"]["tags"]["1.0.0"].as_str().unwrap().parse().unwrap();
    (digest, copy.document(&content(&digest)))
}

/// Pulls and adds, which must both end with code 4, say why, and leave no file.
fn assert_refused(bench: &Bench, url: &str, expected: &str) {
    for arguments in [&["pull", "acme/base@1.0.0", "-o", "out"][..], &["add", "acme/base@1.0.0"]] {
        // What is good of it is kept, and would be used by the next.
        let _ = std::fs::remove_dir_all(bench.beside("cache"));
        let said = bench.refused(4, &[arguments, &["--registry", url]].concat());
        assert!(said.contains(expected), "{arguments:?}: {said}");
    }
    assert_eq!(bench.files(), Vec::<String>::new());
}

#[tokio::test]
async fn content_with_one_bit_changed_is_refused() {
    let Some((bench, copy, server)) = bench().await else { return };
    let (digest, manifest) = manifest(&copy, "acme/base");
    let parts = [digest.to_string(), of(&manifest["config"]), of(&manifest["layers"][0])];
    for part in parts {
        let path = content(&part.parse().unwrap());
        let good = copy.read(&path);
        let mut bad = good.clone();
        let middle = bad.len() / 2;
        bad[middle] ^= 1;
        copy.write(&path, &bad);
        assert_refused(&bench, &server.url(), &format!("expected {part}"));
        copy.write(&path, &good[..good.len() - 1]);
        assert_refused(&bench, &server.url(), "failed verification");
        copy.write(&path, &good);
    }
    bench.done(&["pull", "acme/base@1.0.0", "-o", "out", "--registry", &server.url()]);
}

fn of(descriptor: &Value) -> String {
    descriptor["digest"].as_str().unwrap().to_owned()
}

/// A name that was made to name another artifact, whose content is all well.
#[tokio::test]
async fn another_artifact_under_the_name_is_refused() {
    let Some((bench, copy, server)) = bench().await else { return };
    let path = "index/acme/base.json";
    let good = String::from_utf8(copy.read(path)).unwrap();
    let (own, _) = manifest(&copy, "acme/base");
    let (other, _) = manifest(&copy, "acme/other");
    let tree = |name: &str, at: usize| {
        copy.document(&format!("index/{name}.json"))["versions"][at]["tree"].as_str().unwrap().to_owned()
    };
    let (own_tree, other_tree) = (tree("acme/base", 1), tree("acme/other", 0));
    copy.write(path, good.replace(&own.to_string(), &other.to_string()).replace(&own_tree, &other_tree).as_bytes());
    assert_refused(&bench, &server.url(), "called");

    // Another version of its own.
    let document: Value = serde_json::from_str(&good).unwrap();
    let newer = document["oci"]["tags"]["1.1.0"].as_str().unwrap();
    let newer_tree = document["versions"][0]["tree"].as_str().unwrap();
    copy.write(path, good.replace(&own.to_string(), newer).replace(&own_tree, newer_tree).as_bytes());
    assert_refused(&bench, &server.url(), "1.1.0");

    // The tree that the files must have.
    copy.write(path, good.replace(&own_tree, &other_tree).as_bytes());
    let said = bench.refused(4, &["add", "acme/base@1.0.0", "--registry", &server.url()]);
    assert!(said.contains("tree digest"), "{said}");
}

#[tokio::test]
async fn a_document_that_speaks_of_something_else_is_refused() {
    let Some((bench, copy, server)) = bench().await else { return };
    let good = copy.read("index/acme/base.json");
    copy.write("index/acme/base.json", &copy.read("index/acme/other.json"));
    for arguments in [&["versions", "acme/base"][..], &["pull", "acme/base"], &["add", "acme/base"]] {
        let said = bench.refused(3, &[arguments, &["--registry", &server.url()]].concat());
        assert!(said.contains("it speaks of acme/other"), "{arguments:?}: {said}");
    }
    copy.write("index/acme/base.json", &good[..good.len() / 2]);
    let said = bench.refused(3, &["versions", "acme/base", "--registry", &server.url()]);
    assert!(said.contains("is not understood"), "{said}");
}

/// What a lock says outlives a copy that says otherwise.
#[tokio::test]
async fn a_copy_cannot_move_what_is_locked() {
    let Some((bench, copy, server)) = bench().await else { return };
    bench.done(&["add", "acme/base@1.0.0"]);
    let lock = bench.read("pclr.lock");
    let (own, _) = manifest(&copy, "acme/base");
    std::fs::remove_dir_all(bench.path("pcl_modules")).unwrap();
    std::fs::remove_dir_all(bench.beside("cache")).unwrap();
    copy.write(&content(&own), b"{}");
    let said = bench.refused(4, &["install", "--registry", &server.url()]);
    assert!(said.contains("failed verification"), "{said}");
    assert_eq!((bench.read("pclr.lock"), bench.files()), (lock, Vec::new()));
}
