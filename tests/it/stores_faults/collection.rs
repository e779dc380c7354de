//! Whatever is done in whatever order, and at once: nothing that can be reached is ever absent.
//!
//! What can be reached is known here from what was pushed, not from the queries that collection asks: every version that is not given up,
//! deleted ones too, every image by its tag, and whatever a repository says that it has.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use pcl_registry::domain::{Actor, Area, Digest, Reference, Repository, Visibility};
use pcl_registry::meta::Refused;
use pcl_registry::registry::RegistryError;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;

use super::bucket::{Bucket, DAY, Held};
use crate::inside::{Opened, Package, plain};
use crate::private::support::see;

const OPERATOR: Actor = Actor::Operator;
const HOUR: i64 = 3600;
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const IMAGE: &str = "team/image";
/// Two packages of the same content, so that each blob may be of both.
const NAMES: [&str; 2] = ["acme/hello", "other/hello"];
const VERSIONS: [&str; 3] = ["1.0.0", "1.1.0", "1.2.0"];
/// The one that only [`come_back`] pushes, so that nothing names its blobs for long enough.
const LEFT: usize = 2;

/// One thing that somebody does. Numbers choose among what there may be.
#[derive(Clone, Debug)]
enum Act {
    /// Blobs and manifest.
    Publish(usize, usize),
    /// The blobs of a version, whose manifest may follow.
    Blobs(usize, usize),
    /// The manifest, whose blobs may be there.
    Manifest(usize, usize),
    /// A look at the layer before a push, which is a touch.
    Look(usize, usize),
    /// The layer is taken over into the image's repository.
    Mount(usize, usize),
    /// An image that has the layer, under a tag.
    Image(usize),
    DeleteImage(usize),
    Delete(usize, usize),
    Restore(usize, usize),
    Purge(usize, usize),
    See(usize, Visibility),
    Collect,
    Pass(i64),
    /// All of them at once.
    Together(Vec<Act>),
}

fn package(name: usize, version: usize) -> Package {
    Package::new(&format!("{}@{}", NAMES[name], VERSIONS[version]), &format!("the files of {}", VERSIONS[version]))
}

fn one() -> impl Strategy<Value = Act> {
    let version = || (0..NAMES.len(), 0..LEFT);
    let image = || 0..LEFT;
    let visibility = prop_oneof![Just(Visibility::Public), Just(Visibility::Unlisted), Just(Visibility::Private)];
    prop_oneof![
        4 => version().prop_map(|(name, version)| Act::Publish(name, version)),
        2 => version().prop_map(|(name, version)| Act::Blobs(name, version)),
        2 => version().prop_map(|(name, version)| Act::Manifest(name, version)),
        2 => version().prop_map(|(name, version)| Act::Look(name, version)),
        2 => version().prop_map(|(name, version)| Act::Mount(name, version)),
        2 => image().prop_map(Act::Image),
        2 => image().prop_map(Act::DeleteImage),
        2 => version().prop_map(|(name, version)| Act::Delete(name, version)),
        2 => version().prop_map(|(name, version)| Act::Restore(name, version)),
        2 => version().prop_map(|(name, version)| Act::Purge(name, version)),
        1 => (0..NAMES.len(), visibility).prop_map(|(name, visibility)| Act::See(name, visibility)),
        6 => Just(Act::Collect),
    ]
}

/// Blobs that nothing names are condemned, somebody comes back to them, and a collection comes when their time would have been over.
/// Acts that are chosen one by one seldom come to this.
fn come_back() -> impl Strategy<Value = Vec<Act>> {
    let back = |name| {
        let acts = [Act::Look(name, LEFT), Act::Blobs(name, LEFT), Act::Mount(name, LEFT), Act::Publish(name, LEFT)];
        proptest::sample::select(acts.to_vec())
    };
    let pass = |hours| Act::Pass(hours * HOUR);
    let of = (0..NAMES.len()).prop_flat_map(move |name| (Just(name), back(name)));
    of.prop_map(move |(name, back)| {
        vec![Act::Blobs(name, LEFT), pass(25), Act::Collect, pass(13), back, pass(13), Act::Collect]
    })
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let hours = prop_oneof![Just(6), Just(13), Just(25)];
    let act = prop_oneof![
        10 => one().prop_map(|act| vec![act]),
        6 => hours.prop_map(|hours| vec![Act::Pass(hours * HOUR)]),
        4 => proptest::collection::vec(one(), 2..5).prop_map(|acts| vec![Act::Together(acts)]),
        1 => come_back(),
    ];
    proptest::collection::vec(act, 5..40).prop_map(|acts| acts.concat())
}

/// Who does it, and what they were told.
struct Play {
    bucket: Bucket,
    open: Opened,
    /// When a repository was last told that it has a blob, by what moves the time on from which it may go.
    told: Mutex<BTreeMap<(String, Digest), i64>>,
    now: Mutex<i64>,
}

impl Play {
    async fn new(held: Held) -> Self {
        let bucket = Bucket::new(held);
        let open = bucket.open().await;
        Self { bucket, open, told: Mutex::default(), now: Mutex::default() }
    }

