//! Two servers with one database on one folder, one of which stands still at a write: what a reader of the folder sees never goes back.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pcl_registry::domain::public::{PackageDocument, read_document};
use pcl_registry::registry::Limits;
use pcl_registry::storage::{Failure, Fault, StoreAddress, When};
use serde_json::Value;

use super::tree::{Tree, kept, tree_on_disk};
use crate::inside::{DataFolder, Package};

/// How long the late server stands still: longer than the other takes to publish and render.
const PAUSE: Duration = Duration::from_millis(400);

fn hello(version: &str) -> Package {
    Package::new(&format!("acme/hello@{version}"), &format!("murmuring of {version}"))
}

/// How new each document is. Of those that carry no number: whether it shows the second version.
fn newness(tree: &Tree) -> [(&'static str, u64); 7] {
    let shows = |path: &str| {
        let text = tree.get(path).map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        u64::from(text.is_some_and(|text| text.contains("1.1.0")))
    };
    let document = tree.get("index/acme/hello.json");
    let document = document.and_then(|bytes| read_document::<PackageDocument>(bytes).unwrap());
    let (as_of, versions) = document.map_or((0, 0), |document| (document.as_of, document.versions.len() as u64));
    let registry = tree.get("registry.json").map(|bytes| serde_json::from_slice::<Value>(bytes).unwrap());
    let latest = tree.get("v2/acme/hello/manifests/latest");
    let shard = tree.keys().find(|path| path.starts_with("catalogue/"));
    [
        ("event of the document", as_of),
        ("versions of the document", versions),
        ("event of registry.json", registry.map_or(0, |registry| registry["as_of"].as_u64().unwrap())),
        ("tags/list", shows("v2/acme/hello/tags/list")),
        ("page", shows("pages/acme/hello.html")),
        ("catalogue", shard.map_or(0, |path| shows(path))),
        (
            "manifest under latest",
            latest.map_or(0, |found| u64::from(*found == hello("1.1.0").packed.manifest.content)),
        ),
    ]
}

/// Reads the tree over and over until it is told that all is over; fails if anything ever went back.
fn never_goes_back(store: &Path, over: &AtomicBool) -> u32 {
    let (mut before, mut looks) = (newness(&Tree::new()), 0);
    loop {
        // Asked first, so that the last look is at what stays.
        let is_last = over.load(Ordering::SeqCst);
        let now = newness(&tree_on_disk(store));
        for ((what, was), (_, is)) in before.iter().zip(&now) {
            assert!(is >= was, "{what} went back from {was} to {is}");
        }
        (before, looks) = (now, looks + 1);
        if is_last {
            let newest = [2, 2, 2, 1, 1, 1, 1];
            assert!(before.iter().map(|(_, is)| *is).eq(newest), "{before:?}");
            return looks;
        }
    }
}

/// One server publishes the first version, and stands still at that step from then on; the other publishes the second one meanwhile.
async fn late_at(step: u64) {
    let folder = DataFolder::on_postgres().unwrap();
    let store = folder.path().join("store");
    let folder = folder.stored_in(StoreAddress::Disk(store.clone()));
    let late = folder.open_with(kept(), |meta| meta).await;
    let quick = folder.open_with(kept(), |meta| meta).await;
    late.registry.rendered().await;
    let over = Arc::new(AtomicBool::new(false));
    let reader = std::thread::spawn({
        let over = over.clone();
        move || never_goes_back(&store, &over)
    });
    late.meter.arm(Some(Fault { step, when: When::Before, failure: Failure::Slow(PAUSE) }));
    late.push(&hello("1.0.0")).await.unwrap();
    quick.push(&hello("1.1.0")).await.unwrap();
    quick.registry.rendered().await;
    let head = quick.registry.health().await.unwrap().head;
    while late.registry.health().await.unwrap().head < head {
        tokio::task::yield_now().await;
    }
    late.registry.rendered().await;
    over.store(true, Ordering::SeqCst);
    let looks = tokio::task::spawn_blocking(|| reader.join())
        .await
        .unwrap()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    assert!(looks > 3, "{looks} looks");
}

/// Steps of a publish, and of what shows it, by a server that is alone. `None` without PostgreSQL.
async fn steps_of_a_publish(limits: Limits) -> Option<u64> {
    let folder = DataFolder::on_postgres()?;
    let store = StoreAddress::Disk(folder.path().join("store"));
    let folder = folder.stored_in(store);
    let open = folder.open_with(limits, |meta| meta).await;
    open.registry.rendered().await;
    open.meter.arm(None);
    open.push(&hello("1.0.0")).await.unwrap();
    open.registry.rendered().await;
    Some(open.meter.steps())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_renderer_of_a_folder_replaces_nothing_that_shows_more() {
    let Some(published) = steps_of_a_publish(Limits::default()).await else { return };
    let rendered = steps_of_a_publish(kept()).await.unwrap();
    assert!(rendered > published + 6, "{published} steps of a publish, {rendered} with what shows it");
    for step in (published..=rendered).step_by(2) {
        late_at(step).await;
    }
}
