//! Lists and counts of packages, along their order or from the rarest label (`meta/ways.rs`).

mod hidden;

use std::collections::HashMap;

use sqlx::AssertSqlSafe;
use sqlx::postgres::PgRow;

use crate::domain::{Name, Package, Timestamp};

use super::super::column::{json, signed, unsigned};
use super::super::shown::Shown;
use super::super::spans::{Place, Span, spans};
use super::super::ways::{self, FEW, KIND, Least, Typed, Use, Way};
use super::super::{Filter, MetaError, Order};
use super::pool::Pool;
use super::sql::{Query, escape, get, parse, parse_optional, query, unescape};

/// The columns of [`package`].
pub(super) const PACKAGE: &str = "p.name, p.kind, p.visibility, p.latest, p.shown, p.card, p.versions, p.created, p.updated, p.pinned, p.owners, p.downloads, p.stars";

/// How many those are.
pub(super) const PACKAGE_COLUMNS: usize = 13;

/// $1 and $2: types and texts of labels. $3: the type of kinds, of which every package has one.
const USES: &str = "
    SELECT l.id, l.type, l.label, l.packages, l.public, (SELECT sum(packages)::bigint FROM labels WHERE type = $3)
    FROM unnest($1::smallint[], $2::text[]) AS w (type, label)
    JOIN labels l ON l.type = w.type AND md5(l.label) = md5(w.label) AND l.label = w.label";

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
    let along = |end: Option<&Place>| {
        let spans = spans(order, place, end);
        along(filter, &labels.of(&groups), order, &spans, rows).query()
    };
    if hidden::are_few(pool, filter).await? {
        let page = || hidden::page(filter, &labels.of(&groups), order, place, rows).query();
        return pool.rows(page, package).await;
    }
    let way = ways::way(filter, &groups, &labels.uses, rows);
    if let Some(least) = rare(pool, &ways::least(filter, Some(order), way)).await? {
        let popular = || popular(filter, &labels.of(&groups), least, order, place, rows).query();
        return pool.rows(popular, package).await;
    }
    match way {
        Way::Nothing => Ok(Vec::new()),
        Way::Order => pool.rows(|| along(None), package).await,
        Way::Labels(_) => pool.rows(from_labels, package).await,
        Way::OrderThenLabels(_) => {
            let looks = ways::looks_for(&groups, &labels.uses, labels.packages, rows);
            let end = end(pool, order, place, looks).await?;
            let found = pool.rows(|| along(end.as_ref()), package).await?;
            // Where the list ends before, all of it was looked at.
            if found.len() == rows || end.is_none() { Ok(found) } else { pool.rows(from_labels, package).await }
        }
    }
}

/// What few packages have so much of, if there is such a thing.
async fn rare(pool: &Pool, least: &[Least]) -> Result<Option<Least>, MetaError> {
    for least in least {
        let column = least.column;
        let reaching = format!(
            "SELECT count(*) FROM (SELECT 1 FROM packages WHERE shown IS NOT NULL AND {column} >= $1
             ORDER BY {column} DESC LIMIT $2) reaching"
        );
        let reaching = || query(AssertSqlSafe(reaching.as_str())).bind(signed(least.least)).bind(signed(FEW + 1));
        let reaching = pool.row(reaching, |row| Ok(unsigned(get(row, 0)?))).await?;
        if reaching.is_some_and(|reaching| reaching <= FEW) {
            return Ok(Some(*least));
        }
    }
    Ok(None)
}

