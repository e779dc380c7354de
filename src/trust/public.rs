//! Public keys: what they are called, their PEM, and what a signature of theirs is.
//!
//! `spec/signature.md`, "Keys". A key is known by the SHA-256 of its SubjectPublicKeyInfo; the two algorithms have one such
//! encoding each, with a fixed beginning, so that a key cannot have two names.

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::VerifyingKey;
use pkcs8::LineEnding;
use pkcs8::der::Document;
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::key::{KEY_MAX, KeyError};
use crate::domain::Digest;

const LABEL: &str = "PUBLIC KEY";
/// RFC 8410, 4: the algorithm has no parameters; the key is 32 bytes.
const ED25519: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// RFC 5480, 2: id-ecPublicKey with the curve by name, here secp256r1; the point, uncompressed, is 65 bytes and begins with 4.
const P256: [u8; 27] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
];

/// Names a public key: the SHA-256 of its SubjectPublicKeyInfo in DER, as 64 lower-case hexadecimal digits. The same text is the
/// hint of a bundle and the `keyid` of a signature.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId([u8; 32]);

/// The text is no key id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a key id: expected 64 hex digits in lower case")]
pub struct KeyIdError(String);

impl FromStr for KeyId {
    type Err = KeyIdError;

    fn from_str(text: &str) -> Result<Self, KeyIdError> {
        let refuse = || KeyIdError(text.chars().take(80).collect());
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| refuse())?;
        // One key has one text.
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) { Err(refuse()) } else { Ok(Self(bytes)) }
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for KeyId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for KeyId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A key that signatures are verified with.
#[derive(Clone, PartialEq, Eq)]
pub enum PublicKey {
    /// Ed25519, pure: what `pclr` signs with.
    Ed25519(Box<VerifyingKey>),
    /// ECDSA on P-256 over SHA-256, with signatures in DER, as other tools make them. The point, uncompressed.
    EcdsaP256([u8; 65]),
}

impl PublicKey {
    /// The key of a SubjectPublicKeyInfo in DER.
    pub fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        if let Some(bytes) = der.strip_prefix(&ED25519) {
            let bytes: &[u8; 32] = bytes.try_into().map_err(|_| KeyError::Malformed)?;
            let key = VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::Malformed)?;
            // Under a key of small order, one signature fits many messages.
            return if key.is_weak() { Err(KeyError::Weak) } else { Ok(Self::Ed25519(Box::new(key))) };
        }
        if der.starts_with(&P256) {
            let point = der.get(P256.len() - 1..).unwrap_or_default();
            return Ok(Self::EcdsaP256(point.try_into().map_err(|_| KeyError::Malformed)?));
        }
        Err(KeyError::Unsupported)
    }

    /// Its SubjectPublicKeyInfo in DER.
    pub fn to_der(&self) -> Vec<u8> {
        match self {
            Self::Ed25519(key) => [ED25519.as_slice(), key.as_bytes()].concat(),
            Self::EcdsaP256(point) => [&P256[..P256.len() - 1], point].concat(),
        }
    }

    /// The key of a PEM text `PUBLIC KEY`, of at most [`KEY_MAX`] bytes.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        if pem.len() > KEY_MAX {
            return Err(KeyError::TooLong);
        }
        let (label, document) = Document::from_pem(pem.trim()).map_err(|_| KeyError::no_document(pem))?;
        if label != LABEL {
            return Err(KeyError::Label { expected: LABEL, found: label.to_owned() });
        }
        Self::from_der(document.as_bytes())
    }

    /// Its PEM text, with a final line feed.
    pub fn to_pem(&self) -> String {
        let pem = Document::try_from(self.to_der()).and_then(|document| document.to_pem(LABEL, LineEnding::LF));
        // Both encodings are whole DER values of fewer than a hundred bytes: nothing is left to fail.
        pem.unwrap_or_default()
    }

    /// What it is called.
    pub fn id(&self) -> KeyId {
        let mut id = [0; 32];
        let digest = Digest::sha256(&self.to_der()).hex();
        // A digest's own hex is 64 digits: nothing is left to fail.
        let _ = hex::decode_to_slice(digest, &mut id);
        KeyId(id)
    }

    /// Whether `signature` is one of this key over `message`. Ed25519 is verified strictly (RFC 8032 with canonical points of full
    /// order), so that all implementations agree.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Ed25519(key) => {
                let signature = ed25519_dalek::Signature::from_slice(signature);
                signature.is_ok_and(|signature| key.verify_strict(message, &signature).is_ok())
            }
            Self::EcdsaP256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(message, signature).is_ok()
            }
        }
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let algorithm = match self {
            Self::Ed25519(_) => "Ed25519",
            Self::EcdsaP256(_) => "EcdsaP256",
        };
        write!(f, "{algorithm}({})", self.id())
    }
}

