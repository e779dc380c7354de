//! Events that are missing, altered, cut, or of another registry.

use pcl_registry::registry::{Finding, Mend, Severity};
use pcl_registry::storage::{Failure, Fault, Key, When};

use super::support::{After, assert_clean, file_of, filled, found, fsck, kinds, spoiled, sql};
use crate::inside::{DataFolder, Owner, Package};
use crate::rebuild::close;

fn event_of(folder: &DataFolder, n: u64) -> std::path::PathBuf {
    file_of(folder, &Key::Event(n))
}

fn edit(folder: &DataFolder, n: u64, change: impl FnOnce(String) -> String) {
    let path = event_of(folder, n);
    let text = std::fs::read_to_string(&path).unwrap();
    let changed = change(text.clone());
    assert_ne!(changed, text);
    std::fs::write(path, changed).unwrap();
}

fn remove(n: u64) -> impl FnOnce(&DataFolder) {
    move |folder| std::fs::remove_file(event_of(folder, n)).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_event_is_written_again_from_the_database() {
    for n in [1, 7] {
        spoiled(Owner::Sqlite, remove(n), &["event-missing"], Severity::Untidy, After::Mended).await;
    }
    for owner in Owner::here([Owner::Postgres, Owner::Mongo]) {
        spoiled(owner, remove(7), &["event-missing"], Severity::Untidy, After::Mended).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gap_without_a_database_is_damage() {
    let expected = ["event-missing", "fold-stopped"];
    let folder = spoiled(Owner::Store, remove(7), &expected, Severity::Damage, After::Left).await;
    let report = fsck(&folder, Mend::Nothing).await;
    assert!(matches!(report.found[1].finding, Finding::FoldStopped { event: 7, .. }), "{report:?}");
    assert!(report.summary.notes.len() == 1 && report.summary.blobs.number > 30, "the bytes are hashed all the same");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn altered_events_are_told_and_come_back_from_the_database() {
    let changes: [fn(String) -> String; 5] = [
        |text| text.replace("\"n\":7", "\"n\": 7"),
        |text| text.replace("\"n\":7", "\"n\":8"),
        |text| text.replace("\"v\":1", "\"v\":9"),
        |text| text[..text.len() / 2].to_owned(),
        |_| String::new(),
    ];
    for change in changes {
        let spoil = |folder: &DataFolder| edit(folder, 7, change);
        spoiled(Owner::Sqlite, spoil, &["event-damaged"], Severity::Untidy, After::Mended).await;
    }
    let spoil = |folder: &DataFolder| edit(folder, 7, changes[0]);
    let expected = ["event-damaged", "fold-stopped"];
    let folder = spoiled(Owner::Store, spoil, &["event-damaged"], Severity::Damage, After::Left).await;
    edit(&folder, 7, changes[3]);
    found(&folder, &expected, Severity::Damage, After::Left).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_of_another_registry_is_never_replaced() {
    // An id of another making: as whole as the one before.
    let spoil = |folder: &DataFolder| {
        edit(folder, 7, |text| {
            let at = text.find("\"id\":\"").unwrap() + 6;
            format!("{}00000000{}", &text[..at], &text[at + 8..])
        });
    };
    let folder = spoiled(Owner::Sqlite, spoil, &["event-diverged"], Severity::Damage, After::Left).await;
    assert!(std::fs::read_to_string(event_of(&folder, 7)).unwrap().contains("\"id\":\"00000000"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_the_database_has_wrong_is_told_as_its_own() {
    let spoil = |folder: &DataFolder| sql(folder, "UPDATE events SET bytes = x'7b7d' WHERE n = 7");
    spoiled(Owner::Sqlite, spoil, &["ledger-damaged"], Severity::Damage, After::Left).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_last_event_of_a_store_that_owns_itself_never_was() {
    let folder = filled(Owner::Store).await;
    let open = folder.open().await;
    open.push(&Package::new("acme/review@3.0.0", "cut")).await.unwrap();
    close(&folder, open).await;
    let last = fsck(&folder, Mend::Nothing).await.summary.events;
    edit(&folder, last, |text| text[..text.len() / 2].to_owned());
    found(&folder, &["event-cut"], Severity::Untidy, After::Mended).await;
    assert_eq!(fsck(&folder, Mend::Nothing).await.summary.events, last - 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_database_is_behind() {
    let folder = filled(Owner::Sqlite).await;
    sql(&folder, "PRAGMA wal_checkpoint(TRUNCATE)");
    let older = std::fs::read(folder.database()).unwrap();
    let open = folder.open().await;
    open.push(&Package::new("acme/review@3.0.0", "later")).await.unwrap();
    close(&folder, open).await;
    for suffix in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", folder.database().display()));
    }
    std::fs::write(folder.database(), older).unwrap();
    found(&folder, &["store-ahead"], Severity::Untidy, After::Left).await;
    pcl_registry::registry::catch_up_catalog(folder.path(), &folder.metadata(), |_| {}).await.unwrap();
    assert_clean(&fsck(&folder, Mend::Nothing).await);
}

/// An import all or nothing that ends with the process, in the middle of its events.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_batch_is_finished_or_removed() {
    let (mut begun, mut never) = (0, 0);
    for step in 1.. {
        let folder = DataFolder::new(Owner::Store);
        let open = folder.open().await;
        open.push(&super::support::review()).await.unwrap();
        open.meter.arm(Some(Fault { step, when: When::Before, failure: Failure::Crash }));
        let files = (0..3).map(|at| pcl_registry::domain::File {
            path: format!("skill-{at}/SKILL.md").parse().unwrap(),
            executable: false,
            content: format!("---\nname: skill-{at}\ndescription: one\n---\n{at}\n").into(),
        });
        let done = open.registry.import_whole(&pcl_registry::domain::Actor::Operator, "acme", files.collect()).await;
        let is_done = matches!(&done, Ok(done) if done.summary.failed == 0);
        open.meter.arm(None);
        close(&folder, open).await;
        // Looking passes over what is younger than a server would need for it; mending does not.
        assert_clean(&fsck(&folder, Mend::Nothing).await);
        let mended = fsck(&folder, Mend::WhatCanBe).await;
        for found in &mended.found {
            match found.finding {
                Finding::BatchInterrupted { has_begun: true, .. } => begun += 1,
                Finding::BatchInterrupted { has_begun: false, .. } => never += 1,
                ref other => panic!("step {step}: {other:?}"),
            }
        }
        assert_eq!(mended.worst(), None, "step {step}: {mended:?}");
        assert_clean(&fsck(&folder, Mend::WhatCanBe).await);
        if is_done {
            break;
        }
    }
    assert!(begun > 1 && never > 0, "{begun} begun, {never} that never were");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_never_was_is_removed() {
    for owner in [Owner::Sqlite, Owner::Store] {
        let key = Key::EventBatch(pcl_registry::domain::Digest::sha256(b"of nothing"));
        let spoil = |folder: &DataFolder| super::support::put(file_of(folder, &key), b"cut");
        let folder = spoiled(owner, spoil, &["batch-interrupted"], Severity::Untidy, After::Mended).await;
        assert!(!file_of(&folder, &key).exists());
        assert!(kinds(&fsck(&folder, Mend::Nothing).await).is_empty());
    }
}
