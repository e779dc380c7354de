//! The writes that a decision asks for.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::domain::{Accepted, Area, Digest, Event, Name, Repository, Tag, Timestamp, Version};

use super::super::rules::{ManifestState, Write, is_stable, rank};
use super::super::shown::{Standing, labels};
use super::super::{ManifestFacts, ManifestRow, MetaError};
use super::packed::{Labels, Packed};
use super::state::{BlobState, Held, Life, Link, PackageRow, ShownVersion, State, VersionRow};

impl State {
    /// Carries out one write of the event.
    pub(super) fn carry_out(&mut self, write: &Write, event: &Event) -> Result<(), MetaError> {
        match write {
            Write::Blob { area, digest, size } => {
                // A size that was measured at the upload stays: a manifest may say another.
                let known = self.blobs.get(&(area.clone(), *digest)).map_or(0, |blob| blob.size);
                let size = if known == 0 { *size } else { known };
                self.write_blob(area, digest, size, event.time);
            }
            Write::Link { repository, area, digest } => self.write_link(repository, area, digest, true),
            Write::LinkAll { repository, digest } => {
                let Some(held) = self.held(repository, digest).cloned() else { return Ok(()) };
                for blob in &held.blobs {
                    self.write_link(repository, &held.row.area, blob, true);
                }
            }
            Write::Unlink { repository, digest } => self.remove_link(repository, digest),
            Write::Manifest { accepted, facts } => self.write_manifest(accepted, facts, event),
            Write::RemoveManifest { repository, digest } => {
                let key = (repository.to_string(), *digest);
                if let Some(held) = self.manifests.get(&key).cloned() {
                    self.remove_subject(repository, &held);
                    self.manifests.remove(&key);
                }
            }
            Write::HideManifest { repository, digest, state } => {
                if let Some(held) = self.held(repository, digest) {
                    let held = Held { state: *state, ..Held::clone(held) };
                    self.manifests.insert((repository.to_string(), *digest), Arc::new(held));
                }
            }
            Write::Tag { repository, tag, digest } => {
                self.tags.insert((repository.to_string(), tag.to_string()), (tag.clone(), *digest));
            }
            Write::Untag { repository, tag } => {
                self.tags.remove(&(repository.to_string(), tag.to_string()));
            }
            Write::Package { name, kind, visibility, owners } => {
                if self.packages.get(&name.to_string()).is_none() {
                    let (kind, visibility, time) = (*kind, *visibility, event.time);
                    let row = PackageRow {
                        kind,
                        visibility,
                        created: time,
                        updated: time,
                        owners: owners.clone(),
                        pinned: None,
                        shown: None,
                        labels: Labels::default(),
                    };
                    self.packages.insert(name.to_string(), Arc::new(row));
                }
            }
            Write::Visible { name, visibility } => {
                if let Some(row) = self.packages.get(&name.to_string()) {
                    let row = PackageRow { visibility: *visibility, ..PackageRow::clone(row) };
                    self.packages.insert(name.to_string(), Arc::new(row));
                } else {
                    self.names.insert(name.to_string(), *visibility);
                }
            }
            Write::Move { repository, area } => self.move_content(repository, area),
            Write::Owners { name, owners } => {
                if let Some(row) = self.packages.get(&name.to_string()) {
                    let row = PackageRow { owners: owners.clone(), ..PackageRow::clone(row) };
                    self.packages.insert(name.to_string(), Arc::new(row));
                }
            }
            Write::Version { name, digest, publication } => {
                let row = VersionRow {
                    id: event.id,
                    version: publication.version.clone(),
                    kind: publication.kind,
                    digest: *digest,
                    record: publication.record,
                    config: publication.config.as_deref().map(Packed::of).transpose()?,
                    yanked: false,
                    reason: None,
                    deprecation: None,
                    deleted: false,
                    purged: false,
                    published: event.time,
                    event: event.n,
                };
                self.by_digest.insert((name.to_string(), *digest, event.n), row.version.number());
                self.by_id.insert(event.id, (name.clone(), row.version.clone()));
                self.write_version(name, row);
            }
            Write::Deleted { name, version, deleted } => {
                self.change_version(name, version, |row| VersionRow { deleted: *deleted, ..row });
            }
            Write::Purged { name, version } => self.change_version(name, version, |row| VersionRow {
                purged: true,
                config: None,
                reason: None,
                deprecation: None,
                ..row
            }),
            Write::Yanked { name, version, yanked, reason } => {
                self.change_version(name, version, |row| VersionRow { yanked: *yanked, reason: *reason, ..row });
            }
            Write::Deprecated { name, version, deprecation } => {
                self.change_version(name, version, |row| VersionRow { deprecation: deprecation.clone(), ..row });
            }
            Write::Pinned { name, version } => {
                if let Some(row) = self.packages.get(&name.to_string()) {
                    let row = PackageRow { pinned: version.clone(), ..PackageRow::clone(row) };
                    self.packages.insert(name.to_string(), Arc::new(row));
                }
            }
            Write::Collection { name, document, content } => self.write_collection(name, *document, content, event),
            Write::Org { org, document, profile } => self.write_org(org, *document, profile, event),
            Write::RemoveCollection { name } => self.remove_collection(name),
            Write::Reshow { name } => self.reshow(name, event)?,
        }
        Ok(())
    }

