//! What packages have to do with each other.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::{DependencyType, Kind, Name, Version};

/// A package that needs another. `GET /artifacts/{org}/{slug}/dependents`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Dependent {
    /// Its name.
    pub name: Name,
    /// The version that says so.
    pub version: Version,
    /// How it needs it.
    #[serde(rename = "type")]
    pub kind: DependencyType,
    /// Which versions it takes, where it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<String>,
}

/// A package that is like another. `GET /artifacts/{org}/{slug}/related`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Related {
    /// Its name.
    pub name: Name,
    /// What it is.
    pub kind: Kind,
    /// The name as people write it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Tags and skills that both have.
    pub shared: Vec<String>,
}

/// Who has the skills that are needed. `GET /match`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SkillMatches {
    /// Those with most of them first.
    pub items: Vec<SkillMatch>,
    /// The fewest that have them all, if a team was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<SkillTeam>,
}

/// A package with some of the skills.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SkillMatch {
    /// Its name.
    pub name: Name,
    /// What it is.
    pub kind: Kind,
    /// The name as people write it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Skills that it has.
    pub has: Vec<String>,
    /// Skills that it has not, or not well enough.
    pub lacks: Vec<String>,
}

/// The fewest packages that have the skills together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SkillTeam {
    /// Who is in it.
    pub members: Vec<TeamMember>,
    /// Skills that nobody has.
    pub missing: Vec<String>,
    /// Whether no smaller team can do it; otherwise the search was given up.
    pub is_smallest: bool,
}

/// One of a team.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TeamMember {
    /// Its name.
    pub name: Name,
    /// The skills that it is there for; each skill is one member's.
    pub covers: Vec<String>,
}
