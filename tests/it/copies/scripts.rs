//! The scripts of `tests/http/` that read, against a server of files: a registry takes what they write, nginx answers what they read.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::copy::kept;
use super::server::{FileServer, Program};
use crate::script::{Servers, run_file_on};

/// The areas that pull and discover.
const AREAS: [&str; 5] = ["blobs", "manifests", "images", "tags", "referrers"];

/// Where `docs/conformance.md` lists what a copy cannot answer.
const HEADING: &str = "## What a copy cannot answer";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// The scripts that are listed there.
fn beyond() -> BTreeSet<String> {
    let text = std::fs::read_to_string(root().join("docs/conformance.md")).unwrap();
    let (_, section) = text.split_once(HEADING).expect("docs/conformance.md says what a copy cannot answer");
    let section = section.split("\n## ").next().unwrap_or_default();
    section
        .split('`')
        .filter(|word| AREAS.iter().any(|area| word.starts_with(&format!("{area}/"))))
        .map(str::to_owned)
        .collect()
}

fn scripts() -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    for area in AREAS {
        for entry in std::fs::read_dir(root().join("tests/http").join(area)).unwrap() {
            let path = entry.unwrap().path();
            let name = format!("{area}/{}", path.file_stem().unwrap().to_string_lossy());
            found.push((name, path));
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn a_copy_answers_what_a_registry_answers_but_for_what_is_listed() {
    let world = kept();
    // The registry's own tree, so that the copy shows each write a moment later.
    let public = world.data().join("store/public");
    std::fs::create_dir_all(&public).unwrap();
    let Some(server) = FileServer::start(Program::Nginx, &public) else { return };
    let servers = Servers::Copied { registry: world.address, copy: server.address };
    let beyond = beyond();
    let running: Vec<_> = scripts()
        .into_iter()
        .filter(|(name, _)| !beyond.contains(name))
        .map(|(name, path)| tokio::spawn(async move { (name, run_file_on(&path, servers).await) }))
        .collect();
    assert!(running.len() > 20, "{}", running.len());
    let mut failed = Vec::new();
    for script in running {
        let (name, failures) = script.await.unwrap();
        failed.extend(failures.into_iter().map(|failure| format!("{name}: {failure}")));
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

#[test]
fn what_is_listed_are_scripts() {
    let scripts: BTreeSet<String> = scripts().into_iter().map(|(name, _)| name).collect();
    let beyond = beyond();
    assert!(!beyond.is_empty() && beyond.is_subset(&scripts), "{beyond:?}");
}
