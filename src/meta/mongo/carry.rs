//! Blobs and links as they are, for another store.

use async_trait::async_trait;
use mongodb::bson::doc;

use crate::domain::{Area, Digest, Repository, Timestamp};

use super::super::{BlobKey, CarriedBlob, CarriedLink, Carrier, Life, LinkKey, MetaError};
use super::Mongo;
use super::connection::BATCH;
use super::keys::{pair, parts};
use super::rows::{self, CONDEMNED, DELETING, LIVE, Row, signed, unsigned};
use super::session::{End, Session};
use super::table::Table;

#[async_trait]
impl Carrier for Mongo {
    async fn blobs(&self, after: Option<&BlobKey>, limit: usize) -> Result<Vec<CarriedBlob>, MetaError> {
        let after = after.map(|(area, digest)| pair(area, digest)).unwrap_or_default();
        self.rows_after(after, limit).await?.iter().map(blob).collect()
    }

    async fn links(&self, after: Option<&LinkKey>, limit: usize) -> Result<Vec<CarriedLink>, MetaError> {
        let after = after.map(|(repository, digest)| pair(repository, digest)).unwrap_or_default();
        self.rows_after(after, limit).await?.iter().map(link).collect()
    }

    async fn put_blobs(&self, blobs: &[CarriedBlob], gone: &[BlobKey]) -> Result<(), MetaError> {
        let blobs = blobs.to_vec();
        let gone: Vec<String> = gone.iter().map(|(area, digest)| pair(area, digest)).collect();
        let transaction = move |session: &mut Session| {
            let mut table = Table::<rows::Blob>::default();
            // Which event named a blob last is this store's own, and stays.
            table.load(session, blobs.iter().map(|blob| pair(&blob.area, blob.digest)))?;
            for blob in &blobs {
                let id = pair(&blob.area, blob.digest);
                let named = table.peek(&id).map_or(0, |known| known.named);
                let (state, condemned) = match blob.life {
                    Life::Live => (LIVE, None),
                    Life::Condemned(since) => (CONDEMNED, Some(since.micros())),
                    // What is being deleted is found by its time.
                    Life::Deleting => (DELETING, Some(0)),
                };
                let (size, touched) = (signed(blob.size), blob.touched.micros());
                table.put(rows::Blob { id, size, touched, state, condemned, named });
            }
            gone.iter().for_each(|key| table.remove(key));
            table.flush(session)?;
            Ok(((), End::Commit))
        };
        self.connection.transact(transaction).await
    }

    async fn put_links(&self, links: &[CarriedLink], gone: &[LinkKey]) -> Result<(), MetaError> {
        let links = links.to_vec();
        let gone: Vec<String> = gone.iter().map(|(repository, digest)| pair(repository, digest)).collect();
        let transaction = move |session: &mut Session| {
            let mut table = Table::<rows::Link>::default();
            for link in &links {
                let (id, blob) = (pair(&link.repository, link.digest), pair(&link.area, link.digest));
                table.put(rows::Link { id, blob, recorded: link.recorded });
            }
            gone.iter().for_each(|key| table.remove(key));
            table.flush(session)?;
            Ok(((), End::Commit))
        };
        self.connection.transact(transaction).await
    }

    async fn unlink(&self, repository: &Repository, area: &Area, digests: &[Digest]) -> Result<(), MetaError> {
        let keys: Vec<String> = digests.iter().map(|digest| pair(repository, digest)).collect();
        let blobs: Vec<String> = digests.iter().map(|digest| pair(area, digest)).collect();
        let transaction = move |session: &mut Session| {
            // A link is to a blob of its own digest, so that of these blobs it can be to one alone.
            let links = doc! { "_id": { "$in": &keys }, "blob": { "$in": &blobs }, "recorded": false };
            session.delete_all::<rows::Link>(links)?;
            Ok(((), End::Commit))
        };
        self.connection.transact(transaction).await
    }
}

impl Mongo {
    /// Documents after a key, as the primary has them: links and touches are acknowledged by it alone, and one that was just
    /// made may not be with a majority yet.
    async fn rows_after<R: Row>(&self, after: String, limit: usize) -> Result<Vec<R>, MetaError> {
        if limit == 0 {
            // To MongoDB this is no limit.
            return Ok(Vec::new());
        }
        let rows = self.connection.fresh::<R>();
        let query = rows.find(doc! { "_id": { "$gt": after } }).sort(doc! { "_id": 1 });
        self.connection.all(query.limit(signed(limit as u64)).batch_size(BATCH)).await
    }
}

fn blob(row: &rows::Blob) -> Result<CarriedBlob, MetaError> {
    let (area, digest) = parts(&row.id)?;
    let life = match row.state {
        LIVE => Life::Live,
        DELETING => Life::Deleting,
        _ => Life::Condemned(Timestamp::from_micros(row.condemned.unwrap_or_default())),
    };
    Ok(CarriedBlob { area, digest, size: unsigned(row.size), touched: Timestamp::from_micros(row.touched), life })
}

fn link(row: &rows::Link) -> Result<CarriedLink, MetaError> {
    let (repository, digest) = parts(&row.id)?;
    let (area, _): BlobKey = parts(&row.blob)?;
    Ok(CarriedLink { repository, digest, area, recorded: row.recorded })
}
