//! A data folder's catalogue in another metadata store.

use std::path::Path;

use super::data::open_metadata;
use super::present::Present;
use super::rebuild::BATCH;
use super::{CarryAccounts, DataError, Metadata, Moved, Moving, Place, Side, Stage};

/// Which catalogue moves, and where.
#[derive(Clone, Debug)]
pub struct Migration {
    /// Data folder and store, which no server may be using.
    pub place: Place,
    /// The metadata store that it has.
    pub from: Metadata,
    /// The one that it is to have.
    pub to: Metadata,
    /// What becomes of users and tokens.
    pub accounts: CarryAccounts,
}

/// Moves the catalogue of a data folder, or goes on with a move that was interrupted. The object store stays where it is.
pub async fn migrate_catalog(
    migration: Migration,
    progress: impl FnMut(Stage, u64) + Send,
) -> Result<Moved, DataError> {
    let (moving, present) = migration.open().await?;
    present.end(moving.run(progress).await.map_err(DataError::from)).await
}

/// Compares the two metadata stores of a data folder, and changes nothing that they hold. Opening brings an older schema up to date.
pub async fn check_migration(
    migration: Migration,
    progress: impl FnMut(Stage, u64) + Send,
) -> Result<Moved, DataError> {
    if let Metadata::Sqlite(path) = &migration.to {
        existing(path)?;
    }
    let (moving, present) = migration.open().await?;
    present.end(moving.check(progress).await.map_err(DataError::from)).await
}

impl Migration {
    async fn open(self) -> Result<(Moving, Present), DataError> {
        let (storage, present) = self.place.hold(&[&self.from, &self.to]).await?;
        match self.sides().await {
            Ok((from, to)) => Ok((Moving { storage, from, to, batch: BATCH, accounts: self.accounts }, present)),
            Err(error) => present.end(Err(error)).await,
        }
    }

    async fn sides(&self) -> Result<(Side, Side), DataError> {
        if let Metadata::Sqlite(path) = &self.from {
            existing(path)?;
        }
        let (meta, committing) = open_metadata(&self.from).await?;
        let from = Side { meta, committing };
        let (meta, committing) = open_metadata(&self.to).await?;
        Ok((from, Side { meta, committing }))
    }
}

/// A mistyped path must not become an empty database.
pub(super) fn existing(path: &Path) -> Result<(), DataError> {
    match path.is_file() {
        true => Ok(()),
        false => Err(DataError::NoFile(path.to_owned())),
    }
}
