//! What a version needs, and what that needs in turn.
//!
//! Each need is taken by itself: the best release for its range, as [`crate::resolve::best`] finds it. Versions that fit
//! together are another question, which only a resolution answers (`pclr install`).

use std::collections::{HashMap, VecDeque};

use crate::domain::api::{Dependencies, Needed};
use crate::domain::{Actor, Dependency, DependencyType, Name, Range, Version};
use crate::meta::Releases;
use crate::resolve;

use super::{Registry, RegistryError};

/// How far an answer may go.
pub const DEPTH_MAX: u32 = 20;
/// Most needs in one answer. Each package among them costs two or three reads.
const NEEDED_MAX: usize = 1000;
/// Most circles that are told.
const CYCLES_MAX: usize = 100;

impl Registry {
    /// What a version of a package needs, up to `depth` steps away and by `kinds` alone, if any are named; that of the version which
    /// the package shows if none is given. What cannot be found, or not by this actor, is listed and leads no further.
    pub async fn dependencies(
        &self,
        actor: &Actor,
        name: &Name,
        version: Option<&Version>,
        kinds: &[DependencyType],
        depth: u32,
    ) -> Result<Dependencies, RegistryError> {
        let package = self.package(actor, name).await?;
        let version = version.unwrap_or(&package.shown);
        let unknown = || RegistryError::VersionUnknown(version.clone(), name.to_string());
        let published = self.0.meta.catalog.version(name, version).await?;
        let published = published.filter(|published| !published.deleted).ok_or_else(unknown)?;
        let root = (name.clone(), published.version.clone());
        // Places of the versions that were met, and to which of them each leads.
        let mut places = HashMap::from([(root.clone(), 0)]);
        let (mut names, mut edges) = (vec![name.clone()], vec![Vec::new()]);
        let (mut items, mut is_complete) = (Vec::new(), true);
        let mut waiting = VecDeque::from([(0, root, 1)]);
        'all: while let Some((place, (by, version), distance)) = waiting.pop_front() {
            for dependency in self.needs(&by, &version).await? {
                if !kinds.is_empty() && !kinds.contains(&dependency.kind) {
                    continue;
                }
                if items.len() == NEEDED_MAX {
                    is_complete = false;
                    break 'all;
                }
                let package = resolve::package(&by, &dependency.name).map(|(package, _)| package);
                let version = match &package {
                    Some(package) => self.chosen(actor, package, dependency.range.as_deref()).await?,
                    None => None,
                };
                let found = package.clone().zip(version.clone());
                let Dependency { name, kind, range } = dependency;
                items.push(Needed { name, package, kind, range, version, by: by.clone(), depth: distance });
                let Some(found) = found else { continue };
                let next = names.len();
                let to = *places.entry(found.clone()).or_insert(next);
                edges[place].push(to);
                if to == next {
                    names.push(found.0.clone());
                    edges.push(Vec::new());
                    if distance < depth {
                        waiting.push_back((next, found, distance + 1));
                    }
                }
            }
        }
        let cycles = resolve::circles(&edges, CYCLES_MAX).into_iter();
        let cycles = cycles.map(|circle| circle.into_iter().map(|place| names[place].clone()).collect()).collect();
        Ok(Dependencies { name: name.clone(), version: published.version, items, cycles, is_complete })
    }

    /// What a version says that it needs; nothing if its config was purged.
    async fn needs(&self, name: &Name, version: &Version) -> Result<Vec<Dependency>, RegistryError> {
        let published = self.0.meta.catalog.version(name, version).await?;
        let config = published.and_then(|published| published.config);
        Ok(config.map(|config| config.about.dependencies).unwrap_or_default())
    }

    /// The best version of a needed package in the range, the one that it shows if no range is given; none of a package that the actor
    /// does not see.
    async fn chosen(&self, actor: &Actor, name: &Name, range: Option<&str>) -> Result<Option<Version>, RegistryError> {
        let Ok(range) = range.map(str::parse::<Range>).transpose() else { return Ok(None) };
        if !self.sees(actor, &name.repository()).await? {
            return Ok(None);
        }
        let Some(package) = self.0.meta.catalog.package(name).await? else { return Ok(None) };
        let Some(range) = range else { return Ok(Some(package.shown)) };
        let releases = self.0.meta.catalog.releases(name, Releases::Readable).await?;
        Ok(resolve::best(&releases, &range).ok().map(|release| release.version.clone()))
    }
}
