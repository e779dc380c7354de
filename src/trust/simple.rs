//! Simple signing: the payload that container tools verify, and its signature.
//!
//! `spec/signature.md`, "Simple signing"; containers/image, "signature formats", and cosign's `SIGNATURE_SPEC.md`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::json;
use super::key::SigningKey;
use super::public::PublicKey;
use crate::domain::{Descriptor, Digest, Repository};

/// Media type of a layer that is such a payload.
pub const SIMPLE_SIGNING_TYPE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
/// Annotation of that layer: the raw signature over it, as base64.
pub const SIGNATURE_ANNOTATION: &str = "dev.cosignproject.cosign/signature";
/// Largest payload that is read, in bytes: 64 KiB.
pub const PAYLOAD_MAX: usize = 64 << 10;
/// Longest signature that is looked at, in bytes. Ed25519 has 64, ECDSA P-256 up to 72.
const SIGNATURE_MAX: usize = 1024;

const TYPE: &str = "cosign container image signature";

/// A payload as it was signed, with its signature. That it is read says nothing of the signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimpleSignature {
    payload: Bytes,
    signature: Vec<u8>,
    reference: String,
    digest: Digest,
}

/// Why a layer is no simple signature.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SimpleError {
    /// The payload is not JSON, too long, or not of the shape.
    #[error("the payload cannot be read: {0}")]
    Malformed(String),
    /// The layer has no annotation with a signature, or it is not base64.
    #[error("the annotation {SIGNATURE_ANNOTATION} is absent, too long or not base64")]
    NoSignature,
    /// The payload has another type.
    #[error("the payload is a {0:?}, not a {TYPE:?}")]
    OtherType(String),
}

// Members stand in the order of their names, as they are written.
#[derive(Serialize, Deserialize)]
struct Document {
    critical: Critical,
    /// Readers of containers/image refuse a payload without it, and take null.
    optional: Option<Value>,
}

