//! Content digests: what a blob is called.
//!
//! OCI image specification, "Digests": `algorithm ":" encoded`, where sha256 and sha512 are the registered algorithms,
//! each encoded as lower-case hexadecimal of its full length.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::digest::common::hazmat::SerializableState;
use sha2::{Digest as _, Sha256, Sha512};

/// A hash algorithm that this registry computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// SHA-256, the default.
    Sha256,
    /// SHA-512.
    Sha512,
}

impl Algorithm {
    /// The name in front of the colon.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// Length of the hash in bytes.
    pub const fn size(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

impl FromStr for Algorithm {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        match text {
            "sha256" => Ok(Self::Sha256),
            "sha512" => Ok(Self::Sha512),
            _ => Err(DigestError(format!("{:.40}", text))),
        }
    }
}

/// The digest of some bytes: an algorithm and its hash. Equal digests mean equal bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest {
    algorithm: Algorithm,
    bytes: [u8; 64],
}

/// The text is no digest of a known algorithm: `sha256:` and 64, or `sha512:` and 128, lower-case hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a digest: expected sha256:<64 hex digits> or sha512:<128 hex digits>, in lower case")]
pub struct DigestError(String);

impl Digest {
    /// No digest comes before this one.
    pub const LEAST: Self = Self { algorithm: Algorithm::Sha256, bytes: [0; 64] };

    /// The sha256 digest of `content`.
    pub fn sha256(content: &[u8]) -> Self {
        Self::of(Algorithm::Sha256, content)
    }

    /// The digest of `content` under `algorithm`.
    pub fn of(algorithm: Algorithm, content: &[u8]) -> Self {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(content);
        hasher.finish()
    }

    /// Which algorithm made it.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The hash alone, in lower-case hexadecimal.
    pub fn hex(&self) -> String {
        hex::encode(&self.bytes[..self.algorithm.size()])
    }

    /// Whether this is the digest of `content`.
    pub fn matches(&self, content: &[u8]) -> bool {
        Self::of(self.algorithm, content) == *self
    }

    fn from_hash(algorithm: Algorithm, hash: &[u8]) -> Self {
        let mut bytes = [0; 64];
        bytes[..hash.len()].copy_from_slice(hash);
        Self { algorithm, bytes }
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let refuse = || DigestError(text.chars().take(160).collect());
        let (algorithm, encoded) = text.split_once(':').ok_or_else(refuse)?;
        let algorithm: Algorithm = algorithm.parse().map_err(|_| refuse())?;
        if encoded.len() != 2 * algorithm.size() {
            return Err(refuse());
        }
        let (mut bytes, mut all) = ([0; 64], 0);
        for (byte, pair) in bytes.iter_mut().zip(encoded.as_bytes().as_chunks().0) {
            let [high, low] = pair.map(|digit| VALUES[usize::from(digit)]);
            *byte = high << 4 | low;
            all |= high | low;
        }
        if all == NO_DIGIT { Err(refuse()) } else { Ok(Self { algorithm, bytes }) }
    }
}

/// What each byte stands for as a lower-case hexadecimal digit. A start without a database reads two million digests: a library, which
/// tells the digit that is wrong, took an eighth of its processor time.
const VALUES: [u8; 256] = {
    let mut values = [NO_DIGIT; 256];
    let mut value = 0;
    while value < 16 {
        values[b"0123456789abcdef"[value as usize] as usize] = value;
        value += 1;
    }
    values
};

/// Has every bit, so that it is not lost among others.
const NO_DIGIT: u8 = 0xff;

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm.as_str(), self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        super::text::deserialize(deserializer)
    }
}

/// A digest in the making: bytes go in as they stream past, and the state can be saved in between.
#[derive(Clone)]
pub struct Hasher(State);

#[derive(Clone)]
enum State {
    Sha256(Sha256),
    Sha512(Sha512),
}

impl Hasher {
    /// A hasher that has seen no bytes.
    pub fn new(algorithm: Algorithm) -> Self {
        Self(match algorithm {
            Algorithm::Sha256 => State::Sha256(Sha256::new()),
            Algorithm::Sha512 => State::Sha512(Sha512::new()),
        })
    }

    /// The algorithm it was made for.
    pub fn algorithm(&self) -> Algorithm {
        match &self.0 {
            State::Sha256(_) => Algorithm::Sha256,
            State::Sha512(_) => Algorithm::Sha512,
        }
    }

    /// Takes the next bytes in.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Sha256(hasher) => hasher.update(bytes),
            State::Sha512(hasher) => hasher.update(bytes),
        }
    }

    /// The digest of all bytes so far.
    pub fn finish(self) -> Digest {
        match self.0 {
            State::Sha256(hasher) => Digest::from_hash(Algorithm::Sha256, &hasher.finalize()),
            State::Sha512(hasher) => Digest::from_hash(Algorithm::Sha512, &hasher.finalize()),
        }
    }

    /// The state in hexadecimal, so that an upload can go on after a restart. It says no more than the bytes hashed so far.
    pub fn save(&self) -> String {
        match &self.0 {
            State::Sha256(hasher) => format!("sha256:{}", hex::encode(hasher.serialize())),
            State::Sha512(hasher) => format!("sha512:{}", hex::encode(hasher.serialize())),
        }
    }

    /// A hasher from what [`Hasher::save`] returned; `None` if the text is not such a state.
    pub fn restore(saved: &str) -> Option<Self> {
        let (algorithm, state) = saved.split_once(':')?;
        let state = hex::decode(state).ok()?;
        let state = match algorithm.parse().ok()? {
            Algorithm::Sha256 => State::Sha256(Sha256::deserialize(state.as_slice().try_into().ok()?).ok()?),
            Algorithm::Sha512 => State::Sha512(Sha512::deserialize(state.as_slice().try_into().ok()?).ok()?),
        };
        Some(Self(state))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn reads_and_writes_both_algorithms() {
        assert_eq!(Digest::sha256(b"").to_string(), EMPTY);
        let long = Digest::of(Algorithm::Sha512, b"abc");
        assert_eq!(long.hex().len(), 128);
        assert_eq!(long.to_string().parse(), Ok(long));
    }

    #[test]
    fn refuses_what_is_no_digest() {
        for text in [
            "",
            "sha256",
            "sha256:",
            "sha256:abc",
            "md5:d41d8cd98f00b204e9800998ecf8427e",
            &EMPTY.to_uppercase(),
            &EMPTY.replace('e', "E"),
            &format!("{EMPTY}00"),
            &EMPTY.replace("sha256", "sha512"),
            &format!(" {EMPTY}"),
        ] {
            assert!(text.parse::<Digest>().is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn state_survives_saving(content in proptest::collection::vec(any::<u8>(), 0..600), cut in 0usize..600) {
            let cut = cut.min(content.len());
            for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
                let mut first = Hasher::new(algorithm);
                first.update(&content[..cut]);
                let mut second = Hasher::restore(&first.save()).ok_or(TestCaseError::fail("restore"))?;
                second.update(&content[cut..]);
                prop_assert_eq!(second.finish(), Digest::of(algorithm, &content));
            }
        }

        #[test]
        fn any_text_is_refused_or_comes_back(text in "(sha256|sha512|.{0,8}):?[0-9a-fA-F]{0,130}") {
            if let Ok(digest) = text.parse::<Digest>() {
                prop_assert_eq!(digest.to_string(), text);
            }
        }
    }
}
