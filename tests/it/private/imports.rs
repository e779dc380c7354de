//! Imports and drafts whose package goes elsewhere between their bytes and their commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use futures::TryStreamExt as _;
use pcl_registry::domain::api::ImportItem;
use pcl_registry::domain::{Actor, Area, Digest, File, Name, Tree, Version, Visibility};
use pcl_registry::meta::{Act, Atomicity, Catalog, Change, MetaError, Outcome, Refused};
use pcl_registry::registry::{Drafted, Limits, RegistryError};
use pcl_registry::storage::{Key, StoredBlob};

use crate::commits::{Commits, with_commits};
use crate::inside::{DataFolder, Opened, Owner};

/// The grace period.
const DAY: i64 = 24 * 3600;

/// Makes the name of what is about to be accepted private, as another server does, when it is told to.
struct MoveFirst(Arc<AtomicBool>);

#[async_trait]
impl Commits for MoveFirst {
    async fn apply(
        &self,
        catalog: &dyn Catalog,
        changes: &[Change],
        atomicity: Atomicity,
    ) -> Result<Vec<Outcome>, MetaError> {
        if let Some(Change { actor, time, act: Act::Accept(accept), .. }) = changes.first()
            && self.0.swap(false, Ordering::SeqCst)
        {
            let name = accept.accepted.repository.package().unwrap();
            let act = Act::SetVisibility { name, visibility: Visibility::Private, copied: Vec::new() };
            let change = Change { id: uuid::Uuid::now_v7(), actor: actor.clone(), time: *time, act };
            catalog.apply(&[change], Atomicity::Each).await?.remove(0).unwrap();
        }
        catalog.apply(changes, atomicity).await
    }
}

fn skill() -> File {
    let content = Bytes::from_static(b"---\nname: hello\ndescription: About it\n---\nNot for everybody.\n");
    File { path: "hello/SKILL.md".parse().unwrap(), executable: false, content }
}

/// One import, each artifact by itself.
async fn each(open: &Opened) -> ImportItem {
    let (sender, mut items) = tokio::sync::mpsc::channel(10);
    open.registry.import(&Actor::Operator, "acme", vec![skill()], sender).await.unwrap();
    items.recv().await.unwrap()
}

/// The same, all or nothing.
async fn whole(open: &Opened) -> ImportItem {
    open.registry.import_whole(&Actor::Operator, "acme", vec![skill()]).await.unwrap().items.remove(0)
}

/// Manifest and record of the version lie in the private area, and not in the public one any more.
async fn assert_private(open: &Opened, name: &Name, digest: Digest) {
    let version: Version = "1.0.0".parse().unwrap();
    let published = open.meta.catalog.version(name, &version).await.unwrap().unwrap();
    assert_eq!(published.digest, digest);
    for digest in [published.digest, published.record] {
        for (area, expected) in [(Area::Public, false), (Area::private(&name.repository()), true)] {
            let key = Key::Blob { area: area.clone(), digest };
            assert_eq!(open.storage.exists(&key).await.unwrap(), expected, "{area}");
        }
    }
}

/// After two collections, a grace period apart, nothing lies in the open.
async fn assert_nothing_is_left(folder: &DataFolder, open: &Opened) {
    for _ in 0..2 {
        folder.pass(DAY + 1);
        open.registry.collect(&Actor::Operator).await.unwrap();
    }
    let left: Vec<StoredBlob> = open.storage.list_blobs(&Area::Public).try_collect().await.unwrap();
    assert_eq!(left, []);
}

/// A registry whose next push meets a change of who sees it.
async fn open_due(folder: &DataFolder) -> (Opened, Arc<AtomicBool>) {
    let due = Arc::new(AtomicBool::new(true));
    let its_due = due.clone();
    let wrap = move |meta| with_commits(meta, MoveFirst(its_due));
    (folder.open_with(Limits::default(), wrap).await, due)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_that_meets_a_move_leaves_nothing_in_the_open() {
    for is_whole in [false, true] {
        let folder = DataFolder::new(Owner::Sqlite);
        let (open, due) = open_due(&folder).await;
        let import = async || if is_whole { whole(&open).await } else { each(&open).await };
        let refused = import().await;
        assert!(!due.load(Ordering::SeqCst), "{refused:?}");
        assert_eq!(refused.error, Some(Refused::Elsewhere(refused.name.repository()).to_string()));
        // What was uploaded to where it did not lie any more is collected at the latest.
        assert_nothing_is_left(&folder, &open).await;
        let done = import().await;
        assert_eq!(done.error, None);
        assert_nothing_is_left(&folder, &open).await;
        assert_private(&open, &done.name, done.digest.unwrap()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_draft_that_meets_a_move_leaves_nothing_in_the_open() {
    let folder = DataFolder::new(Owner::Sqlite);
    let (open, due) = open_due(&folder).await;
    let (registry, name): (_, Name) = (&open.registry, "acme/hello".parse().unwrap());
    let files = Tree::new(vec![File { path: "SKILL.md".parse().unwrap(), ..skill() }]).unwrap();
    let draft = registry.create_draft(&Actor::Operator, &name, files, Drafted::default()).await.unwrap();
    let publish = async || registry.publish_draft(&Actor::Operator, "acme", draft.id, draft.revision, None).await;
    let refused = publish().await.unwrap_err();
    assert!(!due.load(Ordering::SeqCst), "{refused:?}");
    assert!(matches!(refused, RegistryError::Refused(Refused::Elsewhere(_))), "{refused:?}");
    assert_eq!(refused.to_string(), Refused::Elsewhere(name.repository()).to_string());
    let (draft, digest) = publish().await.unwrap();
    assert_nothing_is_left(&folder, &open).await;
    assert_private(&open, &draft.name, digest).await;
}
