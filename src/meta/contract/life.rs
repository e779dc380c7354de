//! Lives of packages, step by step. Every sort of change is a step of one of them; what a check does at each step is its own matter.

use super::super::{Act, Atomicity, Change, Meta, MetaError, Outcome, Replay};
use super::{Artifact, Failure, World, stories};

/// Steps that follow one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// Versions and tags come.
    Versions,
    /// Versions are deprecated, yanked and pinned, and all of it is taken back.
    Standing,
    /// Tags, versions, manifests and blobs go, and some come back.
    Removal,
    /// Names are private before their first byte, and packages move from one area to the other.
    Seen,
    /// Owners, collections and organisations.
    Groups,
    /// Many changes at once, all of them or each.
    Batches,
    /// Events of another store are applied again.
    Replay,
}

impl Life {
    /// Every life. Each is for a store of its own that is empty.
    pub const ALL: [Self; 7] =
        [Self::Versions, Self::Standing, Self::Removal, Self::Seen, Self::Groups, Self::Batches, Self::Replay];

    /// What happens in it.
    pub(super) async fn story(self) -> Result<Story, Failure> {
        match self {
            Self::Versions => stories::versions(),
            Self::Standing => stories::standing(),
            Self::Removal => stories::removal(),
            Self::Seen => stories::seen(),
            Self::Groups => stories::groups(),
            Self::Batches => stories::batches(),
            Self::Replay => stories::replay().await,
        }
    }
}

/// What happens in a life.
pub(super) struct Story {
    /// What is uploaded before the first step.
    pub uploads: Vec<Artifact>,
    pub steps: Vec<Step>,
}

/// What is done in one transaction.
pub(super) struct Step {
    /// What happens, for messages.
    pub name: &'static str,
    /// How many events it makes.
    pub events: u64,
    what: What,
}

enum What {
    Apply(Vec<Act>, Atomicity),
    Replay(Vec<Replay>),
}

impl Step {
    /// One change.
    pub fn one(name: &'static str, act: Act) -> Self {
        Self { name, events: 1, what: What::Apply(vec![act], Atomicity::Each) }
    }

    /// Changes of which none is refused.
    pub fn all(name: &'static str, acts: Vec<Act>) -> Self {
        Self { name, events: acts.len() as u64, what: What::Apply(acts, Atomicity::All) }
    }

    /// Changes of which only so many stand.
    pub fn some(name: &'static str, acts: Vec<Act>, atomicity: Atomicity, events: u64) -> Self {
        Self { name, events, what: What::Apply(acts, atomicity) }
    }

    /// Events of another store.
    pub fn replay(name: &'static str, events: Vec<Replay>) -> Self {
        Self { name, events: events.len() as u64, what: What::Replay(events) }
    }

    /// What a store is asked for now. It may be asked for again, and is the same then.
    pub fn work(&self, world: &World) -> Work {
        match &self.what {
            What::Apply(acts, atomicity) => {
                Work::Apply(acts.iter().map(|act| world.change(act.clone())).collect(), *atomicity)
            }
            What::Replay(events) => Work::Replay(events.clone()),
        }
    }
}

/// What a store is asked for.
pub(super) enum Work {
    Apply(Vec<Change>, Atomicity),
    Replay(Vec<Replay>),
}

impl Work {
    /// Has it done. A replay answers nothing.
    pub async fn make(&self, meta: &Meta) -> Result<Vec<Outcome>, MetaError> {
        match self {
            Self::Apply(changes, atomicity) => meta.catalog.apply(changes, *atomicity).await,
            Self::Replay(events) => meta.catalog.replay(events).await.map(|()| Vec::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use super::super::super::Memory;
    use super::super::twin::Twin;
    use super::*;

    /// Names every sort of act once: one that is new does not compile until it is here, and is missed until it is a step.
    macro_rules! sorts {
        ($($sort:ident),+ $(,)?) => {
            const SORTS: &[&str] = &[$(stringify!($sort)),+];

            fn sort(act: &Act) -> &'static str {
                match act {
                    $(Act::$sort { .. } => stringify!($sort),)+
                }
            }
        };
    }

    sorts!(
        Accept,
        DeleteTag,
        DeleteManifest,
        DeleteBlob,
        Yank,
        Unyank,
        Deprecate,
        Undeprecate,
        Pin,
        Unpin,
        SetVisibility,
        SetOwners,
        SetCollection,
        DeleteCollection,
        SetOrg,
        Purge,
        Restore,
    );

    #[tokio::test]
    async fn every_sort_of_change_is_a_step_of_a_life() -> Result<(), Failure> {
        let mut made = BTreeSet::new();
        for life in Life::ALL {
            let twin = Twin::of(World::over(Arc::new(Memory::new()).meta()));
            for step in twin.begin(life).await? {
                let work = step.work(&twin.world);
                work.make(&twin.world.meta).await?;
                twin.follow(&step, &work).await?;
                if let What::Apply(acts, _) = &step.what {
                    made.extend(acts.iter().map(sort));
                }
            }
            twin.assert_equal("at the end").await?;
        }
        assert_eq!(made, SORTS.iter().copied().collect());
        Ok(())
    }
}
