//! Indexes made of the catalogues of registries of files, kept in the cache folder.
//!
//! An index lies in a folder that is named by the digest of the bytes that it was made of, and gets there whole, by a rename. So one that is
//! found is right, whoever made it, whatever was interrupted, and however many processes search at once. All of it can be made again.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::Digest;
use crate::domain::public::{RegistryDocument, Shard};
use crate::search::{Document, Index, Origin, SearchError};

/// What is unfinished for so long is nobody's any more.
const ABANDONED: Duration = Duration::from_secs(60 * 60);

/// The indexes of one registry of files.
pub(super) struct Indexes {
    /// What was answered from last.
    shown: PathBuf,
    /// A folder for each.
    folder: PathBuf,
}

/// Which index shows all that a `registry.json` tells of.
#[derive(Serialize, Deserialize)]
struct Shown {
    registry: RegistryDocument,
    made_of: Digest,
}

/// Identity of an index: of the parts of the catalogue as they came, and of the release that makes it.
pub(super) fn made_of(parts: &BTreeMap<Shard, Vec<u8>>) -> Digest {
    let mut text = format!("pclr {}\n", env!("CARGO_PKG_VERSION"));
    for (shard, part) in parts {
        text.push_str(&format!("{shard} {}\n", Digest::sha256(part)));
    }
    Digest::sha256(text.as_bytes())
}

impl Indexes {
    /// Those below the folder for the catalogue of a registry.
    pub(super) fn below(catalogue: &Path) -> Self {
        Self { shown: catalogue.join("shown.json"), folder: catalogue.join("index") }
    }

    /// The index that shows all that this document tells of, if it is known and free.
    pub(super) fn shown(&self, registry: &RegistryDocument) -> Option<Index> {
        let shown: Shown = serde_json::from_slice(&fs::read(&self.shown).ok()?).ok()?;
        if shown.registry == *registry { self.open(&shown.made_of) } else { None }
    }

    /// The index that was made of this, if it is there and free.
    pub(super) fn open(&self, made_of: &Digest) -> Option<Index> {
        let place = self.place(made_of);
        if !place.is_dir() {
            return None;
        }
        match Index::open(&place) {
            Ok((index, opened)) if opened.origin == Origin::Found && opened.through > 0 => Some(index),
            Ok((index, _)) => {
                // Damaged, or of another release: it was emptied.
                drop(index);
                let _ = fs::remove_dir_all(&place);
                None
            }
            Err(SearchError::Busy(_)) => None,
            Err(error) => {
                tracing::debug!(%error, "an index cannot be opened");
                None
            }
        }
    }

    /// Makes the index; `None` if another process has it open, or the disk does not take it.
    pub(super) fn make(&self, made_of: &Digest, documents: Vec<Document>, through: u64) -> Option<Index> {
        let place = self.place(made_of);
        // An index of nothing names no event: it is made in memory each time.
        if documents.is_empty() || place.exists() {
            return None;
        }
        let beside = self.folder.join(format!(".{}.part", Uuid::now_v7().simple()));
        let made = Index::open(&beside).and_then(|(index, _)| index.apply(documents, Vec::new(), through));
        let moved = made.map_err(anyhow::Error::from).and_then(|()| Ok(fs::rename(&beside, &place)?));
        if let Err(error) = moved {
            // Another process may have been quicker; if so, its index is as good.
            tracing::debug!(%error, "an index cannot be kept");
            let _ = fs::remove_dir_all(&beside);
        }
        self.open(made_of)
    }

