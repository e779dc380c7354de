//! Moving a catalogue from one metadata store to another: whole, compared, and safe to interrupt.

mod failing;
mod faults;
mod pairs;
mod program;
mod refusals;
pub mod registry;
