//! From each store to each other one.

use pcl_registry::domain::{Actor, Timestamp};
use pcl_registry::meta::Table;
use pcl_registry::registry::{DataError, OpenError, migrate_catalog, open_data};

use super::registry::{Held, filled, migration, onto};
use crate::inside::{DataFolder, Opened, Owner, Package};
use crate::rebuild::close;

const ALL: [Owner; 4] = [Owner::Sqlite, Owner::Store, Owner::Postgres, Owner::Mongo];

/// Moves everything from `owner` to each other store, and sees that it serves there.
async fn moves_from(owner: Owner) {
    if Owner::here([owner]).is_empty() {
        return;
    }
    for to in Owner::here(ALL).into_iter().filter(|to| *to != owner) {
        let what = format!("from {owner:?} to {to:?}");
        let (mut folder, held) = filled(owner).await;
        let old = folder.metadata();
        let (postgres, mongo) = (folder.postgres.take(), folder.mongo.take());
        let new = onto(&mut folder, to);
        let mut told = 0;
        let moved = migrate_catalog(migration(&folder, old.clone(), new.clone()), |_, _| told += 1).await;
        let moved = moved.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!((moved.known, moved.applied, moved.already), (0, moved.head, false), "{what}");
        assert!(moved.head > 25 && told > 25, "{what}: {} events", moved.head);
        let (open, events) = (folder.open().await, moved.head);
        held.assert_is(&open, compared(owner, to), &what).await;
        assert_serves(&open, owner, to, events).await;
        close(&folder, open).await;
        // The old one is nobody's any more, and asking again is no harm.
        let refused = open_data(folder.options(old.clone())).await.err();
        assert!(matches!(refused, Some(DataError::Open(OpenError::Owned { .. }))), "{what}: {refused:?}");
        let again = migrate_catalog(migration(&folder, old, new), |_, _| {}).await.unwrap();
        assert!(again.already, "{what}");
        drop((postgres, mongo));
    }
}

/// What both keep.
fn compared(from: Owner, to: Owner) -> &'static [Table] {
    match from == Owner::Store || to == Owner::Store {
        true => &Table::CATALOGUE,
        false => &Table::ALL,
    }
}

async fn assert_serves(open: &Opened, from: Owner, to: Owner, events: u64) {
    let drafts = open.registry.drafts(&Actor::Operator, "acme", None).await.unwrap();
    assert_eq!(drafts.len(), 1, "drafts lie in the object store");
    if from != Owner::Store && to != Owner::Store {
        let now = Timestamp::from_micros(i64::MAX);
        let login = open.meta.accounts.login(&pcl_registry::domain::Digest::sha256(b"ann"), now).await.unwrap();
        assert_eq!(login.map(|login| login.roles.len()), Some(2), "tokens log in");
    }
    assert!(open.push(&Package::new("acme/old@1.2.0", "again")).await.is_err(), "a purged number stays burnt");
    open.push(&Package::new("acme/next@1.0.0", "goes on")).await.unwrap();
    assert_eq!(open.assert_events_agree().await, events + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_sqlite() {
    moves_from(Owner::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_memory() {
    moves_from(Owner::Store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_postgres() {
    moves_from(Owner::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_mongodb() {
    moves_from(Owner::Mongo).await;
}

/// There and back: the database from before takes what came since, and nothing is done twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_was_left_is_moved_back_to() {
    let (mut folder, _) = filled(Owner::Sqlite).await;
    let (old, new) = (folder.metadata(), onto(&mut folder, Owner::Store));
    let first = migrate_catalog(migration(&folder, old.clone(), new.clone()), |_, _| {}).await.unwrap();
    let open = folder.open().await;
    open.push(&Package::new("acme/since@1.0.0", "since then")).await.unwrap();
    close(&folder, open).await;
    let back = migrate_catalog(migration(&folder, new, old), |_, _| {}).await.unwrap();
    assert_eq!((back.known, back.applied), (first.head, 1));
    onto(&mut folder, Owner::Sqlite);
    let open = folder.open().await;
    assert!(open.has(&Package::new("acme/since@1.0.0", "since then")).await);
    let users = open.meta.accounts.users(None, 10).await.unwrap();
    assert_eq!(users, [], "a registry without a database has no users, and none came to life again");
}

/// An empty registry moves too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_registry_moves() {
    let mut folder = DataFolder::new(Owner::Sqlite);
    let open = folder.open().await;
    let held = Held::of(&open).await;
    close(&folder, open).await;
    let (old, new) = (folder.metadata(), onto(&mut folder, Owner::Store));
    let moved = migrate_catalog(migration(&folder, old, new), |_, _| {}).await.unwrap();
    assert_eq!(moved.head, 0);
    let open = folder.open().await;
    held.assert_is(&open, &Table::CATALOGUE, "empty").await;
    open.push(&Package::new("acme/first@1.0.0", "the first")).await.unwrap();
}
