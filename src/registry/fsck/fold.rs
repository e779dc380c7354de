//! The catalogue that follows from the events, in memory, as far as they can be read.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use futures::{StreamExt as _, stream};

use super::super::RegistryError;
use super::super::replay::replay_of;
use super::blobs::Hashes;
use super::check::{Check, CheckStage};
use super::copies::Copies;
use super::events::Events;
use crate::domain::{Digest, Repository};
use crate::meta::{Memory, Meta, Replay};

/// Events that are read at once, each with what its blobs say.
const READS: usize = 16;
/// Events that are folded at once.
const BATCH: usize = 512;

/// What the events come to.
pub(super) struct Fold {
    pub memory: Arc<Memory>,
    /// The same memory.
    pub meta: Meta,
    /// The last event that is folded in.
    pub head: u64,
    /// The event that could not be, and why.
    pub stopped: Option<(u64, String)>,
    /// What events name that lies nowhere: purged, collected, or lost.
    pub nowhere: BTreeSet<Digest>,
    /// Every repository that an event is about.
    pub repositories: BTreeSet<Repository>,
}

impl Fold {
    pub fn new() -> Self {
        Self::from(Arc::new(Memory::new()), 0)
    }

    /// Goes on from a memory that events are in already.
    pub fn from(memory: Arc<Memory>, head: u64) -> Self {
        let meta = Arc::clone(&memory).meta();
        Self { memory, meta, head, stopped: None, nowhere: BTreeSet::new(), repositories: BTreeSet::new() }
    }

    /// Folds the events up to `to` in.
    pub async fn advance(
        &mut self,
        check: &Check,
        events: &Events,
        hashes: &Hashes,
        to: u64,
    ) -> Result<(), RegistryError> {
        if self.stopped.is_some() || to <= self.head {
            return Ok(());
        }
        let copies = Copies { storage: &check.storage, hashes, nowhere: Mutex::default() };
        let read = |n: u64| {
            let copies = &copies;
            async move {
                let bytes = events.bytes(check, n).await?;
                Ok::<_, RegistryError>((
                    n,
                    match bytes {
                        Some(bytes) => replay_of(copies, n, bytes).await.map_err(|error| error.to_string()),
                        None => Err("it is not there".to_owned()),
                    },
                ))
            }
        };
        let mut replays = stream::iter(self.head + 1..=to).map(read).buffered(READS);
        let mut batch: Vec<Replay> = Vec::new();
        while let Some(read) = replays.next().await {
            let (n, replay) = read?;
            match replay {
                Ok(replay) => batch.push(replay),
                Err(why) => {
                    self.fold(std::mem::take(&mut batch)).await;
                    self.stopped.get_or_insert((n, why));
                    break;
                }
            }
            if batch.len() >= BATCH {
                self.fold(std::mem::take(&mut batch)).await;
                check.tell(CheckStage::Folding, self.head, to);
            }
            if self.stopped.is_some() {
                break;
            }
        }
        self.fold(batch).await;
        drop(replays);
        self.nowhere.append(&mut copies.nowhere.into_inner().unwrap_or_default());
        Ok(())
    }

    async fn fold(&mut self, batch: Vec<Replay>) {
        if self.stopped.is_some() {
            return;
        }
        self.repositories.extend(batch.iter().filter_map(|replay| replay.event.body.repository()));
        if self.meta.catalog.replay(&batch).await.is_ok() {
            self.head = batch.last().map_or(self.head, |replay| replay.event.n);
            return;
        }
        // All or none: one by one they tell which of them it is.
        for replay in batch {
            let n = replay.event.n;
            match self.meta.catalog.replay(&[replay]).await {
                Ok(()) => self.head = n,
                Err(error) => {
                    self.stopped = Some((n, error.to_string()));
                    return;
                }
            }
        }
    }
}
