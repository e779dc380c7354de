//! The rows that a batch of changes works on. What an event adds is gathered and written in one or two statements; events
//! themselves are written at the end of the batch, together with the head.

use bytes::Bytes;

use crate::domain::{Event, Repository};

use super::super::column::signed;
use super::super::engine::Rows;
use super::super::rules::{Facts, Wanted, Write};
use super::super::{Head, MetaError};
use super::sql::{get, query};
use super::transaction::Sql;
use super::writes::Added;

/// The rows, inside a transaction that holds the counter.
pub(super) struct Batch<'a, 'b> {
    sql: &'a mut Sql<'b>,
    /// What the event at hand adds and nobody has read yet.
    added: Added,
    /// Events that are not written yet, in order.
    events: Vec<(u64, Option<Repository>, Bytes)>,
}

impl<'a, 'b> Batch<'a, 'b> {
    pub fn new(sql: &'a mut Sql<'b>) -> Self {
        Self { sql, added: Added::default(), events: Vec::new() }
    }

    /// Writes the events and the new head.
    pub fn finish(self, head: Head) -> Result<(), MetaError> {
        if self.events.is_empty() {
            return Ok(());
        }
        self.sql.count_labels()?;
        let numbers: Vec<i64> = self.events.iter().map(|(n, ..)| signed(*n)).collect();
        let of = |repository: &'_ Option<Repository>| repository.as_ref().map(ToString::to_string).unwrap_or_default();
        let repositories: Vec<String> = self.events.iter().map(|(_, repository, _)| of(repository)).collect();
        let bytes: Vec<&[u8]> = self.events.iter().map(|(.., bytes)| bytes.as_ref()).collect();
        let sql = "WITH event AS (INSERT INTO events (n, repository, bytes)
                                  SELECT * FROM unnest($1::bigint[], $2::text[], $3::bytea[]))
                   UPDATE counter SET n = $4, time = $5 WHERE one = 1
                   -- Heard by whoever listens when this commits, and not before.
                   RETURNING pg_notify('pclr_events', concat(current_schema(), ' ', n))";
        let written = query(sql).bind(numbers).bind(repositories).bind(bytes);
        self.sql.run(written.bind(signed(head.n)).bind(head.time.micros()))
    }
}

impl Rows for Batch<'_, '_> {
    fn facts(&mut self, wanted: &Wanted) -> Result<Facts, MetaError> {
        self.sql.facts(wanted)
    }

    fn write(&mut self, write: &Write, event: &Event) -> Result<(), MetaError> {
        if self.added.take(write) {
            return Ok(());
        }
        // All others read or remove rows: they come after those that were asked for before them.
        self.sql.add(&std::mem::take(&mut self.added), event)?;
        self.sql.carry_out(write, event)
    }

    fn append(&mut self, event: &Event, bytes: &Bytes) -> Result<(), MetaError> {
        self.sql.add(&std::mem::take(&mut self.added), event)?;
        self.events.push((event.n, event.body.repository(), bytes.clone()));
        Ok(())
    }

    fn event(&mut self, n: u64) -> Result<Option<Bytes>, MetaError> {
        if let Some((.., bytes)) = self.events.iter().find(|(number, ..)| *number == n) {
            return Ok(Some(bytes.clone()));
        }
        let sql = query("SELECT bytes FROM events WHERE n = $1").bind(signed(n));
        self.sql.row(sql, |row| Ok(Bytes::from(get::<Vec<u8>>(row, 0)?)))
    }
}
