//! Rows about what is there already: a tag moves, a version is deleted, or given up, a package is shown to others.

use pcl_registry::domain::{Actor, Area, Digest, Profile, Reference, Visibility};
use pcl_registry::meta::{Refused, Seen};
use pcl_registry::registry::RegistryError;
use pcl_registry::storage::{Failure, Fault, Key, When};
use serde_json::json;

use super::bucket::{Bucket, DAY, Held};
use super::table::{Place, UseCase, rows};
use crate::inside::{Package, keys, plain};
use crate::private::support::areas;

const OPERATOR: Actor = Actor::Operator;
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A tag of an image goes from one manifest to another.
struct MoveTag;

impl MoveTag {
    fn image(at: &Place, seed: &str) -> bytes::Bytes {
        plain(&format!("{seed} of cell {}", at.number), json!({}))
    }

    fn tag() -> Reference {
        Reference::Tag("stable".parse().unwrap())
    }

    async fn push(at: &Place, seed: &str) -> Result<(), RegistryError> {
        let repository = format!("{}/image", at.org()).parse().unwrap();
        at.open.push_blob(&repository, &bytes::Bytes::from_static(b"{}")).await?;
        at.open.push_bytes(&repository, Self::tag(), MANIFEST, &Self::image(at, seed)).await
    }
}

impl UseCase for MoveTag {
    type Begun = ();

    async fn prepare(&self, at: &Place) {
        Self::push(at, "old").await.unwrap();
    }

    async fn run(&self, at: &Place, (): &()) -> Result<(), RegistryError> {
        Self::push(at, "new").await
    }

    async fn happened(&self, at: &Place, (): &()) -> bool {
        let repository = format!("{}/image", at.org()).parse().unwrap();
        let found = at.open.registry.manifest(&OPERATOR, &repository, &Self::tag()).await.unwrap();
        let [old, new] = ["old", "new"].map(|seed| Self::image(at, seed));
        assert!([&old, &new].contains(&&found.bytes));
        let digest = Reference::Digest(Digest::sha256(&old));
        assert_eq!(at.open.registry.manifest(&OPERATOR, &repository, &digest).await.unwrap().bytes, old, "by digest");
        found.bytes == new
    }
}

/// A version is deleted.
struct Delete;

impl UseCase for Delete {
    type Begun = Package;

    async fn prepare(&self, at: &Place) -> Package {
        let package = at.package("1.0.0", "to be deleted");
        at.open.push(&package).await.unwrap();
        package
    }

    async fn run(&self, at: &Place, package: &Package) -> Result<(), RegistryError> {
        let (name, version) = (package.name(), package.tag.parse().unwrap());
        at.open.registry.delete_version(&OPERATOR, &name, &version).await
    }

    async fn happened(&self, at: &Place, package: &Package) -> bool {
        let version = package.tag.parse().unwrap();
        let by_tag = at.open.registry.manifest(&OPERATOR, &package.repository, &package.reference()).await;
        let shown = at.open.registry.version(&OPERATOR, &package.name(), &version).await;
        assert_eq!(by_tag.is_ok(), shown.is_ok());
        for key in keys(package) {
            assert!(at.open.storage.exists(&key).await.unwrap(), "it can be restored");
        }
        shown.is_err()
    }
}

/// A package is seen by everybody from now on: its bytes go to another area. The other way is the same, and waits for searches.
struct Show;

impl UseCase for Show {
    type Begun = Package;

    async fn prepare(&self, at: &Place) -> Package {
        let (org, package) = (at.org().parse().unwrap(), at.package("1.0.0", "to be shown"));
        let profile = Profile { visibility: Visibility::Private, ..Profile::default() };
        at.open.registry.put_org(&OPERATOR, &org, profile, Seen::Unsaid).await.unwrap();
        at.open.push(&package).await.unwrap();
        assert_eq!(areas(&at.open, &package).await, [0, 3]);
        package
    }

    async fn run(&self, at: &Place, package: &Package) -> Result<(), RegistryError> {
        at.open.registry.set_visibility(&OPERATOR, &package.name(), Visibility::Public).await
    }

