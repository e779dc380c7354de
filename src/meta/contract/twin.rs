//! A store, and a memory beside it to which the same happens and nothing fails: what the store has to be.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::domain::{Name, Visibility};

use super::super::{Filter, Linked, Memory, MetaError, Order, Outcome, PAGE_MAX};
use super::life::{Life, Step, Story, Work};
use super::{Failure, World, dump};

pub(super) struct Twin {
    pub world: World,
    memory: World,
}

impl Twin {
    /// A world whose store is empty.
    pub fn of(world: World) -> Self {
        Self { world, memory: World::over(Arc::new(Memory::new()).meta()) }
    }

    /// Uploads what a life needs, and tells its steps.
    pub async fn begin(&self, life: Life) -> Result<Vec<Step>, Failure> {
        let Story { uploads, steps } = life.story().await?;
        for artifact in &uploads {
            for (digest, size) in artifact.blobs() {
                let now = self.world.now();
                for world in [&self.world, &self.memory] {
                    let blobs = &world.meta.blobs;
                    let linked = blobs.link(&artifact.repository, &artifact.area, &digest, size, now).await?;
                    assert_eq!(linked, Linked::Done, "{digest}");
                }
            }
        }
        Ok(steps)
    }

    /// The store has made the step, and the memory makes it too. What it answers.
    pub async fn follow(&self, step: &Step, work: &Work) -> Result<Vec<Outcome>, Failure> {
        let ledger = &self.memory.meta.ledger;
        let before = ledger.head().await?.n;
        let outcomes = work.make(&self.memory.meta).await?;
        let head = ledger.head().await?;
        if head.n != before + step.events {
            return Err(format!("{:?} makes {} events: {outcomes:?}", step.name, head.n - before).into());
        }
        assert_eq!(self.world.meta.ledger.head().await?, head, "{:?} was made once", step.name);
        Ok(outcomes)
    }

    /// Whether the store is what it has to be.
    pub async fn is_equal(&self) -> Result<bool, MetaError> {
        Ok(everything(&self.world).await? == everything(&self.memory).await?)
    }

    /// Fails unless it is.
    pub async fn assert_equal(&self, when: &str) -> Result<(), MetaError> {
        let (found, expected) = (everything(&self.world).await?, everything(&self.memory).await?);
        // Part by part: a difference is read more easily.
        for (part, expected) in expected.as_object().into_iter().flatten() {
            assert_eq!(found[part], *expected, "{part}, {when}");
        }
        Ok(())
    }
}

/// The catalogue, and what a change may write beside it: blobs and links as they are, who sees which name, which events are of which
/// name, and packages that are in no list for everybody.
async fn everything(world: &World) -> Result<Value, MetaError> {
    let meta = &world.meta;
    let mut everything = dump(meta).await?;
    let links = meta.carrier.links(None, PAGE_MAX).await?;
    // Whatever happens in a life was uploaded, or is an event.
    let names: BTreeSet<Name> = links.iter().filter_map(|link| link.repository.package()).collect();
    let names: Vec<Name> = names.into_iter().collect();
    let seen = meta.groups.seen(&names).await?;
    let seen: Vec<_> = seen.iter().map(|seen| json!([seen.visibility, seen.owners, seen.is_package])).collect();
    let mut histories = Vec::new();
    for name in &names {
        let history = meta.ledger.history(&name.repository(), None, PAGE_MAX).await?;
        histories.push(history.into_iter().map(|(n, _)| n).collect::<Vec<_>>());
    }
    let visibilities = vec![Visibility::Public, Visibility::Unlisted, Visibility::Private];
    let all = Filter { visibilities, ..Filter::default() };
    everything["by age"] = json!(meta.catalog.packages(&all, Order::Created, None, PAGE_MAX).await?.items);
    everything["blobs as they are"] = json!(meta.carrier.blobs(None, PAGE_MAX).await?);
    everything["links as they are"] = json!(links);
    everything["names"] = json!(names);
    everything["seen"] = json!(seen);
    everything["histories"] = json!(histories);
    Ok(everything)
}
