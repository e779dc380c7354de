//! Commits of a store that owns itself: creating the next event is the commit.

use crate::meta::{Applied, Atomicity, Change, Memory, MetaError, Outcome, Planned};
use crate::storage::{Key, Sharing};

use super::super::RegistryError;
use super::super::event_objects::write_event;
use super::super::invalidate::invalidate;
use super::super::rebuild::catch_up;
use super::super::whole::create_whole;
use super::Lane;

impl Lane {
    pub(super) async fn apply_in_store(
        &mut self,
        memory: &Memory,
        changes: &[Change],
    ) -> Result<Vec<Outcome>, RegistryError> {
        let mut outcomes: Vec<Outcome> = Vec::with_capacity(changes.len());
        while outcomes.len() < changes.len() {
            let (mut kept, mut durable, mut lost) = (Vec::new(), self.written, Ok(()));
            for planned in memory.plan(&changes[outcomes.len()..], Atomicity::Each)? {
                if let Ok(Planned { applied: Applied { event: Some((event, bytes)), .. }, .. }) = &planned {
                    lost = write_event(&self.storage, event.n, bytes.clone()).await;
                    if lost.is_err() {
                        break;
                    }
                }
                outcomes.push(planned.as_ref().map(|planned| planned.applied.clone()).map_err(Clone::clone));
                let event =
                    planned.as_ref().ok().and_then(|planned| planned.applied.event.as_ref()).map(|event| event.0.n);
                kept.extend(planned);
                // Durable before the next is there: a loss of power must leave no gap, as nothing could fill it.
                if let Some(n) = event {
                    lost = self.storage.settle(&[Key::Event(n)]).await.map_err(RegistryError::from);
                    if lost.is_err() {
                        break;
                    }
                    durable = n;
                }
            }
            // What was created is committed, whatever came after it.
            memory.absorb(&kept)?;
            invalidate(&self.cache, &kept.iter().map(|planned| &planned.applied).collect::<Vec<_>>());
            self.durable_through(durable);
            match lost {
                Ok(()) => {}
                Err(RegistryError::Meta(MetaError::Diverged(_))) => {
                    self.read_others().await?;
                    // The winner may be this process: a creation that was reported as failed and had happened.
                    self.write_missing().await?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(outcomes)
    }

    /// All of the changes or none: they are seen once the events of all of them are durable.
    pub(super) async fn apply_whole_in_store(
        &mut self,
        memory: &Memory,
        changes: &[Change],
    ) -> Result<Vec<Outcome>, RegistryError> {
        loop {
            let planned = memory.plan(changes, Atomicity::All)?;
            if planned.iter().any(Result::is_err) {
                return Ok(planned.into_iter().map(|planned| planned.map(|planned| planned.applied)).collect());
            }
            let mut planned: Vec<Planned> = planned.into_iter().flatten().collect();
            self.in_doubt = true;
            // Should this fail after an event was there, its object is written again before it is trusted.
            let numbers = planned.iter().filter_map(|planned| planned.applied.event.as_ref()).map(|(event, _)| event.n);
            self.own = numbers.fold(self.own, u64::max);
            match create_whole(&self.storage, &mut planned).await {
                Ok(last) => {
                    memory.absorb(&planned)?;
                    self.in_doubt = false;
                    invalidate(&self.cache, &planned.iter().map(|planned| &planned.applied).collect::<Vec<_>>());
                    self.durable_through(last.unwrap_or(self.written));
                    return Ok(planned.into_iter().map(|planned| Ok(planned.applied)).collect());
                }
                // Somebody else has the first number.
                Err(RegistryError::Meta(MetaError::Diverged(_))) => self.write_missing().await?,
                Err(error) => return Err(error),
            }
        }
    }

    /// Applies the events of the store that this process did not write, or does not know that it did.
    pub(super) async fn read_others(&mut self) -> Result<(), RegistryError> {
        catch_up(&self.storage, &self.meta, |_| {}).await?;
        self.cache.advance();
        self.cache.clear_pointers();
        if self.storage.sharing() == Sharing::Shared {
            // What several write is durable where it can be read.
            let head = self.meta.ledger.head().await?.n;
            self.own = self.own.max(head);
            self.durable_through(head);
        }
        Ok(())
    }

    /// Looks whether another has committed since, and if so applies it.
    pub(super) async fn look_for_others(&mut self) -> Result<(), RegistryError> {
        match self.storage.exists(&Key::Event(self.written + 1)).await? {
            true => self.read_others().await,
            false => Ok(()),
        }
    }
}
