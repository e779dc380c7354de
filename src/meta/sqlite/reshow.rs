//! Which version a package shows, and what follows from it: its words, its labels, the tag `latest`.

use rusqlite::params;

use crate::domain::{Config, Event, Name, Tag};

use super::super::rules::is_stable;
use super::super::shown::Shown;
use super::super::{Label, MetaError};
use super::sql::{Sql, get, json, to_json};

/// How labels are told apart in their table.
pub(super) fn label_type(label: Label) -> i64 {
    match label {
        Label::Tag => 0,
        Label::Skill => 1,
    }
}

impl Sql<'_> {
    pub(super) fn reshow(&self, name: &Name, event: &Event) -> Result<(), MetaError> {
        let Some((version, digest, rank)) = self.top(name)? else { return self.show_nothing(name, event) };
        let sql = "SELECT shown FROM packages WHERE name = ?1";
        let before: Option<String> = self.row(sql, [name.as_str()], |row| get(row, 0))?.flatten();
        let shown = version.to_string();
        // A published version never changes: as long as the same one is shown, so are its words.
        if before.as_deref() != Some(&shown) {
            self.show_words(name, &version.number())?;
        }
        let latest = is_stable(&rank).then_some(&shown);
        let sql = "UPDATE packages SET shown = ?2, latest = ?3, updated = ?4,
                   versions = (SELECT count(*) FROM versions WHERE name = ?1 AND rank IS NOT NULL) WHERE name = ?1";
        self.run(sql, params![name.as_str(), shown, latest, event.time.micros()])?;
        match latest {
            Some(_) => self.write_tag(&name.repository(), Tag::LATEST, &digest),
            None => self.remove_tag(&name.repository(), Tag::LATEST),
        }
    }

    fn show_words(&self, name: &Name, number: &str) -> Result<(), MetaError> {
        let sql = "SELECT config FROM versions WHERE name = ?1 AND number = ?2";
        let config: Option<String> = self.row(sql, [name.as_str(), number], |row| get(row, 0))?.flatten();
        let config: Option<Config> = config.as_deref().map(json).transpose()?;
        let words = Shown::of(config.as_ref());
        self.run("UPDATE packages SET card = ?2 WHERE name = ?1", params![name.as_str(), to_json(&words)?])?;
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
