//! Changes of area, and what they meet: pushes, uploads and failures.

use std::convert::Infallible;
use std::sync::Arc;

use futures::stream;
use pcl_registry::domain::{Actor, Algorithm, Area, Digest, Name, Profile, Visibility};
use pcl_registry::meta::{Act, Atomicity, Change, Memory, Refused, Seen, contract};
use pcl_registry::registry::{RegistryError, catch_up};
use pcl_registry::storage::{Failure, Fault, Key, When};

use crate::inside::{DataFolder, Opened, Owner, Package};
use crate::rebuild::close;

use super::support::{areas, see};

/// The grace period.
const DAY: i64 = 24 * 3600;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_package_moves_to_the_private_area_and_back() {
    for owner in Owner::here([Owner::Sqlite, Owner::Store, Owner::Postgres, Owner::Mongo]) {
        let folder = DataFolder::new(owner);
        let mut open = folder.open().await;
        let [one, two] = ["1.0.0", "2.0.0"].map(|version| Package::new(&format!("acme/x@{version}"), version));
        // The same files, so that one blob is of both.
        let twin = Package::new("other/x@3.0.0", "1.0.0");
        for package in [&one, &two, &twin] {
            open.push(package).await.unwrap();
        }
        let (name, second) = (one.name(), "2.0.0".parse().unwrap());
        open.registry.yank(&Actor::Operator, &name, &second, Some("it was rash")).await.unwrap();
        for (visibility, here) in
            [(Visibility::Private, [0, 3]), (Visibility::Unlisted, [3, 0]), (Visibility::Private, [0, 3])]
        {
            see(&open, "acme/x", visibility).await.unwrap();
            assert_eq!(areas(&open, &two).await, here, "{owner:?}");
            // What somebody else has of the same bytes stays.
            assert_eq!(areas(&open, &twin).await, [3, 0], "{owner:?}");
            for package in [&one, &two, &twin] {
                assert!(open.has(package).await, "{owner:?} {visibility} {}", package.tag);
            }
            let detail = open.registry.version(&Actor::Operator, &name, &second).await.unwrap();
            assert_eq!(detail.reasons.yanked.as_deref(), Some("it was rash"), "{owner:?}");
            assert!(!detail.files.is_empty(), "{owner:?}");
            // Whoever starts again, or makes everything again from the events, finds the bytes where they are.
            let dump = open.dump().await;
            close(&folder, open).await;
            open = folder.open().await;
            assert_eq!(open.dump().await, dump, "{owner:?}");
            let again = Arc::new(Memory::new()).meta();
            catch_up(&open.storage, &again, |_| {}).await.unwrap();
            assert_eq!(contract::dump(&again).await.unwrap(), dump, "{owner:?}");
        }
        close(&folder, open).await;
    }
}

/// A push whose package went elsewhere between its bytes and its manifest is told so, and succeeds when it is made again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_that_meets_a_move_is_made_again() {
    let folder = DataFolder::new(Owner::Sqlite);
    let open = folder.open().await;
    let package = Package::new("acme/x@1.0.0", "one");
    for blob in [&package.packed.config, &package.packed.layer] {
        open.push_blob(&package.repository, &blob.content).await.unwrap();
    }
    let upload = open.registry.begin_upload(&Actor::Operator, &package.repository, Algorithm::Sha256).await.unwrap();
    see(&open, "acme/x", Visibility::Private).await.unwrap();
    assert_eq!(areas(&open, &package).await, [0, 0], "what was uploaded in the open is not left there");
    let begun = open.registry.upload(&Actor::Operator, &package.repository, upload.id).await;
    assert!(matches!(begun, Err(RegistryError::UploadUnknown)), "{begun:?}");
    let refused = open.push_manifest(&package).await;
    assert!(matches!(refused, Err(RegistryError::Refused(Refused::BlobsUnknown(_)))), "{refused:?}");
    let missing: Digest = package.packed.layer.digest;
    let asked = open.registry.blob(&Actor::Operator, &package.repository, &missing).await;
    assert!(matches!(asked, Err(RegistryError::BlobUnknown(_))), "whoever asks is told to send it: {asked:?}");
    open.push(&package).await.unwrap();
    assert_eq!(areas(&open, &package).await, [0, 3]);
}

