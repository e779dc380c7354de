//! A store that owns itself, opened for one command, with no server and no data folder.

use crate::meta::Memory;
use crate::search::Index;
use crate::storage::{Owner, Presence, Role, Storage};

use super::{Builder, Clock, Committing, Limits, OpenError, Registry};

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
    let others = storage.others(&member).await;
    let _ = storage.leave(member).await;
    others.ok()?.into_iter().find_map(|other| other.presence.address)
}
