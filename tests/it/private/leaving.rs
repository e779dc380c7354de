//! Callers who leave while their change is being committed.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pcl_registry::domain::{Area, Visibility};
use pcl_registry::meta::{Act, Atomicity, Catalog, Change, MetaError, Outcome};
use pcl_registry::registry::Limits;
use pcl_registry::storage::Key;
use tokio::sync::Notify;

use crate::commits::{Commits, with_commits};
use crate::inside::{DataFolder, Owner, Package};

/// Makes the name of what is pushed private before it is accepted, and accepts it when it is told to.
#[derive(Clone, Default)]
struct MoveAndWait {
    reached: Arc<Notify>,
    goes_on: Arc<Notify>,
}

#[async_trait]
impl Commits for MoveAndWait {
    async fn apply(
        &self,
        catalog: &dyn Catalog,
        changes: &[Change],
        atomicity: Atomicity,
    ) -> Result<Vec<Outcome>, MetaError> {
        if let Some(Change { actor, time, act: Act::Accept(accept), .. }) = changes.first() {
            let name = accept.accepted.repository.package().unwrap();
            let act = Act::SetVisibility { name, visibility: Visibility::Private, copied: Vec::new() };
            let change = Change { id: uuid::Uuid::now_v7(), actor: actor.clone(), time: *time, act };
            catalog.apply(&[change], Atomicity::Each).await?.remove(0).unwrap();
            self.reached.notify_one();
            self.goes_on.notified().await;
        }
        catalog.apply(changes, atomicity).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_push_brought_to_the_wrong_area_goes_though_its_caller_left() {
    let folder = DataFolder::new(Owner::Sqlite);
    let commits = MoveAndWait::default();
    let its_commits = commits.clone();
    let open = Arc::new(folder.open_with(Limits::default(), |meta| with_commits(meta, its_commits)).await);
    let package = Package::new("acme/x@1.0.0", "not for everybody");
    let pushing = {
        let (open, package) = (open.clone(), Package::new("acme/x@1.0.0", "not for everybody"));
        tokio::spawn(async move { open.push(&package).await })
    };
    commits.reached.notified().await;
    let key = Key::Blob { area: Area::Public, digest: package.packed.manifest.digest };
    assert!(open.storage.exists(&key).await.unwrap(), "it was brought before it was known to be private");
    pushing.abort();
    assert!(pushing.await.unwrap_err().is_cancelled());
    commits.goes_on.notify_one();
    for _ in 0..500 {
        if !open.storage.exists(&key).await.unwrap() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the manifest lies in the open");
}
