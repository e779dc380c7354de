//! Statements that read packages, as they are put together.

use rusqlite::types::Value;

use super::super::super::spans::{Place, Span};
use super::super::super::ways::Typed;
use super::super::super::{Filter, Order};
use super::super::sql::signed;

/// The column of the key of an order, if it is not by name alone.
pub(super) fn key(order: Order) -> Option<&'static str> {
    match order {
        Order::Name => None,
        Order::Updated => Some("p.updated"),
        Order::Created => Some("p.created"),
        Order::Downloads => Some("p.downloads"),
        Order::Stars => Some("p.stars"),
    }
}

/// Packages `p` in their order. Its index is named: for a page of few rows the planner took a smaller one and sorted all of them.
pub(super) fn ordered(order: Order) -> String {
    let index = match order {
        Order::Name => "sqlite_autoindex_packages_1",
        Order::Updated => "packages_by_time",
        Order::Created => "packages_by_age",
        Order::Downloads => "packages_by_downloads",
        Order::Stars => "packages_by_stars",
    };
    format!("packages p INDEXED BY {index}")
}

/// A statement that grows, and its parameters in the order of their marks.
pub(super) struct Query {
    pub sql: String,
    pub values: Vec<Value>,
}

impl Query {
    pub fn new(sql: &str) -> Self {
        Self { sql: sql.to_owned(), values: Vec::new() }
    }

    fn and(&mut self, condition: &str, values: impl IntoIterator<Item = Value>) {
        self.sql.push_str(" AND ");
        self.sql.push_str(condition);
        self.values.extend(values);
    }

    /// Packages `p` with a label `l` of one group, that have one of each other group. A CROSS JOIN keeps its order.
    pub fn labels(&mut self, groups: &[Vec<Typed>], rarest: usize) {
        let found = vec!["SELECT name FROM package_labels WHERE type = ? AND label = ?"; groups[rarest].len()];
        self.sql.push_str(&format!(
            "({}) l CROSS JOIN packages p ON p.name = l.name WHERE p.shown IS NOT NULL",
            found.join(" UNION ")
        ));
        self.values.extend(groups[rarest].iter().flat_map(label));
        let others = groups.iter().enumerate().filter(|(at, _)| *at != rarest);
        others.for_each(|(_, group)| self.has(group, "l.name"));
    }

    /// The package of that name has one of these labels. Compared with 1, since SQLite makes a join of a bare EXISTS, which took eight times
    /// as long: it looked up every package first, and its labels by name instead of by label.
    pub fn has(&mut self, group: &[Typed], name: &str) {
        let one =
            format!("EXISTS (SELECT 1 FROM package_labels x WHERE x.type = ? AND x.label = ? AND x.name = {name})");
        let any = if group.is_empty() { "0".to_owned() } else { vec![one; group.len()].join(" OR ") };
        self.and(&format!("({any}) = 1"), group.iter().flat_map(label));
    }

    /// What else the filter asks of a package.
    pub fn package(&mut self, filter: &Filter) {
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

    /// Keys and names of packages `p` as the index of an order has them.
    pub fn keys(order: Order) -> Self {
        let key = key(order).unwrap_or("0");
        // That of names has the others too.
        let shown = if order == Order::Name { "" } else { " AND p.shown IS NOT NULL" };
        Self::new(&format!("SELECT {key} AS key, p.name AS name FROM {} WHERE 1{shown}", ordered(order)))
    }

    /// The packages `p` of these keys and names, `f`.
    pub fn packages(self, columns: &str) -> Self {
        let of = "f CROSS JOIN packages p ON p.name = f.name WHERE p.shown IS NOT NULL";
        Self { sql: format!("SELECT {columns} FROM ({}) {of}", self.sql), values: self.values }
    }

    /// Packages `p` that pass, read by the index of what few have so much of as the filter asks for.
    pub fn popular(columns: &str, column: &str, filter: &Filter, groups: &[Vec<Typed>]) -> Self {
        let of = format!("packages p INDEXED BY packages_by_{column} WHERE p.shown IS NOT NULL");
        let mut query = Self::new(&format!("SELECT {columns} FROM {of}"));
        query.narrow(filter, groups);
        query
    }

    /// Packages `p` that not everybody sees, read by the index of those.
    pub fn hidden(columns: &str, filter: &Filter) -> Self {
        let of = "packages p INDEXED BY packages_hidden WHERE p.visibility <> 'public' AND p.shown IS NOT NULL";
        let mut query = Self::new(&format!("SELECT {columns} FROM {of}"));
        if let Some(org) = &filter.org {
            query.and("p.org = ?", [Value::from(org.clone())]);
        }
        query
    }

    /// All that the filter asks of a package, labels too.
    pub fn narrow(&mut self, filter: &Filter, groups: &[Vec<Typed>]) {
        self.package(filter);
        groups.iter().for_each(|group| self.has(group, "p.name"));
    }

    /// What comes after the place, where it is sorted afterwards.
    pub fn after(&mut self, order: Order, name: &str, place: Option<&Place>) {
        let Some((count, last)) = place else { return };
        let (count, last) = (Value::from(*count), Value::from(last.to_string()));
        match key(order) {
            None => self.and(&format!("{name} > ?"), [last]),
            Some(key) => {
                self.and(&format!("({key} < ? OR ({key} = ? AND p.name > ?))"), [count.clone(), count, last]);
            }
        }
    }

    /// What lies in the span.
    pub fn span(&mut self, order: Order, span: &Span) {
        let column = key(order).unwrap_or("p.name");
        let (keys, names) = span.bounds();
        for (sign, key) in keys {
            if let Some(key) = key {
                self.and(&format!("{column} {sign} ?"), [Value::from(key)]);
            }
        }
        for (sign, name) in names {
            if let Some(name) = name {
                self.and(&format!("p.name {sign} ?"), [Value::from(name.to_string())]);
            }
        }
    }

    pub fn page(self, order: Order, rows: usize) -> Self {
        let first = key(order).map(|key| format!("{key} DESC, ")).unwrap_or_default();
        self.sorted(&format!("{first}p.name"), rows)
    }

    pub fn sorted(mut self, ordered: &str, rows: usize) -> Self {
        self.sql.push_str(&format!(" ORDER BY {ordered} LIMIT ?"));
        self.values.push(Value::from(signed(rows as u64)));
        self
    }
}

fn label((of, text): &Typed) -> [Value; 2] {
    [Value::from(*of), Value::from(text.clone())]
}
