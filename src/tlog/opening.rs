//! Opening a sealed entry to somebody: the salt, and the event itself (`spec/log.md`, "Openings").

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::leaf::seal;
use super::{Entry, LogSecret};

/// The longest event that is opened, or read beside the log, in bytes.
pub const OPENED_EVENT_MAX: usize = 16 * 1024 * 1024;

/// The longest text of an opening that is read, in bytes.
pub const OPENING_MAX: usize = OPENED_EVENT_MAX / 3 * 4 + 256;

/// What proves to one reader that a sealed entry is this event. It opens no other entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// Number of the event.
    pub n: u64,
    /// Its salt.
    pub salt: [u8; 32],
    /// Its bytes.
    pub event: Bytes,
}

/// The opening is none, or of another entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpeningError {
    /// Longer than is read.
    #[error("an opening of {0} bytes is refused: at most {OPENING_MAX} are read")]
    TooLong(usize),
    /// Of another form.
    #[error("this is no opening: expected a JSON object with n, salt in 64 hex digits and event in base64")]
    Form,
    /// The entry is of another event, or was never sealed.
    #[error("the opening of event {opening} does not open the entry of event {entry}")]
    Other {
        /// Number that the opening says.
        opening: u64,
        /// Number of the entry's event.
        entry: u64,
    },
    /// The bytes are not those that were sealed.
    #[error("event {0} is not what the log sealed: its bytes or its salt are others")]
    Differs(u64),
}

/// In the order of RFC 8785.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    event: String,
    n: u64,
    salt: String,
}

impl Opening {
    /// Opens event `n`, whose entry is sealed.
    pub fn new(n: u64, event: Bytes, secret: &LogSecret) -> Self {
        Self { n, salt: secret.salt(n), event }
    }

    /// Whether the entry is what was sealed of this event.
    pub fn verify(&self, entry: &Entry) -> Result<(), OpeningError> {
        match entry {
            Entry::Sealed { n, sealed } if *n == self.n => {
                if seal(&self.salt, &self.event) == *sealed {
                    Ok(())
                } else {
                    Err(OpeningError::Differs(*n))
                }
            }
            other => Err(OpeningError::Other { opening: self.n, entry: other.n() }),
        }
    }

    /// Reads what [`Opening::to_json`] writes.
    pub fn parse(bytes: &[u8]) -> Result<Self, OpeningError> {
        if bytes.len() > OPENING_MAX {
            return Err(OpeningError::TooLong(bytes.len()));
        }
        let Text { event, n, salt } = serde_json::from_slice(bytes).map_err(|_| OpeningError::Form)?;
        let event = STANDARD.decode(event).map_err(|_| OpeningError::Form)?.into();
        let mut bits = [0; 32];
        hex::decode_to_slice(salt, &mut bits).map_err(|_| OpeningError::Form)?;
        Ok(Self { n, salt: bits, event })
    }

    /// As canonical JSON.
    pub fn to_json(&self) -> String {
        let (event, salt) = (STANDARD.encode(&self.event), hex::encode(self.salt));
        format!(r#"{{"event":"{event}","n":{},"salt":"{salt}"}}"#, self.n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(event: &'static str) -> (Entry, Opening) {
        let (event, secret) = (Bytes::from(event), LogSecret::new(&[7; 32]));
        let entry = Entry::of_event(&event, &secret).unwrap();
        (entry.clone(), Opening::new(entry.n(), event, &secret))
    }

    #[test]
    fn an_opening_is_of_one_entry() {
        let (entry, opening) = sealed(r#"{"hidden":true,"n":7,"v":1}"#);
        assert_eq!(opening.verify(&entry), Ok(()));
        assert_eq!(Opening::parse(opening.to_json().as_bytes()), Ok(opening.clone()));
        let (other, _) = sealed(r#"{"hidden":true,"n":8,"v":1}"#);
        assert_eq!(opening.verify(&other), Err(OpeningError::Other { opening: 7, entry: 8 }));
        let (public, _) = sealed(r#"{"hidden":false,"n":7,"v":1}"#);
        assert_eq!(opening.verify(&public), Err(OpeningError::Other { opening: 7, entry: 7 }));
        for wrong in [
            Opening { event: Bytes::from(r#"{"hidden":true,"n":7,"v":2}"#), ..opening.clone() },
            Opening { salt: [0; 32], ..opening },
        ] {
            assert_eq!(wrong.verify(&entry), Err(OpeningError::Differs(7)));
        }
    }

    #[test]
    fn what_is_no_opening_is_refused() {
        let (_, opening) = sealed(r#"{"hidden":true,"n":7,"v":1}"#);
        let good = opening.to_json();
        for wrong in [
            "{}",
            "",
            &good[1..],
            &good.replace("salt\":\"", "salt\":\"0"),
            &good.replace("event\":\"", "event\":\"!"),
            &good.replace("\"n\"", "\"m\""),
        ] {
            assert_eq!(Opening::parse(wrong.as_bytes()), Err(OpeningError::Form), "{wrong}");
        }
        assert_eq!(Opening::parse(&vec![b' '; OPENING_MAX + 1]), Err(OpeningError::TooLong(OPENING_MAX + 1)));
    }
}
