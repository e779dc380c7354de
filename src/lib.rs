//! A registry for AI artifacts: an OCI registry, a static-file registry and a catalogue in one program.
//!
//! `docs/architecture.md` says why it is built as it is; each module says what it promises and what it does not know about.

pub mod cache;
pub mod cli;
pub mod client;
pub mod domain;
pub mod http;
pub mod log;
pub mod meta;
pub mod pack;
pub mod pcl;
pub mod registry;
pub mod resolve;
pub mod search;
pub mod storage;
pub mod tlog;
pub mod trust;
