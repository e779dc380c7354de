//! Downloads are counted where manifests are handed out, and written down later: by version and day, once each, whatever fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use async_trait::async_trait;
use pcl_registry::domain::api::PackageStatistics;
use pcl_registry::domain::{
    Actor, Day, Kind, Name, Package as Shown, Reference, Timestamp, UserName, Version, Visibility,
};
use pcl_registry::meta::{DownloadBatch, Downloads, Meta, MetaError, Social, StarRow, Starred, Totals};
use pcl_registry::registry::{Limits, RegistryError};
use serde_json::json;

use crate::inside::{DataFolder, Opened, Owner, Package, plain};
use crate::rebuild::close;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// Pulls what a reference names, as a client that gets its bytes.
async fn pull(open: &Opened, package: &Package, reference: &Reference) {
    let manifest = open.registry.manifest(&Actor::Operator, &package.repository, reference).await.unwrap();
    open.registry.downloaded(&manifest);
}

fn tag(text: &str) -> Reference {
    Reference::Tag(text.parse().unwrap())
}

async fn statistics(open: &Opened, package: &Package, version: Option<&str>) -> PackageStatistics {
    let version: Option<Version> = version.map(|version| version.parse().unwrap());
    let name = package.name();
    open.registry.package_statistics(&Actor::Operator, &name, version.as_ref(), None, None).await.unwrap()
}

