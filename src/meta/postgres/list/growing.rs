//! A statement that grows with what a filter asks, and its parameters.

use sqlx::AssertSqlSafe;

use super::super::super::column::signed;
use super::super::super::spans::{Place, Span, spans};
use super::super::super::{Filter, Order};
use super::super::sql::{Query, query};

/// The piece of a list by name that its filter keeps to: what is not in it needs no look.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Piece<'a> {
    /// The organisation: its packages lie together.
    pub org: Option<&'a str>,
    /// A label: the names of those that have it lie together, in their order.
    pub label: Option<i32>,
}

/// The column of the key of an order, if it is not by name alone.
pub(super) fn key(order: Order) -> Option<&'static str> {
    match order {
        Order::Name => None,
        Order::Updated => Some("updated"),
        Order::Created => Some("created"),
        Order::Downloads => Some("downloads"),
        Order::Stars => Some("stars"),
    }
}

/// A parameter.
pub(super) enum Value {
    Texts(Vec<&'static str>),
    Text(String),
    Number(i64),
    Id(i32),
    Ids(Vec<i32>),
}

/// A statement that grows, and its parameters.
pub(super) struct Growing {
    pub sql: String,
    values: Vec<Value>,
}

impl Growing {
    pub fn new(sql: &str) -> Self {
        Self { sql: sql.to_owned(), values: Vec::new() }
    }

    /// The mark that stands for a value.
    pub fn mark(&mut self, value: Value) -> String {
        self.values.push(value);
        format!("${}", self.values.len())
    }

    pub fn and(&mut self, condition: &str) {
        self.sql.push_str(" AND ");
        self.sql.push_str(condition);
    }

    /// The condition that a set of labels `f` has one of each group.
    pub fn have(&mut self, groups: &[Vec<i32>]) -> String {
        let (alone, several): (Vec<&Vec<i32>>, Vec<&Vec<i32>>) = groups.iter().partition(|group| group.len() == 1);
        let all = alone.into_iter().flatten().copied().collect();
        let mut conditions = vec![format!("f.labels @> {}", self.mark(Value::Ids(all)))];
        for group in several {
            conditions.push(format!("f.labels && {}", self.mark(Value::Ids(group.clone()))));
        }
        conditions.join(" AND ")
    }

    /// What else the filter asks of a package.
    pub fn package(&mut self, filter: &Filter) {
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

    /// Only names of this organisation in the column: '0' is the byte after the slash.
    fn of(&mut self, column: &str, org: Option<&str>) {
        let Some(org) = org else { return };
        let (first, last) = (self.mark(Value::Text(format!("{org}/"))), self.mark(Value::Text(format!("{org}0"))));
        self.and(&format!("{column} > {first} AND {column} < {last}"));
    }

    /// All that the filter asks of a package, labels too.
    pub fn narrow(&mut self, filter: &Filter, groups: &[Vec<i32>]) {
        self.package(filter);
        if !groups.is_empty() {
            // A value and no join: it is looked up for each package on the way, in the order of the packages.
            let has = self.have(groups);
            self.and(&format!("(SELECT {has} FROM label_sets f WHERE f.name = p.name)"));
        }
    }

    /// What comes after the place, where it is sorted afterwards.
    pub fn after(&mut self, order: Order, place: Option<&Place>) {
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

    /// What lies in the span; `names` is the column of names.
    fn span(&mut self, order: Order, span: &Span, names: &str) {
        let keyed = key(order).map_or_else(|| names.to_owned(), |key| format!("p.{key}"));
        let (keys, bounds) = span.bounds();
        for (sign, key) in keys {
            if let Some(key) = key {
                let key = self.mark(Value::Number(key));
                self.and(&format!("{keyed} {sign} {key}"));
            }
        }
        for (sign, name) in bounds {
            if let Some(name) = name {
                let name = self.mark(Value::Text(name.to_string()));
                self.and(&format!("{names} {sign} {name}"));
            }
        }
    }

    /// The condition that a name `o` has the label and lies in the span.
    fn labelled(&mut self, label: i32, org: Option<&str>, span: &Span) {
        let label = self.mark(Value::Id(label));
        self.sql.push_str(&format!(" WHERE o.label = {label}"));
        self.of("o.name", org);
        self.span(Order::Name, span, "o.name");
    }

    /// The first rows of each of these spans of packages `p`, narrowed further: one statement, of one state.
    pub fn walk(
        &mut self,
        columns: &str,
        (order, piece): (Order, Piece<'_>),
        spans: &[Span],
        rows: u64,
        narrow: impl Fn(&mut Self),
    ) {
        let mut parts = Vec::with_capacity(spans.len());
        for span in spans {
            let names = match piece.label {
                None => {
                    self.sql = format!("SELECT {columns} FROM packages p WHERE p.shown IS NOT NULL");
                    self.of("p.name", piece.org);
                    self.span(order, span, "p.name");
                    "p.name"
                }
                Some(label) => {
                    // Fenced off, so that packages are looked up one by one as their names come, and no more than the page takes.
                    self.sql = format!(
                        "SELECT {columns} FROM package_labels o
                         CROSS JOIN LATERAL (SELECT * FROM packages WHERE name = o.name OFFSET 0) p"
                    );
                    self.labelled(label, piece.org, span);
                    self.and("p.shown IS NOT NULL");
                    "o.name"
                }
            };
            narrow(self);
            self.page(order, names, rows);
            parts.push(format!("({})", std::mem::take(&mut self.sql)));
        }
        self.sql = format!("SELECT * FROM ({}) p", parts.join(" UNION ALL "));
    }

    /// The row that comes so many rows after the place.
    pub fn end((order, piece): (Order, Piece<'_>), place: Option<&Place>, looks: u64) -> Self {
        let mut end = Self::new("");
        let spans = spans(order, place, None);
        if let (Some(label), [span]) = (piece.label, spans.as_slice()) {
            end.sql.push_str("SELECT 0::bigint AS key, o.name FROM package_labels o");
            end.labelled(label, piece.org, span);
            let looks = end.mark(Value::Number(signed(looks)));
            end.sql.push_str(&format!(" ORDER BY o.name LIMIT 1 OFFSET {looks}"));
            return end;
        }
        let columns = match key(order) {
            None => "0::bigint AS key, p.name".to_owned(),
            Some(key) => format!("p.{key}, p.name"),
        };
        end.walk(&columns, (order, piece), &spans, looks.saturating_add(1), |_| {});
        end.page(order, "p.name", 1);
        let looks = end.mark(Value::Number(signed(looks)));
        end.sql.push_str(&format!(" OFFSET {looks}"));
        end
    }

    /// So many rows in their order; `names` is the column of names.
    pub fn page(&mut self, order: Order, names: &str, rows: u64) {
        let rows = self.mark(Value::Number(signed(rows)));
        let first = key(order).map(|key| format!("p.{key} DESC, ")).unwrap_or_default();
        self.sql.push_str(&format!(" ORDER BY {first}{names} LIMIT {rows}"));
    }

    pub fn query(self) -> Query {
        self.values.into_iter().fold(query(AssertSqlSafe(self.sql)), |query, value| match value {
            Value::Texts(texts) => query.bind(texts),
            Value::Text(text) => query.bind(text),
            Value::Number(number) => query.bind(number),
            Value::Id(id) => query.bind(id),
            Value::Ids(ids) => query.bind(ids),
        })
    }
}
