//! Two servers on one bucket, one of which writes late: documents that show more stay, and what is hidden stays hidden.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt as _,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use pcl_registry::domain::public::{PackageDocument, read_document};
use pcl_registry::domain::{Actor, Visibility};
use pcl_registry::storage::Meter;
use tokio::sync::watch;

use super::tree::{kept, open_bucket, tree_in};
use crate::inside::{Opened, Package};

/// A store whose writes to some names wait until they may go on.
#[derive(Debug)]
struct Gate {
    inner: Arc<dyn ObjectStore>,
    /// Part of the names that wait.
    name: &'static str,
    /// How many have come so far.
    waiting: watch::Sender<u64>,
    open: watch::Sender<bool>,
    /// Nothing happens any more: who writes here is dead.
    dead: AtomicBool,
    /// The last write is done.
    finished: AtomicBool,
    /// The first write that waited is the last that happens.
    dies: bool,
}

impl Gate {
    fn closed(inner: Arc<dyn ObjectStore>, name: &'static str) -> Arc<Self> {
        Arc::new(Self::new(inner, name, false))
    }

    fn dying(inner: Arc<dyn ObjectStore>, name: &'static str) -> Arc<Self> {
        Arc::new(Self::new(inner, name, true))
    }

    fn new(inner: Arc<dyn ObjectStore>, name: &'static str, dies: bool) -> Self {
        let (waiting, open) = (watch::channel(0).0, watch::channel(false).0);
        Self { inner, name, waiting, open, dead: AtomicBool::new(false), finished: AtomicBool::new(false), dies }
    }

    fn alive(&self) -> Result<()> {
        match self.dead.load(Ordering::SeqCst) {
            true => Err(object_store::Error::Generic { store: "gate", source: "it is dead".into() }),
            false => Ok(()),
        }
    }

    /// Waits; says whether this is the last write.
    async fn pass(&self, location: &Path) -> Result<bool> {
        self.alive()?;
        let mut waited = false;
        if location.as_ref().starts_with("public/") && location.as_ref().contains(self.name) {
            self.waiting.send_modify(|waiting| *waiting += 1);
            let _ = self.open.subscribe().wait_for(|open| *open).await;
            waited = true;
        }
        if !(waited && self.dies) {
            self.alive()?;
            return Ok(false);
        }
        // Of several that waited one alone is the first.
        match self.dead.swap(true, Ordering::SeqCst) {
            false => Ok(true),
            true => self.alive().map(|()| false),
        }
    }
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait]
impl ObjectStore for Gate {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let is_last = self.pass(location).await?;
        let put = self.inner.put_opts(location, payload, options).await;
        self.finished.fetch_or(is_last, Ordering::SeqCst);
        put
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.alive()?;
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        match self.alive() {
            Ok(()) => self.inner.delete_stream(locations),
            Err(_) => futures::stream::empty().boxed(),
        }
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let is_last = self.pass(to).await?;
        let copied = self.inner.copy_opts(from, to, options).await;
        self.finished.fetch_or(is_last, Ordering::SeqCst);
        copied
    }
}

fn hello(version: &str) -> Package {
    Package::new(&format!("acme/hello@{version}"), &format!("murmuring of {version}"))
}

/// The names at which the late server stands still.
const NAMES: [&str; 9] = [
    "/blobs/sha256:",
    "manifests/sha256:",
    "manifests/latest",
    "tags/list",
    "index/",
    "pages/",
    "catalogue/",
    "agent-skills/",
    "registry.json",
];

