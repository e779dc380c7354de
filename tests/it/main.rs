//! The integration tests: one binary.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod corpus;
mod readers_on_corpus;
