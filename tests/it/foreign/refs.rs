//! Manifests, tags, referrers, and what ids and digests name.

use async_trait::async_trait;
use pcl_registry::domain::{Accepted, Digest, Event, Name, Repository, Tag, Version, Visibility};
use pcl_registry::meta::{ManifestFacts, ManifestRow, MetaError, Refs};
use uuid::Uuid;

use super::journal::Unit;
use super::rows::{self, Held, PackageRow};
use super::store::Foreign;

#[async_trait]
impl Refs for Foreign {
    async fn manifest(&self, repository: &Repository, digest: &Digest) -> Result<Option<ManifestRow>, MetaError> {
        let held = self.read(|unit| unit.held(repository, digest))?;
        Ok(held.filter(|held| held.is_live).map(|held| held.row))
    }

    async fn tag(&self, repository: &Repository, tag: &Tag) -> Result<Option<Digest>, MetaError> {
        self.read(|unit| unit.get(&rows::tag(repository, tag)))
    }

    async fn tags(
        &self,
        repository: &Repository,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Option<Vec<Tag>>, MetaError> {
        self.read(|unit| {
            if !unit.has(&rows::repository(repository)) {
                return Ok(None);
            }
            let prefix = rows::tag(repository, "");
            let tags = unit.keys(&prefix, after.unwrap_or_default()).take(limit);
            Ok(Some(tags.filter_map(|tag| tag.parse().ok()).collect()))
        })
    }

    async fn repositories(&self, after: Option<&str>, limit: usize) -> Result<Vec<Repository>, MetaError> {
        self.read(|unit| {
            let mut listed = Vec::new();
            for name in unit.keys("repository ", after.unwrap_or_default()) {
                let Ok(repository) = name.parse::<Repository>() else { continue };
                if listed.len() == limit {
                    break;
                }
                if unit.is_listed(&repository)? {
                    listed.push(repository);
                }
            }
            Ok(listed)
        })
    }

    async fn manifests(
        &self,
        repository: &Repository,
        after: Option<&Digest>,
        limit: usize,
    ) -> Result<Vec<(ManifestRow, Vec<Digest>)>, MetaError> {
        let after = after.map(|digest| digest.to_string()).unwrap_or_default();
        let live = self.read(|unit| unit.live(repository, &after))?;
        Ok(live.into_iter().take(limit).map(|held| (held.row, held.blobs)).collect())
    }

    async fn referrers(&self, repository: &Repository, subject: &Digest) -> Result<Vec<ManifestRow>, MetaError> {
        let mut live = self.read(|unit| unit.live(repository, ""))?;
        live.retain(|held| held.row.subject == Some(*subject));
        live.sort_by_key(|held| held.n);
        Ok(live.into_iter().map(|held| held.row).collect())
    }

    async fn identified(&self, id: Uuid) -> Result<Option<(Name, Version)>, MetaError> {
        self.read(|unit| unit.get(&rows::id(id)))
    }

    async fn published_as(&self, manifests: &[(Name, Digest)]) -> Result<Vec<Option<Version>>, MetaError> {
        self.read(|unit| {
            let last = |(name, digest): &(Name, Digest)| {
                let published = unit.published_from(name, digest)?.pop();
                Ok(published.map(|published| published.version))
            };
            manifests.iter().map(last).collect()
        })
    }
}

impl Unit<'_> {
    /// The manifest, hidden or not.
    pub fn held(&self, repository: &Repository, digest: &Digest) -> Result<Option<Held>, MetaError> {
        self.get(&rows::manifest(repository, digest))
    }

    /// Manifests of a repository that can be read, after a digest.
    fn live(&self, repository: &Repository, after: &str) -> Result<Vec<Held>, MetaError> {
        let prefix = rows::manifest(repository, "");
        let mut live = Vec::new();
        for row in self.rows::<Held>(&prefix, after) {
            live.extend(Some(row?.1).filter(|held| held.is_live));
        }
        Ok(live)
    }

    fn is_listed(&self, repository: &Repository) -> Result<bool, MetaError> {
        let package = self.get::<PackageRow>(&rows::package(repository))?;
        let seen: Option<Visibility> = match (package, repository.package()) {
            (Some(package), _) => Some(package.visibility),
            (None, Some(name)) => self.get(&rows::name(&name))?,
            (None, None) => None,
        };
        Ok(seen.unwrap_or_default() == Visibility::Public && !self.live(repository, "")?.is_empty())
    }

    /// The repository holds the manifest, as the event says.
    pub fn put_manifest(&mut self, accepted: &Accepted, facts: &ManifestFacts, event: &Event) -> Result<(), MetaError> {
        let repository = &accepted.repository;
        self.put(rows::repository(repository), &())?;
        let known = self.held(repository, &accepted.digest)?;
        let mut blobs: Vec<Digest> = facts.blobs.iter().map(|(digest, _)| *digest).collect();
        blobs.extend(known.iter().flat_map(|known| &known.blobs));
        blobs.sort_unstable();
        blobs.dedup();
        let row = ManifestRow {
            digest: accepted.digest,
            area: accepted.area.clone(),
            media_type: accepted.media_type.clone(),
            size: accepted.size,
            artifact_type: facts.artifact_type.clone(),
            annotations: facts.annotations.clone(),
            subject: facts.subject,
        };
        // Accepted again, it keeps its place among the referrers.
        let held = Held { row, blobs, is_live: true, n: known.map_or(event.n, |known| known.n) };
        self.put(rows::manifest(repository, accepted.digest), &held)
    }
}
