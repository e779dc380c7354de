//! What is published all or nothing: whole or absent, whatever fails, and never seen in part.

use std::sync::Arc;

use bytes::Bytes;
use pcl_registry::domain::api::{ImportItem, ImportOutcome, ImportSummary};
use pcl_registry::domain::{Actor, File, Visibility};
use pcl_registry::meta::Filter;
use pcl_registry::pack;
use pcl_registry::registry::{ImportedWhole, Limits, RegistryError, WHOLE_MAX};
use pcl_registry::storage::{Failure, Fault, Meter, StorageError, When};

use crate::inside::{DataFolder, Opened, Owner, Package};

fn skill(name: &str, text: &str) -> File {
    let content = Bytes::from(format!("---\nname: {name}\ndescription: About {text}\n---\n{text}\n"));
    File { path: format!("{name}/SKILL.md").parse().unwrap(), executable: false, content }
}

/// So many skills, each in a folder of its own.
fn skills(count: usize) -> Vec<File> {
    (0..count).map(|at| skill(&format!("skill-{at}"), &format!("skill {at}"))).collect()
}

async fn import(open: &Opened, files: Vec<File>) -> Result<ImportedWhole, RegistryError> {
    open.registry.import_whole(&Actor::Operator, "acme", files).await
}

/// How many packages of the organisation there are, and that each is there whole.
async fn there(open: &Opened) -> u64 {
    let filter = Filter { org: Some("acme".to_owned()), visibilities: vec![Visibility::Public], ..Filter::default() };
    let count = open.registry.count(&Actor::Operator, &filter).await.unwrap();
    let names = open.registry.packages(&Actor::Operator, &filter, pcl_registry::meta::Order::Name, None, 1000).await;
    for package in names.unwrap().items {
        let detail = open.registry.version(&Actor::Operator, &package.name, &package.shown).await.unwrap();
        assert!(!detail.files.is_empty(), "{} has its record", package.name);
        let text = open.registry.source(&Actor::Operator, &package.name, &package.shown, None).await.unwrap();
        assert!(!text.0.is_empty());
    }
    count
}

