//! The tour of the README, from the first push to a second version, through the program alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::backend::{Backend, Place, started_on_every_backend};
use crate::world::{Server, start_server_with};

/// A running registry and a folder to work in. The process ends before the folder and the database go: the order of the fields.
struct Tour {
    url: String,
    _server: Server,
    folder: tempfile::TempDir,
    _place: Place,
}

/// What one command printed and how it ended.
struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Tour {
    fn on(backend: Backend) -> Option<Self> {
        let (place, folder) = (backend.place()?, tempfile::tempdir().unwrap());
        let flags = place.flags();
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        let (address, server) = start_server_with(&folder.path().join("data"), &flags);
        Some(Self { folder, url: format!("http://{address}"), _server: server, _place: place })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn pclr(&self, arguments: &[&str]) -> Ended {
        let output = Command::new(env!("CARGO_BIN_EXE_pclr"))
            .args(arguments)
            .env("PCLR_REGISTRY", &self.url)
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ended { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    fn done(&self, arguments: &[&str]) -> String {
        let ended = self.pclr(arguments);
        assert_eq!(ended.code, Some(0), "{arguments:?}: {}{}", ended.stdout, ended.stderr);
        ended.stdout
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let stdout = self.done(&[arguments, &["--output", "json"]].concat());
        serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {stdout}"))
    }

    fn refused(&self, code: i32, arguments: &[&str]) -> String {
        let ended = self.pclr(arguments);
        assert_eq!(ended.code, Some(code), "{arguments:?}: {}{}", ended.stdout, ended.stderr);
        ended.stderr
    }
}

started_on_every_backend! {
    Tour:
    what_was_pushed_comes_back_byte_for_byte
    the_same_again_does_nothing_and_other_files_need_another_version
    what_is_published_is_found_shown_and_listed
    a_yanked_version_is_not_chosen_but_can_be_pulled
    an_import_publishes_everything_once
    what_is_not_there_is_said_so
    a_bad_release_is_rolled_back_deprecated_and_told
    a_version_in_other_words_becomes_the_next_one
    lists_are_filtered_and_counted
    artifacts_are_found_by_what_they_have_to_do_with_each_other
}

fn fixture(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name).display().to_string()
}

/// Every file below a folder with its content.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let read = pcl_registry::client::read_files(folder, &Default::default()).unwrap();
    read.tree.files().iter().map(|file| (file.path.to_string(), file.content.to_vec())).collect()
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

fn what_is_published_is_found_shown_and_listed(tour: Tour) {
    tour.done(&["push", &fixture("hello-skill"), "acme/hello-skill"]);
    tour.done(&["push", &fixture("personas/reviewer.pcl"), "acme/reviewer"]);

    let listed = tour.json(&["list", "--org", "acme", "--sort", "name"]);
    let names: Vec<_> = listed["items"].as_array().unwrap().iter().map(|package| &package["name"]).collect();
    assert_eq!(names, ["acme/hello-skill", "acme/reviewer"]);
    assert_eq!(tour.json(&["list", "--kind", "persona"])["items"].as_array().unwrap().len(), 1);

    let shown = tour.done(&["show", "acme/reviewer"]);
    assert!(shown.contains("persona") && shown.contains("1.2.0"), "{shown}");
    let detail = tour.json(&["show", "acme/hello-skill@1.0.0"]);
    assert_eq!(detail["files"].as_array().unwrap().len(), 3);
    let source = tour.done(&["show", "acme/reviewer", "--source"]);
    assert_eq!(source, fs::read_to_string(fixture("personas/reviewer.pcl")).unwrap());

    let tags = tour.done(&["tags"]);
    assert!(tags.contains("greeting") && tags.contains("review"), "{tags}");
    assert!(tour.done(&["skills"]).contains("code review"));

    // Findable within a second of its publish: asked until then.
    let start = std::time::Instant::now();
    loop {
        let found = tour.pclr(&["search", "greeting", "language"]);
        if found.stdout.contains("acme/hello-skill") {
            break;
        }
        assert!(start.elapsed().as_secs() < 5, "not found: {}{}", found.stdout, found.stderr);
    }
}

fn a_yanked_version_is_not_chosen_but_can_be_pulled(tour: Tour) {
    let persona = fixture("personas/reviewer.pcl");
    tour.done(&["push", &persona, "acme/reviewer@1.0.0"]);
    tour.done(&["push", &persona, "acme/reviewer@1.1.0"]);
    assert!(tour.done(&["resolve", "acme/reviewer", "^1"]).starts_with("acme/reviewer@1.1.0"));

    tour.done(&["yank", "acme/reviewer@1.1.0", "--reason", "approves everything"]);
    assert!(tour.done(&["resolve", "acme/reviewer", "^1"]).starts_with("acme/reviewer@1.0.0"));
    assert_eq!(tour.json(&["pull", "acme/reviewer@^1", "-o", "range"])["version"], "1.0.0");
    assert_eq!(tour.json(&["pull", "acme/reviewer@1.1.0", "-o", "exact"])["version"], "1.1.0");

    tour.done(&["yank", "acme/reviewer@1.1.0", "--undo"]);
    assert!(tour.done(&["resolve", "acme/reviewer", "^1"]).starts_with("acme/reviewer@1.1.0"));
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

fn what_is_not_there_is_said_so(tour: Tour) {
    for arguments in [
        &["pull", "acme/nothing"][..],
        &["pull", "acme/nothing@^1"],
        &["show", "acme/nothing"],
        &["versions", "acme/nothing"],
        &["resolve", "acme/nothing", "*"],
        &["yank", "acme/nothing@1.0.0"],
        &["search", "qwertzuiop"],
    ] {
        let error = tour.refused(1, arguments);
        assert!(error.starts_with("error: ") && error.contains("\nhint: "), "{arguments:?}: {error}");
    }
    assert!(!tour.path("nothing").exists());
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

fn a_bad_release_is_rolled_back_deprecated_and_told(tour: Tour) {
    tour.done(&["push", &fixture("hello-skill"), "acme/hello-skill"]);
    tour.done(&["pull", "acme/hello-skill", "-o", "hello"]);
    fs::write(tour.path("hello").join("NOTES.md"), "new\n").unwrap();
    let pushed = tour.json(&["push", "hello", "acme/hello-skill", "--bump", "minor"]);
    assert_eq!(pushed["version"], "1.1.0");
    let again = tour.json(&["push", "hello", "acme/hello-skill", "--bump", "minor"]);
    assert_eq!((&again["version"], &again["outcome"]), (&"1.1.0".into(), &"unchanged".into()));
    let error = tour.refused(2, &["push", "hello", "acme/hello-skill@2.0.0", "--bump", "minor"]);
    assert!(error.contains("hint: "), "{error}");

    let diff = tour.done(&["diff", "acme/hello-skill", "1.0.0"]);
    assert!(diff.contains("+ NOTES.md") && diff.contains("+++ b/NOTES.md\n") && diff.contains("+new"), "{diff}");
    let patch = tour.done(&["diff", "acme/hello-skill", "1.0.0", "1.1.0", "--patch"]);
    assert!(patch.starts_with("--- /dev/null\n+++ b/NOTES.md\n"), "{patch}");
    assert!(tour.done(&["diff", "acme/hello-skill", "^1.0", "1.1.0"]).contains("nothing differs"));

    let rolled = tour.done(&["rollback", "acme/hello-skill@1.0.0"]);
    assert_eq!(rolled, "latest of acme/hello-skill is 1.0.0, pinned\n");
    assert_eq!(
        tour.json(&["pull", "acme/hello-skill", "-o", "old"])["tree"],
        tour.json(&["pull", "acme/hello-skill@1.0.0", "-o", "same"])["tree"]
    );
    assert!(tour.done(&["show", "acme/hello-skill"]).contains("pinned"));
    assert_eq!(
        tour.done(&["rollback", "--undo", "acme/hello-skill"]),
        "latest of acme/hello-skill is 1.1.0, the highest\n"
    );
    tour.refused(2, &["rollback", "acme/hello-skill"]);

    tour.done(&["deprecate", "acme/hello-skill@^1", "--reason", "rude", "--replacement", "acme/polite"]);
    let versions = tour.json(&["versions", "acme/hello-skill"]);
    assert!(versions["items"].as_array().unwrap().iter().all(|release| release["deprecated"] == true));
    let shown = tour.done(&["show", "acme/hello-skill@1.0.0"]);
    assert!(shown.contains("deprecated") && shown.contains("rude") && shown.contains("acme/polite"), "{shown}");
    tour.done(&["deprecate", "acme/hello-skill", "--undo"]);
    tour.refused(2, &["deprecate", "acme/hello-skill@^7"]);

    assert_eq!(tour.done(&["tag", "acme/hello-skill@1.0.0", "stable"]), "acme/hello-skill:stable is 1.0.0\n");
    assert_eq!(tour.json(&["pull", "acme/hello-skill:stable", "-o", "stable"])["version"], "1.0.0");
    assert_eq!(tour.json(&["show", "acme/hello-skill:stable"])["version"], "1.0.0");
    tour.refused(1, &["show", "acme/hello-skill:next"]);
    tour.done(&["tag", "acme/hello-skill@1.1.0", "stable"]);
    let tags = tour.json(&["tag", "acme/hello-skill"]);
    let named: Vec<_> =
        tags["items"].as_array().unwrap().iter().map(|row| (row["tag"].as_str(), row["version"].as_str())).collect();
    assert_eq!(named, [(Some("latest"), Some("1.1.0")), (Some("stable"), Some("1.1.0"))]);
    let listed = tour.done(&["tag", "acme/hello-skill"]);
    assert!(listed.starts_with("TAG") && listed.contains("\nstable"), "{listed}");
    tour.done(&["tag", "acme/hello-skill", "stable", "--remove"]);
    tour.refused(2, &["tag", "acme/hello-skill@1.0.0", "latest"]);
    tour.refused(2, &["tag", "acme/hello-skill@1.0.0"]);
    tour.refused(2, &["tag", "acme/hello-skill", "--remove"]);
    tour.refused(1, &["tag", "acme/absent"]);

    let history = tour.json(&["history", "acme/hello-skill"]);
    let told: Vec<_> =
        history["items"].as_array().unwrap().iter().map(|entry| entry["what"].as_str().unwrap()).collect();
    let expected = [
        "tag.delete",
        "manifest",
        "manifest",
        "undeprecate",
        "undeprecate",
        "deprecate",
        "deprecate",
        "unpin",
        "pin",
        "publish",
        "publish",
    ];
    assert_eq!(told, expected);
    assert!(tour.done(&["history", "acme/hello-skill", "--limit", "5"]).contains("undeprecate"));
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

fn lists_are_filtered_and_counted(tour: Tour) {
    tour.done(&["push", &fixture("hello-skill"), "acme/hello-skill"]);
    tour.done(&["push", &fixture("personas/reviewer.pcl"), "acme/reviewer"]);
    assert_eq!(tour.done(&["list", "--count"]), "2\n");
    assert_eq!(tour.json(&["list", "--count", "--kind", "persona"])["total"], 1);
    assert_eq!(tour.json(&["list", "--count", "--kind", "persona", "--kind", "skill"])["total"], 2);
    let (past, future) = ("2020-01-01T00:00:00Z", "2100-01-01T00:00:00Z");
    for (since, before) in [("--created-since", "--created-before"), ("--updated-since", "--updated-before")] {
        assert_eq!(tour.done(&["list", "--count", since, past, before, future]), "2\n");
        assert_eq!(tour.done(&["list", "--count", since, future]), "0\n");
        assert_eq!(tour.done(&["list", "--count", before, past]), "0\n");
    }
    assert_eq!(tour.done(&["list", "--count", "--any-tag", "nothing,neither"]), "0\n");
    assert_eq!(tour.done(&["list", "--count", "--field", "a.b=c, d"]), "0\n");
    tour.done(&["yank", "acme/reviewer@1.2.0"]);
    assert_eq!(tour.json(&["list", "--state", "yanked"])["items"][0]["name"], "acme/reviewer");
    assert_eq!(tour.done(&["list", "--count", "--state", "published,deprecated"]), "1\n");
    tour.done(&["delete", "acme/hello-skill@1.0.0"]);
    assert!(tour.done(&["versions", "acme/hello-skill", "--state", "deleted"]).contains("deleted"));
    let error = tour.refused(2, &["list", "--updated-since", "yesterday"]);
    assert!(error.contains("yesterday"), "{error}");
}

/// A persona file that names skills, tags and what it needs.
fn persona(tour: &Tour, name: &str, front: &str) {
    fs::write(tour.path(&format!("{name}.md")), format!("---\nname: {name}\n{front}\n---\nYou are {name}.\n")).unwrap();
    tour.done(&["push", &format!("{name}.md"), &format!("acme/{name}@1.0.0"), "--kind", "persona"]);
}

fn artifacts_are_found_by_what_they_have_to_do_with_each_other(tour: Tour) {
    persona(&tour, "ann", "skills: [sql, review]\ntags: [data, rare]");
    persona(&tour, "ben", "skills: [sql, deploy]\ntags: [data]\ndependencies: ['acme/ann@^1']");
    persona(&tour, "cem", "skills: [review, deploy, design]\ntags: [rare]");
    let matches = tour.json(&["match", "sql", "review", "deploy", "painting", "--team"]);
    let names: Vec<_> =
        matches["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["acme/ann", "acme/ben", "acme/cem"]);
    assert_eq!(matches["items"][0]["lacks"], serde_json::json!(["deploy", "painting"]));
    assert_eq!(matches["team"]["members"].as_array().unwrap().len(), 2);
    assert_eq!(
        (&matches["team"]["missing"], &matches["team"]["is_smallest"]),
        (&serde_json::json!(["painting"]), &true.into())
    );
    assert!(tour.done(&["match", "sql", "--team"]).contains("acme/ann"));
    assert!(!tour.done(&["match", "sql:expert"]).contains("acme/"), "nobody says that it is an expert");
    for (kinds, is_found) in [(["skill", "team"], false), (["team", "persona"], true)] {
        let found = tour.done(&["match", "sql", "--kind", kinds[0], "--kind", kinds[1]]);
        assert_eq!(found.contains("acme/ann"), is_found, "{kinds:?}");
    }

    let related = tour.json(&["related", "acme/ann"]);
    let told: Vec<_> =
        related["items"].as_array().unwrap().iter().map(|item| (&item["name"], &item["shared"])).collect();
    assert_eq!(told.len(), 2);
    assert_eq!(told[0], (&"acme/ben".into(), &serde_json::json!(["data", "sql"])));
    assert_eq!(told[1], (&"acme/cem".into(), &serde_json::json!(["rare", "review"])));
    tour.refused(1, &["related", "acme/nobody"]);
    let dependents = tour.json(&["dependents", "acme/ann"]);
    assert_eq!(
        dependents["items"],
        serde_json::json!([{ "name": "acme/ben", "version": "1.0.0", "type": "requires", "range": "^1" }])
    );
}
