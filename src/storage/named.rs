//! From a path back to the [`Key`] whose path it is, for whoever looks at everything that lies in a store.

use super::Key;
use crate::domain::{Area, Digest};

impl Key {
    /// The key with this very path; `None` if no key has it.
    pub fn of_path(path: &str) -> Option<Self> {
        let key = read(path)?;
        // Whatever was read with too little care has another path than this.
        (key.path() == path).then_some(key)
    }
}

fn read(path: &str) -> Option<Key> {
    let number = |text: &str| text.parse::<u64>().ok();
    let parts: Vec<&str> = path.split('/').collect();
    match parts[..] {
        ["format.json"] => Some(Key::Format),
        ["owner.json"] => Some(Key::Owner),
        ["events", n] => number(n).map(Key::Event),
        ["events", "snapshot", n] => number(n).map(Key::EventSnapshot),
        ["events", "batch", hex] => format!("sha256:{hex}").parse().ok().map(Key::EventBatch),
        ["log", "identity.json"] => Some(Key::LogIdentity),
        ["log", "head", size] => number(size).map(Key::LogHead),
        ["public", "log", "key"] => Some(Key::LogKey),
        ["public", "log", "checkpoint"] => Some(Key::LogCheckpoint),
        ["public", "log", "long", n] => number(n).map(Key::LogLong),
        ["public", "log", "tile", ..] => path.strip_prefix("public/log/")?.parse().ok().map(Key::LogTile),
        ["staging", "uploads", name] => match name.split_once('.') {
            Some((id, "json")) => id.parse().ok().map(Key::Upload),
            Some((id, "data")) => id.parse().ok().map(Key::UploadData),
            _ => None,
        },
        ["staging", "members", name] => Some(Key::Member(name.strip_suffix(".json")?.parse().ok()?)),
        ["staging", "collecting.json"] => Some(Key::Collecting),
        ["staging", "uploads", id, part] => Some(Key::UploadPart(id.parse().ok()?, part.parse().ok()?)),
        ["private", org, "drafts", id, revision] => {
            Some(Key::Draft { area: private(org)?, id: id.parse().ok()?, revision: number(revision)? })
        }
        ["quarantine", ref rest @ ..] => blob(rest).map(|(area, digest)| Key::Quarantined { area, digest }),
        ref rest => blob(rest).map(|(area, digest)| Key::Blob { area, digest }),
    }
}

fn private(org: &str) -> Option<Area> {
    format!("private/{org}").parse().ok()
}

fn blob(parts: &[&str]) -> Option<(Area, Digest)> {
    let (area, rest) = match parts {
        ["public", rest @ ..] => (Area::Public, rest),
        ["private", org, rest @ ..] => (private(org)?, rest),
        _ => return None,
    };
    match rest {
        ["blobs", algorithm, _, hex] => Some((area, format!("{algorithm}:{hex}").parse().ok()?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_of_the_contract_is_read_back() {
        let vectors: serde_json::Value = serde_json::from_str(include_str!("../../spec/vectors/keys.json")).unwrap();
        for vector in vectors.as_array().unwrap() {
            let path = vector["path"].as_str().unwrap();
            // The documents of the static tree are read by whoever knows them.
            let is_read = Key::of_path(path).is_some_and(|key| key.path() == path);
            let is_static =
                path.starts_with("public/") && !path.starts_with("public/blobs/") && !path.starts_with("public/log/");
            assert!(is_read || is_static, "{path}");
        }
    }

    #[test]
    fn what_only_looks_like_a_path_of_ours_is_none() {
        let hex = Digest::sha256(b"").hex();
        for path in [
            "".to_owned(),
            "events/1".to_owned(),
            "events/0000000000000000000x".to_owned(),
            format!("public/blobs/sha256/00/{hex}"),
            format!("public/blobs/sha512/{}/{hex}", &hex[..2]),
            format!("private/a/b/blobs/sha256/{}/{hex}", &hex[..2]),
            format!("public/blobs/sha256/{}/{}", &hex[..2], hex.to_uppercase()),
            "staging/uploads/x.json".to_owned(),
            "log/head/1".to_owned(),
            "public/log/tile/0/1".to_owned(),
            "public/log/tile/8/000".to_owned(),
            "notes.txt".to_owned(),
        ] {
            assert_eq!(Key::of_path(&path), None, "{path}");
        }
    }
}
