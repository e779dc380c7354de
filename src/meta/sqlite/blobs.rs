//! Blobs and links, and the life of a blob: live, condemned, being deleted, forgotten.

use async_trait::async_trait;
use rusqlite::{Row, params};

use crate::domain::{Area, Digest, Repository, Timestamp};

use super::super::{BlobRow, Blobs, Linked, MetaError, Unknown};
use super::Sqlite;
use super::facts::{CONDEMNED, DELETING, LIVE};
use super::sql::{Sql, get, parse, signed, unsigned};
use super::writer::{Durable, End};

/// Everything that keeps a blob: what manifests name (those of deleted versions too), manifests, records, reasons, documents of
/// collections and organisations.
const REFERENCED: &str = "SELECT m.area, b.blob FROM manifest_blobs b
        JOIN manifests m ON m.repository = b.repository AND m.digest = b.manifest
    UNION SELECT area, digest FROM manifests
    UNION SELECT m.area, v.record FROM versions v JOIN manifests m ON m.repository = v.name AND m.digest = v.digest
        WHERE v.purged = 0
    UNION SELECT CASE p.visibility WHEN 'private' THEN 'private/' || p.org ELSE 'public' END, v.reason
        FROM versions v JOIN packages p ON p.name = v.name WHERE v.reason IS NOT NULL
    UNION SELECT CASE p.visibility WHEN 'private' THEN 'private/' || p.org ELSE 'public' END, v.deprecation ->> '$.reason'
        FROM versions v JOIN packages p ON p.name = v.name WHERE v.deprecation ->> '$.reason' IS NOT NULL
    UNION SELECT 'public', document FROM collections
    UNION SELECT 'public', document FROM orgs";

/// How many are taken, or forgotten, in one transaction: others write in between.
const AT_ONCE: usize = 64;

/// ?1 area, ?2 digest. The same references, each asked for by the one blob, and each found by an index.
const TAKE_UNNEEDED: &str = "UPDATE blobs SET state = ?3 WHERE area = ?1 AND digest = ?2
    AND NOT EXISTS (SELECT 1 FROM manifests m WHERE m.area = ?1 AND m.digest = ?2)
    AND NOT EXISTS (SELECT 1 FROM manifest_blobs b JOIN manifests m ON m.repository = b.repository AND m.digest = b.manifest
        WHERE m.area = ?1 AND b.blob = ?2)
    AND NOT EXISTS (SELECT 1 FROM versions v JOIN manifests m ON m.repository = v.name AND m.digest = v.digest
        WHERE m.area = ?1 AND v.record = ?2 AND v.purged = 0)
    AND NOT EXISTS (SELECT 1 FROM versions v JOIN packages p ON p.name = v.name WHERE v.reason = ?2
        AND ?1 = CASE p.visibility WHEN 'private' THEN 'private/' || p.org ELSE 'public' END)
    AND NOT EXISTS (SELECT 1 FROM versions v JOIN packages p ON p.name = v.name
        WHERE v.deprecation IS NOT NULL AND v.deprecation ->> '$.reason' = ?2
        AND ?1 = CASE p.visibility WHEN 'private' THEN 'private/' || p.org ELSE 'public' END)
    AND NOT EXISTS (SELECT 1 FROM collections WHERE ?1 = 'public' AND document = ?2)
    AND NOT EXISTS (SELECT 1 FROM orgs WHERE ?1 = 'public' AND document = ?2)";

#[async_trait]
impl Blobs for Sqlite {
    async fn blob(&self, repository: &Repository, digest: &Digest) -> Result<Option<BlobRow>, MetaError> {
        let key = (repository.to_string(), digest.to_string(), DELETING);
        let sql = "SELECT b.area, b.size FROM links l JOIN blobs b ON b.area = l.area AND b.digest = l.digest
                   WHERE l.repository = ?1 AND l.digest = ?2 AND b.state <> ?3";
        let blob = |row: &Row<'_>| Ok(BlobRow { area: parse(row, 0)?, size: unsigned(get(row, 1)?) });
        self.pool.read(move |reader| reader.row(sql, key, blob)).await
    }

