//! Checking a whole store: every event, every reference, every stored byte; and mending what can be mended.
//!
//! [`Check::run`] reads all that there is, believes nothing that was known of it, and tells each [`Finding`]. With [`Mend::Nothing`] it
//! changes nothing, so it may run beside a server: what changed meanwhile is looked at once more before it is told.
//! [`Mend::WhatCanBe`] wants the store alone. Nothing is ever removed that a push, a restore or a rebuild could need.
//!
//! The order: what lies there, events, the hash of every byte, the catalogue that follows from the events, the database beside it, every
//! reference, and what is left over. Bytes are read in bounded memory; the catalogue is held in memory, as a registry without a database
//! holds it, with some hundred bytes for each blob. Knows nothing of how a finding is shown.

mod batches;
mod blobs;
mod catalogue;
mod check;
mod copies;
mod events;
mod finding;
mod fold;
mod folder;
mod left;
mod mend;
mod references;
mod report;
mod sparse;
mod statics;
mod survey;
mod words;

pub use check::{Check, CheckStage, Mend, Watch};
pub use finding::{Finding, NeededBy, Severity};
pub use folder::check_data;
pub use report::{Amount, Found, Report, Summary};
pub use words::Words;
