//! What the log says of an event (`spec/log.md`, "Entries"): its bytes if it is public, and nothing but its number if it is not.

use std::fmt;

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::ENTRY_MAX;
use crate::domain::{Algorithm, Digest, Hasher};

/// Length of a log's secret, in bytes.
pub const LOG_SECRET_LENGTH: usize = 32;

/// What salts are made of. Whoever knows it can tell whether a sealed entry is of an event that they guess; nobody can seal or open anything
/// else by it. Wiped when dropped, never shown.
#[derive(Clone)]
pub struct LogSecret(Zeroizing<[u8; LOG_SECRET_LENGTH]>);

/// Entry `n - 1` of the log, which is event `n`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A public event, its bytes as they are.
    Event {
        /// Its number.
        n: u64,
        /// Its bytes.
        bytes: Bytes,
    },
    /// An event that is not for everybody.
    Sealed {
        /// Its number.
        n: u64,
        /// SHA-256 of salt and event.
        sealed: Digest,
    },
    /// A public event that is too long for an entry. It lies beside the log, by its number.
    Long {
        /// Its number.
        n: u64,
        /// SHA-256 of the event.
        long: Digest,
    },
}

/// The bytes are no event, or no entry at this place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// They have none of the three forms.
    #[error("entry {0} of the log is neither a public event nor a sealed or a long one")]
    Form(u64),
    /// It is an event of another number than its place.
    #[error("entry {index} of the log is event {found} instead of {}", u128::from(*index) + 1)]
    Number {
        /// Its place, from 0.
        index: u64,
        /// The number that it says.
        found: u64,
    },
    /// The bytes that shall become an entry are no event.
    #[error("this is no event: expected a JSON object with v and n")]
    NotAnEvent,
}

/// What an entry is made by. Events have more members; the sequence says their number.
#[derive(Deserialize)]
struct Head {
    #[serde(rename = "v")]
    _v: u64,
    n: u64,
    #[serde(default)]
    hidden: Option<serde_json::Value>,
}

/// An entry that is no event: it has one of the two digests.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Short {
    n: u64,
    long: Option<Digest>,
    sealed: Option<Digest>,
}

impl LogSecret {
    /// Of bytes that nobody can guess.
    pub fn new(bytes: &[u8; LOG_SECRET_LENGTH]) -> Self {
        Self(Zeroizing::new(*bytes))
    }

    /// The salt of event `n`: HMAC-SHA256, with this secret as the key, of `pcl-log-salt`, a line end, and the number in decimal.
    pub fn salt(&self, n: u64) -> [u8; 32] {
        // RFC 2104: a key is filled up with zeros to the length of a block. That cannot fail, and any other way of this library could.
        let mut key = Zeroizing::new([0; 64]);
        key[..LOG_SECRET_LENGTH].copy_from_slice(self.0.as_slice());
        let mac = Hmac::<Sha256>::new((&*key).into()).chain_update(format!("pcl-log-salt\n{n}"));
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for LogSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LogSecret")
    }
}

impl Entry {
    /// The entry of an event, by its bytes. It is a pure function of the two: whoever appends twice appends the same.
    pub fn of_event(event: &Bytes, secret: &LogSecret) -> Result<Self, EntryError> {
        let head = Head::of(event).ok_or(EntryError::NotAnEvent)?;
        let n = head.n;
        Ok(match () {
            () if !head.is_public() => Self::Sealed { n, sealed: seal(&secret.salt(n), event) },
            () if event.len() > ENTRY_MAX => Self::Long { n, long: Digest::sha256(event) },
            () => Self::Event { n, bytes: event.clone() },
        })
    }

    /// Reads entry `index` of a log, from 0.
    pub fn parse(index: u64, bytes: &Bytes) -> Result<Self, EntryError> {
        let entry = Self::form(bytes).ok_or(EntryError::Form(index))?;
        let found = entry.n();
        if found.checked_sub(1) == Some(index) { Ok(entry) } else { Err(EntryError::Number { index, found }) }
    }

    fn form(bytes: &Bytes) -> Option<Self> {
        if bytes.len() > ENTRY_MAX {
            return None;
        }
        if let Some(head) = Head::of(bytes) {
            return head.is_public().then(|| Self::Event { n: head.n, bytes: bytes.clone() });
        }
        let entry = match serde_json::from_slice(bytes).ok()? {
            Short { n, sealed: Some(sealed), long: None } if is_sha256(&sealed) => Self::Sealed { n, sealed },
            Short { n, sealed: None, long: Some(long) } if is_sha256(&long) => Self::Long { n, long },
            Short { .. } => return None,
        };
        // One entry, one form: canonical JSON.
        (entry.bytes() == *bytes).then_some(entry)
    }

    /// Number of the event.
    pub fn n(&self) -> u64 {
        match self {
            Self::Event { n, .. } | Self::Sealed { n, .. } | Self::Long { n, .. } => *n,
        }
    }

