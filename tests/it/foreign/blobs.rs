//! Blobs and links. Their rows are those that are carried to another store.

use std::collections::BTreeSet;

use async_trait::async_trait;
use pcl_registry::domain::{Area, Digest, Published, Repository, Timestamp};
use pcl_registry::meta::{
    BlobKey, BlobRow, Blobs, CarriedBlob, CarriedLink, Life, Linked, ManifestRow, MetaError, OrgSaid, Unknown,
};

use super::journal::{Durable, Unit};
use super::rows::{self, Gathered, Held};
use super::store::Foreign;

/// All rows whose keys begin so.
fn all<T: serde::de::DeserializeOwned>(unit: &Unit<'_>, prefix: &str) -> Result<Vec<T>, MetaError> {
    unit.rows::<T>(prefix, "").map(|row| Ok(row?.1)).collect()
}

#[async_trait]
impl Blobs for Foreign {
    async fn blob(&self, repository: &Repository, digest: &Digest) -> Result<Option<BlobRow>, MetaError> {
        let linked = self.read(|unit| unit.linked(repository, digest))?;
        Ok(linked.map(|(link, blob)| BlobRow { area: link.area, size: blob.size }))
    }

    async fn link(
        &self,
        repository: &Repository,
        area: &Area,
        digest: &Digest,
        size: u64,
        now: Timestamp,
    ) -> Result<Linked, MetaError> {
        self.write(Durable::WithNext, |unit| {
            if unit.life(area, digest)? == Some(Life::Deleting) {
                return Ok(Linked::Vanishing);
            }
            unit.put_blob(area, digest, size, now)?;
            let known = unit.get::<CarriedLink>(&rows::link(repository, digest))?;
            if known.is_some_and(|known| known.area != *area) {
                return Ok(Linked::Elsewhere);
            }
            unit.put_link(repository, area, digest, false)?;
            Ok(Linked::Done)
        })
    }

    async fn touch(
        &self,
        area: &Area,
        digests: &[Digest],
        unknown: Unknown,
        now: Timestamp,
    ) -> Result<Vec<Digest>, MetaError> {
        self.write(Durable::WithNext, |unit| {
            let mut vanishing = Vec::new();
            for digest in digests {
                match unit.get::<CarriedBlob>(&rows::blob(area, digest))? {
                    Some(blob) if blob.life == Life::Deleting => vanishing.push(*digest),
                    Some(blob) => unit.put_blob(area, digest, blob.size, now)?,
                    None if unknown == Unknown::Record => unit.put_blob(area, digest, 0, now)?,
                    None => {}
                }
            }
            Ok(vanishing)
        })
    }

    async fn find(&self, area: &Area, digest: &Digest, from: Option<&Repository>) -> Result<Option<u64>, MetaError> {
        self.read(|unit| {
            let blob = unit.get::<CarriedBlob>(&rows::blob(area, digest))?;
            let Some(blob) = blob.filter(|blob| blob.life != Life::Deleting) else { return Ok(None) };
            let links = all::<CarriedLink>(unit, "link ")?;
            let is_it = |link: &CarriedLink| {
                link.digest == *digest && link.area == *area && from.is_none_or(|from| link.repository == *from)
            };
            Ok(links.iter().any(is_it).then_some(blob.size))
        })
    }

    async fn condemn(&self, before: Timestamp, now: Timestamp) -> Result<u64, MetaError> {
        self.write(Durable::Now, |unit| {
            let (referenced, mut condemned) = (unit.referenced()?, 0);
            for blob in all::<CarriedBlob>(unit, "blob ")? {
                if blob.life == Life::Live && blob.touched < before && !referenced.contains(&blob.key()) {
                    condemned += 1;
                    let condemned = CarriedBlob { life: Life::Condemned(now), ..blob };
                    unit.put(rows::blob(&condemned.area, condemned.digest), &condemned)?;
                }
            }
            Ok(condemned)
        })
    }

    async fn take_condemned(&self, before: Timestamp, limit: usize) -> Result<Vec<(Area, Digest)>, MetaError> {
        self.write(Durable::Now, |unit| {
            let mut due = Vec::new();
            for blob in all::<CarriedBlob>(unit, "blob ")? {
                match blob.life {
                    // What a crash left comes first, then the longest condemned.
                    Life::Deleting => due.push((None, blob)),
                    Life::Condemned(since) if since < before => due.push((Some(since), blob)),
                    _ => {}
                }
            }
            due.sort_by_key(|(since, _)| *since);
            due.truncate(limit);
            due.into_iter().map(|(_, blob)| unit.take(blob)).collect()
        })
    }

    async fn take_unneeded(&self, blobs: &[(Area, Digest)]) -> Result<Vec<(Area, Digest)>, MetaError> {
        self.write(Durable::Now, |unit| {
            let (referenced, mut taken) = (unit.referenced()?, Vec::new());
            for (area, digest) in blobs.iter().filter(|key| !referenced.contains(*key)) {
                if let Some(blob) = unit.get::<CarriedBlob>(&rows::blob(area, digest))? {
                    taken.push(unit.take(blob)?);
                }
            }
            Ok(taken)
        })
    }

    async fn forget(&self, blobs: &[(Area, Digest)]) -> Result<(), MetaError> {
        self.write(Durable::Now, |unit| {
            let links = all::<CarriedLink>(unit, "link ")?;
            for (area, digest) in blobs {
                if unit.life(area, digest)? != Some(Life::Deleting) {
                    continue;
                }
                unit.remove(rows::blob(area, digest));
                let gone = links.iter().filter(|link| (&link.area, &link.digest) == (area, digest));
                gone.for_each(|link| unit.remove(rows::link(&link.repository, digest)));
            }
            Ok(())
        })
    }
}

