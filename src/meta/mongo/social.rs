//! Downloads and stars. What changes them is a transaction that writes the counter's document first, and so conflicts with changes of
//! the catalogue: both write documents of packages.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use async_trait::async_trait;
use mongodb::bson::{Document, RawArrayBuf, doc, rawdoc};

use crate::domain::{Day, Kind, Name, Package, STAR_WEIGHT, Timestamp, UserName, Version, Visibility};

use super::super::social::{RANKED, highest_first};
use super::super::{DownloadBatch, Downloads, MetaError, Social, StarRow, Starred, Totals};
use super::Mongo;
use super::catalog::package;
use super::keys::{self, pair, pairs_after, parse};
use super::rows::{self, Row, signed, unsigned};
use super::session::{End, Session};

#[async_trait]
impl Social for Mongo {
    async fn count(&self, batch: &DownloadBatch) -> Result<(), MetaError> {
        let batch = batch.clone();
        self.beside(move |session| {
            let sender = batch.sender.to_string();
            let last: Vec<rows::Batch> = session.find(rows::Batch::COLLECTION, doc! { "_id": &sender }, doc! {}, 1)?;
            if last.first().is_some_and(|last| unsigned(last.number) >= batch.number) {
                return Ok(((), End::RollBack));
            }
            let number = doc! { "$set": { "number": signed(batch.number) } };
            update(session, rows::Batch::COLLECTION, [(sender, number)], true)?;
            let known = known(session, batch.downloads.iter().map(|row| row.name.to_string()).collect())?;
            let (mut counted, mut sums) = (Vec::new(), BTreeMap::<String, i64>::new());
            let mut daily = BTreeMap::<(Day, String), i64>::new();
            for Downloads { name, version, day, number } in &batch.downloads {
                let (name, version) = (name.to_string(), version.number());
                if !known.contains(&name) {
                    continue;
                }
                let key = pair(pair(&name, &version), day.number());
                let new = doc! { "name": &name, "version": version, "day": i64::from(day.number()) };
                counted.push((key, doc! { "$setOnInsert": new, "$inc": { "number": signed(*number) } }));
                *daily.entry((*day, name.clone())).or_default() += signed(*number);
                *sums.entry(name).or_default() += signed(*number);
            }
            update(session, rows::Downloads::COLLECTION, counted, true)?;
            let daily = daily.into_iter().map(|((day, name), sum)| {
                let new = doc! { "day": i64::from(day.number()), "name": &name };
                (pair(day.number(), &name), doc! { "$setOnInsert": new, "$inc": { "number": sum } })
            });
            update(session, rows::Daily::COLLECTION, daily, true)?;
            let sums = sums.into_iter().map(|(name, sum)| (name, doc! { "$inc": { "downloads": sum } }));
            update(session, rows::Package::COLLECTION, sums, false)?;
            Ok(((), End::Commit))
        })
        .await
    }

    async fn star(&self, name: &Name, user: &UserName, at: Option<Timestamp>) -> Result<Starred, MetaError> {
        let (name, user) = (name.to_string(), user.to_string());
        self.beside(move |session| {
            let accounts: Vec<rows::Account> =
                session.find(rows::Account::COLLECTION, doc! { "_id": &user }, doc! {}, 1)?;
            if accounts.is_empty() {
                return Ok((Starred::NoUser, End::RollBack));
            }
            if known(session, BTreeSet::from([name.clone()]))?.is_empty() {
                return Ok((Starred::NoPackage, End::RollBack));
            }
            let key = pair(&user, &name);
            let held: Vec<rows::Star> = session.find(rows::Star::COLLECTION, doc! { "_id": &key }, doc! {}, 1)?;
            let change = match (at, held.is_empty()) {
                (Some(at), true) => {
                    let day = i64::from(Day::of(at).number());
                    let star = doc! { "name": &name, "starred": at.micros(), "day": day };
                    update(session, rows::Star::COLLECTION, [(key, doc! { "$set": star })], true)?;
                    1i64
                }
                (None, false) => {
                    remove(session, rows::Star::COLLECTION, doc! { "_id": key })?;
                    -1i64
                }
                (Some(_), false) | (None, true) => return Ok((Starred::Done, End::RollBack)),
            };
            let counted = doc! { "$inc": { "stars": change } };
            update(session, rows::Package::COLLECTION, [(name.clone(), counted)], false)?;
            Ok((Starred::Done, End::Commit))
        })
        .await
    }

