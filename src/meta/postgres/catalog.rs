//! Packages and versions.

use async_trait::async_trait;
use sqlx::postgres::PgRow;

use crate::domain::{Name, Package, Published, Release, Timestamp, Version};

use super::super::column::{json, label_type, signed, unsigned};
use super::super::page::{PAGE_MAX, page};
use super::super::shown::Shown;
use super::super::{
    Atomicity, Catalog, Change, Cursor, Filter, Label, LabelCount, MetaError, Order, Outcome, Page, Replay, engine,
};
use super::Postgres;
use super::list;
use super::rows::Batch;
use super::sql::{get, json_optional, parse, parse_optional, query, unescape};
use super::transaction::End;

#[async_trait]
impl Catalog for Postgres {
    async fn apply(&self, changes: &[Change], atomicity: Atomicity) -> Result<Vec<Outcome>, MetaError> {
        if changes.is_empty() {
            return Ok(Vec::new());
        }
        let changes = changes.to_vec();
        let applied = self.pool.change(move |sql, before| {
            let (mut batch, mut head) = (Batch::new(sql), before);
            let planned = engine::apply(&mut batch, &mut head, &changes, atomicity)?;
            if head == before || !engine::stands(&planned, atomicity) {
                return Ok((engine::outcomes(planned), End::RollBack));
            }
            batch.finish(head)?;
            Ok((engine::outcomes(planned), End::Commit))
        });
        applied.await
    }

    async fn replay(&self, events: &[Replay]) -> Result<(), MetaError> {
        let events = events.to_vec();
        let replayed = self.pool.change(move |sql, mut head| {
            let mut batch = Batch::new(sql);
            engine::replay(&mut batch, &mut head, &events)?;
            batch.finish(head)?;
            Ok(((), End::Commit))
        });
        replayed.await
    }

    async fn package(&self, name: &Name) -> Result<Option<Package>, MetaError> {
        self.pool.row(|| list::named(name), package).await
    }

    async fn releases(&self, name: &Name) -> Result<Vec<Release>, MetaError> {
        let sql = "SELECT version, digest, yanked, published, deprecation IS NOT NULL FROM versions
                   WHERE name = $1 AND rank IS NOT NULL";
        let release = |row: &PgRow| {
            Ok(Release {
                version: parse(row, 0)?,
                digest: parse(row, 1)?,
                yanked: get(row, 2)?,
                deprecated: get(row, 4)?,
                published: Timestamp::from_micros(get(row, 3)?),
            })
        };
        let mut releases = self.pool.rows(|| query(sql).bind(name.to_string()), release).await?;
        releases.sort_by(|one, other| other.version.cmp(&one.version));
        Ok(releases)
    }

    async fn version(&self, name: &Name, version: &Version) -> Result<Option<Published>, MetaError> {
        let sql = "SELECT version, kind, digest, record, config, yanked, deleted, published, event, reason,
                   deprecation FROM versions WHERE name = $1 AND number = $2";
        let published = |row: &PgRow| {
            Ok(Published {
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
                published: Timestamp::from_micros(get(row, 7)?),
                event: unsigned(get(row, 8)?),
            })
        };
        self.pool.row(|| query(sql).bind(name.to_string()).bind(version.number()), published).await
    }

    async fn packages(
        &self,
        filter: &Filter,
        order: Order,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<Package>, MetaError> {
        let limit = limit.clamp(1, PAGE_MAX);
        let place = after.map(|cursor| cursor.place(filter, order)).transpose()?;
        let items = self.pool.rows(|| list::list(filter, order, place.as_ref(), limit + 1), package).await?;
        Ok(page(items, limit, filter, order))
    }

    async fn count(&self, filter: &Filter) -> Result<u64, MetaError> {
        let count = |row: &PgRow| Ok(unsigned(get(row, 0)?));
        Ok(self.pool.row(|| list::count(filter), count).await?.unwrap_or_default())
    }

    async fn labels(&self, label: Label, limit: usize) -> Result<Vec<LabelCount>, MetaError> {
        let sql = "SELECT l.label, count(*) FROM package_labels l JOIN packages p ON p.name = l.name
                   WHERE l.type = $1 AND p.visibility = 'public'
                   GROUP BY l.label ORDER BY count(*) DESC, l.label LIMIT $2";
        let count = |row: &PgRow| Ok(LabelCount { label: unescape(get(row, 0)?), count: unsigned(get(row, 1)?) });
        self.pool.rows(|| query(sql).bind(label_type(label)).bind(signed(limit as u64)), count).await
    }
}

/// A row of [`list`].
fn package(row: &PgRow) -> Result<Package, MetaError> {
    let words: Shown = json(get(row, 5)?)?;
    Ok(Package {
        name: parse(row, 0)?,
        kind: parse(row, 1)?,
        visibility: parse(row, 2)?,
        latest: parse_optional(row, 3)?,
        pinned: parse_optional(row, 9)?,
        shown: parse(row, 4)?,
        title: words.title,
        description: words.description,
        tags: words.tags,
        skills: words.skills,
        license: words.license,
        authors: words.authors,
        source: words.source,
        versions: unsigned(get(row, 6)?),
        created: Timestamp::from_micros(get(row, 7)?),
        updated: Timestamp::from_micros(get(row, 8)?),
    })
}