impl Serialize for PublicKey {
    /// As PEM.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_pem())
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let pem = String::deserialize(deserializer)?;
        Self::from_pem(&pem).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::testing::key;

    /// Made by `openssl ecparam -name prime256v1 -genkey`, with a signature over "hello" by `openssl dgst -sha256 -sign`.
    const P256_PEM: &str = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAElr6QF89+Ad5yyQbULuymH3+3O3Mg\npMWO0budgHIIHPwgaRUwaBlNqYKGrdXxDgxRyQlC4LdOYUbgdoF8swiMnw==\n-----END PUBLIC KEY-----\n";
    const P256_SIGNATURE: &str = "3046022100ae1b015231efb8bbc033683e0a066479288f9181773a23c4040a7a05af29519c02210095ec640e60b30608029275251b20f2111b5138cbddd86fd0f6685eb17343275d";

    #[test]
    fn a_key_of_another_tool_verifies_what_that_signed() {
        let key = PublicKey::from_pem(P256_PEM).unwrap();
        let signature = hex::decode(P256_SIGNATURE).unwrap();
        assert!(key.verifies(b"hello", &signature));
        assert!(!key.verifies(b"hellO", &signature));
        assert!(!key.verifies(b"hello", &signature[1..]));
        assert_eq!(key.to_pem(), P256_PEM);
        assert_eq!(key.id().to_string(), "faf5dd6e7006f713352916d067fa22eb49c90a3de08f6465cc1304d3733ca8cf");
    }

    #[test]
    fn pem_and_der_come_back() {
        let public = key(1).public();
        assert_eq!(PublicKey::from_pem(&public.to_pem()).unwrap(), public);
        assert_eq!(PublicKey::from_der(&public.to_der()).unwrap(), public);
        assert_eq!(public.id().to_string().parse(), Ok(public.id()));
        assert!(public.to_pem().ends_with("-----END PUBLIC KEY-----\n"));
    }

    #[test]
    fn refuses_what_is_no_key_of_the_two() {
        let check = |der: &[u8], expected: &str| {
            let error = PublicKey::from_der(der).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        let good = key(1).public().to_der();
        check(&good[..43], "malformed");
        check(&[good.as_slice(), &[0]].concat(), "malformed");
        check(&[ED25519.as_slice(), &[0; 32]].concat(), "weak");
        check(&P256, "malformed");
        // RSA.
        check(&[0x30, 0x0d, 0x06, 0x09], "neither Ed25519 nor ECDSA P-256");
        let pem = |text: &str| PublicKey::from_pem(text).unwrap_err().to_string();
        assert!(pem("hello").contains("PEM"));
        assert!(pem(&key(1).to_pem().unwrap()).contains("PRIVATE KEY"));
        assert!(pem(&" ".repeat(KEY_MAX + 1)).contains("65536"));
    }

    #[test]
    fn an_id_is_written_in_one_way() {
        let id = key(1).public().id().to_string();
        for wrong in [id.to_uppercase(), id[1..].to_owned(), format!("{id}0"), format!("sha256:{id}")] {
            assert!(wrong.parse::<KeyId>().is_err(), "{wrong}");
        }
    }
}
