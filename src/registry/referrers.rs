//! Referrers: the manifests that point at a manifest.
//!
//! OCI distribution 1.1, "Listing Referrers": an image index of descriptors, with `artifactType` and annotations copied from
//! each manifest; an empty index, never 404, if nothing refers to the digest or it is not there at all.

use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use crate::cache::CachedManifest;
use crate::domain::media_type::OCI_INDEX;
use crate::domain::{Actor, Algorithm, Digest, Manifest, Repository, Tag};
use crate::meta::ManifestRow;

use super::{Registry, RegistryError};

/// Largest index that is composed, in bytes: what clients take as a manifest.
const INDEX_MAX: usize = 4 << 20;
/// Room for what surrounds the descriptors.
const FRAME: usize = 256;

/// The answer to a referrers request.
pub struct Referrers {
    /// The image index.
    pub index: Bytes,
    /// Whether the filter for the type of artifact was applied.
    pub filtered: bool,
    /// If there are more: the last of this page.
    pub next: Option<Digest>,
}

impl Registry {
    /// What refers to `subject` in the repository, perhaps of one type of artifact only: those after `last` in the order of
    /// their digests, as many as fit 4 MiB, and one at least.
    pub async fn referrers(
        &self,
        actor: &Actor,
        repository: &Repository,
        subject: &Digest,
        artifact_type: Option<&str>,
        last: Option<&Digest>,
    ) -> Result<Referrers, RegistryError> {
        let mut rows = Vec::new();
        if self.sees(actor, repository).await? {
            rows = self.0.meta.refs.referrers(repository, subject).await?;
        }
        // A place in this order stays one when the referrer that was there is deleted.
        rows.sort_unstable_by_key(|row| row.digest);
        rows.retain(|row| last.is_none_or(|last| row.digest > *last));
        let wanted = |row: &&ManifestRow| artifact_type.is_none() || row.artifact_type.as_deref() == artifact_type;
        let wanted: Vec<&ManifestRow> = rows.iter().filter(wanted).collect();
        let (descriptors, _) = fill(wanted.iter().map(|row| descriptor(row)), INDEX_MAX);
        let next = match descriptors.len() {
            0 => None,
            shown if shown == wanted.len() => None,
            shown => Some(wanted[shown - 1].digest),
        };
        Ok(Referrers { index: index(descriptors), filtered: artifact_type.is_some(), next })
    }

    /// The index behind a fallback tag: the subject's referrers and the entries of an index that a client pushed there.
    /// `None` if nothing refers to it: then the tag, if it is there, is an ordinary one.
    pub(super) async fn fallback_index(
        &self,
        repository: &Repository,
        tag: &Tag,
        pushed: Option<Digest>,
    ) -> Result<Option<Arc<CachedManifest>>, RegistryError> {
        let Some(subject) = self.subject_of(repository, tag).await? else { return Ok(None) };
        let rows = self.0.meta.refs.referrers(repository, &subject).await?;
        if rows.is_empty() {
            return Ok(None);
        }
        let mut descriptors: Vec<Value> = rows.iter().map(descriptor).collect();
        if let Some(pushed) = pushed
            && let Some(manifest) = self.manifest_by_digest(repository, &pushed).await?
            && let Ok(parsed) = Manifest::parse(manifest.bytes.clone(), None, Algorithm::Sha256)
        {
            let known = |digest: &Digest| rows.iter().any(|row| row.digest == *digest);
            let others = parsed.manifests.iter().filter(|descriptor| !known(&descriptor.digest));
            descriptors.extend(others.filter_map(|descriptor| serde_json::to_value(descriptor).ok()));
        }
        let (mut fitting, mut all) = fill(descriptors.iter().cloned(), INDEX_MAX);
        if !all {
            // A tag has no pages. Annotations are told by the referrers too; what then is still too much is left to the
            // referrers endpoint, which has pages.
            let bare = descriptors.into_iter().map(|mut descriptor| {
                descriptor.as_object_mut().and_then(|object| object.remove("annotations"));
                descriptor
            });
            (fitting, all) = fill(bare, INDEX_MAX);
        }
        if !all {
            tracing::debug!(%repository, %subject, "the index of a fallback tag leaves out referrers");
        }
        let bytes = index(fitting);
        let digest = Digest::sha256(&bytes);
        let manifest = Arc::new(CachedManifest::new(bytes, digest, OCI_INDEX));
        // A client that resolves the tag asks for this digest next.
        self.0.cache.fallbacks.insert((repository.clone(), digest), tag.clone());
        Ok(Some(manifest))
    }

