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
use crate::domain::public::{CatalogueLine, GoneLine, PUBLIC_DOCUMENT_MAX, ShardLine};

/// Most that a part has uncompressed, in bytes: what readers take.
const SHARD_MAX: usize = PUBLIC_DOCUMENT_MAX as usize;
/// Most that is unpacked of one that is there: earlier releases wrote more than readers take.
const HELD_MAX: u64 = 1 << 30;
/// What texts are cut to, in bytes: the first always, the others where a part has no room.
const TEXT_MAX: [usize; 4] = [1 << 20, 64 << 10, 4 << 10, 0];

/// What becomes of the line of a package, as of an event.
pub(super) type Line = (Name, u64, Shown<Box<CatalogueLine>>);

/// What is said of a package in what shows many.
#[derive(Clone, Debug)]
pub(super) enum Shown<T> {
    /// It is there.
    There(T),
    /// It is not to be found any more, and that is said: who is late may show it still.
    Hidden,
    /// It is not to be found, and perhaps never was: where nothing was, nothing tells of it.
    Absent,
}

/// The line of a package with texts that are no longer than a catalogue takes.
pub(super) fn cut(mut line: CatalogueLine) -> CatalogueLine {
    cut_to(&mut line, TEXT_MAX[0]);
    line
}

/// The part with these lines in it; `None` if it says all of that already. An error tells why the part cannot be read.
pub(super) fn merged(held: Option<&[u8]>, lines: Vec<Line>) -> Result<Option<Vec<u8>>, String> {
    merged_within(SHARD_MAX, held, lines)
}

fn merged_within(maximum: usize, held: Option<&[u8]>, lines: Vec<Line>) -> Result<Option<Vec<u8>>, String> {
    let mut text = String::new();
    if let Some(held) = held {
        let read = MultiGzDecoder::new(held).take(HELD_MAX).read_to_string(&mut text);
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
            (None, Shown::Absent) => continue,
            (_, Shown::There(line)) => ShardLine::There(line),
            (_, Shown::Hidden) | (Some(_), Shown::Absent) => ShardLine::Gone(GoneLine { as_of, gone: hash }),
        };
        let line = serde_json::to_string(&line).map_err(|error| error.to_string())?;
        if found.get(&hash).is_none_or(|(_, held)| *held != line) {
            found.insert(hash, (as_of, line));
            changed = true;
        }
    }
    changed |= fit(&mut found, maximum).map_err(|error| error.to_string())?;
    if !changed || (held.is_none() && found.is_empty()) {
        return Ok(None);
    }
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    for (_, line) in found.values() {
        packed.write_all(line.as_bytes()).and_then(|()| packed.write_all(b"\n")).map_err(|error| error.to_string())?;
    }
    packed.finish().map(Some).map_err(|error| error.to_string())
}

/// Cuts texts until readers take the part, and if that is not enough, leaves out what is longest. Says whether it had to.
fn fit(found: &mut BTreeMap<Digest, (u64, String)>, maximum: usize) -> Result<bool, serde_json::Error> {
    let mut size: usize = found.values().map(|(_, line)| line.len() + 1).sum();
    if size <= maximum {
        return Ok(false);
    }
    for text_max in TEXT_MAX {
        for (_, line) in found.values_mut().filter(|(_, line)| line.len() > text_max) {
            if let ShardLine::There(mut there) = serde_json::from_str(line)? {
                cut_to(&mut there, text_max);
                let short = serde_json::to_string(&there)?;
                size = size - line.len() + short.len();
                *line = short;
            }
        }
        if size <= maximum {
            tracing::warn!(
                text_max,
                "a part of the catalogue has no room for whole texts: searches of copies find less"
            );
            return Ok(true);
        }
    }
    let mut longest: Vec<(usize, Digest)> = found.iter().map(|(hash, (_, line))| (line.len(), *hash)).collect();
    longest.sort_unstable();
    while let Some((length, hash)) = longest.pop()
        && size > maximum
    {
        let Some((as_of, line)) = found.get_mut(&hash) else { continue };
        let gone = serde_json::to_string(&GoneLine { as_of: *as_of, gone: hash })?;
        if gone.len() < length {
            tracing::error!(%hash, length, "a part of the catalogue is full: searches of copies go without this package");
            size = size - length + gone.len();
            *line = gone;
        }
    }
    Ok(true)
}

