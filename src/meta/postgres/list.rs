//! Lists and counts of packages, along their order or from the rarest label (`meta/ways.rs`).

use std::collections::HashMap;

use sqlx::AssertSqlSafe;
use sqlx::postgres::PgRow;

use crate::domain::{Name, Package, Timestamp};

use super::super::column::{json, signed, unsigned};
use super::super::shown::Shown;
use super::super::ways::{self, Typed, Use, Way, looks};
use super::super::{Filter, MetaError, Order};
use super::pool::Pool;
use super::sql::{Query, escape, get, parse, parse_optional, query, unescape};

/// The columns of [`package`].
pub(super) const PACKAGE: &str = "p.name, p.kind, p.visibility, p.latest, p.shown, p.card, p.versions, p.created, p.updated, p.pinned, p.owners, p.downloads, p.stars";

/// How many those are.
pub(super) const PACKAGE_COLUMNS: usize = 13;

/// $1 and $2: types and texts of labels.
const USES: &str = "
    SELECT l.id, l.type, l.label, l.packages, l.public FROM unnest($1::smallint[], $2::text[]) AS w (type, label)
    JOIN labels l ON l.type = w.type AND md5(l.label) = md5(w.label) AND l.label = w.label";

/// Where a list goes on.
type Place = (i64, Name);

/// The package of that name, if it can be found.
pub(super) fn named(name: &Name) -> Query {
    query(AssertSqlSafe(format!("SELECT {PACKAGE} FROM packages p WHERE p.shown IS NOT NULL AND p.name = $1")))
        .bind(name.to_string())
}

/// A row of [`PACKAGE`].
pub(super) fn package(row: &PgRow) -> Result<Package, MetaError> {
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
        owners: json(get(row, 10)?)?,
        versions: unsigned(get(row, 6)?),
        created: Timestamp::from_micros(get(row, 7)?),
        updated: Timestamp::from_micros(get(row, 8)?),
        downloads: unsigned(get(row, 11)?),
        stars: unsigned(get(row, 12)?),
    })
}

/// Up to `rows` packages that pass the filter, from after a place on.
pub(super) async fn list(
    pool: &Pool,
    filter: &Filter,
    order: Order,
    place: Option<&Place>,
    rows: usize,
) -> Result<Vec<Package>, MetaError> {
    let groups = ways::groups(filter);
    let labels = Labels::read(pool, &groups).await?;
    let from_labels = || from_labels(filter, &labels.of(&groups), order, place, rows).query();
    let along = |is_bounded| along(filter, &labels.of(&groups), order, place, is_bounded, rows).query();
    match ways::way(&groups, &labels.uses) {
        Way::Nothing => Ok(Vec::new()),
        Way::Order => pool.rows(|| along(false), package).await,
        Way::Labels(_) => pool.rows(from_labels, package).await,
        Way::OrderThenLabels(_) => {
            let found = pool.rows(|| along(true), package).await?;
            if found.len() == rows { Ok(found) } else { pool.rows(from_labels, package).await }
        }
    }
}

/// How many packages pass the filter.
pub(super) async fn count(pool: &Pool, filter: &Filter) -> Result<u64, MetaError> {
    let groups = ways::groups(filter);
    let counted = ways::counted(&groups);
    let labels = Labels::read(pool, &counted).await?;
    if let Some(count) = ways::count(filter, &counted, &labels.uses) {
        return Ok(count);
    }
    if ways::way(&groups, &labels.uses) == Way::Nothing {
        return Ok(0);
    }
    let count = || {
        let mut count = match groups.is_empty() {
            true => Growing::new("SELECT count(*) FROM packages p WHERE p.shown IS NOT NULL"),
            false => {
                let all =
                    "SELECT count(*) FROM label_sets f JOIN packages p ON p.name = f.name WHERE p.shown IS NOT NULL";
                let mut count = Growing::new(all);
                let has = count.have(&labels.of(&groups));
                count.and(&has);
                count
            }
        };
        count.package(filter);
        count.query()
    };
    Ok(pool.row(count, |row| Ok(unsigned(get(row, 0)?))).await?.unwrap_or_default())
}

