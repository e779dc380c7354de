//! Beyond the tour: deleting for good, collections, completions, changelogs, what needs what, who has several tags.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::tour::{Tour, files, fixture, persona};
use crate::backend::started_on_every_backend;

started_on_every_backend! {
    Tour:
    what_is_deleted_comes_back_until_it_is_purged
    an_artifact_that_is_wholly_deleted_is_told_by_its_organisation
    a_collection_keeps_its_order_and_what_is_not_said
    collections_are_listed_and_removed
    what_is_begun_is_completed
    a_changelog_is_shown_with_the_version_that_it_came_with
    what_is_needed_is_followed_step_by_step
    who_matches_has_every_tag
}

/// One member of each row.
fn each<'a>(answer: &'a Value, member: &str) -> Vec<&'a str> {
    let items = answer["items"].as_array().unwrap_or_else(|| panic!("{answer}"));
    items.iter().map(|item| item[member].as_str().unwrap()).collect()
}

fn what_is_deleted_comes_back_until_it_is_purged(tour: Tour) {
    let (skill, doomed) = (fixture("hello-skill"), "acme/hello-skill@1.1.0");
    let versions = ["versions", "acme/hello-skill"];
    let deleted = ["versions", "acme/hello-skill", "--state", "deleted"];
    tour.done(&["push", &skill, "acme/hello-skill"]);
    let pushed = tour.json(&["push", &skill, doomed]);
    let error = tour.refused(1, &["purge", doomed]);
    assert!(error.contains("only what is deleted can be purged"), "{error}");
    assert!(error.contains("\nhint: delete 1.1.0 first"), "{error}");

    assert!(tour.done(&["delete", doomed]).contains("`pclr restore acme/hello-skill@1.1.0` brings it back"));
    assert_eq!(each(&tour.json(&versions), "version"), ["1.0.0"]);
    assert_eq!(each(&tour.json(&deleted), "version"), ["1.1.0"]);
    tour.refused(1, &["pull", doomed, "-o", "gone"]);
    tour.refused(1, &["show", doomed]);
    let error = tour.refused(1, &["push", &skill, doomed]);
    assert!(error.contains("restore it or push a new version"), "{error}");

    assert_eq!(tour.done(&["restore", doomed]), "acme/hello-skill@1.1.0 is back\n");
    assert_eq!(each(&tour.json(&versions), "version"), ["1.1.0", "1.0.0"]);
    assert_eq!(each(&tour.json(&deleted), "version"), [""; 0]);
    assert_eq!(tour.json(&["pull", doomed, "-o", "back"])["digest"], pushed["digest"]);
    assert_eq!(files(&tour.path("back")), files(Path::new(&skill)));

    tour.done(&["delete", doomed]);
    for _ in 0..2 {
        let purged = tour.done(&["purge", doomed]);
        assert!(purged.contains("is purged") && purged.contains("its number stays burnt"), "{purged}");
    }
    for refused in [&["restore", doomed][..], &["push", &skill, doomed]] {
        let error = tour.refused(1, refused);
        assert!(error.contains("version 1.1.0 was purged"), "{refused:?}: {error}");
    }
    let by_digest = format!("acme/hello-skill@{}", pushed["digest"].as_str().unwrap());
    tour.refused(1, &["pull", &by_digest, "-o", "gone"]);
    assert!(!tour.path("gone").exists());
    assert_eq!(each(&tour.json(&deleted), "version"), ["1.1.0"], "what is purged stays among what is deleted");
    let history = tour.json(&["history", "acme/hello-skill"]);
    assert_eq!(each(&history, "what"), ["purge", "tag.delete", "restore", "tag.delete", "publish", "publish"]);

    // It has the same files, which the purge left alone.
    assert_eq!(tour.json(&["pull", "acme/hello-skill", "-o", "kept"])["version"], "1.0.0");
    assert_eq!(files(&tour.path("kept")), files(Path::new(&skill)));
}

