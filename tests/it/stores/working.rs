//! What operators do with a registry whose objects lie in a bucket: collect, rebuild, move its metadata, give out tokens.

use bytes::Bytes;
use pcl_registry::domain::{Actor, Area, Digest, Repository};
use pcl_registry::registry::{Collected, Metadata, Registry, open_data, open_existing_data};
use pcl_registry::storage::Storage;

use super::bucket::{Bucket, Cloud};
use super::serving::{pclr, start};
use crate::backend::Backend;
use crate::inside::{DataFolder, Owner};
use crate::world::{Artifact, World};

/// A day, the grace period.
const DAY: i64 = 24 * 3600;

async fn push(registry: &Registry, repository: &Repository, bytes: &Bytes) {
    let body = futures::stream::iter([Ok::<_, std::convert::Infallible>(bytes.clone())]);
    registry.push_blob(&Actor::Operator, repository, &Digest::sha256(bytes), body).await.unwrap();
}

async fn size(storage: &Storage, bytes: &Bytes) -> Option<u64> {
    storage.blob_size(&Area::Public, &Digest::sha256(bytes)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nothing_names_is_collected_from_a_bucket_and_can_be_pushed_again() {
    for cloud in Cloud::ALL {
        let Some(bucket) = Bucket::new(cloud) else { continue };
        let folder = DataFolder::new(Owner::Sqlite);
        let metadata = Metadata::Sqlite(folder.database());
        let mut options = folder.options(metadata);
        options.store = Some(bucket.address());
        let registry = open_data(options.clone()).await.unwrap();
        let (repository, bytes) = ("team/image".parse().unwrap(), Bytes::from_static(b"nobody names this"));
        push(&registry, &repository, &bytes).await;
        let aside = bucket.open().await;
        assert_eq!(size(&aside, &bytes).await, Some(17), "{cloud:?}");
        folder.pass(DAY + 1);
        let collected = registry.collect(&Actor::Operator).await.unwrap();
        assert_eq!(collected, Collected { condemned: 1, ..Collected::default() });
        folder.pass(DAY + 1);
        let collected = registry.collect(&Actor::Operator).await.unwrap();
        assert_eq!(collected, Collected { deleted: 1, ..Collected::default() }, "{cloud:?}");
        assert_eq!(size(&aside, &bytes).await, None);
        push(&registry, &repository, &bytes).await;
        assert_eq!(size(&aside, &bytes).await, Some(17));
        drop(registry);
        options.store = Some(format!("{}-absent", bucket.shown()).parse().unwrap());
        assert!(open_existing_data(options).await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_catalogue_is_built_again_and_moved_with_its_objects_in_a_bucket() {
    let Some(bucket) = Bucket::new(Cloud::S3) else { return };
    let Some(mut world) = start(&bucket, Backend::Sqlite) else { return };
    let image = Artifact { artifact_type: None, config: ("application/vnd.x", b"x"), layers: &[] };
    world.push_manifest("team/image", "1", &image).await;
    let said = pclr(&world, &["user", "add", "ann"]);
    assert!(said.contains("ann"), "accounts are beside a server that runs: {said}");
    world.stop();

    std::fs::remove_file(world.data().join("metadata.sqlite")).unwrap();
    let said = pclr(&world, &["rebuild"]);
    assert!(said.contains("the last is event 1"), "{said}");
    world.restart();
    assert_eq!(world.pull("team/image", "1").await, image.manifest());
    world.stop();

    let said = pclr(&world, &["migrate", "--without-accounts", "--to", "memory:"]);
    assert!(said.contains("1 event"), "{said}");
    // The bucket owns itself now: a new data folder is as good as the old one.
    let moved = World::start_with(&["--metadata", "memory:", "--store", bucket.text()]);
    assert_eq!(moved.pull("team/image", "1").await, image.manifest());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_wants_a_bucket_alone_is_refused_beside_a_server() {
    for cloud in Cloud::ALL {
        let Some(bucket) = Bucket::new(cloud) else { continue };
        let Some(mut world) = start(&bucket, Backend::Sqlite) else { return };
        // From another machine, so that the lock of the data folder does not say it first.
        let elsewhere = tempfile::tempdir().unwrap();
        let metadata = format!("sqlite:{}", world.data().join("metadata.sqlite").display());
        let refused = |world: &World| {
            let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_pclr"));
            command.args(["rebuild", "--catch-up", "--store", bucket.text(), "--metadata", &metadata]);
            let output = command.arg("--data").arg(elsewhere.path()).output().unwrap();
            assert!(world.data().is_dir());
            (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
        };
        let (code, said) = refused(&world);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("another server uses") && said.contains("metadata.sqlite.lock"), "{said}");
        world.stop();
        assert_eq!(refused(&world).0, Some(0), "{cloud:?}: it took its leave");
    }
}
