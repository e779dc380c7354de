//! The transparency log of a registry, live or of files: what is read of it counts only once it is verified (`spec/log.md`).
//!
//! A [`Log`] is what was found at an address: a key that nobody vouches for yet. Whoever uses it compares the key with one that was
//! handed over, or with the one that [`LogMemory`] remembers, and from then on a log may only grow.

mod check;
mod memory;
mod reader;

pub use check::{Logged, Seen};
pub use memory::{LogMemory, Remembered};
pub use reader::{Included, Log};
