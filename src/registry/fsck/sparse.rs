//! Images that were taken without all their layers: the database knows which were absent then, and the events do not.

use super::super::RegistryError;
use super::fold::Fold;
use crate::domain::{Digest, Repository};
use crate::meta::{ManifestRow, Meta, PAGE_MAX};

/// Whether the manifests differ in nothing but layers that the other side does not count.
pub(super) async fn explains(fold: &Fold, other: &Meta) -> Result<bool, RegistryError> {
    for repository in &fold.repositories {
        let (ours, theirs) = (manifests(&fold.meta, repository).await?, manifests(other, repository).await?);
        let is_alike = |((row, blobs), (other_row, other_blobs)): (&Row, &Row)| {
            row == other_row && other_blobs.iter().all(|blob| blobs.contains(blob))
        };
        if ours.len() != theirs.len() || !ours.iter().zip(&theirs).all(is_alike) {
            return Ok(false);
        }
    }
    Ok(true)
}

type Row = (ManifestRow, Vec<Digest>);

async fn manifests(meta: &Meta, repository: &Repository) -> Result<Vec<Row>, RegistryError> {
    let mut rows: Vec<Row> = Vec::new();
    loop {
        let after = rows.last().map(|(row, _)| row.digest);
        let page = meta.refs.manifests(repository, after.as_ref(), PAGE_MAX).await?;
        if page.is_empty() {
            return Ok(rows);
        }
        rows.extend(page);
    }
}
