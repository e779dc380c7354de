//! Packages and versions.

use async_trait::async_trait;
use rusqlite::{Row, params};

use crate::domain::{Name, Package, Published, Release, Timestamp, Version};

use super::super::column::label_type;
use super::super::page::{PACKAGES_MAX, page};
use super::super::{
    Atomicity, Catalog, Change, Cursor, Filter, Head, Label, LabelCount, MetaError, Order, Outcome, Page, Releases,
    Replay, engine,
};
use super::Sqlite;
use super::list::{self, PACKAGE, list, package};
use super::sql::{Sql, get, json_optional, parse, parse_optional, signed, unsigned};
use super::writer::{Durable, End};

#[async_trait]
impl Catalog for Sqlite {
    async fn apply(&self, changes: &[Change], atomicity: Atomicity) -> Result<Vec<Outcome>, MetaError> {
        let changes = changes.to_vec();
        let outcomes = self
            .pool
            .write(Durable::Now, move |sql| {
                let before = sql.head()?;
                let mut head = before;
                let planned = engine::apply(&mut { sql }, &mut head, &changes, atomicity)?;
                if head == before || !engine::stands(&planned, atomicity) {
                    return Ok((engine::outcomes(planned), End::RollBack));
                }
                sql.write_head(head)?;
                Ok((engine::outcomes(planned), End::Commit))
            })
            .await?;
        let events = outcomes.iter().flatten().filter_map(|applied| applied.event.as_ref());
        events.last().into_iter().for_each(|(event, _)| self.tell(event.n));
        Ok(outcomes)
    }

    async fn replay(&self, events: &[Replay]) -> Result<(), MetaError> {
        let events = events.to_vec();
        let head = self
            .pool
            .write(Durable::Now, move |sql| {
                let mut head = sql.head()?;
                engine::replay(&mut { sql }, &mut head, &events)?;
                sql.write_head(head)?;
                Ok((head, End::Commit))
            })
            .await?;
        self.tell(head.n);
        Ok(())
    }

    async fn package(&self, name: &Name) -> Result<Option<Package>, MetaError> {
        let name = name.clone();
        let sql = format!("SELECT {PACKAGE} FROM packages p WHERE p.name = ?1 AND p.shown IS NOT NULL");
        self.pool.read(move |reader| reader.row(&sql, [name.as_str()], package)).await
    }

    async fn releases(&self, name: &Name, of: Releases) -> Result<Vec<Release>, MetaError> {
        let name = name.clone();
        let deleted = of == Releases::Deleted;
        let mut releases = self
            .pool
            .read(move |sql| {
                // Two statements: that those which can be read have a rank is said by an index.
                let releases = match deleted {
                    false => {
                        "SELECT version, digest, yanked, published, deprecation IS NOT NULL FROM versions
                              WHERE name = ?1 AND rank IS NOT NULL"
                    }
                    true => {
                        "SELECT version, digest, yanked, published, deprecation IS NOT NULL FROM versions
                             WHERE name = ?1 AND rank IS NULL"
                    }
                };
                sql.rows(releases, params![name.as_str()], |row| {
                    Ok(Release {
                        version: parse(row, 0)?,
                        digest: parse(row, 1)?,
                        yanked: get(row, 2)?,
                        deprecated: get(row, 4)?,
                        deleted,
                        published: Timestamp::from_micros(get(row, 3)?),
                    })
                })
            })
            .await?;
        releases.sort_by(|one, other| other.version.cmp(&one.version));
        Ok(releases)
    }

    async fn versions(&self, wanted: &[(Name, Version)]) -> Result<Vec<Published>, MetaError> {
        let wanted = wanted.to_vec();
        self.pool
            .read(move |sql| {
                let query = "SELECT version, kind, digest, record, config, yanked, deleted, published, event, reason,
                             deprecation, purged, event_id FROM versions WHERE name = ?1 AND number = ?2";
                let one = |(name, version): &(Name, Version)| {
                    sql.row(query, params![name.as_str(), version.number()], |row| published(name, row)).transpose()
                };
                wanted.iter().filter_map(one).collect()
            })
            .await
    }

    async fn packages(
        &self,
        filter: &Filter,
        order: Order,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<Package>, MetaError> {
        let limit = limit.clamp(1, PACKAGES_MAX);
        let place = after.map(|cursor| cursor.place(filter, order)).transpose()?;
        let wanted = filter.clone();
        let items = self.pool.read(move |sql| list(sql, &wanted, order, place.as_ref(), limit + 1)).await?;
        Ok(page(items, limit, filter, order))
    }

    async fn count(&self, filter: &Filter) -> Result<u64, MetaError> {
        let filter = filter.clone();
        self.pool.read(move |sql| list::count(sql, &filter)).await
    }

    async fn labels(
        &self,
        label: Label,
        after: Option<&LabelCount>,
        limit: usize,
    ) -> Result<Vec<LabelCount>, MetaError> {
        let after = after.map(|after| (signed(after.count), after.label.clone()));
        self.pool
            .read(move |sql| {
                // Nearly all labels are used once: the rest of a tie and what is used less are a range of the index each.
                let of_tie = "SELECT label, public FROM label_counts
                              WHERE type = ?1 AND public > 0 AND public = ?3 AND label > ?4 ORDER BY label LIMIT ?2";
                let below = "SELECT label, public FROM label_counts
                             WHERE type = ?1 AND public > 0 AND public < ?3 ORDER BY public DESC, label LIMIT ?2";
                let counted = |row: &Row<'_>| Ok(LabelCount { label: get(row, 0)?, count: unsigned(get(row, 1)?) });
                let (of, rows) = (label_type(label), signed(limit as u64));
                let (mut found, count) = match after {
                    None => (Vec::new(), i64::MAX),
                    Some((count, text)) => (sql.rows(of_tie, params![of, rows, count, text], counted)?, count),
                };
                if found.len() < limit {
                    let rows = signed((limit - found.len()) as u64);
                    found.extend(sql.rows(below, params![of, rows, count], counted)?);
                }
                Ok(found)
            })
            .await
    }
}

impl Sql<'_> {
    /// The last event. Inside a write transaction nobody else can move it.
    pub(super) fn head(&self) -> Result<Head, MetaError> {
        let head = self.row("SELECT n, time FROM counter WHERE one = 1", [], |row| {
            Ok(Head { n: unsigned(get(row, 0)?), time: Timestamp::from_micros(get(row, 1)?) })
        })?;
        head.ok_or_else(|| MetaError::Corrupt("the event counter is gone".to_owned()))
    }

    fn write_head(&self, head: Head) -> Result<(), MetaError> {
        let sql = "UPDATE counter SET n = ?1, time = ?2 WHERE one = 1";
        self.run(sql, [signed(head.n), head.time.micros()]).map(drop)
    }
}

fn published(name: &Name, row: &Row<'_>) -> Result<Published, MetaError> {
    Ok(Published {
        id: parse(row, 12)?,
        name: name.clone(),
        version: parse(row, 0)?,
        kind: parse(row, 1)?,
        digest: parse(row, 2)?,
        record: parse(row, 3)?,
        config: json_optional(row, 4)?,
        yanked: get(row, 5)?,
        yank_reason: parse_optional(row, 9)?,
        deprecation: json_optional(row, 10)?,
        deleted: get(row, 6)?,
        purged: get(row, 11)?,
        published: Timestamp::from_micros(get(row, 7)?),
        event: unsigned(get(row, 8)?),
    })
}