/// What is known of the labels of a filter.
struct Labels {
    ids: HashMap<Typed, i32>,
    uses: HashMap<Typed, Use>,
}

impl Labels {
    async fn read(pool: &Pool, groups: &[Vec<Typed>]) -> Result<Self, MetaError> {
        let mut labels = Self { ids: HashMap::new(), uses: HashMap::new() };
        let (types, texts): (Vec<i16>, Vec<String>) =
            groups.iter().flatten().map(|(of, text)| (*of, escape(text))).unzip();
        if types.is_empty() {
            return Ok(labels);
        }
        let read = |row: &PgRow| {
            let uses = Use { packages: unsigned(get(row, 3)?), public: unsigned(get(row, 4)?) };
            Ok(((get(row, 1)?, unescape(get(row, 2)?)), get(row, 0)?, uses))
        };
        for (label, id, uses) in pool.rows(|| query(USES).bind(types.clone()).bind(texts.clone()), read).await? {
            labels.ids.insert(Typed::clone(&label), id);
            labels.uses.insert(label, uses);
        }
        Ok(labels)
    }

    /// The ids of each group; a label that no package has, has none.
    fn of(&self, groups: &[Vec<Typed>]) -> Vec<Vec<i32>> {
        groups.iter().map(|group| group.iter().filter_map(|label| self.ids.get(label).copied()).collect()).collect()
    }
}

/// A page along the order, no further than [`looks`] says if it is bounded.
fn along(
    filter: &Filter,
    groups: &[Vec<i32>],
    order: Order,
    place: Option<&Place>,
    is_bounded: bool,
    rows: usize,
) -> Growing {
    let mut list = Growing::new(&format!("SELECT {PACKAGE} FROM packages p WHERE p.shown IS NOT NULL"));
    list.after(order, "p", place);
    if is_bounded {
        let (column, ordered) = columns(order, "e");
        let mut end = Growing { sql: String::new(), values: std::mem::take(&mut list.values) };
        end.sql = format!("SELECT e.{column} FROM packages e WHERE e.shown IS NOT NULL");
        end.after(order, "e", place);
        end.sql.push_str(&format!(" ORDER BY {ordered} LIMIT 1 OFFSET {}", looks(rows)));
        list.values = end.values;
        // Where the list ends before, so does this.
        let (sign, last) = match order {
            Order::Name => ("<=", "(SELECT max(name) FROM packages)".to_owned()),
            Order::Updated | Order::Created | Order::Downloads | Order::Stars => (">=", (-i64::MAX).to_string()),
        };
        list.and(&format!("p.{column} {sign} coalesce(({}), {last})", end.sql));
    }
    list.package(filter);
    if !groups.is_empty() {
        // A value and no join: it is looked up for each package on the way, in the order of the packages.
        let has = list.have(groups);
        list.and(&format!("(SELECT {has} FROM label_sets f WHERE f.name = p.name)"));
    }
    list.page(columns(order, "p").1, rows)
}

/// A page of those that have the labels, which are gathered first.
fn from_labels(filter: &Filter, groups: &[Vec<i32>], order: Order, place: Option<&Place>, rows: usize) -> Growing {
    let mut list = Growing::new("");
    let has = list.have(groups);
    list.sql = format!(
        "WITH f AS MATERIALIZED (SELECT f.name FROM label_sets f WHERE {has})
         SELECT {PACKAGE} FROM f JOIN packages p ON p.name = f.name WHERE p.shown IS NOT NULL"
    );
    list.after(order, "p", place);
    list.package(filter);
    list.page(columns(order, "p").1, rows)
}

