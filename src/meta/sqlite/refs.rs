//! Manifests, tags, referrers.

use async_trait::async_trait;
use rusqlite::{Row, params};
use uuid::Uuid;

use crate::domain::{Digest, Name, Repository, Tag, Version};

use super::super::{ManifestRow, MetaError, Refs};
use super::Sqlite;
use super::facts::LIVE;
use super::sql::{Sql, get, json, parse, parse_optional, signed, unsigned};

const MANIFEST: &str = "digest, area, media_type, size, artifact_type, annotations, subject";

#[async_trait]
impl Refs for Sqlite {
    async fn manifest(&self, repository: &Repository, digest: &Digest) -> Result<Option<ManifestRow>, MetaError> {
        let key = (repository.to_string(), digest.to_string(), LIVE);
        let sql = format!("SELECT {MANIFEST} FROM manifests WHERE repository = ?1 AND digest = ?2 AND state = ?3");
        self.pool.read(move |reader| reader.row(&sql, key, manifest)).await
    }

    async fn tag(&self, repository: &Repository, tag: &Tag) -> Result<Option<Digest>, MetaError> {
        let key = (repository.to_string(), tag.to_string());
        let sql = "SELECT digest FROM tags WHERE repository = ?1 AND tag = ?2";
        self.pool.read(move |reader| reader.row(sql, key, |row| parse(row, 0))).await
    }

    async fn tags(
        &self,
        repository: &Repository,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Option<Vec<Tag>>, MetaError> {
        let (repository, after) = (repository.clone(), after.unwrap_or_default().to_owned());
        self.pool
            .read(move |sql| {
                if !sql.was_pushed_to(&repository)? {
                    return Ok(None);
                }
                let tags = "SELECT tag FROM tags WHERE repository = ?1 AND tag > ?2 ORDER BY tag LIMIT ?3";
                let page = params![repository.as_str(), after, signed(limit as u64)];
                sql.rows(tags, page, |row| parse(row, 0)).map(Some)
            })
            .await
    }

    async fn repositories(&self, after: Option<&str>, limit: usize) -> Result<Vec<Repository>, MetaError> {
        let page = (after.unwrap_or_default().to_owned(), signed(limit as u64), LIVE);
        let sql = "SELECT r.name FROM repositories r WHERE r.name > ?1
                   AND EXISTS (SELECT 1 FROM manifests m WHERE m.repository = r.name AND m.state = ?3)
                   AND coalesce((SELECT p.visibility FROM packages p WHERE p.name = r.name),
                                (SELECT n.visibility FROM names n WHERE n.name = r.name), 'public') = 'public'
                   ORDER BY r.name LIMIT ?2";
        self.pool.read(move |reader| reader.rows(sql, page, |row| parse(row, 0))).await
    }

    async fn manifests(
        &self,
        repository: &Repository,
        after: Option<&Digest>,
        limit: usize,
    ) -> Result<Vec<(ManifestRow, Vec<Digest>)>, MetaError> {
        let after = after.map(|digest| digest.to_string()).unwrap_or_default();
        let repository = repository.to_string();
        self.pool
            .read(move |sql| {
                let query = format!(
                    "SELECT {MANIFEST} FROM manifests WHERE repository = ?1 AND digest > ?2 AND state = ?3
                     ORDER BY digest LIMIT ?4"
                );
                let rows = sql.rows(&query, params![repository, after, LIVE, signed(limit as u64)], manifest)?;
                let blobs = "SELECT blob FROM manifest_blobs WHERE repository = ?1 AND manifest = ?2 ORDER BY blob";
                let with_blobs = rows.into_iter().map(|row| {
                    let named = sql.rows(blobs, params![repository, row.digest.to_string()], |row| parse(row, 0))?;
                    Ok((row, named))
                });
                with_blobs.collect()
            })
            .await
    }

    async fn referrers(&self, repository: &Repository, subject: &Digest) -> Result<Vec<ManifestRow>, MetaError> {
        let key = (repository.to_string(), subject.to_string(), LIVE);
        let sql = format!(
            "SELECT {MANIFEST} FROM manifests WHERE repository = ?1 AND subject = ?2 AND state = ?3 ORDER BY n"
        );
        self.pool.read(move |reader| reader.rows(&sql, key, manifest)).await
    }

    async fn identified(&self, id: Uuid) -> Result<Option<(Name, Version)>, MetaError> {
        let sql = "SELECT name, version FROM versions WHERE event_id = ?1 ORDER BY event LIMIT 1";
        self.pool
            .read(move |reader| reader.row(sql, [id.to_string()], |row| Ok((parse(row, 0)?, parse(row, 1)?))))
            .await
    }

    async fn published_as(&self, manifests: &[(Name, Digest)]) -> Result<Vec<Option<Version>>, MetaError> {
        let manifests = manifests.to_vec();
        let published = "SELECT version FROM versions WHERE name = ?1 AND digest = ?2 ORDER BY event DESC LIMIT 1";
        self.pool
            .read(move |sql| {
                let version = |(name, digest): &(Name, Digest)| {
                    sql.row(published, params![name.as_str(), digest.to_string()], |row| parse(row, 0))
                };
                manifests.iter().map(version).collect()
            })
            .await
    }
}

impl Sql<'_> {
    pub(super) fn was_pushed_to(&self, repository: &Repository) -> Result<bool, MetaError> {
        let sql = "SELECT 1 FROM repositories WHERE name = ?1";
        Ok(self.row(sql, [repository.as_str()], |_| Ok(()))?.is_some())
    }
}

fn manifest(row: &Row<'_>) -> Result<ManifestRow, MetaError> {
    Ok(ManifestRow {
        digest: parse(row, 0)?,
        area: parse(row, 1)?,
        media_type: get(row, 2)?,
        size: unsigned(get(row, 3)?),
        artifact_type: get(row, 4)?,
        annotations: json(&get::<String>(row, 5)?)?,
        subject: parse_optional(row, 6)?,
    })
}
