//! Labels, and completing what somebody begins to type.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A tag or a skill. `GET /tags`, `GET /skills`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LabelDocument {
    /// As packages write it.
    pub value: String,
    /// How many public packages show it.
    pub count: u64,
    /// What sort it is of, as the operator says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// What it means, as the operator says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Other words for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub synonyms: Vec<String>,
}

/// A tag or a skill with where its packages are listed. `GET /tags/{tag}`, `GET /skills/{skill}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LabelPage {
    /// What is known of it.
    #[serde(flatten)]
    pub label: LabelDocument,
    /// Path of the list of the packages that show it.
    pub packages: String,
}

/// A value that begins as it was typed. `GET /complete`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Completion {
    /// The value.
    pub value: String,
    /// What it is.
    pub of: CompletionOf,
    /// How many packages use it: need the package of that name, or show the tag or skill.
    pub count: u64,
}

/// What a completion is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum CompletionOf {
    /// The name of a package.
    Name,
    /// A tag.
    Tag,
    /// A skill.
    Skill,
}

impl CompletionOf {
    /// All of them, in the order in which they are answered.
    pub const ALL: [Self; 3] = [Self::Name, Self::Tag, Self::Skill];

    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Tag => "tag",
            Self::Skill => "skill",
        }
    }
}
