//! Packages and versions.

use async_trait::async_trait;
use sqlx::postgres::PgRow;

use crate::domain::{Name, Package, Published, Release, Timestamp, Version};

use super::super::column::{label_type, signed, unsigned};
use super::super::page::{PACKAGES_MAX, page};
use super::super::{
    Atomicity, Catalog, Change, Cursor, Filter, Label, LabelCount, MetaError, Order, Outcome, Page, Releases, Replay,
    engine,
};
use super::Postgres;
use super::list;
use super::rows::Batch;
use super::sql::{escape, get, json_optional, parse, parse_optional, query, unescape};
use super::transaction::End;

/// $1 type, $2 limit. The order is that of the index: a beginning before the label.
const LABELS: &str = "
    SELECT label, public FROM labels WHERE type = $1 AND public > 0
    ORDER BY public DESC, left(label, 200), label LIMIT $2";

/// The same behind a place: $3 count, $4 label. Each part is one range of the index.
const LABELS_AFTER: &str = "
    SELECT label, public FROM (
        (SELECT label, public FROM labels
            WHERE type = $1 AND public > 0 AND public = $3 AND left(label, 200) >= left($4, 200) AND label > $4
            ORDER BY public DESC, left(label, 200), label LIMIT $2)
        UNION ALL
        (SELECT label, public FROM labels WHERE type = $1 AND public > 0 AND public < $3
            ORDER BY public DESC, left(label, 200), label LIMIT $2)
    ) l ORDER BY public DESC, label LIMIT $2";

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
        self.pool.row(|| list::named(name), list::package).await
    }

    async fn releases(&self, name: &Name, of: Releases) -> Result<Vec<Release>, MetaError> {
        let deleted = of == Releases::Deleted;
        // Two statements: that those which can be read have a rank is said by an index.
        let sql = match deleted {
            false => {
                "SELECT version, digest, yanked, published, deprecation IS NOT NULL FROM versions
                      WHERE name = $1 AND rank IS NOT NULL"
            }
            true => {
                "SELECT version, digest, yanked, published, deprecation IS NOT NULL FROM versions
                     WHERE name = $1 AND rank IS NULL"
            }
        };
        let release = |row: &PgRow| {
            Ok(Release {
                version: parse(row, 0)?,
                digest: parse(row, 1)?,
                yanked: get(row, 2)?,
                deprecated: get(row, 4)?,
                deleted,
                published: Timestamp::from_micros(get(row, 3)?),
            })
        };
        let mut releases = self.pool.rows(|| query(sql).bind(name.to_string()), release).await?;
        releases.sort_by(|one, other| other.version.cmp(&one.version));
        Ok(releases)
    }

    async fn versions(&self, wanted: &[(Name, Version)]) -> Result<Vec<Published>, MetaError> {
        let sql = "SELECT v.version, v.kind, v.digest, v.record, v.config, v.yanked, v.deleted, v.published, v.event,
                   v.reason, v.deprecation, v.name, v.purged, v.event_id
                   FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS w (name, number, place)
                   JOIN versions v ON v.name = w.name AND v.number = w.number ORDER BY w.place";
        let (names, numbers): (Vec<String>, Vec<String>) =
            wanted.iter().map(|(name, version)| (name.to_string(), version.number())).unzip();
        self.pool.rows(|| query(sql).bind(names.clone()).bind(numbers.clone()), published).await
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
        let items = list::list(&self.pool, filter, order, place.as_ref(), limit + 1).await?;
        Ok(page(items, limit, filter, order))
    }

    async fn count(&self, filter: &Filter) -> Result<u64, MetaError> {
        list::count(&self.pool, filter).await
    }

    async fn labels(
        &self,
        label: Label,
        after: Option<&LabelCount>,
        limit: usize,
    ) -> Result<Vec<LabelCount>, MetaError> {
        let bound = || {
            let labels = |sql: &'static str| query(sql).bind(label_type(label)).bind(signed(limit as u64));
            match after {
                None => labels(LABELS),
                Some(after) => labels(LABELS_AFTER).bind(signed(after.count)).bind(escape(&after.label)),
            }
        };
        let counted = |row: &PgRow| Ok(LabelCount { label: unescape(get(row, 0)?), count: unsigned(get(row, 1)?) });
        self.pool.rows(bound, counted).await
    }
}

fn published(row: &PgRow) -> Result<Published, MetaError> {
    Ok(Published {
        id: parse(row, 13)?,
        name: parse(row, 11)?,
        version: parse(row, 0)?,
        kind: parse(row, 1)?,
        digest: parse(row, 2)?,
        record: parse(row, 3)?,
        config: json_optional(row, 4)?,
        yanked: get(row, 5)?,
        yank_reason: parse_optional(row, 9)?,
        deprecation: json_optional(row, 10)?,
        deleted: get(row, 6)?,
        purged: get(row, 12)?,
        published: Timestamp::from_micros(get(row, 7)?),
        event: unsigned(get(row, 8)?),
    })
}
