//! A registry in this process, on a folder that outlives it: opened, failed on demand, closed and opened again.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use futures::{TryStreamExt as _, stream};
use pcl_registry::domain::{
    About, Actor, Area, CONFIG_SCHEMA, Config, Digest, File, Kind, Manifest, Name, Primary, Reference, Repository, Tree,
};
use pcl_registry::meta::{Memory, Meta, Mongo, Postgres, Sqlite, contract};
use pcl_registry::pack::{self, Packed};
use pcl_registry::registry::{
    BlobBody, Builder, Clock, Committing, DataOptions, Limits, Metadata, Push, Registry, RegistryError,
};
use pcl_registry::search::Index;
use pcl_registry::storage::{Key, Meter, Opening, Sharing, Storage, StorageError, StoreAddress, Syncing};
use serde_json::Value;

use crate::mongo;
use crate::postgres::database::Database;

/// Who commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    Sqlite,
    Store,
    Postgres,
    Mongo,
}

impl Owner {
    /// Those that can be had here. Says which cannot.
    pub fn here(owners: impl IntoIterator<Item = Self>) -> Vec<Self> {
        let is_here = |owner: &Self| match owner {
            Self::Sqlite | Self::Store => true,
            Self::Postgres => Database::new().is_some(),
            Self::Mongo => mongo::Database::new().is_some(),
        };
        owners.into_iter().filter(is_here).collect()
    }
}

/// A data folder and a clock that stands still until a test moves it.
pub struct DataFolder {
    folder: tempfile::TempDir,
    pub owner: Owner,
    clock: Arc<AtomicI64>,
    syncing: Syncing,
    /// The store, if it does not lie in the folder.
    store: Option<StoreAddress>,
    /// The database, if it is on a server.
    pub postgres: Option<Database>,
    pub mongo: Option<mongo::Database>,
}

/// An open registry with its parts.
pub struct Opened {
    pub registry: Registry,
    pub meta: Meta,
    pub meter: Meter,
    pub sqlite: Option<Arc<Sqlite>>,
    // Last: who gets the store's lock finds the database closed.
    pub storage: Storage,
}

/// Makes somebody the owner of a store, whoever is it now.
pub async fn give_to(storage: &Storage, owner: &pcl_registry::storage::Owner) {
    let seen = storage.owner_as_seen().await.unwrap();
    storage.change_owner(&seen, owner).await.unwrap();
}

/// An artifact, packed as a client would.
pub struct Package {
    pub repository: Repository,
    pub tag: String,
    pub packed: Packed,
}

impl Package {
    /// A skill of one file with that text; `spec` is `org/name@version`.
    pub fn new(spec: &str, text: &str) -> Self {
        let (name, version) = spec.split_once('@').expect("org/name@version");
        let name: Name = name.parse().unwrap();
        let content = Bytes::from(format!("# {}\n\n{text}\n", name.slug()));
        let about = About { description: Some(format!("About {text}")), ..About::default() };
        Self::of_file(&name, version, content, about)
    }

    /// A skill whose one file has that content.
    pub fn of_file(name: &Name, version: &str, content: Bytes, about: About) -> Self {
        let file = File { path: "SKILL.md".parse().unwrap(), executable: false, content };
        let tree = Tree::new(vec![file]).unwrap();
        let config = Config {
            schema: CONFIG_SCHEMA,
            name: name.slug().to_owned(),
            version: version.parse().unwrap(),
            kind: Kind::Skill,
            about,
            primary: Primary { file: "SKILL.md".into(), declaration: None },
            source: None,
            tree: tree.digest(),
        };
        let packed = pack::pack(&tree, &config).unwrap();
        Self { repository: name.repository(), tag: config.version.tag(), packed }
    }

    pub fn name(&self) -> Name {
        self.repository.package().unwrap()
    }

    pub fn digest(&self) -> Digest {
        self.packed.manifest.digest
    }

    pub fn reference(&self) -> Reference {
        Reference::Tag(self.tag.parse().unwrap())
    }
}

impl DataFolder {
    pub fn new(owner: Owner) -> Self {
        let clock = Arc::new(AtomicI64::new(1_700_000_000_000_000));
        let postgres = (owner == Owner::Postgres).then(|| Database::new().expect("there is a server"));
        let mongo = (owner == Owner::Mongo).then(|| mongo::Database::new().expect("there is a server"));
        let (folder, syncing) = (tempfile::tempdir().unwrap(), Syncing::EachFile);
        Self { folder, owner, clock, syncing, store: None, postgres, mongo }
    }

    /// With PostgreSQL; `None` if there is no server.
    pub fn on_postgres() -> Option<Self> {
        Owner::here([Owner::Postgres]).pop().map(Self::new)
    }

