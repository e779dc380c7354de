//! The corpus in a registry without a database and without a disk, and the same events in the three others.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use pcl_registry::domain::api::{ImportItem, ImportOutcome};
use pcl_registry::domain::{
    About, Actor, Day, Dependency, DependencyType, File, Name, Reference, Timestamp, UserName, Version, Visibility,
};
use pcl_registry::meta::{DownloadBatch, Downloads, Memory, Meta, Mongo, Postgres, Sqlite, Starred};
use pcl_registry::registry::{Builder, Clock, Committing, Limits, Registry, catch_up};
use pcl_registry::search::Index;
use pcl_registry::storage::{Meter, Owner as StoreOwner, Storage};
use tokio::sync::mpsc;

use crate::histories::histories;
use crate::inside::{Opened, Owner, Package, give_to};
use crate::postgres::database::Database;
use crate::{corpus, mongo};

/// The versions of each package that were published and not deleted.
pub type Versions = BTreeMap<Name, BTreeSet<Version>>;

/// A clock that moves on when it is told to.
#[derive(Default)]
pub struct Time(Arc<AtomicI64>);

impl Time {
    fn clock(&self) -> Clock {
        Clock::Manual(Arc::clone(&self.0))
    }

    fn pass(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }
}

/// An empty registry.
pub async fn empty(time: &Time) -> Opened {
    time.pass(1_700_000_000);
    let (memory, storage) = (Arc::new(Memory::new()), Storage::memory());
    let meta = Arc::clone(&memory).meta();
    let registry = open(time, &storage, &meta, Committing::Store(memory)).await;
    Opened { registry, meta, meter: Meter::default(), sqlite: None, storage }
}

async fn open(time: &Time, storage: &Storage, meta: &Meta, committing: Committing) -> Registry {
    let search = Index::memory().unwrap();
    let (storage, meta, limits, clock) = (storage.clone(), meta.clone(), Limits::default(), time.clock());
    Builder { storage, meta, committing, search: Box::pin(async { Ok(search) }), limits, clock }.open().await.unwrap()
}

/// Publishes the corpus, each of its folders in an organisation of that name, and the histories as versions; then yanks, pins,
/// deprecates, hides, gives away and deletes some of it. The clock goes on meanwhile.
pub async fn publish(corpus: &Path, time: &Time, open: &Opened) -> Versions {
    let mut orgs: BTreeMap<String, Vec<File>> = BTreeMap::new();
    for file in corpus::files(corpus) {
        // `skills/anthropics-skills/…`
        let mut components = file.path.as_str().split('/');
        let (top, second) = (components.next().unwrap(), components.next());
        match second {
            Some(second) if components.next().is_some() => orgs.entry(second.to_owned()).or_default().push(file),
            Some(_) => orgs.entry(top.to_owned()).or_default().push(file),
            // The index and the word about the folder.
            None => {}
        }
    }
    let mut versions = Versions::new();
    for (org, files) in orgs {
        import(time, open, &org, files, &mut versions).await;
    }
    for (at, (_, revisions)) in histories(corpus).into_iter().enumerate() {
        let name: Name = format!("histories/h{at}").parse().unwrap();
        let about = About {
            tags: vec!["history".into(), format!("of-{}", revisions.len())],
            license: Some(if at % 2 == 0 { "MIT" } else { "Apache-2.0" }.into()),
            authors: vec![format!("Author {}", at % 5)],
            dependencies: vec![Dependency {
                name: format!("histories/h{}", at / 2),
                kind: DependencyType::ALL[at % 3],
                range: Some("^1".into()),
            }],
            ..About::default()
        };
        for (at, content) in revisions.into_iter().enumerate() {
            let version: Version = revision(at);
            let package = Package::of_file(&name, &version.to_string(), content.into(), about.clone());
            open.push(&package).await.unwrap();
            versions.entry(name.clone()).or_default().insert(version);
        }
        time.pass(60);
    }
    change(time, open, &mut versions).await;
    make_popular(&open.meta, &versions).await;
    versions
}

/// Counts downloads and stars: of no event, and so once in each store. Many packages have as many as others, and many none.
async fn make_popular(meta: &Meta, versions: &Versions) {
    let now = Timestamp::from_micros(1_700_000_000_000_000);
    let users: [UserName; 3] = ["ann", "ben", "cy"].map(|name| name.parse().unwrap());
    for user in &users {
        meta.accounts.add_user(user, now).await.unwrap();
    }
    let (mut downloads, day) = (Vec::new(), Day::of(now));
    for (at, (name, versions)) in versions.iter().enumerate() {
        let number = (at as u64 * 31 % 13).saturating_sub(5);
        let lowest = versions.first().unwrap();
        if number > 0 {
            downloads.push(Downloads { name: name.clone(), version: lowest.clone(), day, number });
        }
        let is_history = name.org() == "histories";
        let stars = if at % 16 == 3 || (is_history && at % 3 == 1) { 1 + at / 16 % 3 } else { 0 };
        for user in &users[..stars] {
            assert_eq!(meta.social.star(name, user, Some(now)).await.unwrap(), Starred::Done, "{name}");
        }
    }
    let batch = DownloadBatch { sender: uuid::Uuid::now_v7(), number: 1, downloads };
    meta.social.count(&batch).await.unwrap();
}

