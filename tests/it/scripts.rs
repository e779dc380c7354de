//! The requirements under `tests/http/`: one test an area and a metadata store, one registry a test, all scripts of the area at
//! once.
//!
//! `SCRIPT=upload cargo nextest run scripts` runs only the scripts whose path contains the word.

use std::path::{Path, PathBuf};

use crate::backend::on_every_backend;
use crate::script::run_file;
use crate::world::World;

/// Declares one test for each area and backend, and the list that the folder must agree with.
macro_rules! areas {
    ($($area:ident)*) => {
        const AREAS: &[&str] = &[$(stringify!($area)),*];
        $(
            async fn $area(world: World) {
                run_area(stringify!($area), world).await;
            }
        )*
        on_every_backend! { $($area)* }
    };
}

areas! { base blobs uploads manifests images tags referrers deletes errors packages api }

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/http")
}

/// The scripts of an area as paths from the project's folder, in the order of their names.
fn scripts(area: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join(area)).expect("the area has a folder");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("the folder can be read").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "http"));
    paths.sort();
    paths
}

async fn run_area(area: &str, world: World) {
    let mut paths = scripts(area);
    if let Ok(word) = std::env::var("SCRIPT") {
        paths.retain(|path| path.to_string_lossy().contains(&word));
    }
    let count = paths.len();
    let running: Vec<_> =
        paths.into_iter().map(|path| tokio::spawn(async move { run_file(&path, world.address).await })).collect();
    let mut failed = 0;
    for script in running {
        let failures = script.await.expect("the runner does not panic");
        failed += usize::from(!failures.is_empty());
        for failure in failures {
            eprintln!("{failure}\n");
        }
    }
    assert_eq!(failed, 0, "{failed} of {count} scripts of {area} failed");
}

#[test]
fn every_folder_is_an_area_and_no_area_is_empty() {
    let entries = std::fs::read_dir(root()).expect("tests/http is there");
    let folders = entries.map(|entry| entry.expect("it can be read").path()).filter(|path| path.is_dir());
    for folder in folders {
        let name = folder.file_name().expect("a folder has a name").to_string_lossy().into_owned();
        assert!(AREAS.contains(&name.as_str()), "tests/http/{name} is not in the list of areas: nothing runs it");
    }
    for area in AREAS {
        assert!(!scripts(area).is_empty(), "tests/http/{area} has no script");
    }
}

/// The list of what the official suite checks names a script for each requirement, and every script.
#[test]
fn docs_conformance_names_every_script_and_no_other() {
    let docs = std::fs::read_to_string(root().join("../../docs/conformance.md")).expect("docs/conformance.md is there");
    let named = |text: &str| docs.contains(&format!("`{text}`"));
    for area in AREAS {
        for path in scripts(area) {
            let name = format!("{area}/{}", path.file_stem().expect("a script has a name").to_string_lossy());
            assert!(named(&name), "docs/conformance.md does not name {name}");
        }
    }
    for word in docs.split('`').filter(|word| word.split_once('/').is_some_and(|(area, _)| AREAS.contains(&area))) {
        assert!(root().join(format!("{word}.http")).is_file(), "docs/conformance.md names {word}, which is no script");
    }
}
