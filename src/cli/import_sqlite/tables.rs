//! The tables of a SQLite file that anybody may have made: plain ones, their stored columns, up to a bound.
//!
//! What would run something that stands in the file (views, virtual tables, computed columns, checks) is not looked at. Knows nothing
//! of what the rows mean.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use serde_json::{Map, Value};

use super::Why;

/// What is counted for a value besides its text: what it takes in memory.
const VALUE: u64 = 32;

/// Most that is read of one file, all tables together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    /// Rows.
    pub(super) rows: u64,
    /// Bytes of values, with the names of their columns.
    pub(super) bytes: u64,
}

/// An open file.
pub(super) struct Tables {
    database: Connection,
    /// Columns by table, as the file calls them.
    columns: BTreeMap<String, Vec<String>>,
    bounds: Bounds,
    left: Bounds,
}

impl Tables {
    /// Opens a file that is this program's own to change: what its log holds is taken in.
    pub(super) fn open(path: &Path, bounds: Bounds) -> Result<Self, Why> {
        let database = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        database.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA ignore_check_constraints = ON;")?;
        let check: String = database.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if check != "ok" {
            return Err(Why::Damaged(check));
        }
        let columns = columns(&database)?;
        Ok(Self { database, columns, bounds, left: bounds })
    }

    /// Whether there is such a table.
    pub(super) fn has_table(&self, table: &str) -> bool {
        self.columns.contains_key(table)
    }

    /// Whether there is such a column, called as the JSON of the older registry calls it.
    pub(super) fn has(&self, table: &str, column: &str) -> bool {
        self.columns.get(table).is_some_and(|columns| columns.iter().any(|known| camel(known) == column))
    }

    /// Every row of a table, without what is NULL, in the order in which they were written, by the names that [`Tables::has`] takes.
    pub(super) fn rows(&mut self, table: &str) -> Result<Vec<Map<String, Value>>, Why> {
        let Some(columns) = self.columns.get(table) else { return Ok(Vec::new()) };
        let quoted: Vec<String> = columns.iter().map(|column| quote(column)).collect();
        let sql = format!("SELECT {} FROM {}", quoted.join(", "), quote(table));
        let columns: Vec<String> = columns.iter().map(|column| camel(column)).collect();
        let mut statement = self.database.prepare(&sql)?;
        let mut found = Vec::new();
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            take(&mut self.left.rows, 1, self.bounds)?;
            let mut values = Map::new();
            for (at, column) in columns.iter().enumerate() {
                let read = row.get_ref(at)?;
                let length = match read {
                    ValueRef::Null => continue,
                    ValueRef::Integer(_) | ValueRef::Real(_) => 0,
                    ValueRef::Text(text) | ValueRef::Blob(text) => text.len(),
                };
                take(&mut self.left.bytes, VALUE + (length + column.len()) as u64, self.bounds)?;
                values.insert(column.clone(), value(read));
            }
            found.push(values);
        }
        Ok(found)
    }
}

/// Counts something that is read.
fn take(left: &mut u64, number: u64, bounds: Bounds) -> Result<(), Why> {
    *left = left.checked_sub(number).ok_or(Why::TooMuch(bounds))?;
    Ok(())
}

/// Tables with their stored columns. Views and virtual tables lie on no page of their own.
fn columns(database: &Connection) -> rusqlite::Result<BTreeMap<String, Vec<String>>> {
    let sql = "SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c
        WHERE m.type = 'table' AND m.rootpage > 0 AND m.sql LIKE 'CREATE TABLE %'";
    let mut statement = database.prepare(sql)?;
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        found.entry(row.get(0)?).or_default().push(row.get(1)?);
    }
    Ok(found)
}

fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => number.into(),
        ValueRef::Text(text) | ValueRef::Blob(text) => String::from_utf8_lossy(text).into_owned().into(),
    }
}

/// `created_at` as `createdAt`.
fn camel(name: &str) -> String {
    let mut camel = String::with_capacity(name.len());
    let mut words = name.split('_').filter(|word| !word.is_empty());
    camel.extend(words.next());
    for word in words {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    camel
}