/// One server stands still in the middle of rendering the first version, while another does this and renders it.
async fn beside(name: &'static str, work: impl AsyncFnOnce(&Opened)) -> Arc<dyn ObjectStore> {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let gate = Gate::closed(objects.clone(), name);
    let late = open_bucket(gate.clone(), &Meter::default(), kept()).await;
    late.push(&hello("1.0.0")).await.unwrap();
    gate.waiting.subscribe().wait_for(|waiting| *waiting > 0).await.unwrap();
    let quick = open_bucket(objects.clone(), &Meter::default(), kept()).await;
    work(&quick).await;
    quick.registry.rendered().await;
    gate.open.send_replace(true);
    let head = quick.registry.health().await.unwrap().head;
    while late.registry.health().await.unwrap().head < head {
        tokio::task::yield_now().await;
    }
    late.registry.rendered().await;
    objects
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_renderer_replaces_nothing_that_shows_more() {
    for name in NAMES {
        let objects = beside(name, async |quick| quick.push(&hello("1.1.0")).await.unwrap()).await;
        let tree = tree_in(&objects).await;
        let document: PackageDocument = read_document(&tree["index/acme/hello.json"]).unwrap().unwrap();
        assert_eq!((document.as_of, document.versions.len()), (2, 2), "{name}");
        assert_eq!(tree["v2/acme/hello/manifests/latest"], hello("1.1.0").packed.manifest.content, "{name}");
        assert!(String::from_utf8_lossy(&tree["v2/acme/hello/tags/list"]).contains("1.1.0"), "{name}");
        assert!(String::from_utf8_lossy(&tree["pages/acme/hello.html"]).contains("1.1.0"), "{name}");
        let (shard, line) = tree.iter().find(|(path, _)| path.starts_with("catalogue/")).unwrap();
        assert!(String::from_utf8_lossy(line).contains("murmuring of 1.1.0"), "{name}: {shard}");
        let registry: serde_json::Value = serde_json::from_slice(&tree["registry.json"]).unwrap();
        assert_eq!(registry["as_of"], 2, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_renderer_shows_nothing_that_is_hidden() {
    for name in NAMES {
        let hide = async |quick: &Opened| {
            let name = hello("1.0.0").name();
            quick.registry.set_visibility(&Actor::Operator, &name, Visibility::Unlisted).await.unwrap();
        };
        let tree = tree_in(&beside(name, hide).await).await;
        for (path, bytes) in &tree {
            assert!(!String::from_utf8_lossy(bytes).contains("murmuring"), "{name}: {path}");
            assert!(!path.contains("hello") || path == "index/acme/hello.json", "{name}: {path}");
        }
    }
}

/// The write that waited happens after all else, and is the last that its server ever does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_late_renderer_leaves_that_died_is_taken_away_by_the_next_start() {
    for name in NAMES {
        let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let gate = Gate::dying(objects.clone(), name);
        let late = open_bucket(gate.clone(), &Meter::default(), kept()).await;
        late.push(&hello("1.0.0")).await.unwrap();
        gate.waiting.subscribe().wait_for(|waiting| *waiting > 0).await.unwrap();
        let quick = open_bucket(objects.clone(), &Meter::default(), kept()).await;
        let hello = hello("1.0.0").name();
        quick.registry.set_visibility(&Actor::Operator, &hello, Visibility::Unlisted).await.unwrap();
        quick.registry.rendered().await;
        gate.open.send_replace(true);
        while !gate.finished.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
        drop((late, quick));
        let next = open_bucket(objects.clone(), &Meter::default(), kept()).await;
        next.registry.rendered().await;
        for (path, bytes) in &tree_in(&objects).await {
            assert!(!String::from_utf8_lossy(bytes).contains("murmuring"), "{name}: {path}");
            assert!(!path.contains("hello") || path == "index/acme/hello.json", "{name}: {path}");
        }
    }
}

/// Whoever hid it died, or read of a store that lied, between the removal of what it had and the last word about it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_tombstone_still_names_is_left_out_after_the_next_start() {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let open = open_bucket(objects.clone(), &Meter::default(), kept()).await;
    open.push(&hello("1.0.0")).await.unwrap();
    open.registry.set_visibility(&Actor::Operator, &hello("1.0.0").name(), Visibility::Private).await.unwrap();
    open.registry.rendered().await;
    drop(open);
    let document = Path::from("public/index/acme/hello.json");
    let unfinished = r#"{"as_of":2,"gone":true,"removed":["v2/acme/hello/manifests/1.0.0"]}"#;
    objects.put(&document, unfinished.into()).await.unwrap();
    let next = open_bucket(objects.clone(), &Meter::default(), kept()).await;
    next.registry.rendered().await;
    let tree = tree_in(&objects).await;
    assert_eq!(String::from_utf8_lossy(&tree["index/acme/hello.json"]), r#"{"as_of":2,"gone":true}"#);
}
