//! What happened to a package: its events, told to people.

use crate::domain::api::HistoryEntry;
use crate::domain::{Actor, Body, Event, Name};
use crate::meta::MetaError;

use super::{Registry, RegistryError};

impl Registry {
    /// The changes of a package with numbers below `before`, latest first, and whether there are more.
    pub async fn history(
        &self,
        actor: &Actor,
        name: &Name,
        before: Option<u64>,
        limit: usize,
    ) -> Result<(Vec<HistoryEntry>, bool), RegistryError> {
        let repository = name.repository();
        let find = self.0.meta.ledger.history(&repository, before, limit.saturating_add(1));
        let mut events = self.if_seen(actor, &repository, find).await?.unwrap_or_default();
        if events.is_empty() && before.is_none() {
            return Err(RegistryError::PackageUnknown(name.to_string()));
        }
        let more = events.len() > limit;
        events.truncate(limit);
        let mut entries = Vec::with_capacity(events.len());
        for (_, bytes) in events {
            let event = Event::parse(&bytes).map_err(|error| MetaError::Corrupt(error.to_string()))?;
            entries.push(self.entry(name, event).await?);
        }
        Ok((entries, more))
    }

    async fn entry(&self, name: &Name, event: Event) -> Result<HistoryEntry, RegistryError> {
        let mut entry = HistoryEntry {
            event: event.n,
            time: event.time,
            actor: event.actor,
            what: event.body.name().to_owned(),
            version: None,
            digest: None,
            tags: Vec::new(),
            reason: None,
            replacement: None,
            visibility: None,
            owners: None,
        };
        let mut reason = None;
        match event.body {
            Body::Manifest(accepted) => (entry.digest, entry.tags) = (Some(accepted.digest), accepted.tags),
            Body::Publish { accepted, version, .. } => {
                (entry.digest, entry.tags, entry.version) = (Some(accepted.digest), accepted.tags, Some(version));
            }
            Body::TagDelete { tag, .. } => entry.tags.push(tag),
            Body::ManifestDelete { digest, .. } | Body::BlobDelete { digest, .. } => entry.digest = Some(digest),
            Body::Yank { version, reason: digest, .. } => (entry.version, reason) = (Some(version), digest),
            Body::Deprecate { version, reason: digest, replacement, .. } => {
                (entry.version, entry.replacement, reason) = (Some(version), replacement, digest);
            }
            Body::Visibility { visibility, .. } => entry.visibility = Some(visibility),
            Body::Owners { owners, .. } => entry.owners = Some(owners),
            Body::Purge { version, digest, .. } => (entry.version, entry.digest) = (Some(version), Some(digest)),
            Body::Unyank { version, .. }
            | Body::Undeprecate { version, .. }
            | Body::Pin { version, .. }
            | Body::Restore { version, .. } => entry.version = Some(version),
            // Those of collections and organisations are of no package.
            Body::Unpin { .. } | Body::Collection { .. } | Body::CollectionDelete { .. } | Body::Org { .. } => {}
        }
        entry.reason = self.reason(name, reason).await?;
        Ok(entry)
    }
}
