//! Blobs and links, and the life of a blob: live, condemned, being deleted, forgotten. The order of locks is in the head of
//! [`super`].

use async_trait::async_trait;
use sqlx::postgres::PgRow;

use crate::domain::{Area, Digest, Repository, Timestamp};

use super::super::column::{signed, unsigned};
use super::super::{BlobRow, Blobs, Linked, MetaError, Unknown};
use super::Postgres;
use super::sql::{DELETING, get, parse, query};
use super::transaction::End;

/// $1 repository, $2 area, $3 digest, $4 size, $5 time. Answers with a row unless the blob is being deleted, and in it whether it is
/// linked, whatever another transaction was making of either. The commit does not wait for the disk: that of the next change does, and
/// the log keeps its order.
const LINK: &str = "
    WITH blob AS (
        INSERT INTO blobs AS b (area, digest, size, touched, state)
        SELECT $2, $3, $4, $5, 0 FROM set_config('synchronous_commit', 'off', true)
        ON CONFLICT (area, digest) DO UPDATE SET size = excluded.size, touched = greatest(b.touched, excluded.touched),
            state = 0, condemned = NULL WHERE b.state <> 2
        RETURNING area, digest
    ), link AS (
        INSERT INTO links AS l (repository, digest, area, recorded) SELECT $1, digest, area, false FROM blob
        ON CONFLICT (repository, digest) DO UPDATE SET area = excluded.area WHERE l.area = excluded.area
        RETURNING true
    )
    SELECT EXISTS (SELECT 1 FROM link) FROM blob";

/// $1 area, $2 digest, $3 time. Answers with the state that the row has then; a blob that is being deleted stays as it is.
const TOUCH: &str = "
    UPDATE blobs SET touched = CASE state WHEN 2 THEN touched ELSE greatest(touched, $3) END,
        condemned = CASE state WHEN 2 THEN condemned END, state = CASE state WHEN 2 THEN 2 ELSE 0 END
    FROM set_config('synchronous_commit', 'off', true) WHERE area = $1 AND digest = $2 RETURNING state";

/// The same, and a blob that is not known is recorded.
const RECORD: &str = "
    INSERT INTO blobs AS b (area, digest, size, touched, state)
    SELECT $1, $2, 0, $3, 0 FROM set_config('synchronous_commit', 'off', true)
    ON CONFLICT (area, digest) DO UPDATE SET
        touched = CASE b.state WHEN 2 THEN b.touched ELSE greatest(b.touched, excluded.touched) END,
        condemned = CASE b.state WHEN 2 THEN b.condemned END, state = CASE b.state WHEN 2 THEN 2 ELSE 0 END
    RETURNING b.state";

/// Everything that keeps a blob `b`: manifests themselves, what they name (those of deleted versions too), records, reasons,
/// documents of collections and organisations.
macro_rules! unreferenced {
    () => {
        "
    AND NOT EXISTS (SELECT 1 FROM manifests m WHERE m.area = b.area AND m.digest = b.digest)
    AND NOT EXISTS (SELECT 1 FROM manifest_blobs n
        JOIN manifests m ON m.repository = n.repository AND m.digest = n.manifest
        WHERE m.area = b.area AND n.blob = b.digest)
    AND NOT EXISTS (SELECT 1 FROM versions v JOIN manifests m ON m.repository = v.name AND m.digest = v.digest
        WHERE m.area = b.area AND v.record = b.digest AND NOT v.purged)
    AND NOT EXISTS (SELECT 1 FROM versions v JOIN packages p ON p.name = v.name WHERE v.reason = b.digest
        AND b.area = CASE p.visibility WHEN 'private' THEN 'private/' || p.org ELSE 'public' END)
    AND NOT EXISTS (SELECT 1 FROM versions v JOIN packages p ON p.name = v.name
        WHERE v.deprecation IS NOT NULL AND v.deprecation::json ->> 'reason' = b.digest
        AND b.area = CASE p.visibility WHEN 'private' THEN 'private/' || p.org ELSE 'public' END)
    AND NOT EXISTS (SELECT 1 FROM collections c WHERE b.area = 'public' AND c.document = b.digest)
    AND NOT EXISTS (SELECT 1 FROM orgs o WHERE b.area = 'public' AND o.document = b.digest)"
    };
}

