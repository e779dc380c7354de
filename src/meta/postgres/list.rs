//! Lists and counts of packages, along their order or from the rarest label (`meta/ways.rs`).

mod growing;
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
use growing::{Growing, Piece, Value};

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
    if hidden::are_few(pool, filter).await? {
        let page = || hidden::page(filter, &labels.of(&groups), order, place, rows).query();
        return pool.rows(page, package).await;
    }
    let few = ways::few(labels.packages, rows);
    let way = ways::way(filter, &groups, &labels.uses, few, rows);
    if let Some(least) = rare(pool, &ways::least(filter, Some(order), way)).await? {
        let popular = || popular(filter, &labels.of(&groups), least, order, place, rows).query();
        return pool.rows(popular, package).await;
    }
    let (piece, others) = labels.piece(filter, order, &groups);
    let along = |end: Option<&Place>| {
        let spans = spans(order, place, end);
        along(filter, &labels.of(&others), (order, piece), &spans, rows).query()
    };
    let from_labels = || from_labels(filter, &labels.of(&groups), order, place, rows).query();
    match way {
        Way::Nothing => Ok(Vec::new()),
        Way::Order => pool.rows(|| along(None), package).await,
        // All that lie in the piece pass, but for those that not everybody sees.
        _ if others.is_empty() && !ways::is_narrowed(filter) => pool.rows(|| along(None), package).await,
        Way::Labels(rarest) if piece.label.is_none() || groups[rarest].len() > 1 => {
            pool.rows(from_labels, package).await
        }
        Way::Labels(_) | Way::OrderThenLabels(_) => {
            let looks = ways::looks_for(&groups, &others, &labels.uses, labels.packages, rows);
            // No more than these are in the piece: all of it is looked at.
            let kept = groups.iter().filter(|group| !others.contains(group)).flatten();
            let most = kept.filter_map(|label| labels.uses.get(label)).map(|uses| uses.packages).min();
            if most.is_some_and(|most| most <= looks) {
                return pool.rows(|| along(None), package).await;
            }
            let end = || Growing::end((order, piece), place, looks).query();
            let end: Option<Place> = pool.row(end, |row| Ok((get(row, 0)?, parse(row, 1)?))).await?;
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
    if ways::way(filter, &groups, &labels.uses, FEW, 0) == Way::Nothing {
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

    /// The piece of the list that the filter keeps to, and the groups that are left to look at in it. A list by name keeps to its
    /// organisation, and to the rarest label that all of it must have.
    fn piece<'a>(&self, filter: &'a Filter, order: Order, groups: &[Vec<Typed>]) -> (Piece<'a>, Vec<Vec<Typed>>) {
        if order != Order::Name {
            return (Piece::default(), groups.to_vec());
        }
        let alone = groups.iter().filter_map(|group| match group.as_slice() {
            [label] if label.0 != ways::ORG => Some((label, *self.ids.get(label)?)),
            _ => None,
        });
        let label = alone.min_by_key(|(label, _)| self.uses.get(label).map(|uses| uses.packages));
        let kept = |group: &Vec<Typed>| match group.as_slice() {
            [only] => only.0 == ways::ORG || label.is_some_and(|(label, _)| label == only),
            _ => false,
        };
        let others = groups.iter().filter(|group| !kept(group)).cloned().collect();
        (Piece { org: filter.org.as_deref(), label: label.map(|(_, id)| id) }, others)
    }

    /// The ids of each group; a label that no package has, has none.
    fn of(&self, groups: &[Vec<Typed>]) -> Vec<Vec<i32>> {
        groups.iter().map(|group| group.iter().filter_map(|label| self.ids.get(label).copied()).collect()).collect()
    }
}

/// A page along the order, within these spans.
fn along(
    filter: &Filter,
    groups: &[Vec<i32>],
    (order, piece): (Order, Piece<'_>),
    spans: &[Span],
    rows: usize,
) -> Growing {
    let mut list = Growing::new("");
    list.walk(PACKAGE, (order, piece), spans, rows as u64, |list| list.narrow(filter, groups));
    list.page(order, "p.name", rows as u64);
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
    list.page(order, "p.name", rows as u64);
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
    list.page(order, "p.name", rows as u64);
    list
}