    async fn stars(&self, user: &UserName, after: Option<&Name>, limit: usize) -> Result<Vec<StarRow>, MetaError> {
        let keys = pairs_after(user, after.map(Name::as_str).unwrap_or_default());
        let page = doc! { "_id": { "$gt": keys.start, "$lt": keys.end } };
        let stars: Vec<rows::Star> = self.page(page, doc! { "_id": 1 }, limit).await?;
        let names: Vec<&str> = stars.iter().map(|star| star.name.as_str()).collect();
        let of_stars = doc! { "_id": { "$in": names }, "shown": { "$exists": true } };
        let packages: Vec<rows::Package> = self.page(of_stars, doc! {}, usize::MAX).await?;
        let seen: HashMap<&str, &str> =
            packages.iter().map(|package| (package.id.as_str(), package.visibility.as_str())).collect();
        let row = |star: &rows::Star| {
            let visibility = seen.get(star.name.as_str()).map(|visibility| parse(visibility)).transpose()?;
            Ok(StarRow { name: parse(&star.name)?, starred: Timestamp::from_micros(star.starred), visibility })
        };
        stars.iter().map(row).collect()
    }

    async fn counted(&self, after: Option<&Downloads>, limit: usize) -> Result<Vec<Downloads>, MetaError> {
        let last = after.map(|row| pair(pair(&row.name, row.version.number()), row.day.number()));
        let page = doc! { "_id": { "$gt": last.unwrap_or_default() } };
        let found: Vec<rows::Downloads> = self.page(page, doc! { "_id": 1 }, limit).await?;
        let row = |row: &rows::Downloads| {
            let (name, version) = (parse(&row.name)?, parse(&row.version)?);
            Ok(Downloads { name, version, day: day(row.day), number: unsigned(row.number) })
        };
        found.iter().map(row).collect()
    }

    async fn versions(&self, name: &Name) -> Result<Vec<(Version, u64)>, MetaError> {
        let pipeline = vec![
            doc! { "$match": { "name": name.as_str() } },
            doc! { "$group": { "_id": "$version", "number": { "$sum": "$number" } } },
        ];
        let found = self.sums::<rows::Downloads>(pipeline).await?;
        let sum = |found: &Document| Ok((parse(text(found, "_id")?)?, number(found, "number")?));
        Ok(highest_first(found.iter().map(sum).collect::<Result<_, MetaError>>()?))
    }

    async fn days(
        &self,
        name: &Name,
        version: Option<&Version>,
        first: Day,
        last: Day,
    ) -> Result<Vec<(Day, u64)>, MetaError> {
        let days = doc! { "$gte": i64::from(first.number()), "$lte": i64::from(last.number()) };
        let wanted = match version {
            None => doc! { "name": name.as_str(), "day": days },
            Some(version) => {
                // The keys of a version are one range.
                let keys = pairs_after(pair(name, version.number()), "");
                doc! { "_id": { "$gt": keys.start, "$lt": keys.end }, "day": days }
            }
        };
        let pipeline = vec![
            doc! { "$match": wanted },
            doc! { "$group": { "_id": "$day", "number": { "$sum": "$number" } } },
            doc! { "$sort": { "_id": 1 } },
        ];
        let found = self.sums::<rows::Downloads>(pipeline).await?;
        found.iter().map(|found| Ok((day(whole(found, "_id")?), number(found, "number")?))).collect()
    }

