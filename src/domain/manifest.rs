//! Manifests: the bytes exactly as received, and a view of the few fields that a registry acts on.
//!
//! Unknown fields live on in the bytes; nothing is ever written back from the view.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::media_type::{DOCKER_LIST, DOCKER_MANIFEST, OCI_ARTIFACT, OCI_INDEX, OCI_MANIFEST};
use super::{Algorithm, Digest, Kind, media_type};

/// Largest manifest that is accepted, in bytes: 4 MiB, the least that the specification asks registries to take.
pub const MANIFEST_MAX: usize = 4 << 20;

/// Largest manifest that is read back, in bytes: what an operator's own limit may be raised to.
pub const MANIFEST_READ_MAX: usize = 64 << 20;

/// A reference to content by digest, with its size in bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// Type of the content.
    #[serde(default)]
    pub media_type: String,
    /// Digest of the content.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
    /// Where else it lies. Content of such a layer need never be pushed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<String>,
    /// Free text by key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Type of the artifact that the content is the manifest of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
}

impl Descriptor {
    /// Whether the registry needs to hold the content. Foreign layers come from their `urls`.
    pub fn is_distributable(&self) -> bool {
        self.urls.is_empty()
            && !self.media_type.contains(".nondistributable.")
            && self.media_type != "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
    }
}

/// Why bytes are no manifest that can be stored.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Not JSON, or not of the shape that its media type has.
    #[error("the manifest is not valid: {0}")]
    Malformed(String),
    /// The body names another media type than the request.
    #[error("the manifest says it is {body:?}, the Content-Type says {header:?}")]
    MediaTypeDiffers {
        /// `mediaType` in the body.
        body: String,
        /// `Content-Type` of the request.
        header: String,
    },
    /// No manifest type that is known here.
    #[error("{0:?} is not a manifest media type known here: expected an OCI image manifest or index, or Docker's")]
    UnknownMediaType(String),
}

/// A manifest as received.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// The exact bytes.
    pub bytes: Bytes,
    /// Their digest.
    pub digest: Digest,
    /// The type it was pushed with.
    pub media_type: String,
    /// Type of artifact: `artifactType`, else the media type of the config.
    pub artifact_type: Option<String>,
    /// Free text by key.
    pub annotations: BTreeMap<String, String>,
    /// The manifest that this one refers to.
    pub subject: Option<Descriptor>,
    /// Config of an image manifest.
    pub config: Option<Descriptor>,
    /// Layers of an image manifest, or blobs of the old artifact manifest.
    pub layers: Vec<Descriptor>,
    /// Children of an index. They may be absent: a sparse index is valid.
    pub manifests: Vec<Descriptor>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    schema_version: Option<u64>,
    media_type: Option<String>,
    artifact_type: Option<String>,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
    subject: Option<Descriptor>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    blobs: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
}

