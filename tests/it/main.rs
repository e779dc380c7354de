//! The integration tests: one binary, because every further one would link the whole tree again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod cli;
mod cli_answers;
mod client;
mod corpus;
mod readers_on_corpus;
mod stand_in;
