//! Changes of what an artifact says of itself, as JSON merge patches (RFC 7396).

use serde_json::{Map, Value};

use super::About;

/// The fields that a patch may change: what people say. Name, version and kind are said elsewhere, the rest is found in the files.
const FIELDS: &[&str] = &[
    "title",
    "description",
    "tags",
    "skills",
    "dependencies",
    "license",
    "authors",
    "changelog",
    "capabilities",
    "metadata",
];

/// A merge patch of the fields that people write. A member replaces what is there, objects are merged member by member, and
/// `null` takes a field away.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AboutPatch(Map<String, Value>);

/// Why a patch cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// It is no object.
    #[error("a patch is a JSON object with the fields to change")]
    NoObject,
    /// It names a field that cannot be changed so.
    #[error("{0:?} cannot be changed by a patch; these can: {fields}", fields = FIELDS.join(", "))]
    Field(String),
    /// What comes of it is not what these fields hold.
    #[error("what the patch makes of it cannot be read: {0}")]
    Value(String),
}

impl AboutPatch {
    /// A patch, if it names nothing but fields that may change.
    pub fn of(patch: Value) -> Result<Self, PatchError> {
        let Value::Object(fields) = patch else { return Err(PatchError::NoObject) };
        match fields.keys().find(|field| !FIELDS.contains(&field.as_str())) {
            Some(field) => Err(PatchError::Field(field.chars().take(80).collect())),
            None => Ok(Self(fields)),
        }
    }

    /// What it makes of these words.
    pub fn apply(&self, about: &About) -> Result<About, PatchError> {
        let unreadable = |error: serde_json::Error| PatchError::Value(error.to_string());
        let mut value = serde_json::to_value(about).map_err(unreadable)?;
        merge(&mut value, &Value::Object(self.0.clone()));
        serde_json::from_value(value).map_err(unreadable)
    }
}

/// RFC 7396, section 2.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else { return patch.clone_into(target) };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(members) = target else { return };
    for (name, value) in patch {
        match value {
            Value::Null => drop(members.remove(name)),
            value => merge(members.entry(name.clone()).or_insert(Value::Null), value),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The examples of RFC 7396, appendix A.
    #[test]
    fn patches_merge_as_the_rfc_says() {
        for (mut target, patch, expected) in [
            (json!({"a":"b"}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"b"}), json!({"b":"c"}), json!({"a":"b","b":"c"})),
            (json!({"a":"b"}), json!({"a":null}), json!({})),
            (json!({"a":"b","b":"c"}), json!({"a":null}), json!({"b":"c"})),
            (json!({"a":["b"]}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"c"}), json!({"a":["b"]}), json!({"a":["b"]})),
            (json!({"a":{"b":"c"}}), json!({"a":{"b":"d","c":null}}), json!({"a":{"b":"d"}})),
            (json!({"a":[{"b":"c"}]}), json!({"a":[1]}), json!({"a":[1]})),
            (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
            (json!({"a":"b"}), json!(["c"]), json!(["c"])),
            (json!({"a":"foo"}), json!(null), json!(null)),
            (json!({"e":null}), json!({"a":1}), json!({"e":null,"a":1})),
            (json!([1, 2]), json!({"a":"b","c":null}), json!({"a":"b"})),
            (json!({}), json!({"a":{"bb":{"ccc":null}}}), json!({"a":{"bb":{}}})),
        ] {
            let before = target.clone();
            merge(&mut target, &patch);
            assert_eq!(target, expected, "{before} with {patch}");
        }
    }

    #[test]
    fn only_what_people_say_can_be_patched() {
        let about: About = serde_json::from_value(json!({
            "title": "Hello", "tags": ["a", "b"], "metadata": {"x": {"y": 1, "z": 2}},
            "declares": [{"kind": "skill", "name": "Hello", "line": 1}],
        }))
        .unwrap();
        let patch = json!({"title": null, "description": "Greets", "tags": ["c"], "metadata": {"x": {"y": null}}});
        let changed = AboutPatch::of(patch).unwrap().apply(&about).unwrap();
        let expected = json!({"description": "Greets", "tags": ["c"], "metadata": {"x": {"z": 2}},
            "declares": [{"kind": "skill", "name": "Hello", "line": 1}]});
        assert_eq!(serde_json::to_value(changed).unwrap(), expected);
        for field in ["name", "version", "kind", "tree", "primary", "source", "declares", "diagnostics", "colour"] {
            assert_eq!(AboutPatch::of(json!({ field: "x" })), Err(PatchError::Field(field.to_owned())));
        }
        assert_eq!(AboutPatch::of(json!(["title"])), Err(PatchError::NoObject));
        let wrong = AboutPatch::of(json!({"tags": "c"})).unwrap().apply(&about);
        assert!(matches!(wrong, Err(PatchError::Value(_))), "{wrong:?}");
        assert_eq!(AboutPatch::default().apply(&about).unwrap(), about);
    }
}
