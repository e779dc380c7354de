//! The queries for packages.

use sqlx::AssertSqlSafe;

use crate::domain::{Name, Timestamp};

use super::super::column::signed;
use super::super::{Filter, Label, Order};
use super::reshow::label_type;
use super::sql::{Query, escape, query};

const PACKAGES: &str = "
    SELECT p.name, p.kind, p.visibility, p.latest, p.shown, p.card, p.versions, p.created, p.updated
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

/// Up to `rows` packages that pass the filter, from after a place on.
pub(super) fn list(filter: &Filter, order: Order, place: Option<&(Timestamp, Name)>, rows: usize) -> Query {
    let mut sql = PACKAGES.to_owned();
    let mut values = Vec::new();
    let mut mark = |value| {
        values.push(value);
        format!("${}", values.len())
    };
    let visibilities = match filter.visibilities.as_slice() {
        [] => vec!["public"],
        visibilities => visibilities.iter().map(|visibility| visibility.as_str()).collect(),
    };
    sql.push_str(&format!(" AND p.visibility = ANY({})", mark(Value::Texts(visibilities))));
    if !filter.kinds.is_empty() {
        let kinds = filter.kinds.iter().map(|kind| kind.as_str()).collect();
        sql.push_str(&format!(" AND p.kind = ANY({})", mark(Value::Texts(kinds))));
    }
    if let Some(org) = &filter.org {
        sql.push_str(&format!(" AND p.org = {}", mark(Value::Text(escape(org)))));
    }
    let labels = filter.tags.iter().map(|tag| (Label::Tag, tag));
    for (label, text) in labels.chain(filter.skills.iter().map(|skill| (Label::Skill, skill))) {
        let (label, text) = (mark(Value::Type(label_type(label))), mark(Value::Text(escape(text))));
        // The index holds the beginning alone.
        let of_label = format!("type = {label} AND left(label, 200) = left({text}, 200) AND label = {text}");
        sql.push_str(&format!(" AND p.name IN (SELECT name FROM package_labels WHERE {of_label})"));
    }
    match (order, place) {
        (_, None) => {}
        (Order::Name, Some((_, last))) => {
            sql.push_str(&format!(" AND p.name > {}", mark(Value::Text(last.to_string()))));
        }
        (Order::Updated, Some((time, last))) => {
            let (time, last) = (mark(Value::Number(time.micros())), mark(Value::Text(last.to_string())));
            sql.push_str(&format!(" AND (p.updated < {time} OR (p.updated = {time} AND p.name > {last}))"));
        }
    }
    let rows = mark(Value::Number(signed(rows as u64)));
    sql.push_str(&match order {
        Order::Name => format!(" ORDER BY p.name LIMIT {rows}"),
        Order::Updated => format!(" ORDER BY p.updated DESC, p.name LIMIT {rows}"),
    });
    values.into_iter().fold(query(AssertSqlSafe(sql)), |query, value| match value {
        Value::Texts(texts) => query.bind(texts),
        Value::Text(text) => query.bind(text),
        Value::Number(number) => query.bind(number),
        Value::Type(number) => query.bind(number),
    })
}
