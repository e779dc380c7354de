//! Which version a package shows, and what follows from it: its words, its labels, the tag `latest`.

use std::collections::BTreeSet;

use mongodb::bson::doc;

use crate::domain::{Config, Event, Name, Tag, Version};

use super::super::MetaError;
use super::super::rules::is_stable;
use super::super::shown::{self, Shown, Standing, changes_standing};
use super::keys::{self, pair, parse, second};
use super::rows::{Package, Release, Row, json, to_json};
use super::unit::Unit;

/// The version that a package shows.
struct Top {
    row: Release,
    /// Whether it is shown, and is `latest`, because somebody says so.
    is_pinned: bool,
}

impl Unit<'_> {
    pub(super) fn reshow(&mut self, name: &Name, event: &Event) -> Result<(), MetaError> {
        let Some(package) = self.packages.get(self.session, name.as_str())? else { return Ok(()) };
        let before = package.clone();
        let mut package = Package { updated: event.time.micros(), ..before.clone() };
        let latest = match self.top(&before)? {
            None => {
                (package.shown, package.rank, package.latest, package.card) = (None, None, None, None);
                package.labels.clear();
                None
            }
            Some(Top { row, is_pinned }) => {
                // A published version never changes: as long as the same one is shown, so are its words.
                if before.shown.as_ref() != Some(&row.version) || changes_standing(event) {
                    let config = self.configs.get(self.session, &row.id)?;
                    let config = config.map(|config| json::<Config>(&config.text)).transpose()?;
                    let owners = before.owners.iter().map(|owner| parse(owner)).collect::<Result<Vec<_>, _>>()?;
                    let standing = Standing { yanked: row.yanked, deprecated: row.deprecation.is_some() };
                    let found_by = shown::labels(name, config.as_ref(), standing, &owners);
                    package.labels = found_by.iter().map(|(label, text)| keys::label(*label, text)).collect();
                    package.card = Some(to_json(&Shown::of(config.as_ref()))?);
                }
                let latest = is_pinned || row.rank.as_deref().is_some_and(is_stable);
                package.latest = latest.then(|| row.version.clone());
                package.shown = Some(row.version);
                package.rank = row.rank.filter(|_| !is_pinned);
                latest.then_some(row.manifest)
            }
        };
        let repository = name.repository();
        match latest {
            Some(manifest) => self.write_tag(&repository, Tag::LATEST, &second(&manifest)?),
            None => self.tags.remove(&pair(&repository, Tag::LATEST)),
        }
        self.find_by(&before, &package)?;
        self.packages.put(package);
        Ok(())
    }

    /// The pinned version, unless it is yanked or deleted; else the one of the highest rank.
    fn top(&mut self, package: &Package) -> Result<Option<Top>, MetaError> {
        let moved = self.moved.remove(&package.id).unwrap_or_default();
        if let Some(number) = &package.pinned {
            let pinned = self.versions.get(self.session, &pair(&package.id, number))?;
            if let Some(row) = pinned.filter(|row| row.rank.is_some() && !row.yanked) {
                return Ok(Some(Top { row: row.clone(), is_pinned: true }));
            }
        }
        Ok(self.highest(package, &moved)?.map(|row| Top { row, is_pinned: false }))
    }

    /// The version of the highest rank. Only when the one that was shown fell, or was pinned, is it looked for among all of them.
    fn highest(&mut self, package: &Package, moved: &BTreeSet<String>) -> Result<Option<Release>, MetaError> {
        let moved = moved.iter().filter_map(|key| self.versions.peek(key)).filter(|row| row.rank.is_some());
        let best = moved.max_by(|one, other| one.rank.cmp(&other.rank)).cloned();
        let Some(shown) = &package.shown else { return Ok(best) };
        let key = Release::key(&package.id, &parse::<Version>(shown)?);
        if package.rank.is_none() || self.versions.peek(&key).is_some_and(|row| row.rank != package.rank) {
            self.versions.flush(self.session)?;
            let filter = doc! { "name": &package.id, "rank": { "$exists": true } };
            let found: Vec<Release> = self.session.find(Release::COLLECTION, filter, doc! { "rank": -1 }, 1)?;
            return Ok(found.into_iter().next());
        }
        match best {
            Some(best) if best.rank >= package.rank => Ok(Some(best)),
            _ => Ok(self.versions.get(self.session, &key)?.cloned()),
        }
    }
}
