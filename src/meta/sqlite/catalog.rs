//! Packages and versions.

use async_trait::async_trait;
use rusqlite::types::Value;
use rusqlite::{Row, params, params_from_iter};

use crate::domain::{Name, Package, Published, Release, Timestamp, Version};

use super::super::column::label_type;
use super::super::page::{PAGE_MAX, page};
use super::super::shown::Shown;
use super::super::{
    Atomicity, Catalog, Change, Cursor, Filter, Head, Label, LabelCount, MetaError, Order, Outcome, Page, Replay,
    engine,
};
use super::Sqlite;
use super::sql::{Sql, get, json, json_optional, parse, parse_optional, signed, unsigned};
use super::writer::{Durable, End};

const PACKAGE: &str =
    "p.name, p.kind, p.visibility, p.latest, p.shown, p.card, p.versions, p.created, p.updated, p.pinned";

#[async_trait]
impl Catalog for Sqlite {
    async fn apply(&self, changes: &[Change], atomicity: Atomicity) -> Result<Vec<Outcome>, MetaError> {
        let changes = changes.to_vec();
        self.pool
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
            .await
    }

    async fn replay(&self, events: &[Replay]) -> Result<(), MetaError> {
        let events = events.to_vec();
        self.pool
            .write(Durable::Now, move |sql| {
                let mut head = sql.head()?;
                engine::replay(&mut { sql }, &mut head, &events)?;
                sql.write_head(head)?;
                Ok(((), End::Commit))
            })
            .await
    }

    async fn package(&self, name: &Name) -> Result<Option<Package>, MetaError> {
        let name = name.clone();
        let sql = format!("SELECT {PACKAGE} FROM packages p WHERE p.name = ?1 AND p.shown IS NOT NULL");
        self.pool.read(move |reader| reader.row(&sql, [name.as_str()], package)).await
    }

    async fn releases(&self, name: &Name) -> Result<Vec<Release>, MetaError> {
        let name = name.clone();
        let mut releases = self
            .pool
            .read(move |sql| {
                let releases = "SELECT version, digest, yanked, published, deprecation IS NOT NULL FROM versions
                                WHERE name = ?1 AND rank IS NOT NULL";
                sql.rows(releases, [name.as_str()], |row| {
                    Ok(Release {
                        version: parse(row, 0)?,
                        digest: parse(row, 1)?,
                        yanked: get(row, 2)?,
                        deprecated: get(row, 4)?,
                        published: Timestamp::from_micros(get(row, 3)?),
                    })
                })
            })
            .await?;
        releases.sort_by(|one, other| other.version.cmp(&one.version));
        Ok(releases)
    }

    async fn version(&self, name: &Name, version: &Version) -> Result<Option<Published>, MetaError> {
        let (name, number) = (name.clone(), version.number());
        self.pool
            .read(move |sql| {
                let query = "SELECT version, kind, digest, record, config, yanked, deleted, published, event, reason,
                             deprecation FROM versions WHERE name = ?1 AND number = ?2";
                sql.row(query, params![name.as_str(), number], |row| {
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
                })
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
        let limit = limit.clamp(1, PAGE_MAX);
        let place = after.map(|cursor| cursor.place(filter, order)).transpose()?;
        let (sql, values) = list(filter, order, place, limit + 1);
        let items = self.pool.read(move |reader| reader.rows(&sql, params_from_iter(values), package)).await?;
        Ok(page(items, limit, filter, order))
    }

    async fn count(&self, filter: &Filter) -> Result<u64, MetaError> {
        let (condition, values) = condition(filter);
        let sql = format!("SELECT count(*) FROM packages p WHERE {condition}");
        let count = |row: &Row<'_>| Ok(unsigned(get(row, 0)?));
        let found = self.pool.read(move |reader| reader.row(&sql, params_from_iter(values), count)).await?;
        Ok(found.unwrap_or_default())
    }

    async fn labels(&self, label: Label, limit: usize) -> Result<Vec<LabelCount>, MetaError> {
        self.pool
            .read(move |sql| {
                let query = "SELECT l.label, count(*) FROM package_labels l JOIN packages p ON p.name = l.name
                             WHERE l.type = ?1 AND p.visibility = 'public'
                             GROUP BY l.label ORDER BY count(*) DESC, l.label LIMIT ?2";
                let limit = signed(limit as u64);
                sql.rows(query, [i64::from(label_type(label)), limit], |row| {
                    Ok(LabelCount { label: get(row, 0)?, count: unsigned(get(row, 1)?) })
                })
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

fn package(row: &Row<'_>) -> Result<Package, MetaError> {
    let words: Shown = json(&get::<String>(row, 5)?)?;
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

/// The query for one page of a list, and its parameters.
fn list(filter: &Filter, order: Order, place: Option<(Timestamp, Name)>, rows: usize) -> (String, Vec<Value>) {
    let (condition, mut values) = condition(filter);
    let mut sql = format!("SELECT {PACKAGE} FROM packages p WHERE {condition}");
    let (column, ordered) = match order {
        Order::Name => ("name", "p.name"),
        Order::Updated => ("updated", "p.updated DESC, p.name"),
        Order::Created => ("created", "p.created DESC, p.name"),
    };
    if let Some((time, last)) = place {
        let last = Value::from(last.to_string());
        match order {
            Order::Name => {
                sql.push_str(" AND p.name > ?");
                values.push(last);
            }
            Order::Updated | Order::Created => {
                sql.push_str(&format!(" AND (p.{column} < ? OR (p.{column} = ? AND p.name > ?))"));
                values.extend([Value::from(time.micros()), Value::from(time.micros()), last]);
            }
        }
    }
    sql.push_str(&format!(" ORDER BY {ordered} LIMIT ?"));
    values.push(Value::from(signed(rows as u64)));
    (sql, values)
}

/// What a package `p` must be to pass the filter, and the parameters.
fn condition(filter: &Filter) -> (String, Vec<Value>) {
    let mut sql = "p.shown IS NOT NULL".to_owned();
    let mut values: Vec<Value> = Vec::new();
    let mut any_of = |column: &str, allowed: Vec<&str>| {
        let marks = vec!["?"; allowed.len()].join(", ");
        sql.push_str(&format!(" AND p.{column} IN ({marks})"));
        values.extend(allowed.into_iter().map(|text| Value::from(text.to_owned())));
    };
    match filter.visibilities.as_slice() {
        [] => any_of("visibility", vec!["public"]),
        visibilities => any_of("visibility", visibilities.iter().map(|visibility| visibility.as_str()).collect()),
    }
    if !filter.kinds.is_empty() {
        any_of("kind", filter.kinds.iter().map(|kind| kind.as_str()).collect());
    }
    if let Some(org) = &filter.org {
        any_of("org", vec![org]);
    }
    for (column, between) in [("created", filter.created), ("updated", filter.updated)] {
        for (sign, time) in [(">=", between.since), ("<", between.before)] {
            if let Some(time) = time {
                sql.push_str(&format!(" AND p.{column} {sign} ?"));
                values.push(Value::from(time.micros()));
            }
        }
    }
    for group in filter.groups() {
        if group.is_empty() {
            sql.push_str(" AND 0");
            continue;
        }
        let marks = vec!["(?, ?)"; group.len()].join(", ");
        sql.push_str(&format!(
            " AND p.name IN (SELECT name FROM package_labels WHERE (type, label) IN (VALUES {marks}))"
        ));
        for (label, text) in group {
            values.extend([Value::from(label_type(label)), Value::from(text.to_owned())]);
        }
    }
    (sql, values)
}
