//! Packages and their versions, and what a package shows.

use pcl_registry::domain::{Digest, Event, Name, Package, Published, Tag, Version};
use pcl_registry::meta::rules::{is_stable, rank};
use pcl_registry::meta::{MetaError, Publication, Standing, labels};

use super::journal::Unit;
use super::rows::{self, PackageRow};

type Done = Result<(), MetaError>;

impl Unit<'_> {
    pub fn package(&self, name: &Name) -> Result<Option<PackageRow>, MetaError> {
        self.get(&rows::package(name))
    }

    pub fn published(&self, name: &Name, version: &Version) -> Result<Option<Published>, MetaError> {
        self.get(&rows::version(name, version))
    }

    /// All versions of a package, deleted ones too, in no order.
    pub fn versions(&self, name: &Name) -> Result<Vec<Published>, MetaError> {
        let prefix = rows::versions(name);
        let versions = self.rows::<Published>(&prefix, "");
        versions.map(|row| Ok(row?.1)).collect()
    }

    /// Those that were published from a manifest, in the order of their events.
    pub fn published_from(&self, name: &Name, digest: &Digest) -> Result<Vec<Published>, MetaError> {
        let mut versions = self.versions(name)?;
        versions.retain(|version| version.digest == *digest);
        versions.sort_by_key(|version| version.event);
        Ok(versions)
    }

    /// Versions of a package that can be read, in the order in which they are shown.
    pub fn ranked(&self, name: &Name) -> Result<Vec<Published>, MetaError> {
        let prefix = rows::rank(name, "");
        let numbers = self.rows::<Version>(&prefix, "");
        let version = |row: Result<(&str, Version), MetaError>| {
            let (_, number) = row?;
            let version = self.published(name, &number)?;
            version.ok_or_else(|| MetaError::Corrupt(format!("{name}@{number} is gone")))
        };
        numbers.map(version).collect()
    }

    /// A new version, published by the event.
    pub fn publish(&mut self, name: &Name, digest: &Digest, new: &Publication, event: &Event) -> Done {
        self.put(rows::id(event.id), &(name, &new.version))?;
        self.put_version(&Published {
            id: event.id,
            name: name.clone(),
            version: new.version.clone(),
            kind: new.kind,
            digest: *digest,
            record: new.record,
            config: new.config.as_deref().cloned(),
            yanked: false,
            yank_reason: None,
            deprecation: None,
            deleted: false,
            purged: false,
            published: event.time,
            event: event.n,
        })
    }

    fn put_version(&mut self, row: &Published) -> Done {
        if let Some(rank) = rank(&row.version, row.yanked, row.deleted) {
            self.put(rows::rank(&row.name, &rank), &row.version.number())?;
        }
        self.put(rows::version(&row.name, &row.version), row)
    }

    pub fn change_version(&mut self, name: &Name, version: &Version, change: impl FnOnce(&mut Published)) -> Done {
        let Some(mut row) = self.published(name, version)? else { return Ok(()) };
        if let Some(rank) = rank(&row.version, row.yanked, row.deleted) {
            self.remove(rows::rank(name, &rank));
        }
        change(&mut row);
        self.put_version(&row)
    }

    pub fn change_package(&mut self, name: &Name, change: impl FnOnce(&mut PackageRow)) -> Done {
        let Some(mut row) = self.package(name)? else { return Ok(()) };
        change(&mut row);
        self.put(rows::package(name), &row)
    }

    /// Chooses again which version the package shows, and lets `latest` follow it.
    pub fn reshow(&mut self, name: &Name, event: &Event) -> Done {
        let Some(mut row) = self.package(name)? else { return Ok(()) };
        let pinned = row.pinned.as_ref().map(|pinned| self.published(name, pinned)).transpose()?.flatten();
        let pinned = pinned.filter(|version| !version.yanked && !version.deleted).map(|version| (true, version));
        let prefix = rows::rank(name, "");
        let (versions, highest) = {
            let (versions, highest) =
                self.keys(&prefix, "").fold((0, None), |(count, _), rank| (count + 1, Some(rank)));
            (versions, highest.map(str::to_owned))
        };
        let top = match (pinned, highest) {
            (Some(pinned), _) => Some(pinned),
            (None, None) => None,
            (None, Some(rank)) => {
                let number: Option<Version> = self.get(&rows::rank(name, &rank))?;
                let version = number.map(|number| self.published(name, &number)).transpose()?.flatten();
                version.map(|version| (is_stable(&rank), version))
            }
        };
        row.updated = event.time;
        let found_by = top.as_ref().map(|(_, version)| {
            let standing = Standing { yanked: version.yanked, deprecated: version.deprecation.is_some() };
            labels(name, version.config.as_ref(), standing, &row.owners)
        });
        row.labels = found_by.unwrap_or_default();
        row.shown = top.as_ref().map(|(is_latest, version)| shown(name, &row, *is_latest, version, versions));
        self.put(rows::package(name), &row)?;
        let latest = rows::tag(&name.repository(), Tag::LATEST);
        match top.filter(|(is_latest, _)| *is_latest) {
            Some((_, version)) => self.put(latest, &version.digest),
            None => {
                self.remove(latest);
                Ok(())
            }
        }
    }
}

/// A package as the version describes it that it shows. Without its record it has no words.
fn shown(name: &Name, row: &PackageRow, is_latest: bool, version: &Published, versions: u64) -> Package {
    let (about, source) = version.config.clone().map(|config| (config.about, config.source)).unwrap_or_default();
    Package {
        name: name.clone(),
        kind: row.kind,
        visibility: row.visibility,
        latest: is_latest.then(|| version.version.clone()),
        pinned: row.pinned.clone(),
        shown: version.version.clone(),
        title: about.title,
        description: about.description,
        tags: about.tags,
        skills: about.skills,
        license: about.license,
        authors: about.authors,
        source,
        owners: row.owners.clone(),
        versions,
        created: row.created,
        updated: row.updated,
        // Kept apart, and filled in when it is read.
        downloads: 0,
        stars: 0,
    }
}
