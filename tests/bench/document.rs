//! `docs/benchmarks.md`: between lines that name it each part writes what it measured; around them people write.

use std::fs;
use std::path::Path;

use crate::table::Table;

/// The tables as text, which is printed as well.
pub fn printed(tables: &[Table]) -> String {
    let text: String = tables.iter().map(Table::markdown).collect();
    println!("{text}");
    text
}

/// Writes what `tests/bench/run PART` measured.
pub fn write_part(part: &str, text: &str) {
    write_between(
        &format!("<!-- measured: tests/bench/run {part} writes from here -->\n"),
        &format!("<!-- measured: to here, by {part} -->\n"),
        text,
    );
}

/// Writes what `tests/bench/run` measured.
pub fn write_main(text: &str) {
    write_between("<!-- measured: tests/bench/run writes from here -->\n", "<!-- measured: to here -->\n", text);
}

fn write_between(begin: &str, end: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/benchmarks.md");
    let document = fs::read_to_string(&path).expect("the document is there");
    let (before, rest) = document.split_once(begin).expect("it has the first mark");
    let (_, after) = rest.split_once(end).expect("it has the second mark");
    fs::write(&path, format!("{before}{begin}\n{text}{end}{after}")).expect("the document can be written");
}
