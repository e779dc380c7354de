//! Owners of packages.

use async_trait::async_trait;
use mongodb::bson::doc;

use crate::domain::{Name, UserName};

use super::super::{Groups, MetaError};
use super::Mongo;
use super::keys::parse;
use super::rows;

#[async_trait]
impl Groups for Mongo {
    async fn owners(&self, name: &Name) -> Result<Option<Vec<UserName>>, MetaError> {
        let packages = self.connection.durable::<rows::Package>();
        let found = self.connection.run(packages.find_one(doc! { "_id": name.as_str() })).await?;
        found.map(|row| row.owners.iter().map(|owner| parse(owner)).collect()).transpose()
    }
}
