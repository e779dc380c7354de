//! Keys of signed notes (C2SP signed-note): names, verifier keys, signers.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// The longest text of a key that is read, public or private, in bytes.
pub const KEY_TEXT_MAX: usize = 1024;

const PRIVATE: &str = "PRIVATE+KEY+";

/// What a key, and so a log or a witness, is called.
///
/// Signed-note: not empty, without Unicode spaces and `+`. Control characters, which no note may hold, are refused too.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyName(String);

/// The text can be no name of a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no name of a key: expected up to {KEY_TEXT_MAX} bytes without spaces and '+', such as registry.example/log"
)]
pub struct KeyNameError(String);

/// What a key signs, and how: the byte of signed-note's "Signature types".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignatureType {
    /// Ed25519 over the text, 0x01.
    Ed25519,
    /// Ed25519 over the text of a checkpoint and a time, 0x04 (C2SP tlog-cosignature).
    Cosignature,
}

/// A public key that signatures of notes are verified with, and its text, a vkey: `<name>+<id, 8 hex digits>+<base64 of type and key>`.
#[derive(Clone, PartialEq, Eq)]
pub struct NoteVerifier {
    name: KeyName,
    kind: SignatureType,
    id: u32,
    key: VerifyingKey,
}

/// A private key that signs the texts of notes. Its bytes are wiped when it is dropped, and `Debug` shows the public key.
pub struct NoteSigner {
    verifier: NoteVerifier,
    key: SigningKey,
}

/// The text is no key that can be used here. It never holds a part of a private key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Longer than is read.
    #[error("a key of {0} bytes of text is refused: at most {KEY_TEXT_MAX} are read")]
    TooLong(usize),
    /// Not of the form.
    #[error("this is no public key of a note: expected <name>+<8 hex digits>+<base64>")]
    NotPublic,
    /// Not of the form.
    #[error("this is no private key of a note: expected PRIVATE+KEY+<name>+<8 hex digits>+<base64>")]
    NotPrivate,
    /// The name is none.
    #[error(transparent)]
    Name(#[from] KeyNameError),
    /// Another kind of key, or another length of it.
    #[error(
        "the key {0} is of a type that is not used here: expected Ed25519, 1 for notes and 4 for cosignatures, of 32 bytes"
    )]
    Type(KeyName),
    /// The bytes are no point of the curve, or one with which any signature is good.
    #[error("the key {0} is no Ed25519 key")]
    Point(KeyName),
    /// The digits of its identity are of another key or name.
    #[error("the key {name} says that its id is {said:08x}, and it is {found:08x}")]
    Id {
        /// Its name.
        name: KeyName,
        /// What the text says.
        said: u32,
        /// What name, type and key make.
        found: u32,
    },
}

impl KeyName {
    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyName {
    type Err = KeyNameError;

    fn from_str(text: &str) -> Result<Self, KeyNameError> {
        if is_name(text) && text.len() <= KEY_TEXT_MAX {
            Ok(Self(text.to_owned()))
        } else {
            Err(KeyNameError(text.chars().take(80).collect()))
        }
    }
}

/// Whether a note may hold it as the name of a key.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(|char| char.is_whitespace() || char < ' ' || char == '+')
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl SignatureType {
    /// Its byte.
    pub const fn byte(self) -> u8 {
        match self {
            Self::Ed25519 => 1,
            Self::Cosignature => 4,
        }
    }

    const fn of(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Ed25519),
            4 => Some(Self::Cosignature),
            _ => None,
        }
    }
}

impl NoteVerifier {
    /// The key called `name` for signatures of this type. `key` is an Ed25519 public key.
    pub fn new(name: KeyName, kind: SignatureType, key: &[u8; 32]) -> Result<Self, KeyError> {
        match VerifyingKey::from_bytes(key) {
            Ok(key) if !key.is_weak() => Ok(Self::of(name, kind, key)),
            _ => Err(KeyError::Point(name)),
        }
    }

    fn of(name: KeyName, kind: SignatureType, key: VerifyingKey) -> Self {
        // key ID = SHA-256(key name || 0x0A || signature type || public key)[:4]
        let hash = Sha256::new()
            .chain_update(name.as_str())
            .chain_update([b'\n', kind.byte()])
            .chain_update(key.as_bytes())
            .finalize();
        let id = hash.first_chunk().map_or(0, |id| u32::from_be_bytes(*id));
        Self { name, kind, id, key }
    }

