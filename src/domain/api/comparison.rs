//! What differs between two versions.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::{Name, Version};

/// What differs between two versions. `GET /artifacts/{org}/{slug}/compare`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Comparison {
    /// The package.
    pub name: Name,
    /// The one version.
    pub from: Version,
    /// The other.
    pub to: Version,
    /// What they say of themselves.
    pub fields: Vec<FieldChange>,
    /// What they may do.
    pub capabilities: CapabilityChange,
    /// Their files.
    pub files: Vec<FileChange>,
}

/// A field that differs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FieldChange {
    /// Its path, such as `description` or `metadata.governance.risk_classification`.
    pub field: String,
    /// Its value in the one version, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<serde_json::Value>,
    /// Its value in the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<serde_json::Value>,
}

/// What may be done with one version and not with the other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CapabilityChange {
    /// Tools that are allowed now, where both have a list.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools_added: Vec<String>,
    /// Tools that are allowed no more, where both have a list.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools_removed: Vec<String>,
    /// There was a list of allowed tools, and there is none now: every tool may be used.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unrestricted: bool,
    /// The only tools that are allowed now, where there was no list.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub restricted_to: Vec<String>,
    /// The model that it was written for, if it is another one now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_from: Option<String>,
    /// The model that it is written for now, if it was another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_to: Option<String>,
}

impl CapabilityChange {
    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A file that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FileChange {
    /// Its path.
    pub path: String,
    /// What became of it.
    pub change: FileChangeKind,
    /// Its length before, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_from: Option<u64>,
    /// Its length now, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_to: Option<u64>,
    /// Whether it can be run now, if that changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executable: Option<bool>,
    /// The lines, as a unified diff; absent if it is no text or too long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff: Option<String>,
}

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum FileChangeKind {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// Its content or its mode is another.
    Modified,
}
