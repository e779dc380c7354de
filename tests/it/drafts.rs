//! Drafts: who saves first wins, a failure leaves the draft or the version, and a publication is what a push would be.

use bytes::Bytes;
use pcl_registry::domain::{AboutPatch, Access, Actor, Draft, File, Step, Tree};
use pcl_registry::registry::{Drafted, RegistryError};
use pcl_registry::storage::{Failure, Fault, When};

use crate::inside::{DataFolder, Opened, Owner, Package};

fn files(text: &str) -> Tree {
    let content = Bytes::from(format!("# hello\n\n{text}\n"));
    Tree::new(vec![File { path: "SKILL.md".parse().unwrap(), executable: false, content }]).unwrap()
}

fn version(text: &str) -> Drafted {
    Drafted { version: Some(text.parse().unwrap()), ..Drafted::default() }
}

/// Whoever commits here.
fn everywhere() -> Vec<Owner> {
    Owner::here([Owner::Sqlite, Owner::Store, Owner::Postgres, Owner::Mongo])
}

async fn begin(open: &Opened, text: &str) -> Draft {
    let name = "acme/hello".parse().unwrap();
    open.registry.create_draft(&Actor::Operator, &name, files(text), version("1.0.0")).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_who_save_at_once_one_wins() {
    for owner in everywhere() {
        let folder = DataFolder::new(owner);
        let open = std::sync::Arc::new(folder.open().await);
        let draft = begin(&open, "begun").await;
        let saves = (0..16).map(|at| {
            let (open, id) = (open.clone(), draft.id);
            tokio::spawn(async move {
                let text = format!("saved by {at}");
                open.registry.update_draft(&Actor::Operator, "acme", id, 1, files(&text), Drafted::default()).await
            })
        });
        let mut saved = Vec::new();
        for save in saves.collect::<Vec<_>>() {
            match save.await.unwrap() {
                Ok(draft) => saved.push(draft),
                Err(RegistryError::DraftChanged { seen: 1, .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!(saved.len(), 1, "{owner:?}");
        assert_eq!(open.registry.draft(&Actor::Operator, "acme", draft.id).await.unwrap(), saved[0]);
        assert_eq!((saved[0].revision, saved[0].created), (2, draft.created));
        drop(open);
        // A restart, and a collection, leave it alone.
        let open = folder.open().await;
        folder.pass(30 * 24 * 3600);
        open.registry.collect(&Actor::Operator).await.unwrap();
        assert_eq!(open.registry.drafts(&Actor::Operator, "acme", None).await.unwrap(), saved);
        assert_eq!(open.assert_events_agree().await, 0, "a draft is no event");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_published_is_what_a_push_would_be() {
    for owner in everywhere() {
        is_what_a_push_would_be(owner).await;
    }
}

async fn is_what_a_push_would_be(owner: Owner) {
    let folder = DataFolder::new(owner);
    let open = folder.open().await;
    let draft = begin(&open, "the same").await;
    let (published, digest) = open.registry.publish_draft(&Actor::Operator, "acme", draft.id, 1, None).await.unwrap();
    assert_eq!(published.id, draft.id);
    let name = "acme/hello".parse().unwrap();
    let pushed =
        Package::of_file(&name, "1.0.0", files("the same").files()[0].content.clone(), draft.config.about.clone());
    assert_eq!(digest, pushed.digest(), "byte for byte");
    open.push(&pushed).await.unwrap();
    assert!(open.has(&pushed).await);
    assert_eq!(open.assert_events_agree().await, 1);
    let gone = open.registry.draft(&Actor::Operator, "acme", draft.id).await;
    assert!(matches!(gone, Err(RegistryError::DraftUnknown(_))), "{gone:?}");
    let again = open.registry.publish_draft(&Actor::Operator, "acme", draft.id, 1, None).await;
    assert!(matches!(again, Err(RegistryError::DraftUnknown(_))), "{again:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_with_other_words_is_a_draft_of_the_next() {
    for owner in [Owner::Sqlite, Owner::Store] {
        let folder = DataFolder::new(owner);
        let open = folder.open().await;
        let published = Package::new("acme/hello@1.0.0", "the files");
        open.push(&published).await.unwrap();
        let burnt = Package::new("acme/hello@1.0.1", "burnt");
        open.push(&burnt).await.unwrap();
        let (actor, name) = (Actor::Operator, published.name());
        let first = "1.0.0".parse().unwrap();
        open.registry.delete_version(&actor, &name, &"1.0.1".parse().unwrap()).await.unwrap();
        let events = open.assert_events_agree().await;
        let before = open.registry.version(&actor, &name, &first).await.unwrap();
        let patch = AboutPatch::of(serde_json::json!({ "description": "In other words" })).unwrap();
        let draft = open.registry.revise(&actor, &name, &first, Step::Patch, &patch).await.unwrap();
        assert_eq!(draft.config.version.to_string(), "1.0.2", "a burnt number is passed over");
        assert_eq!(draft.files, before.files);
        assert_eq!(open.assert_events_agree().await, events, "nothing is published yet");
        open.registry.publish_draft(&actor, "acme", draft.id, 1, None).await.unwrap();
        let after = open.registry.version(&actor, &name, &draft.config.version).await.unwrap();
        let config = after.published.config.unwrap();
        assert_eq!(config.about.description.as_deref(), Some("In other words"));
        assert_eq!(Some(config.tree), before.published.config.as_ref().map(|config| config.tree));
        assert_eq!(open.registry.version(&actor, &name, &first).await.unwrap(), before);
        let deleted = open.registry.revise(&actor, &name, &"1.0.1".parse().unwrap(), Step::Patch, &patch).await;
        assert!(matches!(deleted, Err(RegistryError::VersionUnknown(..))), "{deleted:?}");
        for access in [Access::None, Access::Read] {
            let begun = open.registry.revise(&Actor::Anonymous(access), &name, &first, Step::Patch, &patch).await;
            assert!(matches!(begun, Err(RegistryError::LoginNeeded)), "{begun:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_else_sees_a_draft() {
    for owner in everywhere() {
        is_seen_by_nobody_else(owner).await;
    }
}

async fn is_seen_by_nobody_else(owner: Owner) {
    let folder = DataFolder::new(owner);
    let open = folder.open().await;
    let draft = begin(&open, "a secret").await;
    for access in [Access::None, Access::Read] {
        let nobody = Actor::Anonymous(access);
        let read = open.registry.draft(&nobody, "acme", draft.id).await;
        assert!(matches!(read, Err(RegistryError::DraftUnknown(_))), "{read:?}");
        assert_eq!(open.registry.drafts(&nobody, "acme", None).await.unwrap(), []);
        let deleted = open.registry.delete_draft(&nobody, "acme", draft.id, 1).await;
        assert!(matches!(deleted, Err(RegistryError::DraftUnknown(_))), "{deleted:?}");
        let name = "acme/hello".parse().unwrap();
        let begun = open.registry.create_draft(&nobody, &name, files("mine"), Drafted::default()).await;
        assert!(matches!(begun, Err(RegistryError::LoginNeeded)), "{begun:?}");
    }
    let other = open.registry.draft(&Actor::Operator, "other", draft.id).await;
    assert!(matches!(other, Err(RegistryError::DraftUnknown(_))), "it is another organisation's: {other:?}");
}

/// Fails saving and publishing at every step; afterwards the draft is there, as it was or as it was saved, or it is published.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_anywhere_leaves_a_draft_or_a_version() {
    for (owner, when) in [(Owner::Sqlite, When::Before), (Owner::Sqlite, When::After), (Owner::Store, When::After)] {
        for step in 1.. {
            let what = format!("{owner:?}, {when:?} step {step}");
            let folder = DataFolder::new(owner);
            let open = folder.open().await;
            let draft = begin(&open, "begun").await;
            open.meter.arm(Some(Fault { step, when, failure: Failure::Crash }));
            let (actor, id) = (Actor::Operator, draft.id);
            let saved = open.registry.update_draft(&actor, "acme", id, 1, files("saved"), Drafted::default()).await;
            let published = match &saved {
                Ok(_) => open.registry.publish_draft(&actor, "acme", id, 2, None).await.is_ok(),
                Err(_) => false,
            };
            if published {
                assert!(open.meter.steps() < step + 1 && step > 8, "{what}");
                break;
            }
            open.meter.arm(None);
            drop(open);
            let open = folder.open().await;
            let name = "acme/hello".parse().unwrap();
            let is_published = open.registry.package(&actor, &name).await.is_ok();
            match open.registry.draft(&actor, "acme", id).await {
                Ok(found) => {
                    assert!(found.revision == 2 || (found.revision == 1 && saved.is_err()), "{what}: {found:?}");
                    // Publishing again is safe, whatever happened before.
                    open.registry.publish_draft(&actor, "acme", id, found.revision, None).await.unwrap();
                }
                Err(RegistryError::DraftUnknown(_)) => assert!(is_published, "{what}: neither is there"),
                Err(error) => panic!("{what}: {error}"),
            }
            assert!(open.registry.package(&actor, &name).await.is_ok(), "{what}");
            assert_eq!(open.assert_events_agree().await, 1, "{what}");
            assert_eq!(open.registry.drafts(&actor, "acme", None).await.unwrap(), [], "{what}");
        }
    }
}
