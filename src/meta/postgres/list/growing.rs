//! A statement that grows with what a filter asks, and its parameters.

use sqlx::AssertSqlSafe;

use super::super::super::column::signed;
use super::super::super::spans::{Place, Span};
use super::super::super::{Filter, Order};
use super::super::sql::{Query, query};

/// The organisation whose packages a list has in one piece: all of them, before or behind all others, if it is by name.
pub(super) fn within(filter: &Filter, order: Order) -> Option<&str> {
    filter.org.as_deref().filter(|_| order == Order::Name)
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

    /// Only names of this organisation. They lie together: '0' is the byte after the slash.
    pub fn of(&mut self, org: Option<&str>) {
        let Some(org) = org else { return };
        let (first, last) = (self.mark(Value::Text(format!("{org}/"))), self.mark(Value::Text(format!("{org}0"))));
        self.and(&format!("p.name > {first} AND p.name < {last}"));
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

    /// What lies in the span.
    pub fn span(&mut self, order: Order, span: &Span) {
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
    pub fn walk(&mut self, columns: &str, order: Order, spans: &[Span], rows: u64, narrow: impl Fn(&mut Self)) {
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

    pub fn page(&mut self, order: Order, rows: u64) {
        let rows = self.mark(Value::Number(signed(rows)));
        let first = key(order).map(|key| format!("p.{key} DESC, ")).unwrap_or_default();
        self.sql.push_str(&format!(" ORDER BY {first}p.name LIMIT {rows}"));
    }

    pub fn query(self) -> Query {
        self.values.into_iter().fold(query(AssertSqlSafe(self.sql)), |query, value| match value {
            Value::Texts(texts) => query.bind(texts),
            Value::Text(text) => query.bind(text),
            Value::Number(number) => query.bind(number),
            Value::Ids(ids) => query.bind(ids),
        })
    }
}