    async fn trending(
        &self,
        weights: &[(Day, u64)],
        kinds: &[Kind],
        limit: usize,
    ) -> Result<Vec<(Package, u64)>, MetaError> {
        let mut ranked = RANKED.max(limit);
        loop {
            let scores = self.scores(weights, ranked).await?;
            let names: Vec<&str> = scores.iter().map(|(name, _)| name.as_str()).collect();
            let mut wanted = doc! {
                "_id": { "$in": names }, "shown": { "$exists": true }, "visibility": Visibility::Public.as_str(),
            };
            if !kinds.is_empty() {
                let kinds: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
                wanted.insert("kind", doc! { "$in": kinds });
            }
            let found: Vec<rows::Package> = self.page(wanted, doc! {}, usize::MAX).await?;
            if found.len() < limit && scores.len() == ranked {
                ranked = ranked.saturating_mul(10);
                continue;
            }
            let found: HashMap<&str, &rows::Package> = found.iter().map(|row| (row.id.as_str(), row)).collect();
            let scored = scores.iter().filter_map(|(name, score)| Some((found.get(name.as_str())?, *score)));
            return scored.take(limit).map(|(row, score)| Ok((package(row)?, score))).collect();
        }
    }

    async fn totals(&self) -> Result<Totals, MetaError> {
        let kinds: Vec<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
        // A shown version is any text: so compared, the index alone answers, as it does not where a field is to be there.
        let public =
            doc! { "kind": { "$in": kinds }, "visibility": Visibility::Public.as_str(), "shown": { "$gt": "" } };
        let public = doc! { "$match": public };
        let sums = doc! {
            "_id": "$kind", "packages": { "$sum": 1i64 }, "versions": { "$sum": "$versions" },
            "downloads": { "$sum": "$downloads" }, "stars": { "$sum": "$stars" },
        };
        let kinds = self.sums::<rows::Package>(vec![public, doc! { "$group": sums }]).await?;
        let labels = self.connection.durable::<rows::Label>();
        let organisations = self.connection.run(labels.count_documents(doc! { "type": keys::ORG })).await?;
        let mut totals = Totals { organisations, ..Totals::default() };
        for kind in &kinds {
            let sums = [number(kind, "versions")?, number(kind, "downloads")?, number(kind, "stars")?];
            totals.add(parse(text(kind, "_id")?)?, number(kind, "packages")?, sums);
        }
        Ok(totals)
    }
}

impl Mongo {
    /// Runs a transaction that writes documents of packages, and no event.
    pub(super) async fn beside<T: Send + 'static>(
        &self,
        mut work: impl FnMut(&mut Session) -> Result<(T, End), MetaError> + Send + 'static,
    ) -> Result<T, MetaError> {
        let turn = self.changing.clone().lock_owned().await;
        let transaction = move |session: &mut Session| {
            // Kept until the transaction has ended, whoever still waits for it.
            let _turn = &turn;
            session.lock_head()?;
            work(session)
        };
        self.connection.transact(transaction).await
    }

    async fn sums<R: Row>(&self, pipeline: Vec<Document>) -> Result<Vec<Document>, MetaError> {
        self.connection.all(self.connection.durable::<R>().aggregate(pipeline)).await
    }

    /// The first packages of a trend, whoever sees them, with their scores.
    async fn scores(&self, weights: &[(Day, u64)], limit: usize) -> Result<Vec<(String, u64)>, MetaError> {
        let (Some((first, _)), Some((last, _))) = (weights.first(), weights.last()) else { return Ok(Vec::new()) };
        let first = i64::from(first.number());
        let of_days = doc! { "day": { "$gte": first, "$lte": i64::from(last.number()) } };
        let weights: Vec<i64> = weights.iter().map(|(_, weight)| signed(*weight)).collect();
        // The days follow each other: a weight's place is its day's distance from the first.
        let weight = doc! { "$arrayElemAt": [weights, { "$subtract": ["$day", first] }] };
        let group = |number: Document| doc! { "$group": { "_id": "$name", "score": { "$sum": number } } };
        let stars = vec![
            doc! { "$match": of_days.clone() },
            group(doc! { "$multiply": [signed(STAR_WEIGHT), weight.clone()] }),
        ];
        let pipeline = vec![
            doc! { "$match": of_days },
            group(doc! { "$multiply": ["$number", weight] }),
            doc! { "$unionWith": { "coll": rows::Star::COLLECTION, "pipeline": stars } },
            doc! { "$group": { "_id": "$_id", "score": { "$sum": "$score" } } },
            doc! { "$match": { "score": { "$gt": 0i64 } } },
            doc! { "$sort": { "score": -1, "_id": 1 } },
            doc! { "$limit": signed(limit as u64) },
        ];
        let found = self.sums::<rows::Daily>(pipeline).await?;
        found.iter().map(|found| Ok((text(found, "_id")?.to_owned(), number(found, "score")?))).collect()
    }
}

