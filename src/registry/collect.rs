//! Collection: condemn what nothing references, wait, delete. A push in between brings a condemned blob back.

use crate::domain::{Action, Actor, Scope};
use crate::storage::Sharing;

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
    /// One round, or nothing if another server that shares the store is at one. Blobs untouched for the grace period are condemned; those condemned a grace period ago are deleted.
    pub async fn collect(&self, actor: &Actor) -> Result<Collected, RegistryError> {
        self.require(actor, Action::Operate, Scope::Registry)?;
        // Two at once would each delete what the other is deleting, perhaps after it was pushed again.
        let Some(_turn) = self.0.storage.turn().await? else { return Ok(Collected::default()) };
        let now = self.0.clock.now();
        let grace = i64::try_from(self.0.limits.grace.as_secs()).unwrap_or(i64::MAX);
        let before = now.plus_seconds(-grace);
        let mut collected =
            Collected { condemned: self.0.meta.blobs.condemn(before, now).await?, ..Collected::default() };
        let _turn = self.0.removing.lock().await;
        loop {
            let taken = self.0.meta.blobs.take_condemned(before, 256).await?;
            if taken.is_empty() {
                break;
            }
            for (area, digest) in &taken {
                self.0.storage.delete_blob(area, digest).await?;
                self.0.cache.blobs.remove(&(area.clone(), *digest));
            }
            // Links to what is gone; a collection is rare, so the whole table goes.
            self.forget_links();
            self.0.meta.blobs.forget(&taken).await?;
            collected.deleted += taken.len() as u64;
        }
        if self.0.storage.sharing() == Sharing::Shared {
            // Others collect as well, and no event says what.
            self.forget_links();
        }
        let idle = i64::try_from(self.0.limits.upload_idle.as_secs()).unwrap_or(i64::MAX);
        collected.uploads = self.0.storage.expire_uploads(now.plus_seconds(-idle)).await? as u64;
        Ok(collected)
    }
}
