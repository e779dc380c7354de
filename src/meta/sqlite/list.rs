//! Lists and counts of packages, along their order or from the rarest label (`meta/ways.rs`).

mod query;

use std::collections::HashMap;

use rusqlite::types::Value;
use rusqlite::{Row, params, params_from_iter};

use crate::domain::{Package, Timestamp};

use self::query::{Query, key, ordered};
use super::super::shown::Shown;
use super::super::spans::{Place, Span, spans};
use super::super::ways::{self, FEW, Least, Typed, Use, Way, looks};
use super::super::{Filter, MetaError, Order};
use super::sql::{Sql, get, json, parse, parse_optional, signed, unsigned};

/// The columns of [`package`].
pub(super) const PACKAGE: &str = "p.name, p.kind, p.visibility, p.latest, p.shown, p.card, p.versions, p.created, p.updated, p.pinned, p.owners, p.downloads, p.stars";

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
    if few_hidden(sql, filter)? {
        let mut query = Query::hidden(PACKAGE, filter);
        query.narrow(filter, &groups);
        query.after(order, "p.name", place);
        return read(sql, query.page(order, rows));
    }
    let from = |rarest: usize| read(sql, from_labels(filter, &groups, rarest, order, place, rows));
    let uses = uses(sql, groups.iter().flatten())?;
    let way = ways::way(filter, &groups, &uses, FEW, rows);
    if let Some(column) = rare(sql, &ways::least(filter, Some(order), way))? {
        let mut query = Query::popular(PACKAGE, column, filter, &groups);
        query.after(order, "p.name", place);
        return read(sql, query.page(order, rows));
    }
    match way {
        Way::Nothing => Ok(Vec::new()),
        Way::Order => along(sql, filter, &groups, order, &spans(order, place, None), rows),
        Way::Labels(rarest) => from(rarest),
        // The labels are in the order of names.
        Way::OrderThenLabels(rarest) if order == Order::Name && groups[rarest].len() == 1 => from(rarest),
        Way::OrderThenLabels(rarest) => {
            // A look along the order costs about what an entry of a label does: a quarter as many in vain add a quarter.
            let packages: u64 =
                groups[rarest].iter().filter_map(|label| uses.get(label)).map(|uses| uses.packages).sum();
            let end = end(sql, order, place, looks(rows).max(packages / 4))?;
            let found = along(sql, filter, &groups, order, &spans(order, place, end.as_ref()), rows)?;
            // Where the list ends before, all of it was looked at.
            if found.len() == rows || end.is_none() { Ok(found) } else { from(rarest) }
        }
    }
}

/// How many packages pass the filter.
pub(super) fn count(sql: &Sql<'_>, filter: &Filter) -> Result<u64, MetaError> {
    let groups = ways::groups(filter);
    let number = |query: Query| -> Result<u64, MetaError> {
        let count = sql.row(&query.sql, params_from_iter(query.values), |row| Ok(unsigned(get(row, 0)?)))?;
        Ok(count.unwrap_or_default())
    };
    if few_hidden(sql, filter)? {
        let mut query = Query::hidden("count(*)", filter);
        query.narrow(filter, &groups);
        return number(query);
    }
    let counted = ways::counted(&groups);
    let uses = uses(sql, counted.iter().flatten())?;
    if let Some(count) = ways::count(filter, &counted, &uses) {
        return Ok(count);
    }
    let way = ways::way(filter, &groups, &uses, FEW, 0);
    if let Some(column) = rare(sql, &ways::least(filter, None, way))? {
        return number(Query::popular("count(*)", column, filter, &groups));
    }
    let mut query = match way {
        Way::Nothing => return Ok(0),
        Way::Order => Query::new("SELECT count(*) FROM packages p WHERE p.shown IS NOT NULL"),
        Way::Labels(rarest) | Way::OrderThenLabels(rarest) => {
            let mut query = Query::new("SELECT count(*) FROM ");
            query.labels(&groups, rarest);
            query
        }
    };
    query.package(filter);
    number(query)
}

/// Whether a filter asks for packages alone that not everybody sees, and they are few.
fn few_hidden(sql: &Sql<'_>, filter: &Filter) -> Result<bool, MetaError> {
    if !ways::is_hidden(filter) {
        return Ok(false);
    }
    let Query { sql: hidden, mut values } = Query::hidden("1", filter);
    values.push(Value::from(signed(FEW + 1)));
    let some = format!("SELECT count(*) FROM ({hidden} LIMIT ?)");
    let found = sql.row(&some, params_from_iter(values), |row| Ok(unsigned(get(row, 0)?)))?;
    Ok(found.is_some_and(|found| found <= FEW))
}

