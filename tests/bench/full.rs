//! The long form: everything, written to `docs/benchmarks.md`.

use crate::table::Table;
use crate::{catalogue, compared, document, memory, starts};

/// The parts of it, in their order.
pub const SECTIONS: [&str; 6] = ["push", "reads", "large", "catalogue", "memory", "starts"];

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
    if wanted("starts") {
        tables.push(starts::starts());
    }
    let text = document::printed(&tables);
    if sections.is_empty() {
        document::write_main(&text);
    }
}