    async fn happened(&self, at: &Place, package: &Package) -> bool {
        assert!(at.open.has(package).await);
        let found = at.open.registry.package(&OPERATOR, &package.name()).await.unwrap();
        let [public, private] = areas(&at.open, package).await;
        let is_shown = found.visibility == Visibility::Public;
        assert!(if is_shown { public == 3 } else { private == 3 }, "{is_shown}: {public}, {private}");
        is_shown
    }
}

/// A deleted version is given up, with the bytes that only it used.
struct Purge;

impl UseCase for Purge {
    type Begun = (Package, Vec<Key>);

    async fn prepare(&self, at: &Place) -> (Package, Vec<Key>) {
        let (package, kept) = (at.package("1.0.0", "to be given up"), at.package("1.1.0", "to be kept"));
        at.open.push(&package).await.unwrap();
        at.open.push(&kept).await.unwrap();
        let (name, version) = (package.name(), package.tag.parse().unwrap());
        let record = at.open.registry.version(&OPERATOR, &name, &version).await.unwrap().published.record;
        at.open.registry.delete_version(&OPERATOR, &name, &version).await.unwrap();
        let record = Key::Blob { area: Area::Public, digest: record };
        let all = keys(&package).into_iter().chain([record]).collect();
        (package, all)
    }

    async fn run(&self, at: &Place, (package, _): &(Package, Vec<Key>)) -> Result<(), RegistryError> {
        at.open.registry.purge(&OPERATOR, &package.name(), &package.tag.parse().unwrap()).await
    }

    async fn happened(&self, at: &Place, (package, all): &(Package, Vec<Key>)) -> bool {
        assert!(at.open.has(&at.package("1.1.0", "to be kept")).await);
        assert!(at.open.registry.manifest(&OPERATOR, &package.repository, &package.reference()).await.is_err());
        let mut left = 0;
        for key in all {
            left += usize::from(at.open.storage.exists(key).await.unwrap());
        }
        let restored = at.open.registry.restore(&OPERATOR, &package.name(), &package.tag.parse().unwrap()).await;
        match restored {
            Err(RegistryError::Refused(Refused::VersionPurged(_))) => left == 0,
            Ok(()) => {
                assert_eq!(left, 4, "what is not given up is whole");
                let found = at.open.registry.manifest(&OPERATOR, &package.repository, &package.reference()).await;
                assert_eq!(found.unwrap().bytes, package.packed.manifest.content);
                let version = package.tag.parse().unwrap();
                at.open.registry.delete_version(&OPERATOR, &package.name(), &version).await.unwrap();
                false
            }
            Err(error) => panic!("{error}"),
        }
    }
}

rows! {
    move_a_tag: MoveTag, 20;
    delete: Delete, 8;
    show: Show, 60;
    purge: Purge, 40;
}

/// What a move leaves behind when it fails goes with the next collections, and nothing else does.
#[tokio::test]
async fn a_move_that_fails_leaves_nothing_to_others_for_good() {
    for when in [When::Before, When::After] {
        for step in 1.. {
            let bucket = Bucket::new(Held::Sqlite);
            let mut open = bucket.open().await;
            let package = Package::new("acme/hello@1.0.0", "to be hidden");
            open.push(&package).await.unwrap();
            open.meter.arm(Some(Fault { step, when, failure: Failure::Crash }));
            let hidden = open.registry.set_visibility(&OPERATOR, &package.name(), Visibility::Private).await;
            if open.meter.steps() < step {
                hidden.unwrap();
                assert!(step > 5, "four blobs and an event: {step}");
                break;
            }
            open = bucket.open().await;
            for _ in 0..2 {
                bucket.pass(DAY + 1);
                open.registry.collect(&OPERATOR).await.unwrap();
            }
            let found = areas(&open, &package).await;
            assert!(found == [3, 0] || found == [0, 3], "{when:?} {step}: {found:?}");
            assert!(open.has(&package).await);
        }
    }
}
