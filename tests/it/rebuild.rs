//! The catalogue and the search index come back from the store alone, whatever became of the database.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use pcl_registry::domain::{
    Actor, Area, Collection, CollectionItem, Day, Digest, Profile, Reference, Repository, Role, Version, Visibility,
};
use pcl_registry::meta::{DownloadBatch, Downloads, Seen, StarRow, Starred, TokenRow, UserRow};
use pcl_registry::registry::{
    DataError, DataOptions, FindQuery, Metadata, OpenError, Registry, RegistryError, catch_up_catalog, open_data,
    rebuild_catalog, rebuild_search,
};
use pcl_registry::storage::{Key, Meter};
use serde_json::{Value, json};

use crate::inside::{DataFolder, Opened, Owner, Package, plain};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

pub fn version(text: &str) -> Version {
    text.parse().unwrap()
}

fn tag(text: &str) -> Reference {
    Reference::Tag(text.parse().unwrap())
}

/// Every sort of event that there is, in two packages and a plain repository.
pub async fn live(open: &Opened) {
    let (actor, registry) = (Actor::Operator, &open.registry);
    for spec in ["acme/review@1.0.0", "acme/review@1.1.0", "acme/review@2.0.0-rc.1", "acme/planner@0.1.0", "b/c@1.0.0"]
    {
        open.push(&Package::new(spec, spec)).await.unwrap();
    }
    let review = Package::new("acme/review@1.0.0", "").name();
    registry.yank(&actor, &review, &version("1.1.0"), Some("it deletes too much")).await.unwrap();
    registry.yank(&actor, &review, &version("1.0.0"), None).await.unwrap();
    registry.unyank(&actor, &review, &version("1.0.0")).await.unwrap();
    let planner = Package::new("acme/planner@0.1.0", "");
    registry.delete_manifest(&actor, &planner.repository, &tag("0.1.0")).await.unwrap();
    registry.restore(&actor, &planner.name(), &version("0.1.0")).await.unwrap();
    let gone = Package::new("b/c@1.0.0", "");
    registry.delete_manifest(&actor, &gone.repository, &tag("1.0.0")).await.unwrap();
    let owners = ["ann", "bob"].map(|name| name.parse().unwrap());
    registry.set_owners(&actor, &review, owners.to_vec(), None).await.unwrap();
    let item = CollectionItem { name: review.clone(), range: "^1".parse().ok(), note: None };
    let steps = Collection { title: Some("First steps".into()), items: vec![item], ..Collection::default() };
    for name in ["acme/review", "acme/gone"] {
        let said = registry.put_collection(&actor, &name.parse().unwrap(), steps.clone(), Seen::Absent).await.unwrap();
        assert_eq!(said.content, steps);
    }
    registry.delete_collection(&actor, &"acme/gone".parse().unwrap(), Seen::Unsaid).await.unwrap();
    let said = Profile { title: Some("Quiet".into()), visibility: Visibility::Unlisted, ..Profile::default() };
    registry.put_org(&actor, &"quiet".parse().unwrap(), said, Seen::Absent).await.unwrap();
    open.push(&Package::new("quiet/one@1.0.0", "in no list")).await.unwrap();
    plain_contents(open).await;
    let kept = Bytes::from_static(b"linked and let go");
    let repository: Repository = "team/image".parse().unwrap();
    open.push_blob(&repository, &kept).await.unwrap();
    registry.delete_blob(&actor, &repository, &Digest::sha256(&kept)).await.unwrap();
}

/// Images, an index of them, a referrer, one for a subject that is not there, a moved tag, deletes.
async fn plain_contents(open: &Opened) {
    let (actor, repository) = (Actor::Operator, "team/image".parse::<Repository>().unwrap());
    open.push_blob(&repository, &Bytes::from_static(b"{}")).await.unwrap();
    let [one, two, three] = ["one", "two", "three"].map(|seed| plain(seed, json!({})));
    let descriptor =
        |bytes: &Bytes| json!({ "mediaType": MANIFEST, "digest": Digest::sha256(bytes), "size": bytes.len() });
    for (name, bytes) in [("v1", &one), ("v2", &two), ("latest", &one), ("latest", &two), ("old", &three)] {
        open.push_bytes(&repository, tag(name), MANIFEST, bytes).await.unwrap();
    }
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [descriptor(&one), descriptor(&two)] });
    let index = Bytes::from(index.to_string());
    open.push_bytes(&repository, tag("all"), INDEX, &index).await.unwrap();
    let artifact_type = "application/vnd.example.signature";
    let absent = Bytes::from_static(b"a subject that never came");
    for (seed, subject) in [("signature", &two), ("early", &absent), ("of the index", &index)] {
        let bytes = plain(seed, json!({ "subject": descriptor(subject), "artifactType": artifact_type }));
        open.push_bytes(&repository, Reference::Digest(Digest::sha256(&bytes)), MANIFEST, &bytes).await.unwrap();
    }
    open.registry.delete_manifest(&actor, &repository, &tag("v1")).await.unwrap();
    let third = Reference::Digest(Digest::sha256(&three));
    open.registry.delete_manifest(&actor, &repository, &third).await.unwrap();
}

