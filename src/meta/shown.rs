//! What a package says of itself: the words of the version that it shows, the labels that it can be found by, and which filters
//! it passes.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::{Body, Config, Event, Kind, Name, Package, Skill, Source, State, Timestamp, UserName, Visibility};
use crate::resolve;

use super::{Filter, Label};

/// The words of one version that lists and pages show. All empty when the version's record was purged.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Shown {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skills: Vec<Skill>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authors: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
}

impl Shown {
    /// The words of a config.
    pub fn of(config: Option<&Config>) -> Self {
        let Some(Config { about, source, .. }) = config else { return Self::default() };
        Self {
            title: about.title.clone(),
            description: about.description.clone(),
            tags: about.tags.clone(),
            skills: about.skills.clone(),
            license: about.license.clone(),
            authors: about.authors.clone(),
            source: source.clone(),
        }
    }
}

/// Most fields of the metadata that a package can be found by, in the order in which they are written.
const FIELDS_MAX: usize = 256;
/// Longest of them, in bytes; what is longer is text, which a search finds.
const FIELD_MAX: usize = 300;

/// How a version stands.
#[derive(Clone, Copy, Debug, Default)]
pub struct Standing {
    /// Ranges do not choose it.
    pub yanked: bool,
    /// People had better leave it.
    pub deprecated: bool,
}

impl Standing {
    /// What is found by it.
    pub(super) fn labels(self) -> impl Iterator<Item = (Label, String)> {
        let states = [
            (State::Published, !(self.yanked || self.deprecated)),
            (State::Deprecated, self.deprecated),
            (State::Yanked, self.yanked),
        ];
        let states = states.into_iter().filter(|(_, is_so)| *is_so);
        states.map(|(state, _)| (Label::State, state.as_str().to_owned()))
    }
}

/// Whether the event may change how a version stands that is shown before and after it: nothing else of that one ever changes.
pub(super) const fn changes_standing(event: &Event) -> bool {
    matches!(event.body, Body::Yank { .. } | Body::Unyank { .. } | Body::Deprecate { .. } | Body::Undeprecate { .. })
}

/// What the package `name` of these owners can be found by that shows a version which has this config and stands so: each label
/// once, as written; what it needs by the name of the package that is meant.
pub fn labels(
    name: &Name,
    config: Option<&Config>,
    standing: Standing,
    owners: &[UserName],
) -> BTreeSet<(Label, String)> {
    let also = owners.iter().map(|owner| (Label::Owner, owner.to_string())).chain(standing.labels());
    let Some(Config { about, .. }) = config else { return also.collect() };
    let tags = about.tags.iter().map(|tag| (Label::Tag, tag.clone()));
    let skills = about.skills.iter().map(|skill| (Label::Skill, skill.name.clone()));
    let authors = about.authors.iter().map(|author| (Label::Author, author.clone()));
    let license = about.license.iter().map(|license| (Label::License, license.clone()));
    let needs = about.dependencies.iter().filter_map(|dependency| resolve::package(name, &dependency.name));
    let needs = needs.map(|(needed, _)| (Label::Need, needed.to_string()));
    let mut fields = Vec::new();
    for (key, value) in &about.metadata {
        collect_fields(key, value, &mut fields);
    }
    let fields = fields.into_iter().map(|field| (Label::Field, field));
    tags.chain(skills).chain(authors).chain(license).chain(needs).chain(fields).chain(also).collect()
}

/// Every value below `path`. The elements of an array are values of its path.
fn collect_fields(path: &str, value: &Value, fields: &mut Vec<String>) {
    let text = match value {
        Value::Object(object) => {
            for (key, value) in object {
                collect_fields(&format!("{path}.{key}"), value, fields);
            }
            return;
        }
        Value::Array(values) => {
            for value in values {
                collect_fields(path, value, fields);
            }
            return;
        }
        Value::Null => return,
        Value::String(text) => text.trim().to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    };
    if fields.len() < FIELDS_MAX && path.len() + text.len() < FIELD_MAX {
        fields.push(format!("{path}={text}"));
    }
}

impl Filter {
    /// Whether a package with so many downloads and stars passes, as far as they are asked for.
    pub fn is_popular(&self, downloads: u64, stars: u64) -> bool {
        downloads >= self.downloads_min && stars >= self.stars_min
    }

    /// Whether the package with these labels passes, whatever its downloads and stars.
    pub fn matches(&self, package: &Package, labels: &BTreeSet<(Label, String)>) -> bool {
        let plain = Plain {
            org: package.name.org(),
            kind: package.kind,
            visibility: package.visibility,
            created: package.created,
            updated: package.updated,
        };
        self.passes(&plain, |label, text| labels.contains(&(label, text.to_owned())))
    }

    /// The same of a package of which only this is at hand, and which of its labels it has.
    pub(super) fn passes(&self, package: &Plain<'_>, has: impl Fn(Label, &str) -> bool) -> bool {
        let is_visible = match self.visibilities.as_slice() {
            [] => package.visibility == Visibility::Public,
            visibilities => visibilities.contains(&package.visibility),
        };
        is_visible
            && (self.kinds.is_empty() || self.kinds.contains(&package.kind))
            && self.org.as_ref().is_none_or(|org| package.org == org)
            && self.created.contains(package.created)
            && self.updated.contains(package.updated)
            && self.groups().iter().all(|group| group.iter().any(|(label, text)| has(*label, text)))
    }
}

/// What filters ask of a package beside its labels.
pub(super) struct Plain<'a> {
    pub org: &'a str,
    pub kind: Kind,
    pub visibility: Visibility,
    pub created: Timestamp,
    pub updated: Timestamp,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_value_of_the_metadata_is_a_field() {
        let metadata = json!({
            "governance": { "risk_classification": " critical ", "reviewed": true, "owner": null },
            "regions": ["eu", "us", ["apac"]],
            "steps": [{ "name": "one" }, { "name": "two" }],
            "limits": { "tokens": 4096, "share": 0.5 },
            "long": "x".repeat(FIELD_MAX),
        });
        let mut fields = Vec::new();
        metadata.as_object().unwrap().iter().for_each(|(key, value)| collect_fields(key, value, &mut fields));
        fields.sort();
        let expected = [
            "governance.reviewed=true",
            "governance.risk_classification=critical",
            "limits.share=0.5",
            "limits.tokens=4096",
            "regions=apac",
            "regions=eu",
            "regions=us",
            "steps.name=one",
            "steps.name=two",
        ];
        assert_eq!(fields, expected);
    }

    #[test]
    fn fields_have_a_limit() {
        let many: Vec<Value> = (0..2 * FIELDS_MAX).map(|number| json!(number)).collect();
        let mut fields = Vec::new();
        collect_fields("numbers", &Value::Array(many), &mut fields);
        assert_eq!(fields.len(), FIELDS_MAX);
        assert_eq!(fields[0], "numbers=0");
    }
}