    async fn link(
        &self,
        repository: &Repository,
        area: &Area,
        digest: &Digest,
        size: u64,
        now: Timestamp,
    ) -> Result<Linked, MetaError> {
        let (repository, area, digest) = (repository.clone(), area.clone(), *digest);
        self.pool
            .write(Durable::WithNext, move |sql| {
                if sql.is_being_deleted(&area, &digest)? {
                    return Ok((Linked::Vanishing, End::RollBack));
                }
                let blob = "INSERT INTO blobs (area, digest, size, touched, state) VALUES (?1, ?2, ?3, ?4, ?5)
                            ON CONFLICT DO UPDATE SET size = excluded.size, touched = max(touched, excluded.touched),
                            state = excluded.state, condemned = NULL";
                let digest = digest.to_string();
                sql.run(blob, params![area.as_str(), digest, signed(size), now.micros(), LIVE])?;
                let link = "INSERT INTO links (repository, digest, area, recorded) VALUES (?1, ?2, ?3, 0)
                            ON CONFLICT DO UPDATE SET area = excluded.area WHERE area = excluded.area";
                let linked = match sql.run(link, params![repository.as_str(), digest, area.as_str()])? {
                    0 => Linked::Elsewhere,
                    _ => Linked::Done,
                };
                Ok((linked, End::Commit))
            })
            .await
    }

    async fn touch(
        &self,
        area: &Area,
        digests: &[Digest],
        unknown: Unknown,
        now: Timestamp,
    ) -> Result<Vec<Digest>, MetaError> {
        let (area, digests) = (area.clone(), digests.to_vec());
        self.pool
            .write(Durable::WithNext, move |sql| {
                let touch = match unknown {
                    Unknown::PassOver => {
                        "UPDATE blobs SET touched = max(touched, ?3), state = ?4, condemned = NULL
                         WHERE area = ?1 AND digest = ?2 AND state <> ?5"
                    }
                    Unknown::Record => {
                        "INSERT INTO blobs (area, digest, size, touched, state) VALUES (?1, ?2, 0, ?3, ?4)
                         ON CONFLICT DO UPDATE SET touched = max(touched, excluded.touched), state = excluded.state,
                         condemned = NULL WHERE state <> ?5"
                    }
                };
                let mut vanishing = Vec::new();
                for digest in digests {
                    let row = params![area.as_str(), digest.to_string(), now.micros(), LIVE, DELETING];
                    if sql.run(touch, row)? == 0 && sql.is_being_deleted(&area, &digest)? {
                        vanishing.push(digest);
                    }
                }
                Ok((vanishing, End::Commit))
            })
            .await
    }

    async fn find(&self, area: &Area, digest: &Digest, from: Option<&Repository>) -> Result<Option<u64>, MetaError> {
        let key = (area.to_string(), digest.to_string(), DELETING, from.map(|repository| repository.to_string()));
        let sql = "SELECT b.size FROM blobs b WHERE b.area = ?1 AND b.digest = ?2 AND b.state <> ?3
                   AND EXISTS (SELECT 1 FROM links l WHERE l.digest = ?2 AND l.area = ?1
                               AND (?4 IS NULL OR l.repository = ?4))";
        self.pool.read(move |reader| reader.row(sql, key, |row| Ok(unsigned(get(row, 0)?)))).await
    }

    async fn condemn(&self, before: Timestamp, now: Timestamp) -> Result<u64, MetaError> {
        self.pool
            .write(Durable::Now, move |sql| {
                let condemn = format!(
                    "UPDATE blobs SET state = ?1, condemned = ?2
                     WHERE state = ?3 AND touched < ?4 AND (area, digest) NOT IN ({REFERENCED})"
                );
                let condemned = sql.run(&condemn, params![CONDEMNED, now.micros(), LIVE, before.micros()])?;
                Ok((condemned as u64, End::Commit))
            })
            .await
    }

    async fn take_condemned(&self, before: Timestamp, limit: usize) -> Result<Vec<(Area, Digest)>, MetaError> {
        self.pool
            .write(Durable::Now, move |sql| {
                let due = "SELECT area, digest FROM blobs
                           WHERE state = ?1 OR (state = ?2 AND condemned < ?3)
                           ORDER BY state DESC, condemned, area, digest LIMIT ?4";
                let limit = signed(limit as u64);
                let due = sql.rows(due, params![DELETING, CONDEMNED, before.micros(), limit], |row| {
                    Ok((parse::<Area>(row, 0)?, parse::<Digest>(row, 1)?))
                })?;
                for (area, digest) in &due {
                    let take = "UPDATE blobs SET state = ?3 WHERE area = ?1 AND digest = ?2";
                    sql.run(take, params![area.as_str(), digest.to_string(), DELETING])?;
                }
                Ok((due, End::Commit))
            })
            .await
    }

