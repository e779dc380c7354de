//! Accounts from end to end: the program makes users and tokens beside a running server, and clients use them.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::backend::Backend;
use crate::world::World;

/// The program's standard output; it must end with this code.
pub fn pclr(exit: i32, token: Option<&str>, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pclr"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PCLR_")) {
        command.env_remove(name);
    }
    if let Some(token) = token {
        command.env("PCLR_TOKEN", token);
    }
    let output = command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(exit), "{arguments:?}\n{stdout}\n{stderr}");
    if let Some(secret) = token {
        assert!(!stdout.contains(secret) && !stderr.contains(secret), "{arguments:?} prints the token");
    }
    format!("{}{}", stdout.trim_end(), if exit == 0 { String::new() } else { stderr.into_owned() })
}

/// Adds a user with a token in the database of a folder.
pub fn user(data: &Path, name: &str, role: Option<&str>) -> String {
    user_in(&["--data", data.to_str().unwrap()], name, role)
}

/// The same in the database that the flags name.
fn user_in(database: &[&str], name: &str, role: Option<&str>) -> String {
    let beside = |arguments: &[&str]| pclr(0, None, &[arguments, database].concat());
    beside(&["user", "add", name]);
    if let Some(role) = role {
        beside(&["org", "member", "add", "acme", name, "--role", role]);
    }
    beside(&["token", "create", "laptop", "--user", name])
}

const SKILL: &str = "tests/fixtures/hello-skill";

#[test]
fn a_closed_registry_is_opened_by_tokens() {
    is_opened_by_tokens(Backend::Sqlite);
}

#[test]
fn a_closed_registry_is_opened_by_tokens_with_postgresql() {
    is_opened_by_tokens(Backend::Postgres);
}

#[test]
fn a_closed_registry_is_opened_by_tokens_with_mongodb() {
    is_opened_by_tokens(Backend::Mongo);
}

