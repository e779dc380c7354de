//! The writes that a decision asks for.

use rusqlite::params;

use crate::domain::{Accepted, Area, Digest, Event, Name, Repository, Version};

use super::super::rules::{ManifestState, Write, rank};
use super::super::{ManifestFacts, MetaError, Publication};
use super::facts::{HIDDEN, LIVE};
use super::sql::{Sql, get, signed, to_json};

impl Sql<'_> {
    /// Carries out one write of the event.
    pub(super) fn carry_out(&self, write: &Write, event: &Event) -> Result<(), MetaError> {
        match write {
            Write::Blob { area, digest, size } => self.write_blob(area, digest, *size, event),
            Write::Link { repository, area, digest } => {
                let sql = "INSERT INTO links (repository, digest, area, recorded) VALUES (?1, ?2, ?3, 1)
                           ON CONFLICT DO UPDATE SET area = excluded.area, recorded = 1";
                self.run(sql, params![repository.as_str(), digest.to_string(), area.as_str()]).map(drop)
            }
            Write::LinkAll { repository, digest } => {
                let sql = "INSERT INTO links (repository, digest, area, recorded)
                           SELECT b.repository, b.blob, m.area, 1 FROM manifest_blobs b
                           JOIN manifests m ON m.repository = b.repository AND m.digest = b.manifest
                           WHERE b.repository = ?1 AND b.manifest = ?2
                           ON CONFLICT DO UPDATE SET area = excluded.area, recorded = 1";
                self.run(sql, params![repository.as_str(), digest.to_string()]).map(drop)
            }
            Write::Unlink { repository, digest } => {
                let sql = "DELETE FROM links WHERE repository = ?1 AND digest = ?2";
                self.run(sql, params![repository.as_str(), digest.to_string()]).map(drop)
            }
            Write::Manifest { accepted, facts } => self.write_manifest(accepted, facts, event),
            Write::RemoveManifest { repository, digest } => {
                let key = [repository.as_str(), &digest.to_string()];
                self.run("DELETE FROM manifests WHERE repository = ?1 AND digest = ?2", key)?;
                self.run("DELETE FROM manifest_blobs WHERE repository = ?1 AND manifest = ?2", key).map(drop)
            }
            Write::HideManifest { repository, digest, state } => self.write_state(repository, digest, *state),
            Write::Tag { repository, tag, digest } => self.write_tag(repository, tag.as_str(), digest),
            Write::Untag { repository, tag } => self.remove_tag(repository, tag.as_str()),
            Write::Package { name, kind, visibility, owners } => {
                let sql = "INSERT INTO packages (name, org, kind, visibility, created, updated, owners, versions)
                           VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6, 0) ON CONFLICT DO NOTHING";
                let (kind, visibility, time) = (kind.as_str(), visibility.as_str(), event.time.micros());
                let row = params![name.as_str(), name.org(), kind, visibility, time, to_json(owners)?];
                self.run(sql, row).map(drop)
            }
            Write::Owners { name, owners } => {
                // A package that shows nothing gets all its labels anew when it is shown, owners among them.
                let sql = "UPDATE packages SET owners = ?2, shown = NULL WHERE name = ?1";
                self.run(sql, params![name.as_str(), to_json(owners)?]).map(drop)
            }
            Write::Visible { name, visibility } => {
                let row = [name.as_str(), visibility.as_str()];
                if self.run("UPDATE packages SET visibility = ?2 WHERE name = ?1", row)? > 0 {
                    return Ok(());
                }
                let sql = "INSERT INTO names (name, visibility) VALUES (?1, ?2)
                           ON CONFLICT DO UPDATE SET visibility = excluded.visibility";
                self.run(sql, row).map(drop)
            }
            Write::Move { repository, area } => {
                let row = [repository.as_str(), area.as_str()];
                self.run("UPDATE manifests SET area = ?2 WHERE repository = ?1", row)?;
                let named = "UPDATE links SET area = ?2 WHERE repository = ?1
                             AND digest IN (SELECT blob FROM manifest_blobs WHERE repository = ?1)";
                self.run(named, row)?;
                self.run("DELETE FROM links WHERE repository = ?1 AND area <> ?2", row).map(drop)
            }
            Write::Version { name, digest, publication } => self.write_version(name, digest, publication, event),
            Write::Deleted { name, version, deleted } => {
                let (yanked, _) = self.version_flags(name, version)?;
                let sql = "UPDATE versions SET deleted = ?3, rank = ?4 WHERE name = ?1 AND number = ?2";
                let rank = rank(version, yanked, *deleted);
                self.run(sql, params![name.as_str(), version.number(), deleted, rank]).map(drop)
            }
            Write::Purged { name, version } => {
                let sql = "UPDATE versions SET purged = 1, config = NULL, reason = NULL, deprecation = NULL
                           WHERE name = ?1 AND number = ?2";
                self.run(sql, params![name.as_str(), version.number()]).map(drop)
            }
            Write::Yanked { name, version, yanked, reason } => {
                let (_, deleted) = self.version_flags(name, version)?;
                let sql = "UPDATE versions SET yanked = ?3, rank = ?4, reason = ?5 WHERE name = ?1 AND number = ?2";
                let rank = rank(version, *yanked, deleted);
                let reason = reason.map(|digest| digest.to_string());
                self.run(sql, params![name.as_str(), version.number(), yanked, rank, reason]).map(drop)
            }
            Write::Deprecated { name, version, deprecation } => {
                let sql = "UPDATE versions SET deprecation = ?3 WHERE name = ?1 AND number = ?2";
                let deprecation = deprecation.as_ref().map(to_json).transpose()?;
                self.run(sql, params![name.as_str(), version.number(), deprecation]).map(drop)
            }
            Write::Pinned { name, version } => {
                let sql = "UPDATE packages SET pinned = ?2 WHERE name = ?1";
                self.run(sql, params![name.as_str(), version.as_ref().map(Version::number)]).map(drop)
            }
            Write::Collection { name, document, content } => self.write_collection(name, document, content, event),
            Write::Org { org, document, profile } => self.write_org(org, document, profile, event),
            Write::RemoveCollection { name } => self.remove_collection(name),
            Write::Reshow { name } => self.reshow(name, event),
        }
    }

    pub(super) fn write_tag(&self, repository: &Repository, tag: &str, digest: &Digest) -> Result<(), MetaError> {
        let sql = "INSERT INTO tags (repository, tag, digest) VALUES (?1, ?2, ?3)
                   ON CONFLICT DO UPDATE SET digest = excluded.digest";
        self.run(sql, params![repository.as_str(), tag, digest.to_string()]).map(drop)
    }

    pub(super) fn remove_tag(&self, repository: &Repository, tag: &str) -> Result<(), MetaError> {
        self.run("DELETE FROM tags WHERE repository = ?1 AND tag = ?2", [repository.as_str(), tag]).map(drop)
    }

    fn write_blob(&self, area: &Area, digest: &Digest, size: u64, event: &Event) -> Result<(), MetaError> {
        // A size that was measured at the upload stays: a manifest may say another.
        let sql = "INSERT INTO blobs (area, digest, size, touched, state) VALUES (?1, ?2, ?3, ?4, ?5)
                   ON CONFLICT DO UPDATE SET size = CASE size WHEN 0 THEN excluded.size ELSE size END,
                   touched = max(touched, excluded.touched), state = excluded.state, condemned = NULL";
        let time = event.time.micros();
        self.run(sql, params![area.as_str(), digest.to_string(), signed(size), time, LIVE]).map(drop)
    }

    fn write_manifest(&self, accepted: &Accepted, facts: &ManifestFacts, event: &Event) -> Result<(), MetaError> {
        let (repository, digest) = (accepted.repository.as_str(), accepted.digest.to_string());
        self.run("INSERT OR IGNORE INTO repositories (name) VALUES (?1)", [repository])?;
        // Accepted again, it keeps its place among the referrers.
        let sql = "INSERT INTO manifests
                   (repository, digest, area, media_type, size, artifact_type, subject, annotations, state, n)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
                   ON CONFLICT (repository, digest) DO UPDATE SET area = excluded.area, media_type = excluded.media_type,
                   size = excluded.size, artifact_type = excluded.artifact_type, subject = excluded.subject,
                   annotations = excluded.annotations, state = excluded.state";
        let row = params![
            repository,
            digest,
            accepted.area.as_str(),
            accepted.media_type,
            signed(accepted.size),
            facts.artifact_type,
            facts.subject.map(|subject| subject.to_string()),
            to_json(&facts.annotations)?,
            LIVE,
            signed(event.n),
        ];
        self.run(sql, row)?;
        for (blob, _) in &facts.blobs {
            let sql = "INSERT OR IGNORE INTO manifest_blobs (repository, manifest, blob) VALUES (?1, ?2, ?3)";
            self.run(sql, params![repository, digest, blob.to_string()])?;
        }
        Ok(())
    }

    fn write_state(&self, repository: &Repository, digest: &Digest, state: ManifestState) -> Result<(), MetaError> {
        let state = match state {
            ManifestState::Live => LIVE,
            ManifestState::Deleted => HIDDEN,
        };
        let sql = "UPDATE manifests SET state = ?3 WHERE repository = ?1 AND digest = ?2";
        self.run(sql, params![repository.as_str(), digest.to_string(), state]).map(drop)
    }

    fn write_version(
        &self,
        name: &Name,
        digest: &Digest,
        publication: &Publication,
        event: &Event,
    ) -> Result<(), MetaError> {
        let sql = "INSERT OR REPLACE INTO versions
                   (name, number, version, rank, digest, kind, record, yanked, deleted, published, event, config, event_id)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, 0, ?8, ?9, ?10, ?11)";
        let row = params![
            name.as_str(),
            publication.version.number(),
            publication.version.to_string(),
            rank(&publication.version, false, false),
            digest.to_string(),
            publication.kind.as_str(),
            publication.record.to_string(),
            event.time.micros(),
            signed(event.n),
            publication.config.as_deref().map(to_json).transpose()?,
            event.id.to_string(),
        ];
        self.run(sql, row).map(drop)
    }

    /// Whether the version is yanked, and whether it is deleted.
    fn version_flags(&self, name: &Name, version: &Version) -> Result<(bool, bool), MetaError> {
        let sql = "SELECT yanked, deleted FROM versions WHERE name = ?1 AND number = ?2";
        let flags = self.row(sql, params![name.as_str(), version.number()], |row| Ok((get(row, 0)?, get(row, 1)?)))?;
        flags.ok_or_else(|| MetaError::Corrupt(format!("version {version} of {name} is not there")))
    }
}
