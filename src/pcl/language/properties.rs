//! What the properties of a declaration say: lists, grades, tools, free-form metadata.

use std::borrow::Cow;

use serde_json::{Map, Value as Json};

use crate::domain::{Kind, Level, Skill};
use crate::pcl::finding::{cut, fold};

use super::outline::{Block, Declaration, Property, Value, ValueKind, same_key};

/// Longest string of free-form metadata, in bytes: prompts and instructions stay in the file.
const METADATA_TEXT_MAX: usize = 2000;
/// Longest description, in bytes.
const DESCRIPTION_MAX: usize = 4096;
/// Properties that have a field of their own, or that are the artifact's content.
pub(super) const TAKEN: [&str; 30] = [
    "name",
    "version",
    "description",
    "tags",
    "skills",
    "license",
    "licence",
    "author",
    "authors",
    "allowed_tools",
    "tools",
    "model",
    "metadata",
    "instructions",
    "prompts",
    "prompt",
    "system",
    "steps",
    "members",
    "primary",
    "coordinator",
    "conflict",
    "fallback",
    "dependencies",
    "extends",
    "implements",
    "requires",
    "examples",
    "items",
    "id",
];

/// The part of a body that describes the declaration: fields of an interface, such as `author: String`, and members of an
/// enumeration do not.
pub(super) fn described(declaration: &Declaration) -> Cow<'_, Block> {
    if !matches!(declaration.kind, Kind::Interface | Kind::Enum) {
        return Cow::Borrowed(&declaration.body);
    }
    let said = |property: &&Property| matches!(property.value.kind, ValueKind::Text(_));
    let properties = declaration.body.properties.iter().filter(said).cloned().collect();
    Cow::Owned(Block { properties, ..Block::default() })
}

pub(super) fn short_description(text: &str) -> String {
    cut(&fold(text), DESCRIPTION_MAX).to_owned()
}

/// The texts of a value: of a list, a block's items, or one.
pub(super) fn texts(value: &Value) -> Vec<String> {
    let texts = value.elements().iter().filter_map(Value::text).map(fold);
    texts.filter(|text| !text.is_empty()).collect()
}

pub(super) fn decorator_texts(declaration: &Declaration, name: &str) -> Vec<String> {
    let decorators = declaration.decorators.iter().filter(|decorator| decorator.name == name);
    decorators.flat_map(|decorator| decorator.arguments.iter().filter_map(Value::text).map(fold)).collect()
}

/// `skills`, the `items` of a skill, and `capabilities` that are graded.
pub(super) fn skills(kind: Kind, body: &Block) -> Vec<Skill> {
    let mut skills: Vec<Skill> = Vec::new();
    let lists = body.get(&["skills"]).into_iter().chain(body.get(&["items"]).filter(|_| kind == Kind::Skill));
    for value in lists {
        skills.extend(texts(value).into_iter().map(|name| Skill { name, level: None }));
        skills.extend(graded(value));
    }
    skills.extend(body.get(&["capabilities"]).map(graded).unwrap_or_default());
    skills
}

/// `"SQL" = "expert"`
fn graded(value: &Value) -> Vec<Skill> {
    let ValueKind::Block(block) = &value.kind else { return Vec::new() };
    let level = |value: &Value| value.text().and_then(|text| text.parse::<Level>().ok());
    let skill = |name: &str, level| Skill { name: fold(name), level: Some(level) };
    block.properties.iter().filter_map(|entry| level(&entry.value).map(|level| skill(&entry.key, level))).collect()
}

pub(super) fn allowed_tools(body: &Block) -> Vec<String> {
    const KEYS: [&str; 2] = ["allowed_tools", "tools"];
    let constraints = match body.get(&["constraints"]).map(|value| &value.kind) {
        Some(ValueKind::Block(block)) => block.get(&KEYS[..1]),
        _ => None,
    };
    body.get(&KEYS).or(constraints).map(texts).unwrap_or_default()
}

pub(super) fn free_metadata(declaration: &Declaration, body: &Block, metadata: &Block) -> Map<String, Json> {
    let mut free = Map::new();
    let graded_only = |value: &Value| match &value.kind {
        ValueKind::Block(block) => block.items.is_empty() && graded(value).len() == block.properties.len(),
        _ => false,
    };
    for property in body.properties.iter().chain(&metadata.properties) {
        let taken = TAKEN.iter().any(|key| same_key(key, &property.key))
            || (property.key == "capabilities" && graded_only(&property.value));
        if !taken && property.value.kind != ValueKind::Missing {
            let json = without_long_texts(property.value.to_json());
            if let Some(json) = json {
                free.entry(property.key.clone()).or_insert(json);
            }
        }
    }
    if body.properties.len() < declaration.body.properties.len() || declaration.kind == Kind::Enum {
        free.entry("fields").or_insert_with(|| declaration.body.to_json());
    }
    let lists = [
        ("modifiers", &declaration.modifiers),
        ("typeParameters", &declaration.type_parameters),
        ("methods", &declaration.body.methods),
        ("hooks", &declaration.body.hooks),
    ];
    for (key, list) in lists {
        if !list.is_empty() {
            free.entry(key).or_insert_with(|| list.clone().into());
        }
    }
    if let Some(deprecated) = declaration.decorators.iter().find(|decorator| decorator.name == "deprecated") {
        let reason = deprecated.arguments.first().and_then(Value::text).unwrap_or_default();
        free.entry("deprecated").or_insert_with(|| reason.into());
    }
    free
}

/// The value without strings that are content rather than metadata.
fn without_long_texts(json: Json) -> Option<Json> {
    match json {
        Json::String(text) if text.len() > METADATA_TEXT_MAX => None,
        Json::Array(list) => Some(list.into_iter().filter_map(without_long_texts).collect()),
        Json::Object(object) => {
            Some(object.into_iter().filter_map(|(key, value)| Some((key, without_long_texts(value)?))).collect())
        }
        other => Some(other),
    }
}

/// Splits an identifier into words: `DevOpsSREEngineer` → `Dev Ops SRE Engineer`, `CODE_REVIEW` → `CODE REVIEW`.
pub fn split_identifier(identifier: &str) -> String {
    let characters: Vec<char> = identifier.chars().collect();
    let mut words = String::new();
    for (at, character) in characters.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|before| characters.get(before));
        let after = characters.get(at + 1);
        let starts_word = character.is_uppercase()
            && before.is_some_and(|before| {
                before.is_lowercase()
                    || before.is_ascii_digit()
                    || (before.is_uppercase() && after.is_some_and(|after| after.is_lowercase()))
            });
        if starts_word {
            words.push(' ');
        }
        words.push(if *character == '_' { ' ' } else { *character });
    }
    words
}
