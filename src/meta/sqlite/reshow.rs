//! Which version a package shows, and what follows from it: its words, its labels, the tag `latest`.

use std::collections::BTreeSet;

use rusqlite::params;

use crate::domain::{Config, Digest, Event, Kind, Name, Tag, UserName, Version};

use super::super::MetaError;
use super::super::rules::is_stable;
use super::super::shown::{Shown, Standing, changes_standing};
use super::super::ways::{Typed, found_by};
use super::sql::{Sql, get, json, parse, to_json};

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

impl Sql<'_> {
    pub(super) fn reshow(&self, name: &Name, event: &Event) -> Result<(), MetaError> {
        // A published version never changes: as long as the same one is shown, so are its words.
        let Some(top) = self.top(name, changes_standing(event))? else { return self.show_nothing(name, event) };
        let config: Option<Config> = top.config.as_deref().map(json).transpose()?;
        let card = (!top.is_shown).then(|| to_json(&Shown::of(config.as_ref()))).transpose()?;
        let shown = top.version.to_string();
        let latest = top.is_latest.then_some(&shown);
        let sql = "UPDATE packages SET shown = ?2, latest = ?3, updated = ?4, card = coalesce(?5, card),
                   versions = (SELECT count(*) FROM versions WHERE name = ?1 AND rank IS NOT NULL) WHERE name = ?1";
        self.run(sql, params![name.as_str(), shown, latest, event.time.micros(), card])?;
        if !top.is_shown {
            let found_by = found_by(name, top.kind, config.as_ref(), top.standing, &top.owners);
            self.write_labels(name, &found_by)?;
        }
        match latest {
            Some(_) => self.write_tag(&name.repository(), Tag::LATEST, &top.digest),
            None => self.remove_tag(&name.repository(), Tag::LATEST),
        }
    }

    /// `again`: as if it were not shown yet.
    fn top(&self, name: &Name, again: bool) -> Result<Option<Top>, MetaError> {
        let pinned = "JOIN packages p ON p.name = v.name AND p.pinned = v.number
                      WHERE v.name = ?1 AND v.rank IS NOT NULL AND v.yanked = 0";
        let highest = "JOIN packages p ON p.name = v.name
                       WHERE v.name = ?1 AND v.rank IS NOT NULL ORDER BY v.rank DESC LIMIT 1";
        match self.version_to_show(name, again, pinned, |_| true)? {
            None => self.version_to_show(name, again, highest, is_stable),
            pinned => Ok(pinned),
        }
    }

    /// The version that `which` finds; `is_latest` judges its rank.
    fn version_to_show(
        &self,
        name: &Name,
        again: bool,
        which: &str,
        is_latest: impl Fn(&str) -> bool,
    ) -> Result<Option<Top>, MetaError> {
        let sql = format!(
            "SELECT v.version, v.digest, v.rank, p.shown IS v.version AND NOT ?2,
             CASE WHEN p.shown IS v.version AND NOT ?2 THEN NULL ELSE v.config END, p.kind,
             v.yanked, v.deprecation IS NOT NULL, p.owners FROM versions v {which}"
        );
        self.row(&sql, params![name.as_str(), again], |row| {
            Ok(Top {
                version: parse(row, 0)?,
                digest: parse(row, 1)?,
                is_latest: is_latest(&get::<String>(row, 2)?),
                is_shown: get(row, 3)?,
                config: get(row, 4)?,
                kind: parse(row, 5)?,
                standing: Standing { yanked: get(row, 6)?, deprecated: get(row, 7)? },
                owners: json(&get::<String>(row, 8)?)?,
            })
        })
    }

    /// Most versions say the same as the one before: only what differs is written.
    fn write_labels(&self, name: &Name, wanted: &BTreeSet<Typed>) -> Result<(), MetaError> {
        let held: BTreeSet<Typed> = self
            .rows("SELECT type, label FROM package_labels WHERE name = ?1", [name.as_str()], |row| {
                Ok((get(row, 0)?, get(row, 1)?))
            })?
            .into_iter()
            .collect();
        for (of, text) in held.difference(wanted) {
            let sql = "DELETE FROM package_labels WHERE type = ?1 AND label = ?2 AND name = ?3";
            self.run(sql, params![of, text, name.as_str()])?;
        }
        for (of, text) in wanted.difference(&held) {
            let sql = "INSERT INTO package_labels (type, label, name) VALUES (?1, ?2, ?3)";
            self.run(sql, params![of, text, name.as_str()])?;
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
