//! The contract, and what SQLite promises beyond it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use tempfile::TempDir;

use super::super::contract::{Artifact, Stores, World, dump};
use super::super::{Meta, MetaError, Unknown};
use super::Sqlite;
use super::sql::Sql;
use super::undo::back_to_before;
use super::writer::{Durable, End};

/// A folder of databases.
struct Folder {
    folder: TempDir,
    made: AtomicU32,
}

impl Folder {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), made: AtomicU32::new(0) }
    }

    fn next(&self) -> PathBuf {
        self.folder.path().join(format!("{}.sqlite", self.made.fetch_add(1, Ordering::Relaxed)))
    }
}

#[async_trait]
impl Stores for Folder {
    async fn empty(&self) -> Result<Meta, MetaError> {
        Ok(Arc::new(Sqlite::open(self.next())?).meta())
    }
}

crate::metadata_contract!(Folder::new());

/// A world in a database of that path.
struct At(PathBuf);

#[async_trait]
impl Stores for At {
    async fn empty(&self) -> Result<Meta, MetaError> {
        Ok(Arc::new(Sqlite::open(&self.0)?).meta())
    }
}

async fn open(path: &std::path::Path) -> World {
    World::new(&At(path.to_owned())).await.unwrap()
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_reopen() {
    let folder = Folder::new();
    let path = folder.next();
    let world = open(&path).await;
    world.publish("acme/hello@1.0.0").await.unwrap();
    let (before, identity) = (dump(&world.meta).await.unwrap(), world.meta.ledger.identity().await.unwrap());
    drop(world);
    let again = open(&path).await;
    assert_eq!(dump(&again.meta).await.unwrap(), before);
    assert_eq!(again.meta.ledger.identity().await.unwrap(), identity);
}

#[tokio::test]
async fn a_copy_taken_in_the_middle_of_writes_is_a_whole_earlier_state() {
    let folder = Folder::new();
    let path = folder.next();
    let world = open(&path).await;
    world.publish("acme/hello@1.0.0").await.unwrap();
    let acknowledged = dump(&world.meta).await.unwrap();
    // As a crash leaves them: the database and its log, whose last transaction is cut off.
    world.publish("acme/hello@2.0.0").await.unwrap();
    let wal = |path: &std::path::Path| PathBuf::from(format!("{}-wal", path.display()));
    let written = std::fs::read(wal(&path)).unwrap();
    let database = std::fs::read(&path).unwrap();
    let mut states = std::collections::BTreeSet::new();
    for cut in (0..=written.len()).step_by(8192).chain([written.len()]) {
        let copy = folder.next();
        std::fs::write(&copy, &database).unwrap();
        std::fs::write(wal(&copy), &written[..cut]).unwrap();
        let survivor = open(&copy).await;
        let head = survivor.meta.ledger.head().await.unwrap().n;
        match head {
            0 => assert_eq!(survivor.meta.catalog.package(&"acme/hello".parse().unwrap()).await.unwrap(), None),
            1 => assert_eq!(dump(&survivor.meta).await.unwrap(), acknowledged),
            2 => assert_eq!(survivor.releases("acme/hello").await.unwrap(), ["2.0.0", "1.0.0"]),
            other => panic!("head {other}"),
        }
        survivor.publish("acme/next@1.0.0").await.unwrap();
        assert_eq!(survivor.events().await.unwrap().len() as u64, head + 1);
        states.insert(head);
    }
    assert_eq!(states.into_iter().collect::<Vec<_>>(), [0, 1, 2]);
}

#[tokio::test]
async fn two_openers_of_one_file_share_one_sequence() {
    let folder = Folder::new();
    let path = folder.next();
    let (one, other) = (Arc::new(open(&path).await), Arc::new(open(&path).await));
    let mut publishers = tokio::task::JoinSet::new();
    for at in 0..20 {
        let world = if at % 2 == 0 { one.clone() } else { other.clone() };
        // Each version is published by both.
        publishers.spawn(async move {
            let artifact = Artifact::new(&format!("acme/hello@{}.0.0", at / 2)).unwrap().seed(&at.to_string());
            world.try_push(&artifact).await.unwrap().is_ok()
        });
    }
    let won = publishers.join_all().await.into_iter().filter(|won| *won).count();
    assert_eq!(won, 10);
    assert_eq!(dump(&one.meta).await.unwrap(), dump(&other.meta).await.unwrap());
    assert_eq!(one.meta.ledger.head().await.unwrap().n, 10);
    assert_eq!(one.meta.ledger.identity().await.unwrap(), other.meta.ledger.identity().await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_see_the_state_before_a_long_write_until_it_is_done() {
    let folder = Folder::new();
    let sqlite = Arc::new(Sqlite::open(folder.next()).unwrap());
    let world = World::new(&Opened(sqlite.clone())).await.unwrap();
    world.publish("acme/hello@1.0.0").await.unwrap();
    let (begun, begins) = std::sync::mpsc::channel();
    let (go_on, ends) = std::sync::mpsc::channel();
    let writer = sqlite.clone();
    let write = tokio::spawn(async move {
        let work = move |sql: &Sql<'_>| {
            sql.run("UPDATE packages SET versions = 99", [])?;
            begun.send(()).unwrap();
            ends.recv().unwrap();
            Ok(((), End::Commit))
        };
        writer.pool.write(Durable::Now, work).await
    });
    tokio::task::spawn_blocking(move || begins.recv()).await.unwrap().unwrap();
    // More readers than there are connections.
    let readers = (0..20).map(|_| world.package("acme/hello"));
    for package in futures::future::join_all(readers).await {
        assert_eq!(package.unwrap().versions, 1);
    }
    go_on.send(()).unwrap();
    write.await.unwrap().unwrap();
    assert_eq!(world.package("acme/hello").await.unwrap().versions, 99);
}

#[tokio::test]
async fn a_failure_or_a_panic_inside_a_write_leaves_nothing() {
    let folder = Folder::new();
    let sqlite = Arc::new(Sqlite::open(folder.next()).unwrap());
    let world = World::new(&Opened(sqlite.clone())).await.unwrap();
    world.publish("acme/hello@1.0.0").await.unwrap();
    let before = dump(&world.meta).await.unwrap();
    for panics in [true, false] {
        let broken = sqlite.pool.write(Durable::Now, move |sql| {
            sql.run("DELETE FROM packages", [])?;
            assert!(!panics, "in the middle");
            Err::<((), End), _>(MetaError::Corrupt("in the middle".to_owned()))
        });
        assert!(broken.await.is_err());
        assert_eq!(dump(&world.meta).await.unwrap(), before);
    }
    // A panic costs no reader either.
    for _ in 0..10 {
        let broken = sqlite.pool.read(|_| -> Result<(), MetaError> { panic!("while reading") });
        assert!(matches!(broken.await, Err(MetaError::Unavailable(_))));
    }
    world.publish("acme/hello@2.0.0").await.unwrap();
}

#[tokio::test]
async fn a_full_disk_is_unavailable_and_loses_nothing() {
    let folder = Folder::new();
    let sqlite = Arc::new(Sqlite::open(folder.next()).unwrap());
    let world = World::new(&Opened(sqlite.clone())).await.unwrap();
    world.publish("acme/hello@1.0.0").await.unwrap();
    let before = dump(&world.meta).await.unwrap();
    let limit = |pages: &str| {
        let sql = format!("PRAGMA max_page_count = {pages}");
        sqlite.pool.with_writer(move |writer| writer.query_row(&sql, [], |_| Ok(()))).unwrap();
    };
    limit("1");
    let mut huge = Artifact::new("acme/hello@2.0.0").unwrap();
    huge.about.description = Some("long ".repeat(100_000));
    let refused = async {
        world.upload(&huge).await?;
        world.act(huge.accept()?).await
    };
    let refused = refused.await.unwrap_err().downcast::<MetaError>().unwrap();
    assert!(matches!(&*refused, MetaError::Unavailable(_)), "{refused:?}");
    assert_eq!(dump(&world.meta).await.unwrap(), before);
    limit("1000000");
    world.push(&huge).await.unwrap();
}

#[tokio::test]
async fn files_that_cannot_be_opened_say_why() {
    let folder = Folder::new();
    let check = |path: &std::path::Path, expected: &str| {
        let Err(error) = Sqlite::open(path) else { panic!("{} was opened", path.display()) };
        let text = error.to_string();
        assert!(text.contains(expected) && text.contains(&path.display().to_string()), "{text}");
        error
    };
    let garbage = folder.next();
    std::fs::write(&garbage, "this is no database, but long enough to be taken for one".repeat(40)).unwrap();
    assert!(matches!(check(&garbage, "not a database"), MetaError::Corrupt(_)));
    let missing = folder.folder.path().join("no/such/folder.sqlite");
    assert!(matches!(check(&missing, "folder exists"), MetaError::Unavailable(_)));
    assert!(matches!(check(folder.folder.path(), "folder exists"), MetaError::Unavailable(_)));
    let foreign = folder.next();
    rusqlite::Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE theirs (a)").unwrap();
    assert!(matches!(check(&foreign, "another program"), MetaError::Corrupt(_)));
}

#[tokio::test]
async fn a_newer_schema_and_a_changed_migration_are_refused() {
    let folder = Folder::new();
    let path = folder.next();
    drop(Sqlite::open(&path).unwrap());
    let alter = |sql: &str| assert_eq!(rusqlite::Connection::open(&path).unwrap().execute(sql, []), Ok(1));
    alter("UPDATE migrations SET checksum = 'sha256:other' WHERE number = 1");
    assert!(matches!(Sqlite::open(&path).err(), Some(MetaError::MigrationChanged { .. })));
    alter("INSERT INTO migrations (number, name, checksum) VALUES (999, 'future', 'sha256:other')");
    assert!(matches!(Sqlite::open(&path).err(), Some(MetaError::NewerSchema { found: 999, .. })));
}

#[tokio::test]
async fn an_older_database_gets_ids_and_states() {
    let folder = Folder::new();
    let path = folder.next();
    let world = open(&path).await;
    world.publish("acme/hello@1.0.0").await.unwrap();
    world.push(&Artifact::image("acme/hello:plain").unwrap()).await.unwrap();
    let hello = world.publish("acme/hello@2.0.0").await.unwrap();
    world.delete_manifest(&hello.repository, hello.digest()).await.unwrap().unwrap();
    world.publish("acme/left@1.0.0").await.unwrap();
    world.yank("acme/left@1.0.0", None).await.unwrap().unwrap();
    let before = dump(&world.meta).await.unwrap();
    drop(world);
    back_to_before(&path, "version_ids");
    let again = open(&path).await;
    assert_eq!(dump(&again.meta).await.unwrap(), before);
    let first = again.events().await.unwrap()[0].id;
    let found = again.meta.refs.identified(first).await.unwrap().unwrap();
    assert_eq!(found, ("acme/hello".parse().unwrap(), "1.0.0".parse().unwrap()));
}

#[tokio::test]
async fn a_publish_costs_few_statements() {
    let folder = Folder::new();
    let sqlite = Arc::new(Sqlite::open(folder.next()).unwrap());
    let world = World::new(&Opened(sqlite.clone())).await.unwrap();
    world.publish("acme/hello@1.0.0").await.unwrap();
    let next = Artifact::new("acme/hello@2.0.0").unwrap().labels(&["x"], &[]);
    world.upload(&next).await.unwrap();
    let before = sqlite.statements();
    world.act(next.accept().unwrap()).await.unwrap().unwrap();
    // Two for the head, eight to decide, thirteen rows and an event, six for what the package shows.
    assert_eq!(sqlite.statements() - before, 30);
    let before = sqlite.statements();
    world.act(next.accept().unwrap()).await.unwrap().unwrap();
    assert_eq!(sqlite.statements() - before, 9, "what is published already is only read");
    let before = sqlite.statements();
    world.package("acme/hello").await.unwrap();
    assert_eq!(sqlite.statements() - before, 1);
}

/// A store that the test keeps at hand.
struct Opened(Arc<Sqlite>);

#[async_trait]
impl Stores for Opened {
    async fn empty(&self) -> Result<Meta, MetaError> {
        Ok(self.0.clone().meta())
    }
}

#[tokio::test]
async fn a_link_waits_for_the_next_change_to_be_durable_and_a_change_does_not() {
    let folder = Folder::new();
    let sqlite = Arc::new(Sqlite::open(folder.next()).unwrap());
    let world = World::new(&Opened(sqlite.clone())).await.unwrap();
    // 1 is NORMAL: no sync at a commit; 2 is FULL: the commit syncs the log, with all that was written before.
    let synchronous = || {
        let query =
            |writer: &rusqlite::Connection| writer.query_row("PRAGMA synchronous", [], |row| row.get::<_, i64>(0));
        sqlite.pool.with_writer(query).unwrap()
    };
    assert_eq!(synchronous(), 2);
    for version in ["1.0.0", "2.0.0"] {
        let artifact = Artifact::new(&format!("acme/hello@{version}")).unwrap();
        world.upload(&artifact).await.unwrap();
        assert_eq!(synchronous(), 1, "links");
        world.try_push(&artifact).await.unwrap().unwrap();
        assert_eq!(synchronous(), 2, "a change");
        let digests = artifact.blobs().iter().map(|(digest, _)| *digest).collect::<Vec<_>>();
        world.meta.blobs.touch(&crate::domain::Area::Public, &digests, Unknown::PassOver, world.now()).await.unwrap();
        assert_eq!(synchronous(), 1, "a touch");
    }
    world.meta.blobs.take_condemned(world.now(), 1).await.unwrap();
    assert_eq!(synchronous(), 2, "bytes are deleted only after the mark is durable");
}

/// What gathers while a transaction runs shares the next one; one that fails or panics takes nothing of the others along.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_that_gather_share_a_transaction_and_fail_alone() {
    let folder = Folder::new();
    let sqlite = Arc::new(Sqlite::open(folder.next()).unwrap());
    sqlite.pool.with_writer(|writer| writer.execute_batch("CREATE TABLE tried (number INTEGER)")).unwrap();
    let (go_on, holds) = std::sync::mpsc::channel::<()>();
    let first = sqlite.clone();
    let first =
        tokio::spawn(
            async move { first.pool.write(Durable::Now, move |_| Ok((holds.recv().unwrap(), End::Commit))).await },
        );
    let insert = |number: i64| {
        let sqlite = sqlite.clone();
        async move {
            let durable = if number == 3 { Durable::Now } else { Durable::WithNext };
            let work = move |sql: &Sql<'_>| {
                sql.run("INSERT INTO tried VALUES (?1)", [number])?;
                assert_ne!(number, 1, "a write that panics");
                match number {
                    2 => Err(MetaError::Corrupt("a write that fails".to_owned())),
                    4 => Ok((number, End::RollBack)),
                    _ => Ok((number, End::Commit)),
                }
            };
            sqlite.pool.write(durable, work).await
        }
    };
    let mut all = Box::pin(futures::future::join_all((0..6).map(insert)));
    assert!(futures::poll!(&mut all).is_pending());
    go_on.send(()).unwrap();
    first.await.unwrap().unwrap();
    let outcomes: Vec<Result<i64, String>> =
        all.await.into_iter().map(|outcome| outcome.map_err(|error| error.to_string())).collect();
    for (number, outcome) in (0..).zip(&outcomes) {
        assert_eq!(outcome.is_ok(), !matches!(number, 1 | 2), "{number}: {outcome:?}");
    }
    let kept = |writer: &rusqlite::Connection| {
        let mut statement = writer.prepare("SELECT number FROM tried ORDER BY number").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<Vec<i64>, _>>().unwrap()
    };
    assert_eq!(sqlite.pool.with_writer(kept), [0, 3, 5]);
}
