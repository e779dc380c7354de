//! Who and what belongs together: owners of packages. All of it is made of events, so a replay brings it back.

use async_trait::async_trait;

use super::MetaError;
use crate::domain::{Name, UserName};

/// Owners of packages.
///
/// Reads see every change that was applied before they began.
#[async_trait]
pub trait Groups: Send + Sync {
    /// Who owns a package, by name; also one of which no version can be read. `None` if nothing was ever published under the name.
    async fn owners(&self, name: &Name) -> Result<Option<Vec<UserName>>, MetaError>;
}