fn an_artifact_that_is_wholly_deleted_is_told_by_its_organisation(tour: Tour) {
    let (source, deleted) = (fixture("personas/reviewer.pcl"), ["org", "deleted", "acme"]);
    tour.done(&["push", &fixture("hello-skill"), "acme/hello-skill"]);
    for version in ["acme/reviewer@1.0.0", "acme/reviewer@1.1.0"] {
        tour.done(&["push", &source, version]);
    }
    tour.done(&["delete", "acme/reviewer@1.0.0"]);
    assert_eq!(each(&tour.json(&deleted), "name"), [""; 0], "another version can be read");
    tour.done(&["delete", "acme/reviewer@1.1.0"]);
    assert_eq!(tour.json(&deleted)["items"], json!([{ "name": "acme/reviewer", "visibility": "public" }]));
    tour.refused(1, &["versions", "acme/reviewer"]);
    assert_eq!(tour.done(&["list", "--count"]), "1\n");
    let versions = tour.json(&["versions", "acme/reviewer", "--state", "deleted"]);
    assert_eq!(each(&versions, "version"), ["1.1.0", "1.0.0"]);

    tour.done(&["restore", "acme/reviewer@1.0.0"]);
    assert_eq!(each(&tour.json(&deleted), "name"), [""; 0]);
    assert_eq!(each(&tour.json(&["versions", "acme/reviewer"]), "version"), ["1.0.0"]);
}

const PUT: &[&str] = &["collection", "put", "acme/steps"];
const SHOW: &[&str] = &["collection", "show", "acme/steps"];

fn a_collection_keeps_its_order_and_what_is_not_said(tour: Tour) {
    tour.refused(1, SHOW);
    let items = ["acme/reviewer@^1", "acme/zebra", "acme/hello-skill@1.0.0"];
    let made = tour.done(&[PUT, &items, &["--title", "First steps"]].concat());
    assert_eq!(made, "acme/steps is a collection of 3\n");
    let items = json!([
        { "name": "acme/reviewer", "range": "^1" },
        { "name": "acme/zebra" },
        { "name": "acme/hello-skill", "range": "1.0.0" },
    ]);
    let shown = tour.json(SHOW);
    assert_eq!((&shown["items"], &shown["visibility"]), (&items, &"public".into()));

    tour.done(&[PUT, &["--description", "Read them in order", "--visibility", "unlisted"]].concat());
    let shown = tour.json(SHOW);
    assert_eq!((&shown["title"], &shown["items"]), (&"First steps".into(), &items));
    assert_eq!((&shown["description"], &shown["visibility"]), (&"Read them in order".into(), &"unlisted".into()));
    for (code, wrong, why) in [
        (1, &["acme/reviewer", "acme/reviewer"][..], "acme/reviewer is in it twice"),
        (1, &["--visibility", "private"], "public or unlisted"),
        (2, &["acme/reviewer:stable"], "names no range of versions"),
        (2, &["--file", "absent.json"], "absent.json cannot be read"),
    ] {
        let error = tour.refused(code, &[PUT, wrong].concat());
        assert!(error.contains(why), "{wrong:?}: {error}");
    }
    assert_eq!(tour.json(SHOW), shown, "what is refused changes nothing");

    // What is shown makes another one.
    fs::write(tour.path("steps.json"), shown.to_string()).unwrap();
    tour.done(&["collection", "put", "acme/twin", "--file", "steps.json"]);
    let twin = tour.json(&["collection", "show", "acme/twin"]);
    for member in ["title", "description", "visibility", "items"] {
        assert_eq!(twin[member], shown[member], "{member}");
    }
    tour.done(&[PUT, &["acme/hello-skill", "acme/reviewer"]].concat());
    let shown = tour.json(SHOW);
    assert_eq!(each(&shown, "name"), ["acme/hello-skill", "acme/reviewer"]);
    assert_eq!(shown["title"], "First steps");
}