#[derive(Serialize, Deserialize)]
struct Critical {
    identity: Identity,
    image: Image,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Identity {
    docker_reference: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Image {
    docker_manifest_digest: Digest,
}

impl SimpleSignature {
    /// Signs that a manifest belongs into a repository of a registry. `host` is the registry's host and port, as clients that verify
    /// write it.
    pub fn sign(host: &str, repository: &Repository, digest: Digest, key: &SigningKey) -> Self {
        let reference = format!("{host}/{repository}");
        let document = Document {
            critical: Critical {
                identity: Identity { docker_reference: reference.clone() },
                image: Image { docker_manifest_digest: digest },
                kind: TYPE.to_owned(),
            },
            optional: None,
        };
        // Strings: nothing is left to fail.
        let payload: Bytes = serde_json::to_vec(&document).unwrap_or_default().into();
        let signature = key.sign(&payload).to_vec();
        Self { payload, signature, reference, digest }
    }

    /// Reads a layer: its descriptor has the signature, its content is the payload, of at most [`PAYLOAD_MAX`] bytes.
    pub fn read(layer: &Descriptor, payload: Bytes) -> Result<Self, SimpleError> {
        let encoded = layer.annotations.get(SIGNATURE_ANNOTATION).ok_or(SimpleError::NoSignature)?;
        if encoded.len() > SIGNATURE_MAX {
            return Err(SimpleError::NoSignature);
        }
        let signature = STANDARD.decode(encoded).map_err(|_| SimpleError::NoSignature)?;
        let document: Document = json::read(&payload, PAYLOAD_MAX).map_err(SimpleError::Malformed)?;
        let Critical { identity, image, kind } = document.critical;
        // "cosign container image signature" or, by older tools, "atomic container signature": the latter is over PGP.
        if kind != TYPE {
            return Err(SimpleError::OtherType(json::shortened(&kind)));
        }
        Ok(Self { payload, signature, reference: identity.docker_reference, digest: image.docker_manifest_digest })
    }

    /// The exact bytes that were signed: the content of the layer.
    pub fn payload(&self) -> &Bytes {
        &self.payload
    }

    /// The signature as the layer's annotation has it.
    pub fn annotation(&self) -> String {
        STANDARD.encode(&self.signature)
    }

    /// The digest that it is for.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The reference that it is for, with the registry's host.
    pub fn reference(&self) -> &str {
        &self.reference
    }

    /// Whether it is for this repository, whatever the host and the tag: mirrors have other hosts.
    ///
    /// containers-policy.json, `matchRepository`: the repositories are the same, tags and digests do not matter.
    pub fn is_for(&self, repository: &Repository) -> bool {
        repository_of(&self.reference) == repository.as_str()
    }

    /// Whether the signature is this key's.
    pub fn is_signed_by(&self, key: &PublicKey) -> bool {
        key.verifies(&self.payload, &self.signature)
    }
}

/// The repository of a docker reference, without host, tag and digest.
///
/// distribution/reference, "Grammar": the first component is a host if it has a dot or a colon or is `localhost`; a tag follows
/// the colon in the last component.
fn repository_of(reference: &str) -> &str {
    let reference = reference.split('@').next().unwrap_or_default();
    let path = match reference.split_once('/') {
        Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => path,
        _ => reference,
    };
    match path.rsplit_once(':') {
        Some((path, tag)) if !tag.contains('/') => path,
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::attach::{signature_image, simple_layers};
    use crate::trust::testing::{artifact, hello, key};

    fn good() -> (Descriptor, SimpleSignature) {
        let signature = SimpleSignature::sign("localhost:5000", &hello(), artifact(), &key(1));
        let image = signature_image(None, std::slice::from_ref(&signature)).unwrap();
        (simple_layers(&image.parsed().unwrap()).next().unwrap().clone(), signature)
    }

    #[test]
    fn the_payload_is_what_container_tools_take() {
        let (layer, signature) = good();
        let expected = format!(
            r#"{{"critical":{{"identity":{{"docker-reference":"localhost:5000/acme/hello"}},"image":{{"docker-manifest-digest":"{}"}},"type":"cosign container image signature"}},"optional":null}}"#,
            artifact()
        );
        assert_eq!(signature.payload(), expected.as_bytes());
        assert!(signature.is_signed_by(&key(1).public()) && !signature.is_signed_by(&key(2).public()));
        assert!(signature.is_for(&hello()) && !signature.is_for(&"acme/other".parse().unwrap()));
        assert_eq!(SimpleSignature::read(&layer, signature.payload().clone()), Ok(signature));
    }

    #[test]
    fn refuses_what_is_none() {
        let (layer, signature) = good();
        let text = String::from_utf8(signature.payload().to_vec()).unwrap();
        let check = |from: &str, to: &str, expected: &str| {
            let changed = text.replacen(from, to, 1);
            let error = SimpleSignature::read(&layer, changed.into()).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        check("cosign container", "atomic container", "atomic");
        check("sha256:", "sha1:", "is not a digest");
        check(r#""critical""#, r#""other""#, "critical");
        check("{", "[", "not a JSON object");
        check("acme", &"a".repeat(PAYLOAD_MAX), "65536");
        let annotated = |value: Option<String>| {
            let annotations = value.map(|value| (SIGNATURE_ANNOTATION.to_owned(), value)).into_iter().collect();
            SimpleSignature::read(&Descriptor { annotations, ..layer.clone() }, signature.payload().clone())
        };
        for wrong in [None, Some("*".to_owned()), Some("A".repeat(1028))] {
            assert_eq!(annotated(wrong), Err(SimpleError::NoSignature));
        }
        // A bit that flipped leaves a signature that fits nothing.
        let flipped = annotated(Some(STANDARD.encode([0; 64]))).unwrap();
        assert!(!flipped.is_signed_by(&key(1).public()));
    }

    #[test]
    fn a_reference_is_matched_by_its_repository() {
        for (reference, repository) in [
            ("localhost:5000/acme/hello", "acme/hello"),
            ("localhost/acme/hello", "acme/hello"),
            ("registry.example/acme/hello:1.0.0", "acme/hello"),
            ("[::1]:5000/acme/hello", "acme/hello"),
            ("registry.example/acme/hello@sha256:00", "acme/hello"),
            ("acme/hello", "acme/hello"),
            ("registry.example/mirror/acme/hello", "mirror/acme/hello"),
            ("", ""),
        ] {
            assert_eq!(repository_of(reference), repository, "{reference}");
        }
    }
}
