//! Requirements as HTTP scripts: text files under `tests/http/` that anyone can read, and the runner that proves them.
//!
//! A script knows nothing of the registry's code: it opens a connection, sends bytes as written (dot segments, odd
//! headers and half a body included) and compares what comes back. It can be run against any registry, so it also
//! shows where others differ: `PCLR_TEST_REGISTRY=127.0.0.1:5000 cargo nextest run scripts`.
//! The format is described in `tests/http/README.md`.

mod check;
mod content;
mod parse;
mod run;
#[cfg(test)]
mod tests;
pub mod wire;

pub use content::tar_gz;
pub use parse::{Body, BodyRule, Expected, HeaderRule, Item, Piece, Step};
pub use run::{Servers, run_file, run_file_on};
