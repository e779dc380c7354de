//! The integration tests: one binary, because every further one would link the whole tree again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod architecture;
mod bad_archives;
mod bad_folder;
mod bad_uploads;
mod cli;
mod cli_answers;
mod cli_tour;
mod client;
mod clients;
mod collect;
mod corpus;
mod corpus_import;
mod costs;
mod crash;
mod damage;
mod durability;
mod events;
mod inside;
mod install;
mod install_faults;
mod install_targets;
mod kill;
mod limits;
mod openapi;
mod project;
mod readers_on_corpus;
mod rebuild;
mod referrers;
mod script;
mod scripts;
mod source;
mod sparse;
mod stand_in;
mod vectors;
mod world;
