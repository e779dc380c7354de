//! A publish that fails at any of its writes, in any way, is whole or absent afterwards, and the next push works.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use pcl_registry::meta::{Atomicity, Catalog, Change, MetaError, Outcome};
use pcl_registry::registry::Limits;
use pcl_registry::storage::{Failure, Fault, Meter, Syncing, When};

use crate::commits::{Commits, with_commits};
use crate::inside::{DataFolder, Opened, Owner, Package, keys};

fn before() -> Package {
    Package::new("acme/hello@0.9.0", "what was there before")
}

fn wanted() -> Package {
    Package::new("acme/hello@1.0.0", "what is being published")
}

fn next() -> Package {
    Package::new("acme/other@1.0.0", "what comes next")
}

/// How many steps a publish takes, when one was made before.
async fn steps(owner: Owner, syncing: Syncing) -> u64 {
    let folder = DataFolder::new(owner).syncing(syncing);
    let open = folder.open().await;
    open.push(&before()).await.unwrap();
    open.meter.arm(None);
    open.push(&wanted()).await.unwrap();
    open.meter.steps()
}

/// After a failure: what was acknowledged is there, the next pushes work, ledger and store agree.
async fn assert_goes_on(open: &Opened, acknowledged: bool, what: &str) {
    assert!(open.has(&before()).await, "{what}: an earlier publish is lost");
    let there = open.has(&wanted()).await;
    assert!(there || !acknowledged, "{what}: an acknowledged publish is lost");
    open.push(&wanted()).await.unwrap_or_else(|error| panic!("{what}: the next push: {error}"));
    assert!(open.has(&wanted()).await);
    open.registry.settled().await;
    assert_eq!(open.registry.indexed(), 2, "{what}: searches see what is acknowledged now");
    open.push(&next()).await.unwrap_or_else(|error| panic!("{what}: another push: {error}"));
    assert_eq!(open.assert_events_agree().await, 3, "{what}");
    open.registry.settled().await;
    assert_eq!(open.registry.indexed(), 3, "{what}: searches see everything");
}

/// The power goes: what this process made durable is all that is left, and everything it acknowledged is in it.
async fn assert_survives_power_loss(folder: &DataFolder, open: Opened, packages: &[Package], what: &str) {
    open.storage.disk().unwrap().lose_power().unwrap();
    drop(open);
    let storage = folder.open_storage(&Meter::default()).await;
    assert_eq!(storage.last_event(0).await.unwrap(), 3, "{what}: events lost");
    let events: Vec<_> = futures::TryStreamExt::try_collect(storage.events(0)).await.unwrap();
    let events: Vec<(u64, bytes::Bytes)> = events;
    assert_eq!(events.len(), 3, "{what}: events lost");
    for key in packages.iter().flat_map(keys) {
        assert!(storage.exists(&key).await.unwrap(), "{what}: {key:?} lost");
    }
}

async fn fails_at_every_step(owner: Owner, syncing: Syncing, when: When) {
    let steps = steps(owner, syncing).await;
    let syncs = if syncing == Syncing::FileSystem { 2 } else { 10 };
    assert!(steps >= 10 + syncs, "four blobs and an event, staged, named and synced: {steps}");
    for step in 1..=steps {
        let what = format!("{owner:?}, {syncing:?}, error {when:?} step {step} of {steps}");
        let folder = DataFolder::new(owner).syncing(syncing);
        let open = folder.open().await;
        open.push(&before()).await.unwrap();
        open.meter.arm(Some(Fault { step, when, failure: Failure::Error }));
        let acknowledged = open.push(&wanted()).await.is_ok();
        open.meter.arm(None);
        assert_goes_on(&open, acknowledged, &what).await;
        assert_survives_power_loss(&folder, open, &[before(), wanted(), next()], &what).await;
        let again = folder.open().await;
        assert!(again.has(&before()).await && again.has(&wanted()).await && again.has(&next()).await, "{what}");
        assert_eq!(again.assert_events_agree().await, 3, "{what}");
    }
}

async fn crashes_at_every_step(owner: Owner, syncing: Syncing, when: When) {
    let steps = steps(owner, syncing).await;
    for (step, power) in (1..=steps).flat_map(|step| [(step, true), (step, false)]) {
        let what = format!("{owner:?}, {syncing:?}, crash {when:?} step {step} of {steps}, power stays: {power}");
        let folder = DataFolder::new(owner).syncing(syncing);
        let open = folder.open().await;
        open.push(&before()).await.unwrap();
        open.meter.arm(Some(Fault { step, when, failure: Failure::Crash }));
        assert!(open.push(&wanted()).await.is_err(), "{what}: a process that is gone acknowledges nothing");
        if !power {
            open.meter.arm(None);
            open.storage.disk().unwrap().lose_power().unwrap();
        }
        drop(open);
        let again = folder.open().await;
        assert_goes_on(&again, false, &what).await;
        assert_survives_power_loss(&folder, again, &[wanted(), next()], &what).await;
    }
}

macro_rules! every_step {
    ($($name:ident: $run:ident, $owner:ident, $syncing:ident, $when:ident;)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            if !Owner::here([Owner::$owner]).is_empty() {
                $run(Owner::$owner, Syncing::$syncing, When::$when).await;
            }
        }
    )*};
}

