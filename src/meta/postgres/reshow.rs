//! Which version a package shows, and what follows from it: its words, its labels, the tag `latest`.

use crate::domain::{Config, Digest, Event, Name, Version};

use super::super::column::{json, to_json};
use super::super::rules::is_stable;
use super::super::shown::Shown;
use super::super::{Label, MetaError};
use super::sql::{escape, get, parse, query};
use super::transaction::Sql;

/// How labels are told apart in their table.
pub(super) fn label_type(label: Label) -> i16 {
    match label {
        Label::Tag => 0,
        Label::Skill => 1,
    }
}

/// The version of the highest rank.
struct Top {
    version: Version,
    digest: Digest,
    rank: String,
    /// Whether the package shows it already.
    is_shown: bool,
    /// Its config; not read if it is shown already.
    config: Option<String>,
}

const TOP: &str = "
    SELECT v.version, v.digest, v.rank, p.shown IS NOT DISTINCT FROM v.version,
        CASE WHEN p.shown IS DISTINCT FROM v.version THEN v.config END
    FROM versions v JOIN packages p ON p.name = v.name
    WHERE v.name = $1 AND v.rank IS NOT NULL ORDER BY v.rank DESC LIMIT 1";

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
        let words = match &top {
            None => Some(Shown::default()),
            Some(Top { is_shown: true, .. }) => None,
            Some(Top { config: None, .. }) => Some(Shown::default()),
            Some(Top { config: Some(config), .. }) => Some(Shown::of(Some(&json::<Config>(config)?))),
        };
        // A package that shows nothing has no card.
        let card = words.as_ref().filter(|_| top.is_some()).map(to_json).transpose()?;
        let labels = words.iter().flat_map(Shown::labels);
        let (types, labels): (Vec<_>, Vec<_>) = labels.map(|(label, text)| (label_type(label), escape(text))).unzip();
        let latest = top.as_ref().filter(|top| is_stable(&top.rank));
        let show = query(SHOW)
            .bind(name.to_string())
            .bind(top.as_ref().map(|top| top.version.to_string()))
            .bind(latest.map(|top| top.version.to_string()))
            .bind(event.time.micros())
            .bind(latest.map(|top| top.digest.to_string()))
            .bind(words.is_some())
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
                rank: get(row, 2)?,
                is_shown: get(row, 3)?,
                config: get(row, 4)?,
            })
        })
    }
}
