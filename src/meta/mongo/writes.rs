//! The writes that a decision asks for.

use crate::domain::{Accepted, Area, Deprecation, Digest, Event, Name, Repository, UserName, Version, Visibility};

use super::super::rules::{ManifestState, Write, rank};
use super::super::{Label, ManifestFacts, MetaError, Publication};
use super::keys::{self, pair, parts};
use super::rows::{self, LIVE, Release, json, signed, to_json};
use super::unit::Unit;

impl Unit<'_> {
    /// Carries out one write of the event.
    pub(super) fn carry_out(&mut self, write: &Write, event: &Event) -> Result<(), MetaError> {
        match write {
            Write::Blob { area, digest, size } => return self.write_blob(area, digest, *size, event),
            Write::Link { repository, area, digest } => {
                self.write_link(pair(repository, digest), pair(area, digest));
            }
            Write::LinkAll { repository, digest } => return self.link_all(repository, digest),
            Write::Unlink { repository, digest } => self.links.remove(&pair(repository, digest)),
            Write::Manifest { accepted, facts } => return self.write_manifest(accepted, facts, event),
            Write::RemoveManifest { repository, digest } => {
                let key = pair(repository, digest);
                let was_live = self.manifests.get(self.session, &key)?.is_some_and(|row| !row.hidden);
                self.manifests.remove(&key);
                return self.count_live(repository, -i64::from(was_live));
            }
            Write::HideManifest { repository, digest, state } => {
                let Some(row) = self.manifests.get(self.session, &pair(repository, digest))? else { return Ok(()) };
                let (mut row, was_hidden) = (row.clone(), row.hidden);
                row.hidden = *state == ManifestState::Deleted;
                let change = i64::from(was_hidden) - i64::from(row.hidden);
                self.manifests.put(row);
                return self.count_live(repository, change);
            }
            Write::Tag { repository, tag, digest } => self.write_tag(repository, tag.as_str(), digest),
            Write::Untag { repository, tag } => self.tags.remove(&pair(repository, tag)),
            Write::Package { name, kind, visibility, owners } => {
                if self.packages.get(self.session, name.as_str())?.is_none() {
                    let begun = &mut self.counter()?.packages;
                    let number = std::mem::replace(begun, *begun + 1);
                    self.packages.put(rows::Package {
                        id: name.to_string(),
                        number,
                        org: name.org().to_owned(),
                        kind: kind.as_str().to_owned(),
                        visibility: visibility.as_str().to_owned(),
                        created: event.time.micros(),
                        updated: event.time.micros(),
                        versions: 0,
                        shown: None,
                        rank: None,
                        latest: None,
                        card: None,
                        pinned: None,
                        labels: Vec::new(),
                        owners: owners.iter().map(ToString::to_string).collect(),
                        downloads: 0,
                        stars: 0,
                    });
                    return self.unlist(&name.repository(), *visibility != Visibility::Public);
                }
            }
            Write::Visible { name, visibility } => return self.write_visibility(name, *visibility),
            Write::Move { repository, area } => return self.move_content(repository, area),
            Write::Owners { name, owners } => return self.write_owners(name, owners),
            Write::Version { name, digest, publication } => {
                return self.write_version(name, digest, publication, event);
            }
            Write::Deleted { name, version, deleted } => {
                let row = self.known_version(name, version)?;
                let rank = rank(version, row.yanked, *deleted);
                return self.put_version(Release { deleted: *deleted, rank, ..row });
            }
            Write::Purged { name, version } => {
                let row = self.known_version(name, version)?;
                self.configs.remove(&row.id);
                let blobs = Vec::new();
                let said = Release { reason: None, deprecation: None, needs: None, blobs, ..row };
                return self.put_version(Release { purged: true, ..said });
            }
            Write::Yanked { name, version, yanked, reason } => {
                let mut row = self.known_version(name, version)?;
                row.rank = rank(version, *yanked, row.deleted);
                row.yanked = *yanked;
                row.reason = reason.map(|digest| digest.to_string());
                keep_reasons(&mut row)?;
                return self.put_version(row);
            }
            Write::Deprecated { name, version, deprecation } => {
                let mut row = self.known_version(name, version)?;
                row.deprecation = deprecation.as_ref().map(to_json).transpose()?;
                keep_reasons(&mut row)?;
                return self.put_version(row);
            }
            Write::Pinned { name, version } => {
                if let Some(package) = self.packages.get(self.session, name.as_str())? {
                    let pinned = version.as_ref().map(Version::number);
                    let package = rows::Package { pinned, ..package.clone() };
                    self.packages.put(package);
                }
            }
            Write::Collection { name, document, content } => {
                return self.write_collection(name, document, content, event);
            }
            Write::Org { org, document, profile } => return self.write_org(org, document, profile, event),
            Write::RemoveCollection { name } => self.collections.remove(name.as_str()),
            Write::Reshow { name } => return self.reshow(name, event),
        }
        Ok(())
    }

    pub(super) fn write_tag(&mut self, repository: &Repository, tag: &str, digest: &Digest) {
        self.tags.put(rows::Tag { id: pair(repository, tag), manifest: pair(repository, digest) });
    }

    fn write_blob(&mut self, area: &Area, digest: &Digest, size: u64, event: &Event) -> Result<(), MetaError> {
        let id = pair(area, digest);
        let known = self.blobs.get(self.session, &id)?;
        // A size that was measured at the upload stays: a manifest may say another.
        let size = known.map(|blob| blob.size).filter(|size| *size != 0).unwrap_or_else(|| signed(size));
        let touched = known.map_or(i64::MIN, |blob| blob.touched).max(event.time.micros());
        self.blobs.put(rows::Blob { id, size, touched, state: LIVE, condemned: None, named: signed(event.n) });
        Ok(())
    }

    fn write_link(&mut self, id: String, blob: String) {
        self.links.put(rows::Link { id, blob, recorded: true });
    }

    fn link_all(&mut self, repository: &Repository, digest: &Digest) -> Result<(), MetaError> {
        let Some(row) = self.manifests.get(self.session, &pair(repository, digest))? else { return Ok(()) };
        for blob in row.blobs.clone() {
            let (_, digest): (Area, Digest) = parts(&blob)?;
            self.write_link(pair(repository, digest), blob);
        }
        Ok(())
    }

    fn write_manifest(&mut self, accepted: &Accepted, facts: &ManifestFacts, event: &Event) -> Result<(), MetaError> {
        let (repository, area) = (&accepted.repository, &accepted.area);
        let id = pair(repository, accepted.digest);
        let known = self.manifests.get(self.session, &id)?;
        let was_live = known.is_some_and(|row| !row.hidden);
        // Accepted again, it keeps its place among the referrers.
        let n = known.map_or_else(|| signed(event.n), |row| row.n);
        // What it named when its bytes could still be read, it names.
        let named = known.map(|row| row.blobs.clone()).unwrap_or_default();
        let mut blobs: Vec<String> = facts.blobs.iter().map(|(digest, _)| pair(area, digest)).collect();
        for blob in named {
            let (_, digest): (Area, Digest) = parts(&blob)?;
            blobs.push(pair(area, digest));
        }
        blobs.sort_unstable();
        blobs.dedup();
        self.manifests.put(rows::Manifest {
            id,
            blob: pair(area, accepted.digest),
            media_type: accepted.media_type.clone(),
            size: signed(accepted.size),
            artifact_type: facts.artifact_type.clone(),
            subject: facts.subject.map(|subject| pair(repository, subject)),
            annotations: to_json(&facts.annotations)?,
            blobs,
            hidden: false,
            n,
        });
        self.count_live(repository, i64::from(!was_live))
    }

    fn write_visibility(&mut self, name: &Name, visibility: Visibility) -> Result<(), MetaError> {
        let Some(package) = self.packages.get(self.session, name.as_str())? else {
            let unlisted = visibility != Visibility::Public;
            let (said, row) = (Some(visibility.as_str().to_owned()), self.known_repository(&name.repository())?);
            self.repositories.put(rows::Repository { unlisted, said, ..row });
            return Ok(());
        };
        let before = package.clone();
        let after = rows::Package { visibility: visibility.as_str().to_owned(), ..before.clone() };
        self.find_by(&before, &after)?;
        self.packages.put(after);
        self.unlist(&name.repository(), visibility != Visibility::Public)
    }

    fn write_owners(&mut self, name: &Name, owners: &[UserName]) -> Result<(), MetaError> {
        let Some(package) = self.packages.get(self.session, name.as_str())? else { return Ok(()) };
        let before = package.clone();
        let owners: Vec<String> = owners.iter().map(ToString::to_string).collect();
        let mut after = rows::Package { owners, ..before.clone() };
        let is_owner = |key: &String| key.split(' ').next() == Some(keys::label_type(Label::Owner));
        after.labels.retain(|key| !is_owner(key));
        // A package that shows nothing has no labels.
        let shown = after.owners.iter().filter(|_| after.shown.is_some());
        after.labels.extend(shown.map(|owner| keys::label(Label::Owner, owner)));
        self.find_by(&before, &after)?;
        self.packages.put(after);
        Ok(())
    }

    fn unlist(&mut self, repository: &Repository, unlisted: bool) -> Result<(), MetaError> {
        let row = self.known_repository(repository)?;
        self.repositories.put(rows::Repository { unlisted, ..row });
        Ok(())
    }

    /// What is known of a repository; of none, that nothing was ever pushed to it.
    fn known_repository(&mut self, repository: &Repository) -> Result<rows::Repository, MetaError> {
        let known = self.repositories.get(self.session, repository.as_str())?.cloned();
        let id = repository.to_string();
        Ok(known.unwrap_or(rows::Repository { id, live: 0, unlisted: false, said: None, unpushed: true }))
    }

    /// Counts the manifests of a repository that are not hidden. A repository that is counted once is known for ever.
    fn count_live(&mut self, repository: &Repository, change: i64) -> Result<(), MetaError> {
        let row = self.known_repository(repository)?;
        self.repositories.put(rows::Repository { live: row.live + change, unpushed: false, ..row });
        Ok(())
    }

    fn write_version(
        &mut self,
        name: &Name,
        digest: &Digest,
        publication: &Publication,
        event: &Event,
    ) -> Result<(), MetaError> {
        let id = Release::key(name, &publication.version);
        let manifest = pair(name, digest);
        let area: Area = match self.manifests.get(self.session, &manifest)? {
            Some(row) => parts::<Area, Digest>(&row.blob)?.0,
            None => return Err(MetaError::Corrupt(format!("manifest {digest} of {name} is not there"))),
        };
        if let Some(config) = &publication.config {
            self.configs.put(rows::Config { id: id.clone(), text: to_json(&**config)? });
        }
        self.put_version(Release {
            id,
            name: name.to_string(),
            version: publication.version.to_string(),
            rank: rank(&publication.version, false, false),
            manifest,
            kind: publication.kind.as_str().to_owned(),
            record: publication.record.to_string(),
            yanked: false,
            reason: None,
            deprecation: None,
            needs: publication.config.as_deref().cloned().map(Release::needs).transpose()?.flatten(),
            deleted: false,
            purged: false,
            published: event.time.micros(),
            event: signed(event.n),
            event_id: event.id.to_string(),
            blobs: vec![pair(area, publication.record)],
        })
    }

    /// Writes a version, and counts those of its package that can be read.
    fn put_version(&mut self, row: Release) -> Result<(), MetaError> {
        let was_live = self.versions.get(self.session, &row.id)?.is_some_and(|row| row.rank.is_some());
        let Some(package) = self.packages.get(self.session, &row.name)? else {
            return Err(MetaError::Corrupt(format!("the package of version {} is not there", row.id)));
        };
        let mut package = package.clone();
        package.versions += i64::from(row.rank.is_some()) - i64::from(was_live);
        self.packages.put(package);
        self.moved.entry(row.name.clone()).or_default().insert(row.id.clone());
        self.versions.put(row);
        Ok(())
    }

    fn known_version(&mut self, name: &Name, version: &Version) -> Result<Release, MetaError> {
        let found = self.versions.get(self.session, &Release::key(name, version))?.cloned();
        found.ok_or_else(|| MetaError::Corrupt(format!("version {version} of {name} is not there")))
    }
}

/// Behind the record, which comes first, the version keeps the blobs with what is said of it.
fn keep_reasons(row: &mut Release) -> Result<(), MetaError> {
    let deprecation: Option<Deprecation> = row.deprecation.as_deref().map(json).transpose()?;
    let deprecated = deprecation.and_then(|deprecation| deprecation.reason).map(|digest| digest.to_string());
    let area = match row.blobs.first() {
        Some(record) => parts::<Area, Digest>(record)?.0,
        None => Area::Public,
    };
    row.blobs.truncate(1);
    row.blobs.extend(row.reason.iter().chain(&deprecated).map(|digest| pair(&area, digest)));
    Ok(())
}
