//! How soon a registry without a database is ready: it reads its snapshot and the events behind it.

use std::path::Path;
use std::time::{Duration, Instant};

use futures::{StreamExt as _, stream};
use pcl_registry::domain::Area;
use pcl_registry::storage::{Key, Owner, Storage};
use serde_json::Value;

use crate::connection::Connection;
use crate::population::Population;
use crate::server::Server;
use crate::table::{Table, mib, thousands};

const ARTIFACTS: u64 = 100_000;
/// Files that are written at once.
const WRITES: usize = 16;
/// How often a start is measured.
const STARTS: usize = 5;

/// Starts of a registry with so many packages, without a snapshot and with one.
pub fn starts() -> Table {
    let remark = format!(
        "`--metadata memory:`, {} packages of one version. Without a snapshot every event and record is read, and the index is made anew; with \
         one, what it holds and the events behind it.",
        thousands(ARTIFACTS as f64)
    );
    let mut table = Table::new("Starts without a database", &remark, &["start", "ready after, s", "resident MiB"]);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(publish(&data.join("store"), ARTIFACTS));
    table.row(&row("from the events alone", vec![start(&data, true)]));
    // Half a million files are still being written.
    let synced = std::process::Command::new("sync").status().expect("sync runs");
    assert!(synced.success());
    table.row(&row(&format!("from a snapshot, half of {STARTS}"), (0..STARTS).map(|_| start(&data, false)).collect()));
    table
}

fn row(what: &str, mut starts: Vec<(f64, u64)>) -> [String; 3] {
    starts.sort_by(|one, other| one.0.total_cmp(&other.0));
    let (seconds, memory) = starts[starts.len() / 2];
    [what.to_owned(), format!("{seconds:.2}"), mib(memory)]
}

/// Writes what so many publishes leave behind.
pub async fn publish(store: &Path, artifacts: u64) {
    let storage = Storage::open_disk(store).await.expect("a store");
    storage.check_format().await.expect("its format");
    storage.claim_owner(&Owner::Store).await.expect("an owner");
    // Ten versions of each package, of which the first is taken.
    let population = Population { packages: artifacts };
    let publish = |package: u64| {
        let storage = storage.clone();
        async move {
            let mut published = population.published(population.event_of(package, 0));
            for (digest, bytes) in published.blobs {
                storage.put_blob(&Area::Public, bytes, &digest).await.expect("the blob is put");
            }
            let event = &mut published.replay.event;
            event.n = package + 1;
            storage.create(&Key::Event(event.n), event.to_bytes()).await.expect("the event is created");
        }
    };
    stream::iter(0..artifacts).map(publish).buffer_unordered(WRITES).collect::<()>().await;
}

/// Seconds until it is ready, and its memory then. The first is stopped when a snapshot is written and searches see everything.
pub fn start(data: &Path, is_first: bool) -> (f64, u64) {
    let begun = Instant::now();
    let server = Server::start_on(data, "memory:");
    let mut connection = Connection::open(server.address);
    while connection.send("GET", "/ready", "", &[]).status != 200 {
        std::thread::sleep(Duration::from_millis(1));
    }
    let (seconds, memory) = (begun.elapsed().as_secs_f64(), server.processes.memory().now);
    let snapshots = data.join("store/events/snapshot");
    let mut is_whole = || {
        let health: Value = serde_json::from_slice(&connection.send("GET", "/ready", "", &[]).body).expect("JSON");
        health["indexed"] == health["head"]
            && std::fs::read_dir(&snapshots).is_ok_and(|mut found| found.next().is_some())
    };
    while is_first && !is_whole() {
        assert!(begun.elapsed() < Duration::from_secs(600), "a snapshot is written, and all is found");
        std::thread::sleep(Duration::from_millis(100));
    }
    (seconds, memory)
}
