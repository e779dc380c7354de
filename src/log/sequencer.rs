//! Making the log longer: entries, tiles, head, checkpoint, in this order.

use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};

use crate::meta::{Ledger, LogHead};
use crate::storage::{Key, Seen, Storage, StorageError};
use crate::tlog::{Checkpoint, Cosigner, Edge, Entry, Grown, NoteSigner, SignedCheckpoint, Tile};

use super::heads::{CHECKPOINT_MAX, text};
use super::{Heads, Identity, LogError};

/// Most events that become one head: they lie in memory, and whoever waits for the first waits for all.
pub(super) const BATCH_MAX: u64 = 1024;

/// How many objects are written at once to a store that is asked over a network.
const WRITES: usize = 16;

/// How often the checkpoint is looked at that others replace at the same time.
const ATTEMPTS: usize = 20;

/// What readers are to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// A head of this size, if they are shown a smaller one.
    Longer,
    /// The same once more, with the time.
    Renewed,
}

/// The log of a store, ready to take events. One a process; any number of processes.
pub struct Sequencer {
    pub(super) storage: Storage,
    pub(super) heads: Heads,
    pub(super) identity: Identity,
    pub(super) signer: Arc<NoteSigner>,
    /// The tree that is signed, as far as it must be known to make it longer.
    pub(super) edge: Edge,
    /// The checkpoint of that.
    pub(super) head: Option<LogHead>,
    /// The checkpoint that readers are shown, as this process left it.
    pub(super) shown: Option<Seen>,
    /// How many entries that has, at least.
    pub(super) told: u64,
    /// Tiles that this process wrote and that were not full: of no use once there are longer ones.
    pub(super) outgrown: Vec<Tile>,
}

impl Sequencer {
    /// Number of entries that are signed: the last event that the log has.
    pub fn size(&self) -> u64 {
        self.edge.size()
    }

    /// Number of entries that readers are told of. It is smaller only after an error.
    pub fn told(&self) -> u64 {
        self.told
    }

    /// The signed checkpoint; `None` if nothing was logged.
    pub fn checkpoint(&self) -> Option<&str> {
        self.head.as_ref().map(|head| head.checkpoint.as_str())
    }

    /// Logs all events up to `through`, which the ledger has and whose objects are durable. `time`: now, in seconds since 1970, which readers
    /// are told with the head.
    ///
    /// After an error some of them may be logged; the next call goes on. [`LogError::Forked`] is for good.
    pub async fn advance(&mut self, ledger: &dyn Ledger, through: u64, time: u64) -> Result<(), LogError> {
        if self.told < self.size() {
            self.publish(time, Shown::Longer).await?;
        }
        while self.size() < through {
            let (edge, grown) = self.longer(ledger, through).await?;
            let open: Vec<Tile> = grown.iter().map(|(tile, _)| *tile).filter(|tile| !tile.is_full()).collect();
            write(&self.storage, grown).await?;
            let next = self.sign(&edge)?;
            if !self.heads.swap(self.head.as_ref(), &next).await? {
                self.yield_to_others(ledger).await?;
                continue;
            }
            (self.edge, self.head) = (edge, Some(next));
            self.publish(time, Shown::Longer).await?;
            self.sweep(open).await?;
        }
        Ok(())
    }

    /// The tree with the next events up to `through`, at most [`BATCH_MAX`] of them, and what is to be written for it.
    async fn longer(&self, ledger: &dyn Ledger, through: u64) -> Result<(Edge, Grown), LogError> {
        let mut edge = self.edge.clone();
        let entries = self.entries(ledger, edge.size(), through).await?;
        let grown = edge.append(&entries)?;
        Ok((edge, grown))
    }

    /// The entries of the events after `after`, up to `through` and at most [`BATCH_MAX`] of them. Those too long for an entry are
    /// put where readers find them.
    pub(super) async fn entries(&self, ledger: &dyn Ledger, after: u64, through: u64) -> Result<Vec<Bytes>, LogError> {
        let events = ledger.events(after, BATCH_MAX.min(through - after) as usize).await?;
        if events.is_empty() {
            return Err(LogError::Forked { size: self.size().max(through), why: "there are fewer" });
        }
        let mut entries = Vec::with_capacity(events.len());
        for (n, event) in events {
            if n != after + entries.len() as u64 + 1 {
                return Err(LogError::Forked { size: self.size().max(through), why: "one is missing" });
            }
            let entry = Entry::of_event(&event, &self.identity.secret)?;
            if matches!(entry, Entry::Long { .. }) {
                self.storage.put(&Key::LogLong(n), event).await?;
            }
            entries.push(entry.bytes());
        }
        Ok(entries)
    }

    pub(super) fn sign(&self, edge: &Edge) -> Result<LogHead, LogError> {
        let signed = SignedCheckpoint::sign(edge.size(), edge.root(), &self.signer)?;
        Ok(LogHead { size: edge.size(), checkpoint: signed.note().to_string() })
    }

