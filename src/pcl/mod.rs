//! Readers: PCL source in its dialects, `SKILL.md` folders, agent files, tables of prompts, older registries and their packs.
//!
//! Promise: they never fail. Whatever the bytes are, each gives a [`Finding`], with diagnostics for what could not be taken
//! as written; nothing is guessed silently. Pure functions of paths and bytes; they know nothing of disks, networks or
//! stores. Nothing that they read is run or followed.

mod agent_json;
mod agent_yaml;
mod discover;
mod finding;
pub(crate) mod front_matter;
mod keyword;
pub mod language;
mod markdown;
mod older_pack;
mod older_registry;
mod paths;
mod prompts;
#[cfg(test)]
mod reader_tests;
mod tree;
mod yaml;

pub use discover::discover;
pub use finding::{Discovery, Finding, Found, LeftOut, slug_candidates};
pub(crate) use keyword::kind_of_keyword;
pub use tree::read_tree;
