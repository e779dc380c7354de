//! Purging: what only the purged version used is gone at once, everything else stays, whatever happens in between.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use pcl_registry::domain::{Access, Actor, Area, Digest, Name, Repository, Role, Timestamp, User, Version};
use pcl_registry::meta::{BlobRow, Blobs, Linked, Memory, Meta, MetaError, Refused, Unknown, contract};
use pcl_registry::registry::{Limits, Registry, RegistryError, catch_up};
use pcl_registry::storage::{Failure, Fault, Key, When};
use tokio::task::JoinHandle;

use crate::inside::{DataFolder, Opened, Owner, Package, keys};

fn purged() -> Package {
    Package::new("acme/hello@1.0.0", "what must go")
}

fn kept() -> Package {
    Package::new("acme/hello@1.1.0", "what stays")
}

/// Has the very files and config of the purged one, in another repository.
fn twin() -> Package {
    Package::new("team/hello@1.0.0", "what must go")
}

fn of(package: &Package) -> (Name, Version) {
    (package.name(), package.tag.parse().unwrap())
}

async fn purge(open: &Opened, package: &Package) -> Result<(), RegistryError> {
    let (name, version) = of(package);
    open.registry.purge(&Actor::Operator, &name, &version).await
}

async fn delete(open: &Opened, package: &Package) -> Digest {
    let (name, version) = of(package);
    let record = open.registry.version(&Actor::Operator, &name, &version).await.unwrap().published.record;
    open.registry.delete_version(&Actor::Operator, &name, &version).await.unwrap();
    record
}

/// The version can be read, whole. What `Opened::has` counts besides, events that name its manifest, a purge adds to.
async fn is_whole(open: &Opened, package: &Package) -> bool {
    let manifest = open.registry.manifest(&Actor::Operator, &package.repository, &package.reference()).await;
    let mut whole = manifest.is_ok_and(|manifest| manifest.bytes == package.packed.manifest.content);
    for blob in [&package.packed.config, &package.packed.layer] {
        let read = open.blob(&package.repository, &blob.digest).await;
        whole &= read.is_ok_and(|bytes| bytes == blob.content);
    }
    let (name, version) = of(package);
    let shown = open.registry.version(&Actor::Operator, &name, &version).await;
    whole && shown.is_ok_and(|shown| !shown.files.is_empty())
}

/// Which of the blobs lie in the store.
async fn present(open: &Opened, keys: &[Key]) -> Vec<bool> {
    let mut present = Vec::new();
    for key in keys {
        present.push(open.storage.exists(key).await.unwrap());
    }
    present
}