/// What few packages have so much of, if there is such a thing.
fn rare(sql: &Sql<'_>, least: &[Least]) -> Result<Option<&'static str>, MetaError> {
    for Least { column, least } in least {
        let reaching = format!(
            "SELECT count(*) FROM (SELECT 1 FROM packages WHERE shown IS NOT NULL AND {column} >= ?1
             ORDER BY {column} DESC LIMIT ?2)"
        );
        let bounds = [signed(*least), signed(FEW + 1)];
        let reaching = sql.row(&reaching, bounds, |row| Ok(unsigned(get(row, 0)?)))?;
        if reaching.is_some_and(|reaching| reaching <= FEW) {
            return Ok(Some(*column));
        }
    }
    Ok(None)
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

/// The row that comes so many rows after the place; `None` if the list ends before.
fn end(sql: &Sql<'_>, order: Order, place: Option<&Place>, looks: u64) -> Result<Option<Place>, MetaError> {
    let mut left = looks;
    for span in spans(order, place, None) {
        let key = key(order).unwrap_or("0");
        let mut end = Query::new(&format!("SELECT {key}, p.name FROM {} WHERE p.shown IS NOT NULL", ordered(order)));
        end.span(order, &span);
        let mut end = end.page(order, 1);
        end.sql.push_str(&format!(" OFFSET {left}"));
        let found = sql.row(&end.sql, params_from_iter(end.values), |row| Ok((get(row, 0)?, parse(row, 1)?)))?;
        if found.is_some() {
            return Ok(found);
        }
        // No more than that lie in the span.
        let mut all = Query::new(&format!("SELECT count(*) FROM {} WHERE p.shown IS NOT NULL", ordered(order)));
        all.span(order, &span);
        let all = sql.row(&all.sql, params_from_iter(all.values), |row| Ok(unsigned(get(row, 0)?)))?;
        left = left.saturating_sub(all.unwrap_or_default());
    }
    Ok(None)
}

/// A page along the order, within these spans.
fn along(
    sql: &Sql<'_>,
    filter: &Filter,
    groups: &[Vec<Typed>],
    order: Order,
    spans: &[Span],
    rows: usize,
) -> Result<Vec<Package>, MetaError> {
    let mut found = Vec::new();
    for span in spans {
        found.extend(read(sql, within(filter, groups, order, span, rows - found.len()))?);
        if found.len() == rows {
            break;
        }
    }
    Ok(found)
}

/// The first rows of a span. The index of an order has the names: labels are looked up by it before a package is read, which costs most.
fn within(filter: &Filter, groups: &[Vec<Typed>], order: Order, span: &Span, rows: usize) -> Query {
    if groups.is_empty() {
        let mut query = Query::new(&format!("SELECT {PACKAGE} FROM {} WHERE p.shown IS NOT NULL", ordered(order)));
        query.span(order, span);
        query.package(filter);
        return query.page(order, rows);
    }
    let mut query = Query::keys(order);
    query.span(order, span);
    groups.iter().for_each(|group| query.has(group, "p.name"));
    let mut query = query.packages(PACKAGE);
    query.package(filter);
    query.sorted(if order == Order::Name { "f.name" } else { "f.key DESC, f.name" }, rows)
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
    // The labels are in the order of names.
    if order == Order::Name { query.sorted("l.name", rows) } else { query.page(order, rows) }
}

#[cfg(test)]
mod tests {
    use super::super::Sqlite;
    use super::*;

    /// How SQLite goes about a query.
    async fn plan(sqlite: &Sqlite, query: Query) -> String {
        let Query { sql, values } = query;
        let explain = format!("EXPLAIN QUERY PLAN {sql}");
        let read = move |sql: &Sql<'_>| sql.rows(&explain, params_from_iter(values), |row| get::<String>(row, 3));
        sqlite.pool.read(read).await.unwrap().join("; ")
    }

    /// However few rows a page has, it is read along the index of its order and never sorted.
    #[tokio::test]
    async fn pages_are_never_sorted() {
        let folder = tempfile::tempdir().unwrap();
        let sqlite = Sqlite::open(folder.path().join("metadata.sqlite")).unwrap();
        let place: Place = (7, "acme/hello".parse().unwrap());
        for order in [Order::Name, Order::Updated, Order::Created, Order::Downloads, Order::Stars] {
            for span in [spans(order, None, None), spans(order, Some(&place), None)].into_iter().flatten() {
                for rows in [1, 2, 51, 1001] {
                    for filter in [Filter::default(), Filter { tags: vec!["one".to_owned()], ..Filter::default() }] {
                        let query = within(&filter, &ways::groups(&filter), order, &span, rows);
                        let plan = plan(&sqlite, query).await;
                        assert!(!plan.contains("B-TREE"), "{order:?}, {span:?}, {rows} rows: {plan}");
                    }
                }
            }
        }
    }
    /// Other labels are looked up as they lie, by label, before the package is.
    #[tokio::test]
    async fn labels_are_looked_up_by_label() {
        let folder = tempfile::tempdir().unwrap();
        let sqlite = Sqlite::open(folder.path().join("metadata.sqlite")).unwrap();
        let tags: Vec<String> = ["one", "two", "three"].map(str::to_owned).into();
        let filter = Filter { tags, ..Filter::default() };
        let groups = ways::groups(&filter);
        for order in [Order::Name, Order::Updated] {
            for query in [
                from_labels(&filter, &groups, 0, order, None, 51),
                within(&filter, &groups, order, &spans(order, None, None)[0], 51),
            ] {
                let plan = plan(&sqlite, query).await;
                assert!(!plan.contains("package_labels_by_name"), "{order:?}: {plan}");
                assert!(plan.matches("USING PRIMARY KEY (type=? AND label=? AND name=?)").count() >= 2, "{plan}");
            }
        }
    }
}
