//! Who and what belongs together: owners of packages, collections, organisations.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::{Collection, Name, OrgName, Profile, Role, Timestamp, UserName, Visibility};

/// Who owns a package. `GET` and `PUT /artifacts/{org}/{slug}/owners`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Owners {
    /// All of them; answers have them by name.
    pub owners: Vec<UserName>,
}

/// A collection. `GET /collections/{org}/{slug}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CollectionDocument {
    /// Its name.
    pub name: Name,
    /// What it says.
    #[serde(flatten)]
    pub content: Collection,
    /// When it was made.
    pub created: Timestamp,
    /// When it last changed.
    pub updated: Timestamp,
}

/// A collection in a list. `GET /collections`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CollectionEntry {
    /// Its name.
    pub name: Name,
    /// The name as people write it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Who finds it.
    pub visibility: Visibility,
    /// How many packages are in it.
    pub items: u64,
    /// When it was made.
    pub created: Timestamp,
    /// When it last changed.
    pub updated: Timestamp,
}

/// An organisation. `GET /orgs/{org}` and `GET /orgs`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrgDocument {
    /// Its name.
    pub name: OrgName,
    /// What it says of itself.
    #[serde(flatten)]
    pub profile: Profile,
    /// How many public packages it has.
    pub packages: u64,
    /// When it said something of itself first; absent if it never did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// When it last did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated: Option<Timestamp>,
}

/// A package of which no version can be read. `GET /orgs/{org}/deleted`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeletedPackage {
    /// Its name.
    pub name: Name,
    /// Who saw it, and will if a version is restored.
    pub visibility: Visibility,
}

/// A member of an organisation. `GET /orgs/{org}/members`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MemberDocument {
    /// The user.
    pub user: UserName,
    /// The role.
    pub role: Role,
}
