//! Which version a package shows, and what follows from it: its words, its labels, the tag `latest`.

use rusqlite::params;

use crate::domain::{Config, Digest, Event, Name, Tag, Version};

use super::super::rules::is_stable;
use super::super::shown::Shown;
use super::super::{Label, MetaError};
use super::sql::{Sql, get, json, parse, to_json};

/// How labels are told apart in their table.
pub(super) fn label_type(label: Label) -> i64 {
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

impl Sql<'_> {
    pub(super) fn reshow(&self, name: &Name, event: &Event) -> Result<(), MetaError> {
        let Some(top) = self.top(name)? else { return self.show_nothing(name, event) };
        // A published version never changes: as long as the same one is shown, so are its words.
        let words = match (top.is_shown, &top.config) {
            (true, _) => None,
            (false, None) => Some(Shown::default()),
            (false, Some(config)) => Some(Shown::of(Some(&json::<Config>(config)?))),
        };
        let card = words.as_ref().map(to_json).transpose()?;
        let shown = top.version.to_string();
        let latest = is_stable(&top.rank).then_some(&shown);
        let sql = "UPDATE packages SET shown = ?2, latest = ?3, updated = ?4, card = coalesce(?5, card),
                   versions = (SELECT count(*) FROM versions WHERE name = ?1 AND rank IS NOT NULL) WHERE name = ?1";
        self.run(sql, params![name.as_str(), shown, latest, event.time.micros(), card])?;
        if let Some(words) = &words {
            self.write_labels(name, words)?;
        }
        match latest {
            Some(_) => self.write_tag(&name.repository(), Tag::LATEST, &top.digest),
            None => self.remove_tag(&name.repository(), Tag::LATEST),
        }
    }

    fn top(&self, name: &Name) -> Result<Option<Top>, MetaError> {
        let sql = "SELECT v.version, v.digest, v.rank, p.shown IS v.version,
                   CASE WHEN p.shown IS v.version THEN NULL ELSE v.config END
                   FROM versions v JOIN packages p ON p.name = v.name
                   WHERE v.name = ?1 AND v.rank IS NOT NULL ORDER BY v.rank DESC LIMIT 1";
        self.row(sql, [name.as_str()], |row| {
            Ok(Top {
                version: parse(row, 0)?,
                digest: parse(row, 1)?,
                rank: get(row, 2)?,
                is_shown: get(row, 3)?,
                config: get(row, 4)?,
            })
        })
    }

    fn write_labels(&self, name: &Name, words: &Shown) -> Result<(), MetaError> {
        self.run("DELETE FROM package_labels WHERE name = ?1", [name.as_str()])?;
        for (label, text) in words.labels() {
            let sql = "INSERT INTO package_labels (type, label, name) VALUES (?1, ?2, ?3)";
            self.run(sql, params![label_type(label), text, name.as_str()])?;
        }
        Ok(())
    }

    fn show_nothing(&self, name: &Name, event: &Event) -> Result<(), MetaError> {
        let sql = "UPDATE packages SET shown = NULL, latest = NULL, card = NULL, versions = 0, updated = ?2
                   WHERE name = ?1";
        self.run(sql, params![name.as_str(), event.time.micros()])?;
        self.run("DELETE FROM package_labels WHERE name = ?1", [name.as_str()])?;
        self.remove_tag(&name.repository(), Tag::LATEST)
    }
}