/// 1.0.0, 1.1.0, 1.2.0-rc.1, 1.3.0, 2.4.0, …
fn revision(at: usize) -> Version {
    let suffix = if at % 3 == 2 { "-rc.1" } else { "" };
    format!("{}.{at}.0{suffix}", 1 + at / 4).parse().unwrap()
}

async fn import(time: &Time, open: &Opened, org: &str, files: Vec<File>, versions: &mut Versions) {
    let (sender, mut items) = mpsc::channel::<ImportItem>(1);
    let received = async {
        while let Some(item) = items.recv().await {
            assert_ne!(item.outcome, ImportOutcome::Failed, "{item:?}");
            versions.entry(item.name).or_default().insert(item.version);
            time.pass(1);
        }
    };
    let (summary, ()) = tokio::join!(open.registry.import(&Actor::Operator, org, files, sender), received);
    assert_eq!(summary.unwrap().failed, 0);
}

async fn change(time: &Time, open: &Opened, versions: &mut Versions) {
    let (actor, registry) = (&Actor::Operator, &open.registry);
    let names: Vec<Name> = versions.keys().cloned().collect();
    for (at, name) in names.iter().enumerate() {
        let published: Vec<Version> = versions[name].iter().cloned().collect();
        let (lowest, highest) = (&published[0], &published[published.len() - 1]);
        let is_history = name.org() == "histories";
        if at % 37 == 1 {
            registry.set_visibility(actor, name, Visibility::Unlisted).await.unwrap();
        }
        if at % 41 == 2 || (is_history && at % 3 == 0) {
            registry.yank(actor, name, highest, Some("it was no good")).await.unwrap();
        }
        if at % 43 == 3 || (is_history && at % 4 == 1) {
            registry.deprecate(actor, name, lowest, Some("there is a better one"), None).await.unwrap();
        }
        if at % 11 == 4 || (is_history && at % 2 == 0) {
            let owners = if at % 3 == 0 { vec!["ann", "ben"] } else { vec!["ann"] };
            let owners = owners.into_iter().map(|owner| owner.parse().unwrap()).collect();
            registry.set_owners(actor, name, owners, None).await.unwrap();
        }
        if is_history && at % 5 == 2 {
            registry.pin(actor, name, lowest).await.unwrap();
        }
        if at % 211 == 5 || (is_history && at % 7 == 3) {
            let tag = Reference::Tag(highest.tag().parse().unwrap());
            registry.delete_manifest(actor, &name.repository(), &tag).await.unwrap();
            versions.get_mut(name).unwrap().remove(highest);
        }
        if at % 10 == 0 {
            time.pass(1);
        }
    }
    versions.retain(|_, versions| !versions.is_empty());
}

/// A registry on one of the stores.
pub struct Store {
    pub registry: Registry,
    _sqlite: Option<tempfile::TempDir>,
    _postgres: Option<Database>,
    _mongo: Option<mongo::Database>,
}

/// The registry of the same events in another store, over the same objects. Nothing must be changed in any of them any more.
pub async fn replayed(owner: Owner, time: &Time, from: &Opened, versions: &Versions) -> Store {
    let mut kept = (None, None, None);
    let meta: Meta = match owner {
        Owner::Sqlite => {
            let folder = kept.0.insert(tempfile::tempdir().unwrap());
            Arc::new(Sqlite::open(folder.path().join("metadata.sqlite")).unwrap()).meta()
        }
        Owner::Postgres => {
            let database = kept.1.insert(Database::new().expect("there is a server"));
            Arc::new(Postgres::open(&database.address()).await.unwrap()).meta()
        }
        Owner::Mongo => {
            let database = kept.2.insert(mongo::Database::new().expect("there is a server"));
            Arc::new(Mongo::open(&database.url()).await.unwrap()).meta()
        }
        Owner::Store => panic!("it holds them already"),
    };
    catch_up(&from.storage, &meta, |_| {}).await.unwrap();
    make_popular(&meta, versions).await;
    // A store has one owner, who is asked at the opening.
    let owner = StoreOwner::Database { id: meta.ledger.identity().await.unwrap() };
    give_to(&from.storage, &owner).await;
    let registry = open(time, &from.storage, &meta, Committing::Database).await;
    let (_sqlite, _postgres, _mongo) = kept;
    Store { registry, _sqlite, _postgres, _mongo }
}
