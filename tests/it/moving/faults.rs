//! A move that fails at any of its writes leaves the owner what it was, and goes on when it is asked for again.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pcl_registry::meta::{Meta, Mongo, Postgres, Sqlite, Table};
use pcl_registry::registry::{CarryAccounts, Committing, MoveError, Moved, Moving, Side, migrate_catalog};
use pcl_registry::storage::{Failure, Fault, Meter, Owner as Owned};

use super::failing::{When, Writes};
use super::registry::{Held, filled, migration, onto};
use crate::inside::{DataFolder, Owner, give_to};
use crate::mongo;
use crate::postgres::database::Database;

/// Events in one transaction: few, so that there are many.
const BATCH: usize = 7;

fn sqlite(path: &Path) -> Meta {
    Arc::new(Sqlite::open(path).unwrap()).meta()
}

fn side(meta: Meta) -> Side {
    Side { meta, committing: Committing::Database }
}

/// One try to move from the folder's SQLite file.
async fn attempt(folder: &DataFolder, meter: &Meter, to: Meta) -> Result<Moved, MoveError> {
    let storage = folder.open_storage(meter).await;
    let (from, to) = (side(sqlite(&folder.database())), side(to));
    Moving { storage, from, to, batch: BATCH, accounts: CarryAccounts::Always }.run(|_, _| {}).await
}

async fn owner(folder: &DataFolder) -> Owned {
    folder.open_storage(&Meter::default()).await.owner().await.unwrap().unwrap()
}

/// Opens the folder with a store at another place than its own.
async fn assert_holds(folder: &DataFolder, held: &Held, meta: Meta, what: &str) {
    let wrap = |_| meta;
    let open = folder.open_with(pcl_registry::registry::Limits::default(), wrap).await;
    held.assert_is(&open, &Table::ALL, what).await;
    crate::rebuild::close(folder, open).await;
}

/// Fails the first write of a move, then the second of a new one, and so on, each in a store of its own.
async fn fails_at_every_write(make: impl AsyncFn(u64) -> Meta, when: When, step_by: usize) {
    let (folder, held) = filled(Owner::Sqlite).await;
    let old = owner(&folder).await;
    let count = Writes::failing(0, when);
    let moved = attempt(&folder, &Meter::default(), count.before(make(0).await)).await.unwrap();
    assert!(moved.applied > 25, "{moved:?}");
    let writes = count.made();
    assert!(writes >= 4 + 8 + 2, "batches of events, accounts, blobs and links: {writes}");
    for write in (1..=writes).step_by(step_by) {
        let what = format!("write {write} of {writes}, {when:?}");
        give_to(&folder.open_storage(&Meter::default()).await, &old).await;
        let to = make(write).await;
        let failing = Writes::failing(write, when).before(to.clone());
        assert!(attempt(&folder, &Meter::default(), failing).await.is_err(), "{what}");
        assert_eq!(owner(&folder).await, old, "{what}: what is half filled owns nothing");
        let again =
            attempt(&folder, &Meter::default(), to.clone()).await.unwrap_or_else(|error| panic!("{what}: {error}"));
        let before = (write - u64::from(when == When::Before)) * BATCH as u64;
        assert_eq!(again.known, before.min(again.head), "{what}: it goes on where it was");
        assert_eq!(again.known + again.applied, again.head, "{what}");
        assert_holds(&folder, &held, to, &what).await;
    }
}

