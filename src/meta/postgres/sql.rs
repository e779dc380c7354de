//! Statements and the columns of their answers.

use std::str::FromStr;

use serde::de::DeserializeOwned;
use sqlx::postgres::{PgArguments, PgRow, Postgres};
use sqlx::{Decode, Row, SqlSafeStr, Type};

use super::super::MetaError;
use super::super::column::{json, parse_text};

/// A manifest that can be read.
pub(super) const LIVE: i16 = 0;
/// A manifest of a deleted version.
pub(super) const HIDDEN: i16 = 1;
/// A blob whose bytes are being removed.
pub(super) const DELETING: i16 = 2;

/// A statement with its parameters.
pub(super) type Query = sqlx::query::Query<'static, Postgres, PgArguments>;

pub(super) fn query(sql: impl SqlSafeStr) -> Query {
    sqlx::query(sql)
}

/// A column as it is.
pub(super) fn get<'r, T: Decode<'r, Postgres> + Type<Postgres>>(row: &'r PgRow, column: usize) -> Result<T, MetaError> {
    row.try_get(column).map_err(|error| MetaError::Corrupt(error.to_string()))
}

/// A column whose text is a value of the domain.
pub(super) fn parse<T: FromStr>(row: &PgRow, column: usize) -> Result<T, MetaError> {
    parse_text(get(row, column)?)
}

/// The same for a column that may be NULL.
pub(super) fn parse_optional<T: FromStr>(row: &PgRow, column: usize) -> Result<Option<T>, MetaError> {
    get::<Option<&str>>(row, column)?.map(parse_text).transpose()
}

/// A column with JSON that may be NULL.
pub(super) fn json_optional<T: DeserializeOwned>(row: &PgRow, column: usize) -> Result<Option<T>, MetaError> {
    get::<Option<&str>>(row, column)?.map(json).transpose()
}

/// A column with an array of such texts.
pub(super) fn parse_all<T: FromStr>(row: &PgRow, column: usize) -> Result<Vec<T>, MetaError> {
    get::<Vec<String>>(row, column)?.iter().map(|text| parse_text(text)).collect()
}

/// What stands for NUL, and for itself, in text that PostgreSQL is to keep: it has no NUL.
const ESCAPE: char = '\u{1}';
const NUL: char = '\u{1}';
const ITSELF: char = '\u{2}';

/// Text without NUL. Two texts compare as they did before, byte by byte.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\0' => escaped.extend([ESCAPE, NUL]),
            ESCAPE => escaped.extend([ESCAPE, ITSELF]),
            other => escaped.push(other),
        }
    }
    escaped
}

/// The text that was escaped.
pub(super) fn unescape(text: &str) -> String {
    let mut unescaped = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            ESCAPE => unescaped.push(if characters.next() == Some(NUL) { '\0' } else { ESCAPE }),
            other => unescaped.push(other),
        }
    }
    unescaped
}

/// A text to compare names with that have no NUL: they come after it as they come after what stands before its first NUL.
pub(super) fn before_nul(text: &str) -> &str {
    text.split('\0').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn escaped_text_comes_back_and_keeps_its_order(one in "[\\x00-\\x03a]{0,6}", other in "[\\x00-\\x03a]{0,6}") {
            prop_assert!(!escape(&one).contains('\0'));
            prop_assert_eq!(unescape(&escape(&one)), one.clone());
            prop_assert_eq!(escape(&one).cmp(&escape(&other)), one.cmp(&other));
        }

        #[test]
        fn names_compare_with_what_stands_before_a_nul(name in "[ab]{0,3}", text in "[\\x00ab]{0,5}") {
            prop_assert_eq!(name.as_str() > text.as_str(), name.as_str() > before_nul(&text));
        }
    }
}