/// The column of an order, and the whole order.
fn columns(order: Order, table: &str) -> (&'static str, String) {
    match order {
        Order::Name => ("name", format!("{table}.name")),
        Order::Updated => ("updated", format!("{table}.updated DESC, {table}.name")),
        Order::Created => ("created", format!("{table}.created DESC, {table}.name")),
        Order::Downloads => ("downloads", format!("{table}.downloads DESC, {table}.name")),
        Order::Stars => ("stars", format!("{table}.stars DESC, {table}.name")),
    }
}

/// A parameter.
enum Value {
    Texts(Vec<&'static str>),
    Text(String),
    Number(i64),
    Ids(Vec<i32>),
}

/// A statement that grows, and its parameters.
struct Growing {
    sql: String,
    values: Vec<Value>,
}

impl Growing {
    fn new(sql: &str) -> Self {
        Self { sql: sql.to_owned(), values: Vec::new() }
    }

    /// The mark that stands for a value.
    fn mark(&mut self, value: Value) -> String {
        self.values.push(value);
        format!("${}", self.values.len())
    }

    fn and(&mut self, condition: &str) {
        self.sql.push_str(" AND ");
        self.sql.push_str(condition);
    }

    /// The condition that a set of labels `f` has one of each group.
    fn have(&mut self, groups: &[Vec<i32>]) -> String {
        let (alone, several): (Vec<&Vec<i32>>, Vec<&Vec<i32>>) = groups.iter().partition(|group| group.len() == 1);
        let all = alone.into_iter().flatten().copied().collect();
        let mut conditions = vec![format!("f.labels @> {}", self.mark(Value::Ids(all)))];
        for group in several {
            conditions.push(format!("f.labels && {}", self.mark(Value::Ids(group.clone()))));
        }
        conditions.join(" AND ")
    }

    /// What else the filter asks of a package.
    fn package(&mut self, filter: &Filter) {
        let visibilities = match filter.visibilities.as_slice() {
            [] => vec!["public"],
            visibilities => visibilities.iter().map(|visibility| visibility.as_str()).collect(),
        };
        let visibilities = self.mark(Value::Texts(visibilities));
        self.and(&format!("p.visibility = ANY({visibilities})"));
        for (column, between) in [("created", filter.created), ("updated", filter.updated)] {
            for (sign, time) in [(">=", between.since), ("<", between.before)] {
                if let Some(time) = time {
                    let time = self.mark(Value::Number(time.micros()));
                    self.and(&format!("p.{column} {sign} {time}"));
                }
            }
        }
        for (column, least) in [("downloads", filter.downloads_min), ("stars", filter.stars_min)] {
            if least > 0 {
                let least = self.mark(Value::Number(signed(least)));
                self.and(&format!("p.{column} >= {least}"));
            }
        }
    }

    /// What comes after the place. The first condition alone bounds the index.
    fn after(&mut self, order: Order, table: &str, place: Option<&Place>) {
        let Some((key, last)) = place else { return };
        let last = self.mark(Value::Text(last.to_string()));
        match order {
            Order::Name => self.and(&format!("{table}.name > {last}")),
            Order::Updated | Order::Created | Order::Downloads | Order::Stars => {
                let (column, key) = (columns(order, table).0, self.mark(Value::Number(*key)));
                self.and(&format!("{table}.{column} <= {key}"));
                self.and(&format!("({table}.{column} < {key} OR {table}.name > {last})"));
            }
        }
    }

    fn page(mut self, ordered: String, rows: usize) -> Self {
        let rows = self.mark(Value::Number(signed(rows as u64)));
        self.sql.push_str(&format!(" ORDER BY {ordered} LIMIT {rows}"));
        self
    }

    fn query(self) -> Query {
        self.values.into_iter().fold(query(AssertSqlSafe(self.sql)), |query, value| match value {
            Value::Texts(texts) => query.bind(texts),
            Value::Text(text) => query.bind(text),
            Value::Number(number) => query.bind(number),
            Value::Ids(ids) => query.bind(ids),
        })
    }
}
