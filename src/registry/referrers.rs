//! Referrers: the manifests that point at a manifest.
//!
//! OCI distribution 1.1, "Listing Referrers": an image index of descriptors, with `artifactType` and annotations copied from
//! each manifest; an empty index, never 404, if nothing refers to the digest or it is not there at all.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::cache::CachedManifest;
use crate::domain::media_type::OCI_INDEX;
use crate::domain::{Action, Actor, Algorithm, Digest, Manifest, Repository, Scope, Tag};
use crate::meta::ManifestRow;

use super::{Registry, RegistryError};

/// The answer to a referrers request.
pub struct Referrers {
    /// The image index.
    pub index: Bytes,
    /// Whether the filter for the type of artifact was applied.
    pub filtered: bool,
}

impl Registry {
    /// What refers to `subject` in the repository, perhaps of one type of artifact only.
    pub async fn referrers(
        &self,
        actor: &Actor,
        repository: &Repository,
        subject: &Digest,
        artifact_type: Option<&str>,
    ) -> Result<Referrers, RegistryError> {
        self.require(actor, Action::Read, Scope::Repository(repository))?;
        let rows = self.0.meta.refs.referrers(repository, subject).await?;
        let wanted = |row: &&ManifestRow| artifact_type.is_none() || row.artifact_type.as_deref() == artifact_type;
        let descriptors = rows.iter().filter(wanted).map(descriptor).collect();
        Ok(Referrers { index: index(descriptors), filtered: artifact_type.is_some() })
    }

    /// The index behind the fallback tag of `subject`: its referrers and the entries of an index that a client pushed there.
    /// `None` if nothing refers to it: then the tag, if it is there, is an ordinary one.
    pub(super) async fn fallback_index(
        &self,
        repository: &Repository,
        subject: &Digest,
        pushed: Option<Digest>,
    ) -> Result<Option<Arc<CachedManifest>>, RegistryError> {
        let rows = self.0.meta.refs.referrers(repository, subject).await?;
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
        let bytes = index(descriptors);
        let digest = Digest::sha256(&bytes);
        let manifest = Arc::new(CachedManifest::new(bytes, digest, OCI_INDEX));
        // A client that resolves the tag asks for this digest next.
        self.0.cache.manifests.insert((repository.clone(), digest), Arc::clone(&manifest));
        Ok(Some(manifest))
    }
}

/// The digest that a fallback tag stands for. Only sha256 fits a tag whole.
pub(super) fn subject_of(tag: &Tag) -> Option<Digest> {
    let hex = tag.as_str().strip_prefix("sha256-")?;
    format!("sha256:{hex}").parse().ok()
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

fn index(manifests: Vec<Value>) -> Bytes {
    let index = json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests });
    Bytes::from(index.to_string())
}
