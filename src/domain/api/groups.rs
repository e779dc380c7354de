//! Who and what belongs together: owners of packages.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::UserName;

/// Who owns a package. `GET` and `PUT /artifacts/{org}/{slug}/owners`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Owners {
    /// All of them; answers have them by name.
    pub owners: Vec<UserName>,
}
