//! How fast the registry is, beside its peers: `tests/bench/run` builds and calls this.
//!
//! Without an argument this registry and its peers are measured and written to `docs/benchmarks.md`; with `short`, the cost of each
//! request is printed in less than a minute; `databases`, `fsck`, `publish`, `static` and `uploads` write tables of their own there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod backend;
mod bucket;
mod catalogue;
mod compared;
mod connection;
#[allow(dead_code, reason = "the tests read more of it")]
#[path = "../it/corpus.rs"]
mod corpus;
mod counted;
mod databases;
mod document;
mod fsck;
mod full;
mod load;
mod made;
mod memory;
mod mixed;
mod popularity;
mod population;
mod process;
mod publish;
mod pulls;
mod push;
mod questions;
mod reads;
mod server;
mod short;
mod starts;
mod table;
mod tree;
mod uploads;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: counted::Counting = counted::Counting;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve", ..] => return counted::serve(),
        ["short"] => short::run(),
        ["databases"] => databases::run(),
        ["fsck"] => fsck::run(),
        ["publish"] => publish::run(),
        ["static"] => tree::run(),
        ["uploads"] => uploads::run(),
        ref sections if sections.iter().all(|section| full::SECTIONS.contains(section)) => full::run(sections),
        _ => {
            let parts = ["short", "databases", "fsck", "publish", "static", "uploads"].join(" | ");
            eprintln!("usage: tests/bench/run [{parts} | {}]", full::SECTIONS.join(" | "));
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}
