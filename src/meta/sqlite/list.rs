//! Lists and counts of packages, along their order or from the rarest label (`meta/ways.rs`).

use std::collections::HashMap;

use rusqlite::types::Value;
use rusqlite::{Row, params, params_from_iter};

use crate::domain::{Name, Package, Timestamp};

use super::super::shown::Shown;
use super::super::ways::{self, Typed, Use, Way, looks};
use super::super::{Filter, MetaError, Order};
use super::sql::{Sql, get, json, parse, parse_optional, signed, unsigned};

/// The columns of [`package`].
pub(super) const PACKAGE: &str = "p.name, p.kind, p.visibility, p.latest, p.shown, p.card, p.versions, p.created, p.updated, p.pinned, p.owners, p.downloads, p.stars";

/// How many those are.
pub(super) const PACKAGE_COLUMNS: usize = 13;

/// Where a list goes on.
type Place = (i64, Name);

/// A row of [`PACKAGE`].
pub(super) fn package(row: &Row<'_>) -> Result<Package, MetaError> {
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
        owners: json(&get::<String>(row, 10)?)?,
        versions: unsigned(get(row, 6)?),
        created: Timestamp::from_micros(get(row, 7)?),
        updated: Timestamp::from_micros(get(row, 8)?),
        downloads: unsigned(get(row, 11)?),
        stars: unsigned(get(row, 12)?),
    })
}

/// Up to `rows` packages that pass the filter, from after a place on.
pub(super) fn list(
    sql: &Sql<'_>,
    filter: &Filter,
    order: Order,
    place: Option<&Place>,
    rows: usize,
) -> Result<Vec<Package>, MetaError> {
    let groups = ways::groups(filter);
    let from = |rarest: usize| read(sql, from_labels(filter, &groups, rarest, order, place, rows));
    match ways::way(&groups, &uses(sql, groups.iter().flatten())?) {
        Way::Nothing => Ok(Vec::new()),
        Way::Order => read(sql, along(filter, &groups, order, place, None, rows)),
        Way::Labels(rarest) => from(rarest),
        // The labels are in the order of names.
        Way::OrderThenLabels(rarest) if order == Order::Name && groups[rarest].len() == 1 => from(rarest),
        Way::OrderThenLabels(rarest) => {
            let Some(end) = end(sql, order, place, looks(rows))? else {
                return read(sql, along(filter, &groups, order, place, None, rows));
            };
            let found = read(sql, along(filter, &groups, order, place, Some(end), rows))?;
            if found.len() == rows { Ok(found) } else { from(rarest) }
        }
    }
}

/// How many packages pass the filter.
pub(super) fn count(sql: &Sql<'_>, filter: &Filter) -> Result<u64, MetaError> {
    let groups = ways::groups(filter);
    let counted = ways::counted(&groups);
    let uses = uses(sql, counted.iter().flatten())?;
    if let Some(count) = ways::count(filter, &counted, &uses) {
        return Ok(count);
    }
    let mut query = match ways::way(&groups, &uses) {
        Way::Nothing => return Ok(0),
        Way::Order => Query::new("SELECT count(*) FROM packages p WHERE p.shown IS NOT NULL"),
        Way::Labels(rarest) | Way::OrderThenLabels(rarest) => {
            let mut query = Query::new("SELECT count(*) FROM ");
            query.labels(&groups, rarest);
            query
        }
    };
    query.package(filter);
    let count = sql.row(&query.sql, params_from_iter(query.values), |row| Ok(unsigned(get(row, 0)?)))?;
    Ok(count.unwrap_or_default())
}

fn read(sql: &Sql<'_>, query: Query) -> Result<Vec<Package>, MetaError> {
    sql.rows(&query.sql, params_from_iter(query.values), package)
}

/// How many packages have each of these labels, of those that any has.
fn uses<'a>(sql: &Sql<'_>, labels: impl Iterator<Item = &'a Typed>) -> Result<HashMap<Typed, Use>, MetaError> {
    let mut uses = HashMap::new();
    for (of, text) in labels {
        let query = "SELECT packages, public FROM label_counts WHERE type = ?1 AND label = ?2";
        let found = sql.row(query, params![of, text], |row| {
            Ok(Use { packages: unsigned(get(row, 0)?), public: unsigned(get(row, 1)?) })
        })?;
        uses.extend(found.map(|found| ((*of, text.clone()), found)));
    }
    Ok(uses)
}

/// Sort key of the row that comes so many rows after the place; `None` if the list ends before.
fn end(sql: &Sql<'_>, order: Order, place: Option<&Place>, looks: u64) -> Result<Option<Value>, MetaError> {
    let (column, ordered) = columns(order);
    let mut query = Query::new(&format!("SELECT p.{column} FROM packages p WHERE p.shown IS NOT NULL"));
    query.after(order, "p.name", place);
    query.sql.push_str(&format!(" ORDER BY {ordered} LIMIT 1 OFFSET {looks}"));
    sql.row(&query.sql, params_from_iter(query.values), |row| get(row, 0))
}

