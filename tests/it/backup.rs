//! The backup that `docs/operations.md` describes: its commands, run beside an open registry, copy all that a restore needs.

use std::path::Path;
use std::process::Command;

use bytes::Bytes;
use pcl_registry::domain::{Actor, File, Tree, Visibility};
use pcl_registry::meta::{Filter, Order};
use pcl_registry::registry::{Drafted, rebuild_catalog};

use crate::inside::{DataFolder, Owner, Package};
use crate::rebuild::close;

/// What the section says to type to copy the store.
fn commands() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operations.md");
    let text = std::fs::read_to_string(path).expect("docs/operations.md is there");
    let (_, section) = text.split_once("## Backup and restore\n").expect("it says how to make a backup");
    let (_, block) = section.split_once("```console\n").expect("it shows commands");
    let (block, _) = block.split_once("```").expect("the block ends");
    block.lines().filter_map(|line| line.strip_prefix("$ ")).map(str::to_owned).collect()
}

/// The command that copies the database.
const DATABASE: &str = "sqlite3 pclr-data/metadata.sqlite \".backup 'backup/metadata.sqlite'\"";

/// Runs them beside the folder, which they call `pclr-data`, and something after each. Not every machine has the program `sqlite3`:
/// SQLite itself makes that copy.
async fn back_up(folder: &DataFolder, place: &Path, after: impl AsyncFn(usize)) {
    std::os::unix::fs::symlink(folder.path(), place.join("pclr-data")).unwrap();
    let mut copied_database = false;
    for (at, command) in commands().into_iter().enumerate() {
        if command.starts_with("sqlite3 ") {
            assert_eq!(command, DATABASE);
            let database = rusqlite::Connection::open(folder.database()).unwrap();
            let to = place.join("backup/metadata.sqlite");
            database.execute("VACUUM INTO ?1", [to.to_str().unwrap()]).unwrap();
            copied_database = true;
        } else {
            let output = Command::new("sh").args(["-c", &command]).current_dir(place).output().unwrap();
            assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
        }
        after(at).await;
    }
    assert!(copied_database);
}

/// Makes the copy the data folder.
fn restore(place: &Path, folder: &DataFolder, with_database: bool) {
    let status = Command::new("cp").arg("-r").arg(place.join("backup/store")).arg(folder.path()).status().unwrap();
    assert!(status.success());
    if with_database {
        std::fs::copy(place.join("backup/metadata.sqlite"), folder.database()).unwrap();
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
    back_up(&folder, place.path(), async |_| {}).await;
    close(&folder, open).await;
    drop(folder);

    for with_database in [true, false] {
        let folder = DataFolder::new(Owner::Sqlite);
        restore(place.path(), &folder, with_database);
        if !with_database {
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
    back_up(&folder, place.path(), async |at| open.push(&beside(at)).await.unwrap()).await;
    close(&folder, open).await;

    let copy = DataFolder::new(Owner::Sqlite);
    restore(place.path(), &copy, false);
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
