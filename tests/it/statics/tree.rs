//! What tests of the static tree share: registries that keep it, and the tree as it lies there.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use flate2::read::GzDecoder;
use futures::TryStreamExt as _;
use object_store::{ObjectStore, ObjectStoreExt as _};
use pcl_registry::meta::Memory;
use pcl_registry::registry::{Builder, Clock, Committing, Limits};
use pcl_registry::search::Index;
use pcl_registry::storage::{Meter, Storage};

use crate::inside::Opened;

/// The tree but for content, by paths below `public/`; what is compressed is not any more.
pub type Tree = BTreeMap<String, Vec<u8>>;

/// A registry keeps the tree, and waits for nothing.
pub fn kept() -> Limits {
    Limits { static_tree: Some(Duration::ZERO), ..Limits::default() }
}

/// The tree in a folder that is a store.
pub fn tree_on_disk(store: &Path) -> Tree {
    let root = store.join("public");
    let (mut tree, mut folders) = (Tree::new(), vec![root.clone()]);
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                folders.extend((name != "blobs").then_some(path));
            } else {
                tree.insert(name.clone(), unpacked(&name, std::fs::read(path).unwrap()));
            }
        }
    }
    tree
}

/// The tree in objects.
pub async fn tree_in(objects: &Arc<dyn ObjectStore>) -> Tree {
    let mut tree = Tree::new();
    let listed: Vec<_> = objects.list(Some(&"public".into())).try_collect().await.unwrap();
    for meta in listed {
        let name = meta.location.as_ref().strip_prefix("public/").unwrap().to_owned();
        if !name.starts_with("blobs/") {
            let bytes = objects.get(&meta.location).await.unwrap().bytes().await.unwrap();
            tree.insert(name.clone(), unpacked(&name, bytes.to_vec()));
        }
    }
    tree
}

fn unpacked(name: &str, bytes: Vec<u8>) -> Vec<u8> {
    if !name.ends_with(".gz") {
        return bytes;
    }
    let mut text = Vec::new();
    GzDecoder::new(bytes.as_slice()).read_to_end(&mut text).unwrap();
    text
}

/// A registry without a database over objects that others use, too.
pub async fn open_bucket(objects: Arc<dyn ObjectStore>, meter: &Meter, limits: Limits) -> Opened {
    let storage = Storage::over_shared(objects, meter.clone());
    open_over(storage, meter, limits).await.expect("the bucket opens")
}

/// A registry without a database over a store.
pub async fn open_over(
    storage: Storage,
    meter: &Meter,
    limits: Limits,
) -> Result<Opened, pcl_registry::registry::OpenError> {
    let memory = Arc::new(Memory::new());
    let meta = memory.clone().meta();
    let builder = Builder {
        storage: storage.clone(),
        meta: meta.clone(),
        committing: Committing::Store(memory),
        search: Box::pin(async { Index::memory() }),
        limits,
        clock: Clock::System,
    };
    let registry = builder.open().await?;
    Ok(Opened { registry, storage, meta, meter: meter.clone(), sqlite: None })
}