/// A page along the order, no further than `end`.
fn along(
    filter: &Filter,
    groups: &[Vec<Typed>],
    order: Order,
    place: Option<&Place>,
    end: Option<Value>,
    rows: usize,
) -> Query {
    let mut query = Query::new(&format!("SELECT {PACKAGE} FROM packages p WHERE p.shown IS NOT NULL"));
    query.after(order, "p.name", place);
    if let Some(end) = end {
        let (column, sign) = (columns(order).0, if order == Order::Name { "<=" } else { ">=" });
        query.and(&format!("p.{column} {sign} ?"), [end]);
    }
    query.package(filter);
    groups.iter().for_each(|group| query.has(group, "p.name"));
    query.page(columns(order).1, rows)
}

/// A page of those that have a label of the rarest group.
fn from_labels(
    filter: &Filter,
    groups: &[Vec<Typed>],
    rarest: usize,
    order: Order,
    place: Option<&Place>,
    rows: usize,
) -> Query {
    let mut query = Query::new(&format!("SELECT {PACKAGE} FROM "));
    query.labels(groups, rarest);
    query.after(order, "l.name", place);
    query.package(filter);
    query.page(if order == Order::Name { "l.name" } else { columns(order).1 }, rows)
}

/// The column of an order, and the whole order.
fn columns(order: Order) -> (&'static str, &'static str) {
    match order {
        Order::Name => ("name", "p.name"),
        Order::Updated => ("updated", "p.updated DESC, p.name"),
        Order::Created => ("created", "p.created DESC, p.name"),
        Order::Downloads => ("downloads", "p.downloads DESC, p.name"),
        Order::Stars => ("stars", "p.stars DESC, p.name"),
    }
}

/// A statement that grows, and its parameters in the order of their marks.
struct Query {
    sql: String,
    values: Vec<Value>,
}

impl Query {
    fn new(sql: &str) -> Self {
        Self { sql: sql.to_owned(), values: Vec::new() }
    }

    fn and(&mut self, condition: &str, values: impl IntoIterator<Item = Value>) {
        self.sql.push_str(" AND ");
        self.sql.push_str(condition);
        self.values.extend(values);
    }

    /// Packages `p` with a label `l` of one group, that have one of each other group. A CROSS JOIN keeps its order.
    fn labels(&mut self, groups: &[Vec<Typed>], rarest: usize) {
        let found = vec!["SELECT name FROM package_labels WHERE type = ? AND label = ?"; groups[rarest].len()];
        self.sql.push_str(&format!(
            "({}) l CROSS JOIN packages p ON p.name = l.name WHERE p.shown IS NOT NULL",
            found.join(" UNION ")
        ));
        self.values.extend(groups[rarest].iter().flat_map(label));
        let others = groups.iter().enumerate().filter(|(at, _)| *at != rarest);
        others.for_each(|(_, group)| self.has(group, "l.name"));
    }

    /// The package of that name has one of these labels.
    fn has(&mut self, group: &[Typed], name: &str) {
        let one =
            format!("EXISTS (SELECT 1 FROM package_labels x WHERE x.type = ? AND x.label = ? AND x.name = {name})");
        let any = if group.is_empty() { "0".to_owned() } else { vec![one; group.len()].join(" OR ") };
        self.and(&format!("({any})"), group.iter().flat_map(label));
    }

    /// What else the filter asks of a package.
    fn package(&mut self, filter: &Filter) {
        let visibilities: Vec<&str> = match filter.visibilities.as_slice() {
            [] => vec!["public"],
            visibilities => visibilities.iter().map(|visibility| visibility.as_str()).collect(),
        };
        let marks = vec!["?"; visibilities.len()].join(", ");
        self.and(
            &format!("p.visibility IN ({marks})"),
            visibilities.into_iter().map(|text| Value::from(text.to_owned())),
        );
        for (column, between) in [("created", filter.created), ("updated", filter.updated)] {
            for (sign, time) in [(">=", between.since), ("<", between.before)] {
                if let Some(time) = time {
                    self.and(&format!("p.{column} {sign} ?"), [Value::from(time.micros())]);
                }
            }
        }
        for (column, least) in [("downloads", filter.downloads_min), ("stars", filter.stars_min)] {
            if least > 0 {
                self.and(&format!("p.{column} >= ?"), [Value::from(signed(least))]);
            }
        }
    }

    /// What comes after the place. The first condition alone bounds the index.
    fn after(&mut self, order: Order, name: &str, place: Option<&Place>) {
        let Some((key, last)) = place else { return };
        let (key, last) = (Value::from(*key), Value::from(last.to_string()));
        match order {
            Order::Name => self.and(&format!("{name} > ?"), [last]),
            Order::Updated | Order::Created | Order::Downloads | Order::Stars => {
                let column = columns(order).0;
                self.and(&format!("p.{column} <= ?"), [key.clone()]);
                self.and(&format!("(p.{column} < ? OR p.name > ?)"), [key, last]);
            }
        }
    }

    fn page(mut self, ordered: &str, rows: usize) -> Self {
        self.sql.push_str(&format!(" ORDER BY {ordered} LIMIT ?"));
        self.values.push(Value::from(signed(rows as u64)));
        self
    }
}

fn label((of, text): &Typed) -> [Value; 2] {
    [Value::from(*of), Value::from(text.clone())]
}