impl Unit<'_> {
    /// The link and its blob, unless that is being deleted.
    pub fn linked(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Option<(CarriedLink, CarriedBlob)>, MetaError> {
        let Some(link) = self.get::<CarriedLink>(&rows::link(repository, digest))? else { return Ok(None) };
        let blob = self.get::<CarriedBlob>(&rows::blob(&link.area, digest))?;
        Ok(blob.filter(|blob| blob.life != Life::Deleting).map(|blob| (link, blob)))
    }

    /// The blob lies there and lives, as of this time.
    pub fn put_blob(&mut self, area: &Area, digest: &Digest, size: u64, time: Timestamp) -> Result<(), MetaError> {
        let key = rows::blob(area, digest);
        let touched = self.get::<CarriedBlob>(&key)?.map_or(time, |blob| blob.touched.max(time));
        self.put(key, &CarriedBlob { area: area.clone(), digest: *digest, size, touched, life: Life::Live })
    }

    /// The repository may read the blob. A link that an event recorded stays recorded while its area does.
    pub fn put_link(
        &mut self,
        repository: &Repository,
        area: &Area,
        digest: &Digest,
        recorded: bool,
    ) -> Result<(), MetaError> {
        let key = rows::link(repository, digest);
        let known = self.get::<CarriedLink>(&key)?.filter(|link| link.area == *area).is_some_and(|link| link.recorded);
        let (repository, area) = (repository.clone(), area.clone());
        self.put(key, &CarriedLink { repository, digest: *digest, area, recorded: recorded || known })
    }

    /// Everything that a repository keeps, with lengths, which are 0 where they are not known.
    pub fn content(&self, repository: &Repository) -> Result<Vec<(Digest, u64)>, MetaError> {
        let mut kept = BTreeSet::new();
        for Held { row, blobs, .. } in all::<Held>(self, &rows::manifest(repository, ""))? {
            kept.insert(row.digest);
            kept.extend(blobs);
        }
        let versions = repository.package().map(|name| self.versions(&name)).transpose()?.unwrap_or_default();
        for version in versions.into_iter().filter(|version| !version.purged) {
            let deprecated = version.deprecation.and_then(|deprecation| deprecation.reason);
            kept.extend([Some(version.record), version.yank_reason, deprecated].into_iter().flatten());
        }
        let mut content = Vec::with_capacity(kept.len());
        for digest in kept {
            let mut size = 0;
            for area in [Area::Public, Area::private(repository)] {
                let blob = self.get::<CarriedBlob>(&rows::blob(&area, digest))?;
                size = blob.map_or(size, |blob| blob.size.max(size));
            }
            content.push((digest, size));
        }
        Ok(content)
    }

    /// Everything that the repository keeps lies there from now on.
    pub fn move_content(&mut self, repository: &Repository, area: &Area) -> Result<(), MetaError> {
        let mut named = BTreeSet::new();
        for Held { row, blobs, is_live, n } in all::<Held>(self, &rows::manifest(repository, ""))? {
            named.extend(blobs.iter().copied());
            let row = ManifestRow { area: area.clone(), ..row };
            self.put(rows::manifest(repository, row.digest), &Held { row, blobs, is_live, n })?;
        }
        for link in all::<CarriedLink>(self, &rows::link(repository, ""))? {
            if link.area == *area {
                continue;
            }
            match named.contains(&link.digest) {
                true => self.put_link(repository, area, &link.digest, link.recorded)?,
                false => self.remove(rows::link(repository, link.digest)),
            }
        }
        Ok(())
    }

    fn life(&self, area: &Area, digest: &Digest) -> Result<Option<Life>, MetaError> {
        Ok(self.get::<CarriedBlob>(&rows::blob(area, digest))?.map(|blob| blob.life))
    }

    fn take(&mut self, blob: CarriedBlob) -> Result<BlobKey, MetaError> {
        let taken = CarriedBlob { life: Life::Deleting, ..blob };
        self.put(rows::blob(&taken.area, taken.digest), &taken)?;
        Ok(taken.key())
    }

    /// Everything that keeps a blob: manifests (deleted versions' too), what they name, records, reasons, what collections and
    /// organisations say.
    fn referenced(&self) -> Result<BTreeSet<BlobKey>, MetaError> {
        let mut referenced = BTreeSet::new();
        for Held { row, blobs, .. } in all::<Held>(self, "manifest ")? {
            referenced.insert((row.area.clone(), row.digest));
            referenced.extend(blobs.into_iter().map(|blob| (row.area.clone(), blob)));
        }
        for version in all::<Published>(self, "version ")?.into_iter().filter(|version| !version.purged) {
            let held = self.held(&version.name.repository(), &version.digest)?;
            referenced.extend(held.map(|held| (held.row.area, version.record)));
            let visibility = self.package(&version.name)?.map(|package| package.visibility).unwrap_or_default();
            let area = Area::of(&version.name.repository(), visibility);
            let deprecated = version.deprecation.and_then(|deprecation| deprecation.reason);
            let reasons = version.yank_reason.into_iter().chain(deprecated);
            referenced.extend(reasons.map(|reason| (area.clone(), reason)));
        }
        let collections = all::<Gathered>(self, "collection ")?.into_iter().map(|gathered| gathered.row.document);
        let profiles = all::<OrgSaid>(self, "org ")?.into_iter().map(|said| said.document);
        referenced.extend(collections.chain(profiles).map(|document| (Area::Public, document)));
        Ok(referenced)
    }
}
