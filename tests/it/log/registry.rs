//! A registry with a log, and what is acknowledged by it.

use std::sync::Arc;

use pcl_registry::registry::Limits;
use pcl_registry::tlog::NoteSigner;

use super::whole::assert_whole;
use crate::inside::{DataFolder, Opened, Owner, Package, plain};

/// The key of a log of that name.
pub fn key(origin: &str) -> Arc<NoteSigner> {
    let seed = [origin.len() as u8; 32];
    Arc::new(NoteSigner::from_seed(origin.parse().unwrap(), &seed))
}

/// With a log.
pub fn logged() -> Limits {
    Limits { log: Some(key("registry.example/log")), ..Limits::default() }
}

pub fn package(number: usize) -> Package {
    Package::new(&format!("acme/p{number}@1.0.0"), &format!("number {number}"))
}

pub async fn open(folder: &DataFolder) -> Opened {
    folder.open_with(logged(), |meta| meta).await
}

/// Pushes `count` plain images without blobs, an event each.
pub async fn push_images(open: &Opened, from: usize, count: usize) {
    let repository = "plain/image".parse().unwrap();
    if from.is_multiple_of(1000) {
        open.push_blob(&repository, &bytes::Bytes::from_static(b"{}")).await.unwrap();
    }
    for number in from..from + count {
        let bytes = plain(&number.to_string(), serde_json::json!({}));
        let reference = pcl_registry::domain::Reference::Tag(format!("n{number}").parse().unwrap());
        let media_type = crate::world::MANIFEST;
        open.push_bytes(&repository, reference, media_type, &bytes).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_acknowledged_is_in_the_log() {
    for owner in Owner::here([Owner::Sqlite, Owner::Store, Owner::Postgres, Owner::Mongo]) {
        let folder = DataFolder::new(owner);
        let opened = open(&folder).await;
        for number in 1..=3 {
            opened.push(&package(number)).await.unwrap();
            assert_eq!(assert_whole(&opened.storage, &opened.meta).await, number as u64, "{owner:?}");
        }
        // The same again is no event, and is acknowledged as what is logged.
        opened.push(&package(3)).await.unwrap();
        drop(opened);
        let again = open(&folder).await;
        again.push(&package(4)).await.unwrap();
        assert_eq!(assert_whole(&again.storage, &again.meta).await, 4, "{owner:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn switched_on_later_it_takes_in_all_earlier_events() {
    for owner in [Owner::Sqlite, Owner::Store] {
        let folder = DataFolder::new(owner);
        let before = folder.open().await;
        push_images(&before, 0, 300).await;
        drop(before);
        let opened = open(&folder).await;
        assert_eq!(assert_whole(&opened.storage, &opened.meta).await, 300);
        push_images(&opened, 300, 220).await;
        assert_eq!(assert_whole(&opened.storage, &opened.meta).await, 520, "{owner:?}");
        drop(opened);
        let again = open(&folder).await;
        push_images(&again, 520, 1).await;
        assert_eq!(assert_whole(&again.storage, &again.meta).await, 521, "{owner:?}");
    }
}
