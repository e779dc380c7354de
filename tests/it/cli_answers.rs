//! What the program prints when a registry answers.

use serde_json::json;

use crate::cli::pclr;
use crate::stand_in::{Answer, StandIn};

/// The program against a registry that answers with these.
async fn against(answers: impl IntoIterator<Item = Answer>, arguments: &[&str]) -> (String, Vec<String>) {
    let server = StandIn::start(answers).await;
    let (url, arguments) = (server.url(), arguments.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
    let run = move || pclr(["--registry".to_owned(), url].into_iter().chain(arguments));
    let printed = tokio::task::spawn_blocking(run).await.unwrap();
    (printed.replace(&server.url(), "http://REGISTRY"), server.asked())
}

fn page() -> serde_json::Value {
    json!({
        "hits": [{"name": "acme/hello", "kind": "skill", "version": "1.0.0", "title": "Hello", "description": "Greets\nall",
            "tags": ["greeting"], "score": 2.5, "snippet": "<em>Greets</em>"}],
        "total": 12,
        "facets": {"kinds": [{"value": "skill", "count": 12}], "tags": [], "skills": [], "orgs": []},
        "next": "abc"
    })
}

#[tokio::test]
async fn a_search_as_table_and_as_document() {
    let words = ["search", "greet", "people", "--kind", "skill", "--kind", "team"];
    let arguments = [&words[..], &["--limit", "1", "--facets", "--page", "xyz"]].concat();
    let (printed, asked) = against([Answer::json(200, page())], &arguments).await;
    assert_eq!(asked, ["GET /api/v1/search?q=greet+people&kind=skill%2Cteam&limit=1&cursor=xyz&facets=true"]);
    insta::assert_snapshot!(printed, @"
    exit: 0
    -- stdout
    NAME        KIND   VERSION  ABOUT
    acme/hello  skill  1.0.0    Greets all

    BY    MATCHES
    kind  skill 12
    -- stderr
    note: 12 match; more: repeat with --page abc
    ");

    let (printed, _) = against([Answer::json(200, page())], &["search", "greet", "--output", "json", "-q"]).await;
    let (_, stdout) = printed.split_once("-- stdout\n").unwrap();
    let (stdout, _) = stdout.split_once("\n-- stderr").unwrap();
    assert_eq!(serde_json::from_str::<serde_json::Value>(stdout).unwrap(), page());
}

#[tokio::test]
async fn several_kinds_are_asked_for_at_once() {
    let kinds = ["--kind", "persona", "--kind", "team"];
    for (command, request) in [
        (&["list"][..], "GET /api/v1/artifacts?kind=persona%2Cteam"),
        (&["match", "sql"][..], "GET /api/v1/match?skill=sql&kind=persona&kind=team"),
        (&["trending"][..], "GET /api/v1/trending?window=7d&kind=persona&kind=team"),
    ] {
        let (printed, asked) = against([Answer::json(200, json!({"items": []}))], &[command, &kinds].concat()).await;
        assert!(printed.starts_with("exit: 0"), "{printed}");
        assert_eq!(asked, [request]);
    }
}

#[tokio::test]
async fn what_is_needed_is_shown_by_the_name_that_can_be_typed() {
    let needed = |name: &str, package: Option<&str>, version: Option<&str>| {
        json!({"name": name, "package": package, "type": "import", "version": version,
            "by": "acme/hello", "depth": 1})
    };
    let answer = json!({"name": "acme/hello", "version": "1.0.0", "cycles": [], "is_complete": true, "items": [
        needed("@other/greet", Some("other/greet"), Some("2.0.0")),
        needed("wave", Some("acme/wave"), None),
        needed("SecurityExpert", None, None),
    ]});
    let (printed, _) = against([Answer::json(200, answer)], &["dependencies", "acme/hello"]).await;
    insta::assert_snapshot!(printed, @"
    exit: 0
    -- stdout
    NAME            TYPE    RANGE  BEST   NEEDED BY
    other/greet     import         2.0.0  acme/hello
    acme/wave       import                acme/hello
    SecurityExpert  import                acme/hello
    -- stderr
    ");
}

#[tokio::test]
async fn what_is_deleted_of_an_organisation_is_listed() {
    let page = json!({"items": [{"name": "acme/hello", "visibility": "public"}], "next": "acme/hello"});
    let (printed, asked) = against([Answer::json(200, page)], &["org", "deleted", "acme", "--limit", "1"]).await;
    assert_eq!(asked, ["GET /api/v1/orgs/acme/deleted?limit=1"]);
    insta::assert_snapshot!(printed, @"
    exit: 0
    -- stdout
    NAME        VISIBILITY
    acme/hello  public
    -- stderr
    note: more: repeat with --page acme/hello
    ");
}

#[tokio::test]
async fn nothing_found_is_the_answer_no() {
    let (printed, _) = against([Answer::json(200, json!({"hits": [], "total": 0}))], &["search", "qwertz"]).await;
    insta::assert_snapshot!(printed, @r#"
    exit: 1
    -- stdout

    -- stderr
    error: nothing matches "qwertz"
    hint: fewer words or filters find more
    "#);
}

#[tokio::test]
async fn what_the_registry_advises_is_shown() {
    let problem = json!({"type": "about:blank#not_found", "title": "Not found", "status": 404,
        "detail": "acme/helo has no versions", "hint": "acme/hello is near"});
    let (printed, _) = against([Answer::json(404, problem)], &["versions", "acme/helo"]).await;
    insta::assert_snapshot!(printed, @"
    exit: 1
    -- stdout

    -- stderr
    error: the versions of acme/helo not found: acme/helo has no versions
    hint: acme/hello is near
    ");
}

#[tokio::test]
async fn content_that_fails_verification_has_its_own_exit_code() {
    let headers = vec![("docker-content-digest", format!("sha256:{}", "0".repeat(64)))];
    let (printed, _) = against([Answer::Whole(200, headers, b"{}".to_vec())], &["pull", "acme/hello"]).await;
    insta::assert_snapshot!(printed, @"
    exit: 4
    -- stdout

    -- stderr
    error: acme/hello:latest failed verification: expected sha256:0000000000000000000000000000000000000000000000000000000000000000, the content is sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a
    hint: nothing of it was used; the registry, or something on the way, changed it
    ");
}

#[tokio::test]
async fn an_import_reports_each_failure_and_all_numbers() {
    let item = |source: &str, outcome: &str, error: Option<&str>| {
        json!({"source": source, "kind": "persona", "name": "acme/a", "version": "1.0.0", "outcome": outcome,
            "renamed": false, "diagnostics": 0, "error": error})
    };
    let lines = [
        item("a.pcl", "published", None),
        item("b.pcl", "failed", Some("the disk is full")),
        json!({"done": true, "found": 2, "published": 1, "unchanged": 0, "failed": 1, "renamed": 0, "diagnostics": 3,
            "kinds": [{"value": "persona", "count": 2}], "left_out": 1}),
    ];
    let text = lines.map(|line| format!("{line}\n")).concat();
    let answer = || Answer::Whole(200, Vec::new(), text.clone().into_bytes());
    let (printed, asked) = against([answer()], &["import", "tests/fixtures", "--org", "acme"]).await;
    assert_eq!(asked, ["POST /api/v1/import?org=acme"]);
    insta::assert_snapshot!(printed, @"
    exit: 1
    -- stdout
    KIND     FOUND
    persona  2
    all      2

    OUTCOME                           NUMBER
    published                         1
    unchanged                         0
    failed                            1
    renamed, their name was taken     0
    remarks of the readers            3
    files that belong to no artifact  1
    -- stderr
    warning: b.pcl is not imported: the disk is full
    error: 1 artifact could not be imported
    hint: the rest is published; importing again adds only what is missing
    ");

    let file = "tests/fixtures/personas/reviewer.pcl";
    let (printed, asked) = against([answer()], &["import", file, "--org", "acme", "--output", "json"]).await;
    assert_eq!(asked, ["POST /api/v1/import?org=acme&path=reviewer.pcl"]);
    assert_eq!(printed.lines().filter(|line| line.starts_with('{')).count(), 3);
}

#[tokio::test]
async fn a_yank_sends_its_reason_and_shows_the_new_state() {
    let version = json!({"id": "01900000-0000-7000-8000-000000000000",
        "name": "acme/hello", "version": "1.0.0", "kind": "skill", "digest": format!("sha256:{}", "1".repeat(64)),
        "record": format!("sha256:{}", "2".repeat(64)), "config": null, "yanked": true, "deleted": false,
        "published": "2026-01-31T09:30:00.000000Z", "event": 4, "files": []});
    let answers = [Answer::status(204), Answer::json(200, version)];
    let (printed, asked) = against(answers, &["yank", "acme/hello@1.0.0", "--reason", "wrong greeting"]).await;
    assert_eq!(asked[0], "POST /api/v1/artifacts/acme/hello/versions/1.0.0/yank");
    insta::assert_snapshot!(printed, @"
    exit: 0
    -- stdout
    acme/hello@1.0.0 is yanked: no range chooses it
    -- stderr
    ");
}
