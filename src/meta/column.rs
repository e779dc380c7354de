//! Values as every database writes them: JSON, signed integers, text that is a value of the domain.

use std::str::FromStr;

use super::{Label, MetaError};

/// A column with JSON.
pub(super) fn json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, MetaError> {
    serde_json::from_str(text).map_err(|error| MetaError::Corrupt(format!("a JSON column of a row: {error}")))
}

/// A value as JSON, for a column.
pub(super) fn to_json(value: &impl serde::Serialize) -> Result<String, MetaError> {
    serde_json::to_string(value).map_err(|error| MetaError::Corrupt(format!("a value that is no JSON: {error}")))
}

/// How labels are told apart in their table.
pub(super) fn label_type(label: Label) -> i16 {
    match label {
        Label::Tag => 0,
        Label::Skill => 1,
        Label::Author => 2,
        Label::License => 3,
        Label::Field => 4,
        Label::Need => 5,
        // Those of kind and organisation are 100 and 101 (`ways.rs`).
        Label::State => 102,
        Label::Owner => 6,
    }
}

/// The integers of SQL are signed.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// And back.
pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

/// Text that is a value of the domain.
pub(super) fn parse_text<T: FromStr>(text: &str) -> Result<T, MetaError> {
    let shortened: String = text.chars().take(80).collect();
    text.parse()
        .map_err(|_| MetaError::Corrupt(format!("{shortened:?} where a {} belongs", std::any::type_name::<T>())))
}
