//! A store that owns itself, opened for one command, with no server and no data folder.

use std::time::{Duration, Instant};

use crate::meta::Memory;
use crate::search::Index;
use crate::storage::{GONE_AFTER, Opening, Owner, Presence, Role, Sharing, Storage, StorageError, StoreAddress};

use super::{Builder, Clock, Committing, Limits, OpenError, Registry};

/// How long to wait for another command on the same folder.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often to look whether it is over.
const LOOK: Duration = Duration::from_millis(50);

/// [`open_serverless`] at an address. A folder is had alone: another command there is waited for, for a minute; in a bucket several
/// are at work at once.
pub async fn open_serverless_at(address: &StoreAddress, limits: Limits, clock: Clock) -> Result<Registry, OpenError> {
    let sharing = if address.bucket().is_some() { Sharing::Shared } else { Sharing::Alone };
    let begun = Instant::now();
    let storage = loop {
        match Storage::open(address, Opening { sharing, ..Opening::default() }).await {
            Err(StorageError::Locked(_)) if begun.elapsed() < PATIENCE => tokio::time::sleep(LOOK).await,
            opened => break opened?,
        }
    };
    open_serverless(storage, limits, clock).await
}

/// Opens a store for one command. Errors with [`OpenError::Served`] if a database decides what is committed there.
pub async fn open_serverless(storage: Storage, limits: Limits, clock: Clock) -> Result<Registry, OpenError> {
    if let Some(owner @ Owner::Database { .. }) = storage.owner().await? {
        return Err(OpenError::Served { owner, address: address_in(&storage).await });
    }
    let memory = std::sync::Arc::new(Memory::new());
    let meta = std::sync::Arc::clone(&memory).meta();
    let search = Box::pin(async { Index::memory() });
    let builder = Builder { storage, meta, committing: Committing::Store(memory), search, limits, clock };
    builder.open_as(Role::Command).await
}

/// Where a server of the store said last that it is reached. What cannot be found out is not said.
async fn address_in(storage: &Storage) -> Option<String> {
    if storage.disk().is_some() {
        return None;
    }
    let member = storage.join(&Presence::of(Role::Command, None)).await.ok()?;
    let others = storage.others(&member, GONE_AFTER).await;
    let _ = storage.leave(member).await;
    others.ok()?.into_iter().find_map(|other| other.presence.address)
}
