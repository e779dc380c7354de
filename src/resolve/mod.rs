//! Choosing versions: the best release for an npm range. Pure, the same on server and client.

mod best;

pub use best::{NoMatch, best};
