//! Rows under keys, in memory and in a journal: one line a transaction, whole or not there.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::ops::Bound;
use std::path::Path;

use pcl_registry::meta::MetaError;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// When a transaction survives a loss of power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durable {
    /// On return.
    Now,
    /// With the next one that is durable on return.
    WithNext,
}

/// Keys and the JSON under them.
type Rows = BTreeMap<String, String>;

/// The file, and what it comes to.
pub struct Journal {
    rows: Rows,
    file: File,
    /// The file may end in half a line: nothing more may be written behind it.
    is_broken: bool,
    /// A write of a change fails after so many others, once: a test wants it to.
    pub fails_after: Option<usize>,
}

/// A transaction: what it writes is in the journal once it is committed, and nowhere if it is dropped.
pub struct Unit<'j> {
    journal: &'j mut Journal,
    pending: BTreeMap<String, Option<String>>,
}

fn unavailable(error: std::io::Error) -> MetaError {
    MetaError::Unavailable(error.into())
}

fn corrupt(error: serde_json::Error) -> MetaError {
    MetaError::Corrupt(error.to_string())
}

impl Journal {
    /// Reads the file, or begins it. A last line without an end was never committed, and is taken off.
    pub fn open(path: &Path) -> Result<Self, MetaError> {
        let options = OpenOptions::new().read(true).append(true).create(true).open(path);
        let (mut file, mut text) = (options.map_err(unavailable)?, String::new());
        file.read_to_string(&mut text).map_err(unavailable)?;
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        if whole < text.len() {
            file.set_len(whole as u64).map_err(unavailable)?;
        }
        let mut rows = Rows::new();
        for line in text[..whole].lines() {
            let written: BTreeMap<String, Option<String>> = serde_json::from_str(line).map_err(corrupt)?;
            written.into_iter().for_each(|write| apply(&mut rows, write));
        }
        Ok(Self { rows, file, is_broken: false, fails_after: None })
    }

    /// Begins a transaction; also for reading.
    pub fn begin(&mut self) -> Unit<'_> {
        Unit { journal: self, pending: BTreeMap::new() }
    }
}

fn apply(rows: &mut Rows, (key, row): (String, Option<String>)) {
    match row {
        Some(row) => drop(rows.insert(key, row)),
        None => drop(rows.remove(&key)),
    }
}

impl Unit<'_> {
    /// The row under a key.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, MetaError> {
        self.text(key).map(|row| serde_json::from_str(row).map_err(corrupt)).transpose()
    }

    /// Whether there is a row under a key.
    pub fn has(&self, key: &str) -> bool {
        self.text(key).is_some()
    }

    fn text(&self, key: &str) -> Option<&String> {
        match self.pending.get(key) {
            Some(pending) => pending.as_ref(),
            None => self.journal.rows.get(key),
        }
    }

    /// Writes a row.
    pub fn put(&mut self, key: impl Into<String>, row: &impl Serialize) -> Result<(), MetaError> {
        let row = serde_json::to_string(row).map_err(corrupt)?;
        self.pending.insert(key.into(), Some(row));
        Ok(())
    }

    /// Removes a row, if it is there.
    pub fn remove(&mut self, key: impl Into<String>) {
        self.pending.insert(key.into(), None);
    }

    /// What keys that begin so go on with, after `after`, in their order.
    pub fn keys<'a>(&'a self, prefix: &'a str, after: &str) -> impl Iterator<Item = &'a str> {
        self.raw(prefix, after).map(|(key, _)| key)
    }

    /// Their rows too.
    pub fn rows<'a, T: DeserializeOwned>(
        &'a self,
        prefix: &'a str,
        after: &str,
    ) -> impl Iterator<Item = Result<(&'a str, T), MetaError>> {
        self.raw(prefix, after).map(|(key, row)| Ok((key, serde_json::from_str(row).map_err(corrupt)?)))
    }

    /// Both maps as one, in order; what is pending hides what was there.
    fn raw<'a>(&'a self, prefix: &'a str, after: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let after = format!("{prefix}{after}");
        // A key is never the bare prefix.
        let range = (Bound::Excluded(after.as_str()), Bound::Unbounded);
        let begins = move |key: &str| key.starts_with(prefix);
        let known = self.journal.rows.range::<str, _>(range).take_while(move |(key, _)| begins(key));
        let pending = self.pending.range::<str, _>(range).take_while(move |(key, _)| begins(key));
        let (mut known, mut pending) = (known.peekable(), pending.peekable());
        std::iter::from_fn(move || {
            loop {
                let order = match (known.peek(), pending.peek()) {
                    (Some((one, _)), Some((other, _))) => one.cmp(other),
                    (Some(_), None) => Ordering::Less,
                    (None, _) => Ordering::Greater,
                };
                if order.is_lt() {
                    let (key, row) = known.next()?;
                    return Some((&key[prefix.len()..], row.as_str()));
                }
                if order.is_eq() {
                    known.next();
                }
                if let (key, Some(row)) = pending.next()? {
                    return Some((&key[prefix.len()..], row.as_str()));
                }
            }
        })
    }

    /// A write of a change was carried out. Fails if a test wants it to.
    pub fn written(&mut self) -> Result<(), MetaError> {
        match self.journal.fails_after {
            None => Ok(()),
            Some(0) => {
                self.journal.fails_after = None;
                Err(MetaError::Unavailable("a test wants it so".into()))
            }
            Some(others) => {
                self.journal.fails_after = Some(others - 1);
                Ok(())
            }
        }
    }

    /// Writes the line. After an error nobody knows whether it is there, and nothing is written behind it.
    pub fn commit(self, durable: Durable) -> Result<(), MetaError> {
        let Self { journal, pending } = self;
        if pending.is_empty() {
            return Ok(());
        }
        if journal.is_broken {
            return Err(MetaError::Unavailable("a write to the journal failed; open it again".into()));
        }
        let mut line = serde_json::to_vec(&pending).map_err(corrupt)?;
        line.push(b'\n');
        let written = journal.file.write_all(&line).and_then(|()| match durable {
            Durable::Now => journal.file.sync_data(),
            Durable::WithNext => Ok(()),
        });
        journal.is_broken = written.is_err();
        written.map_err(unavailable)?;
        pending.into_iter().for_each(|write| apply(&mut journal.rows, write));
        Ok(())
    }
}
