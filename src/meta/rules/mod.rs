//! What a change does to the rows, and when it is refused: decided here once, for every store.
//!
//! A store calls [`wanted`], reads those facts inside its transaction, calls [`decide`], carries out the writes in order,
//! and seals the event with [`seal`]. Nothing here does I/O, so the same decision stands on every database.

mod act;
mod decide;
mod facts;
mod groups;
mod hidden;
mod rank;
mod visibility;

pub use act::{act_of, applied, seal, wanted};
pub use decide::decide;
pub use facts::{Decision, Facts, ManifestState, Mode, VersionFacts, Wanted, Write, seen_before};
pub use hidden::is_hidden;
pub use rank::{is_stable, rank};
