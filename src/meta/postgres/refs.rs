//! Manifests, tags, referrers.

use async_trait::async_trait;
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::domain::{Digest, Name, Repository, Tag, Version};

use super::super::column::{json, signed, unsigned};
use super::super::{ManifestRow, MetaError, Refs};
use super::Postgres;
use super::sql::{LIVE, before_nul, get, parse, parse_all, parse_optional, query, unescape};

const MANIFEST: &str =
    "SELECT m.digest, m.area, m.media_type, m.size, m.artifact_type, m.annotations, m.subject FROM manifests m";

#[async_trait]
impl Refs for Postgres {
    async fn manifest(&self, repository: &Repository, digest: &Digest) -> Result<Option<ManifestRow>, MetaError> {
        let sql = format!("{MANIFEST} WHERE m.repository = $1 AND m.digest = $2 AND m.state = $3");
        let key = || query(AssertSqlSafe(sql.as_str())).bind(repository.to_string()).bind(digest.to_string());
        self.pool.row(|| key().bind(LIVE), manifest).await
    }

    async fn tag(&self, repository: &Repository, tag: &Tag) -> Result<Option<Digest>, MetaError> {
        let sql = "SELECT digest FROM tags WHERE repository = $1 AND tag = $2";
        let key = || query(sql).bind(repository.to_string()).bind(tag.to_string());
        self.pool.row(key, |row| parse(row, 0)).await
    }

    async fn tags(
        &self,
        repository: &Repository,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Option<Vec<Tag>>, MetaError> {
        let sql = "SELECT ARRAY(SELECT tag FROM tags WHERE repository = r.name AND tag > $2 ORDER BY tag LIMIT $3)
                   FROM repositories r WHERE r.name = $1";
        let after = before_nul(after.unwrap_or_default()).to_owned();
        let page = || query(sql).bind(repository.to_string()).bind(after.clone()).bind(signed(limit as u64));
        self.pool.row(page, |row| parse_all(row, 0)).await
    }

    async fn repositories(&self, after: Option<&str>, limit: usize) -> Result<Vec<Repository>, MetaError> {
        let sql = "SELECT r.name FROM repositories r WHERE r.name > $1
                   AND EXISTS (SELECT 1 FROM manifests m WHERE m.repository = r.name AND m.state = $2)
                   AND coalesce((SELECT p.visibility FROM packages p WHERE p.name = r.name),
                                (SELECT n.visibility FROM names n WHERE n.name = r.name), 'public') = 'public'
                   ORDER BY r.name LIMIT $3";
        let after = before_nul(after.unwrap_or_default()).to_owned();
        let page = || query(sql).bind(after.clone()).bind(LIVE).bind(signed(limit as u64));
        self.pool.rows(page, |row| parse(row, 0)).await
    }

    async fn manifests(
        &self,
        repository: &Repository,
        after: Option<&Digest>,
        limit: usize,
    ) -> Result<Vec<(ManifestRow, Vec<Digest>)>, MetaError> {
        let named = "ARRAY(SELECT b.blob FROM manifest_blobs b
                           WHERE b.repository = m.repository AND b.manifest = m.digest ORDER BY b.blob)";
        let sql = format!(
            "{} WHERE m.repository = $1 AND m.digest > $2 AND m.state = $3 ORDER BY m.digest LIMIT $4",
            MANIFEST.replacen(" FROM ", &format!(", {named} FROM "), 1)
        );
        let after = after.map(|digest| digest.to_string()).unwrap_or_default();
        let page = || {
            let page = query(AssertSqlSafe(sql.as_str())).bind(repository.to_string()).bind(after.clone());
            page.bind(LIVE).bind(signed(limit as u64))
        };
        self.pool.rows(page, |row| Ok((manifest(row)?, parse_all(row, 7)?))).await
    }

    async fn referrers(&self, repository: &Repository, subject: &Digest) -> Result<Vec<ManifestRow>, MetaError> {
        let sql = format!("{MANIFEST} WHERE m.repository = $1 AND m.subject = $2 AND m.state = $3 ORDER BY m.n");
        let key = || query(AssertSqlSafe(sql.as_str())).bind(repository.to_string()).bind(subject.to_string());
        self.pool.rows(|| key().bind(LIVE), manifest).await
    }

    async fn identified(&self, id: Uuid) -> Result<Option<(Name, Version)>, MetaError> {
        let sql = "SELECT name, version FROM versions WHERE event_id = $1 ORDER BY event LIMIT 1";
        self.pool.row(|| query(sql).bind(id.to_string()), |row| Ok((parse(row, 0)?, parse(row, 1)?))).await
    }

    async fn published_as(&self, manifests: &[(Name, Digest)]) -> Result<Vec<Option<Version>>, MetaError> {
        let sql = "SELECT (SELECT v.version FROM versions v WHERE v.name = w.name AND v.digest = w.digest
                           ORDER BY v.event DESC LIMIT 1)
                   FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS w (name, digest, place) ORDER BY w.place";
        let (names, digests): (Vec<String>, Vec<String>) =
            manifests.iter().map(|(name, digest)| (name.to_string(), digest.to_string())).unzip();
        let published = || query(sql).bind(names.clone()).bind(digests.clone());
        self.pool.rows(published, |row| parse_optional(row, 0)).await
    }
}

fn manifest(row: &PgRow) -> Result<ManifestRow, MetaError> {
    Ok(ManifestRow {
        digest: parse(row, 0)?,
        area: parse(row, 1)?,
        media_type: unescape(get(row, 2)?),
        size: unsigned(get(row, 3)?),
        artifact_type: get::<Option<&str>>(row, 4)?.map(unescape),
        annotations: json(get(row, 5)?)?,
        subject: parse_optional(row, 6)?,
    })
}