    /// With another way of syncing than each file by itself.
    pub fn syncing(self, syncing: Syncing) -> Self {
        Self { syncing, ..self }
    }

    /// With its store elsewhere.
    pub fn stored_in(self, store: StoreAddress) -> Self {
        Self { store: Some(store), ..self }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn database(&self) -> PathBuf {
        self.path().join("metadata.sqlite")
    }

    pub fn metadata(&self) -> Metadata {
        match (&self.postgres, &self.mongo) {
            (Some(database), _) => Metadata::Server(database.address()),
            (_, Some(database)) => Metadata::Server(database.address()),
            _ if self.owner == Owner::Sqlite => Metadata::Sqlite(self.database()),
            _ => Metadata::Memory,
        }
    }

    /// What is needed to open it as the program does.
    pub fn options(&self, metadata: Metadata) -> DataOptions {
        let (folder, limits, clock) = (self.path().to_owned(), Limits::default(), self.clock());
        DataOptions { folder, store: self.store.clone(), metadata, sharing: Sharing::Alone, limits, clock }
    }

    pub fn clock(&self) -> Clock {
        Clock::Manual(self.clock.clone())
    }

    pub fn pass(&self, seconds: i64) {
        self.clock.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }

    pub async fn open(&self) -> Opened {
        self.open_with(Limits::default(), |meta| meta).await
    }

    /// Opens the folder with metadata that the test may put something in front of.
    pub async fn open_with(&self, limits: Limits, wrap: impl FnOnce(Meta) -> Meta) -> Opened {
        let meter = Meter::default();
        let storage = self.open_storage(&meter).await;
        let (meta, committing, sqlite) = match self.owner {
            Owner::Sqlite => {
                let sqlite = Arc::new(Sqlite::open(self.database()).unwrap());
                (sqlite.clone().meta(), Committing::Database, Some(sqlite))
            }
            Owner::Store => {
                let memory = Arc::new(Memory::new());
                (memory.clone().meta(), Committing::Store(memory), None)
            }
            Owner::Postgres => {
                let database = self.postgres.as_ref().expect("it has a database");
                let postgres = Postgres::open(&database.address()).await.unwrap();
                (Arc::new(postgres).meta(), Committing::Database, None)
            }
            Owner::Mongo => {
                let database = self.mongo.as_ref().expect("it has a database");
                let mongo = Mongo::open(&database.url()).await.unwrap();
                (Arc::new(mongo).meta(), Committing::Database, None)
            }
        };
        let meta = wrap(meta);
        let builder = Builder {
            storage: storage.clone(),
            meta: meta.clone(),
            committing,
            search: Box::pin(async { Index::memory() }),
            limits,
            clock: self.clock(),
        };
        let registry = builder.open().await.expect("the folder opens");
        Opened { registry, storage, meta, meter, sqlite }
    }

    /// The jobs of a registry that was dropped end when they next run: until then the folder is locked.
    pub async fn open_storage(&self, meter: &Meter) -> Storage {
        if let Some(address) = &self.store {
            // As the program does: nothing keeps others out of a bucket that no database in a file owns.
            let sharing = if self.owner == Owner::Sqlite { Sharing::Alone } else { Sharing::Shared };
            let opening = Opening { meter: meter.clone(), sharing, ..Opening::default() };
            return Storage::open(address, opening).await.unwrap_or_else(|error| panic!("{error}"));
        }
        let begun = std::time::Instant::now();
        loop {
            match Storage::open_disk_with(&self.path().join("store"), meter.clone(), self.syncing).await {
                Ok(storage) => return storage,
                Err(StorageError::Locked(_)) if begun.elapsed().as_secs() < 20 => tokio::task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        }
    }
}

impl Opened {
    /// Uploads the blobs and pushes the manifest, as a client does that knows nothing of what is there.
    pub async fn push(&self, package: &Package) -> Result<(), RegistryError> {
        for blob in [&package.packed.config, &package.packed.layer] {
            self.push_blob(&package.repository, &blob.content).await?;
        }
        self.push_manifest(package).await
    }

    pub async fn push_blob(&self, repository: &Repository, bytes: &Bytes) -> Result<(), RegistryError> {
        let body = stream::iter([Ok::<_, Infallible>(bytes.clone())]);
        self.registry.push_blob(&Actor::Operator, repository, &Digest::sha256(bytes), body).await
    }

    pub async fn push_manifest(&self, package: &Package) -> Result<(), RegistryError> {
        let manifest = &package.packed.manifest;
        self.push_bytes(&package.repository, package.reference(), &manifest.media_type, &manifest.content).await
    }

    pub async fn push_bytes(
        &self,
        repository: &Repository,
        reference: Reference,
        media_type: &str,
        bytes: &Bytes,
    ) -> Result<(), RegistryError> {
        let (tags, bytes) = (Vec::new(), bytes.clone());
        let push = Push { repository, reference, tags, content_type: Some(media_type), bytes };
        self.registry.push_manifest(&Actor::Operator, push).await.map(drop)
    }

    pub async fn blob(&self, repository: &Repository, digest: &Digest) -> Result<Bytes, RegistryError> {
        let blob = self.registry.blob(&Actor::Operator, repository, digest).await?;
        match self.registry.read_blob(&blob, None).await? {
            BlobBody::Bytes(bytes) => Ok(bytes),
            BlobBody::Stream(stream) => {
                let chunks: Vec<Bytes> = stream.try_collect().await.map_err(|_| RegistryError::BlobUnknown(*digest))?;
                Ok(chunks.concat().into())
            }
        }
    }

    /// Whether the package's version is there, whole: by tag, by digest, with all its bytes, in the catalogue, in the list of tags
    /// and as one event. Fails if it is there in part.
    pub async fn has(&self, package: &Package) -> bool {
        let (actor, repository) = (Actor::Operator, &package.repository);
        let by_tag = self.registry.manifest(&actor, repository, &package.reference()).await;
        let by_digest = self.registry.manifest(&actor, repository, &Reference::Digest(package.digest())).await;
        let version = package.tag.parse().unwrap();
        let shown = self.registry.version(&actor, &package.name(), &version).await;
        let listed = self.registry.releases(&actor, &package.name()).await.unwrap_or_default();
        let listed = listed.iter().any(|release| release.version == version);
        let tags = self.registry.tags(&actor, repository, None, 1000).await.map(|(tags, _)| tags).unwrap_or_default();
        let tagged = tags.iter().any(|tag| tag.to_string() == package.tag);
        let events = contract::dump(&self.meta).await.unwrap()["events"].to_string();
        let event = events.matches(&format!("\\\"digest\\\":\\\"{}\\\"", package.digest())).count();
        let signs = [by_tag.is_ok(), by_digest.is_ok(), shown.is_ok(), listed, tagged, event == 1];
        assert!(signs.iter().all(|sign| *sign == signs[0]), "in part: {signs:?} {events}");
        assert!(event <= 1, "{event} events");
        let Ok(manifest) = by_tag else { return false };
        assert_eq!(manifest.bytes, package.packed.manifest.content);
        for blob in [&package.packed.config, &package.packed.layer] {
            assert_eq!(self.blob(repository, &blob.digest).await.unwrap(), blob.content);
        }
        assert!(!shown.unwrap().files.is_empty(), "the record is there");
        true
    }

    /// Whether the version's manifest and blobs can be read.
    pub async fn has_bytes(&self, package: &Package) -> bool {
        let read = self.registry.manifest(&Actor::Operator, &package.repository, &package.reference()).await;
        let mut whole = read.is_ok_and(|manifest| manifest.bytes == package.packed.manifest.content);
        for blob in [&package.packed.config, &package.packed.layer] {
            let read = self.blob(&package.repository, &blob.digest).await;
            whole &= read.is_ok_and(|bytes| bytes == blob.content);
        }
        whole
    }

    /// Everything that the catalogue knows.
    pub async fn dump(&self) -> Value {
        contract::dump(&self.meta).await.unwrap()
    }

    /// Ledger and store hold the same events, from 1 on without a gap. Returns how many.
    pub async fn assert_events_agree(&self) -> u64 {
        let ledger = self.meta.ledger.events(0, 10_000).await.unwrap();
        let store: Vec<(u64, Bytes)> = self.storage.events(0).try_collect().await.unwrap();
        assert_eq!(ledger, store);
        assert!(ledger.iter().map(|(n, _)| *n).eq(1..=ledger.len() as u64), "gapless");
        ledger.len() as u64
    }
}

/// The keys of a package's blobs.
pub fn keys(package: &Package) -> [Key; 3] {
    let packed = &package.packed;
    [packed.config.digest, packed.layer.digest, packed.manifest.digest]
        .map(|digest| Key::Blob { area: Area::Public, digest })
}

/// A manifest that names nothing but the empty config, with annotations that make its digest its own.
pub fn plain(seed: &str, extra: Value) -> Bytes {
    let mut manifest = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": { "mediaType": "application/vnd.oci.empty.v1+json", "digest": Digest::sha256(b"{}"), "size": 2 },
        "layers": [],
        "annotations": { "seed": seed },
    });
    for (key, value) in extra.as_object().into_iter().flatten() {
        manifest[key] = value.clone();
    }
    let bytes = Bytes::from(manifest.to_string());
    assert!(Manifest::parse(bytes.clone(), None, pcl_registry::domain::Algorithm::Sha256).is_ok());
    bytes
}
