//! The index of skills, as Agent Skills Discovery 0.2.0 has agents look for them at `/.well-known/agent-skills/index.json`.

use crate::domain::media_type::SKILL_CONTENT;
use crate::domain::public::{GoneLine, PUBLIC_DOCUMENT_MAX, SkillEntry, SkillIndex, content_path};
use crate::domain::{Digest, MANIFEST_READ_MAX, Manifest, Name, Package, Published};

use super::super::{Registry, RegistryError};
use super::shard::Shown;

/// From the index to the root of the tree.
const UP: &str = "../../";
/// Characters of a name, and of a description, that the form takes.
const NAME_MAX: usize = 64;
const DESCRIPTION_MAX: usize = 1024;

/// What becomes of the entry of a package, as of an event.
pub(super) type Entry = (Name, u64, Shown<SkillEntry>);

impl Registry {
    /// The entry of a package, if it shows a skill folder under a name that the form takes.
    pub(super) async fn skill_entry(
        &self,
        package: &Package,
        shown: &Published,
        as_of: u64,
    ) -> Result<Option<SkillEntry>, RegistryError> {
        if !is_skill_name(package.name.slug()) {
            return Ok(None);
        }
        let Some(bytes) = self.public_content(&shown.digest, MANIFEST_READ_MAX as u64).await? else { return Ok(None) };
        let Ok(manifest) = Manifest::parse(bytes, None, shown.digest.algorithm()) else { return Ok(None) };
        // The form has one archive a skill.
        let [layer] = manifest.layers.as_slice() else { return Ok(None) };
        if layer.media_type != SKILL_CONTENT {
            return Ok(None);
        }
        let said = [&package.description, &package.title].into_iter().flatten().find(|text| !text.trim().is_empty());
        let description = said.map_or(package.name.slug(), |text| text.trim());
        Ok(Some(SkillEntry {
            name: package.name.slug().to_owned(),
            kind: "archive".to_owned(),
            description: description.chars().take(DESCRIPTION_MAX).collect(),
            url: format!("{UP}{}", content_path(&layer.digest)),
            digest: layer.digest,
            package: package.name.clone(),
            version: shown.version.clone(),
            as_of,
        }))
    }
}

/// The index with these entries in it; `None` if it says all of that already.
pub(super) fn merged(held: Option<SkillIndex>, entries: Vec<Entry>) -> Option<SkillIndex> {
    let is_new = held.is_none();
    let (schema, skills, gone) = (SkillIndex::SCHEMA.to_owned(), Vec::new(), Vec::new());
    let mut index = held.unwrap_or(SkillIndex { schema, skills, gone });
    let mut changed = is_new;
    for (name, as_of, entry) in entries {
        let hash = Digest::sha256(name.as_str().as_bytes());
        let buried = index.gone.binary_search_by(|line| line.gone.cmp(&hash));
        let place = index.skills.binary_search_by(|held| held.package.cmp(&name));
        let theirs =
            [place.ok().map(|place| index.skills[place].as_of), buried.ok().map(|place| index.gone[place].as_of)];
        if theirs.into_iter().flatten().any(|theirs| theirs > as_of) {
            continue;
        }
        match (place, &entry) {
            (Ok(place), Shown::There(entry)) => {
                changed |= index.skills[place] != *entry;
                index.skills[place] = entry.clone();
            }
            (Err(place), Shown::There(entry)) => {
                index.skills.insert(place, entry.clone());
                changed = true;
            }
            (Ok(place), _) => {
                index.skills.remove(place);
                changed = true;
            }
            (Err(_), _) => {}
        }
        match (buried, entry) {
            (Ok(place), Shown::There(_)) => {
                index.gone.remove(place);
                changed = true;
            }
            // Who is late must not show what it was between.
            (Ok(place), _) => {
                changed |= index.gone[place].as_of < as_of;
                index.gone[place].as_of = index.gone[place].as_of.max(as_of);
            }
            (Err(_), Shown::There(_) | Shown::Absent) => {}
            (Err(place), Shown::Hidden) => {
                index.gone.insert(place, GoneLine { as_of, gone: hash });
                changed = true;
            }
        }
    }
    changed.then(|| fitting(index, PUBLIC_DOCUMENT_MAX as usize))
}