fn cut_to(line: &mut CatalogueLine, maximum: usize) {
    for text in [&mut line.title, &mut line.description, &mut line.text] {
        let mut end = maximum.min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
    }
}

/// The packages that a part shows. An error tells why it cannot be read.
pub(super) fn packages(held: &[u8]) -> Result<Vec<Name>, String> {
    let mut text = String::new();
    MultiGzDecoder::new(held).take(HELD_MAX).read_to_string(&mut text).map_err(|error| error.to_string())?;
    let there = text.lines().filter_map(|line| match serde_json::from_str(line) {
        Ok(ShardLine::There(line)) => Some(Ok(line.name)),
        Ok(ShardLine::Gone(_)) => None,
        Err(error) => Some(Err(error.to_string())),
    });
    there.collect()
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
        (name, as_of, Shown::There(Box::new(line)))
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
    fn a_part_never_gets_longer_than_readers_take() {
        let of = |name: &str, text: String| {
            let (name, as_of, Shown::There(line)) = line(name, 1, "") else { panic!("it is there") };
            (name, as_of, Shown::There(Box::new(CatalogueLine { text, ..*line })))
        };
        let (_, _, Shown::There(long)) = of("acme/a", "é".repeat(1 << 20)) else { panic!("it is there") };
        assert_eq!(cut(*long).text, "é".repeat(512 << 10), "1 MiB of it, and no half of a character");
        let lines: Vec<Line> = (0..10).map(|number| of(&format!("acme/a{number}"), "word ".repeat(2000))).collect();
        let whole = merged(None, lines.clone()).unwrap().unwrap();
        let whole = text(&whole).len();
        for maximum in [whole, whole - 1, 10 * 5000, 10 * 4000, 1500, 980] {
            let part = merged_within(maximum, None, lines.clone()).unwrap().unwrap();
            let part = text(&part);
            assert!(part.len() <= maximum, "{} of {maximum}", part.len());
            assert_eq!(part.lines().count(), 10, "each package has a line, or a word that it has none");
            let named = part.matches("\"name\"").count();
            assert_eq!(named == 10, maximum >= 1500, "{maximum}: {named}");
            assert_eq!(part.len() == whole, maximum == whole, "nothing is cut without need");
        }
    }

    #[test]
    fn what_is_gone_is_told_of_without_its_name() {
        let gone = |name: &str, as_of| (name.parse::<Name>().unwrap(), as_of, Shown::Absent);
        assert_eq!(merged(None, vec![gone("acme/never", 1)]).unwrap(), None, "nothing was there");
        let first = merged(None, vec![line("acme/a", 5, "five")]).unwrap().unwrap();
        assert_eq!(merged(Some(&first), vec![gone("acme/never", 9)]).unwrap(), None);
        let second = merged(Some(&first), vec![gone("acme/a", 6)]).unwrap().unwrap();
        assert!(!text(&second).contains("acme"), "{}", text(&second));
        assert_eq!(merged(Some(&second), vec![line("acme/a", 5, "late")]).unwrap(), None);
        let third = merged(Some(&second), vec![line("acme/a", 7, "back")]).unwrap().unwrap();
        assert!(text(&third).contains("back"));
        assert!(merged(Some(b"no gzip"), Vec::new()).is_err());
        // Hidden before its line was ever written: who writes it late finds that it is gone.
        let hidden = merged(None, vec![("acme/a".parse().unwrap(), 6, Shown::Hidden)]).unwrap().unwrap();
        assert_eq!(merged(Some(&hidden), vec![line("acme/a", 5, "late")]).unwrap(), None);
        assert_eq!((packages(&hidden).unwrap(), packages(&third).unwrap()), (vec![], vec!["acme/a".parse().unwrap()]));
    }
}