    /// Its bytes in the log, at most [`ENTRY_MAX`].
    pub fn bytes(&self) -> Bytes {
        match self {
            Self::Event { bytes, .. } => bytes.clone(),
            Self::Sealed { n, sealed } => format!(r#"{{"n":{n},"sealed":"{sealed}"}}"#).into(),
            Self::Long { n, long } => format!(r#"{{"long":"{long}","n":{n}}}"#).into(),
        }
    }
}

impl Head {
    fn of(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// Events written by releases that did not know the member are hidden: it cannot be told any more who may see them.
    fn is_public(&self) -> bool {
        self.hidden == Some(serde_json::Value::Bool(false))
    }
}

fn is_sha256(digest: &Digest) -> bool {
    digest.algorithm() == Algorithm::Sha256
}

/// SHA-256 of salt and event.
pub(super) fn seal(salt: &[u8; 32], event: &[u8]) -> Digest {
    let mut hasher = Hasher::new(Algorithm::Sha256);
    hasher.update(salt);
    hasher.update(event);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLIC: &str = r#"{"hidden":false,"n":7,"type":"tag.delete","v":1}"#;

    fn entry_of(event: &str) -> Result<Entry, EntryError> {
        Entry::of_event(&Bytes::from(event.to_owned()), &LogSecret::new(&[7; 32]))
    }

    fn parsed(index: u64, bytes: &str) -> Result<Entry, EntryError> {
        Entry::parse(index, &Bytes::from(bytes.to_owned()))
    }

    #[test]
    fn a_public_event_is_its_bytes() {
        let entry = entry_of(PUBLIC).unwrap();
        assert_eq!((entry.n(), entry.bytes()), (7, Bytes::from(PUBLIC)));
        assert_eq!(parsed(6, PUBLIC), Ok(entry));
    }

    #[test]
    fn every_other_event_tells_its_number_and_nothing_else() {
        for hidden in [r#""hidden":true,"#, "", r#""hidden":null,"#, r#""hidden":"false","#, r#""hidden":0,"#] {
            let event = PUBLIC.replace(r#""hidden":false,"#, hidden);
            let entry = entry_of(&event).unwrap();
            let Entry::Sealed { n: 7, sealed } = &entry else { panic!("{hidden}: {entry:?}") };
            assert_eq!(entry.bytes(), Bytes::from(format!(r#"{{"n":7,"sealed":"{sealed}"}}"#)));
            assert_eq!(
                (entry_of(&event), parsed(6, std::str::from_utf8(&entry.bytes()).unwrap())),
                (Ok(entry.clone()), Ok(entry.clone()))
            );
            assert_ne!(*sealed, Digest::sha256(event.as_bytes()), "a guess cannot be tried without the salt");
            let other = Entry::of_event(&Bytes::from(event), &LogSecret::new(&[8; 32])).unwrap();
            assert_ne!(other, entry);
        }
    }

    #[test]
    fn a_public_event_that_is_too_long_is_named_by_its_digest() {
        let fill = |length: usize| PUBLIC.replace("tag.delete", &"x".repeat(length - PUBLIC.len() + 10));
        let (longest, long) = (fill(ENTRY_MAX), fill(ENTRY_MAX + 1));
        assert!(matches!(entry_of(&longest), Ok(Entry::Event { .. })));
        let entry = entry_of(&long).unwrap();
        let digest = Digest::sha256(long.as_bytes());
        assert_eq!(entry.bytes(), Bytes::from(format!(r#"{{"long":"{digest}","n":7}}"#)));
        assert_eq!(Entry::parse(6, &entry.bytes()), Ok(entry));
        assert!(matches!(entry_of(&long.replace("false", "true")), Ok(Entry::Sealed { .. })));
        assert_eq!(parsed(6, &long), Err(EntryError::Form(6)));
    }

    #[test]
    fn what_is_no_event_gets_no_entry() {
        for wrong in [
            "",
            "{}",
            "[]",
            r#"{"n":7}"#,
            r#"{"v":1}"#,
            r#"{"n":7,"v":1"#,
            r#"{"n":-7,"v":1}"#,
            r#"{"n":7,"n":8,"v":1}"#,
            r#"{"hidden":true,"hidden":false,"n":7,"v":1}"#,
        ] {
            assert_eq!(entry_of(wrong), Err(EntryError::NotAnEvent), "{wrong}");
        }
    }

    #[test]
    fn an_entry_has_one_of_three_forms_and_the_number_of_its_place() {
        let digest = Digest::sha256(b"");
        let sha512 = Digest::of(Algorithm::Sha512, b"");
        for wrong in [
            String::new(),
            "{}".to_owned(),
            r#"{"n":7}"#.to_owned(),
            PUBLIC.replace("false", "true"),
            PUBLIC.replace(r#""hidden":false,"#, ""),
            format!(r#"{{"n": 7,"sealed":"{digest}"}}"#),
            format!(r#"{{"sealed":"{digest}","n":7}}"#),
            format!(r#"{{"n":7,"long":"{digest}"}}"#),
            format!(r#"{{"n":7,"sealed":"{digest}","x":1}}"#),
            format!(r#"{{"long":"{digest}","n":7,"sealed":"{digest}"}}"#),
            format!(r#"{{"n":7,"sealed":"{sha512}"}}"#),
            format!(r#"{{"n":7,"sealed":"{digest}"}} "#),
        ] {
            assert_eq!(parsed(6, &wrong), Err(EntryError::Form(6)), "{wrong}");
        }
        assert_eq!(parsed(7, PUBLIC), Err(EntryError::Number { index: 7, found: 7 }));
        assert_eq!(parsed(7, PUBLIC).unwrap_err().to_string(), "entry 7 of the log is event 7 instead of 8");
        assert!(parsed(u64::MAX, &PUBLIC.replace('7', "0")).is_err());
    }

    #[test]
    fn salts_are_those_of_the_specification() {
        let secret = LogSecret::new(&[7; 32]);
        assert_ne!(secret.salt(1), secret.salt(11));
        assert_eq!(format!("{secret:?}"), "LogSecret");
    }
}
