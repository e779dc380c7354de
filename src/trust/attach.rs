//! How signatures hang on an artifact: the manifests that carry them, as bytes to push.
//!
//! `spec/signature.md`, "Attachment". A bundle is a referrer; simple signatures share one image under a tag that is made of the
//! digest of what they sign.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::json;

use super::bundle::BUNDLE_TYPE;
use super::simple::{SIGNATURE_ANNOTATION, SIMPLE_SIGNING_TYPE, SimpleSignature};
use super::statement::PREDICATE_TYPE;
use crate::domain::media_type::{OCI_EMPTY, OCI_MANIFEST};
use crate::domain::{Algorithm, Descriptor, Digest, Manifest, ManifestError, Tag, Timestamp};
use crate::pack::Blob;

/// Annotation of a referrer: what the bundle holds.
pub const BUNDLE_CONTENT_ANNOTATION: &str = "dev.sigstore.bundle.content";
/// Annotation of a referrer: what the statement in the bundle states.
pub const BUNDLE_PREDICATE_ANNOTATION: &str = "dev.sigstore.bundle.predicateType";
/// Most layers of an image with simple signatures. Others' tools read no more either.
pub const LAYERS_MAX: usize = 1000;

const IMAGE_CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// Why a signature cannot be added.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    /// What is under the tag is no image of signatures.
    #[error("what is tagged there is a {0:?}, no image of signatures\nhint: delete that tag, and sign again")]
    NotAnImage(String),
    /// There are too many already.
    #[error("there are {0} signatures, {LAYERS_MAX} at most\nhint: delete the tag, and sign again")]
    TooMany(usize),
}

/// An image with simple signatures, ready to push: payloads and config first, the manifest last, under [`signature_tag`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureImage {
    /// The payloads of the signatures that were added.
    pub payloads: Vec<Blob>,
    /// The config.
    pub config: Blob,
    /// The manifest.
    pub manifest: Blob,
}

impl SignatureImage {
    /// The manifest as one reads it.
    pub fn parsed(&self) -> Result<Manifest, ManifestError> {
        Manifest::parse(self.manifest.content.clone(), Some(OCI_MANIFEST), Algorithm::Sha256)
    }
}

/// The manifest that attaches a bundle to `subject`. Its config is `{}`, of media type [`OCI_EMPTY`], its layer the bundle.
pub fn referrer(subject: &Descriptor, bundle: &[u8], created: Timestamp) -> Blob {
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": BUNDLE_TYPE,
        "config": {"mediaType": OCI_EMPTY, "digest": Digest::sha256(b"{}"), "size": 2},
        "layers": [{"mediaType": BUNDLE_TYPE, "digest": Digest::sha256(bundle), "size": bundle.len()}],
        "subject": {"mediaType": subject.media_type, "digest": subject.digest, "size": subject.size},
        "annotations": {
            BUNDLE_CONTENT_ANNOTATION: "dsse-envelope",
            BUNDLE_PREDICATE_ANNOTATION: PREDICATE_TYPE,
            "org.opencontainers.image.created": created,
        },
    });
    blob(OCI_MANIFEST, Bytes::from(manifest.to_string()))
}

/// The layer with the bundle, if this is a referrer that holds one.
pub fn bundle_layer(referrer: &Manifest) -> Option<&Descriptor> {
    let [layer] = referrer.layers.as_slice() else { return None };
    let is_bundle = |media_type: &str| media_type == BUNDLE_TYPE;
    (referrer.artifact_type.as_deref().is_some_and(is_bundle) && is_bundle(&layer.media_type)).then_some(layer)
}

/// The tag under which the simple signatures of a manifest lie, in its repository; none for a sha512 digest, which would be longer
/// than a tag may be.
pub fn signature_tag(subject: &Digest) -> Option<Tag> {
    format!("{}-{}.sig", subject.algorithm().as_str(), subject.hex()).parse().ok()
}

/// The layers of an image that are simple signatures; [`SimpleSignature::read`] reads each.
pub fn simple_layers(image: &Manifest) -> impl Iterator<Item = &Descriptor> {
    image.layers.iter().filter(|layer| layer.media_type == SIMPLE_SIGNING_TYPE).take(LAYERS_MAX)
}

