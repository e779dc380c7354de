//! Drafts: artifacts that are not published yet, and may still change.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{ActorId, Config, FileEntry, Name, Timestamp};

/// An artifact that is not published yet, as it was last saved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Draft {
    /// Its identity, UUIDv7, the same through all revisions.
    #[schema(value_type = String)]
    pub id: Uuid,
    /// How often it was saved, from 1. Whoever changes it says which one they saw.
    pub revision: u64,
    /// The package that it is to be a version of.
    pub name: Name,
    /// The config that it would be published with. It has the version.
    pub config: Config,
    /// Its files.
    pub files: Vec<FileEntry>,
    /// Who saved it last.
    pub actor: ActorId,
    /// When it was begun.
    pub created: Timestamp,
    /// When it was saved last.
    pub updated: Timestamp,
}