/// What was uploaded before all new names of its organisation became private is sent again, and nothing that is remembered of it is in
/// the way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_uploaded_before_its_area_changed_is_sent_again() {
    for owner in Owner::here([Owner::Sqlite, Owner::Store, Owner::Postgres, Owner::Mongo]) {
        let folder = DataFolder::new(owner);
        let open = folder.open().await;
        let package = Package::new("acme/x@1.0.0", "one");
        let (repository, layer) = (&package.repository, &package.packed.layer);
        let known = async || open.registry.blob(&Actor::Operator, repository, &layer.digest).await.is_ok();
        for visibility in [Visibility::Private, Visibility::Public] {
            open.push_blob(repository, &layer.content).await.unwrap();
            assert!(known().await, "{owner:?}");
            let profile = Profile { visibility, ..Profile::default() };
            open.registry.put_org(&Actor::Operator, &"acme".parse().unwrap(), profile, Seen::Unsaid).await.unwrap();
            assert!(!known().await, "{owner:?}");
            open.push_blob(repository, &layer.content).await.unwrap();
            assert!(known().await, "{owner:?}");
            assert_eq!(areas(&open, &package).await, [1, 1], "{owner:?}");
        }
        open.push(&package).await.unwrap();
        assert!(open.has(&package).await, "{owner:?}");
    }
}

/// The bytes of an upload lie in the area that was right when it began. Where another is right when it ends, they go again, and nobody
/// can take them over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_meets_a_move_leaves_nothing_in_the_open() {
    for owner in Owner::here([Owner::Sqlite, Owner::Store, Owner::Postgres, Owner::Mongo]) {
        let folder = DataFolder::new(owner);
        let open = folder.open().await;
        let package = Package::new("acme/x@1.0.0", "one");
        let (repository, layer) = (&package.repository, &package.packed.layer);
        let (registry, name, content) = (open.registry.clone(), package.name(), layer.content.clone());
        let body = stream::once(async move {
            registry.set_visibility(&Actor::Operator, &name, Visibility::Private).await.unwrap();
            Ok::<_, Infallible>(content)
        });
        let begun = open.registry.push_blob(&Actor::Operator, repository, &layer.digest, body).await;
        assert!(matches!(begun, Err(RegistryError::Refused(Refused::Elsewhere(_)))), "{owner:?} {begun:?}");
        assert_eq!(areas(&open, &package).await, [0, 0], "{owner:?}");
        let other = "other/x".parse().unwrap();
        for from in [None, Some(repository)] {
            let mounted = open.registry.mount(&Actor::Operator, &other, &layer.digest, from).await.unwrap();
            assert!(!mounted, "{owner:?}");
        }
        open.push(&package).await.unwrap();
        assert_eq!(areas(&open, &package).await, [0, 3], "{owner:?}");
    }
}

/// An upload of what a version names meets a change, either way: whoever reads the version reads it afterwards, and nothing of the upload
/// is left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_meets_a_move_takes_nothing_from_the_package() {
    for owner in Owner::here([Owner::Sqlite, Owner::Store, Owner::Postgres, Owner::Mongo]) {
        let folder = DataFolder::new(owner);
        let open = folder.open().await;
        let package = Package::new("acme/x@1.0.0", "one");
        let (repository, layer) = (&package.repository, &package.packed.layer);
        open.push(&package).await.unwrap();
        for (visibility, here) in
            [(Visibility::Private, [0, 3]), (Visibility::Unlisted, [3, 0]), (Visibility::Private, [0, 3])]
        {
            let (registry, name, content) = (open.registry.clone(), package.name(), layer.content.clone());
            let body = stream::once(async move {
                registry.set_visibility(&Actor::Operator, &name, visibility).await.unwrap();
                Ok::<_, Infallible>(content)
            });
            let begun = open.registry.push_blob(&Actor::Operator, repository, &layer.digest, body).await;
            let what = format!("{owner:?} {visibility}");
            assert!(matches!(begun, Err(RegistryError::Refused(Refused::Elsewhere(_)))), "{what} {begun:?}");
            assert!(open.has(&package).await, "{what}");
            assert_eq!(areas(&open, &package).await, here, "{what}");
            open.push_blob(repository, &layer.content).await.unwrap();
            assert!(open.has(&package).await, "{what}");
        }
    }
}

/// Lets others see a package as another server does: behind the back of this one.
async fn see_elsewhere(open: &Opened, name: &str, visibility: Visibility) {
    let name: Name = name.parse().unwrap();
    let copied = open.meta.groups.content(&name.repository()).await.unwrap();
    let act = Act::SetVisibility { name, visibility, copied };
    let time = open.meta.ledger.head().await.unwrap().time;
    let change = Change { id: uuid::Uuid::now_v7(), actor: Actor::Operator.id(), time, act };
    open.meta.catalog.apply(&[change], Atomicity::Each).await.unwrap().remove(0).unwrap();
}

