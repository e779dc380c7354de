//! Numbers and postings for the packages of an earlier release.
//!
//! While the number of the schema is an earlier one nobody changes packages: servers of this release wait for it, and those of an
//! earlier one that still run are refused by the validator, which asks for numbers. So all who bring a database up to date at once
//! make the same postings. Each piece of them is a transaction that takes the event counter and looks at the number of the schema: whoever comes
//! late, when changes are made already, leaves them alone.

use std::collections::BTreeMap;
use std::ops::Range;

use mongodb::bson::{Document, doc};

use super::super::connection::{BATCH, Connection};
use super::super::keys;
use super::super::posting::Bits;
use super::super::rows::{self, Counter, Posting, REGISTRY, Row};
use super::super::schema::{NUMBER, SCHEMA};
use super::super::session::{End, Session};
use super::super::social::update;
use super::super::table::Table;
use super::{AT_ONCE, MetaError};

/// Packages whose postings are made at once.
const PACKAGES: u64 = if cfg!(test) { 4 } else { 200_000 };
/// Behind every key of a posting.
const LAST: &str = "g";

/// Gives every package that has no number the next one, in the order of their names.
pub(super) async fn number_packages(connection: &Connection) -> Result<(), MetaError> {
    let mut last = Some(String::new());
    while let Some(after) = last {
        last = connection.transact(move |session| number_after(session, &after)).await?;
    }
    Ok(())
}

/// The last of those that were given one; `None` where there was none.
fn number_after(session: &mut Session, after: &str) -> Result<(Option<String>, End), MetaError> {
    let counter = session.lock_head()?;
    let lacking = vec![
        doc! { "$match": { "_id": { "$gt": after }, "number": { "$exists": false } } },
        doc! { "$sort": { "_id": 1 } },
        doc! { "$limit": AT_ONCE },
        doc! { "$project": { "_id": 1 } },
    ];
    let found = session.aggregate(rows::Package::COLLECTION, lacking)?;
    let names: Vec<&str> = found.iter().filter_map(|package| package.get_str("_id").ok()).collect();
    let Some(last) = names.last().map(|name| (*name).to_owned()) else { return Ok((None, End::RollBack)) };
    let numbers = names.iter().zip(counter.packages..);
    let numbers = numbers.map(|(name, number)| ((*name).to_owned(), doc! { "$set": { "number": number } }));
    update(session, rows::Package::COLLECTION, numbers, false)?;
    let packages = counter.packages + names.len() as i64;
    session.write_head(Counter { packages, ..counter })?;
    Ok((Some(last), End::Commit))
}

/// Makes the postings of all packages anew, a part of their keys after the other: those of many packages do not fit into memory.
pub(super) async fn fill_postings(connection: &Connection) -> Result<(), MetaError> {
    let packages = connection.database.collection::<Document>(rows::Package::COLLECTION);
    let packages = connection.run(packages.estimated_document_count()).await?;
    let parts = (1 + packages / PACKAGES).min(256);
    for part in 0..parts {
        // Keys begin with two digits of a hash.
        let bound = |part: u64| format!("{:02x}", part * 256 / parts);
        let to = if part + 1 == parts { LAST.to_owned() } else { bound(part + 1) };
        if fill_part(connection, bound(part)..to).await? {
            return Ok(());
        }
    }
    Ok(())
}

/// Those of the keys in the range. Whether it is too late for that.
async fn fill_part(connection: &Connection, keys: Range<String>) -> Result<bool, MetaError> {
    let postings = postings(connection, &keys).await?;
    let postings: Vec<Posting> = postings.into_iter().map(|(id, bits)| Posting { id, bits }).collect();
    let mut pieces = postings.chunks(AT_ONCE as usize).peekable();
    let mut from = keys.start;
    loop {
        let piece = pieces.next().unwrap_or_default().to_vec();
        // The next piece begins where it does; behind the last none is left.
        let next = pieces.peek().and_then(|piece| piece.first()).map(|posting| posting.id.clone());
        let range = from..next.clone().unwrap_or_else(|| keys.end.clone());
        if connection.transact(move |session| replace(session, &range, &piece)).await? {
            return Ok(true);
        }
        match next {
            Some(next) => from = next,
            None => return Ok(false),
        }
    }
}

/// By key, in the order in which they lie.
async fn postings(connection: &Connection, keys: &Range<String>) -> Result<BTreeMap<String, Bits>, MetaError> {
    let packages = connection.durable::<rows::Package>();
    let mut postings = BTreeMap::<String, Bits>::new();
    let mut last = String::new();
    loop {
        let page = packages.find(doc! { "_id": { "$gt": &last }, "shown": { "$exists": true } });
        let page = page.sort(doc! { "_id": 1 }).limit(AT_ONCE).batch_size(BATCH);
        let page = connection.all(page).await?;
        let Some(end) = page.last() else { return Ok(postings) };
        last.clone_from(&end.id);
        for package in &page {
            let found_by = package.found_by().into_iter().map(|found_by| keys::posting(&found_by, package.number));
            for key in found_by.filter(|key| keys.contains(key)) {
                postings.entry(key).or_default().insert(package.number);
            }
        }
    }
}

/// Lets the postings whose keys are in the range be these. Whether it is too late for that.
fn replace(session: &mut Session, keys: &Range<String>, piece: &[Posting]) -> Result<(bool, End), MetaError> {
    session.lock_head()?;
    let number: Vec<Document> = session.find(REGISTRY, doc! { "_id": NUMBER }, doc! {}, 1)?;
    if number.iter().any(|number| number.get_i64("version").is_ok_and(|version| version >= SCHEMA)) {
        return Ok((true, End::RollBack));
    }
    let range = doc! { "$gte": keys.start.as_str(), "$lt": keys.end.as_str() };
    session.delete_all::<Posting>(doc! { "_id": range })?;
    let mut table = Table::<Posting>::default();
    piece.iter().for_each(|posting| table.put(posting.clone()));
    table.flush(session)?;
    Ok((false, End::Commit))
}