/// Takes away the stars of a user.
pub(super) fn forget_stars(session: &mut Session, user: &str) -> Result<(), MetaError> {
    let keys = pairs_after(user, "");
    let theirs = doc! { "_id": { "$gt": keys.start, "$lt": keys.end } };
    let stars: Vec<rows::Star> = session.find(rows::Star::COLLECTION, theirs.clone(), doc! {}, 0)?;
    let counted = stars.into_iter().map(|star| (star.name, doc! { "$inc": { "stars": -1i64 } }));
    update(session, rows::Package::COLLECTION, counted, false)?;
    remove(session, rows::Star::COLLECTION, theirs)
}

/// Removes all documents that are found so.
pub(super) fn remove(session: &mut Session, collection: &str, filter: Document) -> Result<(), MetaError> {
    let mut deletes = RawArrayBuf::new();
    let filter = mongodb::bson::serialize_to_raw_document_buf(&filter);
    deletes.push(rawdoc! { "q": filter.map_err(unwritten)?, "limit": 0 });
    session.write(rawdoc! { "delete": collection, "deletes": deletes }).map(drop)
}

/// Changes documents by their keys.
pub(super) fn update(
    session: &mut Session,
    collection: &str,
    changes: impl IntoIterator<Item = (String, Document)>,
    is_new: bool,
) -> Result<(), MetaError> {
    let (mut updates, mut is_empty) = (RawArrayBuf::new(), true);
    for (key, change) in changes {
        let change = mongodb::bson::serialize_to_raw_document_buf(&change).map_err(unwritten)?;
        updates.push(rawdoc! { "q": { "_id": key }, "u": change, "upsert": is_new });
        is_empty = false;
    }
    if is_empty {
        return Ok(());
    }
    session.write(rawdoc! { "update": collection, "updates": updates }).map(drop)
}

/// Those of these packages that ever were.
fn known(session: &mut Session, names: BTreeSet<String>) -> Result<BTreeSet<String>, MetaError> {
    let names: Vec<String> = names.into_iter().collect();
    let pipeline = vec![doc! { "$match": { "_id": { "$in": names } } }, doc! { "$project": { "_id": 1 } }];
    let found = session.aggregate(rows::Package::COLLECTION, pipeline)?;
    found.iter().map(|found| Ok(text(found, "_id")?.to_owned())).collect()
}

fn day(number: i64) -> Day {
    Day::from_number(i32::try_from(number).unwrap_or(i32::MAX))
}

fn text<'a>(document: &'a Document, field: &str) -> Result<&'a str, MetaError> {
    document.get_str(field).map_err(|error| MetaError::Corrupt(error.to_string()))
}

/// A whole number: of the kind that its size needs, where the server made it.
fn whole(document: &Document, field: &str) -> Result<i64, MetaError> {
    let whole = document.get_i64(field).or_else(|_| document.get_i32(field).map(i64::from));
    whole.map_err(|error| MetaError::Corrupt(error.to_string()))
}

fn number(document: &Document, field: &str) -> Result<u64, MetaError> {
    whole(document, field).map(unsigned)
}

fn unwritten(error: impl std::fmt::Display) -> MetaError {
    MetaError::Corrupt(format!("a statement cannot be written: {error}"))
}
