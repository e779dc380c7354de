//! A metadata store as somebody else would write one, on nothing but what the library makes public: rows of JSON under keys, in a
//! map that is read from a journal at start. It keeps the whole contract, and a registry serves with it.
//!
//! Simple before fast: lists read every package, and a change costs one line of the journal.

mod accounts;
mod blobs;
mod carrier;
mod catalog;
mod changes;
mod facts;
mod faults;
mod groups;
mod journal;
mod packages;
mod refs;
mod rows;
mod serving;
mod social;
mod store;