fn collections_are_listed_and_removed(tour: Tour) {
    tour.done(&["push", &fixture("hello-skill"), "acme/hello-skill"]);
    tour.done(&[PUT, &["acme/hello-skill", "acme/zebra", "--title", "First steps"]].concat());
    tour.done(&["collection", "put", "acme/hidden", "acme/hello-skill", "--visibility", "unlisted"]);
    tour.done(&["collection", "put", "other/steps", "acme/zebra"]);
    let names = |arguments: &[&str]| {
        let listed = tour.json(&[&["collection", "list"][..], arguments].concat());
        each(&listed, "name").join(" ")
    };
    assert_eq!(names(&[]), "acme/steps other/steps");
    assert_eq!(names(&["--org", "acme"]), "acme/steps");
    assert_eq!(names(&["--org", "acme", "--unlisted"]), "acme/hidden acme/steps");
    assert_eq!(names(&["--with", "acme/hello-skill"]), "acme/steps");
    assert_eq!(names(&["--with", "acme/zebra"]), "", "of what is no artifact nothing is told");
    tour.refused(2, &["collection", "list", "--unlisted"]);
    let page = tour.pclr(&["collection", "list", "--limit", "1"]);
    assert!(page.stdout.contains("First steps") && !page.stdout.contains("other/steps"), "{}", page.stdout);
    assert!(page.stderr.contains("more: repeat with --page acme/steps"), "{}", page.stderr);
    assert_eq!(names(&["--page", "acme/steps"]), "other/steps");

    let delete = ["collection", "delete", "acme/steps"];
    assert_eq!(tour.done(&delete), "the collection acme/steps is gone\n");
    tour.refused(1, &delete);
    tour.refused(1, SHOW);
    assert_eq!(names(&[]), "other/steps");
    assert_eq!(tour.done(&["list", "--count"]), "1\n", "what was in it stays");
}

fn what_is_begun_is_completed(tour: Tour) {
    tour.done(&["push", &fixture("hello-skill"), "acme/hello-skill"]);
    tour.done(&["push", &fixture("personas/reviewer.pcl"), "acme/reviewer"]);
    // Both have this tag.
    tour.until(&["complete", "example", "--output", "json"], |found| found.stdout.contains("\"count\": 2"));
    let values = |arguments: &[&str]| tour.done(&[&["complete", "--values"][..], arguments].concat());
    assert_eq!(values(&["rev"]), "acme/reviewer\nreview\ncode review\n");
    assert_eq!(values(&["acme/H", "--of", "name"]), "acme/hello-skill\n");
    assert_eq!(values(&["REV", "--of", "tag"]), "review\n");
    assert_eq!(values(&["rev", "--of", "skill"]), "code review\n");
    assert_eq!(values(&["--of", "tag", "--limit", "1"]), "example\n", "the most used");
    assert_eq!(values(&["qwertzuiop"]), "");
    let found = tour.json(&["complete", "writ"]);
    let tag = json!({ "value": "writing", "of": "tag", "count": 1 });
    assert_eq!(found["items"], json!([tag, { "value": "plain writing", "of": "skill", "count": 1 }]));
    tour.refused(2, &["complete", "rev", "--of", "label"]);

    tour.done(&["delete", "acme/reviewer@1.2.0"]);
    tour.until(&["complete", "rev", "--values"], |found| found.code == Some(0) && found.stdout.is_empty());
}