    async fn take_unneeded(&self, blobs: &[(Area, Digest)]) -> Result<Vec<(Area, Digest)>, MetaError> {
        let mut all = Vec::new();
        for blobs in blobs.chunks(AT_ONCE) {
            let blobs = blobs.to_vec();
            let take = move |sql: &Sql<'_>| {
                let mut taken = Vec::new();
                for (area, digest) in blobs {
                    let row = params![area.as_str(), digest.to_string(), DELETING];
                    if sql.run(TAKE_UNNEEDED, row)? > 0 {
                        taken.push((area, digest));
                    }
                }
                Ok((taken, End::Commit))
            };
            all.extend(self.pool.write(Durable::Now, take).await?);
        }
        Ok(all)
    }

    async fn forget(&self, blobs: &[(Area, Digest)]) -> Result<(), MetaError> {
        for blobs in blobs.chunks(AT_ONCE) {
            let blobs = blobs.to_vec();
            let forget = move |sql: &Sql<'_>| {
                for (area, digest) in blobs {
                    let key = [area.as_str(), &digest.to_string()];
                    let gone = "DELETE FROM blobs WHERE area = ?1 AND digest = ?2 AND state = 2";
                    if sql.run(gone, key)? > 0 {
                        sql.run("DELETE FROM links WHERE area = ?1 AND digest = ?2", key)?;
                    }
                }
                Ok(((), End::Commit))
            };
            self.pool.write(Durable::Now, forget).await?;
        }
        Ok(())
    }
}

impl Sql<'_> {
    pub(super) fn is_being_deleted(&self, area: &Area, digest: &Digest) -> Result<bool, MetaError> {
        let sql = "SELECT 1 FROM blobs WHERE area = ?1 AND digest = ?2 AND state = ?3";
        let key = params![area.as_str(), digest.to_string(), DELETING];
        Ok(self.row(sql, key, |_| Ok(()))?.is_some())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::super::contract::World;
    use super::*;

    /// What a purge or a move takes away is asked for blob by blob: none of it may read a whole table.
    #[test]
    fn what_keeps_a_blob_is_found_by_indexes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metadata.sqlite");
        drop(Sqlite::open(&path).unwrap());
        let connection = rusqlite::Connection::open(&path).unwrap();
        let plan = format!("EXPLAIN QUERY PLAN {TAKE_UNNEEDED}");
        let mut statement = connection.prepare(&plan).unwrap();
        let read = |row: &rusqlite::Row<'_>| row.get::<_, String>(3);
        let steps: Vec<String> =
            statement.query_map(("public", "sha256:x", 2), read).unwrap().collect::<Result<_, _>>().unwrap();
        assert!(steps.len() > 8, "{steps:?}");
        assert!(steps.iter().all(|step| !step.starts_with("SCAN")), "{steps:#?}");
    }

    /// More than go into one transaction are taken and forgotten all the same.
    #[tokio::test]
    async fn many_blobs_are_taken_and_forgotten_in_parts() {
        let folder = tempfile::tempdir().unwrap();
        let world = World::over(Arc::new(Sqlite::open(folder.path().join("metadata.sqlite")).unwrap()).meta());
        let area = Area::Public;
        let mut digests: Vec<_> = (0..150).map(|at: u32| Digest::sha256(&at.to_be_bytes())).collect();
        digests.sort_unstable();
        world.meta.blobs.touch(&area, &digests, Unknown::Record, world.now()).await.unwrap();
        let all: Vec<_> = digests.iter().map(|digest| (area.clone(), *digest)).collect();
        assert_eq!(world.meta.blobs.take_unneeded(&all).await.unwrap(), all);
        world.meta.blobs.forget(&all).await.unwrap();
        assert_eq!(world.meta.blobs.take_unneeded(&all).await.unwrap(), []);
    }
}