every_step! {
    sqlite_errors_before_every_step: fails_at_every_step, Sqlite, EachFile, Before;
    sqlite_errors_after_every_step: fails_at_every_step, Sqlite, EachFile, After;
    sqlite_crashes_before_every_step: crashes_at_every_step, Sqlite, EachFile, Before;
    sqlite_crashes_after_every_step: crashes_at_every_step, Sqlite, EachFile, After;
    sqlite_with_one_sync_errors_before_every_step: fails_at_every_step, Sqlite, FileSystem, Before;
    sqlite_with_one_sync_errors_after_every_step: fails_at_every_step, Sqlite, FileSystem, After;
    sqlite_with_one_sync_crashes_before_every_step: crashes_at_every_step, Sqlite, FileSystem, Before;
    sqlite_with_one_sync_crashes_after_every_step: crashes_at_every_step, Sqlite, FileSystem, After;
    store_errors_before_every_step: fails_at_every_step, Store, EachFile, Before;
    store_errors_after_every_step: fails_at_every_step, Store, EachFile, After;
    store_crashes_before_every_step: crashes_at_every_step, Store, EachFile, Before;
    store_crashes_after_every_step: crashes_at_every_step, Store, EachFile, After;
    store_with_one_sync_errors_before_every_step: fails_at_every_step, Store, FileSystem, Before;
    store_with_one_sync_errors_after_every_step: fails_at_every_step, Store, FileSystem, After;
    store_with_one_sync_crashes_before_every_step: crashes_at_every_step, Store, FileSystem, Before;
    store_with_one_sync_crashes_after_every_step: crashes_at_every_step, Store, FileSystem, After;
    postgres_errors_after_every_step: fails_at_every_step, Postgres, EachFile, After;
    postgres_crashes_before_every_step: crashes_at_every_step, Postgres, EachFile, Before;
    mongodb_crashes_after_every_step: crashes_at_every_step, Mongo, EachFile, After;
}

/// Fails one transaction: 1 before it happened, 2 after.
struct Failing(Arc<AtomicU8>);

#[async_trait]
impl Commits for Failing {
    async fn apply(
        &self,
        catalog: &dyn Catalog,
        changes: &[Change],
        atomicity: Atomicity,
    ) -> Result<Vec<Outcome>, MetaError> {
        let lost = || MetaError::Unavailable("the connection broke, as a test planned".into());
        match self.0.swap(0, Ordering::SeqCst) {
            1 => Err(lost()),
            2 => {
                catalog.apply(changes, atomicity).await?;
                Err(lost())
            }
            _ => catalog.apply(changes, atomicity).await,
        }
    }
}

async fn open_failing(folder: &DataFolder) -> (Opened, Arc<AtomicU8>) {
    let fail = Arc::new(AtomicU8::new(0));
    let its_fail = fail.clone();
    let wrap = move |meta| with_commits(meta, Failing(its_fail));
    (folder.open_with(Limits::default(), wrap).await, fail)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_fails_before_or_after_it_happened() {
    let ways = [(1, false), (2, false), (1, true), (2, true)];
    let owners = Owner::here([Owner::Sqlite, Owner::Postgres, Owner::Mongo]);
    for (owner, (how, reopens)) in owners.into_iter().flat_map(|owner| ways.map(|way| (owner, way))) {
        let what = format!("{owner:?}, failure {how}, reopens: {reopens}");
        let folder = DataFolder::new(owner);
        let (mut open, fail) = open_failing(&folder).await;
        open.push(&before()).await.unwrap();
        fail.store(how, Ordering::SeqCst);
        assert!(open.push(&wanted()).await.is_err(), "{what}");
        if reopens {
            drop(open);
            open = open_failing(&folder).await.0;
            assert_eq!(open.has(&wanted()).await, how == 2, "{what}");
        }
        assert_goes_on(&open, false, &what).await;
    }
}

/// Says of one transaction that it failed, and keeps its changes: they happen when the test wants.
#[derive(Clone, Default)]
struct HeldBack {
    is_next: Arc<AtomicBool>,
    changes: Arc<Mutex<Vec<Change>>>,
}

#[async_trait]
impl Commits for HeldBack {
    async fn apply(
        &self,
        catalog: &dyn Catalog,
        changes: &[Change],
        atomicity: Atomicity,
    ) -> Result<Vec<Outcome>, MetaError> {
        if self.is_next.swap(false, Ordering::SeqCst) {
            *self.changes.lock().unwrap() = changes.to_vec();
            return Err(MetaError::Unavailable("no answer came, as a test planned".into()));
        }
        catalog.apply(changes, atomicity).await
    }
}

/// A change that comes to no event waits for no other, and proves nothing of one whose end is not known.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_happens_late_is_whole_when_it_is_acknowledged() {
    for reopens in [false, true] {
        let (folder, held) = (DataFolder::new(Owner::Sqlite), HeldBack::default());
        let its_held = held.clone();
        let mut open = folder.open_with(Limits::default(), move |meta| with_commits(meta, its_held)).await;
        open.push(&before()).await.unwrap();
        held.is_next.store(true, Ordering::SeqCst);
        assert!(open.push(&wanted()).await.is_err());
        if reopens {
            drop(open);
            open = folder.open().await;
        }
        open.push_manifest(&before()).await.unwrap();
        let late = held.changes.lock().unwrap().clone();
        let outcomes = open.meta.catalog.apply(&late, Atomicity::Each).await.unwrap();
        assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
        open.push_manifest(&wanted()).await.unwrap();
        assert_eq!(open.assert_events_agree().await, 2, "reopens: {reopens}");
        assert!(open.has(&wanted()).await);
    }
}
