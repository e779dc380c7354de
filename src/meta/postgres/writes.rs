//! The writes that a decision asks for.

use std::collections::BTreeMap;

use sqlx::AssertSqlSafe;

use crate::domain::{Accepted, Area, Digest, Event, Kind, Name, Repository, Tag, UserName, Version, Visibility};

use super::super::column::{signed, to_json};
use super::super::rules::{ManifestState, Write, rank};
use super::super::{ManifestFacts, MetaError, Publication};
use super::sql::{HIDDEN, LIVE, escape, get, query};
use super::transaction::Sql;

/// Rows that one event adds or replaces, each once.
#[derive(Default)]
pub(super) struct Added {
    /// Sizes of blobs.
    blobs: BTreeMap<(Area, Digest), u64>,
    /// Areas of linked blobs.
    links: BTreeMap<(Repository, Digest), Area>,
    tags: BTreeMap<(Repository, Tag), Digest>,
    manifest: Option<(Accepted, ManifestFacts)>,
    package: Option<(Name, Kind, Visibility, Vec<UserName>)>,
    version: Option<(Name, Digest, Publication)>,
}

/// $1 time. $2 to $4: areas, digests and sizes of blobs. $5 to $7: repositories, digests and areas of links, whose blobs are among
/// those. $8 to $10: repositories, tags and their digests. $11 to $19 and $20: a manifest, and the blobs that it names.
///
/// Links are written from the blobs that were, so that each blob is locked before its link.
const ADD: &str = "
    WITH blob AS (
        INSERT INTO blobs AS b (area, digest, size, touched, state)
        SELECT area, digest, size, $1, 0 FROM unnest($2::text[], $3::text[], $4::bigint[]) AS w (area, digest, size)
        -- A size that was measured at the upload stays: a manifest may say another.
        ON CONFLICT (area, digest) DO UPDATE SET size = CASE b.size WHEN 0 THEN excluded.size ELSE b.size END,
            touched = greatest(b.touched, excluded.touched), state = 0, condemned = NULL
        RETURNING area, digest
    ), link AS (
        INSERT INTO links (repository, digest, area, recorded)
        SELECT w.repository, w.digest, w.area, true FROM blob
        JOIN unnest($5::text[], $6::text[], $7::text[]) AS w (repository, digest, area)
            ON w.area = blob.area AND w.digest = blob.digest
        ON CONFLICT (repository, digest) DO UPDATE SET area = excluded.area, recorded = true
    ), tag AS (
        INSERT INTO tags (repository, tag, digest)
        SELECT * FROM unnest($8::text[], $9::text[], $10::text[])
        ON CONFLICT (repository, tag) DO UPDATE SET digest = excluded.digest
    ), repository AS (
        INSERT INTO repositories (name) SELECT $11::text WHERE $11::text IS NOT NULL ON CONFLICT DO NOTHING
    ), named AS (
        INSERT INTO manifest_blobs (repository, manifest, blob)
        SELECT $11::text, $12::text, blob FROM unnest($20::text[]) AS blob ON CONFLICT DO NOTHING
    )
    -- Accepted again, a manifest keeps its place among the referrers.
    INSERT INTO manifests (repository, digest, area, media_type, size, artifact_type, subject, annotations, n, state)
    SELECT $11::text, $12::text, $13::text, $14::text, $15::bigint, $16::text, $17::text, $18::text, $19::bigint, 0
        WHERE $11::text IS NOT NULL
    ON CONFLICT (repository, digest) DO UPDATE SET area = excluded.area, media_type = excluded.media_type,
        size = excluded.size, artifact_type = excluded.artifact_type, subject = excluded.subject,
        annotations = excluded.annotations, state = 0";

/// $1 name, $2 time. $3 to $5 and $15: organisation, kind, visibility and owners of the package. $6 to $14: a version of it.
const PUBLISH: &str = "
    WITH package AS (
        INSERT INTO packages (name, org, kind, visibility, created, updated, owners, versions)
        SELECT $1, $3::text, $4::text, $5::text, $2, $2, $15::text, 0 WHERE $3::text IS NOT NULL
        ON CONFLICT (name) DO NOTHING
    )
    INSERT INTO versions (name, number, version, rank, digest, kind, record, published, event, config, yanked, deleted,
        event_id)
    SELECT $1, $6::text, $7::text, $8::text, $9::text, $10::text, $11::text, $2, $12::bigint, $13::text, false, false,
        $14::text
        WHERE $6::text IS NOT NULL
    ON CONFLICT (name, number) DO UPDATE SET version = excluded.version, rank = excluded.rank, digest = excluded.digest,
        kind = excluded.kind, record = excluded.record, published = excluded.published, event = excluded.event,
        config = excluded.config, yanked = false, reason = NULL, deprecation = NULL, deleted = false,
        purged = false, event_id = excluded.event_id";

