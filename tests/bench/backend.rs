//! A catalogue of any size in each durable database, made once in a folder and used again: its rows, as much of its object store
//! as the measurements read, and its search index.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Instant;

use bytes::Bytes;
use pcl_registry::domain::{Area, Digest};
use pcl_registry::meta::{Address, Meta, Mongo, Postgres, Replay, Sqlite};
use pcl_registry::search::{Document, Index};
use pcl_registry::storage::{Owner, Storage};

use crate::popularity;
use crate::population::{Population, RELEASES};

/// Of every so many packages the bytes are there too: manifests and records, what reads of a version open.
pub const SAMPLE: u64 = 20;
/// Events in one transaction while the catalogue is made.
const BATCH: usize = 500;

/// A durable database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    Sqlite,
    Postgres,
    Mongodb,
}

impl Backend {
    pub const ALL: [Self; 3] = [Self::Sqlite, Self::Postgres, Self::Mongodb];

    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::Mongodb => "mongodb",
        }
    }

    /// What is set that matters for its speed and for what survives a loss of power.
    pub fn settings(self) -> &'static str {
        match self {
            Self::Sqlite => "WAL, synchronous=FULL for changes",
            Self::Postgres => "fsync, full_page_writes and synchronous_commit on, shared_buffers=1GB, max_wal_size=4GB",
            Self::Mongodb => "a replica set of one, writes journaled and with a majority, a cache of 1 GB",
        }
    }
}

/// A filled database with its folder.
pub struct Filled {
    pub backend: Backend,
    /// The data folder of the server.
    pub data: PathBuf,
    /// What `--metadata` is to be.
    pub metadata: String,
    /// The last event.
    pub head: u64,
    services: Option<PathBuf>,
}

impl Drop for Filled {
    fn drop(&mut self) {
        if let Some(folder) = &self.services {
            let _ = services("stop").arg(folder).status();
        }
    }
}

fn services(verb: &str) -> Command {
    let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/services"));
    command.env("PCLR_DURABLE", "1").arg(verb);
    command
}

impl Filled {
    /// Makes what is not there yet below `folder`.
    pub fn open(backend: Backend, population: Population, folder: &Path) -> Self {
        let own = folder.join(backend.name());
        fs::create_dir_all(&own).expect("a folder for the database");
        let own = own.canonicalize().expect("it is there");
        let (metadata, services) = start(backend, &own);
        let mut filled = Self { backend, data: own.join("data"), metadata, head: 0, services };
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(filled.fill(population, folder));
        filled
    }

    async fn meta(&self) -> Meta {
        match self.backend {
            Backend::Sqlite => {
                let path = self.metadata.trim_start_matches("sqlite:");
                Arc::new(Sqlite::open(path).expect("SQLite opens")).meta()
            }
            Backend::Postgres => {
                let address: Address = self.metadata.parse().expect("an address");
                Arc::new(Postgres::open(&address).await.expect("PostgreSQL opens")).meta()
            }
            Backend::Mongodb => Arc::new(Mongo::open(&self.metadata).await.expect("MongoDB opens")).meta(),
        }
    }

    async fn fill(&mut self, population: Population, folder: &Path) {
        let meta = self.meta().await;
        let storage = Storage::open_disk(&self.data.join("store")).await.expect("a store");
        storage.check_format().await.expect("its format");
        let id = meta.ledger.identity().await.expect("an identity");
        let owner = Owner::Database { id };
        let found = storage.claim_owner(&owner).await.expect("an owner");
        assert_eq!(found, owner, "the store in {} belongs to another database: remove it", self.data.display());
        let begun = meta.ledger.head().await.expect("a head").n;
        if begun < population.versions() {
            replay(&meta, population, begun).await;
        }
        if !self.data.join("complete").exists() {
            put_sample(&storage, population).await;
            copy_index(population, folder, &self.data.join("search"));
            fs::write(self.data.join("complete"), "").expect("a mark");
        }
        popularity::fill(&meta, population, &self.data.join("popular")).await;
        self.head = meta.ledger.head().await.expect("a head").n;
    }

    /// Bytes that the database takes on the disk.
    pub fn bytes(&self) -> u64 {
        self.files().iter().map(|path| size(path)).sum()
    }

    /// Reads the database's files once, so that they are in memory as they are where a registry has run for a while: some machines
    /// take from memory what nobody asked for in the last minutes.
    pub fn warm(&self) {
        self.files().iter().for_each(|path| read(path));
    }

    fn files(&self) -> Vec<PathBuf> {
        match &self.services {
            Some(folder) => vec![folder.join(self.backend.name())],
            None => vec![self.data.join("metadata.sqlite"), self.data.join("metadata.sqlite-wal")],
        }
    }
}

