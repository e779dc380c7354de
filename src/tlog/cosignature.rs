//! Cosignatures (C2SP tlog-cosignature, version 1): a witness has seen that a log only grows, at a time.

use zeroize::Zeroizing;

use super::note::NoteSignature;
use super::{KeyError, KeyName, NoteSigner, NoteVerifier, SignatureType, SignedCheckpoint};

/// The latest time that a cosignature may tell.
const TIME_MAX: u64 = i64::MAX as u64;

/// A private key that cosigns checkpoints: a witness's, or the log's own, which tells by that how fresh its checkpoint is.
#[derive(Debug)]
pub struct Cosigner(NoteSigner);

/// A cosignature's bytes: the time, and the signature over time and text.
pub(super) struct Cosignature {
    pub time: u64,
    signature: [u8; 64],
}

impl Cosigner {
    /// The key of this seed, 32 bytes that nobody can guess.
    pub fn from_seed(name: KeyName, seed: &[u8; 32]) -> Self {
        Self(NoteSigner::of(name, SignatureType::Cosignature, seed))
    }

    /// Reads `PRIVATE+KEY+<name>+<id>+<base64>`, of a key for cosignatures.
    pub fn from_secret(text: &str) -> Result<Self, KeyError> {
        NoteSigner::of_secret(text, SignatureType::Cosignature).map(Self)
    }

    /// The text that [`Cosigner::from_secret`] reads.
    pub fn to_secret(&self) -> Zeroizing<String> {
        self.0.to_secret()
    }

    /// The key with which a log signs, for cosignatures. Nothing that one signs can be taken for what the other does: the second line of a
    /// checkpoint is a number, and that of a cosignature begins with `time`.
    pub fn of_log(signer: &NoteSigner) -> Self {
        Self(signer.with_kind(SignatureType::Cosignature))
    }

    /// What its cosignatures are verified with.
    pub fn verifier(&self) -> &NoteVerifier {
        self.0.verifier()
    }

    /// Says that this is the largest tree of the log that was seen up to `time`, in seconds since 1970 in UTC, and that all trees before
    /// are its beginnings. To be said only of what was checked.
    pub fn cosign(&self, checkpoint: &SignedCheckpoint, time: u64) -> NoteSignature {
        let time = time.min(TIME_MAX);
        let signature = self.0.sign_bytes(message(time, checkpoint.note().unverified_text()).as_bytes());
        NoteSignature::new(self.verifier(), [&time.to_be_bytes()[..], &signature].concat())
    }
}

impl Cosignature {
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (time, signature) = bytes.split_first_chunk()?;
        let time = u64::from_be_bytes(*time);
        if time > TIME_MAX { None } else { Some(Self { time, signature: signature.try_into().ok()? }) }
    }

    pub fn is_good(&self, verifier: &NoteVerifier, text: &str) -> bool {
        verifier.is_signed(message(self.time, text).as_bytes(), &self.signature)
    }
}

/// What is signed: a line that tells it from all else, the time, and the whole text of the checkpoint.
fn message(time: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}
