//! Where the log stood: read at a start, and made again where it cannot be read.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::meta::{Ledger, LogHead};
use crate::storage::{Key, Storage, StorageError};
use crate::tlog::{BUNDLE_MAX, Edge, NoteSigner, TILE_WIDTH, Tile};

use super::heads::{CHECKPOINT_MAX, text};
use super::sequencer::{Shown, write};
use super::{Heads, Identity, LogError, Sequencer};

impl Sequencer {
    /// The log of the store as it was signed last, which begins now if there is none. Events that it does not have are not logged yet.
    ///
    /// Tiles that are absent or not what they should be are written again from the events. Errors with [`LogError::Forked`] if the
    /// events are not those that were signed.
    pub async fn load(
        storage: Storage,
        heads: Heads,
        signer: Arc<NoteSigner>,
        ledger: &dyn Ledger,
        time: u64,
    ) -> Result<Self, LogError> {
        let identity = Identity::claim(&storage, &signer).await?;
        let (edge, outgrown) = (Edge::EMPTY, Vec::new());
        let mut log = Self { storage, heads, identity, signer, edge, head: None, shown: None, told: 0, outgrown };
        if let Some(head) = log.heads.read().await? {
            let signed = log.read(&head.checkpoint, "the head of the log")?;
            if ledger.head().await?.n < head.size {
                return Err(LogError::Forked { size: head.size, why: "there are fewer" });
            }
            match log.stored(ledger, head.size).await? {
                Some(edge) if edge.root() == signed.root() && signed.size() == head.size => {
                    (log.edge, log.head) = (edge, Some(head));
                }
                _ => {
                    tracing::warn!(size = head.size, "tiles of the log are missing or damaged, and are written again");
                    log.write_tiles(ledger, head.size).await?;
                    log.adopt(ledger, head).await?;
                }
            }
        }
        // A database that was made again from the events has no head. What readers were shown was signed all the same.
        if let Some(shown) = log.checkpoint_shown().await?
            && shown.size > log.size()
        {
            let before = log.head.clone();
            log.write_tiles(ledger, shown.size).await?;
            log.adopt(ledger, shown).await?;
            let head = log.sign(&log.edge)?;
            match log.heads.swap(before.as_ref(), &head).await? {
                true => log.head = Some(head),
                false => log.yield_to_others(ledger).await?,
            }
        }
        let key = Bytes::from(format!("{}\n", log.identity.verifier));
        log.storage.put(&Key::LogKey, key).await?;
        log.publish(time, Shown::Longer).await?;
        Ok(log)
    }

    /// The edge of a tree of that size, as its tiles say, and the events of the bundle that is not full; `None` if a tile is missing or
    /// cannot be read.
    async fn stored(&self, ledger: &dyn Ledger, size: u64) -> Result<Option<Edge>, LogError> {
        // With as many full tiles as the whole tree: above the lowest level both have the same ones.
        let full = size - size % TILE_WIDTH;
        let mut found = HashMap::new();
        for tile in Edge::tiles(full) {
            match self.tile(tile).await? {
                Some(bytes) => found.insert(tile, bytes),
                None => return Ok(None),
            };
        }
        let Ok(mut edge) = Edge::load(full, |tile| found.remove(&tile)) else { return Ok(None) };
        while edge.size() < size {
            let entries = self.entries(ledger, edge.size(), size).await?;
            edge.append(&entries)?;
        }
        Ok(Some(edge))
    }

    /// The bytes of a tile, or of the full one in its place; `None` if neither is there.
    async fn tile(&self, tile: Tile) -> Result<Option<Vec<u8>>, LogError> {
        for tile in [tile, tile.full()] {
            match self.storage.get(&Key::LogTile(tile), BUNDLE_MAX as u64).await {
                Ok(bytes) => return Ok(Some(bytes.to_vec())),
                Err(StorageError::NotFound { .. } | StorageError::TooLarge { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
    }

    /// Writes the tiles of the tree, from where this one ends to that size.
    async fn write_tiles(&self, ledger: &dyn Ledger, size: u64) -> Result<(), LogError> {
        let mut edge = self.edge.clone();
        while edge.size() < size {
            let entries = self.entries(ledger, edge.size(), size).await?;
            let mut grown = edge.append(&entries)?;
            // Those that are not full are of use at the end alone.
            grown.retain(|(tile, _)| tile.is_full() || edge.size() == size);
            write(&self.storage, grown).await?;
        }
        Ok(())
    }

    /// What readers are shown; `None` if nothing is there, or nothing that this log has signed.
    async fn checkpoint_shown(&self) -> Result<Option<LogHead>, LogError> {
        let checkpoint = match self.storage.get(&Key::LogCheckpoint, CHECKPOINT_MAX).await {
            Ok(bytes) => text(&bytes, &Key::LogCheckpoint)?,
            Err(StorageError::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let Ok(signed) = self.read(&checkpoint, "the checkpoint") else {
            tracing::warn!("the checkpoint that readers are shown is not this log's, and is replaced");
            return Ok(None);
        };
        Ok(Some(LogHead { size: signed.size(), checkpoint }))
    }
}
