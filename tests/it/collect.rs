//! Collection over the whole registry, under a clock that the test moves: what nothing names goes, nothing else does.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use pcl_registry::domain::{Actor, Algorithm, Area, Digest, Repository, Timestamp};
use pcl_registry::meta::{BlobRow, Blobs, Linked, Meta, MetaError, Unknown};
use pcl_registry::registry::{Collected, Limits, Registry, RegistryError};
use pcl_registry::storage::Meter;

use crate::inside::{DataFolder, Opened, Owner, Package, keys};

/// A day, the grace period and the time for which an upload may be idle.
const DAY: i64 = 24 * 3600;

async fn collect(open: &Opened) -> Collected {
    open.registry.collect(&Actor::Operator).await.unwrap()
}

fn repository() -> Repository {
    "acme/hello".parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nothing_names_goes_after_two_graces_and_comes_back_durable() {
    for owner in Owner::here([Owner::Sqlite, Owner::Store, Owner::Postgres, Owner::Mongo]) {
        let folder = DataFolder::new(owner);
        let open = folder.open().await;
        let package = Package::new("acme/hello@1.0.0", "to be published later");
        let blobs = [&package.packed.config, &package.packed.layer];
        for blob in blobs {
            open.push_blob(&package.repository, &blob.content).await.unwrap();
        }
        assert_eq!(collect(&open).await, Collected::default());
        folder.pass(DAY + 1);
        assert_eq!(collect(&open).await, Collected { condemned: 2, ..Collected::default() });
        assert_eq!(open.blob(&package.repository, &blobs[0].digest).await.unwrap(), blobs[0].content, "not yet");
        folder.pass(DAY + 1);
        assert_eq!(collect(&open).await, Collected { deleted: 2, ..Collected::default() });
        for blob in blobs {
            let gone = open.blob(&package.repository, &blob.digest).await;
            assert!(matches!(gone, Err(RegistryError::BlobUnknown(_))), "{gone:?}");
            assert_eq!(open.storage.blob_size(&Area::Public, &blob.digest).await.unwrap(), None);
        }
        let early = open.push_manifest(&package).await;
        assert!(matches!(early, Err(RegistryError::Refused(_))), "{early:?}");
        // The same digests again: that they were durable once must not spare their syncs.
        open.push(&package).await.unwrap();
        assert!(open.has(&package).await);
        open.storage.disk().unwrap().lose_power().unwrap();
        drop(open);
        let storage = folder.open_storage(&Meter::default()).await;
        for key in keys(&package) {
            assert!(storage.exists(&key).await.unwrap(), "{key:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_versions_name_stays_when_they_are_deleted() {
    let folder = DataFolder::new(Owner::Sqlite);
    let open = folder.open().await;
    let (kept, deleted) = (Package::new("acme/hello@1.0.0", "kept"), Package::new("acme/hello@1.1.0", "deleted"));
    open.push(&kept).await.unwrap();
    open.push(&deleted).await.unwrap();
    let (actor, version) = (Actor::Operator, "1.0.0".parse().unwrap());
    open.registry.yank(&actor, &kept.name(), &version, Some("a reason is a blob too")).await.unwrap();
    open.registry.delete_manifest(&actor, &deleted.repository, &deleted.reference()).await.unwrap();
    for _ in 0..3 {
        folder.pass(DAY + 1);
        assert_eq!(collect(&open).await, Collected::default());
    }
    open.registry.restore(&actor, &deleted.name(), &"1.1.0".parse().unwrap()).await.unwrap();
    let shown = open.registry.version(&actor, &deleted.name(), &"1.1.0".parse().unwrap()).await.unwrap();
    assert!(!shown.files.is_empty(), "its record stayed");
    for blob in [&deleted.packed.config, &deleted.packed.layer, &kept.packed.layer] {
        assert_eq!(open.blob(&repository(), &blob.digest).await.unwrap(), blob.content);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_image_goes_and_what_it_shared_stays() {
    let folder = DataFolder::new(Owner::Sqlite);
    let open = folder.open().await;
    let plain: Repository = "team/image".parse().unwrap();
    let package = Package::new("acme/hello@1.0.0", "shared");
    open.push(&package).await.unwrap();
    for blob in [&package.packed.config, &package.packed.layer] {
        assert!(open.registry.mount(&Actor::Operator, &plain, &blob.digest, None).await.unwrap());
    }
    let manifest = &package.packed.manifest;
    let copy = Bytes::from(String::from_utf8_lossy(&manifest.content).replacen('{', "{ ", 1));
    let tag = pcl_registry::domain::Reference::Tag("copy".parse().unwrap());
    open.push_bytes(&plain, tag, &manifest.media_type, &copy).await.unwrap();
    let digest = Digest::sha256(&copy);
    let reference = pcl_registry::domain::Reference::Digest(digest);
    open.registry.delete_manifest(&Actor::Operator, &plain, &reference).await.unwrap();
    folder.pass(DAY + 1);
    assert_eq!(collect(&open).await.condemned, 1, "the copy's manifest alone");
    folder.pass(DAY + 1);
    assert_eq!(collect(&open).await.deleted, 1);
    assert_eq!(open.storage.blob_size(&Area::Public, &digest).await.unwrap(), None);
    assert!(open.has(&package).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_or_a_look_revives_what_is_condemned() {
    let folder = DataFolder::new(Owner::Sqlite);
    let open = folder.open().await;
    let [pushed, looked, left] = ["pushed again", "looked at", "left alone"].map(Bytes::from);
    for blob in [&pushed, &looked, &left] {
        open.push_blob(&repository(), blob).await.unwrap();
    }
    folder.pass(DAY + 1);
    assert_eq!(collect(&open).await.condemned, 3);
    open.push_blob(&repository(), &pushed).await.unwrap();
    let found = open.registry.blob(&Actor::Operator, &repository(), &Digest::sha256(&looked)).await.unwrap();
    open.registry.touch_blob(&found).await.unwrap();
    folder.pass(DAY - 1);
    assert_eq!(collect(&open).await, Collected::default());
    folder.pass(2);
    assert_eq!(collect(&open).await, Collected { condemned: 2, deleted: 1, uploads: 0 });
    assert_eq!(open.blob(&repository(), &Digest::sha256(&pushed)).await.unwrap(), pushed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_uploads_expire() {
    let folder = DataFolder::new(Owner::Sqlite);
    let open = folder.open().await;
    let (actor, name) = (Actor::Operator, repository());
    let upload = open.registry.begin_upload(&actor, &name, Algorithm::Sha256).await.unwrap();
    folder.pass(DAY - 1);
    assert_eq!(collect(&open).await.uploads, 0);
    assert!(open.registry.upload(&actor, &name, upload.id).await.is_ok());
    folder.pass(2);
    assert_eq!(collect(&open).await.uploads, 1);
    let gone = open.registry.upload(&actor, &name, upload.id).await;
    assert!(matches!(gone, Err(RegistryError::UploadUnknown)), "{gone:?}");
}

/// Runs a collection between a blob's bytes and its link.
struct CollectBeforeLink {
    inner: Arc<dyn Blobs>,
    registry: Arc<Mutex<Option<Registry>>>,
}

#[async_trait]
impl Blobs for CollectBeforeLink {
    async fn blob(&self, repository: &Repository, digest: &Digest) -> Result<Option<BlobRow>, MetaError> {
        self.inner.blob(repository, digest).await
    }

    async fn link(
        &self,
        repository: &Repository,
        area: &Area,
        digest: &Digest,
        size: u64,
        now: Timestamp,
    ) -> Result<Linked, MetaError> {
        let registry = self.registry.lock().unwrap().take();
        if let Some(registry) = registry {
            registry.collect(&Actor::Operator).await.unwrap();
        }
        self.inner.link(repository, area, digest, size, now).await
    }

    async fn touch(
        &self,
        area: &Area,
        digests: &[Digest],
        unknown: Unknown,
        now: Timestamp,
    ) -> Result<Vec<Digest>, MetaError> {
        self.inner.touch(area, digests, unknown, now).await
    }

    async fn find(&self, area: &Area, digest: &Digest, from: Option<&Repository>) -> Result<Option<u64>, MetaError> {
        self.inner.find(area, digest, from).await
    }

    async fn condemn(&self, before: Timestamp, now: Timestamp) -> Result<u64, MetaError> {
        self.inner.condemn(before, now).await
    }

    async fn take_condemned(&self, before: Timestamp, limit: usize) -> Result<Vec<(Area, Digest)>, MetaError> {
        self.inner.take_condemned(before, limit).await
    }

    async fn take_unneeded(&self, blobs: &[(Area, Digest)]) -> Result<Vec<(Area, Digest)>, MetaError> {
        self.inner.take_unneeded(blobs).await
    }

    async fn forget(&self, blobs: &[(Area, Digest)]) -> Result<(), MetaError> {
        self.inner.forget(blobs).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collection_between_bytes_and_link_takes_neither() {
    let folder = DataFolder::new(Owner::Sqlite);
    let due = Arc::new(Mutex::new(None));
    let its_due = due.clone();
    let wrap = move |meta: Meta| {
        let blobs = Arc::new(CollectBeforeLink { inner: meta.blobs.clone(), registry: its_due });
        Meta { blobs, ..meta }
    };
    let open = folder.open_with(Limits::default(), wrap).await;
    let blob = Bytes::from_static(b"condemned, its grace over");
    open.push_blob(&repository(), &blob).await.unwrap();
    folder.pass(DAY + 1);
    assert_eq!(collect(&open).await.condemned, 1);
    folder.pass(DAY + 1);
    *due.lock().unwrap() = Some(open.registry.clone());
    open.push_blob(&repository(), &blob).await.unwrap();
    assert!(due.lock().unwrap().is_none(), "the collection ran");
    assert_eq!(open.blob(&repository(), &Digest::sha256(&blob)).await.unwrap(), blob);
}