    /// Its name.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// What it signs.
    pub fn kind(&self) -> SignatureType {
        self.kind
    }

    /// With the name, what a signature names it by.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The Ed25519 public key.
    pub fn public_key(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// The same key under the same name, for signatures of another type. Their ids differ.
    pub fn with_kind(&self, kind: SignatureType) -> Self {
        Self::of(self.name.clone(), kind, self.key)
    }

    /// Whether this key made the signature over these bytes. Strict: a signature has one form, and a weak key none.
    pub(super) fn is_signed(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.key.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
    }
}

impl FromStr for NoteVerifier {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let Parts { name, id, kind, key } = Parts::parse(text, KeyError::NotPublic)?;
        said_is_found(id, Self::new(name, kind, &key)?)
    }
}

/// What the text of a key is made of.
struct Parts {
    name: KeyName,
    id: u32,
    kind: SignatureType,
    key: Zeroizing<[u8; 32]>,
}

impl Parts {
    /// Reads `<name>+<id>+<base64 of type and key>`.
    fn parse(text: &str, refused: KeyError) -> Result<Self, KeyError> {
        if text.len() > KEY_TEXT_MAX {
            return Err(KeyError::TooLong(text.len()));
        }
        // Base64 has `+` among its characters, names have not.
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else { return Err(refused) };
        let is_hex = id.len() == 8 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let (true, Ok(id), Ok(bytes)) = (is_hex, u32::from_str_radix(id, 16), STANDARD.decode(key).map(Zeroizing::new))
        else {
            return Err(refused);
        };
        let name: KeyName = name.parse()?;
        let (kind, key) = bytes.split_first().ok_or(refused)?;
        match (SignatureType::of(*kind), key.try_into()) {
            (Some(kind), Ok(key)) => Ok(Self { name, id, kind, key: Zeroizing::new(key) }),
            _ => Err(KeyError::Type(name)),
        }
    }
}

fn said_is_found(said: u32, verifier: NoteVerifier) -> Result<NoteVerifier, KeyError> {
    if verifier.id == said { Ok(verifier) } else { Err(KeyError::Id { name: verifier.name, said, found: verifier.id }) }
}

impl fmt::Display for NoteVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = vec![self.kind.byte()];
        key.extend_from_slice(self.key.as_bytes());
        write!(f, "{}+{:08x}+{}", self.name, self.id, STANDARD.encode(key))
    }
}

impl fmt::Debug for NoteVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl NoteSigner {
    /// The key of this seed, 32 bytes that nobody can guess.
    pub fn from_seed(name: KeyName, seed: &[u8; 32]) -> Self {
        Self::of(name, SignatureType::Ed25519, seed)
    }

    pub(super) fn of(name: KeyName, kind: SignatureType, seed: &[u8; 32]) -> Self {
        let key = SigningKey::from_bytes(seed);
        Self { verifier: NoteVerifier::of(name, kind, key.verifying_key()), key }
    }

    /// Reads `PRIVATE+KEY+<name>+<id>+<base64 of type and seed>`.
    pub fn from_secret(text: &str) -> Result<Self, KeyError> {
        Self::of_secret(text, SignatureType::Ed25519)
    }

    /// Reads the text of a key of this type.
    pub(super) fn of_secret(text: &str, wanted: SignatureType) -> Result<Self, KeyError> {
        let rest = text.strip_prefix(PRIVATE).ok_or(KeyError::NotPrivate)?;
        let Parts { name, id, kind, key: seed } = Parts::parse(rest, KeyError::NotPrivate)?;
        if kind != wanted {
            return Err(KeyError::Type(name));
        }
        let signer = Self::of(name, kind, &seed);
        said_is_found(id, signer.verifier.clone())?;
        Ok(signer)
    }

    /// The text that [`NoteSigner::from_secret`] reads.
    pub fn to_secret(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new([self.verifier.kind.byte(); 33]);
        bytes[1..].copy_from_slice(self.key.as_bytes());
        let key = Zeroizing::new(STANDARD.encode(bytes.as_slice()));
        Zeroizing::new(format!("{PRIVATE}{}+{:08x}+{}", self.verifier.name, self.verifier.id, *key))
    }

