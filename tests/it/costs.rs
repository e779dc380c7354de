//! What a publish costs, and that a warm pull costs nothing: a change of these numbers is a decision.

use bytes::Bytes;
use pcl_registry::domain::{Access, Actor, Reference, Repository, Token};
use pcl_registry::meta::TokenRow;
use pcl_registry::registry::Credentials;
use pcl_registry::storage::{Failure, Fault, Syncing, When, Writes};

use crate::inside::{DataFolder, Opened, Owner, Package};

/// Objects, syncs, groups of syncs and SQL statements of what `work` does.
async fn cost(open: &Opened, work: impl AsyncFnOnce()) -> (Writes, u64) {
    // The indexer reads on its own time.
    open.registry.settled().await;
    let statements = || open.sqlite.as_ref().map_or(0, |sqlite| sqlite.statements());
    let (before, asked) = (open.storage.writes(), statements());
    work().await;
    let (after, asked) = (open.storage.writes(), statements() - asked);
    let writes = Writes {
        objects: after.objects - before.objects,
        appends: after.appends - before.appends,
        syncs: after.syncs - before.syncs,
        groups: after.groups - before.groups,
    };
    (writes, asked)
}

fn hello(version: &str) -> Package {
    Package::new(&format!("acme/hello@{version}"), version)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publish_costs_two_groups_of_syncs() {
    let ways = [Syncing::EachFile, Syncing::FileSystem];
    for (owner, syncing) in [Owner::Sqlite, Owner::Store].into_iter().flat_map(|owner| ways.map(|way| (owner, way))) {
        let folder = DataFolder::new(owner).syncing(syncing);
        let open = folder.open().await;
        open.push(&hello("1.0.0")).await.unwrap();
        let second = hello("1.0.1");
        let (blobs, _) = cost(&open, async || {
            for blob in [&second.packed.config, &second.packed.layer] {
                open.push_blob(&second.repository, &blob.content).await.unwrap();
            }
        })
        .await;
        assert_eq!(
            blobs,
            Writes { objects: 2, appends: 0, syncs: 0, groups: 0 },
            "a blob's 201 promises no durability"
        );
        let (manifest, _) = cost(&open, async || open.push_manifest(&second).await.unwrap()).await;
        // Manifest, record, event; four blobs and up to four folders that name them, in one group, then the event and its folder.
        assert_eq!((manifest.objects, manifest.appends, manifest.groups), (3, 0, 2), "{owner:?}");
        let syncs = if syncing == Syncing::FileSystem && cfg!(target_os = "linux") { 2..=2 } else { 7..=16 };
        assert!(syncs.contains(&manifest.syncs), "{owner:?}, {syncing:?}: {}", manifest.syncs);
        let (again, _) = cost(&open, async || open.push_manifest(&second).await.unwrap()).await;
        assert_eq!(again, Writes::default(), "{owner:?}: the same again writes nothing");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publish_runs_a_fixed_number_of_statements() {
    let folder = DataFolder::new(Owner::Sqlite);
    let open = folder.open().await;
    open.push(&hello("1.0.0")).await.unwrap();
    let mut counts = Vec::new();
    for version in ["1.0.1", "1.0.2", "1.0.3"] {
        let package = hello(version);
        // Who sees the repository is known then.
        open.push_blob(&package.repository, &package.packed.layer.content).await.unwrap();
        let (_, blob) = cost(&open, async || {
            open.push_blob(&package.repository, &package.packed.config.content).await.unwrap();
        })
        .await;
        counts.push(blob);
    }
    assert_eq!(counts, [BLOB_STATEMENTS; 3]);
}

/// A touch of what may be there, whether it is being deleted (twice), the blob, the link, whether that is still where it belongs.
const BLOB_STATEMENTS: u64 = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_warm_pull_asks_neither_database_nor_store() {
    let folder = DataFolder::new(Owner::Sqlite);
    let open = folder.open().await;
    let package = hello("1.0.0");
    open.push(&package).await.unwrap();
    let by_digest = Reference::Digest(package.digest());
    let token = add_token(&open, 1).await;
    let pull = async || {
        let login = Credentials { owner: None, token: token.clone() };
        let actor = open.registry.login(&login, Access::None).await.unwrap();
        assert_eq!(actor.id().as_str(), "user:ann");
        let repository = &package.repository;
        let tagged = open.registry.manifest(&actor, repository, &package.reference()).await.unwrap();
        let found = open.registry.manifest(&actor, repository, &by_digest).await.unwrap();
        open.registry.downloaded(&tagged);
        open.registry.downloaded(&found);
        assert_eq!((&tagged.bytes, &found.bytes), (&package.packed.manifest.content, &package.packed.manifest.content));
        let blob = open.registry.blob(&actor, repository, &package.packed.layer.digest).await.unwrap();
        open.registry.touch_blob(&blob).await.unwrap();
        assert_eq!(open.blob(repository, &blob.digest).await.unwrap(), package.packed.layer.content);
        let absent = Reference::Tag("absent".parse().unwrap());
        assert!(open.registry.manifest(&actor, repository, &absent).await.is_err());
        assert_eq!(tags(&open, repository).await, ["1.0.0", "latest"]);
    };
    pull().await;
    // From here on the store answers no read and no write.
    open.registry.settled().await;
    open.meter.arm(Some(Fault { step: 1, when: When::Before, failure: Failure::Crash }));
    assert!(open.push_blob(&package.repository, &Bytes::from_static(b"new")).await.is_err());
    let (writes, statements) = cost(&open, pull).await;
    assert_eq!((writes, statements), (Writes::default(), 0));
}

/// Everything that a repository's answers are kept for changes with a commit: tags that come, move and go, and lists of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_kept_of_tags_changes_with_every_commit() {
    for owner in [Owner::Sqlite, Owner::Store] {
        let folder = DataFolder::new(owner);
        let open = folder.open().await;
        let (first, second) = (hello("1.0.0"), hello("1.1.0"));
        let (actor, repository) = (Actor::Operator, &first.repository);
        let latest = Reference::Tag("latest".parse().unwrap());
        let digest = async |reference: &Reference| {
            let found = open.registry.manifest(&actor, repository, reference).await;
            found.ok().map(|manifest| manifest.digest)
        };
        assert!(open.registry.tags(&actor, repository, None, 10).await.is_err(), "{owner:?}");
        assert_eq!(digest(&latest).await, None);
        open.push(&first).await.unwrap();
        assert_eq!(tags(&open, repository).await, ["1.0.0", "latest"], "{owner:?}");
        assert_eq!(
            (digest(&latest).await, digest(&second.reference()).await),
            (Some(first.digest()), None),
            "{owner:?}"
        );
        open.push(&second).await.unwrap();
        assert_eq!(tags(&open, repository).await, ["1.0.0", "1.1.0", "latest"], "{owner:?}");
        assert_eq!(digest(&latest).await, Some(second.digest()), "{owner:?}");
        assert_eq!(digest(&second.reference()).await, Some(second.digest()), "{owner:?}");
        open.registry.delete_manifest(&actor, repository, &Reference::Digest(second.digest())).await.unwrap();
        assert_eq!(tags(&open, repository).await, ["1.0.0", "latest"], "{owner:?}");
        assert_eq!(digest(&latest).await, Some(first.digest()), "{owner:?}");
        assert_eq!(digest(&second.reference()).await, None, "{owner:?}");
    }
}

/// Pages of a list that is kept are those of the database.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_tags_begin_after_the_last_and_say_whether_there_are_more() {
    let folder = DataFolder::new(Owner::Sqlite);
    let open = folder.open().await;
    for version in ["1.0.0", "1.0.1", "2.0.0"] {
        open.push(&hello(version)).await.unwrap();
    }
    let repository = hello("1.0.0").repository;
    for (last, limit, expected) in [
        (None, 2, (vec!["1.0.0", "1.0.1"], true)),
        (None, 4, (vec!["1.0.0", "1.0.1", "2.0.0", "latest"], false)),
        (Some("1.0.0"), 1, (vec!["1.0.1"], true)),
        (Some("1.5"), 9, (vec!["2.0.0", "latest"], false)),
        (Some("latest"), 9, (vec![], false)),
        (Some("zebra"), 9, (vec![], false)),
        (None, 0, (vec![], true)),
    ] {
        let (tags, more) = open.registry.tags(&Actor::Operator, &repository, last, limit).await.unwrap();
        let tags: Vec<&str> = tags.iter().map(|tag| tag.as_str()).collect();
        assert_eq!((tags, more), expected, "{last:?}, {limit}");
    }
}

/// A user `ann` with a token.
async fn add_token(open: &Opened, seed: u8) -> Token {
    let (token, now) = (Token::new([seed; 32]), open.registry.now());
    open.meta.accounts.add_user(&"ann".parse().unwrap(), now).await.unwrap();
    let (owner, name) = ("ann".parse().unwrap(), format!("t{seed}").parse().unwrap());
    let row = TokenRow { owner, name, hash: token.hash(), created: now, used: None, expires: None };
    open.meta.accounts.add_token(&row).await.unwrap();
    token
}

async fn tags(open: &Opened, repository: &Repository) -> Vec<String> {
    let (tags, more) = open.registry.tags(&Actor::Operator, repository, None, 100).await.unwrap();
    assert!(!more);
    tags.iter().map(ToString::to_string).collect()
}
