//! A registry serves with the store, is stopped and started, crashes, and moves away from it and back.

use std::path::Path;
use std::sync::Arc;

use pcl_registry::domain::Actor;
use pcl_registry::meta::{Memory, Table};
use pcl_registry::registry::{CarryAccounts, Committing, Limits, Moving, Side};
use pcl_registry::storage::Meter;

use super::store::Foreign;
use crate::inside::{DataFolder, Opened, Owner, Package};
use crate::moving::registry::{Held, accounts, everything};
use crate::rebuild::{close, version};

fn file(folder: &DataFolder) -> std::path::PathBuf {
    folder.path().join("metadata.journal")
}

async fn open(folder: &DataFolder, path: &Path) -> Opened {
    // What the folder would open by itself makes way for the store.
    let foreign = Arc::new(Foreign::open(path).unwrap());
    folder.open_with(Limits::default(), move |_| foreign.meta()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_serves_with_it_and_finds_all_after_a_restart() {
    let folder = DataFolder::new(Owner::Sqlite);
    let path = file(&folder);
    let opened = open(&folder, &path).await;
    everything(&opened, &folder).await;
    accounts(&opened).await;
    let (held, events) = (Held::of(&opened).await, opened.assert_events_agree().await);
    close(&folder, opened).await;
    let opened = open(&folder, &path).await;
    held.assert_is(&opened, &Table::ALL, "after a restart").await;
    opened.push(&Package::new("acme/next@1.0.0", "goes on")).await.unwrap();
    assert_eq!(opened.assert_events_agree().await, events + 1);
    let next = Package::new("acme/next@1.0.0", "goes on").name();
    opened.registry.yank(&Actor::Operator, &next, &version("1.0.0"), None).await.unwrap();
    close(&folder, opened).await;
}

/// A line that was cut was never acknowledged, and what stands before it is whole.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_a_line_at_the_end_was_never_committed() {
    let folder = DataFolder::new(Owner::Sqlite);
    let path = file(&folder);
    let opened = open(&folder, &path).await;
    opened.push(&Package::new("acme/first@1.0.0", "the first")).await.unwrap();
    let whole = std::fs::read(&path).unwrap();
    close(&folder, opened).await;
    let torn = [whole.as_slice(), b"{\"head\":\"[2,"].concat();
    std::fs::write(&path, torn).unwrap();
    let opened = open(&folder, &path).await;
    assert!(opened.has(&Package::new("acme/first@1.0.0", "the first")).await);
    opened.push(&Package::new("acme/second@1.0.0", "the second")).await.unwrap();
    close(&folder, opened).await;
    let opened = open(&folder, &path).await;
    assert!(opened.has(&Package::new("acme/second@1.0.0", "the second")).await);
    assert_eq!(opened.assert_events_agree().await, 2);
}

fn side(path: &Path) -> Side {
    Side { meta: Arc::new(Foreign::open(path).unwrap()).meta(), committing: Committing::Database }
}

async fn moves(folder: &DataFolder, from: Side, to: Side) {
    let storage = folder.open_storage(&Meter::default()).await;
    let moving = Moving { storage, from, to, batch: 100, accounts: CarryAccounts::Always };
    moving.run(|_, _| {}).await.unwrap();
}

/// The store is one to move from, and to, as those of the library are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_catalogue_moves_there_and_back() {
    let folder = DataFolder::new(Owner::Sqlite);
    let path = file(&folder);
    let opened = open(&folder, &path).await;
    everything(&opened, &folder).await;
    let held = Held::of(&opened).await;
    close(&folder, opened).await;
    let memory = || {
        let memory = Arc::new(Memory::new());
        Side { meta: memory.clone().meta(), committing: Committing::Store(memory) }
    };
    let second = folder.path().join("second.journal");
    for (from, to) in [(side(&path), memory()), (memory(), side(&second))] {
        moves(&folder, from, to).await;
    }
    held.assert_is(&open(&folder, &second).await, &Table::CATALOGUE, "there and back").await;
}

/// From one file to another nothing stays behind: users, tokens, downloads and stars move, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_of_it_moves_to_a_second_file() {
    let folder = DataFolder::new(Owner::Sqlite);
    let path = file(&folder);
    let opened = open(&folder, &path).await;
    everything(&opened, &folder).await;
    accounts(&opened).await;
    let held = Held::of(&opened).await;
    close(&folder, opened).await;
    let second = folder.path().join("second.journal");
    moves(&folder, side(&path), side(&second)).await;
    held.assert_is(&open(&folder, &second).await, &Table::ALL, "moved").await;
}
