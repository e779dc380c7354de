//! What an artifact says of itself: the config of its manifest (`spec/artifact.md`, "Config") and the record that the
//! registry keeps of a published version.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::text::text_value;
use super::{Digest, FileEntry, Kind, Version};

/// The schema of [`Config`] that this code writes.
pub const CONFIG_SCHEMA: u32 = 1;

/// How well a skill is mastered.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// Knows the basics.
    Beginner,
    /// Works without help.
    Intermediate,
    /// Teaches others.
    Expert,
}

impl Level {
    /// The name, in lower case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Beginner => "beginner",
            Self::Intermediate => "intermediate",
            Self::Expert => "expert",
        }
    }
}

impl FromStr for Level {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "beginner" | "basic" | "novice" => Ok(Self::Beginner),
            "intermediate" | "advanced" | "proficient" => Ok(Self::Intermediate),
            "expert" | "master" => Ok(Self::Expert),
            _ => Err(format!("{text:?} is not a level: expected beginner, intermediate or expert")),
        }
    }
}

text_value!(Level);

/// A skill that an artifact has: a free label, with a level where the source gives one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Skill {
    /// As the source writes it.
    pub name: String,
    /// How well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,
}

/// How one artifact depends on another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DependencyType {
    /// An `import` statement.
    Import,
    /// `extends`.
    Extends,
    /// `implements`.
    Implements,
    /// `requires`, or a listed dependency.
    Requires,
    /// A member of a team.
    Member,
    /// A reference to a skill.
    Skill,
    /// A step of a workflow.
    Step,
}

impl DependencyType {
    /// All seven.
    pub const ALL: [Self; 7] =
        [Self::Import, Self::Extends, Self::Implements, Self::Requires, Self::Member, Self::Skill, Self::Step];

    /// The name, in lower case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Import => "import",
            Self::Extends => "extends",
            Self::Implements => "implements",
            Self::Requires => "requires",
            Self::Member => "member",
            Self::Skill => "skill",
            Self::Step => "step",
        }
    }
}

impl FromStr for DependencyType {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| {
            let shown: String = text.chars().take(80).collect();
            let types = Self::ALL.map(Self::as_str).join(", ");
            format!("{shown:?} is not a type of dependency: expected one of {types}")
        })
    }
}

/// Something that the artifact needs, named as its source names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Dependency {
    /// `org/name`, an identifier or a path: what the source says.
    pub name: String,
    /// How it is needed.
    #[serde(rename = "type")]
    pub kind: DependencyType,
    /// npm-style range, where one is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<String>,
}

/// What the artifact may do, and with which model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Capabilities {
    /// Tools that it may use, as written: `Read`, `Bash(git:*, npm:*)`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_tools: Vec<String>,
    /// The model that it was written for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

impl Capabilities {
    fn is_empty(&self) -> bool {
        self.allowed_tools.is_empty() && self.model.is_none()
    }
}

/// A declaration in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Declared {
    /// What is declared.
    pub kind: Kind,
    /// Its identifier.
    pub name: String,
    /// Line of its keyword, from 1.
    pub line: u32,
}

/// Something that a reader could not take as written. Never a reason to refuse an artifact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Diagnostic {
    /// Which file, relative to the artifact.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub file: String,
    /// Line, from 1; 0 where it is about the whole file.
    #[serde(default)]
    pub line: u32,
    /// What was found, and what was made of it.
    pub message: String,
}

/// What is known about an artifact, apart from its name and version: what readers find and configs carry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct About {
    /// The name as people write it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// What it can do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skills: Vec<Skill>,
    /// What it needs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<Dependency>,
    /// SPDX expression, or what the source says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// Who wrote it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authors: Vec<String>,
    /// What changed in this version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changelog: Option<String>,
    /// What it may do.
    #[serde(default, skip_serializing_if = "Capabilities::is_empty")]
    pub capabilities: Capabilities,
    /// Everything else that the source says of it, nested as the source nests it.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    #[schema(value_type = Object)]
    pub metadata: serde_json::Map<String, serde_json::Value>,
    /// What its primary file declares.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub declares: Vec<Declared>,
    /// What could not be read as written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub diagnostics: Vec<Diagnostic>,
}

/// The file that says what the artifact is, and the declaration in it, where it has several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Primary {
    /// Path within the artifact.
    pub file: String,
    /// Identifier of the declaration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declaration: Option<String>,
}

/// Where an imported artifact came from. Importing the same source again adds nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub struct Source {
    /// Path within what was imported.
    pub path: String,
    /// Row of a table (from 1), or identifier of a declaration or element.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
}

impl Source {
    /// First eight hexadecimal digits of the hash of this identity: tells apart what would have the same name.
    pub fn short_hash(&self) -> String {
        let identity = format!("{}\n{}", self.path, self.item.as_deref().unwrap_or_default());
        Digest::sha256(identity.as_bytes()).hex()[..8].to_owned()
    }
}

/// The config blob of an artifact's manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Config {
    /// [`CONFIG_SCHEMA`].
    pub schema: u32,
    /// Last component of the repository: an artifact keeps its name when it is copied to another organisation.
    pub name: String,
    /// The version, build metadata included.
    pub version: Version,
    /// What it is.
    pub kind: Kind,
    /// What is known about it.
    #[serde(flatten)]
    pub about: About,
    /// Its main file.
    pub primary: Primary,
    /// Where it was imported from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// Digest of its file tree.
    pub tree: Digest,
}

/// What the registry keeps of a published version, written once at publication and named in the event,
/// so that a rebuild gives the same catalogue whatever readers have learnt since.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The config, completed from the content where it lacked something.
    #[serde(flatten)]
    pub config: Config,
    /// The files.
    pub files: Vec<FileEntry>,
    /// Text of the primary file, cut at a character boundary below [`RECORD_TEXT_MAX`] bytes.
    pub text: String,
}

/// Largest record, in bytes. An artifact whose record would be larger is refused: it could not be read back.
pub const RECORD_MAX: u64 = 16 << 20;

/// Most of a primary file's text that a record keeps, in bytes.
pub const RECORD_TEXT_MAX: usize = 1 << 20;
