//! An older registry's database, imported by the program: its versions, once, and the same ones that its other files hold.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::world::start_server;

const SCHEMA: &str = "
    CREATE TABLE artifacts (id TEXT PRIMARY KEY, type TEXT NOT NULL, name TEXT NOT NULL, description TEXT, version TEXT,
        author TEXT, source TEXT NOT NULL, created_at TEXT, updated_at TEXT, published INTEGER, deleted INTEGER);
    CREATE TABLE tags (artifact_id TEXT, tag TEXT);
    CREATE TABLE versions (artifact_id TEXT, version TEXT, source TEXT, created_at TEXT, changelog TEXT, published INTEGER);
    INSERT INTO artifacts VALUES
        ('u-1', 'persona', 'Ann', 'Knows the house', '1.1.0', 'Bo', 'persona Ann { intent: \"new\" }',
            '2026-01-18T00:03:34.292Z', '2026-01-19T00:00:00Z', 1, 0),
        ('u-2', 'team', 'Gone', NULL, '1.0.0', NULL, 'team Gone { members: Ann }', NULL, NULL, 1, 1);
    INSERT INTO tags VALUES ('u-1', 'house');
    INSERT INTO versions VALUES
        ('u-1', '1.1.0', 'persona Ann { intent: \"new\" }', NULL, 'better', 1),
        ('u-1', '1.0.0', 'persona Ann { intent: \"old\" }', '2026-01-18T00:03:34.292Z', 'first', 1);";

/// Runs the program, and gives how it ended, what it printed, and what it said besides.
fn pclr(url: &str, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pclr"));
    let output = command.args(arguments).env("PCLR_REGISTRY", url).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn import(url: &str, path: &Path) -> Value {
    let (code, printed, errors) = pclr(url, &["import", path.to_str().unwrap(), "--org", "acme", "--output", "json"]);
    assert_eq!(code, 0, "{printed}{errors}");
    serde_json::from_str(printed.lines().last().unwrap()).unwrap()
}

#[test]
fn a_database_is_imported_as_the_files_of_the_same_registry_are() {
    let folder = tempfile::tempdir().unwrap();
    let (address, _server) = start_server(&folder.path().join("data"));
    let url = format!("http://{address}");
    let database = folder.path().join("old.db");
    rusqlite::Connection::open(&database).unwrap().execute_batch(SCHEMA).unwrap();
    let first = import(&url, &database);
    assert_eq!(
        (&first["published"], &first["left_out"], &first["failed"]),
        (&json!(2), &json!(1), &json!(0)),
        "{first}"
    );
    let (code, shown, _) = pclr(&url, &["show", "acme/ann@1.1.0", "--output", "json"]);
    assert_eq!(code, 0, "{shown}");
    for words in ["\"description\": \"new\"", "\"house\"", "2026-01-18T00:03:34.292Z", "better", "\"u-1\""] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let (_, versions, _) = pclr(&url, &["versions", "acme/ann"]);
    let numbers: Vec<&str> = versions.lines().skip(1).filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(numbers, ["1.1.0", "1.0.0"], "{versions}");
    let again = import(&url, &database);
    assert_eq!((&again["published"], &again["unchanged"]), (&json!(0), &json!(2)), "{again}");
    // Its JSON file of the same name holds the same artifact.
    let document = json!({ "artifacts": { "u-1": { "id": "u-1", "type": "persona", "source": "persona Ann { intent: \"new\" }",
        "metadata": { "name": "Ann", "version": "1.1.0", "tags": [] } } }, "versions": {} });
    let file = folder.path().join("old.json");
    std::fs::write(&file, document.to_string()).unwrap();
    assert_eq!(import(&url, &file)["unchanged"], 1);
}

#[test]
fn a_database_that_cannot_be_imported_is_said_to_be_none() {
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("places.sqlite");
    rusqlite::Connection::open(&other).unwrap().execute_batch("CREATE TABLE places (url TEXT)").unwrap();
    let (code, _, errors) = pclr("http://127.0.0.1:1", &["import", other.to_str().unwrap(), "--org", "acme"]);
    assert_eq!(code, 1, "{errors}");
    assert!(errors.contains("is no database of an older registry") && errors.contains("hint: "), "{errors}");
}