    /// The blob lies there and lives, as of this time.
    pub(super) fn write_blob(&mut self, area: &Area, digest: &Digest, size: u64, time: Timestamp) {
        let key = (area.clone(), *digest);
        let touched = self.blobs.get(&key).map_or(time, |blob| blob.touched.max(time));
        self.blobs.insert(key, BlobState { size, touched, life: Life::Live });
    }

    /// The repository may read the blob. A link that an event recorded stays recorded while its area does.
    pub(super) fn write_link(&mut self, repository: &Repository, area: &Area, digest: &Digest, recorded: bool) {
        let key = (repository.clone(), *digest);
        let known = self.links.get(&key).filter(|link| link.area == *area).is_some_and(|link| link.recorded);
        self.remove_link(repository, digest);
        self.linked.insert((*digest, area.clone(), repository.to_string()), ());
        self.links.insert(key, Link { area: area.clone(), recorded: recorded || known });
    }

    pub(super) fn remove_link(&mut self, repository: &Repository, digest: &Digest) {
        let key = (repository.clone(), *digest);
        if let Some(link) = self.links.get(&key).cloned() {
            self.linked.remove(&(*digest, link.area, repository.to_string()));
            self.links.remove(&key);
        }
    }

    fn move_content(&mut self, repository: &Repository, area: &Area) {
        let manifests: Vec<Arc<Held>> = self.manifests_of(repository).cloned().collect();
        let mut named = BTreeSet::new();
        for held in manifests {
            named.extend(held.blobs.iter().copied());
            let row = ManifestRow { area: area.clone(), ..held.row.clone() };
            let key = (repository.to_string(), row.digest);
            self.manifests.insert(key, Arc::new(Held { row, ..Held::clone(&held) }));
        }
        let links = self.links.iter().filter(|((of, _), link)| of == repository && link.area != *area);
        let links: Vec<(Digest, bool)> = links.map(|((_, digest), link)| (*digest, link.recorded)).collect();
        for (digest, recorded) in links {
            self.remove_link(repository, &digest);
            if named.contains(&digest) {
                self.write_link(repository, area, &digest, recorded);
            }
        }
    }

