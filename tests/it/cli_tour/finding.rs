//! Finding what is published: lists, search, labels, relations, and what is not there.

use std::fs;

use super::tour::{Tour, fixture, persona};
use crate::backend::started_on_every_backend;

started_on_every_backend! {
    Tour:
    what_is_published_is_found_shown_and_listed
    what_is_not_there_is_said_so
    lists_are_filtered_and_counted
    artifacts_are_found_by_what_they_have_to_do_with_each_other
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

    tour.until(&["search", "greeting", "language"], |found| found.stdout.contains("acme/hello-skill"));
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