impl Added {
    /// Takes a write that only adds rows; `false` if it is no such one.
    pub fn take(&mut self, write: &Write) -> bool {
        match write {
            Write::Blob { area, digest, size } => {
                let known = self.blobs.entry((area.clone(), *digest)).or_default();
                *known = if *known == 0 { *size } else { *known };
            }
            Write::Link { repository, area, digest } if self.blobs.contains_key(&(area.clone(), *digest)) => {
                self.links.insert((repository.clone(), *digest), area.clone());
            }
            Write::Tag { repository, tag, digest } => {
                self.tags.insert((repository.clone(), tag.clone()), *digest);
            }
            Write::Manifest { accepted, facts } if self.manifest.is_none() => {
                self.manifest = Some((accepted.clone(), facts.clone()));
            }
            Write::Package { name, kind, visibility, owners } if self.package.is_none() => {
                self.package = Some((name.clone(), *kind, *visibility, owners.clone()));
            }
            Write::Version { name, digest, publication } if self.version.is_none() => {
                self.version = Some((name.clone(), *digest, publication.clone()));
            }
            _ => return false,
        }
        true
    }

    fn has_rows(&self) -> bool {
        !(self.blobs.is_empty() && self.tags.is_empty()) || self.manifest.is_some()
    }
}

impl Sql<'_> {
    /// Writes what an event adds.
    pub(super) fn add(&mut self, added: &Added, event: &Event) -> Result<(), MetaError> {
        if added.has_rows() {
            self.add_rows(added, event)?;
        }
        self.publish(added, event)
    }

    fn add_rows(&mut self, added: &Added, event: &Event) -> Result<(), MetaError> {
        let (mut areas, mut blobs, mut sizes) = (Vec::new(), Vec::new(), Vec::new());
        for ((area, digest), size) in &added.blobs {
            areas.push(area.to_string());
            blobs.push(digest.to_string());
            sizes.push(signed(*size));
        }
        let (mut readers, mut linked, mut linked_areas) = (Vec::new(), Vec::new(), Vec::new());
        for ((repository, digest), area) in &added.links {
            readers.push(repository.to_string());
            linked.push(digest.to_string());
            linked_areas.push(area.to_string());
        }
        let (mut repositories, mut tags, mut targets) = (Vec::new(), Vec::new(), Vec::new());
        for ((repository, tag), digest) in &added.tags {
            repositories.push(repository.to_string());
            tags.push(tag.to_string());
            targets.push(digest.to_string());
        }
        let manifest = added.manifest.as_ref();
        let accepted = manifest.map(|(accepted, _)| accepted);
        let facts = manifest.map(|(_, facts)| facts);
        let named = facts.iter().flat_map(|facts| &facts.blobs).map(|(digest, _)| digest.to_string());
        let insert = query(ADD)
            .bind(event.time.micros())
            .bind(areas)
            .bind(blobs)
            .bind(sizes)
            .bind(readers)
            .bind(linked)
            .bind(linked_areas)
            .bind(repositories)
            .bind(tags)
            .bind(targets)
            .bind(accepted.map(|accepted| accepted.repository.to_string()))
            .bind(accepted.map(|accepted| accepted.digest.to_string()))
            .bind(accepted.map(|accepted| accepted.area.to_string()))
            .bind(accepted.map(|accepted| escape(&accepted.media_type)))
            .bind(accepted.map(|accepted| signed(accepted.size)))
            .bind(facts.and_then(|facts| facts.artifact_type.as_deref()).map(escape))
            .bind(facts.and_then(|facts| facts.subject).map(|subject| subject.to_string()))
            .bind(facts.map(|facts| to_json(&facts.annotations)).transpose()?)
            .bind(signed(event.n))
            .bind(named.collect::<Vec<_>>());
        self.run(insert)
    }

    fn publish(&mut self, added: &Added, event: &Event) -> Result<(), MetaError> {
        let (package, version) = (added.package.as_ref(), added.version.as_ref());
        let name = package.map(|(name, ..)| name).or(version.map(|(name, ..)| name));
        let Some(name) = name else { return Ok(()) };
        let publication = version.map(|(.., publication)| publication);
        let config = publication.and_then(|publication| publication.config.as_deref());
        let insert = query(PUBLISH)
            .bind(name.to_string())
            .bind(event.time.micros())
            .bind(package.map(|(name, ..)| name.org().to_owned()))
            .bind(package.map(|(_, kind, ..)| kind.as_str()))
            .bind(package.map(|(_, _, visibility, _)| visibility.as_str()))
            .bind(publication.map(|publication| publication.version.number()))
            .bind(publication.map(|publication| publication.version.to_string()))
            .bind(publication.and_then(|publication| rank(&publication.version, false, false)))
            .bind(version.map(|(_, digest, _)| digest.to_string()))
            .bind(publication.map(|publication| publication.kind.as_str()))
            .bind(publication.map(|publication| publication.record.to_string()))
            .bind(signed(event.n))
            .bind(config.map(to_json).transpose()?)
            .bind(event.id.to_string())
            .bind(package.map(|(.., owners)| to_json(owners)).transpose()?);
        self.run(insert)
    }

    /// Carries out a write that reads or removes rows.
    pub(super) fn carry_out(&mut self, write: &Write, event: &Event) -> Result<(), MetaError> {
        match write {
            Write::LinkAll { repository, digest } => {
                let named = "SELECT m.area, b.blob FROM manifest_blobs b
                             JOIN manifests m ON m.repository = b.repository AND m.digest = b.manifest
                             WHERE b.repository = $1 AND b.manifest = $2";
                self.lock_blobs(named, repository, digest)?;
                let link = "INSERT INTO links (repository, digest, area, recorded)
                            SELECT b.repository, b.blob, m.area, true FROM manifest_blobs b
                            JOIN manifests m ON m.repository = b.repository AND m.digest = b.manifest
                            WHERE b.repository = $1 AND b.manifest = $2
                            ON CONFLICT (repository, digest) DO UPDATE SET area = excluded.area, recorded = true";
                self.run(query(link).bind(repository.to_string()).bind(digest.to_string()))
            }
            Write::Unlink { repository, digest } => {
                let linked = "SELECT area, digest FROM links WHERE repository = $1 AND digest = $2";
                self.lock_blobs(linked, repository, digest)?;
                let unlink = query("DELETE FROM links WHERE repository = $1 AND digest = $2");
                self.run(unlink.bind(repository.to_string()).bind(digest.to_string()))
            }
            Write::RemoveManifest { repository, digest } => {
                let remove = "WITH named AS (DELETE FROM manifest_blobs WHERE repository = $1 AND manifest = $2)
                              DELETE FROM manifests WHERE repository = $1 AND digest = $2";
                self.run(query(remove).bind(repository.to_string()).bind(digest.to_string()))
            }
            Write::HideManifest { repository, digest, state } => {
                let state = match state {
                    ManifestState::Live => LIVE,
                    ManifestState::Deleted => HIDDEN,
                };
                let hide = query("UPDATE manifests SET state = $3 WHERE repository = $1 AND digest = $2");
                self.run(hide.bind(repository.to_string()).bind(digest.to_string()).bind(state))
            }
            Write::Untag { repository, tag } => {
                let untag = query("DELETE FROM tags WHERE repository = $1 AND tag = $2");
                self.run(untag.bind(repository.to_string()).bind(tag.to_string()))
            }
            Write::Deleted { name, version, deleted } => {
                let (yanked, _) = self.version_flags(name, version)?;
                let delete = query("UPDATE versions SET deleted = $3, rank = $4 WHERE name = $1 AND number = $2");
                let delete = delete.bind(name.to_string()).bind(version.number()).bind(*deleted);
                self.run(delete.bind(rank(version, yanked, *deleted)))
            }
            Write::Visible { name, visibility } => {
                let see = "WITH package AS (UPDATE packages SET visibility = $2 WHERE name = $1 RETURNING name)
                           INSERT INTO names (name, visibility)
                           SELECT $1::text, $2::text WHERE NOT EXISTS (SELECT 1 FROM package)
                           ON CONFLICT (name) DO UPDATE SET visibility = excluded.visibility";
                self.run(query(see).bind(name.to_string()).bind(visibility.as_str()))
            }
            Write::Move { repository, area } => self.move_content(repository, area),
            Write::Owners { name, owners } => {
                // A package that shows nothing gets all its labels anew when it is shown, owners among them.
                let own = query("UPDATE packages SET owners = $2, shown = NULL WHERE name = $1");
                self.run(own.bind(name.to_string()).bind(to_json(owners)?))
            }
            Write::Purged { name, version } => {
                let purge = query(
                    "UPDATE versions SET purged = true, config = NULL, reason = NULL, deprecation = NULL
                     WHERE name = $1 AND number = $2",
                );
                self.run(purge.bind(name.to_string()).bind(version.number()))
            }
            Write::Yanked { name, version, yanked, reason } => {
                let (_, deleted) = self.version_flags(name, version)?;
                let yank =
                    query("UPDATE versions SET yanked = $3, rank = $4, reason = $5 WHERE name = $1 AND number = $2");
                let yank = yank.bind(name.to_string()).bind(version.number()).bind(*yanked);
                self.run(yank.bind(rank(version, *yanked, deleted)).bind(reason.map(|digest| digest.to_string())))
            }
            Write::Deprecated { name, version, deprecation } => {
                let deprecate = query("UPDATE versions SET deprecation = $3 WHERE name = $1 AND number = $2");
                let deprecation = deprecation.as_ref().map(to_json).transpose()?;
                self.run(deprecate.bind(name.to_string()).bind(version.number()).bind(deprecation))
            }
            Write::Pinned { name, version } => {
                let pin = query("UPDATE packages SET pinned = $2 WHERE name = $1");
                self.run(pin.bind(name.to_string()).bind(version.as_ref().map(Version::number)))
            }
            Write::Collection { name, document, content } => self.write_collection(name, document, content, event),
            Write::Org { org, document, profile } => self.write_org(org, document, profile, event),
            Write::RemoveCollection { name } => self.remove_collection(name),
            Write::Reshow { name } => self.reshow(name, event),
            other => Err(MetaError::Corrupt(format!("a write that does not follow the rules: {other:?}"))),
        }
    }

    fn move_content(&mut self, repository: &Repository, area: &Area) -> Result<(), MetaError> {
        let lock = "SELECT 1 FROM blobs WHERE (area, digest) IN (SELECT area, digest FROM links WHERE repository = $1)
                    ORDER BY area, digest FOR NO KEY UPDATE";
        self.run(query(lock).bind(repository.to_string()))?;
        // The parts do not see each other, and none touches a row of another.
        let change = "WITH manifest AS (UPDATE manifests SET area = $2::text WHERE repository = $1::text),
                      link AS (UPDATE links SET area = $2 WHERE repository = $1
                          AND digest IN (SELECT blob FROM manifest_blobs WHERE repository = $1))
                      DELETE FROM links WHERE repository = $1 AND area <> $2
                          AND digest NOT IN (SELECT blob FROM manifest_blobs WHERE repository = $1)";
        self.run(query(change).bind(repository.to_string()).bind(area.to_string()))
    }

    /// Locks the blobs that a query finds by repository and digest: whoever locks a link has locked its blob.
    fn lock_blobs(&mut self, found: &str, repository: &Repository, digest: &Digest) -> Result<(), MetaError> {
        let lock =
            format!("SELECT 1 FROM blobs WHERE (area, digest) IN ({found}) ORDER BY area, digest FOR NO KEY UPDATE");
        self.run(query(AssertSqlSafe(lock)).bind(repository.to_string()).bind(digest.to_string()))
    }

    /// Whether the version is yanked, and whether it is deleted.
    fn version_flags(&mut self, name: &Name, version: &Version) -> Result<(bool, bool), MetaError> {
        let flags = query("SELECT yanked, deleted FROM versions WHERE name = $1 AND number = $2");
        let flags =
            self.row(flags.bind(name.to_string()).bind(version.number()), |row| Ok((get(row, 0)?, get(row, 1)?)))?;
        flags.ok_or_else(|| MetaError::Corrupt(format!("version {version} of {name} is not there")))
    }
}
