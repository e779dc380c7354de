//! A unit of work: the documents that the changes of one transaction read and write.
//!
//! What a whole batch needs is read beforehand (`ahead.rs`), and what it writes is sent at the end, a command a collection: a
//! hundred publishes take some ten round trips more than one.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, RawArrayBuf, doc, rawdoc};

use crate::domain::{Event, Repository};

use super::super::MetaError;
use super::super::engine::Rows;
use super::super::rules::{Facts, Wanted, Write};
use super::rows::{self, Counter, EVENTS, signed};
use super::session::Session;
use super::table::Table;

/// Events that are read at once for a replay to compare with.
const EVENTS_AHEAD: i64 = 500;
/// Bytes of events in one command.
const COMMAND: usize = 8 << 20;

pub(super) struct Unit<'a> {
    pub session: &'a mut Session,
    pub repositories: Table<rows::Repository>,
    pub manifests: Table<rows::Manifest>,
    pub tags: Table<rows::Tag>,
    pub packages: Table<rows::Package>,
    pub labels: Table<rows::Label>,
    pub postings: Table<rows::Posting>,
    pub versions: Table<rows::Release>,
    pub configs: Table<rows::Config>,
    pub collections: Table<rows::Collection>,
    pub orgs: Table<rows::Org>,
    pub blobs: Table<rows::Blob>,
    pub links: Table<rows::Link>,
    /// Versions of a package that were written since it last chose which one it shows.
    pub moved: BTreeMap<String, BTreeSet<String>>,
    /// The head of the sequence, once it was read.
    counter: Option<Counter>,
    /// Events to be written.
    events: Vec<(u64, Option<Repository>, Bytes)>,
    /// Events that were read to compare with.
    compared: BTreeMap<u64, Bytes>,
}

impl<'a> Unit<'a> {
    pub fn new(session: &'a mut Session) -> Self {
        Self {
            session,
            repositories: Table::default(),
            manifests: Table::default(),
            tags: Table::default(),
            packages: Table::default(),
            labels: Table::default(),
            postings: Table::default(),
            versions: Table::default(),
            configs: Table::default(),
            collections: Table::default(),
            orgs: Table::default(),
            blobs: Table::default(),
            links: Table::default(),
            moved: BTreeMap::new(),
            counter: None,
            events: Vec::new(),
            compared: BTreeMap::new(),
        }
    }

    /// The head before these changes, and how many packages have begun, with them. It is locked, unless it was read beside other
    /// documents: whoever changes it in between is met when it is written.
    pub fn counter(&mut self) -> Result<&mut Counter, MetaError> {
        let counter = match self.counter.take() {
            Some(counter) => counter,
            None => self.session.lock_head()?,
        };
        Ok(self.counter.insert(counter))
    }

    /// The head was read beside other documents. One that is locked stays.
    pub fn hold_counter(&mut self, counter: Counter) {
        self.counter.get_or_insert(counter);
    }

    /// Sends all that is to be written.
    pub fn flush(&mut self) -> Result<(), MetaError> {
        let session = &mut *self.session;
        self.repositories.flush(session)?;
        self.manifests.flush(session)?;
        self.tags.flush(session)?;
        self.packages.flush(session)?;
        self.labels.flush(session)?;
        self.postings.flush(session)?;
        self.versions.flush(session)?;
        self.configs.flush(session)?;
        self.collections.flush(session)?;
        self.orgs.flush(session)?;
        self.blobs.flush(session)?;
        self.links.flush(session)?;
        let (mut documents, mut bytes) = (RawArrayBuf::new(), 0);
        for (n, repository, event) in std::mem::take(&mut self.events) {
            bytes += event.len();
            let binary = Binary { subtype: BinarySubtype::Generic, bytes: event.to_vec() };
            let repository = repository.as_ref().map(Repository::as_str).unwrap_or_default();
            documents.push(rawdoc! { "_id": signed(n), "repository": repository, "bytes": binary });
            if bytes > COMMAND {
                let full = std::mem::replace(&mut documents, RawArrayBuf::new());
                session.write(rawdoc! { "insert": EVENTS, "documents": full })?;
                bytes = 0;
            }
        }
        if bytes > 0 {
            session.write(rawdoc! { "insert": EVENTS, "documents": documents })?;
        }
        Ok(())
    }
}

impl Rows for Unit<'_> {
    fn facts(&mut self, wanted: &Wanted) -> Result<Facts, MetaError> {
        self.read_facts(wanted)
    }

    fn write(&mut self, write: &Write, event: &Event) -> Result<(), MetaError> {
        self.carry_out(write, event)
    }

    fn append(&mut self, event: &Event, bytes: &Bytes) -> Result<(), MetaError> {
        self.events.push((event.n, event.body.repository(), bytes.clone()));
        Ok(())
    }

    fn event(&mut self, n: u64) -> Result<Option<Bytes>, MetaError> {
        // Events are asked for in order.
        if !self.compared.contains_key(&n) {
            let from = doc! { "_id": { "$gte": signed(n) } };
            let found: Vec<rows::Event> = self.session.find(EVENTS, from, doc! { "_id": 1 }, EVENTS_AHEAD)?;
            self.compared =
                found.into_iter().map(|event| (rows::unsigned(event.n), event.bytes.bytes.into())).collect();
        }
        Ok(self.compared.get(&n).cloned())
    }
}
