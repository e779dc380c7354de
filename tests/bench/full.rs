//! The long form: everything, written to `docs/benchmarks.md`.

use std::fs;
use std::path::Path;

use crate::table::Table;
use crate::{catalogue, compared, memory, starts, uploads};

/// Between these lines the document is written by this program; around them, by people.
const BEGIN: &str = "<!-- measured: tests/bench/run writes from here -->\n";
const END: &str = "<!-- measured: to here -->\n";

/// The parts of it, in their order.
pub const SECTIONS: [&str; 7] = ["push", "reads", "large", "catalogue", "memory", "uploads", "starts"];

/// Measures the sections that are named, all if none is, and writes them down if it was all.
pub fn run(sections: &[&str]) {
    let wanted = |name: &str| sections.is_empty() || sections.contains(&name);
    let mut tables: Vec<Table> = Vec::new();
    // First: ext4 is slow to find an inode for minutes after many files were deleted.
    if wanted("push") {
        tables.push(compared::pushes());
    }
    if wanted("reads") {
        tables.push(compared::small_reads());
    }
    if wanted("large") {
        tables.push(compared::large_reads());
    }
    if wanted("catalogue") {
        let Some(measured) = catalogue::catalogue() else {
            panic!("there is no corpus: set PCLR_CORPUS to its folder");
        };
        tables.extend(measured);
    }
    if wanted("memory") {
        tables.push(memory::memory());
    }
    if wanted("uploads") {
        tables.push(uploads::uploads());
    }
    if wanted("starts") {
        tables.push(starts::starts());
    }
    let text: String = tables.iter().map(Table::markdown).collect();
    println!("{text}");
    if sections.is_empty() {
        write_between(BEGIN, END, &text);
    }
}

/// Replaces what stands in `docs/benchmarks.md` between two lines.
pub fn write_between(begin: &str, end: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/benchmarks.md");
    let document = fs::read_to_string(&path).expect("the document is there");
    let (before, rest) = document.split_once(begin).expect("it has the first mark");
    let (_, after) = rest.split_once(end).expect("it has the second mark");
    fs::write(&path, format!("{before}{begin}\n{text}{end}{after}")).expect("the document can be written");
}
