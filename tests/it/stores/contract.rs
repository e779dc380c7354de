//! The contract of stores on each cloud, opened as the program opens them.

use bytes::Bytes;
use object_store::ObjectStoreExt as _;
use pcl_registry::domain::{Algorithm, Area, Digest, Timestamp};
use pcl_registry::storage::{Created, Key, Meter, Opening, Seen, Sharing, Storage, contract};

use super::bucket::{Bucket, Cloud};

async fn keeps_the_contract(cloud: Cloud) {
    let Some(bucket) = Bucket::new(cloud) else { return };
    contract::check_all(&bucket.open().await).await;
    if let Some(refused) = bucket.conditions_refused() {
        assert!(refused > 0, "the stub was asked for conditions, and kept them");
    }
}

async fn survives_a_restart(cloud: Cloud) {
    let Some(bucket) = Bucket::new(cloud) else { return };
    contract::check_upload_survives_restart(bucket.open().await, async || bucket.open().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s3_keeps_the_contract() {
    keeps_the_contract(Cloud::S3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn azure_keeps_the_contract() {
    keeps_the_contract(Cloud::Azure).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_stub_of_google_keeps_the_contract() {
    keeps_the_contract(Cloud::Gcs).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploads_on_s3_survive_a_restart() {
    survives_a_restart(Cloud::S3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploads_on_azure_survive_a_restart() {
    survives_a_restart(Cloud::Azure).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploads_on_the_stub_of_google_survive_a_restart() {
    survives_a_restart(Cloud::Gcs).await;
}

/// What was sent in one piece becomes the blob within the store: its bytes are not read again, and it is served as every blob is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_of_one_piece_becomes_the_blob_by_a_copy() {
    for cloud in Cloud::ALL {
        let Some(bucket) = Bucket::new(cloud) else { continue };
        let meter = Meter::default();
        let opening = Opening { meter: meter.clone(), ..Opening::default() };
        let storage = Storage::open(&bucket.address(), opening).await.unwrap();
        // Longer than one part, so that the piece itself was sent in parts, and that the blob is looked for by its length alone.
        let bytes = Bytes::from(vec![7; 9 << 20]);
        let (digest, repository) = (Digest::sha256(&bytes), "team/image".parse().unwrap());
        let now = Timestamp::from_micros(1_700_000_000_000_000);
        let upload = storage.begin_upload(&repository, &Area::Public, Algorithm::Sha256, now).await.unwrap();
        let body = futures::stream::iter([Ok::<_, std::convert::Infallible>(bytes.clone())]);
        storage.append(upload.id, Some(0), body, u64::MAX, now).await.unwrap();
        meter.arm_reads(None);
        let written = meter.writes().objects;
        assert_eq!(storage.finish(upload.id, &digest).await.unwrap(), bytes.len() as u64, "{cloud:?}");
        assert_eq!(meter.reads().gets, 0, "{cloud:?}: nothing was read");
        assert_eq!(meter.writes().objects, written + 1, "{cloud:?}: one object was made");

        let key = Key::Blob { area: Area::Public, digest };
        let found = storage.objects().get(&object_store::path::Path::from(key.path())).await.unwrap();
        assert_eq!(
            attribute(&found, object_store::Attribute::ContentType).as_deref(),
            Some(key.media_type()),
            "{cloud:?}"
        );
        let caching = attribute(&found, object_store::Attribute::CacheControl);
        assert_eq!(caching.as_deref(), Some(key.cache_control()), "{cloud:?}");
        assert_eq!(found.bytes().await.unwrap(), bytes, "{cloud:?}");
    }
}

fn attribute(found: &object_store::GetResult, wanted: object_store::Attribute) -> Option<String> {
    found.attributes.iter().find(|(name, _)| **name == wanted).map(|(_, value)| value.to_string())
}

/// Two servers of one bucket.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_of_a_bucket_go_on_with_one_upload() {
    for cloud in Cloud::ALL {
        let Some(bucket) = Bucket::new(cloud) else { continue };
        let shared = async || {
            let opening = Opening { sharing: Sharing::Shared, ..Opening::default() };
            Storage::open(&bucket.address(), opening).await.unwrap()
        };
        contract::check_shared_uploads(&shared().await, &shared().await).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_lies_in_a_bucket_has_its_type_and_caching_and_stays_below_its_prefix() {
    for cloud in Cloud::ALL {
        let Some(bucket) = Bucket::new(cloud) else { continue };
        let storage = bucket.open().await;
        assert_eq!(storage.address().map(ToString::to_string), Some(bucket.shown()));
        assert!(storage.signer().is_some() && storage.disk().is_none());
        let found = storage.objects().get(&object_store::path::Path::from(Key::Format.path())).await.unwrap();
        let media_type = attribute(&found, object_store::Attribute::ContentType);
        assert_eq!(media_type.as_deref(), Some(Key::Format.media_type()), "{cloud:?}");
        let caching = attribute(&found, object_store::Attribute::CacheControl);
        assert_eq!(caching.as_deref(), Some(Key::Format.cache_control()), "{cloud:?}");
        // Another prefix of the same bucket is another store.
        let Some(other) = Bucket::new(cloud) else { continue };
        if cloud != Cloud::Gcs {
            storage.create(&Key::Owner, Bytes::from_static(b"x")).await.unwrap();
            assert!(!other.open().await.exists(&Key::Owner).await.unwrap());
        }
    }
}

/// Whoever opens a new place at the same moment finds the other's document.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_may_open_a_new_place_at_once() {
    for cloud in Cloud::ALL {
        let Some(bucket) = Bucket::new(cloud) else { continue };
        let opened: Vec<Storage> = futures::future::join_all((0..6).map(|_| bucket.open())).await;
        let mut created = 0;
        for (index, storage) in opened.iter().enumerate() {
            let done = storage.create(&Key::Owner, Bytes::from(format!("{index}"))).await.unwrap();
            created += usize::from(done == Created::Created);
        }
        assert_eq!(created, 1, "{cloud:?}");
        let document = opened[3].read(&Key::Owner, 100).await.unwrap().unwrap();
        assert!(document.bytes == "0" && document.seen != Seen::ABSENT);
    }
}