/// A server that goes by what it knew is told so by the first answer, and is right with the next.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_has_not_heard_of_a_change_is_right_at_the_second_try() {
    let folder = DataFolder::new(Owner::Sqlite);
    let open = folder.open().await;
    let package = Package::new("acme/x@1.0.0", "one");
    let layer = &package.packed.layer;
    open.push_blob(&package.repository, &layer.content).await.unwrap();
    see_elsewhere(&open, "acme/x", Visibility::Private).await;
    let told = open.push_blob(&package.repository, &layer.content).await;
    assert!(matches!(told, Err(RegistryError::Refused(Refused::Elsewhere(_)))), "{told:?}");
    open.push(&package).await.unwrap();
    assert_eq!(areas(&open, &package).await, [0, 3]);
    // What it knew is that the package is private already, so that there is nothing to copy.
    assert!(open.has(&package).await);
    see_elsewhere(&open, "acme/x", Visibility::Unlisted).await;
    // The reason goes to where the package lay, and is taken away again.
    let (name, version, reason) = (package.name(), "1.0.0".parse().unwrap(), "a reason");
    let told = open.registry.yank(&Actor::Operator, &name, &version, Some(reason)).await;
    assert!(matches!(told, Err(RegistryError::Refused(Refused::Elsewhere(_)))), "{told:?}");
    let area = Area::private(&package.repository);
    let key = Key::Blob { area, digest: Digest::sha256(reason.as_bytes()) };
    assert!(!open.storage.exists(&key).await.unwrap());
    see_elsewhere(&open, "acme/x", Visibility::Private).await;
    assert!(open.has(&package).await);
    see_elsewhere(&open, "acme/x", Visibility::Unlisted).await;
    see(&open, "acme/x", Visibility::Private).await.unwrap();
    assert!(open.has(&package).await);
    assert_eq!(areas(&open, &package).await, [0, 3]);
}

/// Fails a move at every step of the store, in a way; afterwards the package is whole, and moves when it is asked again.
async fn fails_at_every_step(owner: Owner, when: When, failure: Failure) {
    let [kept, twin] = ["acme/x@1.0.0", "other/x@3.0.0"].map(|spec| Package::new(spec, "the same"));
    for step in 1.. {
        let what = format!("{owner:?}, {failure:?} {when:?} step {step}");
        let folder = DataFolder::new(owner);
        let mut open = folder.open().await;
        open.push(&kept).await.unwrap();
        open.push(&twin).await.unwrap();
        open.meter.arm(Some(Fault { step, when, failure }));
        let outcome = see(&open, "acme/x", Visibility::Private).await;
        if open.meter.steps() < step {
            outcome.unwrap();
            assert!(step > 5, "four blobs and an event: {step}");
            return;
        }
        open.meter.arm(None);
        if failure == Failure::Crash {
            drop(open);
            open = folder.open().await;
        }
        assert!(open.has(&kept).await && open.has(&twin).await, "{what}");
        see(&open, "acme/x", Visibility::Private).await.unwrap_or_else(|error| panic!("{what}: {error}"));
        // The layer is the twin's too. What a crash left of the others, who has no database does not know: it is collected later.
        let [public, private] = areas(&open, &kept).await;
        let is_left = owner == Owner::Store && failure == Failure::Crash;
        assert!(private == 3 && (public == 1 || is_left), "{what}: {public} {private}");
        for _ in 0..2 {
            folder.pass(DAY + 1);
            open.registry.collect(&Actor::Operator).await.unwrap();
        }
        assert_eq!(areas(&open, &kept).await, [1, 3], "{what}");
        assert!(open.has(&kept).await && open.has(&twin).await, "{what}");
        assert_eq!(open.assert_events_agree().await, 3, "{what}");
    }
}

/// Nobody asks again for a move that failed: what was copied goes all the same, and nothing else does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_that_is_given_up_leaves_no_copies() {
    for (owner, when) in [
        (Owner::Sqlite, When::Before),
        (Owner::Sqlite, When::After),
        (Owner::Store, When::Before),
        (Owner::Store, When::After),
    ] {
        for step in 1.. {
            let what = format!("{owner:?}, {when:?} step {step}");
            let folder = DataFolder::new(owner);
            let open = folder.open().await;
            let package = Package::new("acme/x@1.0.0", "the same");
            open.push(&package).await.unwrap();
            open.meter.arm(Some(Fault { step, when, failure: Failure::Error }));
            let outcome = see(&open, "acme/x", Visibility::Private).await;
            let passed = open.meter.steps() < step;
            open.meter.arm(None);
            if passed {
                outcome.unwrap();
                assert!(step > 5, "four blobs and an event: {step}");
                break;
            }
            // Until it is certain whether it happened.
            let other = Package::new("other/y@1.0.0", "another");
            open.push(&other).await.unwrap();
            for _ in 0..2 {
                folder.pass(DAY + 1);
                open.registry.collect(&Actor::Operator).await.unwrap();
            }
            let found = areas(&open, &package).await;
            assert!(found == [3, 0] || found == [0, 3], "{what}: {found:?}");
            assert!(open.has(&package).await && open.has(&other).await, "{what}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_that_fails_anywhere_can_be_asked_for_again() {
    for owner in [Owner::Sqlite, Owner::Store] {
        for when in [When::Before, When::After] {
            fails_at_every_step(owner, when, Failure::Error).await;
            fails_at_every_step(owner, when, Failure::Crash).await;
        }
    }
}