    /// What its signatures are verified with.
    pub fn verifier(&self) -> &NoteVerifier {
        &self.verifier
    }

    /// The same key under the same name, for signatures of another type.
    pub(super) fn with_kind(&self, kind: SignatureType) -> Self {
        Self { verifier: self.verifier.with_kind(kind), key: self.key.clone() }
    }

    pub(super) fn sign_bytes(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).to_bytes()
    }
}

impl fmt::Debug for NoteSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("NoteSigner").field(&self.verifier).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Of the tests of Go's golang.org/x/mod/sumdb/note.
    const SECRET: &str = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    const PUBLIC: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

    #[test]
    fn keys_are_those_of_other_programs() {
        let signer = NoteSigner::from_secret(SECRET).unwrap();
        let verifier: NoteVerifier = PUBLIC.parse().unwrap();
        assert_eq!((signer.verifier(), verifier.to_string().as_str()), (&verifier, PUBLIC));
        assert_eq!(signer.to_secret().as_str(), SECRET);
        assert_eq!(
            (verifier.name().as_str(), verifier.id(), verifier.kind()),
            ("PeterNeumann", 0xc74f_20a3, SignatureType::Ed25519)
        );
    }

    #[test]
    fn one_key_has_another_id_for_cosignatures() {
        let signer = NoteSigner::from_secret(SECRET).unwrap().with_kind(SignatureType::Cosignature);
        assert_ne!(signer.verifier().id(), 0xc74f_20a3);
        assert_eq!(signer.verifier().to_string().parse(), Ok(signer.verifier().clone()));
        let name = signer.verifier().name().clone();
        assert_eq!(NoteSigner::from_secret(&signer.to_secret()).map(drop), Err(KeyError::Type(name)));
    }

    #[test]
    fn nothing_that_is_shown_holds_the_secret() {
        let signer = NoteSigner::from_secret(SECRET).unwrap();
        assert_eq!(format!("{signer:?}"), format!("NoteSigner({PUBLIC})"));
        for wrong in
            [&SECRET[8..], &SECRET.replace("c74f20a3", "c74f20a4"), &SECRET.replace("+AY", "+BY"), &SECRET[..70]]
        {
            let error = NoteSigner::from_secret(wrong).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("EKFALV"), "{error}");
        }
    }

    #[test]
    fn other_keys_are_refused() {
        let weak = STANDARD.encode([&[1u8, 1][..], &[0; 31]].concat());
        for (text, message) in [
            (String::new(), "this is no public key of a note: expected <name>+<8 hex digits>+<base64>"),
            (
                PUBLIC.replace("c74f20a3", "c74f20a"),
                "this is no public key of a note: expected <name>+<8 hex digits>+<base64>",
            ),
            (
                PUBLIC.replace("c74f20a3", "C74F20A3"),
                "this is no public key of a note: expected <name>+<8 hex digits>+<base64>",
            ),
            (format!("{PUBLIC} "), "this is no public key of a note: expected <name>+<8 hex digits>+<base64>"),
            (
                PUBLIC.replace("Peter", "Peter "),
                "\"Peter Neumann\" is no name of a key: expected up to 1024 bytes without spaces and '+', such as registry.example/log",
            ),
            (
                PUBLIC.replace("+AR", "+Ah"),
                "the key PeterNeumann is of a type that is not used here: expected Ed25519, 1 for notes and 4 for cosignatures, of 32 bytes",
            ),
            (PUBLIC.replace("20a3", "20a4"), "the key PeterNeumann says that its id is c74f20a4, and it is c74f20a3"),
            (format!("PeterNeumann+c74f20a3+{weak}"), "the key PeterNeumann is no Ed25519 key"),
            ("x".repeat(1025), "a key of 1025 bytes of text is refused: at most 1024 are read"),
        ] {
            assert_eq!(text.parse::<NoteVerifier>().unwrap_err().to_string(), message, "{text}");
        }
    }

    #[test]
    fn names_have_neither_spaces_nor_plus() {
        for name in ["a", "registry.example/log", "日本"] {
            assert_eq!(name.parse::<KeyName>().unwrap().to_string(), name);
        }
        for name in ["", " ", "a b", "a+b", "a\u{a0}b", "a\u{2003}b", "a\nb", "a\u{1}b"] {
            assert!(name.parse::<KeyName>().is_err(), "{name:?}");
        }
    }
}
