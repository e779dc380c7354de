//! `pclr` needs no server of ours: files behind Python's server, of a copy that lost every name with a colon, do.

use std::path::Path;

use pcl_registry::domain::Reference;
use serde_json::Value;

use super::copy::{Copy, kept, kept_bench, push_images};
use super::server::{FileServer, Program};
use crate::project::Bench;

const TEAM: &str = "
    acme/base 1.0.0
    acme/base 1.1.0
    acme/base 2.0.0-rc.1
    acme/mid 1.0.0: acme/base ^1
    acme/top 1.0.0: acme/base >=1 <2, acme/mid ^1
";

/// A registry, with a copy of its files on a medium without colons, behind `python3 -m http.server`.
async fn bench() -> Option<(Bench, Copy, FileServer)> {
    let bench = kept_bench();
    bench.publish(TEAM);
    bench.done(&["yank", "acme/base@1.0.0", "--reason", "too old"]);
    bench.done(&["tag", "acme/base@1.1.0", "stable"]);
    let (copy, lost) = Copy::of(&bench.beside("data"), bench.address()).await.through_fat();
    assert!(
        lost.iter().all(|path| path.starts_with("v2/")),
        "only v2/ has names that not every medium keeps: {lost:?}"
    );
    assert!(lost.len() > 4, "{lost:?}");
    let server = FileServer::start(Program::Python, copy.path())?;
    Some((bench, copy, server))
}

