//! What a package says of itself: the words of the version that it shows, and which filters they pass.

use serde::{Deserialize, Serialize};

use crate::domain::{Config, Package, Skill, Source};

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

    /// Each label once, as written.
    pub fn labels(&self) -> Vec<(Label, &str)> {
        let tags = self.tags.iter().map(|tag| (Label::Tag, tag.as_str()));
        let skills = self.skills.iter().map(|skill| (Label::Skill, skill.name.as_str()));
        let mut labels: Vec<_> = tags.chain(skills).collect();
        labels.sort_unstable();
        labels.dedup();
        labels
    }
}

impl Filter {
    /// Whether the package passes.
    pub fn matches(&self, package: &Package) -> bool {
        let is_visible = match self.visibilities.as_slice() {
            [] => package.visibility == crate::domain::Visibility::Public,
            visibilities => visibilities.contains(&package.visibility),
        };
        is_visible
            && (self.kinds.is_empty() || self.kinds.contains(&package.kind))
            && self.org.as_ref().is_none_or(|org| package.name.org() == org)
            && self.tags.iter().all(|tag| package.tags.contains(tag))
            && self.skills.iter().all(|wanted| package.skills.iter().any(|skill| skill.name == *wanted))
    }
}