/// `version:number` of each version, and `number` of each day.
fn counted(statistics: &PackageStatistics) -> (String, Vec<u64>) {
    let versions = statistics.versions.iter().map(|row| format!("{}:{}", row.version, row.downloads));
    let versions = versions.collect::<Vec<_>>().join(" ");
    let days: Vec<u64> = statistics.days.iter().map(|row| row.downloads).collect();
    assert_eq!(statistics.downloads, statistics.versions.iter().map(|row| row.downloads).sum::<u64>());
    (versions, days)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pulls_are_counted_by_version_and_day() {
    for owner in Owner::here([Owner::Sqlite, Owner::Store, Owner::Postgres, Owner::Mongo]) {
        let folder = DataFolder::new(owner);
        let open = folder.open().await;
        let [first, second] = ["1.0.0", "1.1.0"].map(|version| Package::new(&format!("acme/hello@{version}"), version));
        open.push(&first).await.unwrap();
        open.push(&second).await.unwrap();
        open.push_blob(&first.repository, &"{}".into()).await.unwrap();
        // Neither a plain image beside the versions nor a repository that is no package has downloads.
        let image = plain("image", json!({}));
        open.push_bytes(&first.repository, tag("image"), MANIFEST, &image).await.unwrap();
        for _ in 0..3 {
            pull(&open, &first, &tag("1.0.0")).await;
        }
        pull(&open, &first, &tag("latest")).await;
        pull(&open, &second, &Reference::Digest(second.digest())).await;
        pull(&open, &first, &tag("image")).await;
        assert_eq!(counted(&statistics(&open, &first, None).await), (String::new(), vec![]), "{owner:?}");
        // What was counted before midnight is of the day before, whenever it is written down.
        folder.pass(86_400);
        pull(&open, &first, &tag("1.0.0")).await;
        assert_eq!(open.registry.save_downloads().await.unwrap(), 6, "{owner:?}");
        assert_eq!(open.registry.save_downloads().await.unwrap(), 0, "{owner:?}");
        assert_eq!(
            counted(&statistics(&open, &first, None).await),
            ("1.1.0:2 1.0.0:4".to_owned(), vec![5, 1]),
            "{owner:?}"
        );
        let of_first = statistics(&open, &first, Some("1.0.0")).await;
        assert_eq!(counted(&of_first).1, [3, 1], "{owner:?}");
        let days: Vec<Day> = of_first.days.iter().map(|row| row.day).collect();
        assert_eq!(days, [Day::of(open.registry.now()).back(1), Day::of(open.registry.now())], "{owner:?}");
        let package = open.registry.package(&Actor::Operator, &first.name()).await.unwrap();
        assert_eq!(package.downloads, 6, "{owner:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_manifest_that_has_left_the_cache_is_counted_all_the_same() {
    let folder = DataFolder::new(Owner::Sqlite);
    let open = folder.open().await;
    let package = Package::new("acme/hello@1.0.0", "one");
    open.push(&package).await.unwrap();
    pull(&open, &package, &tag("1.0.0")).await;
    // What is cached of a manifest goes when it is deleted.
    let (actor, version) = (Actor::Operator, "1.0.0".parse().unwrap());
    open.registry.delete_manifest(&actor, &package.repository, &tag("1.0.0")).await.unwrap();
    open.registry.restore(&actor, &package.name(), &version).await.unwrap();
    pull(&open, &package, &tag("1.0.0")).await;
    open.registry.save_downloads().await.unwrap();
    pull(&open, &package, &tag("1.0.0")).await;
    open.registry.save_downloads().await.unwrap();
    assert_eq!(statistics(&open, &package, None).await.downloads, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_saved_is_there_after_a_restart() {
    for owner in Owner::here([Owner::Sqlite, Owner::Postgres, Owner::Mongo]) {
        let folder = DataFolder::new(owner);
        let open = folder.open().await;
        let package = Package::new("acme/hello@1.0.0", "one");
        open.push(&package).await.unwrap();
        pull(&open, &package, &tag("1.0.0")).await;
        open.registry.save_downloads().await.unwrap();
        // Not saved: lost with the process.
        pull(&open, &package, &tag("1.0.0")).await;
        close(&folder, open).await;
        let open = folder.open().await;
        pull(&open, &package, &tag("latest")).await;
        open.registry.save_downloads().await.unwrap();
        assert_eq!(counted(&statistics(&open, &package, None).await), ("1.0.0:2".to_owned(), vec![2]), "{owner:?}");
    }
}

/// Fails one batch: 1 before it was counted, 2 after. Counts how often trends are read.
struct FailingSocial {
    inner: Arc<dyn Social>,
    fail: Arc<AtomicU8>,
    trends: Arc<AtomicU8>,
}

#[async_trait]
impl Social for FailingSocial {
    async fn count(&self, batch: &DownloadBatch) -> Result<(), MetaError> {
        let lost = || MetaError::Unavailable("the connection broke, as a test planned".into());
        match self.fail.swap(0, Ordering::SeqCst) {
            1 => Err(lost()),
            2 => {
                self.inner.count(batch).await?;
                Err(lost())
            }
            _ => self.inner.count(batch).await,
        }
    }

    async fn star(&self, name: &Name, user: &UserName, at: Option<Timestamp>) -> Result<Starred, MetaError> {
        self.inner.star(name, user, at).await
    }

    async fn stars(&self, user: &UserName, after: Option<&Name>, limit: usize) -> Result<Vec<StarRow>, MetaError> {
        self.inner.stars(user, after, limit).await
    }

    async fn counted(&self, after: Option<&Downloads>, limit: usize) -> Result<Vec<Downloads>, MetaError> {
        self.inner.counted(after, limit).await
    }

    async fn versions(&self, name: &Name) -> Result<Vec<(Version, u64)>, MetaError> {
        self.inner.versions(name).await
    }

    async fn days(
        &self,
        name: &Name,
        version: Option<&Version>,
        first: Day,
        last: Day,
    ) -> Result<Vec<(Day, u64)>, MetaError> {
        self.inner.days(name, version, first, last).await
    }

    async fn trending(
        &self,
        weights: &[(Day, u64)],
        kinds: &[Kind],
        limit: usize,
    ) -> Result<Vec<(Shown, u64)>, MetaError> {
        self.trends.fetch_add(1, Ordering::SeqCst);
        self.inner.trending(weights, kinds, limit).await
    }

    async fn totals(&self) -> Result<Totals, MetaError> {
        self.inner.totals().await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_save_that_fails_is_made_up_for_and_counted_once() {
    let owners = Owner::here([Owner::Sqlite, Owner::Store, Owner::Postgres, Owner::Mongo]);
    for (owner, how) in owners.into_iter().flat_map(|owner| [(owner, 1), (owner, 2)]) {
        let folder = DataFolder::new(owner);
        let fail = Arc::new(AtomicU8::new(0));
        let its_fail = fail.clone();
        let wrap = move |meta: Meta| {
            let social = FailingSocial { inner: meta.social.clone(), fail: its_fail, trends: Arc::default() };
            let social = Arc::new(social);
            Meta { social, ..meta }
        };
        let open = folder.open_with(Limits::default(), wrap).await;
        let package = Package::new("acme/hello@1.0.0", "one");
        open.push(&package).await.unwrap();
        pull(&open, &package, &tag("1.0.0")).await;
        fail.store(how, Ordering::SeqCst);
        let failed = open.registry.save_downloads().await;
        assert!(matches!(failed, Err(RegistryError::Meta(MetaError::Unavailable(_)))), "{owner:?} {how}: {failed:?}");
        // The next day, with more: each stays with its day.
        folder.pass(86_400);
        pull(&open, &package, &tag("1.0.0")).await;
        pull(&open, &package, &tag("latest")).await;
        assert_eq!(open.registry.save_downloads().await.unwrap(), 3, "{owner:?} {how}");
        let found = counted(&statistics(&open, &package, None).await);
        assert_eq!(found, ("1.0.0:3".to_owned(), vec![1, 2]), "{owner:?} {how}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trend_is_read_once_however_it_is_asked_for() {
    let folder = DataFolder::new(Owner::Sqlite);
    let trends = Arc::new(AtomicU8::new(0));
    let its_trends = trends.clone();
    let wrap = move |meta: Meta| {
        let social = FailingSocial { inner: meta.social.clone(), fail: Arc::default(), trends: its_trends };
        Meta { social: Arc::new(social), ..meta }
    };
    let open = folder.open_with(Limits::default(), wrap).await;
    let packages = ["a", "b", "c"].map(|slug| Package::new(&format!("acme/{slug}@1.0.0"), slug));
    for package in &packages {
        open.push(package).await.unwrap();
        pull(&open, package, &tag("1.0.0")).await;
    }
    open.registry.save_downloads().await.unwrap();
    let (skill, team) = (Kind::Skill, Kind::Team);
    for kinds in [vec![skill, team], vec![team, skill], vec![skill, team, skill]] {
        for limit in [1, 2, 100] {
            let found = open.registry.trending(&Actor::Operator, 7, &kinds, limit).await.unwrap();
            assert_eq!(found.len(), limit.min(3));
        }
    }
    assert_eq!(trends.load(Ordering::SeqCst), 1);
    for kinds in [Vec::new(), Kind::ALL.to_vec()] {
        assert_eq!(open.registry.trending(&Actor::Operator, 7, &kinds, 100).await.unwrap().len(), 3);
    }
    assert_eq!(trends.load(Ordering::SeqCst), 2, "every kind is any kind");
    open.push(&Package::new("acme/d@1.0.0", "d")).await.unwrap();
    open.registry.trending(&Actor::Operator, 7, &[], 100).await.unwrap();
    assert_eq!(trends.load(Ordering::SeqCst), 2, "a commit that hides nothing");
    let version = "1.0.0".parse().unwrap();
    open.registry.set_visibility(&Actor::Operator, &packages[0].name(), Visibility::Unlisted).await.unwrap();
    open.registry.trending(&Actor::Operator, 7, &[], 100).await.unwrap();
    open.registry.delete_version(&Actor::Operator, &packages[1].name(), &version).await.unwrap();
    let found = open.registry.trending(&Actor::Operator, 7, &[], 100).await.unwrap();
    let names: Vec<String> = found.iter().map(|found| found.package.name.to_string()).collect();
    assert_eq!((names, trends.load(Ordering::SeqCst)), (vec!["acme/c".to_owned()], 4));
}
