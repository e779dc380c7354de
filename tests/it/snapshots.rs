//! A registry without a database begins with a snapshot of its catalogue, if there is one that can be believed.

use std::path::PathBuf;

use pcl_registry::domain::Actor;
use pcl_registry::meta::{SNAPSHOT, contract};
use pcl_registry::registry::{Limits, Metadata, open_data};
use pcl_registry::storage::{Failure, Fault, Key, When};
use serde_json::Value;

use crate::inside::{DataFolder, Opened, Owner, Package};
use crate::rebuild::close;

fn path(folder: &DataFolder, key: &Key) -> PathBuf {
    folder.path().join("store").join(key.path())
}

fn snapshots(folder: &DataFolder) -> Vec<u64> {
    let names = std::fs::read_dir(folder.path().join("store/events/snapshot"));
    let names = names.into_iter().flatten().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut numbers: Vec<u64> = names.map(|name| name.parse().expect("nothing else lies there")).collect();
    numbers.sort_unstable();
    numbers
}

async fn push(open: &Opened, specs: &[&str]) {
    for spec in specs {
        open.push(&Package::new(spec, spec)).await.unwrap();
    }
}

async fn dump(open: &Opened) -> Value {
    contract::dump(&open.meta).await.unwrap()
}

/// A folder with four events, closed, and what its catalogue holds.
async fn folder() -> (DataFolder, Value) {
    let folder = DataFolder::new(Owner::Store);
    let open = folder.open().await;
    push(&open, &["acme/a@1.0.0", "acme/a@1.1.0", "acme/b@1.0.0"]).await;
    let name = Package::new("acme/a@1.0.0", "").name();
    open.registry.yank(&Actor::Operator, &name, &"1.1.0".parse().unwrap(), Some("no good")).await.unwrap();
    let whole = dump(&open).await;
    close(&folder, open).await;
    (folder, whole)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_reads_a_snapshot_and_the_events_after_it() {
    let (folder, whole) = folder().await;
    let open = folder.open().await;
    assert_eq!(open.registry.save_snapshot().await.unwrap(), Some(4));
    assert_eq!(open.registry.save_snapshot().await.unwrap(), None, "nothing new");
    assert_eq!(dump(&open).await, whole, "events that were let go of are read from the store");
    push(&open, &["acme/c@1.0.0"]).await;
    let longer = dump(&open).await;
    close(&folder, open).await;
    assert_eq!(snapshots(&folder), [4]);
    // Who reads the first event now, finds none: the snapshot is what counts.
    let first = path(&folder, &Key::Event(1));
    let kept = std::fs::read(&first).unwrap();
    std::fs::write(&first, b"{}").unwrap();
    let open = folder.open().await;
    push(&open, &["acme/d@1.0.0"]).await;
    std::fs::write(&first, kept).unwrap();
    let package = Package::new("acme/a@1.0.0", "").name();
    let (history, _) = open.registry.history(&Actor::Operator, &package, None, 10).await.unwrap();
    assert_eq!(history.iter().map(|entry| entry.event).collect::<Vec<_>>(), [4, 2, 1]);
    open.registry.settled().await;
    assert_eq!(open.registry.indexed(), 6, "an index that is made anew reads the events from the store");
    let now = dump(&open).await;
    assert_ne!(now, longer);
    assert_eq!(open.registry.save_snapshot().await.unwrap(), Some(6));
    assert_eq!(snapshots(&folder), [6], "the one before is gone");
    close(&folder, open).await;
    // Without any: every event is read, and it is the same.
    std::fs::remove_dir_all(folder.path().join("store/events/snapshot")).unwrap();
    let open = folder.open().await;
    assert_eq!(dump(&open).await, now);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn snapshots_are_written_beside_the_requests() {
    let folder = DataFolder::new(Owner::Store);
    let open = folder.open_with(Limits { snapshot_every: 3, ..Limits::default() }, |meta| meta).await;
    push(&open, &["acme/a@1.0.0", "acme/a@1.1.0"]).await;
    assert!(snapshots(&folder).is_empty());
    push(&open, &["acme/a@1.2.0"]).await;
    while snapshots(&folder).is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(snapshots(&folder), [3]);
    push(&open, &["acme/a@1.3.0", "acme/a@1.4.0", "acme/a@1.5.0"]).await;
    while snapshots(&folder) != [6] {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_believed_costs_a_replay_and_is_replaced() {
    let (folder, whole) = folder().await;
    let open = folder.open().await;
    open.registry.save_snapshot().await.unwrap();
    close(&folder, open).await;
    let at = path(&folder, &Key::EventSnapshot(4));
    let good = std::fs::read(&at).unwrap();
    // Every place where a text of as many bytes is.
    let with = |from: &str, to: &str| {
        let (mut bytes, from, to) = (good.clone(), from.as_bytes(), to.as_bytes());
        let places: Vec<usize> = (0..bytes.len() - from.len()).filter(|at| bytes[*at..].starts_with(from)).collect();
        assert!(!places.is_empty() && from.len() == to.len());
        places.into_iter().for_each(|at| bytes[at..at + to.len()].copy_from_slice(to));
        bytes
    };
    let other = {
        let (folder, _) = self::folder().await;
        let open = folder.open().await;
        open.registry.save_snapshot().await.unwrap();
        close(&folder, open).await;
        std::fs::read(path(&folder, &Key::EventSnapshot(4))).unwrap()
    };
    let bad = [
        ("empty", Vec::new()),
        ("cut", good[..good.len() / 2].to_vec()),
        ("its digest is absent", good[..good.len() - 32].to_vec()),
        ("a row was changed by hand", with("1.1.0", "1.1.1")),
        ("of another registry", other),
        ("no text at all", vec![0xff; 4096]),
    ];
    for (what, bytes) in bad {
        std::fs::write(&at, bytes).unwrap();
        let open = folder.open().await;
        assert_eq!(dump(&open).await, whole, "{what}");
        assert_eq!(open.registry.save_snapshot().await.unwrap(), Some(4), "{what}: it is replaced");
        close(&folder, open).await;
        let open = folder.open().await;
        assert_eq!(dump(&open).await, whole, "{what}");
        assert_eq!(open.registry.save_snapshot().await.unwrap(), None, "{what}: it was believed");
        close(&folder, open).await;
    }
    // A newer program may want its own again.
    let newer = with(&format!("\"snapshot\":{SNAPSHOT}"), &format!("\"snapshot\":{}", SNAPSHOT + 1));
    std::fs::write(&at, &newer).unwrap();
    let open = folder.open().await;
    assert_eq!(dump(&open).await, whole);
    assert_eq!(open.registry.save_snapshot().await.unwrap(), None);
    assert_eq!(std::fs::read(&at).unwrap(), newer);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_snapshot_stands_in_for_one_that_is_damaged() {
    let (folder, whole) = folder().await;
    let open = folder.open().await;
    open.registry.save_snapshot().await.unwrap();
    close(&folder, open).await;
    std::fs::write(path(&folder, &Key::EventSnapshot(9)), b"{\"snapshot\":1").unwrap();
    std::fs::write(path(&folder, &Key::Event(1)), b"{}").unwrap();
    let open = folder.open().await;
    push(&open, &["acme/c@1.0.0"]).await;
    close(&folder, open).await;
    assert_eq!(snapshots(&folder), [4, 9]);
    assert_eq!(whole["head"]["n"], 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_that_fails_or_crashes_at_any_write_does_no_harm() {
    let steps = {
        let (folder, _) = folder().await;
        let open = folder.open().await;
        open.registry.save_snapshot().await.unwrap();
        push(&open, &["acme/z@1.0.0"]).await;
        open.meter.arm(None);
        open.registry.save_snapshot().await.unwrap();
        open.meter.steps()
    };
    assert!(steps >= 4, "staged, named, synced, and the old one deleted: {steps}");
    for step in 1..=steps {
        for when in [When::Before, When::After] {
            for (failure, power) in
                [(Failure::Error, true), (Failure::Full, true), (Failure::Crash, true), (Failure::Crash, false)]
            {
                let what = format!("{failure:?} {when:?} step {step} of {steps}, power stays: {power}");
                let (folder, _) = folder().await;
                let open = folder.open().await;
                open.registry.save_snapshot().await.unwrap();
                push(&open, &["acme/z@1.0.0"]).await;
                let whole = dump(&open).await;
                open.meter.arm(Some(Fault { step, when, failure }));
                let _ = open.registry.save_snapshot().await;
                open.meter.arm(None);
                if !power {
                    open.storage.disk().unwrap().lose_power().unwrap();
                } else if failure != Failure::Crash {
                    assert_eq!(dump(&open).await, whole, "{what}");
                    push(&open, &["acme/next@1.0.0"]).await;
                    assert!(open.registry.save_snapshot().await.unwrap().is_some(), "{what}: the next one is written");
                    assert_eq!(snapshots(&folder).last(), Some(&6), "{what}");
                    continue;
                }
                close(&folder, open).await;
                let open = folder.open().await;
                assert_eq!(dump(&open).await, whole, "{what}");
                push(&open, &["acme/next@1.0.0"]).await;
                assert_eq!(open.registry.save_snapshot().await.unwrap(), Some(6), "{what}");
                assert_eq!(snapshots(&folder), [6], "{what}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_while_a_snapshot_is_written_are_whole_in_the_next_start() {
    let folder = DataFolder::new(Owner::Store);
    let open = folder.open_with(Limits { snapshot_every: 1, ..Limits::default() }, |meta| meta).await;
    for round in 0..40 {
        push(&open, &[&format!("acme/p{}@1.{round}.0", round % 5)]).await;
    }
    let whole = dump(&open).await;
    close(&folder, open).await;
    assert!(!snapshots(&folder).is_empty());
    let open = open_data(folder.options(Metadata::Memory)).await.unwrap();
    drop(open);
    let open = folder.open().await;
    assert_eq!(dump(&open).await, whole);
}

/// Prints how long a start takes with so many artifacts; not a test of the ordinary run, as it takes minutes to make them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures: PCLR_ARTIFACTS=100000 cargo nextest run --release --run-ignored all -E 'test(snapshots::measure)' --no-capture"]
async fn measure_a_start() {
    let artifacts: usize = std::env::var("PCLR_ARTIFACTS").map_or(10_000, |text| text.parse().unwrap());
    let folder = DataFolder::new(Owner::Store);
    let open = folder.open_with(Limits { snapshot_every: u64::MAX, ..Limits::default() }, |meta| meta).await;
    // Straight into the memory: what a push costs is measured elsewhere.
    let world = contract::World::over(open.meta.clone());
    for number in 0..artifacts {
        let spec = format!("org{}/artifact-{number}@1.0.0", number % 97);
        let mut artifact = contract::Artifact::new(&spec).unwrap().labels(
            &["review", "code", &format!("tag-{}", number % 500)],
            &["reading", &format!("skill-{}", number % 300)],
        );
        artifact.about.description = Some(format!("{number}: {}", "what it is for, in a sentence or two. ".repeat(6)));
        artifact.about.metadata.insert(
            "governance".into(),
            serde_json::json!({ "risk": number % 4, "owner": "a team", "reviewed": true, "tone": "x".repeat(300) }),
        );
        world.push(&artifact).await.unwrap();
    }
    for (n, bytes) in open.meta.ledger.events(0, artifacts).await.unwrap() {
        open.storage.create(&Key::Event(n), bytes).await.unwrap();
    }
    let begun = std::time::Instant::now();
    open.registry.save_snapshot().await.unwrap();
    let written = begun.elapsed();
    let length = std::fs::metadata(path(&folder, &Key::EventSnapshot(artifacts as u64))).unwrap().len();
    close(&folder, open).await;
    let begun = std::time::Instant::now();
    let open = folder.open().await;
    let opened = begun.elapsed();
    assert_eq!(open.meta.ledger.head().await.unwrap().n, artifacts as u64);
    println!("{artifacts} artifacts: snapshot of {length} bytes written in {written:?}, opened in {opened:?}");
}
