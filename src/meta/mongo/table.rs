//! The documents of one collection that a transaction has read or is to write.
//!
//! Each is read once, many at a time, and written once, at the end: within a transaction nobody else changes what it has read
//! without a conflict when it is written. What is only read may change beside it, as in any snapshot; `blobs.rs` says why
//! that is safe.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Display;

use mongodb::bson::{RawArrayBuf, RawDocument, RawDocumentBuf, doc, rawdoc};

use super::super::MetaError;
use super::error::unavailable;
use super::rows::Row;
use super::session::{Asked, Session};

/// Keys in one query.
const KEYS: usize = 10_000;
/// Bytes of statements in one command; a document of MongoDB has at most 16 MiB, a command a little more.
const COMMAND: usize = 8 << 20;
/// Statements in one command; MongoDB takes 100,000.
const STATEMENTS: usize = 50_000;
/// Largest document.
const DOCUMENT: usize = 16 << 20;

pub(super) struct Table<R> {
    /// `None`: it was looked for and is not there, or is to be removed.
    held: HashMap<String, Option<R>>,
    /// Keys of documents that are to be written or removed.
    dirty: BTreeSet<String>,
}

impl<R> Default for Table<R> {
    fn default() -> Self {
        Self { held: HashMap::new(), dirty: BTreeSet::new() }
    }
}

impl<R: Row> Table<R> {
    /// Reads those documents that are not held yet.
    pub fn load(&mut self, session: &mut Session, keys: impl IntoIterator<Item = String>) -> Result<(), MetaError> {
        let wanted: BTreeSet<String> = keys.into_iter().filter(|key| !self.held.contains_key(key)).collect();
        let wanted: Vec<String> = wanted.into_iter().collect();
        for keys in wanted.chunks(KEYS) {
            let found: Vec<R> = session.find(R::COLLECTION, doc! { "_id": { "$in": keys } }, doc! {}, 0)?;
            self.held.extend(keys.iter().map(|key| (key.clone(), None)));
            self.held.extend(found.into_iter().map(|row| (row.id().to_owned(), Some(row))));
        }
        Ok(())
    }

    /// Those that are not held yet.
    pub fn lacking(&self, keys: &[String]) -> (&'static str, Vec<String>) {
        let lacking: BTreeSet<&String> = keys.iter().filter(|key| !self.held.contains_key(*key)).collect();
        (R::COLLECTION, lacking.into_iter().cloned().collect())
    }

    /// Takes what was found of those that were asked for, of all collections.
    pub fn hold(&mut self, asked: &Asked, found: &RawDocument) -> Result<(), MetaError> {
        let Some((_, keys)) = asked.iter().find(|(collection, _)| *collection == R::COLLECTION) else { return Ok(()) };
        let broken = |error: &dyn Display| MetaError::Corrupt(format!("what was read of {}: {error}", R::COLLECTION));
        self.held.extend(keys.iter().map(|key| (key.clone(), None)));
        for row in found.get_array(R::COLLECTION).map_err(|error| broken(&error))? {
            let row = row.map_err(|error| broken(&error))?;
            let row = row.as_document().ok_or_else(|| broken(&"a row is no document"))?;
            let row: R = mongodb::bson::deserialize_from_slice(row.as_bytes()).map_err(|error| broken(&error))?;
            self.held.insert(row.id().to_owned(), Some(row));
        }
        Ok(())
    }

    /// The document, read if it is not held yet.
    pub fn get(&mut self, session: &mut Session, key: &str) -> Result<Option<&R>, MetaError> {
        if !self.held.contains_key(key) {
            self.load(session, [key.to_owned()])?;
        }
        Ok(self.peek(key))
    }

    /// The document, if it is held.
    pub fn peek(&self, key: &str) -> Option<&R> {
        self.held.get(key).and_then(Option::as_ref)
    }

    /// Writes the document, unless it is so already.
    pub fn put(&mut self, row: R) {
        let key = row.id().to_owned();
        if self.peek(&key) != Some(&row) {
            self.held.insert(key.clone(), Some(row));
            self.dirty.insert(key);
        }
    }

    /// Removes the document, unless it is known not to be there.
    pub fn remove(&mut self, key: &str) {
        if !matches!(self.held.insert(key.to_owned(), None), Some(None)) {
            self.dirty.insert(key.to_owned());
        }
    }

    /// Sends what is to be written, so that queries see it.
    pub fn flush(&mut self, session: &mut Session) -> Result<(), MetaError> {
        let (mut updates, mut deletes) = (Statements::of("updates"), Statements::of("deletes"));
        for key in std::mem::take(&mut self.dirty) {
            match self.held.get(&key).and_then(Option::as_ref) {
                Some(row) => {
                    let document = mongodb::bson::serialize_to_raw_document_buf(row)
                        .map_err(|error| MetaError::Corrupt(format!("{key}: {error}")))?;
                    let size = document.as_bytes().len();
                    if size > DOCUMENT {
                        return Err(unavailable(format!(
                            "what is kept of {key} takes {size} bytes, and a document of MongoDB {DOCUMENT} at most"
                        )));
                    }
                    let update = rawdoc! { "q": { "_id": key }, "u": document, "upsert": true };
                    updates.add::<R>(session, update)?;
                }
                None => deletes.add::<R>(session, rawdoc! { "q": { "_id": key }, "limit": 1 })?,
            }
        }
        updates.send::<R>(session)?;
        deletes.send::<R>(session)
    }
}

/// Statements that gather until they fill a command.
struct Statements {
    field: &'static str,
    bytes: usize,
    number: usize,
    gathered: RawArrayBuf,
}

impl Statements {
    fn of(field: &'static str) -> Self {
        Self { field, bytes: 0, number: 0, gathered: RawArrayBuf::new() }
    }

    fn add<R: Row>(&mut self, session: &mut Session, statement: RawDocumentBuf) -> Result<(), MetaError> {
        let bytes = statement.as_bytes().len();
        if self.bytes > 0 && (self.bytes + bytes > COMMAND || self.number == STATEMENTS) {
            self.send::<R>(session)?;
        }
        self.bytes += bytes;
        self.number += 1;
        self.gathered.push(statement);
        Ok(())
    }

    fn send<R: Row>(&mut self, session: &mut Session) -> Result<(), MetaError> {
        if self.bytes == 0 {
            return Ok(());
        }
        (self.bytes, self.number) = (0, 0);
        let statements = std::mem::replace(&mut self.gathered, RawArrayBuf::new());
        let command = match self.field {
            "updates" => rawdoc! { "update": R::COLLECTION, "updates": statements },
            _ => rawdoc! { "delete": R::COLLECTION, "deletes": statements },
        };
        session.write(command).map(drop)
    }
}
