//! What an entry of a pack may be, by its name.

use std::fmt;

use super::PclPackError;
use crate::domain::{Algorithm, Digest, OrgName, TreePath, TreePathError};
use crate::pack::ArchiveError;

/// What stands below `pcl/` and is bytes to this module (`spec/pack.md`, "Proofs").
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// `checkpoint`: the signed head of the log.
    Checkpoint,
    /// `consistency`: that the log of `checkpoint` extends that of `since`.
    Consistency,
    /// `events/<20 digits>`: the exact bytes of an event, by its number.
    Event(u64),
    /// `key`: the public key of the log.
    Key,
    /// `policies/<org>.json`: whom an organisation trusts.
    Policy(OrgName),
    /// `proofs/<hex>`: that the event which published this manifest is in the log.
    Proof(Digest),
    /// `since`: the signed head of the log after which everything in the pack is new.
    Since,
}

impl Part {
    /// Most bytes of it that are read.
    pub fn most(&self) -> u64 {
        match self {
            Self::Checkpoint | Self::Since => 64 << 10,
            Self::Consistency | Self::Key => 4 << 10,
            Self::Proof(_) => 128 << 10,
            Self::Policy(_) => 1 << 20,
            Self::Event(_) => 16 << 20,
        }
    }

    fn parse(name: &str) -> Option<Self> {
        let Some((folder, file)) = name.split_once('/') else {
            return match name {
                "checkpoint" => Some(Self::Checkpoint),
                "consistency" => Some(Self::Consistency),
                "key" => Some(Self::Key),
                "since" => Some(Self::Since),
                _ => None,
            };
        };
        match folder {
            "events" if file.len() == 20 && file.bytes().all(|digit| digit.is_ascii_digit()) => {
                file.parse().ok().map(Self::Event)
            }
            "policies" => file.strip_suffix(".json")?.parse().ok().map(Self::Policy),
            "proofs" => {
                let algorithm = [Algorithm::Sha256, Algorithm::Sha512].into_iter().find(|a| 2 * a.size() == file.len());
                digest(algorithm?.as_str(), file).map(Self::Proof)
            }
            _ => None,
        }
    }
}

/// The path of its entry.
impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Checkpoint => f.write_str("pcl/checkpoint"),
            Self::Consistency => f.write_str("pcl/consistency"),
            Self::Event(number) => write!(f, "pcl/events/{number:020}"),
            Self::Key => f.write_str("pcl/key"),
            Self::Policy(org) => write!(f, "pcl/policies/{org}.json"),
            Self::Proof(digest) => write!(f, "pcl/proofs/{}", digest.hex()),
            Self::Since => f.write_str("pcl/since"),
        }
    }
}

/// What an entry is.
#[derive(Debug, PartialEq)]
pub(super) enum Entry {
    Layout,
    Index,
    Part(Part),
    Resolved,
    Blob(Digest),
}

pub(super) const LAYOUT: &str = "oci-layout";
pub(super) const INDEX: &str = "index.json";
pub(super) const RESOLVED: &str = "pcl/resolved.json";

/// OCI image layout, "Blobs": a blob lies at `blobs/<alg>/<encoded>`.
pub(super) fn blob_path(digest: &Digest) -> String {
    format!("blobs/{}/{}", digest.algorithm().as_str(), digest.hex())
}

impl Entry {
    /// What the entry with this path is.
    pub fn parse(path: &str) -> Result<Self, PclPackError> {
        if let Some(entry) = known(path) {
            return Ok(entry);
        }
        let refuse = |why| Err(ArchiveError::Path(TreePathError { path: shown(path), why }).into());
        match path.parse::<TreePath>() {
            _ if path.starts_with('/') => refuse("it is absolute"),
            Err(error) => refuse(error.why),
            Ok(_) if known(&path.to_lowercase()).is_some() => Err(PclPackError::Case(shown(path))),
            Ok(_) => Err(PclPackError::Unknown(shown(path))),
        }
    }
}

fn known(path: &str) -> Option<Entry> {
    match path {
        LAYOUT => Some(Entry::Layout),
        INDEX => Some(Entry::Index),
        RESOLVED => Some(Entry::Resolved),
        _ => match path.split_once('/')? {
            ("pcl", name) => Part::parse(name).map(Entry::Part),
            ("blobs", name) => {
                let (algorithm, hex) = name.split_once('/')?;
                digest(algorithm, hex).map(Entry::Blob)
            }
            _ => None,
        },
    }
}

fn digest(algorithm: &str, hex: &str) -> Option<Digest> {
    format!("{algorithm}:{hex}").parse().ok()
}

fn shown(path: &str) -> String {
    path.chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_has_one_path_that_is_read_back() {
        let long = Digest::of(Algorithm::Sha512, b"a");
        let short = Digest::sha256(b"a");
        let parts = [Part::Checkpoint, Part::Consistency, Part::Event(7), Part::Key, Part::Since];
        let more = [Part::Policy("acme".parse().unwrap()), Part::Proof(long), Part::Proof(short)];
        for part in parts.into_iter().chain(more) {
            assert_eq!(Entry::parse(&part.to_string()).unwrap(), Entry::Part(part));
        }
        for digest in [long, short] {
            assert_eq!(Entry::parse(&blob_path(&digest)).unwrap(), Entry::Blob(digest));
        }
    }

    #[test]
    fn other_names_are_refused() {
        let hex = Digest::sha256(b"a").hex();
        for unknown in [
            "readme",
            "pcl",
            "pcl/x",
            "pcl/events/7",
            "pcl/events/+0000000000000000007",
            "pcl/events/99999999999999999999",
            "pcl/proofs/abc",
            "pcl/policies/acme",
            "pcl/policies/v2.json",
            "pcl/policies/a/b.json",
            "blobs/sha256/abc",
            &format!("blobs/md5/{hex}"),
            &format!("blobs/sha512/{hex}"),
            &format!("blobs/sha256/{hex}/x"),
        ] {
            assert!(matches!(Entry::parse(unknown), Err(PclPackError::Unknown(_))), "{unknown}");
        }
        for path in ["/index.json", "../index.json", "./index.json", "pcl/../index.json", "pcl//key", "a\\b", ""] {
            let error = Entry::parse(path).unwrap_err();
            assert!(matches!(error, PclPackError::Archive(ArchiveError::Path(_))), "{path}: {error}");
        }
        for case in ["Index.json", "PCL/key", &format!("blobs/sha256/{}", hex.to_uppercase()), "pcl/policies/Acme.json"]
        {
            assert!(matches!(Entry::parse(case), Err(PclPackError::Case(_))), "{case}");
        }
    }
}
