//! The queries for packages.

use sqlx::AssertSqlSafe;

use crate::domain::{Name, Timestamp};

use super::super::column::{label_type, signed};
use super::super::{Filter, Label, Order};
use super::sql::{Query, escape, query};

const PACKAGES: &str = "
    SELECT p.name, p.kind, p.visibility, p.latest, p.shown, p.card, p.versions, p.created, p.updated, p.pinned
    FROM packages p WHERE p.shown IS NOT NULL";

/// The package of that name, if it can be found.
pub(super) fn named(name: &Name) -> Query {
    query(AssertSqlSafe(format!("{PACKAGES} AND p.name = $1"))).bind(name.to_string())
}

/// A parameter.
enum Value {
    Texts(Vec<&'static str>),
    Text(String),
    Number(i64),
    Type(i16),
}

/// A statement that grows, and its parameters.
struct Growing {
    sql: String,
    values: Vec<Value>,
}

impl Growing {
    /// The mark that stands for a value.
    fn mark(&mut self, value: Value) -> String {
        self.values.push(value);
        format!("${}", self.values.len())
    }

    fn and(&mut self, condition: &str) {
        self.sql.push_str(" AND ");
        self.sql.push_str(condition);
    }

    fn query(self) -> Query {
        self.values.into_iter().fold(query(AssertSqlSafe(self.sql)), |query, value| match value {
            Value::Texts(texts) => query.bind(texts),
            Value::Text(text) => query.bind(text),
            Value::Number(number) => query.bind(number),
            Value::Type(number) => query.bind(number),
        })
    }
}

/// How many packages pass the filter.
pub(super) fn count(filter: &Filter) -> Query {
    filtered("SELECT count(*) FROM packages p WHERE p.shown IS NOT NULL", filter).query()
}

/// Up to `rows` packages that pass the filter, from after a place on.
pub(super) fn list(filter: &Filter, order: Order, place: Option<&(Timestamp, Name)>, rows: usize) -> Query {
    let mut list = filtered(PACKAGES, filter);
    let (column, ordered) = match order {
        Order::Name => ("name", "p.name"),
        Order::Updated => ("updated", "p.updated DESC, p.name"),
        Order::Created => ("created", "p.created DESC, p.name"),
    };
    match (order, place) {
        (_, None) => {}
        (Order::Name, Some((_, last))) => {
            let last = list.mark(Value::Text(last.to_string()));
            list.and(&format!("p.name > {last}"));
        }
        (Order::Updated | Order::Created, Some((time, last))) => {
            let (time, last) = (list.mark(Value::Number(time.micros())), list.mark(Value::Text(last.to_string())));
            list.and(&format!("(p.{column} < {time} OR (p.{column} = {time} AND p.name > {last}))"));
        }
    }
    let rows = list.mark(Value::Number(signed(rows as u64)));
    list.sql.push_str(&format!(" ORDER BY {ordered} LIMIT {rows}"));
    list.query()
}

/// A query for packages `p`, narrowed to those that pass the filter.
fn filtered(sql: &str, filter: &Filter) -> Growing {
    let mut list = Growing { sql: sql.to_owned(), values: Vec::new() };
    let visibilities = match filter.visibilities.as_slice() {
        [] => vec!["public"],
        visibilities => visibilities.iter().map(|visibility| visibility.as_str()).collect(),
    };
    let visibilities = list.mark(Value::Texts(visibilities));
    list.and(&format!("p.visibility = ANY({visibilities})"));
    if !filter.kinds.is_empty() {
        let kinds = list.mark(Value::Texts(filter.kinds.iter().map(|kind| kind.as_str()).collect()));
        list.and(&format!("p.kind = ANY({kinds})"));
    }
    if let Some(org) = &filter.org {
        let org = list.mark(Value::Text(escape(org)));
        list.and(&format!("p.org = {org}"));
    }
    for (column, between) in [("created", filter.created), ("updated", filter.updated)] {
        for (sign, time) in [(">=", between.since), ("<", between.before)] {
            if let Some(time) = time {
                let time = list.mark(Value::Number(time.micros()));
                list.and(&format!("p.{column} {sign} {time}"));
            }
        }
    }
    for group in filter.groups() {
        let any: Vec<String> = group.into_iter().map(|(label, text)| has(&mut list, label, text)).collect();
        let any = if any.is_empty() { "false".to_owned() } else { any.join(" OR ") };
        list.and(&format!("p.name IN (SELECT name FROM package_labels WHERE {any})"));
    }
    list
}

/// Whether a row of labels is this one.
fn has(list: &mut Growing, label: Label, text: &str) -> String {
    let (label, text) = (list.mark(Value::Type(label_type(label))), list.mark(Value::Text(escape(text))));
    // The index holds the beginning alone.
    format!("(type = {label} AND left(label, 200) = left({text}, 200) AND label = {text})")
}
