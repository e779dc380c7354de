//! Blobs and links, and the life of a blob: live, condemned, being deleted, forgotten.
//!
//! These run beside the changes. A change that counts on a blob always writes its document, so that it conflicts with a
//! collection that condemns or takes it at the same moment, and whichever comes second sees what the first did. A link or a
//! touch is one atomic write of that document.

use async_trait::async_trait;
use mongodb::bson::{Bson, Document, doc};
use mongodb::options::ReturnDocument;

use crate::domain::{Area, Digest, Repository, Timestamp};

use super::super::{BlobRow, Blobs, Linked, MetaError, Unknown};
use super::Mongo;
use super::keys::{pair, parts};
use super::rows::{self, CONDEMNED, DELETING, LIVE, Row, signed, unsigned};
use super::session::{End, Session};

/// Blobs that are condemned in one transaction.
const CONDEMNED_AT_ONCE: usize = 500;

#[async_trait]
impl Blobs for Mongo {
    async fn blob(&self, repository: &Repository, digest: &Digest) -> Result<Option<BlobRow>, MetaError> {
        let pipeline = [
            doc! { "$match": { "_id": pair(repository, digest) } },
            joined("blobs", "blob", "_id", doc! { "$match": { "state": { "$ne": DELETING } } }),
            doc! { "$unwind": "$found" },
            doc! { "$replaceRoot": { "newRoot": "$found" } },
        ];
        let links = self.connection.fresh::<rows::Link>();
        let found = self.connection.all(links.aggregate(pipeline).with_type::<rows::Blob>()).await?;
        let blob = |blob: &rows::Blob| {
            let (area, _): (Area, Digest) = parts(&blob.id)?;
            Ok(BlobRow { area, size: unsigned(blob.size) })
        };
        found.first().map(blob).transpose()
    }

    async fn link(
        &self,
        repository: &Repository,
        area: &Area,
        digest: &Digest,
        size: u64,
        now: Timestamp,
    ) -> Result<Linked, MetaError> {
        let blob = pair(area, digest);
        // Both at once: without its blob the link gives nothing. One that is there stays as it is. A blob that is forgotten at this very
        // moment may take the link along, or leave it behind: the change that names the blob looks at both.
        let recorded = doc! { "$ifNull": ["$recorded", false] };
        let point = vec![doc! { "$set": { "recorded": recorded, "blob": { "$ifNull": ["$blob", &blob] } } }];
        let links = self.connection.fresh::<rows::Link>();
        let write = links.find_one_and_update(doc! { "_id": pair(repository, digest) }, point).upsert(true);
        let write = self.connection.run(write.return_document(ReturnDocument::After));
        let (is_vanishing, after) =
            tokio::try_join!(self.is_vanishing(&blob, signed(size), Unknown::Record, now), write)?;
        Ok(match after {
            _ if is_vanishing => Linked::Vanishing,
            Some(after) if after.blob != blob => Linked::Elsewhere,
            _ => Linked::Done,
        })
    }

    async fn touch(
        &self,
        area: &Area,
        digests: &[Digest],
        unknown: Unknown,
        now: Timestamp,
    ) -> Result<Vec<Digest>, MetaError> {
        if digests.is_empty() {
            return Ok(Vec::new());
        }
        let size = || doc! { "$ifNull": ["$size", 0i64] };
        if let [digest] = digests {
            let vanishing = self.is_vanishing(&pair(area, digest), size(), unknown, now).await?;
            return Ok(digests.iter().filter(|_| vanishing).copied().collect());
        }
        let keys: Vec<String> = digests.iter().map(|digest| pair(area, digest)).collect();
        let revive = doc! {
            "$max": { "touched": now.micros() },
            "$set": { "state": LIVE },
            "$unset": { "condemned": "" },
        };
        let blobs = self.connection.fresh::<rows::Blob>();
        let living = doc! { "_id": { "$in": &keys }, "state": { "$ne": DELETING } };
        let touched = self.connection.run(blobs.update_many(living, revive)).await?;
        if touched.matched_count == keys.len() as u64 {
            return Ok(Vec::new());
        }
        if unknown == Unknown::Record {
            let mut vanishing = Vec::new();
            for digest in digests {
                if self.is_vanishing(&pair(area, digest), size(), unknown, now).await? {
                    vanishing.push(*digest);
                }
            }
            return Ok(vanishing);
        }
        // One that is forgotten in between is as unknown as if the touch had come after.
        let deleting = doc! { "_id": { "$in": &keys }, "state": DELETING };
        let found = self.connection.all(blobs.find(deleting)).await?;
        Ok(digests.iter().filter(|digest| found.iter().any(|blob| blob.id == pair(area, digest))).copied().collect())
    }

