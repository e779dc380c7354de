//! `pclr migrate`, as somebody types it.

use std::path::Path;

use pcl_registry::meta::Table;

use super::registry::{filled, onto};
use crate::cli::pclr;
use crate::inside::{DataFolder, Owner};
use crate::rebuild::close;

fn migrate(folder: &DataFolder, arguments: &[&str]) -> String {
    let data = folder.path().to_str().unwrap();
    pclr(["migrate", "--data", data].iter().chain(arguments)).replace(data, "DATA")
}

fn to(path: &Path) -> String {
    format!("sqlite:{}", path.display())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_is_told_and_repeated_without_harm() {
    let (folder, _) = filled(Owner::Sqlite).await;
    let copy = folder.path().join("copy.sqlite");
    let refused = migrate(&folder, &["--to", "memory:"]);
    insta::assert_snapshot!(refused, @"
    exit: 1
    -- stdout

    -- stderr
    error: 4 users and tokens, their stars, and the counts of downloads would be lost: a registry without a database keeps none
    hint: --without-accounts leaves them behind
    ");
    let moved = migrate(&folder, &["--to", &to(&copy)]);
    let lines: Vec<&str> = moved.lines().collect();
    assert_eq!(lines[..2], ["exit: 0", "-- stdout"], "{moved}");
    let rows = &lines[3..3 + Table::ALL.len()];
    let tables: Vec<&str> = rows.iter().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(tables, Table::ALL.map(Table::as_str), "{moved}");
    assert!(rows.iter().all(|line| line.split_whitespace().last().is_some_and(|hash| hash.len() == 16)));
    assert!(moved.contains("\n\nmoved and compared: ") && moved.contains("serve with the new metadata"), "{moved}");
    let again = migrate(&folder, &["--to", &to(&copy)]);
    assert!(again.contains("the store belongs to these metadata already"), "{again}");
    assert!(migrate(&folder, &["--verify-only", "--to", &to(&copy)]).contains("both hold the same: "));
    let printed = migrate(&folder, &["--verify-only", "--to", &to(&copy), "--output", "json"]);
    let json = printed.split_once("-- stdout\n").unwrap().1.split_once("\n-- stderr").unwrap().0;
    let json: serde_json::Value = serde_json::from_str(json).unwrap();
    assert_eq!(json["tables"].as_array().unwrap().len(), Table::ALL.len());
    let connection = rusqlite::Connection::open(&copy).unwrap();
    connection.execute("DELETE FROM tags WHERE tag = '1.0.0'", []).unwrap();
    drop(connection);
    let printed = migrate(&folder, &["--verify-only", "--to", &to(&copy)]);
    assert!(printed.starts_with("exit: 4\n") && printed.contains("the two differ in tags: "), "{printed}");
    assert!(printed.contains("\nhint: run it again"), "{printed}");
}

/// What names the metadata that a folder has now.
fn address(folder: &DataFolder) -> String {
    match (&folder.postgres, &folder.mongo) {
        (Some(database), _) => database.url(),
        (_, Some(database)) => database.url(),
        _ => to(&folder.database()),
    }
}

/// Moves between two stores that are both named, compares them again, and opens the registry where it is now.
async fn moves(owner: Owner, other: Owner) {
    if Owner::here([owner, other]).len() < 2 {
        return;
    }
    let (mut folder, held) = filled(owner).await;
    let (old, databases) = (address(&folder), (folder.postgres.take(), folder.mongo.take()));
    onto(&mut folder, other);
    let new = address(&folder);
    let flags = ["--from", &old, "--to", &new];
    let moved = migrate(&folder, &flags);
    assert!(moved.starts_with("exit: 0\n") && moved.contains("\n\nmoved and compared: "), "{moved}");
    let compared = migrate(&folder, &[&flags[..], &["--verify-only"]].concat());
    assert!(compared.starts_with("exit: 0\n") && compared.contains("\n\nboth hold the same: "), "{compared}");
    let tables = |printed: &str| printed.split_once("\n\n").unwrap().0.to_owned();
    assert_eq!(tables(&compared), tables(&moved), "what is told of each table");
    let open = folder.open().await;
    held.assert_is(&open, &Table::ALL, &format!("from {owner:?} to {other:?}")).await;
    close(&folder, open).await;
    drop(databases);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_of_sqlite_moves_to_postgresql() {
    moves(Owner::Sqlite, Owner::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgresql_moves_to_mongodb() {
    moves(Owner::Postgres, Owner::Mongo).await;
}

#[test]
fn what_cannot_be_moved_to_is_said() {
    let folder = DataFolder::new(Owner::Sqlite);
    insta::assert_snapshot!(migrate(&folder, &["--to", "memory:"]), @"
    exit: 1
    -- stdout

    -- stderr
    error: there is no registry in DATA; name its data folder with --data
    ");
    insta::assert_snapshot!(migrate(&folder, &["--to", "mysql://ann:secret@host/db"]), @"
    exit: 2
    -- stdout

    -- stderr
    error: mysql://ann@host/db is not a metadata store
    hint: expected sqlite:PATH, memory:, postgres://USER@HOST/DATABASE or mongodb://HOST/DATABASE
    ");
    assert!(migrate(&folder, &["--to", "nonsense"]).starts_with("exit: 2\n"));
    let data = folder.path().to_str().unwrap();
    let collected = pclr(["collect", "--data", data]).replace(data, "DATA");
    assert!(collected.contains("there is no registry in DATA"), "{collected}");
    assert!(!folder.path().join("store").exists(), "a mistyped folder becomes no registry");
    assert!(migrate(&folder, &[]).starts_with("exit: 2\n"));
}

/// Users, tokens, stars and downloads.
async fn what_no_event_tells(folder: &DataFolder) -> [u64; 4] {
    let open = folder.open().await;
    let users = open.meta.accounts.users(None, 100).await.unwrap().len() as u64;
    let tokens = open.meta.accounts.tokens(None).await.unwrap().len() as u64;
    let totals = open.meta.social.totals().await.unwrap();
    crate::rebuild::close(folder, open).await;
    [users, tokens, totals.stars, totals.downloads]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accounts_of_before_come_back_only_if_somebody_says_so() {
    let (folder, _) = filled(Owner::Sqlite).await;
    let before = what_no_event_tells(&folder).await;
    assert!(before.iter().all(|number| *number > 0), "{before:?}");
    let away = migrate(&folder, &["--to", "memory:", "--without-accounts"]);
    assert!(away.contains("moved and compared: "), "{away}");
    let database = to(&folder.database());
    let back = ["--from", "memory:", "--to", database.as_str()];
    let refused = migrate(&folder, &back);
    assert!(refused.starts_with("exit: 1\n") && refused.contains("holds 4 users and tokens from before"), "{refused}");
    let both = migrate(&folder, &[&back[..], &["--keep-accounts", "--without-accounts"]].concat());
    assert!(both.starts_with("exit: 2\n"), "{both}");
    let kept = migrate(&folder, &[&back[..], &["--keep-accounts"]].concat());
    assert!(kept.contains("moved and compared: "), "{kept}");
    assert_eq!(what_no_event_tells(&folder).await, before);

    migrate(&folder, &["--to", "memory:", "--without-accounts"]);
    let removed = migrate(&folder, &[&back[..], &["--without-accounts"]].concat());
    assert!(removed.contains("moved and compared: "), "{removed}");
    assert_eq!(what_no_event_tells(&folder).await[..3], [0, 0, 0], "users, tokens and stars");
}
