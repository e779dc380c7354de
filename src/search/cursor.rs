//! Where a page ended, as opaque text.

use std::fmt;
use std::str::FromStr;

use super::collect::Key;
use super::error::SearchError;
use super::query::Query;
use crate::domain::{Digest, Name};

const VERSION: u8 = 1;
const SEAL: usize = 8;
const HEAD: usize = 1 + SEAL + 8 + 8;

/// Where a page ended: the key of its last hit, the question it belongs to, and the state of the index it was made in.
///
/// As text: lower-case hexadecimal of a version byte, an eight-byte hash over question and rest, the number of the last event
/// that the index showed, the sort key, the name. Opaque to callers; safe in a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    seal: [u8; SEAL],
    pub(super) generation: u64,
    pub(super) key: Key,
}

impl Cursor {
    pub(super) fn new(query: &Query, generation: u64, key: Key) -> Self {
        Self { seal: seal(query, generation, &key), generation, key }
    }

    /// Refuses a cursor that was made for another question, or by nobody.
    pub(super) fn check(&self, query: &Query) -> Result<(), SearchError> {
        if self.seal == seal(query, self.generation, &self.key) {
            return Ok(());
        }
        Err(SearchError::Cursor("it belongs to another question"))
    }
}

fn seal(query: &Query, generation: u64, key: &Key) -> [u8; SEAL] {
    let mut sealed = query.fingerprint();
    sealed.extend(generation.to_be_bytes());
    sealed.extend(key.rank.to_be_bytes());
    sealed.extend(key.name.as_bytes());
    let hash = Digest::sha256(&sealed).hex();
    let mut seal = [0; SEAL];
    // A hash has more digits than are asked for here.
    let _ = hex::decode_to_slice(&hash[..2 * SEAL], &mut seal);
    seal
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = vec![VERSION];
        bytes.extend(self.seal);
        bytes.extend(self.generation.to_be_bytes());
        bytes.extend(self.key.rank.to_be_bytes());
        bytes.extend(self.key.name.as_bytes());
        f.write_str(&hex::encode(bytes))
    }
}

impl FromStr for Cursor {
    type Err = SearchError;

    fn from_str(text: &str) -> Result<Self, SearchError> {
        const GARBLED: SearchError = SearchError::Cursor("it was not made by this registry");
        let bytes = hex::decode(text).map_err(|_| GARBLED)?;
        let (head, name) = bytes.split_at_checked(HEAD).ok_or(GARBLED)?;
        let number = |from: usize| head[from..from + 8].iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        if head[0] != VERSION {
            return Err(SearchError::Cursor("it was made by another version of the registry"));
        }
        let name: Name = std::str::from_utf8(name).ok().and_then(|name| name.parse().ok()).ok_or(GARBLED)?;
        let mut seal = [0; SEAL];
        seal.copy_from_slice(&head[1..1 + SEAL]);
        let key = Key { rank: number(1 + SEAL + 8), name: name.as_str().to_owned() };
        Ok(Self { seal, generation: number(1 + SEAL), key })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn comes_back_from_text_and_belongs_to_one_question() {
        let query = Query { text: "review".into(), ..Query::default() };
        let cursor = Cursor::new(&query, 7, Key { rank: u64::MAX - 3, name: "acme/hello".into() });
        let read: Cursor = cursor.to_string().parse().unwrap();
        assert_eq!(read, cursor);
        assert!(read.check(&query).is_ok());
        assert!(read.check(&Query { limit: 5, facets: true, ..query.clone() }).is_ok());
        assert!(read.check(&Query { text: "other".into(), ..query.clone() }).is_err());
        assert!(read.check(&Query { orgs: vec!["acme".into()], ..query }).is_err());
    }

    proptest! {
        #[test]
        fn garbled_cursors_are_refused(text in "\\PC{0,40}|[0-9a-f]{0,120}", at in 0_usize..100) {
            let query = Query::default();
            if let Ok(cursor) = text.parse::<Cursor>() {
                prop_assert!(cursor.check(&query).is_err());
            }
            let mut good = Cursor::new(&query, 7, Key { rank: 5, name: "acme/hello".into() }).to_string().into_bytes();
            let at = at % good.len();
            good[at] = if good[at] == b'0' { b'1' } else { b'0' };
            let read = String::from_utf8(good).unwrap().parse::<Cursor>();
            prop_assert!(read.is_err() || read.is_ok_and(|cursor| cursor.check(&query).is_err()));
        }
    }
}
