//! A failure after each write of a change. Reads change nothing, and a commit is one line, which a crash cuts or does not
//! (`serving.rs`).

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use pcl_registry::meta::contract::faults::{Life, Met, Statements, nothing_of_a_failed_statement_stays};
use pcl_registry::meta::contract::{Check, Failure, Stores};
use pcl_registry::meta::{Meta, MetaError};
use uuid::Uuid;

use super::store::Foreign;

/// Stores in a folder, the last one at hand.
struct Failing {
    folder: tempfile::TempDir,
    opened: Mutex<Option<Arc<Foreign>>>,
}

impl Failing {
    fn fail_after(&self, writes: Option<usize>) -> Result<Option<usize>, Failure> {
        let opened = self.opened.lock().unwrap().clone().ok_or("none is open")?;
        Ok(opened.fail_after(writes))
    }
}

#[async_trait]
impl Stores for Failing {
    async fn empty(&self) -> Result<Meta, MetaError> {
        let foreign = Arc::new(Foreign::open(&self.folder.path().join(Uuid::now_v7().to_string()))?);
        *self.opened.lock().unwrap() = Some(foreign.clone());
        Ok(foreign.meta())
    }
}

#[async_trait]
impl Statements for Failing {
    async fn fail_at(&self, at: usize) -> Result<(), Failure> {
        self.fail_after(Some(at)).map(drop)
    }

    async fn met(&self) -> Result<Met, Failure> {
        Ok(match self.fail_after(None)? {
            Some(_) => Met::Nowhere,
            None => Met::Statement,
        })
    }
}

async fn a_failure_after_any_write_leaves_nothing(life: Life) -> Check {
    let stores = Failing { folder: tempfile::tempdir()?, opened: Mutex::default() };
    for (step, failures) in nothing_of_a_failed_statement_stays(&stores, life).await? {
        // At least a row and the event.
        assert!(failures >= 2, "{step}: only {failures} failures");
    }
    Ok(())
}

pcl_registry::every_life!(a_failure_after_any_write_leaves_nothing);
