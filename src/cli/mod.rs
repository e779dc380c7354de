//! The program `pclr`: one file a command.
//!
//! Promises that results go to standard output and everything else to standard error, that every error says what to do
//! next where there is something to do, and that the exit code tells the sort of answer ([`Exit`]). Knows how things are
//! typed and printed; what they mean is decided in the modules that it calls.

mod accounts;
mod add;
mod args;
mod artifact;
mod collect;
mod collection;
mod complete;
mod completions;
pub mod config;
mod delete;
mod deprecate;
mod diff;
mod draft;
mod failure;
mod fsck;
mod history;
mod import;
mod import_archive;
mod import_sqlite;
mod install;
mod key;
mod keys;
mod list;
mod log;
mod log_key;
mod log_memory;
mod migrate;
mod org;
mod output;
mod owner;
mod progress;
mod project;
mod pull;
mod push;
mod rebuild;
mod relations;
mod remove;
mod resolve;
mod restore;
mod rollback;
mod run;
mod search;
mod search_index;
mod search_static;
mod serve;
mod server;
mod settings;
mod show;
mod sign;
mod star;
mod static_tree;
mod stats;
mod tag;
mod tags;
mod token;
mod tree;
mod trending;
mod units;
mod update;
mod user;
mod variables;
mod versions;
mod visibility;
mod vocabulary;
mod why;
mod yank;

pub use failure::Exit;
pub use run::main;
