//! A failure after each write of a change.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;

use super::super::contract::faults::{Life, Met, Statements, nothing_of_a_failed_statement_stays};
use super::super::contract::{Artifact, Check, Failure, Stores, World, dump};
use super::super::{Atomicity, Meta, MetaError, Planned};
use super::Memory;

/// Each in a memory of its own, the last one at hand.
struct Failing(Mutex<Arc<Memory>>);

impl Failing {
    fn opened(&self) -> Arc<Memory> {
        self.0.lock().unwrap().clone()
    }
}

#[async_trait]
impl Stores for Failing {
    async fn empty(&self) -> Result<Meta, MetaError> {
        let memory = Arc::new(Memory::new());
        *self.0.lock().unwrap() = memory.clone();
        Ok(memory.meta())
    }
}

#[async_trait]
impl Statements for Failing {
    async fn fail_at(&self, at: usize) -> Result<(), Failure> {
        self.opened().read().trap.set(at);
        Ok(())
    }

    async fn met(&self) -> Result<Met, Failure> {
        Ok(self.opened().read().trap.take())
    }
}

async fn a_failure_after_any_write_leaves_nothing(life: Life) -> Check {
    let stores = Failing(Mutex::new(Arc::new(Memory::new())));
    for (step, failures) in nothing_of_a_failed_statement_stays(&stores, life).await? {
        // At least a row and the event.
        assert!(failures >= 2, "{step}: only {failures} failures");
    }
    Ok(())
}

crate::every_life!(a_failure_after_any_write_leaves_nothing);

/// Where the store of objects commits, what was planned is absorbed once its event is there.
#[tokio::test]
async fn a_plan_that_fails_on_its_way_in_leaves_nothing() -> Check {
    let memory = Arc::new(Memory::new());
    let world = World::over(memory.clone().meta());
    let artifacts = [Artifact::new("acme/hello@1.0.0")?, Artifact::new("acme/hello@2.0.0")?];
    let mut changes = Vec::new();
    for artifact in &artifacts {
        world.upload(artifact).await?;
        changes.push(world.change(artifact.accept()?));
    }
    let plan: Vec<Planned> = memory.plan(&changes, Atomicity::All)?.into_iter().collect::<Result<_, _>>()?;
    let before = dump(&world.meta).await?;
    let mut failures = 0;
    loop {
        memory.read().trap.set(failures);
        let absorbed = memory.absorb(&plan);
        if memory.read().trap.take() == Met::Nowhere {
            absorbed?;
            break;
        }
        assert!(absorbed.is_err(), "after write {failures}");
        assert_eq!(dump(&world.meta).await?, before, "after write {failures}");
        failures += 1;
    }
    assert!(failures > 20, "only {failures} failures");
    assert_eq!(world.releases("acme/hello").await?, ["2.0.0", "1.0.0"]);
    Ok(())
}
