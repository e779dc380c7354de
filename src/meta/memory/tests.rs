//! The contract, and planning: what changes would come to, before they do.

use std::sync::Arc;

use async_trait::async_trait;

use super::super::contract::{Failure, Stores, World, dump};
use super::super::{Act, Atomicity, Meta, MetaError, Planned, Refused};
use super::Memory;

/// Each in a memory of its own.
struct Memories;

#[async_trait]
impl Stores for Memories {
    async fn empty(&self) -> Result<Meta, MetaError> {
        Ok(Arc::new(Memory::new()).meta())
    }
}

crate::metadata_contract!(Memories);

/// One store, whose inherent functions the test keeps at hand.
struct Kept(Arc<Memory>);

#[async_trait]
impl Stores for Kept {
    async fn empty(&self) -> Result<Meta, MetaError> {
        Ok(self.0.clone().meta())
    }
}

async fn memory() -> Result<(Arc<Memory>, World), Failure> {
    let memory = Arc::new(Memory::new());
    let world = World::new(&Kept(memory.clone())).await?;
    Ok((memory, world))
}

fn planned(outcomes: Vec<Result<Planned, Refused>>) -> Result<Vec<Planned>, Refused> {
    outcomes.into_iter().collect()
}

#[tokio::test]
async fn a_plan_does_nothing_and_absorbing_it_does_what_apply_does() -> Result<(), Failure> {
    let (memory, world) = memory().await?;
    let (_, other) = self::memory().await?;
    let mut changes = Vec::new();
    for spec in ["acme/hello@1.0.0", "acme/hello@2.0.0", "acme/other@1.0.0"] {
        let artifact = super::super::contract::Artifact::new(spec)?.labels(&["x"], &["y"]);
        world.upload(&artifact).await?;
        other.upload(&artifact).await?;
        changes.push(world.change(artifact.accept()?));
    }
    // Depends on what comes before it in the batch.
    let (name, version) = ("acme/hello".parse()?, "2.0.0".parse()?);
    changes.push(world.change(Act::Yank { name, version, reason: None, area: None }));
    let repository = "acme/other".parse()?;
    changes.push(world.change(Act::DeleteTag { repository, tag: "1.0.0".parse()? }));
    let repeated = changes[0].clone();
    changes.push(repeated);

    let before = dump(&world.meta).await?;
    let plan = planned(memory.plan(&changes, Atomicity::All)?)?;
    assert_eq!(dump(&world.meta).await?, before);
    let numbers: Vec<_> = plan.iter().map(|planned| planned.applied.event.as_ref().map(|(event, _)| event.n)).collect();
    assert_eq!(numbers, [Some(1), Some(2), Some(3), Some(4), Some(5), None]);

    memory.absorb(&plan)?;
    let outcomes = other.meta.catalog.apply(&changes, Atomicity::All).await?;
    assert_eq!(plan.into_iter().map(|planned| Ok(planned.applied)).collect::<Vec<_>>(), outcomes);
    assert_eq!(dump(&world.meta).await?, dump(&other.meta).await?);
    Ok(())
}

#[tokio::test]
async fn a_plan_that_lost_its_race_is_refused_and_made_again() -> Result<(), Failure> {
    let (memory, world) = memory().await?;
    let (_, foreign) = self::memory().await?;
    let (ours, theirs) = ("acme/hello@1.0.0", "acme/hello@0.9.0");
    let theirs = foreign.publish(theirs).await?;
    let artifact = super::super::contract::Artifact::new(ours)?;
    world.upload(&artifact).await?;
    let changes = [world.change(artifact.accept()?)];
    let lost = planned(memory.plan(&changes, Atomicity::Each)?)?;
    // Another process created event 1 first.
    world.meta.catalog.replay(&foreign.replays(|_| Some(theirs.clone())).await?).await?;
    let refused = memory.absorb(&lost);
    assert!(matches!(refused, Err(MetaError::Gap { head: 1, found: 1 })), "{refused:?}");
    let again = planned(memory.plan(&changes, Atomicity::Each)?)?;
    memory.absorb(&again)?;
    assert_eq!(world.releases("acme/hello").await?, ["1.0.0", "0.9.0"]);
    assert_eq!(world.meta.ledger.head().await?.n, 2);
    Ok(())
}

#[tokio::test]
async fn a_refused_plan_names_its_refusal() -> Result<(), Failure> {
    let (memory, world) = memory().await?;
    world.publish("acme/hello@1.0.0").await?;
    let artifact = super::super::contract::Artifact::new("acme/hello@1.0.0")?.seed("other");
    world.upload(&artifact).await?;
    let outcomes = memory.plan(&[world.change(artifact.accept()?)], Atomicity::Each)?;
    assert!(matches!(outcomes[0], Err(Refused::VersionExists { .. })), "{outcomes:?}");
    Ok(())
}