/// Waits until nothing holds the folder any more.
pub async fn close(folder: &DataFolder, open: Opened) {
    open.registry.leave().await.unwrap();
    drop(open);
    drop(folder.open_storage(&Meter::default()).await);
}

fn files(database: &Path) -> Vec<PathBuf> {
    ["", "-wal", "-shm"].iter().map(|suffix| PathBuf::from(format!("{}{suffix}", database.display()))).collect()
}

fn remove(database: &Path) {
    assert!(database.exists());
    for file in files(database) {
        let _ = std::fs::remove_file(file);
    }
}

fn copy(from: &Path, to: &Path) {
    for (from, to) in files(from).iter().zip(files(to)) {
        let _ = std::fs::remove_file(&to);
        if from.exists() {
            std::fs::copy(from, to).unwrap();
        }
    }
}

/// Loses the database, and all that is in it.
async fn lose(folder: &DataFolder) {
    match &folder.postgres {
        Some(database) => drop(database.run("DROP SCHEMA public CASCADE; CREATE SCHEMA public").await),
        None => match &folder.mongo {
            Some(database) => database.lose().await,
            None => remove(&folder.database()),
        },
    }
}

fn options(folder: &DataFolder) -> DataOptions {
    folder.options(folder.metadata())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_database_comes_back_whole() {
    for owner in Owner::here([Owner::Sqlite, Owner::Postgres, Owner::Mongo]) {
        comes_back_whole(owner).await;
    }
}

async fn comes_back_whole(owner: Owner) {
    let folder = DataFolder::new(owner);
    let open = folder.open().await;
    live(&open).await;
    let (before, events) = (open.dump().await, open.assert_events_agree().await);
    assert!(events > 20, "{events}");
    close(&folder, open).await;
    lose(&folder).await;

    let mut last = 0;
    let rebuilt = rebuild_catalog(folder.path(), &options(&folder).metadata, |n| last = n).await.unwrap();
    assert_eq!((rebuilt.known, rebuilt.applied, last), (0, events, events));
    let open = folder.open().await;
    assert_eq!(open.dump().await, before);
    assert!(open.registry.health().await.unwrap().writable);
    let reason = Digest::sha256(b"it deletes too much");
    let reason = open.storage.get_blob(&Area::Public, &reason, 100).await.unwrap();
    assert_eq!(reason, "it deletes too much");
    open.push(&Package::new("acme/review@1.2.0", "after")).await.unwrap();
    assert_eq!(open.assert_events_agree().await, events + 1);
    // What a rebuild makes of the rebuilt one is the same again, and accounts, of which no event tells, are carried over.
    let mut accounts = accounts(&open).await;
    let mut popular = popular(&open).await;
    let before = open.dump().await;
    close(&folder, open).await;
    if owner == Owner::Mongo {
        // Its rebuild goes into an empty database.
        lose(&folder).await;
        accounts = (Vec::new(), Vec::new());
        popular = (Vec::new(), Vec::new(), (0, 0));
    }
    rebuild_catalog(folder.path(), &options(&folder).metadata, |_| {}).await.unwrap();
    let open = folder.open().await;
    assert_eq!(without_counts(open.dump().await), without_counts(before));
    assert_eq!(held(&open).await, popular, "{owner:?}");
    let store = &open.meta.accounts;
    assert_eq!((store.users(None, 10).await.unwrap(), store.tokens(None).await.unwrap()), accounts);
}

/// What was counted, the stars of `ann`, and what the package shows of both.
pub type Popular = (Vec<Downloads>, Vec<StarRow>, (u64, u64));

pub async fn held(open: &Opened) -> Popular {
    let (social, review) = (&open.meta.social, Package::new("acme/review@1.0.0", "").name());
    let package = open.registry.package(&Actor::Operator, &review).await.unwrap();
    let stars = social.stars(&"ann".parse().unwrap(), None, 10).await.unwrap();
    (social.counted(None, 100).await.unwrap(), stars, (package.downloads, package.stars))
}

/// Downloads of two versions, one of them deleted, and stars.
pub async fn popular(open: &Opened) -> Popular {
    let day = Day::of(open.registry.now());
    let row = |name: &str, version: &str, back: u32| {
        let (name, version) = (name.parse().unwrap(), version.parse().unwrap());
        Downloads { name, version, day: day.back(back), number: 3 }
    };
    let downloads = vec![
        row("acme/review", "1.0.0", 0),
        row("acme/review", "1.0.0", 1),
        row("acme/review", "1.2.0", 0),
        row("b/c", "1.0.0", 0),
    ];
    let batch = DownloadBatch { sender: uuid::Uuid::now_v7(), number: 1, downloads };
    open.meta.social.count(&batch).await.unwrap();
    for name in ["acme/review", "acme/planner", "b/c"] {
        let (package, ann) = (name.parse().unwrap(), "ann".parse().unwrap());
        let starred = open.meta.social.star(&package, &ann, Some(open.registry.now())).await.unwrap();
        assert_eq!(starred, Starred::Done, "{name}");
    }
    let held = held(open).await;
    assert_eq!((held.0.len(), held.1.len(), held.2), (4, 3, (9, 1)));
    held
}

/// What events tell.
pub fn without_counts(mut dump: Value) -> Value {
    for package in dump["packages"].as_object_mut().unwrap().values_mut() {
        if let Some(shown) = package["package"].as_object_mut() {
            shown.remove("downloads");
            shown.remove("stars");
        }
    }
    dump
}

/// A user with a role and a token, and one of the operator's.
async fn accounts(open: &Opened) -> (Vec<UserRow>, Vec<TokenRow>) {
    let (store, now) = (&open.meta.accounts, open.registry.now());
    let ann = "ann".parse().unwrap();
    store.add_user(&ann, now).await.unwrap();
    store.set_role(&"acme".parse().unwrap(), &ann, Some(Role::Member)).await.unwrap();
    for owner in ["ann", "operator"] {
        let hash = Digest::sha256(owner.as_bytes());
        let (owner, name) = (owner.parse().unwrap(), "x".parse().unwrap());
        store.add_token(&TokenRow { owner, name, hash, created: now, used: None, expires: Some(now) }).await.unwrap();
    }
    (store.users(None, 10).await.unwrap(), store.tokens(None).await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_database_reads_until_it_has_caught_up() {
    let folder = DataFolder::new(Owner::Sqlite);
    let open = folder.open().await;
    open.push(&Package::new("acme/first@1.0.0", "before the backup")).await.unwrap();
    close(&folder, open).await;
    let backup = folder.path().join("backup.sqlite");
    copy(&folder.database(), &backup);
    let open = folder.open().await;
    live(&open).await;
    let (before, events) = (open.dump().await, open.assert_events_agree().await);
    close(&folder, open).await;
    copy(&backup, &folder.database());

    let open = folder.open().await;
    assert!(!open.registry.health().await.unwrap().writable);
    assert!(open.has(&Package::new("acme/first@1.0.0", "before the backup")).await);
    let refused = open.push(&Package::new("acme/lost@1.0.0", "would take the number of another event")).await;
    assert!(matches!(refused, Err(RegistryError::ReadOnly)), "{refused:?}");
    assert!(refused.unwrap_err().to_string().contains("pclr rebuild --catch-up"));
    close(&folder, open).await;

    let caught = catch_up_catalog(folder.path(), &options(&folder).metadata, |_| {}).await.unwrap();
    assert_eq!((caught.known, caught.applied), (1, events - 1));
    let open = folder.open().await;
    assert_eq!(open.dump().await, before);
    open.push(&Package::new("acme/next@1.0.0", "goes on")).await.unwrap();
    assert_eq!(open.assert_events_agree().await, events + 1);
}

async fn refusal(folder: &DataFolder) -> (String, DataError) {
    match open_data(options(folder)).await {
        Ok(_) => panic!("it opened"),
        Err(error) => (error.to_string(), error),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_and_a_database_that_disagree_do_not_open() {
    let folder = DataFolder::new(Owner::Sqlite);
    let open = folder.open().await;
    live(&open).await;
    let events = open.assert_events_agree().await;
    close(&folder, open).await;
    // The last event is another one than the database knows, as valid as it.
    let path = folder.path().join("store").join(Key::Event(events).path());
    let theirs = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, theirs.replacen("operator", "somebody", 1)).unwrap();
    let (text, error) = refusal(&folder).await;
    assert!(matches!(error, DataError::Open(OpenError::Diverged(n)) if n == events), "{error:?}");
    assert!(text.contains(&format!("event {events} of the store differs")), "{text}");
    let caught = catch_up_catalog(folder.path(), &options(&folder).metadata, |_| {}).await;
    assert!(caught.is_err(), "catching up skips nothing");
    std::fs::write(&path, theirs).unwrap();
    drop(open_data(options(&folder)).await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_of_another_owner_does_not_open() {
    let folder = DataFolder::new(Owner::Sqlite);
    let open = folder.open().await;
    open.push(&Package::new("acme/hello@1.0.0", "theirs")).await.unwrap();
    close(&folder, open).await;
    remove(&folder.database());
    let (text, error) = refusal(&folder).await;
    assert!(matches!(error, DataError::Open(OpenError::Owned { .. })), "{error:?}");
    assert!(text.contains("belongs to database") && text.contains("pclr rebuild"), "{text}");
    let mut memory = options(&folder);
    memory.metadata = Metadata::Memory;
    let Err(error) = open_data(memory).await else { panic!("it opened") };
    assert!(error.to_string().contains("belongs to database"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_without_a_database_comes_back_from_its_events() {
    let folder = DataFolder::new(Owner::Store);
    let open = folder.open().await;
    live(&open).await;
    let (before, events) = (open.dump().await, open.assert_events_agree().await);
    close(&folder, open).await;
    let open = folder.open().await;
    assert_eq!(open.dump().await, before);
    open.push(&Package::new("acme/next@1.0.0", "goes on")).await.unwrap();
    assert_eq!(open.assert_events_agree().await, events + 1);
    close(&folder, open).await;
    let read = rebuild_catalog(folder.path(), &Metadata::Memory, |_| {}).await.unwrap();
    assert_eq!(read.applied, events + 1);
}

async fn names_found(registry: &Registry) -> Vec<String> {
    registry.settled().await;
    let query = FindQuery { text: "review".into(), ..FindQuery::default() };
    let page = registry.find(&Actor::Operator, query).await.unwrap();
    page.hits.iter().map(|hit| hit.name.to_string()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_search_index_comes_back() {
    let folder = DataFolder::new(Owner::Sqlite);
    let open = folder.open().await;
    live(&open).await;
    let events = open.assert_events_agree().await;
    close(&folder, open).await;
    for round in 0..2 {
        let registry = open_data(options(&folder)).await.unwrap();
        assert_eq!(names_found(&registry).await, ["acme/review"], "round {round}");
        drop(registry);
        drop(folder.open_storage(&Meter::default()).await);
        std::fs::remove_dir_all(folder.path().join("search")).unwrap();
    }
    assert_eq!(rebuild_search(options(&folder)).await.unwrap(), events);
    drop(folder.open_storage(&Meter::default()).await);
    assert_eq!(names_found(&open_data(options(&folder)).await.unwrap()).await, ["acme/review"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_store_is_refused_the_database_of_another() {
    let folder = DataFolder::new(Owner::Sqlite);
    let open = folder.open().await;
    open.push(&Package::new("acme/first@1.0.0", "of this store")).await.unwrap();
    close(&folder, open).await;
    let other = DataFolder::new(Owner::Sqlite);
    copy(&folder.database(), &other.database());
    let (message, error) = refusal(&other).await;
    assert!(matches!(error, DataError::Open(OpenError::Foreign(1))), "{error:?}");
    assert!(message.contains("1 events") && message.contains("hint: "), "{message}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_rebuilt_where_there_is_no_registry() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("mistyped");
    let metadata = Metadata::Sqlite(folder.path().join("metadata.sqlite"));
    let error = rebuild_catalog(&missing, &metadata, |_| {}).await.unwrap_err();
    assert!(matches!(error, DataError::NoStore(_)), "{error:?}");
    assert!(!missing.exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_leaves_the_database_of_another_registry_alone() {
    for owner in Owner::here([Owner::Postgres]) {
        let (theirs, ours) = (DataFolder::new(owner), DataFolder::new(Owner::Sqlite));
        let first = Package::new("acme/first@1.0.0", "of another registry");
        for (folder, package) in [(&theirs, &first), (&ours, &Package::new("acme/other@1.0.0", "of this registry"))] {
            let open = folder.open().await;
            open.push(package).await.unwrap();
            close(folder, open).await;
        }
        let metadata = options(&theirs).metadata;
        let error = rebuild_catalog(ours.path(), &metadata, |_| {}).await.unwrap_err();
        assert!(matches!(error, DataError::Others), "{error:?}");
        // Its own registry may.
        rebuild_catalog(theirs.path(), &metadata, |_| {}).await.unwrap();
        assert!(theirs.open().await.has(&first).await);
    }
}
