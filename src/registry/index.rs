//! The job that keeps the search index: follows the events and indexes each package that they touched, as it is now.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::domain::{Area, Digest, Event, Name, Package, Published, Record, Version, Visibility};
use crate::resolve;
use crate::search::Document;
use crate::storage::StorageError;

use super::{Inner, Registry, RegistryError};

/// Most events behind one commit of the index.
const BATCH_MAX: usize = 256;
/// Most versions that are in memory at once with their configs.
const VERSIONS_MAX: usize = 32;

/// How long to wait before trying again after an error.
const RETRY: Duration = Duration::from_secs(1);

/// How long events gather after a commit of the index, before the next, at least. A commit syncs, and writes segments that must be
/// merged again, so that one for each publish costs a busy registry more than the publish; an artifact must be findable in a second.
const GATHER: Duration = Duration::from_millis(150);
/// What is aimed at from the beginning of one commit to that of the next: so much for each package that the first had, up to
/// [`APART`].
const APART: Duration = Duration::from_millis(500);
const APART_EACH: Duration = Duration::from_millis(50);

/// Follows the events until the registry is dropped.
pub(super) async fn follow(registry: Weak<Inner>, mut head: watch::Receiver<u64>, indexed: watch::Sender<u64>) {
    loop {
        let (behind, pause) = {
            let Some(inner) = registry.upgrade() else { return };
            // Nothing of the registry is held while this waits: who closed it may open it again.
            let begun = Instant::now();
            let outcome = Registry(inner).index_next().await;
            match outcome {
                Ok((through, packages)) => {
                    indexed.send_replace(through);
                    let behind = head.borrow_and_update().saturating_sub(through);
                    let pause = pause(packages, begun.elapsed());
                    (behind > 0, if behind < BATCH_MAX as u64 { pause } else { Duration::ZERO })
                }
                Err(error) => {
                    tracing::error!(error = %error, "indexing failed, trying again");
                    (true, RETRY)
                }
            }
        };
        tokio::time::sleep(pause).await;
        if !behind && head.changed().await.is_err() {
            return;
        }
    }
}

/// How long to wait for more, after so many packages were indexed, which took so long.
fn pause(packages: usize, taken: Duration) -> Duration {
    let apart = APART_EACH.saturating_mul(u32::try_from(packages).unwrap_or(u32::MAX)).min(APART);
    apart.saturating_sub(taken).max(GATHER)
}

impl Registry {
    /// Indexes what the next events touched. Returns the last event that the index has seen, and how many packages changed in it.
    async fn index_next(&self) -> Result<(u64, usize), RegistryError> {
        let index = Arc::clone(&self.0.search);
        let events = self.0.meta.ledger.events(index.through(), BATCH_MAX).await?;
        let Some((through, _)) = events.last() else { return Ok((index.through(), 0)) };
        let through = *through;
        let mut touched = BTreeSet::new();
        for (_, bytes) in &events {
            let event = Event::parse(bytes).map_err(|error| {
                RegistryError::Meta(crate::meta::MetaError::Corrupt(format!("an event of the ledger: {error}")))
            })?;
            touched.extend(event.body.repository().and_then(|repository| repository.package()));
        }
        let (mut packages, mut removals) = (Vec::new(), Vec::new());
        for name in touched {
            match self.0.meta.catalog.package(&name).await? {
                // What is private is found by those alone who see all of it in its organisation.
                Some(package) if package.visibility != Visibility::Unlisted => packages.push(package),
                _ => removals.push(name),
            }
        }
        let mut upserts = Vec::new();
        for packages in packages.chunks(VERSIONS_MAX) {
            let wanted: Vec<(Name, Version)> =
                packages.iter().map(|package| (package.name.clone(), package.shown.clone())).collect();
            let shown = self.0.meta.catalog.versions(&wanted).await?;
            let mut shown: BTreeMap<Name, Published> =
                shown.into_iter().map(|version| (version.name.clone(), version)).collect();
            for package in packages {
                let shown = shown.remove(&package.name);
                upserts.push(self.document(package.clone(), shown).await?);
            }
        }
        let changed = upserts.len() + removals.len();
        let apply = move || index.apply(upserts, removals, through);
        tokio::task::spawn_blocking(apply).await.map_err(|_| RegistryError::Stopping)??;
        Ok((through, changed))
    }

    pub(super) async fn document(&self, package: Package, shown: Option<Published>) -> Result<Document, RegistryError> {
        let name = &package.name;
        let config = shown.as_ref().and_then(|shown| shown.config.as_ref());
        let dependencies = config.map(|config| config.about.dependencies.as_slice()).unwrap_or_default();
        let needs = dependencies.iter().filter_map(|dependency| resolve::package(name, &dependency.name));
        let needs = needs.map(|(needed, _)| needed.to_string()).collect();
        let area = Area::of(&name.repository(), package.visibility);
        let record = match shown {
            Some(shown) => match self.record_looked_for_twice(&area, &shown.record).await {
                Ok(record) => record,
                // One artifact's damage must not keep all others from being found.
                Err(RegistryError::Storage(error @ (StorageError::Corrupt(_) | StorageError::TooLarge { .. }))) => {
                    tracing::error!(%name, %error, "the package is indexed without its text");
                    None
                }
                Err(error) => return Err(error),
            },
            None => None,
        };
        Ok(Document {
            name: name.clone(),
            kind: package.kind,
            version: package.shown,
            title: package.title.unwrap_or_default(),
            description: package.description.unwrap_or_default(),
            tags: package.tags,
            skills: package.skills.into_iter().map(|skill| skill.name).collect(),
            text: record.map(|record| record.text).unwrap_or_default(),
            area,
            updated: package.updated,
            authors: package.authors,
            license: package.license,
            needs,
        })
    }

    /// A store may deny once what is there, and what is made of that answer stays until the package changes.
    async fn record_looked_for_twice(&self, area: &Area, digest: &Digest) -> Result<Option<Record>, RegistryError> {
        match self.record(area, digest).await? {
            None => self.record(area, digest).await,
            found => Ok(found),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_packages_wait_longer_but_for_what_their_commit_took() {
        let millis = Duration::from_millis;
        assert_eq!(pause(0, Duration::ZERO), GATHER);
        assert_eq!(pause(6, Duration::ZERO), millis(300));
        assert_eq!(pause(BATCH_MAX, millis(100)), APART - millis(100));
        assert_eq!(pause(BATCH_MAX, Duration::from_secs(9)), GATHER);
    }
}
