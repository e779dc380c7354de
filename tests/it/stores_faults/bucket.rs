//! A registry in this process over an object store in memory that outlives it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use object_store::memory::InMemory;
use pcl_registry::meta::{Memory, Sqlite};
use pcl_registry::registry::{Builder, Clock, Committing, Limits, OpenError};
use pcl_registry::search::Index;
use pcl_registry::storage::{Meter, Storage};

use crate::inside::Opened;

/// A day, the grace period.
pub const DAY: i64 = 24 * 3600;

/// Where the metadata are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// In the store itself.
    Store,
    /// In a file of SQLite.
    Sqlite,
}

/// A bucket, what belongs to it, and a clock that stands still until a test moves it.
pub struct Bucket {
    objects: Arc<InMemory>,
    pub held: Held,
    folder: tempfile::TempDir,
    clock: Arc<AtomicI64>,
}

impl Bucket {
    pub fn new(held: Held) -> Self {
        let clock = Arc::new(AtomicI64::new(1_700_000_000_000_000));
        Self { objects: Arc::new(InMemory::new()), held, folder: tempfile::tempdir().unwrap(), clock }
    }

    /// The same objects and metadata, which go their own way from here on. Whoever had this one open is gone.
    pub fn copy(&self) -> Self {
        let copy = Self { objects: Arc::new(self.objects.fork()), ..Self::new(self.held) };
        copy.clock.store(self.clock.load(Ordering::SeqCst), Ordering::SeqCst);
        for entry in std::fs::read_dir(self.folder.path()).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), copy.folder.path().join(entry.file_name())).unwrap();
        }
        copy
    }

    pub fn pass(&self, seconds: i64) {
        self.clock.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }

    /// The objects as they lie there.
    pub fn objects(&self) -> Arc<dyn object_store::ObjectStore> {
        self.objects.clone()
    }

    /// The objects alone.
    pub fn storage(&self) -> Storage {
        Storage::over(self.objects.clone())
    }

    pub async fn open(&self) -> Opened {
        self.try_open(&Meter::default()).await.expect("the bucket opens")
    }

    /// Opens it with a meter that may have a plan already. Nothing is kept in memory that can be asked for: every read is one of the store.
    pub async fn try_open(&self, meter: &Meter) -> Result<Opened, OpenError> {
        self.open_with(meter, Limits { cache: 0, ..Limits::default() }).await
    }

    pub async fn open_with(&self, meter: &Meter, limits: Limits) -> Result<Opened, OpenError> {
        let storage = Storage::over_with(self.objects.clone(), meter.clone());
        storage.check_format().await?;
        let (meta, committing, sqlite) = match self.held {
            Held::Sqlite => {
                let sqlite = Arc::new(Sqlite::open(self.folder.path().join("metadata.sqlite")).unwrap());
                (sqlite.clone().meta(), Committing::Database, Some(sqlite))
            }
            Held::Store => {
                let memory = Arc::new(Memory::new());
                (memory.clone().meta(), Committing::Store(memory), None)
            }
        };
        let builder = Builder {
            storage: storage.clone(),
            meta: meta.clone(),
            committing,
            search: Box::pin(async { Index::memory() }),
            limits,
            clock: Clock::Manual(self.clock.clone()),
        };
        let registry = builder.open().await?;
        Ok(Opened { registry, storage, meta, meter: meter.clone(), sqlite })
    }
}
