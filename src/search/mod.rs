//! The full-text index: fed by events, rebuilt from nothing.
//!
//! Promises that a document is found by the search that follows its [`Index::apply`], that nobody finds what their
//! [`Audience`] does not hold, that counts are exact, and that any text is a question that has an answer. Knows nothing of
//! the stores, of what an actor is allowed, or of HTTP: it is handed documents and asked questions.

mod analysis;
mod answer;
mod collect;
mod complete;
mod cursor;
mod document;
mod error;
mod find;
mod fold;
mod index;
mod parse;
mod part;
mod plan;
mod query;
mod schema;
mod snippet;
#[cfg(test)]
mod tests;
mod tokenizer;

pub use complete::{COMPLETIONS_MAX, Completed};
pub use cursor::Cursor;
pub use document::{Document, label};
pub use error::SearchError;
pub use find::{FACET_VALUES_MAX, Facets, Hit, Page};
pub use index::{Index, Opened, Origin};
pub use query::{Audience, LIMIT_MAX, Query, Sort};
pub use snippet::Snippet;