fn other() -> Package {
    Package::new("other/next@1.0.0", "what comes next")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_are_published_or_every_one_that_is_to_blame_is_named() {
    for owner in Owner::here([Owner::Sqlite, Owner::Store, Owner::Postgres, Owner::Mongo]) {
        let folder = DataFolder::new(owner);
        let limits = Limits { archive: pack::Limits { file: 2000, ..pack::Limits::default() }, ..Limits::default() };
        let open = folder.open_with(limits, |meta| meta).await;
        let mut files = skills(5);
        for name in ["much", "more"] {
            files.push(skill(name, &"too long ".repeat(500)));
        }
        let refused = import(&open, files.clone()).await.unwrap();
        let blamed: Vec<_> =
            refused.items.iter().filter(|item| item.error.is_some()).map(|item| &*item.source).collect();
        assert_eq!(blamed.len(), 2, "{owner:?}: {:?}", refused.items);
        assert!(blamed.contains(&"much") && blamed.contains(&"more"), "{blamed:?}");
        assert_eq!((refused.summary.failed, refused.summary.published, refused.summary.found), (2, 0, 7));
        assert_eq!((there(&open).await, open.assert_events_agree().await), (0, 0), "{owner:?}");
        files.truncate(5);
        let done = import(&open, files.clone()).await.unwrap();
        assert_eq!((done.summary.failed, done.summary.published), (0, 5), "{owner:?}: {:?}", done.items);
        assert!(done.items.iter().all(|item| item.outcome == ImportOutcome::Published && item.digest.is_some()));
        assert_eq!((there(&open).await, open.assert_events_agree().await), (5, 5));
        // Again adds nothing; with a changed one, that one is the next version.
        let again = import(&open, files.clone()).await.unwrap();
        assert_eq!((again.summary.unchanged, again.summary.published), (5, 0), "{owner:?}");
        files[0] = skill("skill-0", "in other words");
        let changed = import(&open, files).await.unwrap();
        assert_eq!((changed.summary.unchanged, changed.summary.published), (4, 1), "{owner:?}");
        assert_eq!(changed.items.iter().filter(|item| item.version.to_string() == "1.0.1").count(), 1);
        open.push(&other()).await.unwrap();
        assert_eq!(open.assert_events_agree().await, 7);
        drop(open);
        let again = folder.open().await;
        assert_eq!((there(&again).await, again.assert_events_agree().await), (5, 7), "{owner:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn versions_of_one_package_in_one_batch_are_told_apart() {
    let folder = DataFolder::new(Owner::Store);
    let open = folder.open().await;
    let table = "act,prompt\nPoet,Write poems.\nPoet,Write poems.\nPoet,Write songs.\n";
    let file = File { path: "prompts.csv".parse().unwrap(), executable: false, content: Bytes::from(table) };
    let done = import(&open, vec![file]).await.unwrap();
    assert_eq!(done.summary.failed, 0, "{:?}", done.items);
    let mut names: Vec<_> = done.items.iter().map(|item| format!("{}@{}", item.name, item.version)).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 3, "{names:?}");
    assert_eq!(open.assert_events_agree().await, done.summary.published);
}

/// A thousand at once are possible, and no more.
async fn takes_a_thousand(owner: Owner, _: When) {
    let folder = DataFolder::new(owner);
    let open = folder.open().await;
    let refused = import(&open, skills(WHOLE_MAX + 1)).await;
    assert!(matches!(&refused, Err(RegistryError::BadRequest(why)) if why.contains("1001")), "{refused:?}");
    let done = import(&open, skills(WHOLE_MAX)).await.unwrap();
    assert_eq!((done.summary.failed, done.summary.published), (0, 1000));
    assert_eq!(open.assert_events_agree().await, 1000);
    assert_eq!(open.storage.event_batches().await.unwrap(), [], "nothing is left beside the events");
}

/// Whoever looks meanwhile sees none of them or all.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn nobody_sees_a_part() {
    for owner in Owner::here([Owner::Sqlite, Owner::Store, Owner::Postgres, Owner::Mongo]) {
        let folder = DataFolder::new(owner);
        let open = Arc::new(folder.open().await);
        let importing = tokio::spawn({
            let open = open.clone();
            async move { import(&open, skills(20)).await.unwrap() }
        });
        let beside = tokio::spawn({
            let open = open.clone();
            async move {
                for at in 0..8 {
                    open.push(&Package::new(&format!("other/p{at}@1.0.0"), "beside")).await.unwrap();
                }
            }
        });
        let filter = Filter { org: Some("acme".to_owned()), ..Filter::default() };
        while !importing.is_finished() {
            let seen = open.registry.count(&Actor::Operator, &filter).await.unwrap();
            assert!(seen == 0 || seen == 20, "{owner:?}: {seen}");
        }
        assert_eq!(importing.await.unwrap().summary.published, 20);
        beside.await.unwrap();
        assert_eq!((there(&open).await, open.assert_events_agree().await), (20, 28), "{owner:?}");
    }
}

/// How many steps it takes.
async fn steps(owner: Owner) -> u64 {
    let folder = DataFolder::new(owner);
    let open = folder.open().await;
    open.meter.arm(None);
    import(&open, skills(3)).await.unwrap();
    open.meter.steps()
}

/// After a failure or a crash: all or none are there, and everything goes on.
async fn assert_whole(open: &Opened, what: &str) {
    open.push(&other()).await.unwrap_or_else(|error| panic!("{what}: the next push: {error}"));
    let seen = there(open).await;
    assert!(seen == 0 || seen == 3, "{what}: {seen} of 3");
    assert_eq!(open.assert_events_agree().await, seen + 1, "{what}");
    assert_eq!(open.storage.event_batches().await.unwrap(), [], "{what}");
    let done = import(open, skills(3)).await.unwrap_or_else(|error| panic!("{what}: again: {error}"));
    assert_eq!(done.summary.published + done.summary.unchanged, 3, "{what}");
    assert_eq!((there(open).await, open.assert_events_agree().await), (3, 4), "{what}");
}

async fn crashes_at_every_step(owner: Owner, when: When) {
    let steps = steps(owner).await;
    assert!(steps >= 30, "twelve blobs, a document and three events: {steps}");
    // A server makes a database for each; there the transaction is what makes it whole, and a part of the steps shows it.
    let stride = if matches!(owner, Owner::Postgres | Owner::Mongo) { 7 } else { 1 };
    for (step, power) in (1..=steps).step_by(stride).flat_map(|step| [(step, true), (step, false)]) {
        let what = format!("{owner:?}, crash {when:?} step {step} of {steps}, power stays: {power}");
        let folder = DataFolder::new(owner);
        let open = folder.open().await;
        open.meter.arm(Some(Fault { step, when, failure: Failure::Crash }));
        let acknowledged = matches!(import(&open, skills(3)).await, Ok(done) if done.summary.failed == 0);
        open.meter.arm(None);
        if !power {
            open.storage.disk().unwrap().lose_power().unwrap();
        }
        drop(open);
        let again = folder.open().await;
        let seen = there(&again).await;
        assert!(seen == 0 || seen == 3, "{what}: {seen} of 3");
        assert!(seen == 3 || !acknowledged, "{what}: what was acknowledged is lost");
        assert_whole(&again, &what).await;
    }
}

/// The database has all of a large batch, and the process ends while the objects of its events are written: first, middle and last ones.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_batch_is_mended_from_its_first_event() {
    const MANY: usize = 700;
    let folder = DataFolder::new(Owner::Sqlite);
    let open = folder.open().await;
    open.meter.arm(None);
    import(&open, skills(MANY)).await.unwrap();
    let steps = open.meter.steps();
    let mut interrupted = 0;
    for (before_the_end, power) in [(300, true), (600, false), (900, true), (1200, true), (1500, true)] {
        let what = format!("{before_the_end} steps before the end, power stays: {power}");
        let folder = DataFolder::new(Owner::Sqlite);
        let open = folder.open().await;
        let (step, when) = (steps - before_the_end, When::Before);
        open.meter.arm(Some(Fault { step, when, failure: Failure::Crash }));
        // What runs beside it takes steps too, so that the place is about so far from the end.
        let acknowledged = import(&open, skills(MANY)).await.is_ok();
        open.meter.arm(None);
        if !power {
            open.storage.disk().unwrap().lose_power().unwrap();
        }
        drop(open);
        let left = folder.open_storage(&Meter::default()).await.last_event(0).await.unwrap();
        interrupted += usize::from(left > 0 && left < MANY as u64);
        let again = folder.open().await;
        let found = again.assert_events_agree().await;
        // The database had all of them before the first was written.
        let may_be_none = left == 0 && !acknowledged;
        assert!(found == MANY as u64 || (found == 0 && may_be_none), "{what}: {found} of {MANY}, {left} before");
    }
    assert!(interrupted >= 3, "{interrupted} of them ended among the events");
}