fn is_opened_by_tokens(backend: Backend) {
    let Some(place) = backend.place() else { return };
    let metadata = place.flags();
    let closed = ["--anonymous", "none"].map(str::to_owned).into_iter().chain(metadata.clone()).collect();
    let world = World::start_new(closed, Some(place));
    let (data, url) = (world.data().to_str().unwrap(), format!("http://{}", world.address));
    let database: Vec<&str> = ["--data", data].into_iter().chain(metadata.iter().map(String::as_str)).collect();
    let on = |arguments: &[&str]| -> Vec<String> {
        ["--registry", &url].iter().chain(arguments).map(|text| (*text).to_owned()).collect()
    };
    let run = |exit, token: Option<&str>, arguments: &[&str]| {
        let arguments = on(arguments);
        pclr(exit, token, &arguments.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let push = ["push", SKILL, "acme/hello-skill@1.0.0"];
    let refused = run(1, None, &push);
    assert!(refused.contains("without an account") && refused.contains("token"), "{refused}");
    let ann = user_in(&database, "ann", Some("member"));
    let bob = user_in(&database, "bob", Some("reader"));
    let refused = run(1, Some(&bob), &push);
    assert!(refused.contains("may not do that here"), "{refused}");
    run(0, Some(&ann), &push);
    for token in [&ann, &bob] {
        assert!(run(0, Some(token), &["list"]).contains("acme/hello-skill"));
    }
    run(0, Some(&ann), &["yank", "acme/hello-skill@1.0.0"]);
    run(1, Some(&bob), &["yank", "--undo", "acme/hello-skill@1.0.0"]);
    assert!(run(0, Some(&ann), &["history", "acme/hello-skill"]).contains("user:ann"));

    // She began it, so it is hers, until she gives it away.
    assert_eq!(run(0, Some(&ann), &["owner", "list", "acme/hello-skill"]), "OWNER\nann");
    run(1, Some(&bob), &["owner", "add", "acme/hello-skill", "bob"]);
    assert_eq!(run(0, Some(&ann), &["owner", "add", "acme/hello-skill", "bob"]), "bob owns acme/hello-skill");
    assert!(run(0, Some(&ann), &["list", "--owner", "bob"]).contains("acme/hello-skill"));
    run(0, Some(&bob), &["yank", "--undo", "acme/hello-skill@1.0.0"]);
    run(0, Some(&bob), &["owner", "remove", "acme/hello-skill", "ann"]);
    run(1, Some(&ann), &["yank", "acme/hello-skill@1.0.0"]);
    let refused = run(1, Some(&bob), &["owner", "remove", "acme/hello-skill", "ann"]);
    assert!(refused.contains("ann does not own acme/hello-skill"), "{refused}");
    assert!(run(0, Some(&bob), &["history", "acme/hello-skill"]).contains("ann, bob"));
    assert!(run(0, Some(&ann), &["whoami"]).contains("acme:member"));

    // Organisations: who is in them, and what they say of themselves.
    assert_eq!(run(0, Some(&bob), &["org", "member", "list", "acme"]), "USER  ROLE\nann   member\nbob   reader");
    assert_eq!(
        pclr(0, None, &[&["org", "member", "list", "acme"][..], &database].concat()),
        "USER  ROLE\nann   member\nbob   reader"
    );
    run(1, Some(&ann), &["org", "create", "acme", "--title", "Acme"]);
    let root = pclr(0, None, &[&["token", "create", "first"][..], &database].concat());
    run(0, Some(&root), &["org", "create", "acme", "--title", "Acme", "--homepage", "https://acme.example"]);
    run(1, Some(&root), &["org", "create", "acme", "--title", "Again"]);
    run(1, Some(&root), &["org", "set", "nobody", "--title", "Nobody"]);
    let shown = run(0, Some(&root), &["org", "set", "acme", "--description", "Reads"]);
    for said in ["Acme", "https://acme.example", "Reads"] {
        assert!(shown.contains(said), "{shown}");
    }
    assert!(run(0, Some(&ann), &["org", "show", "acme"]).contains("Reads"));
    assert_eq!(run(0, Some(&ann), &["org", "list"]), "NAME  ARTIFACTS  ABOUT\nacme  1          Reads");
    // Who has an account gives stars.
    assert_eq!(run(0, Some(&ann), &["star", "acme/hello-skill"]), "acme/hello-skill has 1 star");
    assert!(run(0, Some(&ann), &["stars"]).contains("acme/hello-skill"));
    assert!(run(0, Some(&bob), &["list", "--sort", "stars", "--min-stars", "1"]).contains("acme/hello-skill"));
    assert!(run(0, Some(&bob), &["trending", "--days", "1"]).contains("10.0"));
    assert!(run(0, Some(&bob), &["trending", "--kind", "team", "--kind", "skill"]).contains("acme/hello-skill"));
    assert!(!run(0, Some(&bob), &["trending", "--kind", "team", "--kind", "persona"]).contains("acme/"));
    assert!(run(0, Some(&bob), &["stats"]).contains("stars          1"));
    assert!(run(0, Some(&bob), &["stats", "acme/hello-skill@1.0.0", "--since", "2026-01-01"]).contains("stars      1"));
    run(2, Some(&bob), &["stats", "acme/hello-skill@^1"]);
    assert!(run(0, Some(&ann), &["unstar", "acme/hello-skill"]).contains("no star of yours"));
    assert!(run(0, Some(&ann), &["show", "acme/hello-skill"]).contains("stars      0"));
    run(1, None, &["star", "acme/hello-skill"]);

    // Users manage their own tokens through the API, and no others.
    let second = run(0, Some(&ann), &["token", "create", "ci", "--days", "1"]);
    assert!(run(0, Some(&second), &["token", "list"]).contains("ci"));
    run(1, Some(&ann), &["token", "create", "x", "--user", "bob"]);
    run(1, Some(&ann), &["token", "create", "x", "--operator"]);
    run(1, Some(&ann), &["user", "list"]);
    run(0, Some(&ann), &["token", "revoke", "ci"]);
    let refused = run(1, Some(&second), &["list"]);
    assert!(refused.contains("the token is not valid"), "revoked by this process, it is of no use at once: {refused}");

    // The operator does the rest, with a token too.
    let operator = pclr(0, None, &[&["token", "create", "root"][..], &database].concat());
    let users: Value = serde_json::from_str(&run(0, Some(&operator), &["user", "list", "--output", "json"])).unwrap();
    let names: Vec<&str> = users.as_array().unwrap().iter().map(|user| user["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["ann", "bob"]);
    run(0, Some(&operator), &["org", "member", "add", "acme", "bob", "--role", "owner"]);
    run(0, Some(&bob), &["yank", "acme/hello-skill@1.0.0"]);
    run(0, Some(&operator), &["user", "remove", "bob"]);
    run(1, Some(&bob), &["list"]);
    run(1, Some(&operator), &["user", "remove", "bob"]);
}

#[test]
fn a_registry_without_a_database_keeps_no_accounts() {
    let folder = tempfile::tempdir().unwrap();
    let refused = pclr(1, None, &["user", "add", "ann", "--data", folder.path().to_str().unwrap()]);
    assert!(refused.contains("there is no registry in"), "{refused}");
    let refused = pclr(1, None, &["user", "add", "ann", "--metadata", "memory:"]);
    assert!(refused.contains("keeps no accounts"), "{refused}");
}

#[test]
fn a_token_is_printed_by_nothing_but_its_making() {
    // Nobody listens there.
    let token = format!("pclr_{}", "ab".repeat(32));
    let failed = pclr(3, Some(&token), &["--registry", "http://127.0.0.1:1", "list"]);
    assert!(failed.contains("cannot connect"), "{failed}");
    let broken = pclr(2, Some("two\nlines"), &["list"]);
    assert!(broken.contains("token"), "{broken}");
}