fn a_changelog_is_shown_with_the_version_that_it_came_with(tour: Tour) {
    tour.done(&["push", &fixture("hello-skill"), "acme/hello-skill"]);
    let begin = |from: &str, title: &str| {
        let draft = tour.json(&["draft", "create", "--from", from, "--bump", "minor", "--set", title]);
        format!("acme/{}", draft["id"].as_str().unwrap())
    };
    let draft = begin("acme/hello-skill@1.0.0", "title=Greeter");
    assert!(tour.done(&["draft", "list", "acme"]).contains(&draft));
    let published = tour.json(&["draft", "publish", &draft, "--changelog", "It greets twice"]);
    assert_eq!(published["version"], "1.1.0");
    assert!(!tour.done(&["draft", "list", "acme"]).contains(&draft));
    let next = begin("acme/hello-skill@1.1.0", "title=Polite greeter");
    assert_eq!(tour.json(&["draft", "publish", &next])["version"], "1.2.0");

    for (version, changelog) in [("1.0.0", Value::Null), ("1.1.0", "It greets twice".into()), ("1.2.0", Value::Null)] {
        let shown = tour.json(&["show", &format!("acme/hello-skill@{version}")]);
        assert_eq!(shown["config"]["changelog"], changelog, "{version}");
    }
    let diff = tour.done(&["diff", "acme/hello-skill", "1.0.0", "1.1.0"]);
    assert!(diff.contains("~ changelog: nothing → It greets twice"), "{diff}");
}

fn what_is_needed_is_followed_step_by_step(tour: Tour) {
    persona(&tour, "ann", "tags: [data]");
    persona(&tour, "ben", "dependencies: ['acme/ann@^1']");
    persona(&tour, "cem", "dependencies: ['acme/ben@^1', 'acme/nobody']");
    let steps = |arguments: &[&str]| {
        let found = tour.json(&[&["dependencies", "acme/cem"][..], arguments].concat());
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let row = |item: &Value| ["depth", "by", "type", "name", "range", "version"].map(|member| text(&item[member]));
        let rows = found["items"].as_array().unwrap().iter().map(|item| row(item).join(" "));
        rows.collect::<Vec<_>>()
    };
    let near = ["1 acme/cem requires acme/ben ^1 1.0.0", "1 acme/cem requires acme/nobody null null"];
    assert_eq!(steps(&[]), near);
    assert_eq!(steps(&["1.0.0", "--type", "requires"]), near);
    assert_eq!(steps(&["--type", "import"]), [""; 0]);
    assert_eq!(steps(&["--depth", "2"])[..2], near);
    assert_eq!(steps(&["--depth", "2"])[2..], ["2 acme/ben requires acme/ann ^1 1.0.0"]);
    tour.refused(1, &["dependencies", "acme/cem", "9.0.0"]);
    tour.refused(1, &["dependencies", "acme/nobody"]);
    tour.refused(2, &["dependencies", "acme/cem", "--depth", "0"]);

    fs::write(tour.path("ann.md"), "---\nname: ann\ndependencies: ['acme/cem']\n---\nYou are ann.\n").unwrap();
    tour.done(&["push", "ann.md", "acme/ann@1.1.0", "--kind", "persona"]);
    assert_eq!(
        steps(&["--depth", "3"])[2..],
        ["2 acme/ben requires acme/ann ^1 1.1.0", "3 acme/ann requires acme/cem null 1.0.0"]
    );
    let told = tour.pclr(&["dependencies", "acme/cem", "--depth", "3"]);
    let circle = "they need each other: acme/cem > acme/ben > acme/ann > acme/cem";
    assert!(told.stdout.contains("NEEDED BY") && told.stderr.contains(circle), "{}{}", told.stdout, told.stderr);
}

fn who_matches_has_every_tag(tour: Tour) {
    persona(&tour, "ann", "skills: [sql]\ntags: [data, rare]");
    persona(&tour, "ben", "skills: [sql]\ntags: [data]");
    for (tags, expected) in [
        (&["--tag", "data"][..], &["acme/ann", "acme/ben"][..]),
        (&["--tag", "data", "--tag", "rare"], &["acme/ann"]),
        (&["--tag", "data,rare"], &[]),
    ] {
        let found = tour.json(&[&["match", "sql"][..], tags].concat());
        assert_eq!(each(&found, "name"), expected, "{tags:?}");
    }
}
