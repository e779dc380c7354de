//! What goes to standard output: tables for people, documents for programs.
//!
//! Text from a registry was written by strangers: in tables, control characters are shown as spaces, so that no
//! description can move the cursor or colour the terminal.

use std::io::{self, Write};

use clap::ValueEnum;
use comfy_table::{Table, presets};
use serde::Serialize;
use unicode_width::UnicodeWidthChar;

use crate::domain::Timestamp;

/// How results are printed: as aligned text for people, or as the registry's documents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    #[default]
    Table,
    Json,
}

/// Where results go and in which form.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    pub(super) format: Format,
    pub(super) quiet: bool,
}

/// Most columns of a free text in a table; a Chinese character takes two.
const CELL: usize = 72;

impl Output {
    /// One document: as JSON, or by `table` for people.
    pub(super) fn document<T: Serialize>(self, document: &T, table: impl FnOnce(&T) -> String) -> io::Result<()> {
        match self.format {
            Format::Json => {
                let text = serde_json::to_string_pretty(document)?;
                write_line(&text)
            }
            Format::Table => write_line(&table(document)),
        }
    }

    /// One document on one line, for commands that print many as they come.
    pub(super) fn line<T: Serialize>(self, document: &T) -> io::Result<()> {
        write_line(&serde_json::to_string(document)?)
    }

    /// What happened: as JSON, or as `sentence`, which `--quiet` leaves out.
    pub(super) fn outcome<T: Serialize>(self, document: &T, sentence: impl FnOnce(&T) -> String) -> io::Result<()> {
        if self.quiet && self.format == Format::Table {
            return Ok(());
        }
        self.document(document, sentence)
    }

    /// Something worth knowing beside the result, on standard error.
    pub(super) fn note(self, text: impl AsRef<str>) {
        if !self.quiet {
            aside("note", text.as_ref());
        }
    }
}

/// A line on standard error. Should that be closed, nobody is there to be told.
pub(super) fn aside(label: &str, text: &str) {
    let colour = match label {
        "error" => "\u{1b}[1;31m",
        "warning" => "\u{1b}[1;33m",
        _ => "\u{1b}[1;36m",
    };
    let text = plain_lines(text);
    let _ = writeln!(anstream::stderr(), "{colour}{label}:\u{1b}[0m {text}");
}

/// Bytes as they are, for texts that a program reads on.
pub(super) fn raw(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
}

fn write_line(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{text}")?;
    stdout.flush()
}

/// A table without lines, as wide as its content.
pub(super) fn table<const N: usize>(header: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header);
    for row in rows {
        table.add_row(row.map(|cell| plain(&cell)));
    }
    lines(&mut table)
}

/// Names and values, one pair a line; pairs without a value are left out.
pub(super) fn pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    for (name, value) in pairs.into_iter().filter(|(_, value)| !value.is_empty()) {
        table.add_row([name.to_owned(), plain(&value)]);
    }
    lines(&mut table)
}

fn lines(table: &mut Table) -> String {
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// At most [`CELL`] columns on one line.
pub(super) fn short(text: &str) -> String {
    let mut folded = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut columns = 0;
    let end = folded.char_indices().find(|(_, c)| {
        columns += c.width().unwrap_or(0);
        columns > CELL
    });
    if let Some((at, _)) = end {
        folded.truncate(at);
        folded.push('…');
    }
    folded
}

/// What an artifact is about, for a table that has its name. A title that the name only transliterates comes first.
pub(super) fn about(title: &str, description: &str) -> String {
    match (title.is_ascii(), description.is_empty()) {
        (_, true) => short(title),
        (true, false) => short(description),
        (false, false) => short(&format!("{title}: {description}")),
    }
}

/// A time without its fraction of a second.
pub(super) fn when(time: Timestamp) -> String {
    let text = time.to_string();
    text.split_once('.').map_or(text.clone(), |(seconds, _)| format!("{seconds}Z"))
}

/// Without control characters, and without those that reorder what stands around them.
pub(super) fn plain(text: &str) -> String {
    let reorders = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().map(|c| if c.is_control() || reorders(c) { ' ' } else { c }).collect()
}

/// The same line by line; tabs stay too.
pub(super) fn plain_lines(text: &str) -> String {
    text.split_inclusive(['\n', '\t'])
        .map(|part| match part.char_indices().next_back() {
            Some((end, last @ ('\n' | '\t'))) => format!("{}{last}", plain(&part[..end])),
            _ => plain(part),
        })
        .collect()
}

/// `1 file`, `2 files`.
pub(super) fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_nothing_a_stranger_wrote_reaches_the_terminal() {
        let rows = [["a".to_owned(), "\u{1b}[2Jgone\u{202e}".to_owned()], ["longer".to_owned(), "x".to_owned()]];
        insta::assert_snapshot!(table(["NAME", "ABOUT"], rows), @r"
        NAME    ABOUT
        a        [2Jgone
        longer  x
        ");
    }

    #[test]
    fn lines_and_tabs_stay_and_nothing_else_moves_the_cursor() {
        assert_eq!(plain_lines("a\u{1b}[1A\n\tb\r\n\u{202e}c"), "a [1A\n\tb \n c");
    }

    #[test]
    fn long_texts_are_cut_at_a_character() {
        assert_eq!(short("a\n  b\tc"), "a b c");
        let long = short(&"写".repeat(200));
        assert_eq!(long.chars().count(), CELL / 2 + 1);
    }

    #[test]
    fn a_title_in_another_script_stands_beside_its_transliteration() {
        assert_eq!(about("Poet", "Writes poems"), "Writes poems");
        assert_eq!(about("诗人", "写诗"), "诗人: 写诗");
        assert_eq!(about("Poet", ""), "Poet");
    }

    #[test]
    fn times_are_shown_to_the_second() {
        assert_eq!(when(Timestamp::from_micros(1_500_000)), "1970-01-01T00:00:01Z");
    }
}
