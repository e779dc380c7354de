//! What is not moved: another registry's catalogue, one that is in use, one that is not the owner's.

use std::sync::Arc;

use pcl_registry::meta::{DownloadBatch, Downloads, Sqlite, Table};
use pcl_registry::registry::{
    CarryAccounts, DataError, Metadata, Migration, MoveError, OpenError, catch_up, catch_up_catalog, check_migration,
    migrate_catalog, rebuild_catalog_with,
};
use pcl_registry::storage::{Key, Meter, StorageError};

use super::registry::{Held, accounts, filled, migration, onto};
use crate::inside::{DataFolder, Owner, Package};
use crate::rebuild::{close, held};

async fn refused(migration: Migration) -> MoveError {
    match migrate_catalog(migration, |_, _| {}).await {
        Err(DataError::Move(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_catalogue_of_another_registry_is_left_alone() {
    for owner in Owner::here([Owner::Sqlite, Owner::Postgres, Owner::Mongo]) {
        let (ours, _) = filled(Owner::Sqlite).await;
        let theirs = DataFolder::new(owner);
        let open = theirs.open().await;
        open.push(&Package::new("other/first@1.0.0", "theirs")).await.unwrap();
        accounts(&open).await;
        let held = Held::of(&open).await;
        close(&theirs, open).await;
        let error = refused(migration(&ours, ours.metadata(), theirs.metadata())).await;
        assert!(matches!(error, MoveError::Others("events")), "{owner:?}: {error}");
        let open = theirs.open().await;
        held.assert_is(&open, &Table::ALL, "theirs").await;
        close(&theirs, open).await;
        drop(ours.open().await);
    }
}

/// A database without events but with somebody's users is not empty.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_of_another_registry_are_left_alone() {
    let (ours, _) = filled(Owner::Sqlite).await;
    let theirs = DataFolder::new(Owner::Sqlite);
    let open = theirs.open().await;
    open.meta.accounts.add_user(&"zoe".parse().unwrap(), open.registry.now()).await.unwrap();
    close(&theirs, open).await;
    let error = refused(migration(&ours, ours.metadata(), theirs.metadata())).await;
    assert!(matches!(error, MoveError::Others("users")), "{error}");
}

/// A store that has lost its owner.json, or never had one, takes no events of a database.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_without_an_owner_is_given_nobodys_events() {
    let ours = DataFolder::new(Owner::Sqlite);
    drop(ours.open_storage(&Meter::default()).await);
    let to = Metadata::Sqlite(ours.path().join("new.sqlite"));
    for owner in Owner::here([Owner::Sqlite, Owner::Postgres, Owner::Mongo]) {
        let (theirs, _) = filled(owner).await;
        let error = refused(migration(&ours, theirs.metadata(), to.clone())).await;
        assert!(matches!(error, MoveError::Open(OpenError::Foreign(events)) if events > 0), "{owner:?}: {error}");
        let storage = ours.open_storage(&Meter::default()).await;
        assert_eq!(storage.last_event(0).await.unwrap(), 0, "{owner:?}");
        assert!(storage.owner().await.unwrap().is_none(), "{owner:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_are_not_lost_unasked() {
    let (folder, _) = filled(Owner::Sqlite).await;
    let plan = Migration { accounts: CarryAccounts::Always, ..migration(&folder, folder.metadata(), Metadata::Memory) };
    let error = refused(plan).await;
    let lost = MoveError::AccountsLost { accounts: 4, are_counted: true };
    assert_eq!(error.to_string(), lost.to_string(), "two users and two tokens");
    drop(folder.open().await);
}

/// Who downloads needs no account.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counts_are_not_lost_unasked() {
    let folder = DataFolder::new(Owner::Sqlite);
    let open = folder.open().await;
    open.push(&Package::new("acme/hello@1.0.0", "hello")).await.unwrap();
    let (name, version) = ("acme/hello".parse().unwrap(), "1.0.0".parse().unwrap());
    let counted = Downloads { name, version, day: pcl_registry::domain::Day::of(open.registry.now()), number: 3 };
    let batch = DownloadBatch { sender: uuid::Uuid::now_v7(), number: 1, downloads: vec![counted] };
    open.meta.social.count(&batch).await.unwrap();
    close(&folder, open).await;
    let plan = Migration { accounts: CarryAccounts::Always, ..migration(&folder, folder.metadata(), Metadata::Memory) };
    let error = refused(plan).await;
    assert!(error.to_string().starts_with("the counts of downloads would be lost: "), "{error}");
    drop(folder.open().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_in_use_does_not_move() {
    let folder = DataFolder::new(Owner::Sqlite);
    let open = folder.open().await;
    let error = migrate_catalog(migration(&folder, folder.metadata(), Metadata::Memory), |_, _| {}).await.unwrap_err();
    assert!(matches!(error, DataError::Storage(StorageError::Locked(_))), "{error}");
    close(&folder, open).await;
    migrate_catalog(migration(&folder, folder.metadata(), Metadata::Memory), |_, _| {}).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_owner_is_moved_from() {
    let (folder, _) = filled(Owner::Sqlite).await;
    let other = folder.path().join("other.sqlite");
    let metadata = |path: &std::path::Path| Metadata::Sqlite(path.to_owned());
    let error = migrate_catalog(migration(&folder, metadata(&other), Metadata::Memory), |_, _| {}).await.unwrap_err();
    assert!(matches!(error, DataError::NoFile(_)), "{error}");
    assert!(!other.exists(), "a mistyped path becomes no database");
    drop(pcl_registry::meta::Sqlite::open(&other).unwrap());
    let third = metadata(&folder.path().join("third.sqlite"));
    let error = refused(migration(&folder, metadata(&other), third)).await;
    assert!(matches!(error, MoveError::NotOwner(_)), "{error}");
    let error = refused(migration(&folder, Metadata::Memory, metadata(&other))).await;
    assert!(matches!(error, MoveError::NotOwner(_)), "{error}");
    for same in [metadata(&folder.database()), Metadata::Memory] {
        let error = refused(migration(&folder, same.clone(), same)).await;
        assert!(matches!(error, MoveError::Same), "{error}");
    }
}

/// A database that was restored from a backup lacks what came later: that is added first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_behind_catches_up_first() {
    let folder = DataFolder::new(Owner::Sqlite);
    let open = folder.open().await;
    open.push(&Package::new("acme/first@1.0.0", "before the backup")).await.unwrap();
    close(&folder, open).await;
    let backup = std::fs::read(folder.database()).unwrap();
    let open = folder.open().await;
    open.push(&Package::new("acme/second@1.0.0", "after the backup")).await.unwrap();
    close(&folder, open).await;
    for suffix in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", folder.database().display()));
    }
    std::fs::write(folder.database(), backup).unwrap();
    let error = refused(migration(&folder, folder.metadata(), Metadata::Memory)).await;
    assert!(matches!(error, MoveError::Behind), "{error}");
    catch_up_catalog(folder.path(), &folder.metadata(), |_| {}).await.unwrap();
    let moved = migrate_catalog(migration(&folder, folder.metadata(), Metadata::Memory), |_, _| {}).await.unwrap();
    assert_eq!(moved.head, 2);
}

/// Comparing changes nothing, and finds what differs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_stores_can_be_compared_at_any_time() {
    let (folder, _) = filled(Owner::Sqlite).await;
    let copy = folder.path().join("copy.sqlite");
    let plan = || migration(&folder, folder.metadata(), Metadata::Sqlite(copy.clone()));
    assert!(matches!(check_migration(plan(), |_, _| {}).await, Err(DataError::NoFile(_))));
    let moved = migrate_catalog(plan(), |_, _| {}).await.unwrap();
    let checked = check_migration(plan(), |_, _| {}).await.unwrap();
    assert_eq!((checked.head, checked.tables), (moved.head, moved.tables));
    let connection = rusqlite::Connection::open(&copy).unwrap();
    connection.execute("UPDATE users SET created = 7 WHERE name = 'ann'", []).unwrap();
    drop(connection);
    let Err(DataError::Move(MoveError::Differs(found))) = check_migration(plan(), |_, _| {}).await else { panic!() };
    assert_eq!(found.to_string(), "users: ann differs");
}

/// An event that was cut when the power went does not keep a store without a database from being compared, nor one with.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_stores_are_compared_although_the_last_event_is_cut() {
    for owner in [Owner::Store, Owner::Sqlite] {
        let (folder, _) = filled(owner).await;
        let storage = folder.open_storage(&Meter::default()).await;
        let last = storage.last_event(0).await.unwrap();
        let other = match owner {
            Owner::Store => {
                let path = folder.path().join("copy.sqlite");
                let copy = Arc::new(Sqlite::open(&path).unwrap()).meta();
                catch_up(&storage, &copy, |_| {}).await.unwrap();
                Metadata::Sqlite(path)
            }
            _ => Metadata::Memory,
        };
        drop(storage);
        let event = |n| folder.path().join("store").join(Key::Event(n).path());
        match owner {
            // It was never acknowledged.
            Owner::Store => std::fs::write(event(last + 1), "{\"act").unwrap(),
            // The database has it.
            _ => {
                let whole = std::fs::read(event(last)).unwrap();
                std::fs::write(event(last), &whole[..whole.len() / 2]).unwrap();
            }
        }
        let checked = check_migration(migration(&folder, folder.metadata(), other), |_, _| {}).await;
        assert_eq!(checked.unwrap_or_else(|error| panic!("{owner:?}: {error}")).head, last, "{owner:?}");
        let open = folder.open().await;
        assert_eq!(open.assert_events_agree().await, last, "{owner:?}");
    }
}

/// Where the database of before is at another place, as with MongoDB, a rebuild takes from there what no event tells of.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_takes_accounts_from_where_it_is_told() {
    for (owner, to) in
        [(Owner::Mongo, Owner::Mongo), (Owner::Sqlite, Owner::Postgres), (Owner::Postgres, Owner::Sqlite)]
    {
        if Owner::here([owner, to]).len() < 2 {
            continue;
        }
        let (mut folder, _) = filled(owner).await;
        let open = folder.open().await;
        let users = open.meta.accounts.users(None, 10).await.unwrap();
        let tokens = open.meta.accounts.tokens(None).await.unwrap();
        let popular = held(&open).await;
        close(&folder, open).await;
        let (old, databases) = (folder.metadata(), (folder.postgres.take(), folder.mongo.take()));
        let new = onto(&mut folder, to);
        rebuild_catalog_with(folder.path(), &new, Some(&old), |_| {}).await.unwrap();
        let open = folder.open().await;
        assert_eq!(open.meta.accounts.users(None, 10).await.unwrap(), users, "{owner:?} to {to:?}");
        assert_eq!(open.meta.accounts.tokens(None).await.unwrap(), tokens, "{owner:?} to {to:?}");
        assert_eq!((users.len(), tokens.len()), (2, 2));
        assert_eq!(held(&open).await, popular, "{owner:?} to {to:?}");
        close(&folder, open).await;
        drop(databases);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_takes_accounts_downloads_and_stars_from_another_file() {
    let (folder, _) = filled(Owner::Sqlite).await;
    let open = folder.open().await;
    let (users, popular) = (open.meta.accounts.users(None, 10).await.unwrap(), held(&open).await);
    close(&folder, open).await;
    let old = folder.path().join("old.sqlite");
    std::fs::rename(folder.database(), &old).unwrap();
    for suffix in ["-wal", "-shm"] {
        let beside = |path: &std::path::Path| format!("{}{suffix}", path.display());
        let _ = std::fs::rename(beside(&folder.database()), beside(&old));
    }
    rebuild_catalog_with(folder.path(), &folder.metadata(), Some(&Metadata::Sqlite(old)), |_| {}).await.unwrap();
    let open = folder.open().await;
    assert_eq!(open.meta.accounts.users(None, 10).await.unwrap(), users);
    assert_eq!(held(&open).await, popular);
    close(&folder, open).await;
    let absent = Metadata::Sqlite(folder.path().join("absent"));
    let error = rebuild_catalog_with(folder.path(), &folder.metadata(), Some(&absent), |_| {}).await.unwrap_err();
    assert!(matches!(error, DataError::NoFile(_)), "{error}");
}