    async fn find(&self, area: &Area, digest: &Digest, from: Option<&Repository>) -> Result<Option<u64>, MetaError> {
        let of_repository = from.map(|repository| doc! { "_id": pair(repository, digest) }).unwrap_or_default();
        let pipeline = [
            doc! { "$match": { "_id": pair(area, digest), "state": { "$ne": DELETING } } },
            joined("links", "_id", "blob", doc! { "$match": of_repository }),
            doc! { "$match": { "found": { "$ne": [] } } },
            doc! { "$unset": "found" },
        ];
        let blobs = self.connection.fresh::<rows::Blob>();
        let found = self.connection.all(blobs.aggregate(pipeline).with_type::<rows::Blob>()).await?;
        Ok(found.first().map(|blob| unsigned(blob.size)))
    }

    async fn condemn(&self, before: Timestamp, now: Timestamp) -> Result<u64, MetaError> {
        // The long search runs outside any transaction; what it finds is looked at again in short ones.
        let blobs = self.connection.fresh::<rows::Blob>();
        let suspects = self.connection.sweep(blobs.aggregate(unreferenced(before, None))).await?;
        let suspects: Vec<String> = ids(&suspects);
        let mut condemned = 0;
        for suspects in suspects.chunks(CONDEMNED_AT_ONCE) {
            let suspects = suspects.to_vec();
            let transaction = move |session: &mut Session| {
                let due = ids(&session.aggregate("blobs", unreferenced(before, Some(&suspects)))?);
                if due.is_empty() {
                    return Ok((0, End::RollBack));
                }
                let set = doc! { "$set": { "state": CONDEMNED, "condemned": now.micros() } };
                Ok((session.update_all::<rows::Blob>(doc! { "_id": { "$in": due } }, set)?, End::Commit))
            };
            condemned += self.connection.transact(transaction).await?;
        }
        Ok(condemned)
    }

    async fn take_condemned(&self, before: Timestamp, limit: usize) -> Result<Vec<(Area, Digest)>, MetaError> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let limit = signed(limit as u64);
        let transaction = move |session: &mut Session| {
            let deleting = doc! { "condemned": { "$exists": true }, "state": DELETING };
            let by_time = doc! { "condemned": 1, "_id": 1 };
            let mut due: Vec<rows::Blob> = session.find("blobs", deleting, by_time.clone(), limit)?;
            let room = limit - due.len() as i64;
            if room > 0 {
                let condemned = doc! { "condemned": { "$lt": before.micros() }, "state": CONDEMNED };
                let taken: Vec<rows::Blob> = session.find("blobs", condemned, by_time, room)?;
                let keys: Vec<&str> = taken.iter().map(|blob| blob.id.as_str()).collect();
                let set = doc! { "$set": { "state": DELETING } };
                session.update_all::<rows::Blob>(doc! { "_id": { "$in": keys } }, set)?;
                due.extend(taken);
            }
            let due = due.iter().map(|blob| parts(&blob.id)).collect::<Result<Vec<_>, _>>()?;
            Ok((due, End::Commit))
        };
        self.connection.transact(transaction).await
    }

    async fn take_unneeded(&self, blobs: &[(Area, Digest)]) -> Result<Vec<(Area, Digest)>, MetaError> {
        let keys: Vec<String> = blobs.iter().map(|(area, digest)| pair(area, digest)).collect();
        let transaction = move |session: &mut Session| {
            let due = ids(&session.aggregate("blobs", unneeded(doc! { "_id": { "$in": &keys } }))?);
            if due.is_empty() {
                return Ok((Vec::new(), End::RollBack));
            }
            // What is being deleted has a time too: it is found by it.
            let set = doc! { "$set": { "state": DELETING }, "$max": { "condemned": 0i64 } };
            session.update_all::<rows::Blob>(doc! { "_id": { "$in": &due } }, set)?;
            let taken = due.iter().map(|blob| parts(blob)).collect::<Result<Vec<_>, _>>()?;
            Ok((taken, End::Commit))
        };
        self.connection.transact(transaction).await
    }

    async fn forget(&self, blobs: &[(Area, Digest)]) -> Result<(), MetaError> {
        let keys: Vec<String> = blobs.iter().map(|(area, digest)| pair(area, digest)).collect();
        let transaction = move |session: &mut Session| {
            let gone = doc! { "_id": { "$in": &keys }, "state": DELETING };
            let gone: Vec<rows::Blob> = session.find("blobs", gone, doc! {}, 0)?;
            let gone: Vec<&str> = gone.iter().map(|blob| blob.id.as_str()).collect();
            if gone.is_empty() {
                return Ok(((), End::RollBack));
            }
            session.delete_all::<rows::Blob>(doc! { "_id": { "$in": &gone } })?;
            session.delete_all::<rows::Link>(doc! { "blob": { "$in": &gone } })?;
            Ok(((), End::Commit))
        };
        self.connection.transact(transaction).await
    }
}

