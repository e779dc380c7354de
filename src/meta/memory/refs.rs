//! Manifests, tags, referrers.

use async_trait::async_trait;
use uuid::Uuid;

use crate::domain::{Digest, Name, Repository, Tag, Version, Visibility};

use super::super::rules::ManifestState;
use super::super::{ManifestRow, MetaError, Refs};
use super::Memory;
use super::state::{Held, State};

#[async_trait]
impl Refs for Memory {
    async fn manifest(&self, repository: &Repository, digest: &Digest) -> Result<Option<ManifestRow>, MetaError> {
        let state = self.read();
        let live = state.held(repository, digest).filter(|held| held.state == ManifestState::Live);
        Ok(live.map(|held| held.row.clone()))
    }

    async fn tag(&self, repository: &Repository, tag: &Tag) -> Result<Option<Digest>, MetaError> {
        let state = self.read();
        Ok(state.tags.get(&(repository.to_string(), tag.to_string())).map(|(_, digest)| *digest))
    }

    async fn tags(
        &self,
        repository: &Repository,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Option<Vec<Tag>>, MetaError> {
        let state = self.read();
        if state.repositories.get(&repository.to_string()).is_none() {
            return Ok(None);
        }
        let tags = state.tags_after(repository, after.unwrap_or_default());
        Ok(Some(tags.take(limit).map(|(tag, _)| tag.clone()).collect()))
    }

    async fn repositories(&self, after: Option<&str>, limit: usize) -> Result<Vec<Repository>, MetaError> {
        let state = self.read();
        let pushed = state.repositories.after(after.unwrap_or_default().to_owned()).map(|(_, repository)| repository);
        let is_hidden = |repository: &Repository| {
            let package = state.packages.get(&repository.to_string());
            let said =
                package.map(|package| package.visibility).or_else(|| state.names.get(&repository.to_string()).copied());
            said.is_some_and(|visibility| visibility != Visibility::Public)
        };
        let listed =
            pushed.filter(|repository| state.live(repository, None).next().is_some() && !is_hidden(repository));
        Ok(listed.take(limit).cloned().collect())
    }

    async fn manifests(
        &self,
        repository: &Repository,
        after: Option<&Digest>,
        limit: usize,
    ) -> Result<Vec<(ManifestRow, Vec<Digest>)>, MetaError> {
        let state = self.read();
        let live = state.live(repository, after).take(limit);
        Ok(live.map(|held| (held.row.clone(), held.blobs.clone())).collect())
    }

    async fn referrers(&self, repository: &Repository, subject: &Digest) -> Result<Vec<ManifestRow>, MetaError> {
        let state = self.read();
        let first = (repository.to_string(), *subject, 0, Digest::LEAST);
        let of_subject =
            state.subjects.from(first.clone()).take_while(|(key, ())| (&key.0, &key.1) == (&first.0, &first.1));
        let held = of_subject.filter_map(|((of, _, _, digest), ())| state.manifests.get(&(of.clone(), *digest)));
        Ok(held.filter(|held| held.state == ManifestState::Live).map(|held| held.row.clone()).collect())
    }

    async fn identified(&self, id: Uuid) -> Result<Option<(Name, Version)>, MetaError> {
        Ok(self.read().by_id.get(&id).cloned())
    }

    async fn published_as(&self, manifests: &[(Name, Digest)]) -> Result<Vec<Option<Version>>, MetaError> {
        let state = self.read();
        let version = |(name, digest): &(Name, Digest)| {
            let text = name.to_string();
            let mut published = state.by_digest.range((text.clone(), *digest, 0)..=(text, *digest, u64::MAX));
            let (_, number) = published.next_back()?;
            state.version(name, number).map(|row| row.version.clone())
        };
        Ok(manifests.iter().map(version).collect())
    }
}

impl State {
    /// Manifests of a repository that can be read, after a digest.
    fn live<'a>(&'a self, repository: &'a Repository, after: Option<&Digest>) -> impl Iterator<Item = &'a Held> {
        let held = self.manifests_after(repository, after).map(|(_, held)| held.as_ref());
        held.filter(|held| held.state == ManifestState::Live)
    }
}