fn all_keys(package: &Package, record: Digest) -> Vec<Key> {
    keys(package).into_iter().chain([Key::Blob { area: Area::Public, digest: record }]).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_only_it_used_goes_at_once() {
    for owner in Owner::here([Owner::Sqlite, Owner::Store, Owner::Postgres, Owner::Mongo]) {
        let folder = DataFolder::new(owner);
        let open = folder.open().await;
        open.push(&purged()).await.unwrap();
        open.push(&kept()).await.unwrap();
        let (name, version) = of(&purged());
        open.registry.yank(&Actor::Operator, &name, &version, Some("it names a person")).await.unwrap();
        let refused = purge(&open, &purged()).await;
        assert!(matches!(refused, Err(RegistryError::Refused(Refused::PurgeOfLive(_)))), "{refused:?}");
        let record = delete(&open, &purged()).await;
        open.registry.delete_version(&Actor::Operator, &name, &version).await.expect("deleted twice is deleted once");
        let mut gone = all_keys(&purged(), record);
        gone.push(Key::Blob { area: Area::Public, digest: Digest::sha256(b"it names a person") });
        assert_eq!(present(&open, &gone).await, [true; 5]);
        // What the caches hold of it goes too.
        open.blob(&purged().repository, &purged().packed.layer.digest).await.unwrap();
        purge(&open, &purged()).await.unwrap();
        assert_eq!(present(&open, &gone).await, [false; 5]);
        let read = open.blob(&purged().repository, &purged().packed.layer.digest).await;
        assert!(matches!(read, Err(RegistryError::BlobUnknown(_))), "{read:?}");
        assert!(!open.has_manifest(&purged()).await);
        assert!(open.has(&kept()).await);
        let restored = open.registry.restore(&Actor::Operator, &name, &version).await;
        assert!(matches!(restored, Err(RegistryError::Refused(Refused::VersionPurged(_)))), "{restored:?}");
        let again = open.push(&purged()).await;
        assert!(matches!(again, Err(RegistryError::Refused(Refused::VersionPurged(_)))), "{again:?}");
        let (history, _) = open.registry.history(&Actor::Operator, &name, None, 10).await.unwrap();
        assert_eq!((history[0].what.as_str(), &history[0].version), ("purge", &Some(version)));
        assert!(history.iter().all(|entry| entry.reason.is_none()), "the reason is gone: {history:?}");
        open.registry.settled().await;
        // Made again from the events, without what is gone, it is the same.
        let copy = Arc::new(Memory::new()).meta();
        catch_up(&open.storage, &copy, |_| {}).await.unwrap();
        assert_eq!(contract::dump(&copy).await.unwrap(), open.dump().await);
        drop(open);
        let open = folder.open().await;
        assert!(open.has(&kept()).await);
        purge(&open, &purged()).await.unwrap();
        assert_eq!(open.assert_events_agree().await, 5, "purged twice is purged once");
    }
}

impl Opened {
    async fn has_manifest(&self, package: &Package) -> bool {
        self.registry.manifest(&Actor::Operator, &package.repository, &package.reference()).await.is_ok()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_repository_uses_stays() {
    let folder = DataFolder::new(Owner::Sqlite);
    let open = folder.open().await;
    open.push(&purged()).await.unwrap();
    open.push(&twin()).await.unwrap();
    let record = delete(&open, &purged()).await;
    purge(&open, &purged()).await.unwrap();
    assert!(is_whole(&open, &twin()).await);
    let record_of_twin = delete(&open, &twin()).await;
    assert_eq!(record, record_of_twin, "the same content has the same record");
    purge(&open, &twin()).await.unwrap();
    assert_eq!(present(&open, &all_keys(&twin(), record)).await, [false; 4]);
}

/// Ann, with a role in `acme` or without.
fn ann(role: Option<Role>) -> Actor {
    let roles = role.map(|role| ("acme".parse().unwrap(), role)).into_iter().collect();
    Actor::User(Arc::new(User { name: "ann".parse().unwrap(), roles, everybody: Access::Read }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn owners_of_a_package_delete_and_owners_of_the_organisation_purge() {
    let folder = DataFolder::new(Owner::Sqlite);
    let open = folder.open().await;
    open.push(&purged()).await.unwrap();
    let (name, version) = of(&purged());
    open.registry.set_owners(&Actor::Operator, &name, vec!["ann".parse().unwrap()], None).await.unwrap();
    for role in [None, Some(Role::Member)] {
        open.registry.delete_version(&ann(role), &name, &version).await.unwrap();
        let refused = open.registry.purge(&ann(role), &name, &version).await;
        assert!(matches!(refused, Err(RegistryError::Forbidden)), "{role:?}: {refused:?}");
        open.registry.restore(&ann(role), &name, &version).await.unwrap();
    }
    let owner = ann(Some(Role::Owner));
    open.registry.delete_version(&owner, &name, &version).await.unwrap();
    open.registry.purge(&owner, &name, &version).await.unwrap();
    assert!(!open.has_manifest(&purged()).await);
}

/// Fails a purge at every step of the store, in a way; afterwards it can be purged again, and is gone.
async fn fails_at_every_step(owner: Owner, when: When, failure: Failure) {
    let mut step = 0;
    loop {
        step += 1;
        let what = format!("{owner:?}, {failure:?} {when:?} step {step}");
        let folder = DataFolder::new(owner);
        let open = folder.open().await;
        open.push(&purged()).await.unwrap();
        open.push(&kept()).await.unwrap();
        let record = delete(&open, &purged()).await;
        open.meter.arm(Some(Fault { step, when, failure }));
        let outcome = purge(&open, &purged()).await;
        let passed = open.meter.steps() < step;
        if passed {
            outcome.unwrap();
            assert!(step > 4, "an event and four blobs: {step}");
            return;
        }
        open.meter.arm(None);
        let open = match failure {
            Failure::Crash => {
                drop(open);
                folder.open().await
            }
            _ => open,
        };
        assert!(open.has(&kept()).await, "{what}");
        purge(&open, &purged()).await.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(present(&open, &all_keys(&purged(), record)).await, [false; 4], "{what}");
        assert!(open.has(&kept()).await, "{what}");
        assert_eq!(open.assert_events_agree().await, 4, "{what}");
        open.push(&Package::new("acme/hello@1.2.0", "what must go")).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purge_that_fails_anywhere_can_be_asked_for_again() {
    for owner in [Owner::Sqlite, Owner::Store] {
        for when in [When::Before, When::After] {
            fails_at_every_step(owner, when, Failure::Error).await;
            fails_at_every_step(owner, when, Failure::Crash).await;
        }
    }
}

type Purging = JoinHandle<Result<(), RegistryError>>;

/// Begins a purge while a push touches what it counts on. It waits until that is done, and goes on before the push does.
struct PurgeBesidePush {
    inner: Arc<dyn Blobs>,
    due: Arc<Mutex<Option<Registry>>>,
    begun: Arc<Mutex<Option<Purging>>>,
}

#[async_trait]
impl Blobs for PurgeBesidePush {
    async fn blob(&self, repository: &Repository, digest: &Digest) -> Result<Option<BlobRow>, MetaError> {
        self.inner.blob(repository, digest).await
    }

    async fn link(
        &self,
        repository: &Repository,
        area: &Area,
        digest: &Digest,
        size: u64,
        now: Timestamp,
    ) -> Result<Linked, MetaError> {
        self.inner.link(repository, area, digest, size, now).await
    }

    async fn touch(
        &self,
        area: &Area,
        digests: &[Digest],
        unknown: Unknown,
        now: Timestamp,
    ) -> Result<Vec<Digest>, MetaError> {
        let touched = self.inner.touch(area, digests, unknown, now).await;
        let due = self.due.lock().unwrap().take();
        if let Some(registry) = due {
            let (name, version) = of(&purged());
            let purge = tokio::spawn(async move { registry.purge(&Actor::Operator, &name, &version).await });
            tokio::time::sleep(Duration::from_millis(300)).await;
            assert!(!purge.is_finished(), "it waits for what is about to be counted on");
            *self.begun.lock().unwrap() = Some(purge);
        }
        touched
    }

    async fn find(&self, area: &Area, digest: &Digest, from: Option<&Repository>) -> Result<Option<u64>, MetaError> {
        self.inner.find(area, digest, from).await
    }

    async fn condemn(&self, before: Timestamp, now: Timestamp) -> Result<u64, MetaError> {
        self.inner.condemn(before, now).await
    }

    async fn take_condemned(&self, before: Timestamp, limit: usize) -> Result<Vec<(Area, Digest)>, MetaError> {
        self.inner.take_condemned(before, limit).await
    }

    async fn take_unneeded(&self, blobs: &[(Area, Digest)]) -> Result<Vec<(Area, Digest)>, MetaError> {
        self.inner.take_unneeded(blobs).await
    }

    async fn forget(&self, blobs: &[(Area, Digest)]) -> Result<(), MetaError> {
        self.inner.forget(blobs).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_push_counts_on_just_now_stays() {
    let folder = DataFolder::new(Owner::Sqlite);
    let (due, begun) = (Arc::new(Mutex::new(None)), Arc::new(Mutex::new(None)));
    let (its_due, its_begun) = (due.clone(), begun.clone());
    let wrap = move |meta: Meta| {
        let blobs = Arc::new(PurgeBesidePush { inner: meta.blobs.clone(), due: its_due, begun: its_begun });
        Meta { blobs, ..meta }
    };
    let open = folder.open_with(Limits::default(), wrap).await;
    open.push(&purged()).await.unwrap();
    for blob in [&twin().packed.config, &twin().packed.layer] {
        open.push_blob(&twin().repository, &blob.content).await.unwrap();
    }
    let record = delete(&open, &purged()).await;
    *due.lock().unwrap() = Some(open.registry.clone());
    let pushed = open.push_manifest(&twin()).await;
    let begun = begun.lock().unwrap().take().expect("the purge began in the middle of the push");
    begun.await.unwrap().unwrap();
    match pushed {
        // The record is counted on later than the rest: the purge came first, and the next try brings it again.
        Err(RegistryError::BlobBusy(busy)) if busy == record => open.push_manifest(&twin()).await.unwrap(),
        pushed => pushed.unwrap(),
    }
    assert!(is_whole(&open, &twin()).await, "no name points at nothing");
    assert!(!open.has_manifest(&purged()).await);
    delete(&open, &twin()).await;
    purge(&open, &twin()).await.unwrap();
    assert_eq!(present(&open, &all_keys(&twin(), record)).await, [false; 4], "nobody counts on them any more");
}

/// Pushes and purges of the same bytes at once, many times: what a push was told is there, is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn pushes_and_purges_at_once_leave_nothing_broken() {
    let folder = DataFolder::new(Owner::Sqlite);
    let open = Arc::new(folder.open().await);
    for round in 0..12 {
        let old = Package::new(&format!("acme/hello@1.0.{round}"), "the same files");
        // Another version of the same files shares the layer alone: its config has another number.
        let new = Package::new(&format!("team/hello@2.0.{round}"), "the same files");
        open.push(&old).await.unwrap();
        delete(&open, &old).await;
        let (pushing, purging) = (open.clone(), open.clone());
        let push = tokio::spawn(async move {
            let outcome = pushing.push(&new).await;
            (outcome, new)
        });
        let purge = tokio::spawn(async move { purge(&purging, &old).await });
        purge.await.unwrap().unwrap();
        let (outcome, new) = push.await.unwrap();
        match outcome {
            Ok(()) => assert!(open.has(&new).await, "round {round}"),
            // Told that the bytes are going: the next push brings them again.
            Err(RegistryError::BlobBusy(_) | RegistryError::Refused(Refused::BlobsUnknown(_))) => {
                open.push(&new).await.unwrap();
                assert!(open.has(&new).await, "round {round}");
            }
            Err(error) => panic!("round {round}: {error}"),
        }
        delete(&open, &new).await;
        self::purge(&open, &new).await.unwrap();
    }
}
