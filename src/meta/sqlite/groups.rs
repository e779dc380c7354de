//! Owners of packages.

use async_trait::async_trait;

use crate::domain::{Name, UserName};

use super::super::{Groups, MetaError};
use super::Sqlite;
use super::sql::{get, json};

#[async_trait]
impl Groups for Sqlite {
    async fn owners(&self, name: &Name) -> Result<Option<Vec<UserName>>, MetaError> {
        let name = name.to_string();
        let sql = "SELECT owners FROM packages WHERE name = ?1";
        self.pool.read(move |reader| reader.row(sql, [name], |row| json(&get::<String>(row, 0)?))).await
    }
}
