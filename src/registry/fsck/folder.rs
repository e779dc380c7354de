//! A check of a data folder with its store, in it or elsewhere.

use crate::storage::Storage;

use super::super::data::open_metadata;
use super::super::migrate::existing;
use super::super::{DataError, DataOptions, Metadata, OpenError, Side};
use super::check::{Check, Mend, Watch};
use super::report::Report;

/// Checks a registry that is there. With [`Mend::WhatCanBe`] no server may be using it.
///
/// Errors: what keeps it from being opened, such as [`OpenError::Owned`] where store and metadata do not belong together.
pub async fn check_data(options: DataOptions, mend: Mend, watch: Watch) -> Result<Report, DataError> {
    match mend {
        Mend::WhatCanBe => {
            let (storage, present) = options.place().hold(&[&options.metadata]).await?;
            present.end(check_over(storage, options, mend, watch).await).await
        }
        Mend::Nothing => check_over(options.place().look().await?, options, mend, watch).await,
    }
}

async fn check_over(storage: Storage, options: DataOptions, mend: Mend, watch: Watch) -> Result<Report, DataError> {
    // A mistyped path must not become an empty database.
    if let Metadata::Sqlite(path) = &options.metadata {
        existing(path)?;
    }
    let (meta, committing) = open_metadata(&options.metadata).await?;
    let side = Side { meta, committing };
    let owner = side.owner().await?;
    match storage.owner().await? {
        Some(found) if found == owner => {}
        Some(found) => return Err(OpenError::owned(&storage, owner, found).into()),
        None => match side.meta.ledger.head().await?.n {
            0 => {}
            held => return Err(OpenError::Foreign(held).into()),
        },
    }
    let (limits, now) = (options.limits, options.clock.now());
    let check = Check { storage, side, mend, limits, now, watch };
    Ok(check.run().await?)
}
