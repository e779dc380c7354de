//! Beside a server that takes pushes, changes and collects: nothing is told that is not so.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use pcl_registry::domain::{Actor, Visibility};
use pcl_registry::registry::{Mend, Registry};

use super::support::{assert_clean, fill, fsck};
use crate::inside::{DataFolder, Opened, Owner, Package};
use crate::private::support::see;
use crate::rebuild::close;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beside_pushes_nothing_is_found_that_is_not_so() {
    for owner in Owner::here([Owner::Sqlite, Owner::Store, Owner::Postgres, Owner::Mongo]) {
        let folder = DataFolder::new(owner);
        let open = folder.open().await;
        fill(&open).await;
        let (over, rounds) = (AtomicBool::new(false), AtomicU32::new(0));
        let busy = async {
            while !over.load(Ordering::Relaxed) {
                change(&open, rounds.load(Ordering::Relaxed) + 1).await;
                rounds.fetch_add(1, Ordering::Relaxed);
            }
        };
        let looking = async {
            let (mut events, mut looks) = (0, 0);
            // Until both have met often enough, however slow either is.
            while looks < 6 || rounds.load(Ordering::Relaxed) < 3 {
                looks += 1;
                let report = fsck(&folder, Mend::Nothing).await;
                assert_clean(&report);
                events = report.summary.events;
            }
            over.store(true, Ordering::Relaxed);
            events
        };
        let ((), events) = tokio::join!(busy, looking);
        assert!(events > 30, "{owner:?}: {events} events");
        close(&folder, open).await;
        let report = fsck(&folder, Mend::Nothing).await;
        assert_clean(&report);
        assert!(report.summary.notes.is_empty(), "{:?}", report.summary);
    }
}

/// Publishes, hides, shows, deletes, purges and collects.
async fn change(open: &Opened, round: u32) {
    let (actor, registry): (Actor, &Registry) = (Actor::Operator, &open.registry);
    let version = format!("1.0.{round}");
    let package = Package::new(&format!("acme/busy@{version}"), &version);
    open.push(&package).await.unwrap();
    see(open, "acme/busy", Visibility::Private).await.unwrap();
    see(open, "acme/busy", Visibility::Public).await.unwrap();
    if round.is_multiple_of(2) {
        let version = version.parse().unwrap();
        registry.delete_version(&actor, &package.name(), &version).await.unwrap();
        registry.purge(&actor, &package.name(), &version).await.unwrap();
    }
    registry.collect(&actor).await.unwrap();
}
