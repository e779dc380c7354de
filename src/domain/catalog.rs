//! What the catalogue knows of packages and versions: the rows that lists, pages and resolution are made of.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::text::text_value;
use super::{Config, Digest, Kind, Name, Skill, Source, Timestamp, UserName, Version};

/// Who sees a package.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Visibility {
    /// Everybody: in lists, search and the static tree.
    #[default]
    Public,
    /// Whoever knows the name: in no list.
    Unlisted,
    /// Members of the organisation.
    Private,
}

impl Visibility {
    /// The name, in lower case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Unlisted => "unlisted",
            Self::Private => "private",
        }
    }
}

impl FromStr for Visibility {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Public, Self::Unlisted, Self::Private]
            .into_iter()
            .find(|visibility| visibility.as_str() == text)
            .ok_or_else(|| format!("{text:?} is not a visibility: expected public, unlisted or private"))
    }
}

text_value!(Visibility);

/// Who sees what is under a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeenBy {
    /// Who, in a word.
    pub visibility: Visibility,
    /// Users who own the package, and see it whatever their roles. Nobody owns what is no package.
    pub owners: Vec<UserName>,
    /// Whether anything was ever published under the name.
    pub is_package: bool,
}

/// How a version stands. One that is yanked may be deprecated as well.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// It can be read, and nothing is said against it.
    Published,
    /// People had better leave it; ranges still choose it.
    Deprecated,
    /// Ranges do not choose it.
    Yanked,
    /// It cannot be read.
    Deleted,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Published, Self::Deprecated, Self::Yanked, Self::Deleted];

    /// The name, in lower case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Deprecated => "deprecated",
            Self::Yanked => "yanked",
            Self::Deleted => "deleted",
        }
    }
}

impl FromStr for State {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|state| state.as_str() == text);
        found.ok_or_else(|| format!("{text:?} is not a state: expected published, deprecated, yanked or deleted"))
    }
}

text_value!(State);

/// A package, described by the version that it shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Package {
    /// Its name.
    pub name: Name,
    /// What it is, for ever.
    pub kind: Kind,
    /// Who sees it.
    pub visibility: Visibility,
    /// What the tag `latest` names: the pinned version, else the highest published one that is neither pre-release nor yanked.
    pub latest: Option<Version>,
    /// The version that `latest` is pinned to. As long as that one is yanked or deleted, the pin does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned: Option<Version>,
    /// The version whose words describe the package: `latest`, else the highest pre-release, else the highest yanked one.
    pub shown: Version,
    /// The name as people write it.
    pub title: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Labels.
    pub tags: Vec<String>,
    /// What it can do.
    pub skills: Vec<Skill>,
    /// SPDX expression, or what the source says.
    pub license: Option<String>,
    /// Who wrote it.
    pub authors: Vec<String>,
    /// Where it was imported from.
    pub source: Option<Source>,
    /// Users who manage it, whatever their roles in the organisation, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owners: Vec<UserName>,
    /// How many versions can be read.
    pub versions: u64,
    /// When its first version was published.
    pub created: Timestamp,
    /// When it last changed.
    pub updated: Timestamp,
    /// How often its versions were downloaded, as last written down.
    #[serde(default)]
    pub downloads: u64,
    /// How many users have given it a star.
    #[serde(default)]
    pub stars: u64,
}

/// A version as resolution sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Release {
    /// The version.
    pub version: Version,
    /// Digest of its manifest.
    pub digest: Digest,
    /// Not chosen for ranges.
    pub yanked: bool,
    /// Chosen, with a warning.
    pub deprecated: bool,
    /// It cannot be read.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
    /// When.
    pub published: Timestamp,
}

impl Release {
    /// Whether it stands so.
    pub const fn is(&self, state: State) -> bool {
        match state {
            State::Published => !(self.deleted || self.yanked || self.deprecated),
            State::Deprecated => !self.deleted && self.deprecated,
            State::Yanked => !self.deleted && self.yanked,
            State::Deleted => self.deleted,
        }
    }
}

/// What is said of a version that people had better leave.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Deprecation {
    /// Digest of a blob with the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Digest>,
    /// The package to use instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replacement: Option<Name>,
}

/// A published version with all that is known about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Published {
    /// Its identity: that of the event that published it.
    #[schema(value_type = String)]
    pub id: Uuid,
    /// The package.
    pub name: Name,
    /// The version, build metadata included.
    pub version: Version,
    /// What it is.
    pub kind: Kind,
    /// Digest of its manifest.
    pub digest: Digest,
    /// Digest of its [`super::Record`].
    pub record: Digest,
    /// Its config, completed. `None` when the record was purged.
    pub config: Option<Config>,
    /// Not chosen for ranges.
    pub yanked: bool,
    /// Digest of a blob with the reason of the yank.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub yank_reason: Option<Digest>,
    /// What is said against it, if it is deprecated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deprecation: Option<Deprecation>,
    /// Deleted, but restorable; its number stays burnt.
    pub deleted: bool,
    /// Deleted for good: its content is gone, and it cannot be restored.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub purged: bool,
    /// When.
    pub published: Timestamp,
    /// Number of the event that published it.
    pub event: u64,
}
