//! A copy of a running registry on SQLite, with its database and without.

use std::path::Path;

use bytes::Bytes;
use pcl_registry::domain::{Actor, File, Tree, Visibility};
use pcl_registry::meta::{Filter, Order};
use pcl_registry::registry::{Drafted, rebuild_catalog};

use super::guide::{back_up, commands, link, restore_store, run, shell};
use crate::inside::{DataFolder, Owner, Package};
use crate::rebuild::close;

/// Not every machine has the program `sqlite3`: SQLite itself makes that copy.
fn copy_of(folder: &DataFolder) -> impl Fn(&Path) {
    |place| {
        let database = rusqlite::Connection::open(folder.database()).unwrap();
        let to = place.join("backup/metadata.sqlite");
        database.execute("VACUUM INTO ?1", [to.to_str().unwrap()]).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_of_a_running_registry_has_what_is_private_and_drafts() {
    let folder = DataFolder::new(Owner::Sqlite);
    let open = folder.open().await;
    let actor = Actor::Operator;
    let shown = Package::new("acme/shown@1.0.0", "for everybody");
    let secret = Package::new("acme/secret@1.0.0", "for members");
    open.registry.set_visibility(&actor, &secret.name(), Visibility::Private).await.unwrap();
    open.push(&shown).await.unwrap();
    open.push(&secret).await.unwrap();
    let content = Bytes::from_static(b"# next\n\nnot published yet\n");
    let files = Tree::new(vec![File { path: "SKILL.md".parse().unwrap(), executable: false, content }]).unwrap();
    let words = Drafted { version: Some("2.0.0".parse().unwrap()), ..Drafted::default() };
    let draft = open.registry.create_draft(&actor, &shown.name(), files, words).await.unwrap();
    let before = open.dump().await;

    let place = tempfile::tempdir().unwrap();
    back_up(&folder, place.path(), copy_of(&folder), async |_| {}).await;
    close(&folder, open).await;
    drop(folder);

    for with_database in [true, false] {
        let folder = DataFolder::new(Owner::Sqlite);
        restore_store(place.path(), &folder);
        if with_database {
            link(&folder, place.path());
            for command in commands("**SQLite.**") {
                run(&mut shell(place.path(), &command, &[]));
            }
        } else {
            rebuild_catalog(folder.path(), &folder.metadata(), |_| {}).await.unwrap();
        }
        let open = folder.open().await;
        assert_eq!(open.dump().await, before, "with the database: {with_database}");
        assert!(open.has(&shown).await && open.has(&secret).await);
        assert_eq!(open.registry.draft(&actor, "acme", draft.id).await.unwrap(), draft);
        assert!(open.registry.health().await.unwrap().writable);
        close(&folder, open).await;
    }
}

/// What is pushed while the commands run is in the copy whole, or not at all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_names_nothing_that_is_not_in_it() {
    let folder = DataFolder::new(Owner::Sqlite);
    let open = folder.open().await;
    let before = Package::new("acme/before@1.0.0", "before");
    open.push(&before).await.unwrap();
    let beside = |at: usize| Package::new(&format!("acme/beside-{at}@1.0.0"), &format!("after command {at}"));
    let place = tempfile::tempdir().unwrap();
    back_up(&folder, place.path(), copy_of(&folder), async |at| open.push(&beside(at)).await.unwrap()).await;
    close(&folder, open).await;

    let copy = DataFolder::new(Owner::Sqlite);
    restore_store(place.path(), &copy);
    rebuild_catalog(copy.path(), &copy.metadata(), |_| {}).await.unwrap();
    let open = copy.open().await;
    // The events come before the blobs, and say nothing of what was pushed after them.
    let packages = open.registry.packages(&Actor::Operator, &Filter::default(), Order::Name, None, 100).await.unwrap();
    let names: Vec<String> = packages.items.iter().map(|package| package.name.to_string()).collect();
    assert_eq!(names, ["acme/before", "acme/beside-0", "acme/beside-1"]);
    for package in [before, beside(0), beside(1)] {
        assert!(open.has(&package).await, "{}", package.repository);
    }
    assert!(!open.has(&beside(2)).await && !open.has(&beside(3)).await);
    assert_eq!(open.assert_events_agree().await, 3);
    close(&copy, open).await;
}
