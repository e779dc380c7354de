//! What is said of a version once it is published: yanked, rolled back, deprecated, tagged.

use std::fs;

use super::tour::{Tour, fixture};
use crate::backend::started_on_every_backend;

started_on_every_backend! {
    Tour:
    a_yanked_version_is_not_chosen_but_can_be_pulled
    a_bad_release_is_rolled_back_deprecated_and_told
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
