//! Choosing: the best release for an npm range, the one that `latest` names, versions of many packages that fit together,
//! with a lock that keeps them, and who has the skills that are needed.
//!
//! Pure: the server answers with it and the client checks with it, from the same lists of releases. Knows nothing of where
//! the lists come from.

mod bits;
mod choose;
mod circles;
mod conflict;
mod derivation;
mod graph;
mod lock;
mod need;
mod solve;
#[cfg(test)]
mod solve_tests;
mod team;
mod universe;

pub use crate::domain::Release;
pub use choose::{NoMatch, best, latest, newest_first};
pub use circles::circles;
pub use conflict::{Conflict, Fact, Verdict};
pub use graph::{Hop, Node, cycles, tree, ways};
pub use lock::{Edge, LOCK_FORMAT, Lock, LockError, Locked};
pub use need::{Need, Needs, Strength, needs, package};
pub use solve::{Chosen, Question, Unsolved, solve};
pub use team::{Required, SKILLS_MAX, Skilled, Team, most_able_first, smallest_team};
pub use universe::{Candidate, Known, Lookup, Universe};
