//! Which version a package shows, and what follows from it: its words, its labels, the tag `latest`.

use crate::domain::{Config, Digest, Event, Name, Version};

use super::super::MetaError;
use super::super::column::{json, label_type, to_json};
use super::super::rules::is_stable;
use super::super::shown::{Shown, labels};
use super::sql::{escape, get, parse, query};
use super::transaction::Sql;

/// The version that the package shows.
struct Top {
    version: Version,
    digest: Digest,
    /// Whether it is what `latest` names.
    is_latest: bool,
    /// Whether the package shows it already.
    is_shown: bool,
    /// Its config; not read if it is shown already.
    config: Option<String>,
}

/// The pinned version, unless it is yanked or deleted, and the one of the highest rank.
const TOP: &str = "
    SELECT v.version, v.digest, v.rank, p.shown IS NOT DISTINCT FROM v.version,
        CASE WHEN p.shown IS DISTINCT FROM v.version THEN v.config END, w.pinned
    FROM packages p CROSS JOIN LATERAL (
        (SELECT number, true AS pinned FROM versions
            WHERE name = p.name AND number = p.pinned AND rank IS NOT NULL AND NOT yanked)
        UNION ALL
        (SELECT number, false FROM versions WHERE name = p.name AND rank IS NOT NULL ORDER BY rank DESC LIMIT 1)
    ) w JOIN versions v ON v.name = p.name AND v.number = w.number
    WHERE p.name = $1 ORDER BY w.pinned DESC LIMIT 1";

/// $1 package, $2 shown version, $3 latest one, $4 time, $5 digest of the latest. $6 whether the words change: $7 card, $8 and $9 types
/// and texts of labels. Labels that stay are neither removed nor added: the parts of one statement do not see each other.
const SHOW: &str = "
    WITH shown AS (
        UPDATE packages SET shown = $2, latest = $3, updated = $4, card = CASE WHEN $6 THEN $7 ELSE card END,
            versions = (SELECT count(*) FROM versions WHERE name = $1 AND rank IS NOT NULL)
        WHERE name = $1
    ), wanted AS (
        SELECT type, label FROM unnest($8::smallint[], $9::text[]) AS w (type, label)
    ), gone AS (
        DELETE FROM package_labels l WHERE $6 AND l.name = $1
            AND NOT EXISTS (SELECT 1 FROM wanted w WHERE w.type = l.type AND w.label = l.label)
    ), come AS (
        INSERT INTO package_labels (name, type, label)
        SELECT $1, w.type, w.label FROM wanted w WHERE NOT EXISTS
            (SELECT 1 FROM package_labels l WHERE l.name = $1 AND l.type = w.type AND l.label = w.label)
    ), untagged AS (
        DELETE FROM tags WHERE $5::text IS NULL AND repository = $1 AND tag = 'latest'
    )
    INSERT INTO tags (repository, tag, digest) SELECT $1, 'latest', $5::text WHERE $5::text IS NOT NULL
    ON CONFLICT (repository, tag) DO UPDATE SET digest = excluded.digest";

impl Sql<'_> {
    pub(super) fn reshow(&mut self, name: &Name, event: &Event) -> Result<(), MetaError> {
        let top = self.top(name)?;
        // A published version never changes: as long as the same one is shown, so are its words.
        let is_new = !top.as_ref().is_some_and(|top| top.is_shown);
        let config: Option<Config> = top.as_ref().and_then(|top| top.config.as_deref()).map(json).transpose()?;
        // A package that shows nothing has no card.
        let card = top.as_ref().filter(|_| is_new).map(|_| to_json(&Shown::of(config.as_ref()))).transpose()?;
        let (types, labels): (Vec<_>, Vec<_>) =
            labels(config.as_ref()).iter().map(|(label, text)| (label_type(*label), escape(text))).unzip();
        let latest = top.as_ref().filter(|top| top.is_latest);
        let show = query(SHOW)
            .bind(name.to_string())
            .bind(top.as_ref().map(|top| top.version.to_string()))
            .bind(latest.map(|top| top.version.to_string()))
            .bind(event.time.micros())
            .bind(latest.map(|top| top.digest.to_string()))
            .bind(is_new)
            .bind(card)
            .bind(types)
            .bind(labels);
        self.run(show)
    }

    fn top(&mut self, name: &Name) -> Result<Option<Top>, MetaError> {
        self.row(query(TOP).bind(name.to_string()), |row| {
            Ok(Top {
                version: parse(row, 0)?,
                digest: parse(row, 1)?,
                is_latest: get(row, 5)? || is_stable(get(row, 2)?),
                is_shown: get(row, 3)?,
                config: get(row, 4)?,
            })
        })
    }
}
