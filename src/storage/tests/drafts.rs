//! Drafts in a store whose lists are late.

use std::sync::Arc;

use bytes::Bytes;
use object_store::memory::InMemory;
use uuid::Uuid;

use super::super::{Key, Meter, ReadFailure, ReadFault, Reading, Storage, Which};
use crate::domain::Area;

fn text(revision: u64) -> Bytes {
    format!("revision {revision}").into()
}

#[tokio::test]
async fn the_last_revision_of_a_draft_is_found_though_lists_are_late() {
    let (area, id) = (Area::private(&"acme/hello".parse().unwrap()), Uuid::now_v7());
    // All that was written is missing from the list, or the last alone.
    for lag in [1000, 1] {
        let meter = Meter::default();
        let storage = Storage::over_with(Arc::new(InMemory::new()), meter.clone());
        let stale =
            |lag| ReadFault { reading: Reading::List, which: Which::From(1), failure: ReadFailure::StaleList { lag } };
        assert_eq!(storage.draft(&area, id, 100).await.unwrap(), None);
        for revision in 1..=4 {
            assert!(storage.save_draft(&area, id, revision, text(revision)).await.unwrap());
            meter.arm_reads(Some(stale(lag)));
            assert_eq!(storage.draft(&area, id, 100).await.unwrap(), Some((revision, text(revision))), "lag {lag}");
            meter.arm_reads(None);
        }
        // Saved by who ended before the earlier one was removed: the list shows that one still.
        storage.put(&Key::Draft { area: area.clone(), id, revision: 5 }, text(5)).await.unwrap();
        meter.arm_reads(Some(stale(1)));
        assert_eq!(storage.draft(&area, id, 100).await.unwrap(), Some((5, text(5))));
        assert!(!storage.save_draft(&area, id, 5, text(50)).await.unwrap(), "nobody saves it once more");
        meter.arm_reads(None);
        assert!(storage.save_draft(&area, id, 6, Bytes::new()).await.unwrap());
        storage.put(&Key::Draft { area: area.clone(), id, revision: 5 }, text(5)).await.unwrap();
        meter.arm_reads(Some(stale(1)));
        assert_eq!(storage.draft(&area, id, 100).await.unwrap(), None, "what was removed stays so");
    }
}
