//! Accounts: users, their roles, tokens.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::{ActorId, OrgName, Role, Timestamp, TokenName, TokenOwner, UserName};

/// A user. `GET /users`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UserDocument {
    /// The name.
    pub name: UserName,
    /// When it was added.
    pub created: Timestamp,
    /// The role in each organisation that has given one.
    #[schema(value_type = BTreeMap<String, Role>)]
    pub roles: BTreeMap<OrgName, Role>,
}

/// Who asks, as the registry sees it. `GET /user`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Whoami {
    /// Who; as events name it.
    pub actor: ActorId,
    /// The role in each organisation that has given one.
    #[schema(value_type = BTreeMap<String, Role>)]
    pub roles: BTreeMap<OrgName, Role>,
}

/// A token, without its secret. `GET /users/{user}/tokens`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenDocument {
    /// Whose it is.
    pub owner: TokenOwner,
    /// What its owner calls it.
    pub name: TokenName,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last used, to the hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used: Option<Timestamp>,
    /// From when on it is of no use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
}

/// A token to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// What to call it.
    pub name: TokenName,
    /// From when on it is to be of no use; never, if it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
}

/// A token that was just made, with its secret, which is shown this once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IssuedToken {
    /// The secret.
    pub token: String,
    /// The rest.
    #[serde(flatten)]
    pub about: TokenDocument,
}

impl std::fmt::Debug for IssuedToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IssuedToken").field("token", &"pclr_…").field("about", &self.about).finish()
    }
}

/// A role to be given. `PUT /orgs/{org}/members/{user}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleRequest {
    /// Which.
    pub role: Role,
}
