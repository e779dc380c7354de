//! The integration tests: one binary.

mod corpus;
mod readers_on_corpus;