/// $1 the time since when nobody touched them. Answers with the version of each row (`xmin`) too.
const UNNEEDED: &str =
    concat!("SELECT b.area, b.digest, b.xmin::text FROM blobs b WHERE b.state = 0 AND b.touched < $1", unreferenced!());

/// $1 and $2: areas and digests. One after the other is locked, in their order.
const TAKE_UNNEEDED: &str = concat!(
    "WITH due AS (
        SELECT b.area, b.digest FROM blobs b JOIN unnest($1::text[], $2::text[]) AS w (area, digest)
            ON b.area = w.area AND b.digest = w.digest WHERE true",
    unreferenced!(),
    " ORDER BY b.area, b.digest FOR NO KEY UPDATE OF b
    )
    UPDATE blobs b SET state = 2 FROM due WHERE b.area = due.area AND b.digest = due.digest RETURNING b.area, b.digest"
);

/// How many are taken, or forgotten, in one transaction: others write in between.
const AT_ONCE: usize = 64;

/// $1 time of the condemnation, $2 to $4 what was unneeded. No lock keeps changes out meanwhile, but each writes the row of every
/// blob that it comes to need: a row that was written since, or is being written, is left alone.
const CONDEMN: &str = "
    WITH unneeded AS (
        SELECT b.area, b.digest FROM blobs b
        JOIN unnest($2::text[], $3::text[], $4::text[]) AS w (area, digest, version)
            ON b.area = w.area AND b.digest = w.digest
        WHERE b.xmin::text = w.version FOR NO KEY UPDATE OF b SKIP LOCKED
    ), condemned AS (
        UPDATE blobs b SET state = 1, condemned = $1 FROM unneeded u WHERE b.area = u.area AND b.digest = u.digest
        RETURNING 1
    )
    SELECT count(*) FROM condemned";

/// How many are condemned in one statement.
const CONDEMNED_AT_ONCE: usize = 10_000;

/// $1 the time before which they were condemned, $2 how many. One that a touch revives meanwhile is left alone.
const TAKE: &str = "
    WITH due AS (
        SELECT area, digest, state, condemned FROM blobs WHERE state = 2 OR (state = 1 AND condemned < $1)
        ORDER BY state DESC, condemned, area, digest LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED
    ), taken AS (
        UPDATE blobs b SET state = 2 FROM due WHERE b.area = due.area AND b.digest = due.digest
    )
    SELECT area, digest FROM due ORDER BY state DESC, condemned, area, digest";

const FORGET: &str = "
    WITH gone AS (
        DELETE FROM blobs b USING unnest($1::text[], $2::text[]) AS w (area, digest)
        WHERE b.area = w.area AND b.digest = w.digest AND b.state = 2 RETURNING b.area, b.digest
    )
    DELETE FROM links l USING gone WHERE l.digest = gone.digest AND l.area = gone.area";

#[async_trait]
impl Blobs for Postgres {
    async fn blob(&self, repository: &Repository, digest: &Digest) -> Result<Option<BlobRow>, MetaError> {
        let sql = "SELECT b.area, b.size FROM links l JOIN blobs b ON b.area = l.area AND b.digest = l.digest
                   WHERE l.repository = $1 AND l.digest = $2 AND b.state <> $3";
        let key = || query(sql).bind(repository.to_string()).bind(digest.to_string()).bind(DELETING);
        let blob = |row: &PgRow| Ok(BlobRow { area: parse(row, 0)?, size: unsigned(get(row, 1)?) });
        self.pool.row(key, blob).await
    }

    async fn link(
        &self,
        repository: &Repository,
        area: &Area,
        digest: &Digest,
        size: u64,
        now: Timestamp,
    ) -> Result<Linked, MetaError> {
        let link = || {
            let blob = query(LINK).bind(repository.to_string()).bind(area.to_string()).bind(digest.to_string());
            blob.bind(signed(size)).bind(now.micros())
        };
        Ok(match self.pool.row(link, |row| get::<bool>(row, 0)).await? {
            Some(true) => Linked::Done,
            Some(false) => Linked::Elsewhere,
            None => Linked::Vanishing,
        })
    }

