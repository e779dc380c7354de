//! Lists of packages that not everybody sees, read by the index of those.

use super::super::super::column::{signed, unsigned};
use super::super::super::spans::Place;
use super::super::super::ways::{FEW, is_hidden};
use super::super::super::{Filter, MetaError, Order};
use super::super::pool::Pool;
use super::super::sql::get;
use super::{Growing, PACKAGE, Value};

/// Whether a filter asks for such packages alone, and they are few.
pub(super) async fn are_few(pool: &Pool, filter: &Filter) -> Result<bool, MetaError> {
    if !is_hidden(filter) {
        return Ok(false);
    }
    let some = || {
        let mut some = all("1", filter);
        let most = some.mark(Value::Number(signed(FEW + 1)));
        some.sql = format!("SELECT count(*) FROM ({} LIMIT {most}) hidden", some.sql);
        some.query()
    };
    let found = pool.row(some, |row| Ok(unsigned(get(row, 0)?))).await?;
    Ok(found.is_some_and(|found| found <= FEW))
}

/// A page of them, who are gathered first.
pub(super) fn page(filter: &Filter, groups: &[Vec<i32>], order: Order, place: Option<&Place>, rows: usize) -> Growing {
    let mut list = all("p.name", filter);
    list.sql = format!(
        "WITH f AS MATERIALIZED ({})
         SELECT {PACKAGE} FROM f JOIN packages p ON p.name = f.name WHERE p.shown IS NOT NULL",
        list.sql
    );
    list.after(order, place);
    list.narrow(filter, groups);
    list.page(order, "p.name", rows as u64);
    list
}

/// How many of them pass the filter.
pub(super) fn count(filter: &Filter, groups: &[Vec<i32>]) -> Growing {
    let mut count = all("count(*)", filter);
    count.narrow(filter, groups);
    count
}

fn all(columns: &str, filter: &Filter) -> Growing {
    let hidden = "p.shown IS NOT NULL AND p.visibility <> 'public'";
    let mut all = Growing::new(&format!("SELECT {columns} FROM packages p WHERE {hidden}"));
    if let Some(org) = &filter.org {
        let org = all.mark(Value::Text(org.clone()));
        all.and(&format!("p.org = {org}"));
    }
    all
}