/// How many packages pass the filter.
pub(super) async fn count(pool: &Pool, filter: &Filter) -> Result<u64, MetaError> {
    let groups = ways::groups(filter);
    let counted = ways::counted(&groups);
    let labels = Labels::read(pool, &counted).await?;
    if let Some(count) = ways::count(filter, &counted, &labels.uses) {
        return Ok(count);
    }
    if ways::way(filter, &groups, &labels.uses, 0) == Way::Nothing {
        return Ok(0);
    }
    if hidden::are_few(pool, filter).await? {
        let count = || hidden::count(filter, &labels.of(&groups)).query();
        return Ok(pool.row(count, |row| Ok(unsigned(get(row, 0)?))).await?.unwrap_or_default());
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
    /// How many packages can be found, if any of the labels is on one.
    packages: u64,
}

impl Labels {
    async fn read(pool: &Pool, groups: &[Vec<Typed>]) -> Result<Self, MetaError> {
        let mut labels = Self { ids: HashMap::new(), uses: HashMap::new(), packages: 0 };
        let (types, texts): (Vec<i16>, Vec<String>) =
            groups.iter().flatten().map(|(of, text)| (*of, escape(text))).unzip();
        if types.is_empty() {
            return Ok(labels);
        }
        let read = |row: &PgRow| {
            let uses = Use { packages: unsigned(get(row, 3)?), public: unsigned(get(row, 4)?) };
            let packages: Option<i64> = get(row, 5)?;
            Ok(((get(row, 1)?, unescape(get(row, 2)?)), get(row, 0)?, uses, packages.map_or(0, unsigned)))
        };
        let asked = || query(USES).bind(types.clone()).bind(texts.clone()).bind(KIND);
        for (label, id, uses, packages) in pool.rows(asked, read).await? {
            labels.packages = packages;
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

/// The row that comes so many rows after the place; `None` if the list ends before.
async fn end(pool: &Pool, order: Order, place: Option<&Place>, looks: u64) -> Result<Option<Place>, MetaError> {
    let columns = match key(order) {
        None => "0::bigint AS key, p.name".to_owned(),
        Some(key) => format!("p.{key}, p.name"),
    };
    let end = || {
        let mut walked = Growing::new("");
        walked.walk(&columns, order, &spans(order, place, None), looks.saturating_add(1), |_| {});
        walked.page(order, 1);
        walked.sql.push_str(&format!(" OFFSET {looks}"));
        walked.query()
    };
    pool.row(end, |row| Ok((get(row, 0)?, parse(row, 1)?))).await
}

/// A page along the order, within these spans.
fn along(filter: &Filter, groups: &[Vec<i32>], order: Order, spans: &[Span], rows: usize) -> Growing {
    let mut list = Growing::new("");
    list.walk(PACKAGE, order, spans, rows as u64, |list| list.narrow(filter, groups));
    list.page(order, rows as u64);
    list
}

/// A page of those that have the labels, which are gathered first.
fn from_labels(filter: &Filter, groups: &[Vec<i32>], order: Order, place: Option<&Place>, rows: usize) -> Growing {
    let mut list = Growing::new("");
    let has = list.have(groups);
    list.sql = format!(
        "WITH f AS MATERIALIZED (SELECT f.name FROM label_sets f WHERE {has})
         SELECT {PACKAGE} FROM f JOIN packages p ON p.name = f.name WHERE p.shown IS NOT NULL"
    );
    list.after(order, place);
    list.package(filter);
    list.page(order, rows as u64);
    list
}

/// A page of those that have so much of something, who are gathered first.
fn popular(
    filter: &Filter,
    groups: &[Vec<i32>],
    least: Least,
    order: Order,
    place: Option<&Place>,
    rows: usize,
) -> Growing {
    let mut list = Growing::new("");
    let (column, least) = (least.column, list.mark(Value::Number(signed(least.least))));
    list.sql = format!(
        "WITH f AS MATERIALIZED (SELECT name FROM packages WHERE shown IS NOT NULL AND {column} >= {least})
         SELECT {PACKAGE} FROM f JOIN packages p ON p.name = f.name WHERE p.shown IS NOT NULL"
    );
    list.after(order, place);
    list.narrow(filter, groups);
    list.page(order, rows as u64);
    list
}

/// The column of the key of an order, if it is not by name alone.
fn key(order: Order) -> Option<&'static str> {
    match order {
        Order::Name => None,
        Order::Updated => Some("updated"),
        Order::Created => Some("created"),
        Order::Downloads => Some("downloads"),
        Order::Stars => Some("stars"),
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

    /// All that the filter asks of a package, labels too.
    fn narrow(&mut self, filter: &Filter, groups: &[Vec<i32>]) {
        self.package(filter);
        if !groups.is_empty() {
            // A value and no join: it is looked up for each package on the way, in the order of the packages.
            let has = self.have(groups);
            self.and(&format!("(SELECT {has} FROM label_sets f WHERE f.name = p.name)"));
        }
    }

    /// What comes after the place, where it is sorted afterwards.
    fn after(&mut self, order: Order, place: Option<&Place>) {
        let Some((count, last)) = place else { return };
        let last = self.mark(Value::Text(last.to_string()));
        match key(order) {
            None => self.and(&format!("p.name > {last}")),
            Some(key) => {
                let count = self.mark(Value::Number(*count));
                self.and(&format!("(p.{key} < {count} OR (p.{key} = {count} AND p.name > {last}))"));
            }
        }
    }

    /// What lies in the span.
    fn span(&mut self, order: Order, span: &Span) {
        let column = key(order).unwrap_or("name");
        let (keys, names) = span.bounds();
        for (sign, key) in keys {
            if let Some(key) = key {
                let key = self.mark(Value::Number(key));
                self.and(&format!("p.{column} {sign} {key}"));
            }
        }
        for (sign, name) in names {
            if let Some(name) = name {
                let name = self.mark(Value::Text(name.to_string()));
                self.and(&format!("p.name {sign} {name}"));
            }
        }
    }

    /// The first rows of each of these spans of packages `p`, narrowed further: one statement, of one state.
    fn walk(&mut self, columns: &str, order: Order, spans: &[Span], rows: u64, narrow: impl Fn(&mut Self)) {
        let mut parts = Vec::with_capacity(spans.len());
        for span in spans {
            self.sql = format!("SELECT {columns} FROM packages p WHERE p.shown IS NOT NULL");
            self.span(order, span);
            narrow(self);
            self.page(order, rows);
            parts.push(format!("({})", std::mem::take(&mut self.sql)));
        }
        self.sql = format!("SELECT * FROM ({}) p", parts.join(" UNION ALL "));
    }

    fn page(&mut self, order: Order, rows: u64) {
        let rows = self.mark(Value::Number(signed(rows)));
        let first = key(order).map(|key| format!("p.{key} DESC, ")).unwrap_or_default();
        self.sql.push_str(&format!(" ORDER BY {first}p.name LIMIT {rows}"));
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
