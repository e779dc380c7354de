//! Statements: the only way in this store to run one. Counts them, caches them, and turns errors into [`MetaError`].

use std::str::FromStr;

use rusqlite::types::FromSql;
use rusqlite::{Connection, ErrorCode, Params, Row};

use super::super::MetaError;
use super::super::column::parse_text;
use super::statements::Statements;

pub(super) use super::super::column::{json, signed, to_json, unsigned};

/// A connection with a count of the statements that it ran.
pub(super) struct Sql<'a> {
    connection: &'a Connection,
    statements: &'a Statements,
}

impl<'a> Sql<'a> {
    pub fn new(connection: &'a Connection, statements: &'a Statements) -> Self {
        Self { connection, statements }
    }

    /// Runs a statement that returns nothing; answers how many rows it changed.
    pub fn run(&self, sql: &str, params: impl Params) -> Result<usize, MetaError> {
        self.statements.count(sql, || {
            self.connection.prepare_cached(sql).and_then(|mut statement| statement.execute(params)).map_err(failed)
        })
    }

    /// All rows of a query.
    pub fn rows<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl Fn(&Row<'_>) -> Result<T, MetaError>,
    ) -> Result<Vec<T>, MetaError> {
        self.statements.count(sql, || {
            let mut statement = self.connection.prepare_cached(sql).map_err(failed)?;
            let mut rows = statement.query(params).map_err(failed)?;
            let mut found = Vec::new();
            while let Some(row) = rows.next().map_err(failed)? {
                found.push(read(row)?);
            }
            Ok(found)
        })
    }

    /// The first row of a query, if there is one.
    pub fn row<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl Fn(&Row<'_>) -> Result<T, MetaError>,
    ) -> Result<Option<T>, MetaError> {
        Ok(self.rows(sql, params, read)?.into_iter().next())
    }
}

/// A column as it is.
pub(super) fn get<T: FromSql>(row: &Row<'_>, column: usize) -> Result<T, MetaError> {
    row.get(column).map_err(failed)
}

/// A column whose text is a value of the domain.
pub(super) fn parse<T: FromStr>(row: &Row<'_>, column: usize) -> Result<T, MetaError> {
    parse_text(&get::<String>(row, column)?)
}

/// The same for a column that may be NULL.
pub(super) fn parse_optional<T: FromStr>(row: &Row<'_>, column: usize) -> Result<Option<T>, MetaError> {
    get::<Option<String>>(row, column)?.map(|text| parse_text(&text)).transpose()
}

/// A column with JSON that may be NULL.
pub(super) fn json_optional<T: serde::de::DeserializeOwned>(
    row: &Row<'_>,
    column: usize,
) -> Result<Option<T>, MetaError> {
    get::<Option<String>>(row, column)?.as_deref().map(json).transpose()
}

/// What a failure of SQLite means to a caller: a full disk, a lock or an I/O error may pass, damage does not.
pub(super) fn failed(error: rusqlite::Error) -> MetaError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::TypeMismatch) => {
            MetaError::Corrupt(error.to_string())
        }
        Some(_) => MetaError::Unavailable(Box::new(error)),
        None => MetaError::Corrupt(error.to_string()),
    }
}
