//! The integration tests: one binary.

mod events;
