//! The facts that a decision reads.

use mongodb::bson::{Document, doc};

use crate::domain::{Area, Name, Repository};

use super::super::MetaError;
use super::super::rules::{Facts, ManifestState, VersionFacts, Wanted};
use super::keys::{pair, pairs_after, parse, second};
use super::rows::{DELETING, Release, Row, Tag, json};
use super::unit::Unit;

impl Unit<'_> {
    pub(super) fn read_facts(&mut self, wanted: &Wanted) -> Result<Facts, MetaError> {
        self.load_wanted(std::slice::from_ref(wanted))?;
        let mut facts = Facts::default();
        if let Some(name) = &wanted.collection {
            let known = self.collections.peek(name.as_str());
            facts.collection = known.map(|row| second(&row.blob)).transpose()?;
        }
        if let Some(org) = &wanted.org {
            let known = self.orgs.peek(org.as_str());
            facts.org = known.map(|row| Ok((second(&row.blob)?, parse(&row.visibility)?))).transpose()?;
        }
        self.blob_facts(wanted, &mut facts);
        let Some(repository) = &wanted.repository else { return Ok(facts) };
        for tag in &wanted.tags {
            if let Some(row) = self.tags.peek(&pair(repository, tag)) {
                facts.tags.insert(tag.clone(), second(&row.manifest)?);
            }
        }
        if let Some(digest) = &wanted.manifest {
            let key = pair(repository, digest);
            facts.manifest = self.manifests.peek(&key).map(|row| match row.hidden {
                true => ManifestState::Deleted,
                false => ManifestState::Live,
            });
            if wanted.tags_on_manifest {
                self.tags.flush(self.session)?;
                let tags: Vec<Tag> =
                    self.session.find(Tag::COLLECTION, doc! { "manifest": key }, doc! { "_id": 1 }, 0)?;
                facts.tags_on_manifest = tags.iter().map(|tag| second(&tag.id)).collect::<Result<_, _>>()?;
            }
        }
        if let Some(name) = repository.package() {
            self.package_facts(&name, repository, wanted, &mut facts)?;
        }
        if wanted.content {
            facts.content = self.content(repository)?;
        }
        Ok(facts)
    }

    fn package_facts(
        &mut self,
        name: &Name,
        repository: &Repository,
        wanted: &Wanted,
        facts: &mut Facts,
    ) -> Result<(), MetaError> {
        let Some(package) = self.packages.peek(name.as_str()) else {
            if let Some(row) = self.repositories.peek(repository.as_str()) {
                facts.said = row.said.as_deref().map(parse).transpose()?;
                facts.pushed = !row.unpushed;
            }
            return Ok(());
        };
        facts.package = Some(parse(&package.kind)?);
        facts.visibility = parse(&package.visibility)?;
        facts.owners = package.owners.iter().map(|owner| parse(owner)).collect::<Result<_, _>>()?;
        facts.pinned = package.pinned.as_deref().map(parse).transpose()?;
        let mut keys: Vec<String> = wanted.versions.iter().map(|version| Release::key(name, version)).collect();
        keys.sort_unstable();
        keys.dedup();
        facts.versions = keys.iter().filter_map(|key| self.versions.peek(key)).map(known).collect::<Result<_, _>>()?;
        if let Some(digest) = wanted.manifest.filter(|_| wanted.versions_of_manifest) {
            self.versions.flush(self.session)?;
            let filter = doc! { "manifest": pair(name, digest) };
            let rows: Vec<Release> =
                self.session.find(Release::COLLECTION, filter, doc! { "event": 1, "_id": 1 }, 0)?;
            facts.versions_of_manifest = rows.iter().map(known).collect::<Result<_, _>>()?;
        }
        if let Some(digest) = &wanted.needed {
            self.versions.flush(self.session)?;
            self.manifests.flush(self.session)?;
            let blobs = [Area::Public, Area::private(repository)].map(|area| pair(area, digest));
            let all = pairs_after(repository, "");
            let pipeline = vec![
                doc! { "$match": { "blobs": { "$in": blobs.to_vec() }, "_id": { "$gt": all.start, "$lt": all.end } } },
                doc! { "$project": { "_id": 1 } },
            ];
            let naming = self.session.aggregate("manifests", pipeline)?;
            let naming: Vec<&str> = naming.iter().filter_map(|row: &Document| row.get_str("_id").ok()).collect();
            let filter = doc! { "name": name.as_str(), "rank": { "$exists": true }, "manifest": { "$in": naming } };
            let rows: Vec<Release> = self.session.find(Release::COLLECTION, filter, doc! { "rank": -1 }, 1)?;
            facts.needed_by = rows.first().map(|row| parse(&row.version)).transpose()?;
        }
        Ok(())
    }

    fn blob_facts(&self, wanted: &Wanted, facts: &mut Facts) {
        let is_being_deleted = |key: &str| self.blobs.peek(key).is_some_and(|blob| blob.state == DELETING);
        for digest in &wanted.blobs {
            let link = wanted.repository.as_ref().and_then(|of| self.links.peek(&pair(of, digest)));
            let readable = |blob: &str| self.blobs.peek(blob).is_some() && !is_being_deleted(blob);
            match link.filter(|link| readable(&link.blob)) {
                Some(link) => facts.unrecorded |= !link.recorded,
                None if facts.unreadable.contains(digest) => {}
                None => facts.unreadable.push(*digest),
            }
        }
        let vanishing = wanted.brought.iter().filter(|(area, digest)| is_being_deleted(&pair(area, digest)));
        facts.vanishing.extend(vanishing.map(|(_, digest)| *digest));
    }
}

fn known(row: &Release) -> Result<VersionFacts, MetaError> {
    Ok(VersionFacts {
        version: parse(&row.version)?,
        digest: second(&row.manifest)?,
        yanked: row.yanked,
        deleted: row.deleted,
        purged: row.purged,
        deprecation: row.deprecation.as_deref().map(json).transpose()?,
    })
}
