//! Lists and counts of packages: of those that postings tell, where these are few, or by the indexes that MongoDB chooses.
//!
//! Those that postings tell are looked up a moment later, by the whole filter. So whatever is listed passes when it is read, and
//! whatever passes at both moments, and between them, is listed. Cursors promise no more: a package that passes while all pages are
//! read, and stays at its place, is on one of them, and on no other. What begins to pass between the two moments is left out, as if
//! it had begun later.
//!
//! A count of what postings tell is made at the first moment alone. They are read one after the other: a package that changes
//! meanwhile may be counted for what it had and what it has together.

use std::collections::HashSet;

use mongodb::bson::{Bson, Document, doc};
use mongodb::options::Hint;

use crate::domain::{Name, Package};

use super::super::page::{PACKAGES_MAX, page};
use super::super::spans::{Span, spans};
use super::super::ways::{self, FEW};
use super::super::{Cursor, Filter, MetaError, Order, Page};
use super::Mongo;
use super::catalog::package;
use super::keys;
use super::passing::{is_open, is_told_by_postings};
use super::rows::{self, Row, signed};
use super::schema::BY_NUMBER;

/// Most packages that are read by their numbers, however many there are.
const MOST: u64 = if cfg!(test) { FEW } else { 20_000 };

impl Mongo {
    pub(super) async fn list_packages(
        &self,
        filter: &Filter,
        order: Order,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<Package>, MetaError> {
        let limit = limit.clamp(1, PACKAGES_MAX);
        let place = after.map(|cursor| cursor.place(filter, order)).transpose()?;
        let sort = match order {
            Order::Name => doc! { "_id": 1 },
            Order::Updated => doc! { "updated": -1, "_id": 1 },
            Order::Created => doc! { "created": -1, "_id": 1 },
            Order::Downloads => doc! { "downloads": -1, "_id": 1 },
            Order::Stars => doc! { "stars": -1, "_id": 1 },
        };
        let few = self.few(filter, order, limit).await?;
        if few.as_ref().is_some_and(Vec::is_empty) {
            return Ok(page(Vec::new(), limit, filter, order));
        }
        let spans = spans(order, place.as_ref(), None);
        let queries = spans.iter().map(|span| query(filter, order, Some(span), few.as_deref())).collect();
        // MongoDB would try all its indexes for a while.
        let index = few.is_some().then_some(BY_NUMBER);
        let found: Vec<rows::Package> = self.page_of(index, queries, sort, limit + 1).await?;
        let items = found.iter().map(package).collect::<Result<_, _>>()?;
        Ok(page(items, limit, filter, order))
    }

    pub(super) async fn count_packages(&self, filter: &Filter) -> Result<u64, MetaError> {
        if is_open(filter) && !ways::is_narrowed(filter) {
            return Ok(self.passing(filter).await?.numbers.len());
        }
        let few = self.few(filter, Order::Updated, 0).await?;
        let packages = self.connection.durable::<rows::Package>();
        let count = packages.count_documents(query(filter, Order::Name, None, few.as_deref()));
        match few {
            Some(few) if few.is_empty() => Ok(0),
            Some(_) => self.connection.run(count.hint(Hint::Name(BY_NUMBER.to_owned()))).await,
            None => self.connection.run(count).await,
        }
    }

    /// Numbers of packages, rising, among which are all that pass, where postings tell more than one index does and they are few: so few
    /// that to read them costs no more than to look, by name, along the rarest label of the filter until the page is full.
    async fn few(&self, filter: &Filter, order: Order, rows: usize) -> Result<Option<Vec<i64>>, MetaError> {
        if !is_told_by_postings(filter) {
            return Ok(None);
        }
        let passing = self.passing(filter).await?;
        let found = passing.numbers.len();
        let few = match order {
            Order::Name => MOST.min((rows as f64 * passing.rarest as f64).sqrt() as u64),
            _ => FEW,
        };
        Ok((found <= few).then(|| passing.numbers.all()))
    }

    /// A page of what these queries find, one after the other, along an index; `None`: along those that MongoDB chooses.
    pub(super) async fn page_of<R: Row>(
        &self,
        index: Option<&'static str>,
        queries: Vec<Document>,
        sort: Document,
        limit: usize,
    ) -> Result<Vec<R>, MetaError> {
        let mut found: Vec<R> = Vec::new();
        for query in queries {
            let more: Vec<R> = self.page_along(index, query, sort.clone(), limit).await?;
            // What falls between two reads is found by both.
            let known: HashSet<String> = found.iter().map(|row| row.id().to_owned()).collect();
            found.extend(more.into_iter().filter(|row| !known.contains(row.id())));
            if found.len() >= limit {
                break;
            }
        }
        found.truncate(limit);
        Ok(found)
    }
}

/// The query for a list, or for a span of it; of packages with these numbers, if they are given.
fn query(filter: &Filter, order: Order, span: Option<&Span>, numbers: Option<&[i64]>) -> Document {
    let visibilities: Vec<&str> = match filter.visibilities.as_slice() {
        [] => vec!["public"],
        visibilities => visibilities.iter().map(|visibility| visibility.as_str()).collect(),
    };
    let mut query = doc! { "shown": { "$exists": true }, "visibility": { "$in": visibilities } };
    if let Some(numbers) = numbers {
        query.insert("number", doc! { "$in": numbers });
    }
    if !filter.kinds.is_empty() {
        let kinds: Vec<&str> = filter.kinds.iter().map(|kind| kind.as_str()).collect();
        query.insert("kind", doc! { "$in": kinds });
    }
    if let Some(org) = &filter.org {
        query.insert("org", org);
    }
    let mut all: Vec<Document> = Vec::new();
    for group in filter.groups() {
        let labels: Vec<String> = group.into_iter().map(|(label, text)| keys::label(label, text)).collect();
        all.push(doc! { "labels": { "$in": labels } });
    }
    for (field, between) in [("created", filter.created), ("updated", filter.updated)] {
        for (sign, time) in [("$gte", between.since), ("$lt", between.before)] {
            all.extend(time.map(|time| doc! { field: { sign: time.micros() } }));
        }
    }
    for (field, least) in [("downloads", filter.downloads_min), ("stars", filter.stars_min)] {
        all.extend((least > 0).then(|| doc! { field: { "$gte": signed(least) } }));
    }
    let field = match order {
        Order::Name => "_id",
        Order::Updated => "updated",
        Order::Created => "created",
        Order::Downloads => "downloads",
        Order::Stars => "stars",
    };
    let bounds = |least: &'static str, after: Option<Bson>, most: &'static str, to: Option<Bson>| -> Document {
        let after = after.map(|after| (least.to_owned(), after));
        after.into_iter().chain(to.map(|to| (most.to_owned(), to))).collect()
    };
    let name = |name: &Name| Bson::from(name.as_str());
    let bounded = match span {
        None => None,
        Some(Span::Names { key, after, to }) => {
            if let Some(key) = key {
                query.insert(field, *key);
            }
            Some(("_id", bounds("$gt", after.as_ref().map(name), "$lte", to.as_ref().map(name))))
        }
        Some(Span::Keys { below, above }) => {
            Some((field, bounds("$lt", below.map(Bson::from), "$gt", above.map(Bson::from))))
        }
    };
    if let Some((field, bounds)) = bounded.filter(|(_, bounds)| !bounds.is_empty()) {
        query.insert(field, bounds);
    }
    if !all.is_empty() {
        query.insert("$and", all);
    }
    query
}
