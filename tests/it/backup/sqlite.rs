//! A copy of a running registry on SQLite, with its database and without.

use bytes::Bytes;
use pcl_registry::domain::{Actor, File, Tree, Visibility};
use pcl_registry::registry::{Drafted, rebuild_catalog};

use super::guide::{back_up, commands, link, restore_store, run, shell};
use crate::inside::{DataFolder, Owner, Package};
use crate::rebuild::close;

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
    // Not every machine has the program `sqlite3`: SQLite itself makes that copy.
    back_up(&folder, place.path(), |place| {
        let database = rusqlite::Connection::open(folder.database()).unwrap();
        let to = place.join("backup/metadata.sqlite");
        database.execute("VACUUM INTO ?1", [to.to_str().unwrap()]).unwrap();
    });
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
