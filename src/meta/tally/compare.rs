//! Counts, digests, and the first difference.

use std::fmt;

use futures::TryStreamExt as _;
use serde::Serialize;

use super::super::{Meta, MetaError};
use super::Table;
use super::rows::{Names, rows};
use crate::domain::{Algorithm, Digest, Hasher};

/// What one table comes to. Equal counts and digests mean equal rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Count {
    /// Which.
    pub table: Table,
    /// How many rows.
    pub rows: u64,
    /// SHA-256 of all rows with their keys, in their order.
    pub digest: Digest,
}

/// The first row in which two tables differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Which table.
    pub table: Table,
    /// The key of the row on the one side; `None` if its rows have ended.
    pub one: Option<String>,
    /// And on the other side. The same key: the rows differ in what they say.
    pub other: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, one, other } = self;
        match (one, other) {
            (Some(one), Some(other)) if one == other => write!(f, "{table}: {one} differs"),
            (Some(one), Some(other)) => write!(f, "{table}: {one} where the other has {other}"),
            (Some(one), None) => write!(f, "{table}: the other lacks {one}"),
            (None, Some(other)) => write!(f, "{table}: only the other has {other}"),
            (None, None) => write!(f, "{table}: it changed while it was read"),
        }
    }
}

/// Counts and hashes these tables of a store. `progress` is told the table and how many of its rows were read.
pub async fn tally(
    meta: &Meta,
    tables: &[Table],
    mut progress: impl FnMut(Table, u64) + Send,
) -> Result<Vec<Count>, MetaError> {
    let names = Names::of(meta).await?;
    let mut counts = Vec::with_capacity(tables.len());
    for table in tables {
        let (mut hasher, mut count) = (Hasher::new(Algorithm::Sha256), 0);
        let mut rows = rows(meta, &names, *table);
        while let Some(row) = rows.try_next().await? {
            // Lengths stand before what they are of, so that no two lists of rows come to the same bytes.
            hasher.update(format!("{} {} ", row.key.len(), row.value.len()).as_bytes());
            hasher.update(row.key.as_bytes());
            hasher.update(&row.value);
            count += 1;
            progress(*table, count);
        }
        counts.push(Count { table: *table, rows: count, digest: hasher.finish() });
    }
    Ok(counts)
}

/// The first difference between two stores in a table.
pub async fn difference(one: &Meta, other: &Meta, table: Table) -> Result<Option<Difference>, MetaError> {
    let names = (Names::of(one).await?, Names::of(other).await?);
    let (mut ones, mut others) = (rows(one, &names.0, table), rows(other, &names.1, table));
    loop {
        match (ones.try_next().await?, others.try_next().await?) {
            (None, None) => return Ok(None),
            (Some(one), Some(other)) if one == other => {}
            (one, other) => {
                let (one, other) = (one.map(|row| row.key), other.map(|row| row.key));
                return Ok(Some(Difference { table, one, other }));
            }
        }
    }
}
