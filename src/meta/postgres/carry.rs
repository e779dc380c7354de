//! Blobs and links as they are, for another store.

use async_trait::async_trait;
use sqlx::postgres::PgRow;

use crate::domain::{Area, Digest, Repository, Timestamp};

use super::super::column::{signed, unsigned};
use super::super::{BlobKey, CarriedBlob, CarriedLink, Carrier, Life, LinkKey, MetaError};
use super::Postgres;
use super::sql::{DELETING, get, parse, query};
use super::transaction::End;

/// A blob that lives.
const LIVE: i16 = 0;
/// A blob that waits for its grace period to end.
const CONDEMNED: i16 = 1;

/// $1 to $6: the columns.
const PUT_BLOBS: &str = "
    INSERT INTO blobs (area, digest, size, touched, state, condemned)
    SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::smallint[], $6::bigint[])
    ON CONFLICT (area, digest) DO UPDATE SET size = excluded.size, touched = excluded.touched, state = excluded.state,
        condemned = excluded.condemned";

/// $1 to $4: the columns.
const PUT_LINKS: &str = "
    INSERT INTO links (repository, digest, area, recorded)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::boolean[])
    ON CONFLICT (repository, digest) DO UPDATE SET area = excluded.area, recorded = excluded.recorded";

/// $1 and $2: keys.
const FORGET_BLOBS: &str = "DELETE FROM blobs b USING unnest($1::text[], $2::text[]) AS w (area, digest)
    WHERE b.area = w.area AND b.digest = w.digest";
const FORGET_LINKS: &str = "DELETE FROM links l USING unnest($1::text[], $2::text[]) AS w (repository, digest)
    WHERE l.repository = w.repository AND l.digest = w.digest";

/// $1 repository, $2 area, $3 digests.
const UNLINK: &str = "DELETE FROM links
    WHERE repository = $1 AND area = $2 AND digest = ANY($3::text[]) AND NOT recorded";

#[async_trait]
impl Carrier for Postgres {
    async fn blobs(&self, after: Option<&BlobKey>, limit: usize) -> Result<Vec<CarriedBlob>, MetaError> {
        let sql = "SELECT area, digest, size, touched, state, condemned FROM blobs
                   WHERE (area, digest) > ($1, $2) ORDER BY area, digest LIMIT $3";
        let (area, digest) = text(after);
        let page = || query(sql).bind(area.clone()).bind(digest.clone()).bind(signed(limit as u64));
        self.pool.rows(page, blob).await
    }

    async fn links(&self, after: Option<&LinkKey>, limit: usize) -> Result<Vec<CarriedLink>, MetaError> {
        let sql = "SELECT repository, digest, area, recorded FROM links
                   WHERE (repository, digest) > ($1, $2) ORDER BY repository, digest LIMIT $3";
        let (repository, digest) = text(after);
        let page = || query(sql).bind(repository.clone()).bind(digest.clone()).bind(signed(limit as u64));
        self.pool.rows(page, link).await
    }

    async fn put_blobs(&self, blobs: &[CarriedBlob], gone: &[BlobKey]) -> Result<(), MetaError> {
        let areas: Vec<String> = blobs.iter().map(|blob| blob.area.to_string()).collect();
        let digests: Vec<String> = blobs.iter().map(|blob| blob.digest.to_string()).collect();
        let sizes: Vec<i64> = blobs.iter().map(|blob| signed(blob.size)).collect();
        let touched: Vec<i64> = blobs.iter().map(|blob| blob.touched.micros()).collect();
        let (states, condemned): (Vec<i16>, Vec<Option<i64>>) = blobs.iter().map(|blob| state(blob.life)).unzip();
        let (gone_areas, gone_digests) = texts(gone);
        let put = self.pool.change(move |sql, _| {
            let blobs = query(PUT_BLOBS).bind(areas.clone()).bind(digests.clone()).bind(sizes.clone());
            sql.run(blobs.bind(touched.clone()).bind(states.clone()).bind(condemned.clone()))?;
            sql.run(query(FORGET_BLOBS).bind(gone_areas.clone()).bind(gone_digests.clone()))?;
            Ok(((), End::Commit))
        });
        put.await
    }

    async fn put_links(&self, links: &[CarriedLink], gone: &[LinkKey]) -> Result<(), MetaError> {
        let repositories: Vec<String> = links.iter().map(|link| link.repository.to_string()).collect();
        let digests: Vec<String> = links.iter().map(|link| link.digest.to_string()).collect();
        let areas: Vec<String> = links.iter().map(|link| link.area.to_string()).collect();
        let recorded: Vec<bool> = links.iter().map(|link| link.recorded).collect();
        let (gone_repositories, gone_digests) = texts(gone);
        let put = self.pool.change(move |sql, _| {
            let links = query(PUT_LINKS).bind(repositories.clone()).bind(digests.clone()).bind(areas.clone());
            sql.run(links.bind(recorded.clone()))?;
            sql.run(query(FORGET_LINKS).bind(gone_repositories.clone()).bind(gone_digests.clone()))?;
            Ok(((), End::Commit))
        });
        put.await
    }

    async fn unlink(&self, repository: &Repository, area: &Area, digests: &[Digest]) -> Result<(), MetaError> {
        let (repository, area) = (repository.to_string(), area.to_string());
        let digests: Vec<String> = digests.iter().map(ToString::to_string).collect();
        let unlinked = self.pool.change(move |sql, _| {
            sql.run(query(UNLINK).bind(repository.clone()).bind(area.clone()).bind(digests.clone()))?;
            Ok(((), End::Commit))
        });
        unlinked.await
    }
}

fn state(life: Life) -> (i16, Option<i64>) {
    match life {
        Life::Live => (LIVE, None),
        Life::Condemned(since) => (CONDEMNED, Some(since.micros())),
        Life::Deleting => (DELETING, None),
    }
}

/// A key as text; before the first, two texts that come before all others.
fn text(key: Option<&(impl ToString, Digest)>) -> (String, String) {
    key.map(|(first, digest)| (first.to_string(), digest.to_string())).unwrap_or_default()
}

fn texts(keys: &[(impl ToString, Digest)]) -> (Vec<String>, Vec<String>) {
    keys.iter().map(|(first, digest)| (first.to_string(), digest.to_string())).unzip()
}

fn blob(row: &PgRow) -> Result<CarriedBlob, MetaError> {
    let condemned = get::<Option<i64>>(row, 5)?.unwrap_or_default();
    let life = match get::<i16>(row, 4)? {
        LIVE => Life::Live,
        DELETING => Life::Deleting,
        _ => Life::Condemned(Timestamp::from_micros(condemned)),
    };
    Ok(CarriedBlob {
        area: parse(row, 0)?,
        digest: parse(row, 1)?,
        size: unsigned(get(row, 2)?),
        touched: Timestamp::from_micros(get(row, 3)?),
        life,
    })
}

fn link(row: &PgRow) -> Result<CarriedLink, MetaError> {
    Ok(CarriedLink { repository: parse(row, 0)?, digest: parse(row, 1)?, area: parse(row, 2)?, recorded: get(row, 3)? })
}
