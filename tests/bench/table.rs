//! Results as tables, for people: on the terminal while they are made, and in the document.

use std::fmt::Write;

/// A table of a few columns under a heading.
pub struct Table {
    title: String,
    /// What the reader must know to read it; may be empty.
    remark: String,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new(title: &str, remark: &str, columns: &[&str]) -> Self {
        let head = columns.iter().map(|&column| column.to_owned()).collect();
        Self { title: title.to_owned(), remark: remark.to_owned(), rows: vec![head] }
    }

    /// Adds a row, and says on the terminal what was measured.
    pub fn row(&mut self, cells: &[String]) {
        eprintln!("{}: {}", self.title, cells.join("  "));
        self.rows.push(cells.to_vec());
    }

    /// The table as Markdown, its heading on the second level.
    pub fn markdown(&self) -> String {
        let mut text = format!("## {}\n\n", self.title);
        if !self.remark.is_empty() {
            let _ = write!(text, "{}\n\n", self.remark);
        }
        for (number, row) in self.rows.iter().enumerate() {
            let _ = writeln!(text, "| {} |", row.join(" | "));
            if number == 0 {
                let rules: Vec<&str> = (0..row.len()).map(|column| if column == 0 { "---" } else { "---:" }).collect();
                let _ = writeln!(text, "|{}|", rules.join("|"));
            }
        }
        text.push('\n');
        text
    }
}

/// A number with thousands set apart.
pub fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes as MiB.
pub fn mib(bytes: u64) -> String {
    thousands(bytes as f64 / f64::from(1 << 20))
}

/// Microseconds as milliseconds.
pub fn millis(micros: f64) -> String {
    format!("{:.2}", micros / 1000.0)
}