async fn fails_at_every_step(owner: Owner, when: When) {
    let steps = steps(owner).await;
    for step in 1..=steps {
        let what = format!("{owner:?}, error {when:?} step {step} of {steps}");
        let folder = DataFolder::new(owner);
        let open = folder.open().await;
        open.meter.arm(Some(Fault { step, when, failure: Failure::Error }));
        let acknowledged = matches!(import(&open, skills(3)).await, Ok(done) if done.summary.failed == 0);
        open.meter.arm(None);
        let seen = there(&open).await;
        assert!(if acknowledged { seen == 3 } else { seen == 0 || seen == 3 }, "{what}: {seen} of 3");
        assert_whole(&open, &what).await;
        open.storage.disk().unwrap().lose_power().unwrap();
        drop(open);
        let storage = folder.open_storage(&Meter::default()).await;
        assert_eq!(storage.last_event(0).await.unwrap(), 4, "{what}: events lost");
    }
}

/// What an import of each artifact by itself came to, and the errors of its items.
async fn import_each(open: &Opened, files: Vec<File>) -> (Result<ImportSummary, RegistryError>, Vec<String>) {
    let (sender, mut items) = tokio::sync::mpsc::channel::<ImportItem>(1);
    let received = async {
        let mut errors = Vec::new();
        while let Some(item) = items.recv().await {
            errors.extend(item.error);
        }
        errors
    };
    tokio::join!(open.registry.import(&Actor::Operator, "acme", files, sender), received)
}

/// A full disk is the registry's fault: no artifact is told to be to blame, and the request fails as any other does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_told_of_the_import_and_not_of_what_is_imported() {
    let is_full = |error: &RegistryError| match error {
        RegistryError::Storage(StorageError::Full { .. }) => true,
        RegistryError::Commit(shared) => matches!(**shared, RegistryError::Storage(StorageError::Full { .. })),
        _ => false,
    };
    let (steps, mut full) = (steps(Owner::Sqlite).await, [0, 0]);
    for step in 1..=steps {
        let fault = Some(Fault { step, when: When::Before, failure: Failure::Full });
        let folder = DataFolder::new(Owner::Sqlite);
        let open = folder.open().await;
        open.meter.arm(fault);
        match import(&open, skills(3)).await {
            Ok(done) => assert_eq!(done.summary.failed, 0, "step {step}: {:?}", done.items),
            Err(error) => full[0] += u64::from(is_full(&error)),
        }
        let folder = DataFolder::new(Owner::Sqlite);
        let open = folder.open().await;
        open.meter.arm(fault);
        let (summary, errors) = import_each(&open, skills(3)).await;
        assert_eq!(errors, Vec::<String>::new(), "step {step}");
        full[1] += u64::from(summary.is_err_and(|error| is_full(&error)));
    }
    assert!(full.iter().all(|times| *times > 12), "twelve blobs at least: {full:?} of {steps}");
}

macro_rules! on_owners {
    ($($name:ident: $run:ident, $owner:ident, $when:ident;)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            if !Owner::here([Owner::$owner]).is_empty() {
                $run(Owner::$owner, When::$when).await;
            }
        }
    )*};
}

on_owners! {
    sqlite_takes_a_thousand: takes_a_thousand, Sqlite, Before;
    store_takes_a_thousand: takes_a_thousand, Store, Before;
    postgres_takes_a_thousand: takes_a_thousand, Postgres, Before;
    mongodb_takes_a_thousand: takes_a_thousand, Mongo, Before;
    store_crashes_before_every_step: crashes_at_every_step, Store, Before;
    store_crashes_after_every_step: crashes_at_every_step, Store, After;
    store_fails_before_every_step: fails_at_every_step, Store, Before;
    store_fails_after_every_step: fails_at_every_step, Store, After;
    sqlite_crashes_before_every_step: crashes_at_every_step, Sqlite, Before;
    sqlite_fails_after_every_step: fails_at_every_step, Sqlite, After;
    postgres_crashes_after_every_step: crashes_at_every_step, Postgres, After;
    mongodb_crashes_before_every_step: crashes_at_every_step, Mongo, Before;
}
