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

/// What a version needs, near and far. `GET /artifacts/{org}/{slug}/dependencies`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Dependencies {
    /// The package.
    pub name: Name,
    /// The version that was asked about.
    pub version: Version,
    /// What it needs itself, then what that needs, and so on; each version of a package is looked into once.
    pub items: Vec<Needed>,
    /// Packages that need each other in a circle, each as the way along it; the first comes again at its end.
    pub cycles: Vec<Vec<Name>>,
    /// Whether everything that was asked for is here; otherwise there is more than one answer may hold.
    pub is_complete: bool,
}

/// Something that is needed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Needed {
    /// What the source says: `org/name`, an identifier or a path.
    pub name: String,
    /// The package that this means, as an installation reads it, whether the registry has it or not; absent if it means none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<Name>,
    /// How it is needed.
    #[serde(rename = "type")]
    pub kind: DependencyType,
    /// Which versions are taken, where it is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<String>,
    /// The best version for it, each need taken by itself; absent if the registry has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// Who needs it.
    pub by: Name,
    /// How far away it is: 1 for what the version itself needs.
    pub depth: u32,
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
    /// Whether no smaller team can do it; otherwise the search was given up, or not all who might be in it were weighed.
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
