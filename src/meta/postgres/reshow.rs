//! Which version a package shows, and what follows from it: its words, its labels, the tag `latest`.

use crate::domain::{Config, Digest, Event, Kind, Name, UserName, Version};

use super::super::MetaError;
use super::super::column::{json, to_json};
use super::super::rules::is_stable;
use super::super::shown::{Shown, Standing, changes_standing};
use super::super::ways::found_by;
use super::sql::{escape, get, parse, query};
use super::transaction::Sql;

/// The version that the package shows.
struct Top {
    version: Version,
    digest: Digest,
    /// Whether it is what `latest` names.
    is_latest: bool,
    /// Whether the package shows it already, and it stands as it did.
    is_shown: bool,
    standing: Standing,
    /// Its config; not read if it is shown already.
    config: Option<String>,
    /// What the package is.
    kind: Kind,
    /// Who owns it.
    owners: Vec<UserName>,
}

/// The pinned version, unless it is yanked or deleted, and the one of the highest rank. $1 package, $2 whether to read it as if it
/// were not shown yet.
const TOP: &str = "
    SELECT v.version, v.digest, v.rank, p.shown IS NOT DISTINCT FROM v.version AND NOT $2,
        CASE WHEN $2 OR p.shown IS DISTINCT FROM v.version THEN v.config END, w.pinned, p.kind,
        v.yanked, v.deprecation IS NOT NULL, p.owners
    FROM packages p CROSS JOIN LATERAL (
        (SELECT number, true AS pinned FROM versions
            WHERE name = p.name AND number = p.pinned AND rank IS NOT NULL AND NOT yanked)
        UNION ALL
        (SELECT number, false FROM versions WHERE name = p.name AND rank IS NOT NULL ORDER BY rank DESC LIMIT 1)
    ) w JOIN versions v ON v.name = p.name AND v.number = w.number
    WHERE p.name = $1 ORDER BY w.pinned DESC LIMIT 1";

/// $1 package, $2 shown version, $3 latest one, $4 time, $5 digest of the latest. $6 whether the words change: $7 card, $8 and $9 types
/// and texts of all labels. Answers with the labels that the package has gained or lost, and whether everybody sees it. The parts
/// of one statement do not see each other.
const SHOW: &str = "
    WITH shown AS (
        UPDATE packages SET shown = $2, latest = $3, updated = $4, card = CASE WHEN $6 THEN $7 ELSE card END,
            versions = (SELECT count(*) FROM versions WHERE name = $1 AND rank IS NOT NULL)
        WHERE name = $1
    ), wanted AS (
        SELECT w.type, w.label, l.id FROM unnest($8::smallint[], $9::text[]) AS w (type, label)
        LEFT JOIN labels l ON l.type = w.type AND md5(l.label) = md5(w.label) AND l.label = w.label WHERE $6
    ), made AS (
        INSERT INTO labels (type, label, packages, public) SELECT type, label, 0, 0 FROM wanted WHERE id IS NULL
        RETURNING id
    ), now AS (
        SELECT id FROM wanted WHERE id IS NOT NULL UNION ALL SELECT id FROM made
    ), before AS (
        SELECT unnest(labels) AS id FROM label_sets WHERE $6 AND name = $1
    ), written AS (
        INSERT INTO label_sets (name, labels) SELECT $1, array_agg(id ORDER BY id) FROM now HAVING count(*) > 0
        ON CONFLICT (name) DO UPDATE SET labels = excluded.labels WHERE label_sets.labels <> excluded.labels
    ), removed AS (
        DELETE FROM label_sets WHERE $6 AND name = $1 AND cardinality($8::smallint[]) = 0
    ), changed AS (
        SELECT id, 1::bigint AS by FROM now WHERE id NOT IN (SELECT id FROM before)
        UNION ALL
        SELECT id, -1 FROM before WHERE id NOT IN (SELECT id FROM now)
    ), gained AS (
        INSERT INTO package_labels (label, name) SELECT id, $1 FROM changed WHERE by > 0 ON CONFLICT DO NOTHING
    ), lost AS (
        DELETE FROM package_labels l USING changed c WHERE c.by < 0 AND l.label = c.id AND l.name = $1
            AND EXISTS (SELECT 1 FROM changed WHERE by < 0)
    ), untagged AS (
        DELETE FROM tags WHERE $5::text IS NULL AND repository = $1 AND tag = 'latest'
    ), tagged AS (
        INSERT INTO tags (repository, tag, digest) SELECT $1, 'latest', $5::text WHERE $5::text IS NOT NULL
        ON CONFLICT (repository, tag) DO UPDATE SET digest = excluded.digest
    )
    SELECT id, by, (SELECT visibility = 'public' FROM packages WHERE name = $1) FROM changed";

impl Sql<'_> {
    pub(super) fn reshow(&mut self, name: &Name, event: &Event) -> Result<(), MetaError> {
        let top = self.top(name, changes_standing(event))?;
        // A published version never changes: as long as the same one is shown, so are its words.
        let is_new = !top.as_ref().is_some_and(|top| top.is_shown);
        let config: Option<Config> = top.as_ref().and_then(|top| top.config.as_deref()).map(json).transpose()?;
        // A package that shows nothing has no card.
        let card = top.as_ref().filter(|_| is_new).map(|_| to_json(&Shown::of(config.as_ref()))).transpose()?;
        let found_by = top.as_ref().map(|top| found_by(name, top.kind, config.as_ref(), top.standing, &top.owners));
        let found_by = found_by.unwrap_or_default();
        let (types, labels): (Vec<_>, Vec<_>) = found_by.iter().map(|(of, text)| (*of, escape(text))).unzip();
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
        let changed = self.rows(show, |row| Ok((get(row, 0)?, get::<i64>(row, 1)?, get::<bool>(row, 2)?)))?;
        for (id, by, is_public) in changed {
            let (packages, public) = self.label_changes.entry(id).or_default();
            *packages += by;
            *public += if is_public { by } else { 0 };
        }
        Ok(())
    }

    /// Writes how many packages each label has gained or lost: once a batch, since each version of a row stays in the way of
    /// those that look for it until the transaction ends.
    pub(super) fn count_labels(&mut self) -> Result<(), MetaError> {
        let changes = std::mem::take(&mut self.label_changes);
        if changes.is_empty() {
            return Ok(());
        }
        let (packages, public): (Vec<i64>, Vec<i64>) = changes.values().copied().unzip();
        let sql = "UPDATE labels l SET packages = l.packages + w.packages, public = l.public + w.public
                   FROM unnest($1::integer[], $2::bigint[], $3::bigint[]) AS w (id, packages, public) WHERE l.id = w.id";
        self.run(query(sql).bind(changes.keys().copied().collect::<Vec<i32>>()).bind(packages).bind(public))
    }

    /// `again`: as if it were not shown yet.
    fn top(&mut self, name: &Name, again: bool) -> Result<Option<Top>, MetaError> {
        self.row(query(TOP).bind(name.to_string()).bind(again), |row| {
            Ok(Top {
                version: parse(row, 0)?,
                digest: parse(row, 1)?,
                is_latest: get(row, 5)? || is_stable(get(row, 2)?),
                is_shown: get(row, 3)?,
                config: get(row, 4)?,
                kind: parse(row, 6)?,
                standing: Standing { yanked: get(row, 7)?, deprecated: get(row, 8)? },
                owners: json(get(row, 9)?)?,
            })
        })
    }
}
