//! Names, tags, versions, ranges, digests and slugs: what is accepted comes back as it was written.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pure::domain::{Digest, Kind, Name, Range, Repository, Tag, TreePath, Version, slug_or_hash};

fn check<T: std::str::FromStr + ToString>(text: &str) -> Option<T> {
    let value: T = text.parse().ok()?;
    assert_eq!(value.to_string(), text);
    Some(value)
}

fuzz_target!(|text: &str| {
    check::<Repository>(text);
    check::<Name>(text);
    check::<Digest>(text);
    check::<TreePath>(text);
    if let Some(tag) = check::<Tag>(text) {
        let _ = Version::from_tag(&tag);
    }
    if let Some(version) = check::<Version>(text) {
        let tag = version.tag().parse().ok().and_then(|tag| Version::from_tag(&tag));
        assert_eq!(tag.map(|version| version.to_string()).as_deref(), Some(text));
    }
    if let (Some(range), Ok(version)) = (check::<Range>(text), "1.2.3".parse()) {
        let _ = range.contains(&version);
    }
    let _ = Version::lenient(text);
    let slug = slug_or_hash(text, Kind::Skill);
    assert!(format!("acme/{slug}").parse::<Name>().is_ok(), "{slug:?}");
});
