//! A copy of a database of PostgreSQL, made beside a running registry by the programs of the server that the tests were given.

use std::path::{Path, PathBuf};

use pcl_registry::meta::Table;
use pcl_registry::registry::rebuild_catalog;

use super::guide;
use crate::inside::{DataFolder, Package};
use crate::moving::registry::{Held, accounts, everything};
use crate::postgres::database::Database;
use crate::rebuild::{close, popular};

/// The variable with the folder of `pg_dump` and its like.
const PROGRAMS: &str = "PCLR_TEST_POSTGRES_PROGRAMS";
/// The database that the guide names.
const ADDRESS: &str = "postgres://pclr@db.internal/pclr";

/// The folder with the programs; `None` if it is not known. With `CI=true` that is a failure.
fn programs() -> Option<PathBuf> {
    let Ok(programs) = std::env::var(PROGRAMS) else {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "{PROGRAMS} is not set, and CI=true says that it must be"
        );
        eprintln!("skipped: {PROGRAMS} is not set; tests/run sets it to the folder of pg_dump");
        return None;
    };
    Some(programs.into())
}

/// Types a command of the guide, with this database in the place of the one that the guide names.
fn type_in(place: &Path, command: &str, database: &Database, programs: &Path) {
    let (url, server) = (database.url(), database.place());
    let (host, port) = server.rsplit_once(':').expect("the server's address has a port");
    let user = url.strip_prefix("postgres://").and_then(|rest| rest.split(['@', ':']).next()).expect("it has a user");
    let words: Vec<&str> = command.split(' ').collect();
    let typed = words.iter().enumerate().map(|(at, word)| match *word {
        ADDRESS => url.as_str(),
        "pclr" if at > 0 && words[at - 1] == "--owner" => user,
        "pclr" => database.name(),
        word => word,
    });
    let typed = typed.collect::<Vec<_>>().join(" ");
    let mut shell = guide::shell(place, &typed, &[programs]);
    guide::run(shell.env("PGHOST", host).env("PGPORT", port).env("PGUSER", user));
}

/// How a dump in plain text goes back.
fn of_plain_text() -> String {
    let text = guide::text();
    let (_, rest) = text.split_once("goes back with `").expect("the guide says how");
    let (command, _) = rest.split_once('`').expect("the command ends");
    command.replace("FILE", "backup/metadata.dump").replace("ADDRESS", ADDRESS)
}

/// Everything that a registry holds goes into a dump and comes back, and the registry goes on from there.
async fn comes_back(format: &str) {
    let (Some(folder), Some(programs)) = (DataFolder::on_postgres(), programs()) else { return };
    let open = folder.open().await;
    everything(&open, &folder).await;
    accounts(&open).await;
    popular(&open).await;
    close(&folder, open).await;
    // The tables of before a rebuild are in the dump, too.
    rebuild_catalog(folder.path(), &folder.metadata(), |_| {}).await.unwrap();
    let open = folder.open().await;
    let held = Held::of(&open).await;
    let Ok([dump, anew, restore]) = <[String; 3]>::try_from(guide::commands("**PostgreSQL.**")) else {
        panic!("the guide shows a dump, an empty database and a restore");
    };
    let (dump, restore) = match format {
        "plain" => (dump.replace("--format custom", "--format plain"), of_plain_text()),
        _ => (dump, restore),
    };

    let (place, database) = (tempfile::tempdir().unwrap(), folder.postgres.as_ref().unwrap());
    let copy = |place: &Path| type_in(place, &dump, database, &programs);
    guide::back_up(&folder, place.path(), copy, async |_| {}).await;
    open.push(&Package::new("acme/late@1.0.0", "after the copy")).await.unwrap();
    close(&folder, open).await;
    // Sessions of a registry that was dropped end a moment later.
    database.end_sessions().await;
    guide::restore_store(place.path(), &folder);
    for command in [anew, restore] {
        type_in(place.path(), &command, database, &programs);
    }
    let open = folder.open().await;
    held.assert_is(&open, &Table::ALL, format).await;
    assert!(open.registry.health().await.unwrap().writable);
    let next = Package::new("acme/next@1.0.0", "goes on");
    open.push(&next).await.unwrap();
    assert!(open.has(&next).await);
    close(&folder, open).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dump_of_postgresql_comes_back() {
    comes_back("custom").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dump_of_postgresql_in_plain_text_comes_back() {
    comes_back("plain").await;
}
