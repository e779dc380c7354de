//! Talks to a registry; verifies before a byte is used.
