//! Owners of packages.

use async_trait::async_trait;

use crate::domain::{Name, UserName};

use super::super::{Groups, MetaError};
use super::Memory;

#[async_trait]
impl Groups for Memory {
    async fn owners(&self, name: &Name) -> Result<Option<Vec<UserName>>, MetaError> {
        Ok(self.read().packages.get(&name.to_string()).map(|row| row.owners.clone()))
    }
}