/// The index without what readers would refuse: the end of descriptions, and of the list, where there is no room.
fn fitting(mut index: SkillIndex, maximum: usize) -> SkillIndex {
    // No entry is longer than this, so that hardly any index is measured.
    const ENTRY_MAX: usize = 8 << 10;
    const DESCRIPTION_SHORT: usize = 80;
    let size = |index: &SkillIndex| serde_json::to_vec(index).map_or(0, |bytes| bytes.len());
    if index.skills.len() * ENTRY_MAX <= maximum || size(&index) <= maximum {
        return index;
    }
    for entry in &mut index.skills {
        entry.description = entry.description.chars().take(DESCRIPTION_SHORT).collect();
    }
    let mut left_out = 0;
    while size(&index) > maximum {
        let some = index.skills.len().div_ceil(100);
        index.skills.truncate(index.skills.len() - some);
        left_out += some;
    }
    tracing::error!(left_out, "the index of skills is full: descriptions in it are cut, and so many skills left out");
    index
}

/// Whether the Agent Skills specification takes this as the name of a skill.
fn is_skill_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    name.len() <= NAME_MAX && name.bytes().all(is_plain) && !name.contains("--") && !name.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(package: &str, as_of: u64) -> Entry {
        let package: Name = package.parse().unwrap();
        let digest = Digest::sha256(b"layer");
        let entry = SkillEntry {
            name: package.slug().to_owned(),
            kind: "archive".to_owned(),
            description: format!("as of {as_of}"),
            url: String::new(),
            digest,
            package: package.clone(),
            version: "1.0.0".parse().unwrap(),
            as_of,
        };
        (package, as_of, Shown::There(entry))
    }

    #[test]
    fn an_entry_that_shows_a_later_event_wins() {
        let index = merged(None, vec![entry("acme/b", 5), entry("acme/a", 5)]).unwrap();
        let packages: Vec<&str> = index.skills.iter().map(|skill| skill.package.as_str()).collect();
        assert_eq!(packages, ["acme/a", "acme/b"]);
        assert_eq!(merged(Some(index.clone()), vec![entry("acme/a", 4)]), None);
        assert_eq!(merged(Some(index.clone()), vec![entry("acme/a", 5)]), None);
        let gone = merged(Some(index.clone()), vec![("acme/a".parse().unwrap(), 6, Shown::Absent)]).unwrap();
        assert_eq!((gone.skills.len(), gone.gone.len()), (1, 0), "it is no skill any more");
        let hidden = merged(Some(index), vec![("acme/a".parse().unwrap(), 6, Shown::Hidden)]).unwrap();
        assert_eq!((hidden.skills.len(), hidden.gone.len()), (1, 1));
        assert_eq!(merged(Some(hidden.clone()), vec![entry("acme/a", 5)]), None, "who is late shows nothing of it");
        let back = merged(Some(hidden), vec![entry("acme/a", 7)]).unwrap();
        assert_eq!((back.skills.len(), back.gone.len()), (2, 0));
    }

    #[test]
    fn an_index_never_gets_longer_than_readers_take() {
        let entries = (0..100).map(|number| entry(&format!("acme/a{number}"), 5)).collect();
        let whole = merged(None, entries).unwrap();
        let size = |index: &SkillIndex| serde_json::to_vec(index).unwrap().len();
        for maximum in [size(&whole), size(&whole) - 1, size(&whole) / 2] {
            let index = fitting(whole.clone(), maximum);
            assert!(size(&index) <= maximum && index.skills.len() >= 40);
            assert_eq!(index == whole, maximum == size(&whole));
        }
    }

    #[test]
    fn names_are_those_that_agents_take() {
        assert!(is_skill_name("pdf-forms2"));
        for name in ["a.b", "a_b", "a--b", &"x".repeat(65)] {
            assert!(!is_skill_name(name), "{name}");
        }
    }
}
