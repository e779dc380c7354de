//! The Sigstore bundle: one file with an envelope and which key to verify it with.
//!
//! `spec/signature.md`, "Bundle"; Sigstore bundle format, version 0.3, in its JSON form. Only the form with a key's hint is read:
//! certificates are recognised, to say that they are not supported.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::envelope::{Envelope, EnvelopeDocument, EnvelopeError};
use super::json;
use super::key::SigningKey;
use super::statement::Statement;

/// Media type of a bundle, and `artifactType` of the referrer that holds one.
pub const BUNDLE_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
/// Another spelling of the same version.
const BUNDLE_TYPE_OLD: &str = "application/vnd.dev.sigstore.bundle+json;version=0.3";
/// Payload type of an envelope with a statement.
const STATEMENT_PAYLOAD: &str = "application/vnd.in-toto+json";
/// Largest bundle that is read, in bytes: 1 MiB.
pub const BUNDLE_MAX: usize = 1 << 20;

/// A signed statement. That it is read says nothing of its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// Whose signature it is, as the signer says: for a key of ours its id.
    pub hint: String,
    envelope: Envelope,
}

/// Why bytes are no bundle that can be verified here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// Not JSON, too long, or not of the shape.
    #[error("the bundle cannot be read: {0}")]
    Malformed(String),
    /// Another version of the format.
    #[error("the bundle is a {0:?}, this program knows {BUNDLE_TYPE}")]
    OtherVersion(String),
    /// It was signed with a certificate, without a key of its own.
    #[error(
        "the bundle was signed with a certificate, which is not supported\nhint: sign with a key, and list that key in the policy"
    )]
    Certificate,
    /// It signs bytes, no statement.
    #[error(
        "the bundle holds a message signature, which says nothing of an artifact's name\nhint: sign the artifact with: pclr sign"
    )]
    MessageSignature,
    /// Its envelope is none.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// The envelope holds no statement.
    #[error("the envelope holds a {0:?}, no in-toto statement")]
    OtherPayload(String),
    /// None or several signatures.
    #[error("the envelope has {0} signatures; a bundle has one, and further signers have bundles of their own")]
    Signatures(usize),
    /// The signature names another key than the bundle.
    #[error("the bundle names the key {hint:?}, its signature {key:?}")]
    KeyDiffers {
        /// The bundle's hint.
        hint: String,
        /// `keyid` of the signature.
        key: String,
    },
}

// Members stand in the order of their names, as they are written.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dsse_envelope: Option<EnvelopeDocument>,
    media_type: String,
    #[serde(default, skip_serializing)]
    message_signature: Option<Value>,
    verification_material: Material,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Material {
    #[serde(default, skip_serializing)]
    certificate: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    public_key: Option<Hint>,
    #[serde(default, skip_serializing)]
    x509_certificate_chain: Option<Value>,
}

#[derive(Serialize, Deserialize)]
struct Hint {
    #[serde(default)]
    hint: String,
}

impl Bundle {
    /// Signs a statement.
    pub fn sign(statement: &Statement, key: &SigningKey) -> Self {
        let mut envelope = Envelope::unsigned(STATEMENT_PAYLOAD, statement.to_bytes());
        envelope.sign(key);
        Self { hint: key.public().id().to_string(), envelope }
    }

    /// Reads a bundle of at most [`BUNDLE_MAX`] bytes. Members that are not known are ignored.
    pub fn parse(bytes: &[u8]) -> Result<Self, BundleError> {
        let document: Document = json::read(bytes, BUNDLE_MAX).map_err(BundleError::Malformed)?;
        if document.media_type != BUNDLE_TYPE && document.media_type != BUNDLE_TYPE_OLD {
            return Err(BundleError::OtherVersion(json::shortened(&document.media_type)));
        }
        let material = document.verification_material;
        if material.certificate.is_some() || material.x509_certificate_chain.is_some() {
            return Err(BundleError::Certificate);
        }
        // Stock verifiers refuse one that is made with an Ed25519 key: theirs are prehashed.
        if document.message_signature.is_some() {
            return Err(BundleError::MessageSignature);
        }
        let absent = |what: &str| BundleError::Malformed(format!("it has no {what}"));
        let Hint { hint } = material.public_key.ok_or_else(|| absent("publicKey"))?;
        let envelope: Envelope = document.dsse_envelope.ok_or_else(|| absent("dsseEnvelope"))?.try_into()?;
        if envelope.payload_type != STATEMENT_PAYLOAD {
            return Err(BundleError::OtherPayload(json::shortened(&envelope.payload_type)));
        }
        // Of several, a verifier that looks at one would not see the others.
        let [signature] = envelope.signatures.as_slice() else {
            return Err(BundleError::Signatures(envelope.signatures.len()));
        };
        if !signature.key.is_empty() && signature.key != hint {
            let (hint, key) = (json::shortened(&hint), json::shortened(&signature.key));
            return Err(BundleError::KeyDiffers { hint, key });
        }
        Ok(Self { hint, envelope })
    }