#[tokio::test]
async fn a_project_is_installed_from_files_as_from_the_registry() {
    let Some((mut bench, _copy, server)) = bench().await else { return };
    bench.done(&["add", "acme/top"]);
    let (lock, files) = (bench.read("pclr.lock"), bench.files());
    let of_registry: Vec<String> = files.iter().map(|file| bench.read(file)).collect();
    std::fs::remove_dir_all(bench.path("pcl_modules")).unwrap();
    for name in ["pclr.toml", "pclr.lock"] {
        std::fs::remove_file(bench.path(name)).unwrap();
    }
    std::fs::remove_dir_all(bench.beside("cache")).unwrap();
    bench.stop_registry();

    let url = server.url();
    let from_files = |arguments: &[&str]| bench.done(&[arguments, &["--registry", &url]].concat());
    insta::assert_snapshot!(from_files(&["add", "acme/top"]), @"
    + acme/base 1.1.0
    + acme/mid 1.0.0
    + acme/top 1.0.0
    3 packages in pcl_modules (3 written)
    ");
    assert_eq!((bench.read("pclr.lock"), bench.files()), (lock, files.clone()));
    assert_eq!(files.iter().map(|file| bench.read(file)).collect::<Vec<_>>(), of_registry);
    assert!(from_files(&["why", "acme/base"]).contains("acme/mid"));
    assert!(from_files(&["tree"]).contains("acme/base 1.1.0"));
    assert!(from_files(&["update"]).contains("3 packages"));
    // What was fetched is enough afterwards.
    drop(server);
    std::fs::remove_dir_all(bench.path("pcl_modules")).unwrap();
    bench.done(&["install", "--offline", "--registry", &url]);
    assert_eq!(bench.files(), files);
}

#[tokio::test]
async fn what_is_asked_of_a_package_is_answered_as_by_the_registry() {
    let Some((bench, _copy, server)) = bench().await else { return };
    let url = server.url();
    let both = |arguments: &[&str]| -> (Value, Value) {
        (bench.json(arguments), bench.json(&[arguments, &["--registry", &url]].concat()))
    };
    for arguments in [
        &["versions", "acme/base"][..],
        &["versions", "acme/base", "--state", "yanked"],
        &["show", "acme/base"],
        &["show", "acme/base@1.0.0"],
        &["show", "acme/base@^1"],
        &["show", "acme/base:stable"],
        &["resolve", "acme/base", "*"],
        &["tag", "acme/base"],
        &["tags"],
        &["skills"],
    ] {
        let (mut registry, files) = both(arguments);
        // Nobody counts a copy's downloads, and it does not tell those of the registry.
        if let Some(downloads) = registry.get_mut("downloads") {
            *downloads = Value::from(0);
        }
        assert_eq!(files, registry, "{arguments:?}");
    }
    let source = |arguments: &[&str]| bench.done(&[&["show", "acme/top", "--source"], arguments].concat());
    assert_eq!(source(&["--registry", &url]), source(&[]));
    assert!(bench.refused(1, &["resolve", "acme/base", "^9", "--registry", &url]).contains("acme/base"));
    let absent = bench.refused(1, &["versions", "acme/nothing", "--registry", &url]);
    assert!(absent.contains("this copy has no package of that name"), "{absent}");
}

#[tokio::test]
async fn what_needs_a_server_says_so() {
    let Some((bench, _copy, server)) = bench().await else { return };
    let url = server.url();
    bench.write("new/SKILL.md", "---\nname: new\ndescription: New\n---\nNew.\n");
    let skill = bench.path("new");
    for arguments in [
        &["list"][..],
        &["history", "acme/base"],
        &["dependents", "acme/base"],
        &["yank", "acme/base@1.1.0"],
        &["versions", "acme/base", "--state", "deleted"],
        &["push", skill.to_str().unwrap(), "acme/new@1.0.0"],
        &["whoami"],
    ] {
        let said = bench.refused(1, &[arguments, &["--registry", &url]].concat());
        assert!(said.contains("is a copy of a registry's files, without a server"), "{arguments:?}: {said}");
        assert!(said.contains("\nhint: ") && said.contains("--registry URL"), "{arguments:?}: {said}");
    }
}

#[tokio::test]
async fn artifacts_are_pulled_by_version_range_tag_and_digest() {
    let Some((bench, _copy, server)) = bench().await else { return };
    let url = server.url();
    let digest = bench.json(&["show", "acme/base@1.1.0"])["digest"].as_str().unwrap().to_owned();
    let wanted = ["acme/base", "acme/base@1.0.0", "acme/base@^1", "acme/base:stable", &format!("acme/base@{digest}")];
    for (number, wanted) in wanted.into_iter().enumerate() {
        let (one, other) = (format!("registry-{number}"), format!("files-{number}"));
        bench.done(&["pull", wanted, "-o", &one]);
        bench.done(&["pull", wanted, "-o", &other, "--registry", &url]);
        let read = |folder: &str| bench.read(&format!("{folder}/SKILL.md"));
        assert_eq!(read(&other), read(&one), "{wanted}");
    }
    let unknown = bench.refused(1, &["pull", "acme/base@3.0.0", "--registry", &url]);
    assert!(unknown.contains("in this copy acme/base has no tag 3.0.0"), "{unknown}");
}

/// Manifests of plain repositories are found by their own documents.
#[tokio::test]
async fn a_repository_that_is_no_package_is_read_by_its_document() {
    let world = kept();
    let pushed = push_images(&world).await;
    let (copy, _) = Copy::of(world.data(), world.address).await.through_fat();
    let Some(server) = FileServer::start(Program::Python, copy.path()) else { return };
    let client = pcl_registry::client::Client::new(&server.url()).unwrap();
    for (repository, tag, media_type, digest) in pushed {
        let name = repository.parse().unwrap();
        for reference in [Reference::Tag(tag.parse().unwrap()), Reference::Digest(digest)] {
            let manifest = client.manifest(&name, &reference).await.unwrap();
            assert_eq!(
                (manifest.digest, manifest.media_type.as_str()),
                (digest, media_type),
                "{repository} {reference}"
            );
        }
    }
}

/// An address that is a folder of files, but not those of a registry, is told apart.
#[tokio::test]
async fn a_folder_of_other_files_is_no_registry() {
    let folder = tempfile::tempdir().unwrap();
    let Some(server) = FileServer::start(Program::Python, folder.path()) else { return };
    let said = |text: Option<&str>| {
        if let Some(text) = text {
            std::fs::write(folder.path().join("registry.json"), text).unwrap();
        }
        refused(folder.path(), &server.url())
    };
    for (text, expected) in [
        (None, "it has no catalogue"),
        (Some("{}"), "it has no catalogue"),
        (Some("[1]"), "it has no catalogue"),
        (Some(r#"{"format":99,"as_of":1,"packages":0}"#), "it has format 99, and this release of pclr reads 1"),
    ] {
        let said = said(text);
        assert!(said.contains(expected), "{text:?}: {said}");
    }
}

fn refused(folder: &Path, url: &str) -> String {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_pclr"));
    let output = command.args(["versions", "acme/base", "--registry", url]).current_dir(folder).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    String::from_utf8(output.stderr).unwrap()
}
