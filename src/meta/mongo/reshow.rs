//! Which version a package shows, and what follows from it: its words, its labels, the tag `latest`.

use std::collections::BTreeSet;

use mongodb::bson::doc;

use crate::domain::{Config, Event, Name, Tag, Version, Visibility};

use super::super::MetaError;
use super::super::rules::is_stable;
use super::super::shown::Shown;
use super::keys::{self, pair, parse, second};
use super::rows::{Label, Package, Release, Row, json, to_json};
use super::unit::Unit;

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
            Some(top) => {
                // A published version never changes: as long as the same one is shown, so are its words.
                if before.shown.as_ref() != Some(&top.version) {
                    let words = self.words(&top)?;
                    package.labels = words.labels().into_iter().map(|(label, text)| keys::label(label, text)).collect();
                    package.card = Some(to_json(&words)?);
                }
                let latest = top.rank.as_deref().is_some_and(is_stable);
                package.latest = latest.then(|| top.version.clone());
                package.shown = Some(top.version);
                package.rank = top.rank;
                latest.then_some(top.manifest)
            }
        };
        let repository = name.repository();
        match latest {
            Some(manifest) => self.write_tag(&repository, Tag::LATEST, &second(&manifest)?),
            None => self.tags.remove(&pair(&repository, Tag::LATEST)),
        }
        self.count_labels(&before, &package)?;
        self.packages.put(package);
        Ok(())
    }

    /// The version of the highest rank. Only when the one that was shown fell is it looked for among all of them.
    fn top(&mut self, package: &Package) -> Result<Option<Release>, MetaError> {
        let moved = self.moved.remove(&package.id).unwrap_or_default();
        let moved = moved.iter().filter_map(|key| self.versions.peek(key)).filter(|row| row.rank.is_some());
        let best = moved.max_by(|one, other| one.rank.cmp(&other.rank)).cloned();
        let Some(shown) = &package.shown else { return Ok(best) };
        let key = Release::key(&package.id, &parse::<Version>(shown)?);
        if self.versions.peek(&key).is_some_and(|row| row.rank != package.rank) {
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

    /// What the version says of itself; nothing if its record was purged.
    fn words(&mut self, top: &Release) -> Result<Shown, MetaError> {
        let config = self.configs.get(self.session, &top.id)?;
        let config = config.map(|config| json::<Config>(&config.text)).transpose()?;
        Ok(Shown::of(config.as_ref()))
    }

    fn count_labels(&mut self, before: &Package, after: &Package) -> Result<(), MetaError> {
        if after.visibility != Visibility::Public.as_str() || before.labels == after.labels {
            return Ok(());
        }
        let (old, new): (BTreeSet<&String>, BTreeSet<&String>) =
            (before.labels.iter().collect(), after.labels.iter().collect());
        self.labels.load(self.session, old.symmetric_difference(&new).map(|key| (*key).clone()))?;
        for key in old.symmetric_difference(&new) {
            let count = self.labels.peek(key).map_or(0, |row| row.count);
            let count = count + i64::from(new.contains(key)) - i64::from(old.contains(key));
            let of = key.split(' ').next().unwrap_or_default().to_owned();
            match count {
                ..=0 => self.labels.remove(key),
                count => self.labels.put(Label { id: (*key).clone(), of, count }),
            }
        }
        Ok(())
    }
}