    /// Its bytes: JSON with sorted keys and no white space.
    pub fn to_bytes(&self) -> Bytes {
        let document = Document {
            dsse_envelope: Some(self.envelope.document()),
            media_type: BUNDLE_TYPE.to_owned(),
            message_signature: None,
            verification_material: Material {
                certificate: None,
                public_key: Some(Hint { hint: self.hint.clone() }),
                x509_certificate_chain: None,
            },
        };
        // Strings and lists of them: nothing is left to fail.
        serde_json::to_vec(&document).unwrap_or_default().into()
    }

    /// The envelope, which has one signature.
    pub fn envelope(&self) -> &Envelope {
        &self.envelope
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::testing::{artifact, hello, key};

    fn good() -> Bundle {
        Bundle::sign(&Statement::new(artifact(), &hello()), &key(1))
    }

    #[test]
    fn bytes_are_canonical_and_come_back() {
        let bundle = good();
        let text = String::from_utf8(bundle.to_bytes().to_vec()).unwrap();
        let id = key(1).public().id();
        assert!(text.starts_with(r#"{"dsseEnvelope":{"payload":"eyJ"#), "{text}");
        let end =
            format!(r#"}},"mediaType":"{BUNDLE_TYPE}","verificationMaterial":{{"publicKey":{{"hint":"{id}"}}}}}}"#);
        assert!(text.ends_with(&end), "{text}");
        assert!(text.contains(&format!(r#""keyid":"{id}""#)), "{text}");
        assert_eq!(Bundle::parse(text.as_bytes()), Ok(bundle.clone()));
        assert!(bundle.envelope().is_signed_by(&key(1).public()));
    }

    fn check(from: &str, to: &str, expected: &str) {
        let good = String::from_utf8(good().to_bytes().to_vec()).unwrap();
        let changed = good.replacen(from, to, 1);
        assert_ne!(changed, good, "{from}");
        match (Bundle::parse(changed.as_bytes()), expected) {
            (Ok(_), expected) => assert_eq!(expected, "", "{changed}"),
            (Err(error), expected) => {
                assert!(!expected.is_empty() && error.to_string().contains(expected), "{error}");
            }
        }
    }

    #[test]
    fn takes_what_others_write() {
        check(BUNDLE_TYPE, "application/vnd.dev.sigstore.bundle+json;version=0.3", "");
        check(r#""publicKey""#, r#""tlogEntries":[],"timestampVerificationData":{},"publicKey""#, "");
        check(r#""keyid""#, r#""other""#, "");
    }

    #[test]
    fn says_what_it_does_not_verify() {
        check("bundle.v0.3", "bundle.v0.4", "v0.4");
        check(r#""publicKey":{"#, r#""certificate":{"rawBytes":"","#, "certificate");
        check(r#""publicKey":{"#, r#""x509CertificateChain":{"certificates":[],"#, "certificate");
        check(r#""dsseEnvelope":{"#, r#""messageSignature":{"#, "message signature");
        check(r#""publicKey""#, r#""other""#, "no publicKey");
        check("dsseEnvelope", "other", "no dsseEnvelope");
        check("vnd.in-toto", "vnd.other", "vnd.other");
        check(r#""keyid":""#, r#""keyid":"0"#, "names the key");
        check(r#""signatures":["#, r#""signatures":[{"sig":""},"#, "has 2 signatures");
        let long = " ".repeat(BUNDLE_MAX + 1);
        assert!(Bundle::parse(long.as_bytes()).unwrap_err().to_string().contains("1048576"));
    }
}
