//! The metadata store: pointers, not bytes.
//!
//! Small traits at the level of the domain ([`Catalog`], [`Refs`], [`Blobs`], [`Ledger`], [`Accounts`], [`Groups`], [`Social`], and
//! [`Carrier`] for what moves from one store or area to another) and the implementations that keep them. What a change does, and when it is
//! refused, is decided once for all of them in [`rules`]; an implementation
//! reads the facts that a decision needs and carries out the writes that it asks for, in one transaction.
//! [`contract`] is the promise: an implementation written elsewhere proves itself with it.
//!
//! Knows nothing of object storage, archives or HTTP.

mod accounts;
mod address;
mod blobs;
mod carry;
mod change;
mod column;
pub mod contract;
pub mod engine;
mod groups;
mod label;
mod log_head;
mod memory;
mod mongo;
mod page;
mod postgres;
pub mod rules;
mod shown;
mod social;
mod spans;
mod sqlite;
mod tally;
mod traits;
#[cfg(test)]
mod trap;
mod ways;

pub use accounts::{Accounts, Login, TokenAdded, TokenRow, USED_EVERY, UserRow};
pub use address::{Address, Server};
pub use blobs::{BlobRow, Blobs, Linked, Unknown};
pub use carry::{BlobKey, CarriedBlob, CarriedLink, Carrier, Life, LinkKey};
pub use change::{Accept, Act, Applied, Atomicity, Change, ManifestFacts, Outcome, Publication, Refused, Replay, Seen};
pub use engine::Planned;
pub use groups::{CollectionRow, Collections, Groups, OrgRow, OrgSaid};
pub use label::{Label, LabelCount};
pub use log_head::LogHead;
pub use memory::{Archive, Memory, NamedBlob, Role, SNAPSHOT, Snapshot, Unbelievable};
pub use mongo::Mongo;
pub use page::{PACKAGES_MAX, PAGE_MAX};
pub use postgres::Postgres;
pub use shown::{Standing, labels};
pub use social::{DownloadBatch, Downloads, Social, StarRow, Starred, Totals};
pub use sqlite::Sqlite;
pub use tally::{Count, Difference, Table, difference, tally};
pub use traits::{
    Between, CONFIGS_MAX, Catalog, Cursor, Filter, Head, Ledger, ManifestRow, Meta, MetaError, Needs, Order, Page,
    Refs, Releases,
};
