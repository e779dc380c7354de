//! The API over a registry in memory.
