//! Keywords of the language that declare something.

use crate::domain::Kind;

/// The kind that a keyword of the language declares.
pub(crate) fn kind_of_keyword(word: &str) -> Option<Kind> {
    match word {
        "fn" | "function" => Some(Kind::Function),
        _ => word.parse().ok().filter(|kind| *kind != Kind::Function),
    }
}
