//! `oci-layout`, `index.json` and the pack's own index (OCI image specification, "Image Layout" and "Image Index").

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::part::{INDEX, LAYOUT};
use super::{Content, Member, PACK_TYPE, PclPackError};
use crate::domain::media_type::OCI_INDEX;
use crate::domain::{Descriptor, Digest, Manifest, ManifestError};

/// OCI image layout, "oci-layout file": `imageLayoutVersion` is 1.0.0.
const LAYOUT_VERSION: &str = "1.0.0";
pub(super) const LAYOUT_BYTES: &[u8] = b"{\"imageLayoutVersion\":\"1.0.0\"}";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Index<'a> {
    schema_version: u32,
    media_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact_type: Option<&'a str>,
    manifests: &'a [Descriptor],
}

impl Index<'_> {
    fn bytes(&self) -> Result<Bytes, PclPackError> {
        serde_json::to_vec(self).map(Bytes::from).map_err(|error| PclPackError::Manifest {
            entry: INDEX.to_owned(),
            why: ManifestError::Malformed(error.to_string()),
        })
    }
}

/// A pack's own index, and the `index.json` that names it.
pub(super) struct Indexes {
    pub own: Bytes,
    pub outer: Bytes,
    /// What names the pack's own index.
    pub descriptor: Descriptor,
}

pub(super) fn write_indexes(members: &[Member]) -> Result<Indexes, PclPackError> {
    let mut manifests = members.iter().map(Member::descriptor).collect::<Result<Vec<_>, _>>()?;
    let index =
        Index { schema_version: 2, media_type: OCI_INDEX, artifact_type: Some(PACK_TYPE), manifests: &manifests };
    let own = index.bytes()?;
    let descriptor = Descriptor {
        media_type: OCI_INDEX.to_owned(),
        digest: Digest::sha256(&own),
        size: own.len() as u64,
        urls: Vec::new(),
        annotations: Default::default(),
        artifact_type: Some(PACK_TYPE.to_owned()),
    };
    manifests.insert(0, descriptor.clone());
    let index = Index { schema_version: 2, media_type: OCI_INDEX, artifact_type: None, manifests: &manifests };
    Ok(Indexes { outer: index.bytes()?, own, descriptor })
}

/// What `index.json` names: the pack's own index, and what it lists behind it.
pub(super) fn read_index(bytes: Bytes) -> Result<(Content, Vec<Descriptor>), PclPackError> {
    let mut manifests = read_manifest(bytes, OCI_INDEX, INDEX)?.manifests.into_iter();
    let pack = manifests.next().ok_or(PclPackError::NotAPack("its index.json names nothing"))?;
    if pack.media_type != OCI_INDEX || pack.artifact_type.as_deref() != Some(PACK_TYPE) {
        return Err(PclPackError::NotAPack("the first that its index.json names is no index of a pack"));
    }
    let content = Content { digest: pack.digest, size: pack.size, manifest: Some(OCI_INDEX) };
    Ok((content, manifests.collect()))
}

/// That the pack's own index lists what `index.json` lists.
pub(super) fn check_own_index(own: &Manifest, listed: &[Descriptor]) -> Result<(), PclPackError> {
    match own.artifact_type.as_deref() {
        Some(PACK_TYPE) if own.manifests == listed => Ok(()),
        _ => Err(PclPackError::IndexDiffers),
    }
}

/// Reads a manifest that is said to be of this type.
pub(super) fn read_manifest(bytes: Bytes, media_type: &str, entry: &str) -> Result<Manifest, PclPackError> {
    let algorithm = crate::domain::Algorithm::Sha256;
    Manifest::parse(bytes, Some(media_type), algorithm)
        .map_err(|why| PclPackError::Manifest { entry: entry.to_owned(), why })
}

pub(super) fn check_layout(bytes: &[u8]) -> Result<(), PclPackError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Layout {
        image_layout_version: String,
    }
    let refuse = |why: String| PclPackError::Document { entry: LAYOUT, why };
    let layout: Layout = serde_json::from_slice(bytes).map_err(|error| refuse(error.to_string()))?;
    match layout.image_layout_version.as_str() {
        LAYOUT_VERSION => Ok(()),
        other => Err(refuse(format!("its version is {other:?}, and {LAYOUT_VERSION:?} is read here"))),
    }
}
