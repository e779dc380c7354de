//! A part of the catalogue: lines of JSON, compressed, in the order of the hashes of their packages' names.
//!
//! Lines are merged, and one that shows a later event wins: so writers need not know each other.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use serde::Deserialize;

use crate::domain::Digest;
use crate::domain::Name;
use crate::domain::public::{CatalogueLine, GoneLine, ShardLine};

/// Most that a part has uncompressed, in bytes: what is more is left out with a word in the log.
const SHARD_MAX: u64 = 1 << 30;

/// What becomes of the line of a package. `None`: it is not to be found any more.
pub(super) type Line = (Name, u64, Option<Box<CatalogueLine>>);

/// The part with these lines in it; `None` if it says all of that already. An error tells why the part cannot be read.
pub(super) fn merged(held: Option<&[u8]>, lines: Vec<Line>) -> Result<Option<Vec<u8>>, String> {
    let mut text = String::new();
    if let Some(held) = held {
        let read = MultiGzDecoder::new(held).take(SHARD_MAX).read_to_string(&mut text);
        read.map_err(|error| error.to_string())?;
    }
    let mut found: BTreeMap<Digest, (u64, String)> = BTreeMap::new();
    for line in text.lines() {
        let (hash, as_of) = head_of(line).map_err(|error| error.to_string())?;
        found.insert(hash, (as_of, line.to_owned()));
    }
    let mut changed = held.is_none();
    for (name, as_of, line) in lines {
        let hash = Digest::sha256(name.as_str().as_bytes());
        let line = match (found.get(&hash), line) {
            (Some((theirs, _)), _) if *theirs > as_of => continue,
            // Where nothing was, nothing tells of it.
            (None, None) => continue,
            (_, Some(line)) => ShardLine::There(line),
            (Some(_), None) => ShardLine::Gone(GoneLine { as_of, gone: hash }),
        };
        let line = serde_json::to_string(&line).map_err(|error| error.to_string())?;
        if found.get(&hash).is_none_or(|(_, held)| *held != line) {
            found.insert(hash, (as_of, line));
            changed = true;
        }
    }
    if !changed || (held.is_none() && found.is_empty()) {
        return Ok(None);
    }
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    for (_, line) in found.values() {
        packed.write_all(line.as_bytes()).and_then(|()| packed.write_all(b"\n")).map_err(|error| error.to_string())?;
    }
    packed.finish().map(Some).map_err(|error| error.to_string())
}

/// The hash of the name that a line is about, and the event that it shows.
fn head_of(line: &str) -> Result<(Digest, u64), serde_json::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Which {
        There { name: Name },
        Gone { gone: Digest },
    }
    #[derive(Deserialize)]
    struct Head {
        as_of: u64,
        #[serde(flatten)]
        which: Which,
    }
    let head: Head = serde_json::from_str(line)?;
    let hash = match head.which {
        Which::There { name } => Digest::sha256(name.as_str().as_bytes()),
        Which::Gone { gone } => gone,
    };
    Ok((hash, head.as_of))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Kind, Timestamp};

    fn line(name: &str, as_of: u64, title: &str) -> Line {
        let name: Name = name.parse().unwrap();
        let line = CatalogueLine {
            as_of,
            name: name.clone(),
            kind: Kind::Skill,
            version: "1.0.0".parse().unwrap(),
            title: title.to_owned(),
            description: String::new(),
            tags: Vec::new(),
            skills: Vec::new(),
            text: String::new(),
            updated: Timestamp::from_micros(0),
            authors: Vec::new(),
            license: None,
            needs: Vec::new(),
        };
        (name, as_of, Some(Box::new(line)))
    }

    fn text(packed: &[u8]) -> String {
        let mut text = String::new();
        MultiGzDecoder::new(packed).read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn a_line_that_shows_a_later_event_wins() {
        let first = merged(None, vec![line("acme/a", 5, "five"), line("acme/b", 5, "b")]).unwrap().unwrap();
        assert_eq!(text(&first).lines().count(), 2);
        assert_eq!(merged(Some(&first), vec![line("acme/a", 4, "four")]).unwrap(), None, "it is late");
        assert_eq!(merged(Some(&first), vec![line("acme/a", 5, "five")]).unwrap(), None, "it says so already");
        let second = merged(Some(&first), vec![line("acme/a", 6, "six")]).unwrap().unwrap();
        assert!(text(&second).contains("six") && !text(&second).contains("five") && text(&second).contains("acme/b"));
    }

    #[test]
    fn what_is_gone_is_told_of_without_its_name() {
        let gone = |name: &str, as_of| (name.parse::<Name>().unwrap(), as_of, None);
        assert_eq!(merged(None, vec![gone("acme/never", 1)]).unwrap(), None, "nothing was there");
        let first = merged(None, vec![line("acme/a", 5, "five")]).unwrap().unwrap();
        assert_eq!(merged(Some(&first), vec![gone("acme/never", 9)]).unwrap(), None);
        let second = merged(Some(&first), vec![gone("acme/a", 6)]).unwrap().unwrap();
        assert!(!text(&second).contains("acme"), "{}", text(&second));
        assert_eq!(merged(Some(&second), vec![line("acme/a", 5, "late")]).unwrap(), None);
        let third = merged(Some(&second), vec![line("acme/a", 7, "back")]).unwrap().unwrap();
        assert!(text(&third).contains("back"));
        assert!(merged(Some(b"no gzip"), Vec::new()).is_err());
    }
}
