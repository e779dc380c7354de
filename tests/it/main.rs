//! The integration tests: one binary, because every further one would link the whole tree again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod architecture;
mod clients;
mod corpus;
mod durability;
mod events;
mod readers_on_corpus;
mod script;
mod scripts;
mod source;
mod vectors;
mod world;