    fn write_manifest(&mut self, accepted: &Accepted, facts: &ManifestFacts, event: &Event) {
        let repository = &accepted.repository;
        if self.repositories.get(&repository.to_string()).is_none() {
            self.repositories.insert(repository.to_string(), repository.clone());
        }
        let known = self.held(repository, &accepted.digest).cloned();
        let mut blobs: Vec<Digest> = facts.blobs.iter().map(|(digest, _)| *digest).collect();
        if let Some(known) = &known {
            blobs.extend(&known.blobs);
            self.remove_subject(repository, known);
        }
        blobs.sort_unstable();
        blobs.dedup();
        let held = Held {
            row: ManifestRow {
                digest: accepted.digest,
                area: accepted.area.clone(),
                media_type: accepted.media_type.clone(),
                size: accepted.size,
                artifact_type: facts.artifact_type.clone(),
                annotations: facts.annotations.clone(),
                subject: facts.subject,
            },
            blobs,
            state: ManifestState::Live,
            // Accepted again, it keeps its place among the referrers.
            n: known.map_or(event.n, |known| known.n),
        };
        if let Some(subject) = held.row.subject {
            self.subjects.insert((repository.to_string(), subject, held.n, accepted.digest), ());
        }
        self.manifests.insert((repository.to_string(), accepted.digest), Arc::new(held));
    }

    fn remove_subject(&mut self, repository: &Repository, held: &Held) {
        if let Some(subject) = held.row.subject {
            self.subjects.remove(&(repository.to_string(), subject, held.n, held.row.digest));
        }
    }

    fn change_version(&mut self, name: &Name, version: &Version, change: impl FnOnce(VersionRow) -> VersionRow) {
        let Some(row) = self.version(name, &version.number()).cloned() else { return };
        if let Some(rank) = rank(&row.version, row.yanked, row.deleted) {
            self.ranks.remove(&(name.to_string(), rank));
        }
        self.write_version(name, change(VersionRow::clone(&row)));
    }

    fn write_version(&mut self, name: &Name, row: VersionRow) {
        let number = row.version.number();
        if let Some(rank) = rank(&row.version, row.yanked, row.deleted) {
            self.ranks.insert((name.to_string(), rank), number.clone());
        }
        self.versions.insert((name.to_string(), number), Arc::new(row));
    }

    fn reshow(&mut self, name: &Name, event: &Event) -> Result<(), MetaError> {
        let Some(before) = self.packages.get(&name.to_string()).cloned() else { return Ok(()) };
        let pinned = before.pinned.as_ref().and_then(|pinned| self.version(name, &pinned.number()));
        let pinned = pinned.filter(|row| !row.yanked && !row.deleted).map(|row| (true, row.clone()));
        let highest = || self.ranked(name).next_back().map(|(rank, row)| (is_stable(rank), row.clone()));
        let top = pinned.or_else(highest);
        let versions = self.ranks_of(name).count() as u64;
        let shown = top.as_ref().map(|(is_latest, row)| ShownVersion {
            number: row.version.number(),
            is_latest: *is_latest,
            versions,
        });
        let key = |time| (Reverse(time), name.to_string());
        self.by_time.remove(&key(before.updated));
        if shown.is_some() {
            self.by_time.insert(key(event.time), ());
            self.by_age.insert(key(before.created), ());
        } else {
            self.by_age.remove(&key(before.created));
        }
        let labels = match &top {
            Some((_, row)) => {
                let standing = Standing { yanked: row.yanked, deprecated: row.deprecation.is_some() };
                Labels::of(&labels(name, row.config()?.as_ref(), standing, &before.owners))
            }
            None => Labels::default(),
        };
        let row = PackageRow { updated: event.time, shown, labels, ..PackageRow::clone(&before) };
        self.packages.insert(name.to_string(), Arc::new(row));
        let latest = (name.to_string(), Tag::LATEST.to_owned());
        match (top.filter(|(is_latest, _)| *is_latest), Tag::LATEST.parse()) {
            (Some((_, row)), Ok(tag)) => self.tags.insert(latest, (tag, row.digest)),
            _ => drop(self.tags.remove(&latest)),
        }
        Ok(())
    }
}
