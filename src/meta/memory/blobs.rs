//! Blobs and links, and the life of a blob: live, condemned, being deleted, forgotten.

use async_trait::async_trait;

use crate::domain::{Area, Digest, Repository, Timestamp};

use super::super::{BlobRow, Blobs, Linked, MetaError, Unknown};
use super::state::{BlobState, Life, State};
use super::{Keep, Memory};

#[async_trait]
impl Blobs for Memory {
    async fn blob(&self, repository: &Repository, digest: &Digest) -> Result<Option<BlobRow>, MetaError> {
        let state = self.read();
        Ok(state.link(repository, digest).map(|(link, blob)| BlobRow { area: link.area.clone(), size: blob.size }))
    }

    async fn link(
        &self,
        repository: &Repository,
        area: &Area,
        digest: &Digest,
        size: u64,
        now: Timestamp,
    ) -> Result<Linked, MetaError> {
        self.write(|state| {
            if state.is_being_deleted(area, digest) {
                return Ok((Linked::Vanishing, Keep::No));
            }
            state.write_blob(area, digest, size, now);
            let known = state.links.get(&(repository.clone(), *digest));
            if known.is_some_and(|known| known.area != *area) {
                return Ok((Linked::Elsewhere, Keep::Yes));
            }
            state.write_link(repository, area, digest, false);
            Ok((Linked::Done, Keep::Yes))
        })
    }

    async fn touch(
        &self,
        area: &Area,
        digests: &[Digest],
        unknown: Unknown,
        now: Timestamp,
    ) -> Result<Vec<Digest>, MetaError> {
        self.write(|state| {
            let mut vanishing = Vec::new();
            for digest in digests {
                match state.blobs.get(&(area.clone(), *digest)).copied() {
                    Some(blob) if blob.life == Life::Deleting => vanishing.push(*digest),
                    Some(blob) => state.write_blob(area, digest, blob.size, now),
                    None if unknown == Unknown::Record => state.write_blob(area, digest, 0, now),
                    None => {}
                }
            }
            Ok((vanishing, Keep::Yes))
        })
    }

    async fn find(&self, area: &Area, digest: &Digest, from: Option<&Repository>) -> Result<Option<u64>, MetaError> {
        let state = self.read();
        let key = (area.clone(), *digest);
        let Some(blob) = state.blobs.get(&key).filter(|blob| blob.life != Life::Deleting) else { return Ok(None) };
        let is_linked = match from {
            Some(repository) => state.linked.get(&(*digest, area.clone(), repository.to_string())).is_some(),
            None => {
                let first = state.linked.from((*digest, area.clone(), String::new())).next();
                first.is_some_and(|((found, lies_in, _), ())| (found, lies_in) == (digest, area))
            }
        };
        Ok(is_linked.then_some(blob.size))
    }

    async fn condemn(&self, before: Timestamp, now: Timestamp) -> Result<u64, MetaError> {
        self.write(|state| {
            let referenced = state.referenced();
            let is_due = |key: &(Area, Digest), blob: &BlobState| {
                blob.life == Life::Live && blob.touched < before && !referenced.contains(key)
            };
            let due = state.blobs.iter().filter(|(key, blob)| is_due(key, blob));
            let due: Vec<_> = due.map(|(key, blob)| (key.clone(), *blob)).collect();
            let condemned = due.len() as u64;
            for (key, blob) in due {
                state.blobs.insert(key, BlobState { life: Life::Condemned(now), ..blob });
            }
            Ok((condemned, Keep::Yes))
        })
    }

    async fn take_condemned(&self, before: Timestamp, limit: usize) -> Result<Vec<(Area, Digest)>, MetaError> {
        self.write(|state| {
            // What a crash left comes first, then the longest condemned.
            let mut due: Vec<_> = state
                .blobs
                .iter()
                .filter_map(|(key, blob)| match blob.life {
                    Life::Deleting => Some((None, key.clone(), *blob)),
                    Life::Condemned(since) if since < before => Some((Some(since), key.clone(), *blob)),
                    _ => None,
                })
                .collect();
            due.sort_by(|one, other| (&one.0, &one.1).cmp(&(&other.0, &other.1)));
            due.truncate(limit);
            let mut taken = Vec::with_capacity(due.len());
            for (_, key, blob) in due {
                state.blobs.insert(key.clone(), BlobState { life: Life::Deleting, ..blob });
                taken.push(key);
            }
            Ok((taken, Keep::Yes))
        })
    }

    async fn take_unneeded(&self, blobs: &[(Area, Digest)]) -> Result<Vec<(Area, Digest)>, MetaError> {
        self.write(|state| {
            let (referenced, mut taken) = (state.referenced(), Vec::new());
            for key in blobs.iter().filter(|key| !referenced.contains(*key)) {
                if let Some(blob) = state.blobs.get(key).copied() {
                    state.blobs.insert(key.clone(), BlobState { life: Life::Deleting, ..blob });
                    taken.push(key.clone());
                }
            }
            Ok((taken, Keep::Yes))
        })
    }

    async fn forget(&self, blobs: &[(Area, Digest)]) -> Result<(), MetaError> {
        self.write(|state| {
            for (area, digest) in blobs {
                if !state.is_being_deleted(area, digest) {
                    continue;
                }
                state.blobs.remove(&(area.clone(), *digest));
                let links = state.linked.from((*digest, area.clone(), String::new()));
                let links = links.take_while(|((found, lies_in, _), ())| (found, lies_in) == (digest, area));
                let repositories: Vec<Repository> =
                    links.filter_map(|((_, _, repository), ())| repository.parse().ok()).collect();
                for repository in repositories {
                    state.remove_link(&repository, digest);
                }
            }
            Ok(((), Keep::Yes))
        })
    }
}

impl State {
    fn is_being_deleted(&self, area: &Area, digest: &Digest) -> bool {
        self.blobs.get(&(area.clone(), *digest)).is_some_and(|blob| blob.life == Life::Deleting)
    }
}