/// The image that holds `added` and all that `existing`, the image that is there, holds already. One that is there is not added
/// a second time.
pub fn signature_image(existing: Option<&Manifest>, added: &[SimpleSignature]) -> Result<SignatureImage, AttachError> {
    let mut layers = match existing {
        Some(image) if image.media_type != OCI_MANIFEST => {
            return Err(AttachError::NotAnImage(image.media_type.clone()));
        }
        Some(image) => image.layers.clone(),
        None => Vec::new(),
    };
    let mut payloads = Vec::new();
    for signature in added {
        let payload = blob(SIMPLE_SIGNING_TYPE, signature.payload().clone());
        let layer = Descriptor {
            media_type: payload.media_type.clone(),
            digest: payload.digest,
            size: payload.content.len() as u64,
            urls: Vec::new(),
            annotations: BTreeMap::from([(SIGNATURE_ANNOTATION.to_owned(), signature.annotation())]),
            artifact_type: None,
        };
        if !layers.contains(&layer) {
            layers.push(layer);
            payloads.push(payload);
        }
    }
    if layers.len() > LAYERS_MAX {
        return Err(AttachError::TooMany(layers.len()));
    }
    // Tools that add a signature read the config and extend its list of layers, which are not compressed.
    let digests: Vec<Digest> = layers.iter().map(|layer| layer.digest).collect();
    let config = json!({"architecture": "", "config": {}, "os": "", "rootfs": {"diff_ids": digests, "type": "layers"}});
    let config = blob(IMAGE_CONFIG, Bytes::from(config.to_string()));
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": config.media_type, "digest": config.digest, "size": config.content.len()},
        "layers": layers,
    });
    Ok(SignatureImage { payloads, config, manifest: blob(OCI_MANIFEST, Bytes::from(manifest.to_string())) })
}

fn blob(media_type: &str, content: Bytes) -> Blob {
    Blob { media_type: media_type.to_owned(), digest: Digest::sha256(&content), content }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::testing::{artifact, day, hello, key};

    fn signature(number: u8) -> SimpleSignature {
        SimpleSignature::sign("localhost:5000", &hello(), artifact(), &key(number))
    }

    #[test]
    fn a_bundle_is_a_referrer() {
        let subject = Descriptor {
            media_type: OCI_MANIFEST.to_owned(),
            digest: artifact(),
            size: 11,
            urls: Vec::new(),
            annotations: BTreeMap::new(),
            artifact_type: Some("application/vnd.pcl.persona.v1".to_owned()),
        };
        let blob = referrer(&subject, b"a bundle", day(1));
        let manifest = Manifest::parse(blob.content, Some(OCI_MANIFEST), Algorithm::Sha256).unwrap();
        assert_eq!(manifest.artifact_type.as_deref(), Some(BUNDLE_TYPE));
        assert_eq!(manifest.subject.clone().unwrap(), Descriptor { artifact_type: None, ..subject });
        assert_eq!(manifest.config.as_ref().unwrap().digest, Digest::sha256(b"{}"));
        assert_eq!(manifest.annotations[BUNDLE_CONTENT_ANNOTATION], "dsse-envelope");
        assert_eq!(manifest.annotations[BUNDLE_PREDICATE_ANNOTATION], PREDICATE_TYPE);
        assert_eq!(manifest.annotations["org.opencontainers.image.created"], "2026-01-01T12:00:00.000000Z");
        assert_eq!(bundle_layer(&manifest).unwrap().digest, Digest::sha256(b"a bundle"));
        let image = signature_image(None, &[signature(1)]).unwrap();
        assert_eq!(bundle_layer(&image.parsed().unwrap()), None);
    }

    #[test]
    fn signatures_are_added_to_those_that_are_there() {
        let first = signature_image(None, &[signature(1)]).unwrap();
        let there = first.parsed().unwrap();
        let second = signature_image(Some(&there), &[signature(1), signature(2)]).unwrap();
        let layers: Vec<_> = second.parsed().unwrap().layers;
        assert_eq!(layers.len(), 2);
        assert_eq!(layers[..1], there.layers);
        assert_eq!(second.payloads.len(), 1);
        // Both sign the same payload; its digest stands twice.
        let config: serde_json::Value = serde_json::from_slice(&second.config.content).unwrap();
        assert_eq!(config["rootfs"]["diff_ids"].as_array().unwrap().len(), 2);
        assert_eq!(second.parsed().unwrap().config.unwrap().digest, second.config.digest);
        // Nothing new: the same bytes.
        assert_eq!(
            signature_image(Some(&second.parsed().unwrap()), &[signature(2)]).unwrap().manifest,
            second.manifest
        );
    }

    #[test]
    fn there_is_a_limit_and_an_index_is_no_image() {
        let mut there = signature_image(None, &[signature(1)]).unwrap().parsed().unwrap();
        there.layers = vec![Descriptor { size: 1, ..there.layers[0].clone() }; LAYERS_MAX];
        let error = signature_image(Some(&there), &[signature(1)]).unwrap_err().to_string();
        assert!(error.contains("1001 signatures, 1000 at most"), "{error}");
        assert!(signature_image(Some(&there), &[]).is_ok());
        there.media_type = "application/vnd.oci.image.index.v1+json".to_owned();
        assert!(matches!(signature_image(Some(&there), &[]), Err(AttachError::NotAnImage(_))));
    }

    #[test]
    fn tags_are_made_of_the_digest() {
        let digest = artifact();
        assert_eq!(signature_tag(&digest).unwrap().as_str(), format!("sha256-{}.sig", digest.hex()));
        assert_eq!(signature_tag(&Digest::of(Algorithm::Sha512, b"")), None);
        assert_eq!(Tag::referrers(&digest).as_str(), format!("sha256-{}", digest.hex()));
    }
}
