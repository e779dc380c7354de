//! The DSSE envelope: a payload, its type, and signatures over both.
//!
//! `spec/signature.md`, "Envelope"; DSSE 1.0.2, "Protocol" and "Envelope".

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::json;
use super::key::SigningKey;
use super::public::PublicKey;

/// Largest envelope that is read, in bytes: 1 MiB.
pub const ENVELOPE_MAX: usize = 1 << 20;
/// Most signatures of an envelope that are looked at.
pub const SIGNATURES_MAX: usize = 64;

/// What a signature is made over.
///
/// DSSE, "Signature Definition": `"DSSEv1" SP LEN(type) SP type SP LEN(body) SP body`, where the lengths are of bytes, in decimal.
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut encoded = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    encoded.extend_from_slice(payload);
    encoded
}

/// A signature, and a hint whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The id of the key as the signer wrote it. It is not signed: only a hint, and may be empty.
    pub key: String,
    /// The raw bytes.
    pub bytes: Vec<u8>,
}

/// A signed payload. That it is read says nothing of its signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// What the payload is.
    pub payload_type: String,
    /// Exactly what was signed.
    pub payload: Bytes,
    /// At most [`SIGNATURES_MAX`].
    pub signatures: Vec<Signature>,
}

/// Why bytes are no envelope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Not JSON, too long, or not of the shape.
    #[error("the envelope cannot be read: {0}")]
    Malformed(String),
    /// More than are looked at.
    #[error("the envelope has {0} signatures, {SIGNATURES_MAX} at most")]
    TooManySignatures(usize),
}

// Members stand in the order of their names, as they are written.
#[derive(Serialize, Deserialize)]
pub(super) struct EnvelopeDocument {
    payload: String,
    #[serde(rename = "payloadType")]
    payload_type: String,
    signatures: Vec<SignatureDocument>,
}

#[derive(Serialize, Deserialize)]
struct SignatureDocument {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    keyid: String,
    sig: String,
}

impl Envelope {
    /// A payload that nobody has signed yet.
    pub fn unsigned(payload_type: &str, payload: Bytes) -> Self {
        Self { payload_type: payload_type.to_owned(), payload, signatures: Vec::new() }
    }

    /// Adds the signature of a key, in place of an earlier one that names the same.
    pub fn sign(&mut self, key: &SigningKey) {
        let id = key.public().id().to_string();
        self.signatures.retain(|signature| signature.key != id);
        let bytes = key.sign(&pae(&self.payload_type, &self.payload)).to_vec();
        self.signatures.push(Signature { key: id, bytes });
    }

    /// Whether one of the signatures is this key's. What the signatures themselves say of their key is not believed.
    pub fn is_signed_by(&self, key: &PublicKey) -> bool {
        let encoded = pae(&self.payload_type, &self.payload);
        self.signatures.iter().any(|signature| key.verifies(&encoded, &signature.bytes))
    }

    /// Reads an envelope of at most [`ENVELOPE_MAX`] bytes. Members that are not known are ignored.
    pub fn parse(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        let document: EnvelopeDocument = json::read(bytes, ENVELOPE_MAX).map_err(EnvelopeError::Malformed)?;
        document.try_into()
    }

    /// Its bytes: JSON with sorted keys and no white space.
    pub fn to_bytes(&self) -> Bytes {
        // Strings and lists of them: nothing is left to fail.
        serde_json::to_vec(&self.document()).unwrap_or_default().into()
    }

    pub(super) fn document(&self) -> EnvelopeDocument {
        let written = |signature: &Signature| SignatureDocument {
            keyid: signature.key.clone(),
            sig: STANDARD.encode(&signature.bytes),
        };
        EnvelopeDocument {
            payload: STANDARD.encode(&self.payload),
            payload_type: self.payload_type.clone(),
            signatures: self.signatures.iter().map(written).collect(),
        }
    }
}

impl TryFrom<EnvelopeDocument> for Envelope {
    type Error = EnvelopeError;

    fn try_from(document: EnvelopeDocument) -> Result<Self, EnvelopeError> {
        if document.signatures.len() > SIGNATURES_MAX {
            return Err(EnvelopeError::TooManySignatures(document.signatures.len()));
        }
        let decoded = |what: &str, text: &str| {
            let refuse = |error| EnvelopeError::Malformed(format!("its {what} is not base64: {error}"));
            STANDARD.decode(text).map_err(refuse)
        };
        let read = |signature: SignatureDocument| {
            Ok(Signature { key: signature.keyid, bytes: decoded("signature", &signature.sig)? })
        };
        Ok(Self {
            payload: decoded("payload", &document.payload)?.into(),
            payload_type: document.payload_type,
            signatures: document.signatures.into_iter().map(read).collect::<Result<_, _>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::testing::key;

    /// DSSE, "Test Vectors": payload "hello world" of type http://example.com/HelloWorld.
    #[test]
    fn the_signed_bytes_are_those_of_the_standard() {
        let encoded = pae("http://example.com/HelloWorld", b"hello world");
        assert_eq!(encoded, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
        // Lengths are of bytes.
        assert_eq!(pae("é", b""), "DSSEv1 2 é 0 ".as_bytes());
    }

    #[test]
    fn several_sign_and_each_once() {
        let mut envelope = Envelope::unsigned("text/plain", Bytes::from_static(b"hello"));
        assert!(!envelope.is_signed_by(&key(1).public()));
        envelope.sign(&key(1));
        envelope.sign(&key(2));
        envelope.sign(&key(1));
        assert_eq!(envelope.signatures.len(), 2);
        let again = Envelope::parse(&envelope.to_bytes()).unwrap();
        assert_eq!(again, envelope);
        assert!(again.is_signed_by(&key(1).public()) && again.is_signed_by(&key(2).public()));
        assert!(!again.is_signed_by(&key(3).public()));
    }

    #[test]
    fn payload_and_type_are_both_signed() {
        let mut envelope = Envelope::unsigned("text/plain", Bytes::from_static(b"hello"));
        envelope.sign(&key(1));
        let public = key(1).public();
        assert!(!Envelope { payload: Bytes::from_static(b"hellO"), ..envelope.clone() }.is_signed_by(&public));
        assert!(!Envelope { payload_type: "text/html".to_owned(), ..envelope }.is_signed_by(&public));
    }

    #[test]
    fn refuses_what_is_no_envelope() {
        let check = |text: &str, expected: &str| {
            let error = Envelope::parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        check("[]", "not a JSON object");
        check(r#"{"payload":"aGk=","payloadType":"x"}"#, "signatures");
        check(r#"{"payload":"aGk","payloadType":"x","signatures":[]}"#, "payload is not base64");
        check(r#"{"payload":"aGl=","payloadType":"x","signatures":[]}"#, "payload is not base64");
        check(r#"{"payload":"","payloadType":"x","signatures":[{"sig":"*"}]}"#, "signature is not base64");
        check(r#"{"payload":"","payload":"","payloadType":"x","signatures":[]}"#, "duplicate");
        let many = vec![r#"{"sig":""}"#; SIGNATURES_MAX + 1].join(",");
        check(&format!(r#"{{"payload":"","payloadType":"x","signatures":[{many}]}}"#), "65 signatures, 64 at most");
    }
}
