//! Every blob that something names, against the bytes that are there; and the bytes that nothing names.

use std::collections::{BTreeMap, BTreeSet};

use super::super::RegistryError;
use super::blobs::{Bytes, Hashes, look_again};
use super::check::Check;
use super::finding::NeededBy;
use super::fold::Fold;
use super::report::Amount;
use crate::domain::{Area, Digest, Repository};
use crate::meta::{BlobKey, CarriedBlob, Meta, Role};

/// Rows that are read at once.
const ROWS: usize = 1000;

/// What the references came to.
#[derive(Debug, Default)]
pub(super) struct Evaluated {
    /// Every blob that something names.
    pub named: BTreeSet<BlobKey>,
    /// Named, there, and damaged: why.
    pub damaged: Vec<(BlobKey, String, Vec<NeededBy>)>,
    /// Named, and not there.
    pub missing: Vec<(BlobKey, Vec<NeededBy>)>,
    /// Named by images that are taken without all their layers, and not there.
    pub never_pushed: u64,
    /// Whether all that names anything could be read. Otherwise nothing is known of what seems to be named by nothing.
    pub is_complete: bool,
    /// Rows of the database with another length than the bytes have, and that length.
    pub lengths: Vec<(CarriedBlob, u64)>,
    /// Named, whole, and not known to the database.
    pub rowless: Vec<BlobKey>,
    /// Named by nothing.
    pub unnamed: Amount,
    /// Named by nothing, and damaged: why.
    pub unnamed_damaged: Vec<(BlobKey, String)>,
    /// Named by nothing, old, and without a row by which collection would find them; with their lengths.
    pub forgotten: BTreeMap<Area, Vec<(Digest, u64)>>,
}

impl Evaluated {
    /// Whether there is nothing to tell.
    pub fn is_sound(&self) -> bool {
        self.damaged.is_empty()
            && self.missing.is_empty()
            && self.lengths.is_empty()
            && self.rowless.is_empty()
            && self.unnamed_damaged.is_empty()
            && self.forgotten.is_empty()
    }
}

/// Who needs a blob that is not whole.
#[derive(Default)]
struct Needed {
    by: BTreeSet<NeededBy>,
    /// The repositories, where all that need it are contents of plain images.
    plain: Option<BTreeSet<Repository>>,
}

/// Compares what the fold names with what is there now.
pub(super) async fn evaluate(check: &Check, fold: &Fold, hashes: &Hashes) -> Result<Evaluated, RegistryError> {
    let mut evaluated = Evaluated { is_complete: fold.stopped.is_none(), ..Evaluated::default() };
    let mut needed: BTreeMap<BlobKey, Needed> = BTreeMap::new();
    fold.memory.references(|reference| {
        let blob = (reference.area.clone(), reference.digest);
        let is_read = matches!(reference.role, Role::Manifest | Role::Record | Role::Document);
        evaluated.is_complete &= !(is_read && fold.nowhere.contains(&blob.1));
        if !hashes.is_whole(&blob) {
            let is_first = !needed.contains_key(&blob);
            let needed = needed.entry(blob.clone()).or_default();
            let role = reference.role;
            needed.by.extend(reference.names().into_iter().map(|name| NeededBy { name, role }));
            let plain = reference.plain().filter(|_| role == Role::Content && reference.area == Area::Public);
            needed.plain = match (plain, needed.plain.take()) {
                (Some(plain), Some(mut others)) => {
                    others.insert(plain);
                    Some(others)
                }
                (Some(plain), None) if is_first => Some(BTreeSet::from([plain])),
                _ => None,
            };
        }
        evaluated.named.insert(blob);
    });
    for (blob, Needed { by, plain }) in needed {
        let by: Vec<NeededBy> = by.into_iter().collect();
        match hashes.of(&blob) {
            Some(Bytes::Damaged(why)) => evaluated.damaged.push((blob, why.clone(), by)),
            // It came, or went, since the store was listed.
            _ => match look_again(check, &blob).await? {
                Bytes::Whole(_) => {}
                Bytes::Damaged(why) => evaluated.damaged.push((blob, why, by)),
                Bytes::Gone if never_pushed(check, &blob, plain).await? => evaluated.never_pushed += 1,
                Bytes::Gone => evaluated.missing.push((blob, by)),
            },
        }
    }
    let mut known = BTreeMap::new();
    if check.has_database() {
        known = rows(&check.side.meta).await?;
        compare_rows(hashes, &known, &mut evaluated);
    }
    if evaluated.is_complete {
        unnamed(check, hashes, &known, &mut evaluated);
    }
    Ok(evaluated)
}

/// Whether a layer that is absent need not be there: the operator takes such images, or no repository that names it was ever given it.
async fn never_pushed(
    check: &Check,
    (_, digest): &BlobKey,
    plain: Option<BTreeSet<Repository>>,
) -> Result<bool, RegistryError> {
    let Some(plain) = plain else { return Ok(false) };
    if check.limits.sparse_images {
        return Ok(true);
    }
    if !check.has_database() {
        return Ok(false);
    }
    for repository in plain {
        if check.side.meta.blobs.blob(&repository, digest).await?.is_some() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The rows that a metadata store has of blobs.
async fn rows(meta: &Meta) -> Result<BTreeMap<BlobKey, CarriedBlob>, RegistryError> {
    let (mut rows, mut after) = (BTreeMap::new(), None);
    loop {
        let page = meta.carrier.blobs(after.as_ref(), ROWS).await?;
        let Some(last) = page.last() else { return Ok(rows) };
        after = Some(last.key());
        rows.extend(page.into_iter().map(|row| (row.key(), row)));
    }
}

fn compare_rows(hashes: &Hashes, rows: &BTreeMap<BlobKey, CarriedBlob>, evaluated: &mut Evaluated) {
    for blob in &evaluated.named {
        let Some(Bytes::Whole(stored)) = hashes.of(blob) else { continue };
        match rows.get(blob) {
            // 0 is a length that is not known.
            Some(row) if row.size != 0 && row.size != *stored => evaluated.lengths.push((row.clone(), *stored)),
            Some(_) => {}
            None => evaluated.rowless.push(blob.clone()),
        }
    }
}

fn unnamed(check: &Check, hashes: &Hashes, rows: &BTreeMap<BlobKey, CarriedBlob>, evaluated: &mut Evaluated) {
    // A store that owns itself is collected by what lies there.
    let has_rows = check.has_database();
    let old = check.graces_ago(2);
    for (blob, bytes, written) in hashes.all().filter(|(blob, ..)| !evaluated.named.contains(*blob)) {
        match bytes {
            Bytes::Gone => {}
            Bytes::Damaged(why) => evaluated.unnamed_damaged.push((blob.clone(), why.clone())),
            Bytes::Whole(size) => {
                evaluated.unnamed.add(*size);
                if has_rows && !rows.contains_key(blob) && written < old {
                    evaluated.forgotten.entry(blob.0.clone()).or_default().push((blob.1, *size));
                }
            }
        }
    }
}
