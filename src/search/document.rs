//! What is fed to the index: one document a package, that of its latest version.

use serde::{Deserialize, Serialize};
use tantivy::TantivyDocument;

use super::analysis::squeeze;
use super::fold::composed;
use super::schema::Fields;
use crate::domain::{Area, Kind, Name, Timestamp, Version};

/// Characters of a tag or skill that filters and facets tell apart.
const LABEL_MAX: usize = 100;
/// Bytes of the primary file that snippets are cut from. The median artifact of 4,330 public ones has 13 KB in all.
const EXCERPT_MAX: usize = 16 << 10;
/// Bytes of a description that are kept for showing.
const DESCRIPTION_MAX: usize = 8 << 10;

/// A package as it can be found: the description of its latest version.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// The package; a document replaces the one of the same name.
    pub name: Name,
    /// What it is.
    pub kind: Kind,
    /// The version that the rest is taken from.
    pub version: Version,
    /// The name as people write it; empty if there is none.
    pub title: String,
    /// What it is for; may be empty.
    pub description: String,
    /// Labels, as written.
    pub tags: Vec<String>,
    /// What it can do, as written, without levels.
    pub skills: Vec<String>,
    /// Text of the primary file.
    pub text: String,
    /// The part of the store that holds it. Whoever may not read the area does not find it.
    pub area: Area,
    /// When the version was published.
    pub updated: Timestamp,
    /// Who wrote it.
    pub authors: Vec<String>,
    /// Its licence.
    pub license: Option<String>,
    /// Packages that it needs. What is no name of a package does not count.
    pub needs: Vec<String>,
}

/// The part of a document that hits show, as the index stores it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Shown {
    pub name: Name,
    pub kind: Kind,
    pub version: Version,
    pub title: String,
    pub description: String,
    pub tags: Vec<String>,
    pub skills: Vec<String>,
    pub updated: Timestamp,
    pub authors: Vec<String>,
    pub license: Option<String>,
    pub excerpt: String,
}

/// Value of the audience field that everybody may find.
pub(super) const EVERYBODY: &str = "public";

/// Value of the audience field that members of an organisation may find.
pub(super) fn members(org: &str) -> String {
    format!("org/{org}")
}

/// A tag or skill as filters and facets compare it: composed, lower case, white space folded, at most 100 characters.
pub fn label(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    composed(&words.join(" ")).to_lowercase().chars().take(LABEL_MAX).collect()
}

/// The labels of a document, each once.
pub(super) fn labels(texts: &[String]) -> Vec<String> {
    let mut labels: Vec<String> = texts.iter().map(|text| label(text)).filter(|label| !label.is_empty()).collect();
    labels.sort_unstable();
    labels.dedup();
    labels
}

impl Document {
    /// A public document with nothing but a name.
    pub fn named(name: Name, version: Version) -> Self {
        Self {
            name,
            kind: Kind::Skill,
            version,
            title: String::new(),
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

    /// Who may find it.
    pub(super) fn audience(&self) -> String {
        match &self.area {
            Area::Public => EVERYBODY.to_owned(),
            Area::Private(area) => members(area.org()),
        }
    }

    /// Whether everybody may find it.
    pub(super) fn is_open(&self) -> bool {
        self.audience() == EVERYBODY
    }

    /// Names of the packages that it needs, each once.
    pub(super) fn needed(&self) -> Vec<String> {
        let mut names: Vec<String> = self.needs.iter().filter(|need| need.parse::<Name>().is_ok()).cloned().collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    pub(super) fn into_indexed(self, fields: &Fields) -> Result<TantivyDocument, serde_json::Error> {
        let title = composed(&self.title);
        let description = composed(&self.description);
        let text = composed(&self.text);
        let mut document = TantivyDocument::new();
        document.add_text(fields.name, self.name.as_str());
        let mut keys = vec![self.name.as_str().to_owned(), squeeze(self.name.slug()), squeeze(&title)];
        keys.sort_unstable();
        keys.dedup();
        for key in keys.iter().filter(|key| !key.is_empty()) {
            document.add_text(fields.key, bounded(key, 1000));
        }
        document.add_text(fields.slug, self.name.slug());
        document.add_text(fields.title, &title);
        document.add_text(fields.description, &description);
        document.add_text(fields.text, &text);
        document.add_text(fields.kind, self.kind.as_str());
        document.add_text(fields.org, self.name.org());
        for tag in &self.tags {
            document.add_text(fields.tag_words, composed(tag));
        }
        for skill in &self.skills {
            document.add_text(fields.skill_words, composed(skill));
        }
        for tag in labels(&self.tags) {
            document.add_text(fields.tag, tag);
        }
        for skill in labels(&self.skills) {
            document.add_text(fields.skill, skill);
        }
        for need in self.needed() {
            document.add_text(fields.need, need);
        }
        document.add_text(fields.audience, self.audience());
        document.add_i64(fields.updated, self.updated.micros());
        let shown = Shown {
            name: self.name,
            kind: self.kind,
            version: self.version,
            title,
            description: bounded(&description, DESCRIPTION_MAX).to_owned(),
            tags: self.tags,
            skills: self.skills,
            updated: self.updated,
            authors: self.authors,
            license: self.license,
            excerpt: bounded(&text, EXCERPT_MAX).to_owned(),
        };
        document.add_bytes(fields.shown, &serde_json::to_vec(&shown)?);
        Ok(document)
    }
}

/// The text, cut at a character boundary at or below so many bytes.
pub(super) fn bounded(text: &str, max: usize) -> &str {
    &text[..text.floor_char_boundary(max)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_compared_without_case_and_spacing() {
        assert_eq!(label("  Code\tReview "), "code review");
        assert_eq!(label("写作"), "写作");
        assert_eq!(label(&"x".repeat(300)).len(), LABEL_MAX);
        assert_eq!(labels(&["A".into(), "a".into(), " ".into(), "b".into()]), ["a", "b"]);
    }
}
