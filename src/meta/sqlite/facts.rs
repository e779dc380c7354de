//! The facts that a decision reads: a few point queries on primary keys.

use bytes::Bytes;
use rusqlite::{Row, params};

use crate::domain::{Digest, Event, Repository};

use super::super::MetaError;
use super::super::engine::Rows;
use super::super::rules::{Facts, ManifestState, VersionFacts, Wanted, Write};
use super::sql::{Sql, get, json, json_optional, parse, parse_optional, signed};

/// A blob that lives, or is condemned and may live again.
pub(super) const LIVE: i64 = 0;
/// A blob that waits for its grace period to end.
pub(super) const CONDEMNED: i64 = 1;
/// A blob whose bytes are being removed.
pub(super) const DELETING: i64 = 2;

pub(super) const HIDDEN: i64 = 1;

impl Rows for &Sql<'_> {
    fn facts(&mut self, wanted: &Wanted) -> Result<Facts, MetaError> {
        let mut facts = Facts::default();
        if let Some(name) = &wanted.collection {
            let sql = "SELECT document FROM collections WHERE name = ?1";
            facts.collection = self.row(sql, [name.as_str()], |row| parse(row, 0))?;
        }
        for (area, digest) in &wanted.brought {
            if self.is_being_deleted(area, digest)? {
                facts.vanishing.push(*digest);
            }
        }
        if let Some(repository) = &wanted.repository {
            self.blob_facts(repository, wanted, &mut facts)?;
            self.package_facts(repository, wanted, &mut facts)?;
        }
        // What a package begins as is of no more use once there is one.
        if let (Some(org), None) = (&wanted.org, facts.package) {
            let sql = "SELECT document, visibility FROM orgs WHERE name = ?1";
            facts.org = self.row(sql, [org.as_str()], |row| Ok((parse(row, 0)?, parse(row, 1)?)))?;
        }
        let Some(repository) = &wanted.repository else { return Ok(facts) };
        if wanted.content {
            facts.content = self.content(repository)?;
        }
        let repository = repository.as_str();
        for tag in &wanted.tags {
            let sql = "SELECT digest FROM tags WHERE repository = ?1 AND tag = ?2";
            if let Some(digest) = self.row(sql, params![repository, tag.as_str()], |row| parse(row, 0))? {
                facts.tags.insert(tag.clone(), digest);
            }
        }
        if let Some(digest) = &wanted.manifest {
            let sql = "SELECT state FROM manifests WHERE repository = ?1 AND digest = ?2";
            let state = self.row(sql, params![repository, digest.to_string()], |row| get::<i64>(row, 0))?;
            facts.manifest = state.map(|state| match state {
                HIDDEN => ManifestState::Deleted,
                _ => ManifestState::Live,
            });
            if wanted.tags_on_manifest {
                let sql = "SELECT tag FROM tags WHERE repository = ?1 AND digest = ?2 ORDER BY tag";
                facts.tags_on_manifest =
                    self.rows(sql, params![repository, digest.to_string()], |row| parse(row, 0))?;
            }
        }
        Ok(facts)
    }

    fn write(&mut self, write: &Write, event: &Event) -> Result<(), MetaError> {
        self.carry_out(write, event)
    }

    fn append(&mut self, event: &Event, bytes: &Bytes) -> Result<(), MetaError> {
        let n = signed(event.n);
        let repository = event.body.repository();
        let repository = repository.as_ref().map(Repository::as_str).unwrap_or_default();
        let sql = "INSERT INTO events (n, bytes, repository) VALUES (?1, ?2, ?3)";
        self.run(sql, params![n, bytes.as_ref(), repository])?;
        Ok(())
    }

    fn event(&mut self, n: u64) -> Result<Option<Bytes>, MetaError> {
        let sql = "SELECT bytes FROM events WHERE n = ?1";
        self.row(sql, [signed(n)], |row| Ok(Bytes::from(get::<Vec<u8>>(row, 0)?)))
    }
}

impl Sql<'_> {
    fn package_facts(&self, repository: &Repository, wanted: &Wanted, facts: &mut Facts) -> Result<(), MetaError> {
        let Some(name) = repository.package() else { return Ok(()) };
        let sql = "SELECT kind, pinned, visibility, owners FROM packages WHERE name = ?1";
        let package = self.row(sql, [name.as_str()], |row| {
            Ok((parse(row, 0)?, parse_optional(row, 1)?, parse(row, 2)?, json(&get::<String>(row, 3)?)?))
        })?;
        let Some((kind, pinned, visibility, owners)) = package else {
            let said = "SELECT visibility FROM names WHERE name = ?1";
            facts.said = self.row(said, [name.as_str()], |row| parse(row, 0))?;
            facts.pushed = self.was_pushed_to(repository)?;
            return Ok(());
        };
        (facts.package, facts.pinned, facts.visibility, facts.owners) = (Some(kind), pinned, visibility, owners);
        let version = |row: &Row<'_>| {
            Ok(VersionFacts {
                version: parse(row, 0)?,
                digest: parse(row, 1)?,
                yanked: get(row, 2)?,
                deleted: get(row, 3)?,
                purged: get(row, 5)?,
                deprecation: json_optional(row, 4)?,
            })
        };
        let mut numbers: Vec<_> = wanted.versions.iter().map(|version| version.number()).collect();
        numbers.sort_unstable();
        numbers.dedup();
        for number in numbers {
            let sql = "SELECT version, digest, yanked, deleted, deprecation, purged FROM versions
                       WHERE name = ?1 AND number = ?2";
            facts.versions.extend(self.row(sql, params![name.as_str(), number], version)?);
        }
        if let Some(digest) = wanted.manifest.filter(|_| wanted.versions_of_manifest) {
            let sql = "SELECT version, digest, yanked, deleted, deprecation, purged FROM versions
                       WHERE name = ?1 AND digest = ?2 ORDER BY id";
            facts.versions_of_manifest = self.rows(sql, params![name.as_str(), digest.to_string()], version)?;
        }
        if let Some(digest) = &wanted.needed {
            let sql = "SELECT v.version FROM versions v JOIN manifest_blobs b
                       ON b.repository = v.name AND b.manifest = v.digest AND b.blob = ?2
                       WHERE v.name = ?1 AND v.deleted = 0 ORDER BY v.rank DESC LIMIT 1";
            facts.needed_by = self.row(sql, params![name.as_str(), digest.to_string()], |row| parse(row, 0))?;
        }
        Ok(())
    }

    fn blob_facts(&self, repository: &Repository, wanted: &Wanted, facts: &mut Facts) -> Result<(), MetaError> {
        for digest in &wanted.blobs {
            match self.link_recorded(repository, digest)? {
                Some(recorded) => facts.unrecorded |= !recorded,
                None if facts.unreadable.contains(digest) => {}
                None => facts.unreadable.push(*digest),
            }
        }
        Ok(())
    }

    /// Whether an event says that the repository may read the blob; `None` if it may not.
    fn link_recorded(&self, repository: &Repository, digest: &Digest) -> Result<Option<bool>, MetaError> {
        let sql = "SELECT l.recorded FROM links l JOIN blobs b ON b.area = l.area AND b.digest = l.digest
                   WHERE l.repository = ?1 AND l.digest = ?2 AND b.state <> ?3";
        self.row(sql, params![repository.as_str(), digest.to_string(), DELETING], |row| get(row, 0))
    }
}