    async fn touch(
        &self,
        area: &Area,
        digests: &[Digest],
        unknown: Unknown,
        now: Timestamp,
    ) -> Result<Vec<Digest>, MetaError> {
        let sql = match unknown {
            Unknown::PassOver => TOUCH,
            Unknown::Record => RECORD,
        };
        let mut vanishing = Vec::new();
        for digest in digests {
            let touch = || query(sql).bind(area.to_string()).bind(digest.to_string()).bind(now.micros());
            if self.pool.row(touch, |row| get(row, 0)).await? == Some(DELETING) {
                vanishing.push(*digest);
            }
        }
        Ok(vanishing)
    }

    async fn find(&self, area: &Area, digest: &Digest, from: Option<&Repository>) -> Result<Option<u64>, MetaError> {
        let sql = "SELECT b.size FROM blobs b WHERE b.area = $1 AND b.digest = $2 AND b.state <> $3
                   AND EXISTS (SELECT 1 FROM links l WHERE l.digest = $2 AND l.area = $1
                               AND ($4::text IS NULL OR l.repository = $4::text))";
        let key = || {
            let blob = query(sql).bind(area.to_string()).bind(digest.to_string()).bind(DELETING);
            blob.bind(from.map(|repository| repository.to_string()))
        };
        self.pool.row(key, |row| Ok(unsigned(get(row, 0)?))).await
    }

    async fn condemn(&self, before: Timestamp, now: Timestamp) -> Result<u64, MetaError> {
        let condemned = self.pool.sweep(move |sql| {
            let unneeded = sql.rows(query(UNNEEDED).bind(before.micros()), |row| {
                Ok((get::<String>(row, 0)?, (get::<String>(row, 1)?, get::<String>(row, 2)?)))
            })?;
            let mut condemned = 0;
            for unneeded in unneeded.chunks(CONDEMNED_AT_ONCE) {
                let (areas, rows): (Vec<_>, Vec<_>) = unneeded.iter().cloned().unzip();
                let (digests, versions): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
                let condemn = query(CONDEMN).bind(now.micros()).bind(areas).bind(digests).bind(versions);
                condemned += sql.row(condemn, |row| Ok(unsigned(get(row, 0)?)))?.unwrap_or_default();
            }
            Ok((condemned, End::Commit))
        });
        condemned.await
    }

    async fn take_condemned(&self, before: Timestamp, limit: usize) -> Result<Vec<(Area, Digest)>, MetaError> {
        let taken = self.pool.change(move |sql, _| {
            let take = query(TAKE).bind(before.micros()).bind(signed(limit as u64));
            Ok((sql.rows(take, |row| Ok((parse(row, 0)?, parse(row, 1)?)))?, End::Commit))
        });
        taken.await
    }

    async fn take_unneeded(&self, blobs: &[(Area, Digest)]) -> Result<Vec<(Area, Digest)>, MetaError> {
        let mut all = Vec::new();
        for blobs in blobs.chunks(AT_ONCE) {
            let (areas, digests) = texts(blobs);
            let taken = self.pool.change(move |sql, _| {
                let take = query(TAKE_UNNEEDED).bind(areas.clone()).bind(digests.clone());
                Ok((sql.rows(take, |row| Ok((parse(row, 0)?, parse(row, 1)?)))?, End::Commit))
            });
            let taken: Vec<(Area, Digest)> = taken.await?;
            all.extend(taken);
        }
        Ok(all)
    }

    async fn forget(&self, blobs: &[(Area, Digest)]) -> Result<(), MetaError> {
        for blobs in blobs.chunks(AT_ONCE) {
            let (areas, digests) = texts(blobs);
            let forgotten = self.pool.change(move |sql, _| {
                sql.run(query(FORGET).bind(areas.clone()).bind(digests.clone()))?;
                Ok(((), End::Commit))
            });
            forgotten.await?;
        }
        Ok(())
    }
}

/// Areas and digests.
fn texts(blobs: &[(Area, Digest)]) -> (Vec<String>, Vec<String>) {
    blobs.iter().map(|(area, digest)| (area.to_string(), digest.to_string())).unzip()
}