    /// Notes which index shows all that this document tells of, and removes the others. Where that fails, it is found out again.
    pub(super) fn show(&self, registry: &RegistryDocument, made_of: Digest) {
        let kept = self.place(&made_of);
        let shown = Shown { registry: registry.clone(), made_of };
        let beside = self.shown.with_file_name(format!(".shown.{}.part", Uuid::now_v7().simple()));
        let bytes = serde_json::to_vec(&shown).map_err(std::io::Error::from);
        let noted = bytes.and_then(|bytes| fs::write(&beside, bytes)).and_then(|()| fs::rename(&beside, &self.shown));
        if noted.is_err() {
            let _ = fs::remove_file(&beside);
        }
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let is_unfinished = path.extension() == Some(OsStr::new("part"));
            if path != kept && !(is_unfinished && is_recent(&path)) {
                // One that another process searches in stays readable for it.
                let _ = fs::remove_dir_all(&path);
            }
        }
    }

    fn place(&self, made_of: &Digest) -> PathBuf {
        self.folder.join(made_of.hex())
    }
}

fn is_recent(path: &Path) -> bool {
    let changed = fs::metadata(path).and_then(|found| found.modified());
    let age = changed.map(|changed| SystemTime::now().duration_since(changed).unwrap_or_default());
    age.is_ok_and(|age| age < ABANDONED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Area, Kind, Timestamp};
    use crate::search::Query;

    fn document(name: &str) -> Document {
        Document {
            name: name.parse().unwrap(),
            kind: Kind::Skill,
            version: "1.0.0".parse().unwrap(),
            title: "word".to_owned(),
            description: String::new(),
            tags: Vec::new(),
            skills: Vec::new(),
            text: String::new(),
            area: Area::Public,
            updated: Timestamp::from_micros(0),
            authors: Vec::new(),
            license: None,
            needs: Vec::new(),
        }
    }

    fn of(bytes: &[u8]) -> Digest {
        made_of(&BTreeMap::from([("00".parse().unwrap(), bytes.to_vec())]))
    }

    fn registry(as_of: u64) -> RegistryDocument {
        RegistryDocument { format: 1, as_of, behind: None, packages: 1, shards: Vec::new() }
    }

    fn found(index: &Index) -> usize {
        index.search(&Query { text: "word".to_owned(), limit: 5, ..Query::default() }).unwrap().total
    }

    #[test]
    fn an_index_is_found_by_what_it_was_made_of_alone() {
        let folder = tempfile::tempdir().unwrap();
        let indexes = Indexes::below(folder.path());
        let (one, two) = (of(b"one"), of(b"two"));
        let index = indexes.make(&one, vec![document("acme/one")], 1).unwrap();
        indexes.show(&registry(1), one);
        assert_eq!(found(&index), 1);
        // Another process, while this one searches: it makes its own, and takes none that is in use.
        assert!(indexes.open(&one).is_none() && indexes.make(&one, vec![document("acme/one")], 1).is_none());
        let other = indexes.make(&two, vec![document("acme/one"), document("acme/two")], 2).unwrap();
        indexes.show(&registry(2), two);
        assert_eq!((found(&index), found(&other)), (1, 2));
        drop((index, other));
        assert!(indexes.shown(&registry(1)).is_none(), "what it was made of is past");
        assert_eq!(found(&indexes.shown(&registry(2)).unwrap()), 2);
        assert_eq!(fs::read_dir(&indexes.folder).unwrap().count(), 1, "the other was removed");
    }

    #[test]
    fn what_is_unfinished_or_damaged_is_no_index() {
        let folder = tempfile::tempdir().unwrap();
        let indexes = Indexes::below(folder.path());
        let one = of(b"one");
        drop(indexes.make(&one, vec![document("acme/one")], 1).unwrap());
        indexes.show(&registry(1), one);
        let own = fs::read_dir(indexes.place(&one)).unwrap().next().unwrap().unwrap().path();
        for file in fs::read_dir(own).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file()) {
            fs::write(file, b"damage").unwrap();
        }
        assert!(indexes.shown(&registry(1)).is_none());
        assert_eq!(found(&indexes.make(&one, vec![document("acme/one")], 1).unwrap()), 1, "it is made again");
        // One who dies leaves a folder beside.
        drop(Index::open(&indexes.folder.join(".died.part")).unwrap());
        assert!(indexes.open(&of(b"died")).is_none());
    }
}
