//! Channel tags.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::{Digest, Tag, Version};

/// A tag of a package that is no version number. `GET /artifacts/{org}/{slug}/tags`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChannelTag {
    /// The tag.
    pub tag: Tag,
    /// Digest of the manifest that it names.
    pub digest: Digest,
    /// The version that the manifest is, if it is one that can be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
}

/// The body of `PUT …/tags/{tag}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TagRequest {
    /// What the tag is to name.
    pub version: Version,
}