    fn tell(&self, repository: &Repository, digest: Digest) {
        let now = *self.now.lock().unwrap();
        self.told.lock().unwrap().insert((repository.to_string(), digest), now);
    }

    /// What a purge removes, and a move leaves behind, goes though somebody was told of it.
    fn untell(&self, act: &Act) {
        let mut told = self.told.lock().unwrap();
        match act {
            Act::Purge(_, version) => {
                let packed = package(0, *version).packed;
                let gone = [packed.config.digest, packed.layer.digest];
                told.retain(|(_, digest), _| !gone.contains(digest));
            }
            Act::See(name, _) => {
                let all = (0..VERSIONS.len()).map(|version| package(*name, version).packed);
                let left: Vec<_> = all.flat_map(|packed| [packed.config.digest, packed.layer.digest]).collect();
                told.retain(|(repository, digest), _| repository != NAMES[*name] && !left.contains(digest));
            }
            _ => {}
        }
    }

    async fn act(&self, act: &Act) -> Result<(), RegistryError> {
        let (open, image) = (&self.open, IMAGE.parse::<Repository>().unwrap());
        let of = |name, version| {
            let package = package(name, version);
            (package.name(), package.tag.parse().unwrap())
        };
        match *act {
            Act::Publish(name, version) => open.push(&package(name, version)).await,
            Act::Blobs(name, version) => {
                let package = package(name, version);
                for blob in [&package.packed.config, &package.packed.layer] {
                    open.push_blob(&package.repository, &blob.content).await?;
                    self.tell(&package.repository, blob.digest);
                }
                Ok(())
            }
            Act::Manifest(name, version) => open.push_manifest(&package(name, version)).await,
            Act::Look(name, version) => {
                let package = package(name, version);
                let digest = package.packed.layer.digest;
                let found = open.registry.blob(&OPERATOR, &package.repository, &digest).await?;
                open.registry.touch_blob(&found).await?;
                self.tell(&package.repository, digest);
                Ok(())
            }
            Act::Mount(name, version) => {
                let digest = package(name, version).packed.layer.digest;
                if open.registry.mount(&OPERATOR, &image, &digest, None).await? {
                    self.tell(&image, digest);
                }
                Ok(())
            }
            Act::Image(version) => {
                let layer = package(0, version).packed.layer;
                open.push_blob(&image, &Bytes::from_static(b"{}")).await?;
                if !open.registry.mount(&OPERATOR, &image, &layer.digest, None).await? {
                    open.push_blob(&image, &layer.content).await?;
                }
                open.push_bytes(&image, tag(version), MANIFEST, &image_of(version)).await
            }
            Act::DeleteImage(version) => {
                let reference = Reference::Digest(Digest::sha256(&image_of(version)));
                open.registry.delete_manifest(&OPERATOR, &image, &reference).await
            }
            Act::Delete(name, version) => {
                let (name, version) = of(name, version);
                open.registry.delete_version(&OPERATOR, &name, &version).await
            }
            Act::Restore(name, version) => {
                let (name, version) = of(name, version);
                open.registry.restore(&OPERATOR, &name, &version).await
            }
            Act::Purge(name, number) => {
                let (name, version) = of(name, number);
                let purged = open.registry.purge(&OPERATOR, &name, &version).await;
                self.untell(act);
                purged
            }
            Act::See(name, visibility) => {
                let seen = see(open, NAMES[name], visibility).await;
                self.untell(act);
                seen
            }
            Act::Collect => open.registry.collect(&OPERATOR).await.map(drop),
            Act::Pass(seconds) => {
                self.bucket.pass(seconds);
                *self.now.lock().unwrap() += seconds;
                Ok(())
            }
            Act::Together(_) => Ok(()),
        }
    }

    /// A publication whose blobs are going just now is made again, as a client does, and then succeeds.
    async fn act_alone(&self, act: &Act) -> Result<(), RegistryError> {
        let outcome = self.act(act).await;
        match (act, &outcome) {
            (Act::Publish(..) | Act::Image(_), Err(error)) if sends_again(error) => self.act(act).await,
            _ => outcome,
        }
    }

    async fn assert_all_is_there(&self) {
        for (name, version) in versions() {
            self.assert_version(&package(name, version)).await;
        }
        for version in 0..VERSIONS.len() {
            self.assert_image(version).await;
        }
        let now = *self.now.lock().unwrap();
        let told = self.told.lock().unwrap().clone();
        for ((repository, digest), at) in told {
            if now - at < DAY {
                let repository = repository.parse().unwrap();
                let found = self.open.blob(&repository, &digest).await;
                assert!(found.is_ok(), "{repository} was told {} hours ago that it has {digest}", (now - at) / HOUR);
            }
        }
    }