    /// The index that was composed under this digest, if it would be composed the same now.
    pub(super) async fn composed_index(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Option<Arc<CachedManifest>>, RegistryError> {
        let Some(tag) = self.0.cache.fallbacks.get(&(repository.clone(), *digest)) else { return Ok(None) };
        let pushed = self.tag(repository, &tag).await?;
        let index = self.fallback_index(repository, &tag, pushed).await?;
        Ok(index.filter(|index| index.digest == *digest))
    }

    /// The digest that a fallback tag stands for. A sha512 is cut in half there: it is found if the repository has the subject.
    async fn subject_of(&self, repository: &Repository, tag: &Tag) -> Result<Option<Digest>, RegistryError> {
        let half = match tag.subject() {
            None => return Ok(None),
            Some((Algorithm::Sha256, hash)) => return Ok(format!("sha256:{hash}").parse().ok()),
            Some((Algorithm::Sha512, half)) => half,
        };
        let Ok(before) = format!("sha512:{half}{}", "0".repeat(64)).parse::<Digest>() else { return Ok(None) };
        let next = self.0.meta.refs.manifests(repository, Some(&before), 1).await?;
        let found = next.first().map(|(row, _)| row.digest);
        Ok(found.filter(|digest| Tag::referrers(digest) == *tag))
    }
}

fn descriptor(row: &ManifestRow) -> Value {
    let mut descriptor = json!({
        "mediaType": row.media_type,
        "digest": row.digest,
        "size": row.size,
    });
    if let (Some(artifact_type), Some(object)) = (&row.artifact_type, descriptor.as_object_mut()) {
        object.insert("artifactType".to_owned(), json!(artifact_type));
    }
    if let (false, Some(object)) = (row.annotations.is_empty(), descriptor.as_object_mut()) {
        object.insert("annotations".to_owned(), json!(row.annotations));
    }
    descriptor
}

/// As many descriptors as fit into an index of `max` bytes, one at least, and whether that is all.
fn fill(descriptors: impl Iterator<Item = Value>, max: usize) -> (Vec<Box<RawValue>>, bool) {
    let mut fitting = Vec::new();
    let mut size = FRAME;
    for descriptor in descriptors {
        let Ok(descriptor) = to_raw_value(&descriptor) else { continue };
        size += descriptor.get().len() + 1;
        if size > max && !fitting.is_empty() {
            return (fitting, false);
        }
        fitting.push(descriptor);
    }
    (fitting, true)
}

fn index(manifests: Vec<Box<RawValue>>) -> Bytes {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Index {
        schema_version: u8,
        media_type: &'static str,
        manifests: Vec<Box<RawValue>>,
    }
    let index = Index { schema_version: 2, media_type: OCI_INDEX, manifests };
    Bytes::from(serde_json::to_string(&index).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_holds_what_fits_and_one_at_least() {
        let entry = |size: usize| json!({ "annotations": { "a": "x".repeat(size) } });
        let fits = |sizes: &[usize]| {
            let (fitting, all) = fill(sizes.iter().map(|size| entry(*size)), 10_000);
            assert!(fitting.len() < 2 || index(fitting.clone()).len() <= 10_000);
            (fitting.len(), all)
        };
        assert_eq!(fits(&[]), (0, true));
        assert_eq!(fits(&[4_000, 4_000]), (2, true));
        assert_eq!(fits(&[4_000, 4_000, 4_000]), (2, false));
        assert_eq!(fits(&[20_000]), (1, true));
        assert_eq!(fits(&[20_000, 1]), (1, false));
    }
}
