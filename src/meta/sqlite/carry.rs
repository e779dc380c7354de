//! Blobs and links as they are, for another store.

use async_trait::async_trait;
use rusqlite::{Row, params};

use crate::domain::{Area, Digest, Repository, Timestamp};

use super::super::{BlobKey, CarriedBlob, CarriedLink, Carrier, Life, LinkKey, MetaError};
use super::Sqlite;
use super::facts::{CONDEMNED, DELETING, LIVE};
use super::sql::{get, parse, signed, unsigned};
use super::writer::{Durable, End};

#[async_trait]
impl Carrier for Sqlite {
    async fn blobs(&self, after: Option<&BlobKey>, limit: usize) -> Result<Vec<CarriedBlob>, MetaError> {
        let sql = "SELECT area, digest, size, touched, state, condemned FROM blobs
                   WHERE (area, digest) > (?1, ?2) ORDER BY area, digest LIMIT ?3";
        let (area, digest) = text(after);
        self.pool.read(move |reader| reader.rows(sql, params![area, digest, signed(limit as u64)], blob)).await
    }

    async fn links(&self, after: Option<&LinkKey>, limit: usize) -> Result<Vec<CarriedLink>, MetaError> {
        let sql = "SELECT repository, digest, area, recorded FROM links
                   WHERE (repository, digest) > (?1, ?2) ORDER BY repository, digest LIMIT ?3";
        let (repository, digest) = text(after);
        self.pool.read(move |reader| reader.rows(sql, params![repository, digest, signed(limit as u64)], link)).await
    }

    async fn put_blobs(&self, blobs: &[CarriedBlob], gone: &[BlobKey]) -> Result<(), MetaError> {
        let (blobs, gone) = (blobs.to_vec(), gone.to_vec());
        let put = "INSERT OR REPLACE INTO blobs (area, digest, size, touched, state, condemned)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        self.pool
            .write(Durable::Now, move |sql| {
                for blob in blobs {
                    let (state, condemned) = match blob.life {
                        Life::Live => (LIVE, None),
                        Life::Condemned(since) => (CONDEMNED, Some(since.micros())),
                        Life::Deleting => (DELETING, None),
                    };
                    let (digest, touched) = (blob.digest.to_string(), blob.touched.micros());
                    let row = params![blob.area.as_str(), digest, signed(blob.size), touched, state, condemned];
                    sql.run(put, row)?;
                }
                for (area, digest) in gone {
                    let key = [area.as_str(), &digest.to_string()];
                    sql.run("DELETE FROM blobs WHERE area = ?1 AND digest = ?2", key)?;
                }
                Ok(((), End::Commit))
            })
            .await
    }

    async fn put_links(&self, links: &[CarriedLink], gone: &[LinkKey]) -> Result<(), MetaError> {
        let (links, gone) = (links.to_vec(), gone.to_vec());
        let put = "INSERT OR REPLACE INTO links (repository, digest, area, recorded) VALUES (?1, ?2, ?3, ?4)";
        self.pool
            .write(Durable::Now, move |sql| {
                for link in links {
                    let digest = link.digest.to_string();
                    sql.run(put, params![link.repository.as_str(), digest, link.area.as_str(), link.recorded])?;
                }
                for (repository, digest) in gone {
                    let key = [repository.as_str(), &digest.to_string()];
                    sql.run("DELETE FROM links WHERE repository = ?1 AND digest = ?2", key)?;
                }
                Ok(((), End::Commit))
            })
            .await
    }

    async fn unlink(&self, repository: &Repository, area: &Area, digests: &[Digest]) -> Result<(), MetaError> {
        let (repository, area, digests) = (repository.clone(), area.clone(), digests.to_vec());
        let unlink = "DELETE FROM links WHERE repository = ?1 AND digest = ?2 AND area = ?3 AND recorded = 0";
        self.pool
            .write(Durable::Now, move |sql| {
                for digest in digests {
                    sql.run(unlink, params![repository.as_str(), digest.to_string(), area.as_str()])?;
                }
                Ok(((), End::Commit))
            })
            .await
    }
}

/// A key as text; before the first, two texts that come before all others.
fn text(key: Option<&(impl ToString, Digest)>) -> (String, String) {
    key.map(|(first, digest)| (first.to_string(), digest.to_string())).unwrap_or_default()
}

fn blob(row: &Row<'_>) -> Result<CarriedBlob, MetaError> {
    let condemned = get::<Option<i64>>(row, 5)?.unwrap_or_default();
    let life = match get::<i64>(row, 4)? {
        LIVE => Life::Live,
        DELETING => Life::Deleting,
        _ => Life::Condemned(Timestamp::from_micros(condemned)),
    };
    Ok(CarriedBlob {
        area: parse::<Area>(row, 0)?,
        digest: parse(row, 1)?,
        size: unsigned(get(row, 2)?),
        touched: Timestamp::from_micros(get(row, 3)?),
        life,
    })
}

fn link(row: &Row<'_>) -> Result<CarriedLink, MetaError> {
    Ok(CarriedLink { repository: parse(row, 0)?, digest: parse(row, 1)?, area: parse(row, 2)?, recorded: get(row, 3)? })
}
