//! Choosing versions: the best release for an npm range, the one that `latest` names, and versions of many packages that
//! fit together, with a lock that keeps them.
//!
//! Pure: the server answers with it and the client checks with it, from the same lists of releases. Knows nothing of where
//! the lists come from.

mod bits;
mod choose;
mod conflict;
mod derivation;
mod graph;
mod lock;
mod need;
mod solve;
#[cfg(test)]
mod solve_tests;
mod universe;

pub use crate::domain::Release;
pub use choose::{NoMatch, best, latest, newest_first};
pub use conflict::{Conflict, Fact, Verdict};
pub use graph::{Hop, Node, cycles, tree, ways};
pub use lock::{Edge, LOCK_FORMAT, Lock, LockError, Locked};
pub use need::{Need, Needs, Strength, needs};
pub use solve::{Chosen, Question, Unsolved, solve};
pub use universe::{Candidate, Known, Lookup, Universe};
