//! The facts that decisions read.

use pcl_registry::domain::{Digest, Name, Published, Repository, Tag};
use pcl_registry::meta::rules::{Facts, ManifestState, VersionFacts, Wanted};
use pcl_registry::meta::{CarriedBlob, Life, MetaError, OrgSaid};

use super::journal::Unit;
use super::rows::{self, Gathered, Held};

fn known(row: Published) -> VersionFacts {
    let Published { version, digest, yanked, deleted, purged, deprecation, .. } = row;
    VersionFacts { version, digest, yanked, deleted, purged, deprecation }
}

impl Unit<'_> {
    /// What is wanted, as it stands in this transaction.
    pub fn read_facts(&self, wanted: &Wanted) -> Result<Facts, MetaError> {
        let mut facts = Facts::default();
        if let Some(name) = &wanted.collection {
            facts.collection = self.get::<Gathered>(&rows::collection(name))?.map(|gathered| gathered.row.document);
        }
        if let Some(org) = &wanted.org {
            let said = self.get::<OrgSaid>(&rows::org(org))?;
            facts.org = said.map(|said| (said.document, said.profile.visibility));
        }
        for (area, digest) in &wanted.brought {
            let blob = self.get::<CarriedBlob>(&rows::blob(area, digest))?;
            facts.vanishing.extend(blob.filter(|blob| blob.life == Life::Deleting).map(|_| *digest));
        }
        if let Some(repository) = &wanted.repository {
            self.repository_facts(repository, wanted, &mut facts)?;
        }
        Ok(facts)
    }

    fn repository_facts(&self, repository: &Repository, wanted: &Wanted, facts: &mut Facts) -> Result<(), MetaError> {
        for tag in &wanted.tags {
            if let Some(digest) = self.get(&rows::tag(repository, tag))? {
                facts.tags.insert(tag.clone(), digest);
            }
        }
        if let Some(digest) = &wanted.manifest {
            let state = |held: Held| if held.is_live { ManifestState::Live } else { ManifestState::Deleted };
            facts.manifest = self.held(repository, digest)?.map(state);
            if wanted.tags_on_manifest {
                facts.tags_on_manifest = self.tags_on(repository, digest)?;
            }
        }
        if let Some(name) = repository.package() {
            self.package_facts(&name, repository, wanted, facts)?;
        }
        if wanted.content {
            facts.content = self.content(repository)?;
        }
        for digest in &wanted.blobs {
            match self.linked(repository, digest)? {
                Some((link, _)) => facts.unrecorded |= !link.recorded,
                None if facts.unreadable.contains(digest) => {}
                None => facts.unreadable.push(*digest),
            }
        }
        Ok(())
    }

    fn tags_on(&self, repository: &Repository, digest: &Digest) -> Result<Vec<Tag>, MetaError> {
        let (prefix, mut tags) = (rows::tag(repository, ""), Vec::new());
        for row in self.rows::<Digest>(&prefix, "") {
            let (tag, target) = row?;
            if target == *digest {
                tags.push(rows::parse(tag)?);
            }
        }
        Ok(tags)
    }

    fn package_facts(
        &self,
        name: &Name,
        repository: &Repository,
        wanted: &Wanted,
        facts: &mut Facts,
    ) -> Result<(), MetaError> {
        let Some(package) = self.package(name)? else {
            facts.said = self.get(&rows::name(name))?;
            facts.pushed = self.has(&rows::repository(repository));
            return Ok(());
        };
        facts.package = Some(package.kind);
        facts.visibility = package.visibility;
        facts.owners = package.owners;
        facts.pinned = package.pinned;
        for version in &wanted.versions {
            facts.versions.extend(self.published(name, version)?.map(known));
        }
        if let Some(digest) = wanted.manifest.filter(|_| wanted.versions_of_manifest) {
            facts.versions_of_manifest = self.published_from(name, &digest)?.into_iter().map(known).collect();
        }
        if let Some(digest) = &wanted.needed {
            for row in self.ranked(name)?.into_iter().rev() {
                if self.held(repository, &row.digest)?.is_some_and(|held| held.blobs.contains(digest)) {
                    facts.needed_by = Some(row.version);
                    break;
                }
            }
        }
        Ok(())
    }
}