impl Mongo {
    /// Lets a blob live, with this size and as of this time, unless it is being deleted: then it stays as it is.
    async fn is_vanishing(
        &self,
        blob: &str,
        size: impl Into<Bson>,
        unknown: Unknown,
        now: Timestamp,
    ) -> Result<bool, MetaError> {
        // Only the key is in the filter: then the server itself tries again where two make the same document.
        let unless_deleting = |value: Bson, kept: &str| -> Document {
            doc! { "$cond": [{ "$eq": ["$state", DELETING] }, kept, value] }
        };
        let touched = doc! { "$max": ["$touched", now.micros()] };
        let revive = vec![doc! { "$set": {
            "size": unless_deleting(size.into(), "$size"),
            "touched": unless_deleting(touched.into(), "$touched"),
            "condemned": unless_deleting("$$REMOVE".into(), "$condemned"),
            "state": unless_deleting(LIVE.into(), "$state"),
        } }];
        let blobs = self.connection.fresh::<rows::Blob>();
        let write = blobs.find_one_and_update(doc! { "_id": blob }, revive).upsert(unknown == Unknown::Record);
        let after = self.connection.run(write.return_document(ReturnDocument::After)).await?;
        Ok(after.is_some_and(|after| after.state == DELETING))
    }
}

/// Joins at most one document of another collection, as the list `found`.
fn joined(from: &str, local: &str, foreign: &str, which: Document) -> Document {
    doc! { "$lookup": {
        "from": from,
        "localField": local,
        "foreignField": foreign,
        "pipeline": [which, { "$limit": 1 }],
        "as": "found",
    } }
}

/// Live blobs, untouched since `before`, that nothing keeps: what manifests name (those of deleted versions too), manifests,
/// records, reasons, documents of collections and organisations. Of these keys, or of all.
fn unreferenced(before: Timestamp, keys: Option<&[String]>) -> Vec<Document> {
    let mut which = doc! { "state": LIVE, "touched": { "$lt": before.micros() } };
    if let Some(keys) = keys {
        which.insert("_id", doc! { "$in": keys });
    }
    unneeded(which)
}

/// Blobs that nothing keeps, among those that are asked for.
fn unneeded(which: Document) -> Vec<Document> {
    let mut pipeline = vec![doc! { "$match": which }, doc! { "$project": { "_id": 1 } }];
    let keeping = [
        ("manifests", "blob"),
        ("manifests", "blobs"),
        ("versions", "blobs"),
        ("collections", "blob"),
        ("orgs", "blob"),
    ];
    for (collection, field) in keeping {
        pipeline.extend([
            joined(collection, "_id", field, doc! { "$project": { "_id": 1 } }),
            doc! { "$match": { "found": [] } },
            doc! { "$unset": "found" },
        ]);
    }
    pipeline
}

fn ids(found: &[Document]) -> Vec<String> {
    found.iter().filter_map(|document| document.get_str("_id").ok().map(ToOwned::to_owned)).collect()
}

impl Session {
    fn update_all<R: Row>(&mut self, filter: Document, set: Document) -> Result<u64, MetaError> {
        let update = mongodb::bson::rawdoc! {
            "update": R::COLLECTION,
            "updates": [{ "q": raw(&filter)?, "u": raw(&set)?, "multi": true }],
        };
        self.write(update).map(unsigned)
    }

    pub(super) fn delete_all<R: Row>(&mut self, filter: Document) -> Result<u64, MetaError> {
        let delete = mongodb::bson::rawdoc! {
            "delete": R::COLLECTION,
            "deletes": [{ "q": raw(&filter)?, "limit": 0 }],
        };
        self.write(delete).map(unsigned)
    }
}

fn raw(document: &Document) -> Result<mongodb::bson::RawDocumentBuf, MetaError> {
    mongodb::bson::serialize_to_raw_document_buf(document).map_err(|error| MetaError::Corrupt(error.to_string()))
}
