//! The sequencer of the transparency log: events become tiles, tiles a head (`spec/log.md`).
//!
//! The log is a function of the events and of a secret that the store keeps: whoever makes it again makes the same. So tiles are a projection
//! like the static tree, written without syncs and written anew where they are absent, and any number of servers may write them at
//! once. What counts is the **head**: a signed checkpoint, swapped by compare-and-swap.
//!
//! **Invariant.** Nothing is signed that does not extend what was signed before: of two heads that this program ever showed, the
//! smaller is a prefix of the larger.
//!
//! Knows where events, tiles and heads lie, not what events mean, nor who waits for them.

mod error;
mod heads;
mod identity;
mod load;
mod sequencer;

pub use error::LogError;
pub use heads::Heads;
pub use identity::Identity;
pub use sequencer::Sequencer;
