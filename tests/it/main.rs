//! The integration tests: one binary, because every further one would link the whole tree again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod architecture;
mod cli;
mod cli_answers;
mod cli_tour;
mod client;
mod clients;
mod corpus;
mod corpus_import;
mod durability;
mod events;
mod limits;
mod openapi;
mod readers_on_corpus;
mod referrers;
mod script;
mod scripts;
mod source;
mod stand_in;
mod vectors;
mod world;
