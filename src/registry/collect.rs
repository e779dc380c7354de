//! Collection: condemn what nothing references, wait, delete. A push in between brings a condemned blob back.

use std::time::SystemTime;

use crate::domain::{Action, Actor, Scope};
use crate::meta::Unknown;
use crate::storage::{Key, Role, Sharing, StorageError, Turn};

use super::{Registry, RegistryError};

/// What a round of collection did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// Blobs condemned now.
    pub condemned: u64,
    /// Condemned blobs whose grace is over, deleted now.
    pub deleted: u64,
    /// Upload sessions that were idle for too long.
    pub uploads: u64,
}

impl Registry {
    /// One round, or nothing if another server that shares the store is at one. Blobs untouched for the grace period are condemned; those
    /// condemned a grace period ago are deleted.
    ///
    /// In a store that owns itself and that others write to, a server leaves blobs alone: what they count on is known to nobody. There
    /// a registry that was opened for it collects, with the store to itself.
    pub async fn collect(&self, actor: &Actor) -> Result<Collected, RegistryError> {
        self.require(actor, Action::Operate, Scope::Registry)?;
        let mut collected = Collected::default();
        if !self.owns_itself() || self.may_collect_owned() {
            // Two at once would each delete what the other is deleting, perhaps after it was pushed again.
            let Some(mut turn) = self.0.storage.turn().await? else {
                return match self.0.present.role() {
                    Role::Collector => Err(StorageError::Collecting { path: Key::Collecting.path() }.into()),
                    Role::Server | Role::Command | Role::Maintenance => Ok(collected),
                };
            };
            let outcome = self.collect_blobs(&mut turn).await;
            let ended = turn.end().await;
            collected = outcome?;
            ended?;
        }
        let idle = i64::try_from(self.0.limits.upload_idle.as_secs()).unwrap_or(i64::MAX);
        let before = self.0.clock.now().plus_seconds(-idle);
        collected.uploads = self.0.storage.expire_uploads(before).await? as u64;
        Ok(collected)
    }

    async fn collect_blobs(&self, turn: &mut Turn) -> Result<Collected, RegistryError> {
        let mut collected = Collected::default();
        if self.owns_itself() && self.0.present.role() == Role::Collector {
            collected.deleted = self.collect_owned(turn).await?;
            return Ok(collected);
        }
        let now = self.0.clock.now();
        let grace = i64::try_from(self.0.limits.grace.as_secs()).unwrap_or(i64::MAX);
        let before = now.plus_seconds(-grace);
        for (area, held) in self.0.counted.held() {
            self.0.meta.blobs.touch(&area, &held, Unknown::PassOver, now).await?;
        }
        collected.condemned = self.0.meta.blobs.condemn(before, now).await?;
        let _turn = self.0.removing.lock().await;
        // Another may have taken over meanwhile.
        while turn.renew().await? {
            let begun = SystemTime::now();
            let taken = {
                let _settled = self.0.committer.settled().await;
                self.0.meta.blobs.take_condemned(before, 256).await?
            };
            if taken.is_empty() {
                break;
            }
            // Links to what goes: nobody may be told that the bytes are here once the first of them is not, nor after a failure
            // half-way. A collection is rare, so the whole table goes.
            self.forget_links();
            for (area, digest) in &taken {
                if Turn::is_over(begun) {
                    // What is left of them stays in the state of being deleted, and the next round goes on with it.
                    tracing::warn!("a collection came to a stand, and is given up");
                    return Ok(collected);
                }
                self.0.storage.delete_blob(area, digest).await?;
                self.0.cache.blobs.remove(&(area.clone(), *digest));
            }
            if Turn::is_over(begun) {
                return Ok(collected);
            }
            self.0.meta.blobs.forget(&taken).await?;
            collected.deleted += taken.len() as u64;
        }
        if self.0.storage.sharing() == Sharing::Shared {
            // Others collect as well, and no event says what.
            self.forget_links();
        }
        Ok(collected)
    }
}
