//! How fast `pclr fsck` is, beside `sha256sum` of the same files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use pcl_registry::domain::{Area, Digest};
use pcl_registry::storage::{Owner, Storage};

use crate::document;
use crate::made::{Made, noise};
use crate::push::push_all;
use crate::server::Server;
use crate::table::{Table, thousands};

/// The best of so many, in turn.
const ROUNDS: usize = 3;
const LARGE: usize = 64 << 20;
const LARGE_BLOBS: u8 = 32;
/// Each has four blobs: config, layer, manifest and record.
const PACKAGES: u64 = 5_000;
/// Bytes of the text of each, which compress to about half.
const TEXT: usize = 24_000;

/// Measures both, and writes it down.
pub fn run() {
    let remark = "One thread of `sha256sum` over the files of all blobs, and `pclr fsck` over everything, events, references and catalogue \
                  included. Both read from the page cache, in turn; the best of three.";
    let columns = ["store", "files", "MB", "sha256sum, MB/s", "pclr fsck, MB/s", "ratio"];
    let mut table = Table::new("Checking a store", remark, &columns);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let large = folder.path().join("large");
    runtime.block_on(write_large(&large.join("store")));
    table.row(&row(&format!("{LARGE_BLOBS} blobs of {} MiB", LARGE >> 20), &large));
    let small = folder.path().join("small/data");
    publish(&small);
    table.row(&row(&format!("{} packages", thousands(PACKAGES as f64)), &small));
    document::write_part("fsck", &document::printed(&[table]));
}

async fn write_large(store: &Path) {
    let storage = Storage::open_disk(store).await.expect("a store");
    storage.claim_owner(&Owner::Store).await.expect("an owner");
    for seed in 0..LARGE_BLOBS {
        let mut state = u64::from(seed) + 1;
        let bytes: Vec<u8> = (0..LARGE / 8)
            .flat_map(|_| {
                // xorshift64, Marsaglia 2003: nothing that a disk could keep smaller.
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state.to_le_bytes()
            })
            .collect();
        let digest = Digest::sha256(&bytes);
        storage.put_blob(&Area::Public, Bytes::from(bytes), &digest).await.expect("the blob is put");
    }
}

/// By a server, so that whatever an event names is there.
fn publish(data: &Path) {
    let skill = |number| {
        let text: String = noise(number, TEXT / 2).iter().map(|byte| format!("{byte:02x}")).collect();
        Made::skill(&format!("org-{}/skill-{number}", number % 50), "A skill", &text)
    };
    let made: Vec<Made> = (0..PACKAGES).map(skill).collect();
    fs::create_dir_all(data).expect("a data folder");
    let pushed = push_all(&Server::start_on(data, "memory:"), 8, Duration::from_secs(600), &made);
    assert_eq!(pushed.artifacts, made.len(), "all are published");
}

fn row(what: &str, data: &Path) -> [String; 6] {
    let files = files_in(&data.join("store/public/blobs"));
    let bytes: u64 = files.iter().map(|file| fs::metadata(file).expect("a file").len()).sum();
    let megabytes = bytes as f64 / 1e6;
    let list = data.join("files");
    let names: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    fs::write(&list, names.join("\n")).expect("the list is written");
    let (mut peer, mut ours) = (f64::MAX, f64::MAX);
    for _ in 0..ROUNDS {
        let sums = ["-a", list.to_str().expect("text"), "-d", "\\n", "sha256sum"];
        peer = peer.min(seconds(Command::new("xargs").args(sums)));
        let fsck = ["fsck", "--quiet", "--metadata", "memory:", "--data", data.to_str().expect("text")];
        ours = ours.min(seconds(Command::new(env!("CARGO_BIN_EXE_pclr")).args(fsck)));
    }
    let rate = |seconds: f64| thousands(megabytes / seconds);
    [
        what.to_owned(),
        thousands(files.len() as f64),
        thousands(megabytes),
        rate(peer),
        rate(ours),
        format!("{:.2}", peer / ours),
    ]
}

fn seconds(command: &mut Command) -> f64 {
    let begun = Instant::now();
    let status = command.stdout(Stdio::null()).status().expect("it runs");
    assert!(status.success(), "{command:?}: {status}");
    begun.elapsed().as_secs_f64()
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { files.extend(files_in(&path)) } else { files.push(path) }
    }
    files
}
