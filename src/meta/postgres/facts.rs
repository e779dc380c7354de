//! The facts that a decision reads: one statement, each of whose parts looks up a few rows by their keys.

use std::collections::{HashMap, HashSet};

use sqlx::postgres::PgRow;

use crate::domain::{Area, Digest, Kind, Repository, Tag, UserName, Version, Visibility};

use super::super::MetaError;
use super::super::column::{json, unsigned};
use super::super::rules::{Facts, ManifestState, VersionFacts, Wanted};
use super::sql::{Query, get, json_optional, parse, parse_optional, query};
use super::transaction::Sql;

/// Columns: what the row tells; a text; a digest or the owners; two flags; its place in a list; another text; another flag.
///
/// $1 repository, $2 tags, $3 manifest, $4 whether the tags on it, $5 whether the versions that it is, $6 package, $7 numbers of
/// versions, $8 blobs, $9 and $10 areas and digests of what is brought, $11 the blob that may be needed, $12 collection, $13
/// organisation.
const FACTS: &str = "
    SELECT 'tag', tag, digest, false, false, 0::bigint, NULL::text, false FROM tags WHERE repository = $1::text AND tag = ANY($2::text[])
    UNION ALL
    SELECT 'manifest', NULL, digest, state = 1, false, 0, NULL, false FROM manifests WHERE repository = $1 AND digest = $3::text
    UNION ALL
    SELECT 'tag on manifest', tag, digest, false, false, 0, NULL, false FROM tags
        WHERE $4::bool AND repository = $1 AND digest = $3::text
    UNION ALL
    SELECT 'package', kind || ' ' || visibility, owners, false, false, 0, pinned, false FROM packages WHERE name = $6::text
    UNION ALL
    SELECT 'version', version, digest, yanked, deleted, 0, deprecation, purged FROM versions
        WHERE name = $6::text AND number = ANY($7::text[])
    UNION ALL
    SELECT 'version of manifest', version, digest, yanked, deleted, event, deprecation, purged FROM versions
        WHERE $5::bool AND name = $6::text AND digest = $3::text
    UNION ALL
    SELECT 'readable', NULL, l.digest, l.recorded, false, 0, NULL, false
        FROM links l JOIN blobs b ON b.area = l.area AND b.digest = l.digest
        WHERE l.repository = $1 AND l.digest = ANY($8::text[]) AND b.state <> 2
    UNION ALL
    SELECT 'vanishing', b.area, b.digest, false, false, 0, NULL, false
        FROM unnest($9::text[], $10::text[]) AS w (area, digest)
        JOIN blobs b ON b.area = w.area AND b.digest = w.digest WHERE b.state = 2
    UNION ALL
    (SELECT 'needed by', v.version, NULL, false, false, 0, NULL, false FROM versions v
        JOIN manifest_blobs b ON b.repository = v.name AND b.manifest = v.digest AND b.blob = $11::text
        WHERE v.name = $6::text AND NOT v.deleted ORDER BY v.rank DESC LIMIT 1)
    UNION ALL
    SELECT 'collection', NULL, document, false, false, 0, NULL, false FROM collections WHERE name = $12::text
    UNION ALL
    SELECT 'org', visibility, document, false, false, 0, NULL, false FROM orgs WHERE name = $13::text
    UNION ALL
    SELECT 'said', visibility, NULL, false, false, 0, NULL, false FROM names WHERE name = $6::text
    UNION ALL
    SELECT 'pushed', NULL, NULL, false, false, 0, NULL, false FROM repositories WHERE name = $1";

/// $1 repository, $2 its private area. Everything that it keeps, with lengths, which are 0 where they are not known. Asked for by
/// itself: few changes need it.
const CONTENT: &str = "
    SELECT c.digest, coalesce((SELECT max(b.size) FROM blobs b WHERE b.area IN ('public', $2::text)
        AND b.digest = c.digest), 0)
    FROM (SELECT digest FROM manifests WHERE repository = $1::text
        UNION SELECT blob FROM manifest_blobs WHERE repository = $1
        UNION SELECT record FROM versions WHERE name = $1 AND NOT purged
        UNION SELECT reason FROM versions WHERE name = $1 AND reason IS NOT NULL
        UNION SELECT deprecation::json ->> 'reason' FROM versions
            WHERE name = $1 AND deprecation::json ->> 'reason' IS NOT NULL) c
    ORDER BY c.digest COLLATE \"C\"";

