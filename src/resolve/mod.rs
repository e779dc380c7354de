//! Choosing versions: the best release for an npm range, and the one that `latest` names.
//!
//! Pure: the server answers with it and the client checks with it, from the same list of releases. Knows nothing of where
//! the list comes from.

mod choose;

pub use crate::domain::Release;
pub use choose::{NoMatch, best, latest, newest_first};