    async fn assert_version(&self, package: &Package) {
        let (open, name, version) = (&self.open, package.name(), package.tag.parse().unwrap());
        let shown = open.registry.manifest(&OPERATOR, &package.repository, &package.reference()).await;
        if let Ok(manifest) = &shown {
            assert_eq!(manifest.bytes, package.packed.manifest.content);
        }
        let known = open.meta.catalog.versions(&[(name.clone(), version)]).await.unwrap();
        let reachable = known.iter().find(|known| !known.purged);
        assert!(shown.is_err() || reachable.is_some(), "{name}");
        let packed = &package.packed;
        if let Some(published) = reachable {
            // Which area it is, is known of what is shown; of what is deleted a restore tells.
            let areas = match open.meta.catalog.package(&name).await.unwrap() {
                Some(shown) => vec![Area::of(&package.repository, shown.visibility)],
                None => vec![Area::Public, Area::private(&package.repository)],
            };
            let mut lost = Vec::new();
            for area in areas {
                let mut missing = Vec::new();
                for digest in [packed.config.digest, packed.layer.digest, packed.manifest.digest, published.record] {
                    let found = open.storage.blob_size(&area, &digest).await.unwrap();
                    missing.extend(found.is_none().then_some((area.clone(), digest)));
                }
                lost.push(missing);
            }
            assert!(lost.iter().any(Vec::is_empty), "{name}@{} has lost {lost:?}", package.tag);
        }
        for blob in [&packed.config, &packed.layer] {
            if open.registry.blob(&OPERATOR, &package.repository, &blob.digest).await.is_ok() {
                let read = open.blob(&package.repository, &blob.digest).await;
                assert_eq!(read.unwrap(), blob.content, "{name} says that it has it");
            }
            if shown.is_ok() {
                assert_eq!(open.blob(&package.repository, &blob.digest).await.unwrap(), blob.content, "{name}");
            }
        }
    }

    async fn assert_image(&self, version: usize) {
        let (image, layer) = (IMAGE.parse().unwrap(), package(0, version).packed.layer);
        if self.open.registry.manifest(&OPERATOR, &image, &tag(version)).await.is_ok() {
            assert_eq!(self.open.blob(&image, &layer.digest).await.unwrap(), layer.content);
            assert_eq!(self.open.blob(&image, &Digest::sha256(b"{}")).await.unwrap(), "{}");
        }
    }
}

fn versions() -> impl Iterator<Item = (usize, usize)> {
    (0..NAMES.len()).flat_map(|name| (0..VERSIONS.len()).map(move |version| (name, version)))
}

fn tag(version: usize) -> Reference {
    Reference::Tag(format!("image-{version}").parse().unwrap())
}

fn image_of(version: usize) -> Bytes {
    let layer = package(0, version).packed.layer;
    let named = json!({ "mediaType": layer.media_type, "digest": layer.digest, "size": layer.content.len() });
    plain(&format!("image {version}"), json!({ "layers": [named] }))
}

/// Whether a client sends its blobs again after this.
pub fn sends_again(error: &RegistryError) -> bool {
    matches!(
        error,
        RegistryError::BlobBusy(_) | RegistryError::Refused(Refused::BlobsUnknown(_) | Refused::Elsewhere(_))
    )
}

/// Whether the rules said no. Anything else says that something is broken.
fn is_answer(error: &RegistryError, alone: bool) -> bool {
    let is_answer = !matches!(
        error,
        RegistryError::Storage(_) | RegistryError::Meta(_) | RegistryError::Commit(_) | RegistryError::Stopping
    );
    is_answer && !(alone && matches!(error, RegistryError::BlobBusy(_)))
}

async fn play(held: Held, acts: Vec<Act>) {
    let play = Arc::new(Play::new(held).await);
    for act in acts {
        let outcomes = match &act {
            Act::Together(acts) => {
                let spawned = acts.iter().cloned().map(|act| {
                    let play = play.clone();
                    tokio::spawn(async move { play.act(&act).await })
                });
                let mut outcomes = Vec::new();
                for spawned in spawned.collect::<Vec<_>>() {
                    outcomes.push(spawned.await.unwrap());
                }
                // Of those at once nobody knows which came last.
                acts.iter().for_each(|act| play.untell(act));
                outcomes
            }
            act => vec![play.act_alone(act).await],
        };
        let alone = !matches!(act, Act::Together(_));
        for error in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
            assert!(is_answer(error, alone), "{act:?}: {error:?}");
            let published = matches!(act, Act::Publish(..) | Act::Image(_));
            assert!(!(published && sends_again(error)), "{act:?} was sent again, and refused again: {error}");
        }
        play.assert_all_is_there().await;
    }
    play.open.assert_events_agree().await;
}

fn any_order(held: Held, cases: u32) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 300, ..Config::default() };
    let outcome = TestRunner::new(config).run(&acts(), |acts| {
        runtime.block_on(play(held, acts));
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn nothing_that_can_be_reached_is_ever_absent_in_a_store_that_owns_itself() {
    any_order(Held::Store, 48);
}

#[test]
fn nothing_that_can_be_reached_is_ever_absent_with_sqlite() {
    any_order(Held::Sqlite, 24);
}