impl Sql<'_> {
    pub(super) fn facts(&mut self, wanted: &Wanted) -> Result<Facts, MetaError> {
        let found = self.rows(facts_query(wanted), Found::read)?;
        let mut facts = Facts::default();
        if let Some(repository) = wanted.repository.as_ref().filter(|_| wanted.content) {
            facts.content = self.rows(content_query(repository), content)?;
        }
        let mut readable: HashMap<Digest, bool> = HashMap::new();
        let mut vanishing: HashSet<(Area, Digest)> = HashSet::new();
        let mut versions_of_manifest = Vec::new();
        for found in found {
            match found {
                Found::Tag(tag, digest) => drop(facts.tags.insert(tag, digest)),
                Found::Manifest(state) => facts.manifest = Some(state),
                Found::TagOnManifest(tag) => facts.tags_on_manifest.push(tag),
                Found::Package(kind, visibility, owners, pinned) => {
                    (facts.package, facts.visibility) = (Some(kind), visibility);
                    (facts.owners, facts.pinned) = (owners, pinned);
                }
                Found::Version(version) => facts.versions.push(version),
                Found::VersionOfManifest(event, version) => versions_of_manifest.push((event, version)),
                Found::Readable(digest, recorded) => drop(readable.insert(digest, recorded)),
                Found::Vanishing(area, digest) => drop(vanishing.insert((area, digest))),
                Found::NeededBy(version) => facts.needed_by = Some(version),
                Found::Collection(document) => facts.collection = Some(document),
                Found::Org(document, visibility) => facts.org = Some((document, visibility)),
                Found::Said(visibility) => facts.said = Some(visibility),
                Found::Pushed => facts.pushed = true,
            }
        }
        facts.tags_on_manifest.sort_unstable_by(|one, other| one.as_str().cmp(other.as_str()));
        versions_of_manifest.sort_by_key(|(event, _)| *event);
        facts.versions_of_manifest = versions_of_manifest.into_iter().map(|(_, version)| version).collect();
        for digest in &wanted.blobs {
            match readable.get(digest) {
                Some(recorded) => facts.unrecorded |= !recorded,
                None if facts.unreadable.contains(digest) => {}
                None => facts.unreadable.push(*digest),
            }
        }
        let brought = wanted.brought.iter().filter(|brought| vanishing.contains(brought));
        facts.vanishing = brought.map(|(_, digest)| *digest).collect();
        Ok(facts)
    }
}

/// [`CONTENT`] of a repository.
pub(super) fn content_query(repository: &Repository) -> Query {
    query(CONTENT).bind(repository.to_string()).bind(Area::private(repository).to_string())
}

/// A row of [`CONTENT`].
pub(super) fn content(row: &PgRow) -> Result<(Digest, u64), MetaError> {
    Ok((parse(row, 0)?, unsigned(get(row, 1)?)))
}

fn facts_query(wanted: &Wanted) -> Query {
    let texts = |digests: &[Digest]| digests.iter().map(|digest| digest.to_string()).collect::<Vec<_>>();
    let (areas, brought): (Vec<_>, Vec<_>) =
        wanted.brought.iter().map(|(area, digest)| (area.to_string(), digest.to_string())).unzip();
    query(FACTS)
        .bind(wanted.repository.as_ref().map(ToString::to_string))
        .bind(wanted.tags.iter().map(|tag| tag.to_string()).collect::<Vec<_>>())
        .bind(wanted.manifest.map(|digest| digest.to_string()))
        .bind(wanted.tags_on_manifest)
        .bind(wanted.versions_of_manifest)
        .bind(wanted.repository.as_ref().and_then(Repository::package).map(|name| name.to_string()))
        .bind(wanted.versions.iter().map(|version| version.number()).collect::<Vec<_>>())
        .bind(texts(&wanted.blobs))
        .bind(areas)
        .bind(brought)
        .bind(wanted.needed.map(|digest| digest.to_string()))
        .bind(wanted.collection.as_ref().map(ToString::to_string))
        .bind(wanted.org.as_ref().map(ToString::to_string))
}

/// What one row tells.
enum Found {
    Tag(Tag, Digest),
    Manifest(ManifestState),
    TagOnManifest(Tag),
    /// What it is, who sees it, who owns it, and what `latest` is pinned to.
    Package(Kind, Visibility, Vec<UserName>, Option<Version>),
    Version(VersionFacts),
    /// By the event that published it.
    VersionOfManifest(i64, VersionFacts),
    /// Whether an event says so.
    Readable(Digest, bool),
    Vanishing(Area, Digest),
    NeededBy(Version),
    /// Its document.
    Collection(Digest),
    /// Its document, and who sees its packages when they are new.
    Org(Digest, Visibility),
    /// Who sees what is under a name that is no package.
    Said(Visibility),
    Pushed,
}

impl Found {
    fn read(row: &PgRow) -> Result<Self, MetaError> {
        let version = || {
            Ok::<_, MetaError>(VersionFacts {
                version: parse(row, 1)?,
                digest: parse(row, 2)?,
                yanked: get(row, 3)?,
                deleted: get(row, 4)?,
                purged: get(row, 7)?,
                deprecation: json_optional(row, 6)?,
            })
        };
        Ok(match get(row, 0)? {
            "tag" => Self::Tag(parse(row, 1)?, parse(row, 2)?),
            "manifest" if get(row, 3)? => Self::Manifest(ManifestState::Deleted),
            "manifest" => Self::Manifest(ManifestState::Live),
            "tag on manifest" => Self::TagOnManifest(parse(row, 1)?),
            "package" => {
                let text: &str = get(row, 1)?;
                let (kind, visibility) = text.split_once(' ').unwrap_or((text, ""));
                let corrupt = |error: String| MetaError::Corrupt(error);
                let kind = kind.parse().map_err(|_| MetaError::Corrupt(format!("{kind:?} is no kind")))?;
                let visibility = visibility.parse().map_err(corrupt)?;
                Self::Package(kind, visibility, json(get(row, 2)?)?, parse_optional(row, 6)?)
            }
            "version" => Self::Version(version()?),
            "version of manifest" => Self::VersionOfManifest(get(row, 5)?, version()?),
            "readable" => Self::Readable(parse(row, 2)?, get(row, 3)?),
            "vanishing" => Self::Vanishing(parse(row, 1)?, parse(row, 2)?),
            "needed by" => Self::NeededBy(parse(row, 1)?),
            "collection" => Self::Collection(parse(row, 2)?),
            "org" => Self::Org(parse(row, 2)?, parse(row, 1)?),
            "said" => Self::Said(parse(row, 1)?),
            "pushed" => Self::Pushed,
            other => return Err(MetaError::Corrupt(format!("a fact of no kind: {other}"))),
        })
    }
}