fn read(path: &Path) {
    match fs::read_dir(path) {
        Ok(entries) => entries.flatten().for_each(|entry| read(&entry.path())),
        // A database removes files now and then.
        Err(_) => drop(fs::File::open(path).map(|mut file| std::io::copy(&mut file, &mut std::io::sink()))),
    }
}

fn size(path: &Path) -> u64 {
    // Their logs are as large as they are set to be, whatever is in the tables.
    let logs = ["--exclude=pg_wal", "--exclude=journal"];
    let output = Command::new("du").args(["-sB1"]).args(logs).arg(path).output().expect("du runs");
    String::from_utf8_lossy(&output.stdout).split_whitespace().next().and_then(|bytes| bytes.parse().ok()).unwrap_or(0)
}

/// Starts the server, if the database has one. The address, and the folder of the server.
fn start(backend: Backend, folder: &Path) -> (String, Option<PathBuf>) {
    let data = folder.join("data");
    fs::create_dir_all(&data).expect("a data folder");
    if backend == Backend::Sqlite {
        return (format!("sqlite:{}", data.join("metadata.sqlite").display()), None);
    }
    let server = folder.join("server");
    let output = services("start").arg(&server).arg(backend.name()).output().expect("tests/services runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    let mut address =
        text.lines().filter_map(|line| line.split_once('=')).map(|(name, value)| (name, value.trim_matches('\'')));
    let address = address.rfind(|(name, _)| name.ends_with("POSTGRES") || name.ends_with("MONGODB"));
    (address.expect("an address").1.to_owned(), Some(server))
}

/// Publishes what the database lacks: events made on one thread while the database takes them.
async fn replay(meta: &Meta, population: Population, begun: u64) {
    let (sender, receiver) = sync_channel::<Vec<Replay>>(2);
    let maker = std::thread::spawn(move || {
        let mut from = begun;
        while from < population.versions() {
            let to = (from + BATCH as u64).min(population.versions());
            let batch = (from + 1..=to).map(|n| population.published(n).replay).collect();
            if sender.send(batch).is_err() {
                return;
            }
            from = to;
        }
    });
    let (started, mut done) = (Instant::now(), begun);
    while let Ok(batch) = receiver.recv() {
        meta.catalog.replay(&batch).await.expect("the events are applied");
        done += batch.len() as u64;
        if done.is_multiple_of(50_000) || done == population.versions() {
            let rate = (done - begun) as f64 / started.elapsed().as_secs_f64();
            eprintln!("filling: {done} of {} versions, {rate:.0} a second", population.versions());
        }
    }
    maker.join().expect("the events are made");
}

/// Writes manifests and records of some packages into the store.
async fn put_sample(storage: &Storage, population: Population) {
    for package in (0..population.packages).step_by(SAMPLE as usize) {
        for release in 0..RELEASES {
            let published = population.published(population.event_of(package, release));
            for (digest, bytes) in published.blobs {
                put(storage, &digest, bytes).await;
            }
        }
    }
}

async fn put(storage: &Storage, digest: &Digest, bytes: Bytes) {
    storage.put_blob(&Area::Public, bytes, digest).await.expect("the blob is put");
}

/// The index is the same for all databases: made once, copied.
fn copy_index(population: Population, folder: &Path, to: &Path) {
    let made = folder.join("search");
    if !folder.join("search.complete").exists() {
        let _ = fs::remove_dir_all(&made);
        let (index, _) = Index::open(&made).expect("an index");
        for from in (0..population.packages).step_by(5000) {
            let last = (from + 5000).min(population.packages);
            let documents = (from..last).map(|package| document(population, package)).collect();
            let through = if last == population.packages { population.versions() } else { 0 };
            index.apply(documents, Vec::new(), through).expect("the index takes them");
        }
        drop(index);
        fs::write(folder.join("search.complete"), "").expect("a mark");
    }
    let _ = fs::remove_dir_all(to);
    let copied = Command::new("cp").arg("-r").arg(&made).arg(to).status();
    assert!(copied.is_ok_and(|status| status.success()), "the index is copied");
}

fn document(population: Population, package: u64) -> Document {
    let published = population.published(population.event_of(package, RELEASES - 1)).replay;
    let about = population.about(package);
    let description = about.description.unwrap_or_default();
    Document {
        name: population.name(package),
        kind: population.kind(package),
        version: Population::version(RELEASES - 1),
        title: about.title.unwrap_or_default(),
        text: description.clone(),
        description,
        tags: about.tags,
        skills: about.skills.into_iter().map(|skill| skill.name).collect(),
        area: Area::Public,
        updated: published.event.time,
        authors: about.authors,
        license: about.license,
        needs: about.dependencies.into_iter().map(|dependency| dependency.name).collect(),
    }
}
