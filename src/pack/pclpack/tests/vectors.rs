//! The vectors of `spec/vectors/packs.json`, which `tests/vectors/packs.py` made by other means.

use serde::Deserialize;

use super::hostile::tar_of;
use super::*;
use crate::domain::Descriptor;
use crate::pack::pclpack::part::Entry;

#[derive(Deserialize)]
struct Vectors {
    packs: Vec<PackVector>,
    good: Vec<(String, String)>,
    refused: Vec<Refused>,
}

#[derive(Deserialize)]
struct PackVector {
    about: String,
    members: Vec<Descriptor>,
    needs: Vec<Needs>,
    parts: BTreeMap<String, String>,
    blobs: BTreeMap<Digest, String>,
    entries: Vec<String>,
    index: String,
    pack: Digest,
    tar: Digest,
}

#[derive(Deserialize)]
struct Refused {
    about: String,
    entries: Vec<EntryVector>,
}

/// An entry of the good pack, or another one.
#[derive(Deserialize)]
#[serde(untagged)]
enum EntryVector {
    Good(String),
    Other(String, String),
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../../../../spec/vectors/packs.json")).unwrap()
}

#[test]
fn packs_have_one_tar() {
    let packs = vectors().packs;
    assert_eq!(packs.len(), 4);
    for vector in packs {
        let part = |(path, text): (String, String)| match Entry::parse(&path).unwrap() {
            Entry::Part(part) => (part, Bytes::from(text)),
            other => panic!("{other:?}"),
        };
        let draft = Draft {
            members: vector.members.iter().map(|descriptor| Member::read(descriptor).unwrap()).collect(),
            needs: vector.needs,
            parts: vector.parts.into_iter().map(part).collect(),
        };
        let store = vector.blobs.into_iter().map(|(digest, text)| (digest, Bytes::from(text))).collect();
        let world = World { draft, store };
        let tar = world.tar().unwrap();
        let mut found = tar::Archive::new(tar.as_slice());
        let paths: Vec<String> =
            found.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().display().to_string()).collect();
        assert_eq!(paths, vector.entries, "{}", vector.about);
        assert!(tar.windows(vector.index.len()).any(|bytes| bytes == vector.index.as_bytes()), "{}", vector.about);
        assert_eq!(Digest::sha256(&tar), vector.tar, "{}", vector.about);
        let pack = read(compress(&tar).as_slice(), &Limits::default(), &mut ()).unwrap();
        assert_eq!(pack.digest, vector.pack, "{}", vector.about);
    }
}

#[test]
fn what_the_specification_refuses_is_refused() {
    let Vectors { good, refused, .. } = vectors();
    assert!(refused.len() > 20);
    let read_texts = |texts: Vec<(String, String)>| {
        let entries = texts.into_iter().map(|(path, text)| (path, b'0', text.into_bytes())).collect();
        read(compress(&tar_of(&entries)).as_slice(), &Limits::default(), &mut ())
    };
    read_texts(good.clone()).unwrap();
    for Refused { about, entries } in refused {
        let text = |entry| match entry {
            EntryVector::Good(path) => good.iter().find(|entry| entry.0 == path).unwrap().clone(),
            EntryVector::Other(path, text) => (path, text),
        };
        let error = read_texts(entries.into_iter().map(text).collect()).unwrap_err();
        println!("{about}: {error}");
    }
}
