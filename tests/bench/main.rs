//! How fast the registry is, beside its peers: `tests/bench/run` builds and calls this.
//!
//! Without an argument everything is measured and written to `docs/benchmarks.md`; with `short`, the cost of each request is
//! printed in less than a minute; with `databases`, the large catalogue is made and asked in each database; with `fsck`, a check of a
//! store is measured beside `sha256sum`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod backend;
mod catalogue;
mod compared;
mod connection;
#[allow(dead_code, reason = "the tests read more of it")]
#[path = "../it/corpus.rs"]
mod corpus;
mod counted;
mod databases;
mod fsck;
mod full;
mod load;
mod made;
mod memory;
mod mixed;
mod popularity;
mod population;
mod process;
mod push;
mod questions;
mod reads;
mod server;
mod short;
mod starts;
mod table;
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
        ref sections if sections.iter().all(|section| full::SECTIONS.contains(section)) => full::run(sections),
        _ => {
            eprintln!("usage: tests/bench/run [short | databases | fsck | {}]", full::SECTIONS.join(" | "));
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}
