//! Owners of packages.

use async_trait::async_trait;

use crate::domain::{Name, UserName};

use super::super::column::json;
use super::super::{Groups, MetaError};
use super::Postgres;
use super::sql::{get, query};

#[async_trait]
impl Groups for Postgres {
    async fn owners(&self, name: &Name) -> Result<Option<Vec<UserName>>, MetaError> {
        let sql = "SELECT owners FROM packages WHERE name = $1";
        self.pool.row(|| query(sql).bind(name.to_string()), |row| json(get(row, 0)?)).await
    }
}