impl Manifest {
    /// Reads a manifest. `content_type` is the header it came with, if any; `algorithm` is what to digest it with.
    pub fn parse(bytes: Bytes, content_type: Option<&str>, algorithm: Algorithm) -> Result<Self, ManifestError> {
        let malformed = |why: &str| ManifestError::Malformed(why.to_owned());
        // A derived reader would take an array for a struct.
        if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
            return Err(malformed("it is not a JSON object"));
        }
        let fields: Fields =
            serde_json::from_slice(&bytes).map_err(|error| ManifestError::Malformed(error.to_string()))?;
        let header = content_type.map(|header| header.split(';').next().unwrap_or_default().trim().to_owned());
        // OCI distribution 1.1, "Pushing Manifests": the Content-Type should match the mediaType field, where it is set.
        let media_type = match (header.filter(|header| !header.is_empty()), fields.media_type) {
            (Some(header), Some(body)) if header != body => {
                return Err(ManifestError::MediaTypeDiffers { body, header });
            }
            (Some(header), _) => header,
            (None, Some(body)) => body,
            (None, None) if fields.manifests.is_some() => OCI_INDEX.to_owned(),
            (None, None) => OCI_MANIFEST.to_owned(),
        };
        let (mut config, mut layers, mut manifests) = (None, Vec::new(), Vec::new());
        match media_type.as_str() {
            OCI_MANIFEST | DOCKER_MANIFEST => {
                config = Some(fields.config.ok_or_else(|| malformed("an image manifest needs a config"))?);
                layers = fields.layers.ok_or_else(|| malformed("an image manifest needs layers"))?;
                if fields.manifests.is_some() {
                    return Err(malformed("an image manifest has no manifests: is this an index?"));
                }
            }
            OCI_INDEX | DOCKER_LIST => {
                manifests = fields.manifests.ok_or_else(|| malformed("an index needs manifests"))?;
                if fields.config.is_some() || fields.layers.is_some() {
                    return Err(malformed("an index has no config and no layers: is this an image manifest?"));
                }
            }
            OCI_ARTIFACT => layers = fields.blobs.unwrap_or_default(),
            _ => return Err(ManifestError::UnknownMediaType(media_type)),
        }
        if media_type != OCI_ARTIFACT && fields.schema_version != Some(2) {
            return Err(malformed("schemaVersion must be 2"));
        }
        let artifact_type = fields
            .artifact_type
            .filter(|artifact_type| !artifact_type.is_empty())
            .or_else(|| config.as_ref().map(|config: &Descriptor| config.media_type.clone()));
        Ok(Self {
            digest: Digest::of(algorithm, &bytes),
            bytes,
            media_type,
            artifact_type,
            annotations: fields.annotations.unwrap_or_default(),
            subject: fields.subject,
            config,
            layers,
            manifests,
        })
    }

    /// The blobs that must be in the repository before this manifest is accepted: config and distributable layers.
    pub fn required_blobs(&self) -> impl Iterator<Item = &Descriptor> {
        self.config.iter().chain(&self.layers).filter(|descriptor| descriptor.is_distributable())
    }

    /// The kind of artifact it holds, if its type is one that is indexed.
    pub fn kind(&self) -> Option<Kind> {
        if self.media_type != OCI_MANIFEST {
            return None;
        }
        let config = self.config.as_ref().map(|config| config.media_type.as_str());
        self.artifact_type.as_deref().and_then(media_type::known_kind).or_else(|| media_type::known_kind(config?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, content_type: Option<&str>, expected: Result<&str, &str>) {
        let found = Manifest::parse(Bytes::copy_from_slice(body.as_bytes()), content_type, Algorithm::Sha256);
        match (found, expected) {
            (Ok(manifest), Ok(media_type)) => assert_eq!(manifest.media_type, media_type, "{body}"),
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
            (found, expected) => panic!("{body}: expected {expected:?}, found {found:?}"),
        }
    }

    fn image(extra: &str) -> String {
        let digest = Digest::sha256(b"{}");
        format!(
            r#"{{"schemaVersion":2,{extra}"config":{{"mediaType":"{}","digest":"{digest}","size":2}},"layers":[]}}"#,
            media_type::OCI_EMPTY
        )
    }

    #[test]
    fn the_type_comes_from_header_or_body() {
        check(&image(""), None, Ok(OCI_MANIFEST));
        check(&image(""), Some(DOCKER_MANIFEST), Ok(DOCKER_MANIFEST));
        check(&image(""), Some("application/vnd.oci.image.manifest.v1+json; charset=utf-8"), Ok(OCI_MANIFEST));
        check(r#"{"schemaVersion":2,"manifests":[]}"#, None, Ok(OCI_INDEX));
    }

    #[test]
    fn refuses_what_cannot_be_stored() {
        check("not json", None, Err("not a JSON object"));
        check("{", None, Err("EOF"));
        check("[]", None, Err("not a JSON object"));
        check(&"[".repeat(100_000), None, Err("not a JSON object"));
        check(&r#"{"config":"#.repeat(100_000), None, Err("not valid"));
        check(&image(""), Some("text/plain"), Err("text/plain"));
        check(
            &image(r#""mediaType":"application/vnd.oci.image.index.v1+json","#),
            Some(OCI_MANIFEST),
            Err("Content-Type"),
        );
        check(&image(""), Some(OCI_INDEX), Err("needs manifests"));
        check(r#"{"schemaVersion":1,"manifests":[]}"#, Some(OCI_INDEX), Err("schemaVersion"));
        check(r#"{"schemaVersion":2,"config":{"digest":"sha256:x","size":1},"layers":[]}"#, None, Err("sha256:x"));
        check(r#"{"schemaVersion":2,"config":{"digest":"sha256:x","size":-1},"layers":[]}"#, None, Err("not valid"));
    }
}