    /// Goes on from the head that somebody else wrote, after a look whether it is what the same events come to here.
    pub(super) async fn yield_to_others(&mut self, ledger: &dyn Ledger) -> Result<(), LogError> {
        match self.heads.read().await? {
            Some(theirs) => self.adopt(ledger, theirs).await,
            None => Err(LogError::Forked { size: self.size(), why: "the head of the log is gone" }),
        }
    }

    /// Makes the tree as long as a head is, with the events that there are.
    pub(super) async fn adopt(&mut self, ledger: &dyn Ledger, head: LogHead) -> Result<(), LogError> {
        let signed = self.read(&head.checkpoint, "the head of the log")?;
        if signed.size() != head.size || head.size < self.size() {
            return Err(LogError::Forked { size: self.size(), why: "the head of the log is an older one" });
        }
        let mut edge = self.edge.clone();
        while edge.size() < head.size {
            let entries = self.entries(ledger, edge.size(), head.size).await?;
            edge.append(&entries)?;
        }
        if edge.root() != signed.root() {
            return Err(LogError::Forked { size: head.size, why: "some are other ones" });
        }
        (self.edge, self.head, self.shown) = (edge, Some(head), None);
        self.outgrown.clear();
        Ok(())
    }

    /// A checkpoint with this log's signature.
    pub(super) fn read(&self, checkpoint: &str, what: &str) -> Result<Checkpoint, LogError> {
        SignedCheckpoint::open(checkpoint.as_bytes(), &self.identity.verifier, &[])
            .map(|signed| signed.checkpoint().clone())
            .map_err(|error| LogError::Malformed { path: what.to_owned(), why: error.to_string() })
    }

    /// Tells readers again, with the time, that the head is what it was.
    pub async fn renew(&mut self, time: u64) -> Result<(), LogError> {
        self.publish(time, Shown::Renewed).await
    }

    /// Shows the head to readers, unless they are shown a longer one, or one that will do.
    pub(super) async fn publish(&mut self, time: u64, shown: Shown) -> Result<(), LogError> {
        // A log without entries has a head as well.
        let size = self.size();
        let mut signed = SignedCheckpoint::sign(size, self.edge.root(), &self.signer)?;
        let timed = Cosigner::of_log(&self.signer);
        let cosignature = timed.cosign(&signed, time);
        signed.add(cosignature, timed.verifier())?;
        let (key, bytes) = (Key::LogCheckpoint, Bytes::from(signed.note().to_string()));
        for _ in 0..ATTEMPTS {
            let seen = match self.shown.take() {
                Some(seen) => seen,
                None => match self.storage.read(&key, CHECKPOINT_MAX).await? {
                    Some(found) if self.will_do(&found.bytes, size, shown) => {
                        self.told = size;
                        return Ok(());
                    }
                    Some(found) => found.seen,
                    None => Seen::ABSENT,
                },
            };
            self.shown = self.storage.replace_seen(&key, &seen, bytes.clone(), None).await?;
            if self.shown.is_some() {
                self.told = size;
                return Ok(());
            }
        }
        Err(StorageError::Unavailable { path: key.path(), source: "others replace it all the time".into() }.into())
    }

    /// Whether readers are shown enough already.
    fn will_do(&self, bytes: &[u8], size: u64, shown: Shown) -> bool {
        let text = text(bytes, &Key::LogCheckpoint).and_then(|text| self.read(&text, "the checkpoint"));
        text.is_ok_and(|found| found.size() > size || (found.size() == size && shown == Shown::Longer))
    }

    /// Removes tiles that this process wrote when they were shorter than they are now: a reader who does not find one takes
    /// the full tile.
    async fn sweep(&mut self, written: Vec<Tile>) -> Result<(), LogError> {
        let size = self.size();
        let is_full = |tile: &Tile| Tile::in_tree(tile.row(), tile.index(), size).is_some_and(|now| now.is_full());
        self.outgrown.extend(written);
        let (gone, kept): (Vec<Tile>, Vec<Tile>) = std::mem::take(&mut self.outgrown).into_iter().partition(is_full);
        self.outgrown = kept;
        for tile in gone {
            self.storage.delete(&Key::LogTile(tile)).await?;
        }
        Ok(())
    }
}

/// Writes tiles and bundles. Whoever writes one of them writes the same bytes.
pub(super) async fn write(storage: &Storage, grown: Grown) -> Result<(), LogError> {
    let at_once = if storage.disk().is_some() { 1 } else { WRITES };
    let write = |(tile, bytes)| async move { storage.put(&Key::LogTile(tile), Bytes::from(bytes)).await };
    Ok(stream::iter(grown.into_iter().map(write)).buffered(at_once).try_collect::<()>().await?)
}
