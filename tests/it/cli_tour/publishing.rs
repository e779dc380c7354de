//! Publishing, and getting back what was published: pushes, pulls, imports, drafts.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::tour::{Tour, files, fixture};
use crate::backend::{Backend, started_on_every_backend};

started_on_every_backend! {
    Tour:
    what_was_pushed_comes_back_byte_for_byte
    the_same_again_does_nothing_and_other_files_need_another_version
    an_import_publishes_everything_once
    a_version_in_other_words_becomes_the_next_one
}

fn what_was_pushed_comes_back_byte_for_byte(tour: Tour) {
    let skill = fixture("hello-skill");
    let pushed = tour.json(&["push", &skill, "acme/hello-skill"]);
    assert_eq!((&pushed["version"], &pushed["outcome"]), (&"1.0.0".into(), &"published".into()));

    for (wanted, folder) in [
        ("acme/hello-skill".to_owned(), "a"),
        ("acme/hello-skill@1.0.0".to_owned(), "b"),
        ("acme/hello-skill@^1".to_owned(), "c"),
        (format!("acme/hello-skill@{}", pushed["digest"].as_str().unwrap()), "d"),
    ] {
        let pulled = tour.json(&["pull", &wanted, "-o", folder]);
        assert_eq!(pulled["tree"], pushed["tree"], "{wanted}");
        assert_eq!(files(&tour.path(folder)), files(Path::new(&skill)), "{wanted}");
    }
}

fn the_same_again_does_nothing_and_other_files_need_another_version(tour: Tour) {
    let copy = tour.path("hello");
    tour.done(&["push", &fixture("hello-skill"), "acme/hello-skill"]);
    tour.done(&["pull", "acme/hello-skill", "-o", "hello"]);
    let again = tour.json(&["push", "hello", "acme/hello-skill"]);
    assert_eq!((&again["outcome"], &again["sent"]), (&"unchanged".into(), &0.into()));

    fs::write(copy.join("NOTES.md"), "new").unwrap();
    let error = tour.refused(1, &["push", "hello", "acme/hello-skill"]);
    assert!(error.contains(again["digest"].as_str().unwrap()), "{error}");
    assert!(error.contains("hint: ") && error.contains("acme/hello-skill@1.0.1"), "{error}");

    tour.done(&["push", "hello", "acme/hello-skill@1.0.1"]);
    let versions = tour.json(&["versions", "acme/hello-skill"]);
    let numbers: Vec<_> = versions["items"].as_array().unwrap().iter().map(|release| &release["version"]).collect();
    assert_eq!(numbers, ["1.0.1", "1.0.0"]);
}

fn an_import_publishes_everything_once(tour: Tour) {
    for skill in ["hello-skill", "tidy"] {
        let folder = tour.path("skills").join(skill);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("SKILL.md"), format!("---\nname: {skill}\ndescription: Does it\n---\nDo it.\n"))
            .unwrap();
    }
    let arguments = ["import", "skills", "--org", "acme", "--atomic", "--output", "json"];
    let summary = |stdout: String| -> Value { serde_json::from_str(stdout.lines().last().unwrap()).unwrap() };
    let first = summary(tour.done(&arguments));
    assert_eq!((&first["found"], &first["published"], &first["failed"]), (&2.into(), &2.into(), &0.into()));
    let second = summary(tour.done(&arguments));
    assert_eq!((&second["published"], &second["unchanged"]), (&0.into(), &2.into()));
    assert_eq!(tour.json(&["list"])["items"].as_array().unwrap().len(), 2);
}

fn a_version_in_other_words_becomes_the_next_one(tour: Tour) {
    tour.done(&["push", &fixture("hello-skill"), "acme/hello-skill"]);
    let first = tour.json(&["show", "acme/hello-skill@1.0.0"]);
    let id = first["id"].as_str().unwrap();
    assert_eq!(tour.json(&["show", id]), first);
    assert_eq!(tour.done(&["show", id, "--source"]), tour.done(&["show", "acme/hello-skill", "--source"]));
    tour.refused(1, &["show", "01900000-0000-7000-8000-000000000000"]);

    let from = ["draft", "create", "--from", "acme/hello-skill@1.0.0", "--bump", "minor"];
    let set = ["--set", "description=Greets, twice", "--set", "tags=[\"a\",\"b\"]", "--set", "title=42"];
    let draft = tour.json(&[&from[..], &set[..]].concat());
    let config = &draft["config"];
    assert_eq!((&config["version"], &config["title"]), (&"1.1.0".into(), &"42".into()));
    assert_eq!((&config["description"], &config["tags"][1]), (&"Greets, twice".into(), &"b".into()));
    assert_eq!(draft["files"], first["files"]);
    let name = format!("acme/{}", draft["id"].as_str().unwrap());
    tour.done(&["draft", "describe", &name, "--set", "title=null"]);
    tour.refused(2, &["draft", "describe", &name, "--set", "title"]);
    tour.refused(1, &["draft", "describe", &name, "--set", "version=2.0.0"]);
    tour.done(&["pull", "acme/hello-skill", "-o", "hello"]);
    fs::write(tour.path("hello").join("NOTES.md"), "new\n").unwrap();
    let saved = tour.json(&["draft", "save", &name, "hello"]);
    assert_eq!((&saved["revision"], &saved["config"]["version"]), (&3.into(), &"1.1.0".into()));
    tour.done(&["draft", "describe", &name, "--set", "description=Greets"]);
    assert_eq!(tour.json(&["draft", "publish", &name])["version"], "1.1.0");
    let shown = tour.json(&["show", "acme/hello-skill@1.1.0"]);
    assert_eq!((&shown["config"]["description"], &shown["files"][0]["path"]), (&"Greets".into(), &"NOTES.md".into()));
    assert_eq!(tour.json(&["show", "acme/hello-skill@1.0.0"]), first);
}

#[test]
fn the_same_again_gives_back_what_the_registry_lost() {
    for lost in ["layers", "config"] {
        let tour = Tour::on(Backend::Sqlite).expect("it needs no server");
        let pushed = tour.json(&["push", &fixture("hello-skill"), "acme/hello-skill"]);
        let manifest = tour.path(&format!("data/store/{}", public_blob(pushed["digest"].as_str().unwrap())));
        let manifest: Value = serde_json::from_slice(&fs::read(manifest).unwrap()).unwrap();
        let descriptor = manifest[lost].get(0).unwrap_or(&manifest[lost]);
        fs::remove_file(tour.path(&format!("data/store/{}", public_blob(descriptor["digest"].as_str().unwrap()))))
            .unwrap();

        assert_ne!(tour.pclr(&["pull", "acme/hello-skill", "-o", "before"]).code, Some(0), "{lost}");
        let again = tour.json(&["push", &fixture("hello-skill"), "acme/hello-skill"]);
        assert_eq!((&again["outcome"], &again["sent"]), (&"unchanged".into(), &descriptor["size"]), "{lost}");
        tour.done(&["pull", "acme/hello-skill", "-o", "after"]);
        assert_eq!(files(&tour.path("after")), files(Path::new(&fixture("hello-skill"))), "{lost}");
    }
}

/// Where the store keeps a public blob.
fn public_blob(digest: &str) -> String {
    let area = pcl_registry::domain::Area::Public;
    pcl_registry::storage::Key::Blob { area, digest: digest.parse().unwrap() }.path()
}
