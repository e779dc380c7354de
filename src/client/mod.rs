//! Talks to a registry: publishes, fetches, asks; verifies before a byte is used.
//!
//! Promises that whatever it hands out or writes to disk has the digest it was asked for by, that every read has a stated
//! maximum, that it repeats only what can be repeated without harm, and that silence ends a call while slowness does not.
//! Knows nothing of terminals, tables or the server's inside: it sees the documents of `domain::api` and the OCI
//! distribution specification only.

mod accounts;
mod answer;
mod cache;
mod catalogue;
mod content;
mod drafts;
mod error;
mod folder;
mod groups;
mod import;
mod log;
mod popularity;
pub mod project;
mod pull;
mod push;
mod read_files;
mod signatures;
mod statics;
mod transport;
mod wanted;
mod write_files;

pub use cache::{Cache, Cached, Kept};
pub use catalogue::{ListQuery, SearchQuery};
pub use drafts::DraftWords;
pub use error::{ClientError, Outage, Refusal};
pub use folder::FilesError;
pub use import::{ImportLine, ImportLines, ImportOf};
pub use log::{Included, Log, LogMemory, Logged, Remembered, Seen};
pub use pull::Pulled;
pub use push::{Outcome, Pushed};
pub use read_files::{FilesRead, read_files};
pub use signatures::Signed;
pub use statics::{CatalogueReader, FetchedShard, Hashing, Problem, Rebuilt, SHARDS_AT_ONCE, rebuild_tree};
pub use transport::{Client, Timeouts, Watch, install_tls_provider, registry_address};
pub use wanted::{Selector, Wanted, WantedError};
pub use write_files::{Existing, Written, write_files};