fn next_to(folder: &tempfile::TempDir, write: u64) -> PathBuf {
    folder.path().join(format!("{write}.sqlite"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_fails_before_it_happened() {
    let folder = tempfile::tempdir().unwrap();
    fails_at_every_write(async |write| sqlite(&next_to(&folder, write)), When::Before, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_fails_after_it_happened() {
    let folder = tempfile::tempdir().unwrap();
    fails_at_every_write(async |write| sqlite(&next_to(&folder, write)), When::After, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_on_postgres() {
    if Owner::here([Owner::Postgres]).is_empty() {
        return;
    }
    let databases = std::sync::Mutex::new(Vec::new());
    let make = async |_| {
        let database = Database::new().unwrap();
        let meta = Arc::new(Postgres::open(&database.address()).await.unwrap()).meta();
        databases.lock().unwrap().push(database);
        meta
    };
    fails_at_every_write(make, When::After, 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_on_mongodb() {
    if Owner::here([Owner::Mongo]).is_empty() {
        return;
    }
    let databases = std::sync::Mutex::new(Vec::new());
    let make = async |_| {
        let database = mongo::Database::new().unwrap();
        let meta = Arc::new(Mongo::open(&database.url()).await.unwrap()).meta();
        databases.lock().unwrap().push(database);
        meta
    };
    fails_at_every_write(make, When::After, 3).await;
}

/// The object store fails at each of its writes, the last of which changes the owner.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_owner_changes_in_one_write() {
    use pcl_registry::storage::When;
    let (folder, held) = filled(Owner::Sqlite).await;
    let files = tempfile::tempdir().unwrap();
    let old = owner(&folder).await;
    let moving = async |path: &Path, meter: &Meter, fault: Option<Fault>| {
        let storage = folder.open_storage(meter).await;
        meter.arm(fault);
        let (from, to) = (side(sqlite(&folder.database())), side(sqlite(path)));
        Moving { storage, from, to, batch: BATCH, accounts: CarryAccounts::Always }.run(|_, _| {}).await
    };
    let meter = Meter::default();
    moving(&next_to(&files, 0), &meter, None).await.unwrap();
    let steps = meter.steps();
    assert_ne!(owner(&folder).await, old);
    give_to(&folder.open_storage(&Meter::default()).await, &old).await;
    let (mut owned_by_old, mut owned_by_new) = (0, 0);
    for (step, when) in
        (steps.saturating_sub(7).max(1)..=steps).flat_map(|step| [(step, When::Before), (step, When::After)])
    {
        let what = format!("step {step} of {steps}, {when:?}");
        let path = next_to(&files, 100 * step + u64::from(when == When::After));
        let moved = moving(&path, &Meter::default(), Some(Fault { step, when, failure: Failure::Error })).await;
        let is_moved = owner(&folder).await != old;
        assert!(is_moved || moved.is_err(), "{what}");
        *if is_moved { &mut owned_by_new } else { &mut owned_by_old } += 1;
        // Whoever of the two owns it holds everything, and asking again ends well.
        if is_moved {
            assert_holds(&folder, &held, sqlite(&path), &what).await;
        }
        attempt(&folder, &Meter::default(), sqlite(&path)).await.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_holds(&folder, &held, sqlite(&path), &what).await;
        give_to(&folder.open_storage(&Meter::default()).await, &old).await;
    }
    assert!(owned_by_old > 0 && owned_by_new > 0, "{owned_by_old} and {owned_by_new}");
    assert_holds(&folder, &held, sqlite(&folder.database()), "the first").await;
}

/// A row that is not what it was is found and named, whatever table it is in, and the first store stays the owner.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tampered_store_is_never_the_owner() {
    let (folder, _) = filled(Owner::Sqlite).await;
    let (files, old) = (tempfile::tempdir().unwrap(), owner(&folder).await);
    for (at, (tampering, named)) in [
        ("DELETE FROM tags WHERE repository = 'acme/review' AND tag = '1.0.0'", "tags: acme/review:1.0.0"),
        ("UPDATE versions SET yanked = 0 WHERE name = 'acme/review'", "versions: acme/review@1.1.0 differs"),
        ("UPDATE packages SET versions = 9 WHERE name = 'acme/old'", "packages: acme/old differs"),
        ("UPDATE manifests SET size = 1 WHERE repository = 'team/image'", "manifests: team/image@sha256:"),
        ("DELETE FROM repositories WHERE name = 'b/c'", "repositories: b/c"),
        (
            "UPDATE events SET bytes = CAST(replace(CAST(bytes AS TEXT), 'operator', 'somebody') AS BLOB) WHERE n = 9",
            "events: event 9 differs",
        ),
        ("DELETE FROM events WHERE n = 9", "events: event 9 where the other has event 10"),
        (
            "INSERT INTO tags VALUES ('team/image', 'zzz', 'sha256:' || hex(zeroblob(32)))",
            "tags: only the other has team/image:zzz",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let path = next_to(&files, at as u64);
        attempt(&folder, &Meter::default(), sqlite(&path)).await.unwrap();
        give_to(&folder.open_storage(&Meter::default()).await, &old).await;
        let connection = rusqlite::Connection::open(&path).unwrap();
        assert!(connection.execute(tampering, []).unwrap() > 0, "{tampering}");
        drop(connection);
        let found = attempt(&folder, &Meter::default(), sqlite(&path)).await.unwrap_err();
        let MoveError::Differs(difference) = &found else { panic!("{tampering}: {found}") };
        assert!(difference.to_string().starts_with(named), "{tampering}: {difference}");
        assert!(found.to_string().contains("belongs to the first as before"), "{found}");
        assert_eq!(owner(&folder).await, old, "{tampering}");
    }
}

/// What is carried over is made right again, whatever is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_carried_is_mended() {
    let (folder, held) = filled(Owner::Sqlite).await;
    let (files, old) = (tempfile::tempdir().unwrap(), owner(&folder).await);
    let path = next_to(&files, 1);
    attempt(&folder, &Meter::default(), sqlite(&path)).await.unwrap();
    give_to(&folder.open_storage(&Meter::default()).await, &old).await;
    let connection = rusqlite::Connection::open(&path).unwrap();
    let spoilt = "DELETE FROM blobs WHERE size = 8; UPDATE links SET recorded = 0;
        UPDATE blobs SET touched = 7, state = 1, condemned = 8;
        INSERT INTO users VALUES ('mallory', 1); INSERT INTO roles VALUES ('mallory', 'acme', 'owner');
        INSERT INTO tokens VALUES ('mallory', 'x', 'sha256:' || lower(hex(randomblob(32))), 1, NULL, NULL);
        UPDATE tokens SET hash = 'sha256:' || lower(hex(zeroblob(32))) WHERE owner = 'ann';
        DELETE FROM users WHERE name = 'bob'; UPDATE roles SET role = 'owner' WHERE user = 'ann';
        INSERT INTO roles VALUES ('ann', 'extra', 'owner');";
    connection.execute_batch(spoilt).unwrap();
    drop(connection);
    attempt(&folder, &Meter::default(), sqlite(&path)).await.unwrap();
    assert_holds(&folder, &held, sqlite(&path), "mended").await;
}

/// The old database stays as it was, to the byte of each row.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_source_is_not_written_to() {
    let (mut folder, held) = filled(Owner::Sqlite).await;
    let rows = |folder: &DataFolder| {
        let connection = rusqlite::Connection::open(folder.database()).unwrap();
        let read = |table: &str| -> i64 {
            connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
        };
        ["events", "blobs", "links", "users", "tokens", "identity"].map(read)
    };
    let before = rows(&folder);
    let (old, new) = (folder.metadata(), onto(&mut folder, Owner::Store));
    migrate_catalog(migration(&folder, old, new), |_, _| {}).await.unwrap();
    assert_eq!(rows(&folder), before);
    let meta = sqlite(&folder.database());
    let found = pcl_registry::meta::tally(&meta, &Table::ALL, |_, _| {}).await.unwrap();
    held.assert_tables(&found);
}
