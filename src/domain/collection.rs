//! Collections: ordered bundles of packages, under a name of their own. Their names look like those of packages and have nothing
//! to do with them.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::text::text_fault;
use super::{Name, Range, Visibility};

/// Most packages of one collection.
pub const COLLECTION_ITEMS_MAX: usize = 1000;
/// Largest document of a collection, in bytes.
pub const COLLECTION_MAX: u64 = 1 << 20;
/// Longest title, in bytes.
const TITLE_MAX: usize = 200;
/// Longest description and longest note, in bytes.
const TEXT_MAX: usize = 4000;

/// What a collection says: an ordered list of packages, each with the range of its versions that is meant.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Collection {
    /// The name as people write it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Who finds it: everybody, or whoever knows the name.
    #[serde(default)]
    pub visibility: Visibility,
    /// The packages, in their order.
    pub items: Vec<CollectionItem>,
}

/// One package of a collection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CollectionItem {
    /// Its name. There need not be such a package yet.
    pub name: Name,
    /// Which of its versions are meant; any, if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<Range>,
    /// What it does in this company.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Collection {
    /// The bytes that are stored and hashed: JSON with sorted keys and no white space.
    pub fn to_bytes(&self) -> Bytes {
        // Going through Value sorts the keys, as for events.
        let value = serde_json::to_value(self).unwrap_or_default();
        Bytes::from(value.to_string())
    }

    /// Why the registry does not take it, if it does not.
    pub fn check(&self) -> Result<(), String> {
        if self.visibility == Visibility::Private {
            return Err("a collection is public or unlisted".to_owned());
        }
        if self.items.len() > COLLECTION_ITEMS_MAX {
            let items = self.items.len();
            return Err(format!(
                "{items} packages are more than the {COLLECTION_ITEMS_MAX} that a collection may have"
            ));
        }
        let title = self.title.iter().map(|title| ("the title", title, TITLE_MAX));
        let description = self.description.iter().map(|text| ("the description", text, TEXT_MAX));
        let notes = self.items.iter().filter_map(|item| Some(("a note", item.note.as_ref()?, TEXT_MAX)));
        for (what, text, most) in title.chain(description).chain(notes) {
            if let Some(fault) = text_fault(text, most) {
                return Err(format!("{what} {fault}"));
            }
        }
        let mut names: Vec<&Name> = self.items.iter().map(|item| &item.name).collect();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(format!("{} is in it twice", pair[0])),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(name: &str) -> CollectionItem {
        CollectionItem { name: name.parse().unwrap(), range: None, note: None }
    }

    #[test]
    fn bytes_are_canonical_and_come_back() {
        let collection = Collection {
            title: Some("First steps".to_owned()),
            description: None,
            visibility: Visibility::Unlisted,
            items: vec![CollectionItem { range: "^1".parse().ok(), ..item("acme/b") }, item("acme/a")],
        };
        let bytes = collection.to_bytes();
        assert_eq!(
            bytes,
            r#"{"items":[{"name":"acme/b","range":"^1"},{"name":"acme/a"}],"title":"First steps","visibility":"unlisted"}"#
        );
        assert_eq!(serde_json::from_slice::<Collection>(&bytes).unwrap(), collection);
        assert_eq!(collection.check(), Ok(()));
    }

    #[test]
    fn what_is_too_much_is_refused() {
        let items = |names: &[&str]| names.iter().map(|name| item(name)).collect::<Vec<_>>();
        let many: Vec<CollectionItem> = (0..=COLLECTION_ITEMS_MAX).map(|n| item(&format!("acme/p{n}"))).collect();
        let with = |items| Collection { items, ..Collection::default() };
        assert_eq!(with(many[1..].to_vec()).check(), Ok(()));
        let long = Some("x".repeat(TEXT_MAX + 1));
        for (refused, why) in [
            (with(many), "1001 packages"),
            (with(items(&["acme/a", "acme/b", "acme/a"])), "acme/a is in it twice"),
            (Collection { title: Some("a\0b".to_owned()), ..Collection::default() }, "control characters"),
            (Collection { title: long.clone(), ..Collection::default() }, "the title has"),
            (Collection { description: long.clone(), ..Collection::default() }, "the description has"),
            (with(vec![CollectionItem { note: long, ..item("acme/a") }]), "a note has"),
            (Collection { visibility: Visibility::Private, ..Collection::default() }, "public or unlisted"),
        ] {
            let error = refused.check().unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }
}
