//! The catalogue's API, `/api/v1`: packages, versions, source text, search, labels, imports, and the document that describes it.
//!
//! Promises that every error is `application/problem+json` and says what would have been right, that a parameter that means
//! nothing here is refused rather than ignored, and that `spec/openapi.json` is what the code does. Decides nothing itself.

mod accounts;
mod answer;
mod changes;
mod channels;
mod collections;
mod complete;
mod drafts;
mod find;
mod import;
mod labels;
mod listed;
mod log;
mod openapi;
mod orgs;
mod owners;
mod packages;
mod parameters;
mod path;
mod popularity;
mod received;
mod relations;
mod removal;
mod routes;
mod source;
#[cfg(test)]
mod tests;
mod versions;
mod visibility;

pub(super) use answer::Refusal;
pub use openapi::openapi;
pub(super) use routes::router;
