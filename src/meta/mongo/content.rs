//! Everything that a repository keeps, and how all of it comes to lie in another area.

use std::collections::{BTreeMap, BTreeSet};

use mongodb::bson::{Document, doc};

use crate::domain::{Area, Digest, Repository};

use super::super::MetaError;
use super::keys::{pair, pairs_after, parts, second};
use super::rows::{self, Link, Manifest, Release, Row, unsigned};
use super::unit::Unit;

/// Documents whose keys begin with the repository: of versions, those of the package that it is.
pub(super) fn of_repository(repository: &Repository) -> Document {
    let keys = pairs_after(repository, "");
    doc! { "_id": { "$gt": keys.start, "$lt": keys.end } }
}

/// Keys of the blobs that these keep.
pub(super) fn kept(manifests: &[Manifest], versions: &[Release]) -> BTreeSet<String> {
    let named = manifests.iter().flat_map(|row| row.blobs.iter().chain([&row.blob]));
    named.chain(versions.iter().flat_map(|row| &row.blobs)).cloned().collect()
}

impl Unit<'_> {
    fn keeping(&mut self, repository: &Repository) -> Result<(Vec<Manifest>, Vec<Release>), MetaError> {
        self.manifests.flush(self.session)?;
        self.versions.flush(self.session)?;
        let manifests = self.session.find(Manifest::COLLECTION, of_repository(repository), doc! {}, 0)?;
        let versions = self.session.find(Release::COLLECTION, of_repository(repository), doc! {}, 0)?;
        Ok((manifests, versions))
    }

    /// Everything that the repository keeps, with lengths, which are 0 where they are not known.
    pub(super) fn content(&mut self, repository: &Repository) -> Result<Vec<(Digest, u64)>, MetaError> {
        let (manifests, versions) = self.keeping(repository)?;
        let keys = kept(&manifests, &versions);
        self.blobs.load(self.session, keys.iter().cloned())?;
        let mut content: BTreeMap<Digest, u64> = BTreeMap::new();
        for key in &keys {
            let size = self.blobs.peek(key).map_or(0, |blob| unsigned(blob.size));
            let known = content.entry(second(key)?).or_default();
            *known = size.max(*known);
        }
        Ok(content.into_iter().collect())
    }

    /// Lets everything that the repository keeps lie in this area.
    pub(super) fn move_content(&mut self, repository: &Repository, area: &Area) -> Result<(), MetaError> {
        let there = |blob: &String| Ok::<_, MetaError>(pair(area, second::<Digest>(blob)?));
        let (manifests, versions) = self.keeping(repository)?;
        let mut named = BTreeSet::new();
        for row in manifests {
            let mut blobs = row.blobs.iter().map(there).collect::<Result<Vec<_>, _>>()?;
            blobs.sort_unstable();
            named.extend(blobs.iter().cloned());
            self.manifests.put(Manifest { blob: there(&row.blob)?, blobs, ..row });
        }
        for row in versions {
            let blobs = row.blobs.iter().map(there).collect::<Result<Vec<_>, _>>()?;
            self.versions.put(Release { blobs, ..row });
        }
        self.links.flush(self.session)?;
        let links: Vec<Link> = self.session.find(Link::COLLECTION, of_repository(repository), doc! {}, 0)?;
        for row in links {
            let (lies_in, _): (Area, Digest) = parts(&row.blob)?;
            let blob = there(&row.blob)?;
            if named.contains(&blob) {
                self.links.put(rows::Link { blob, ..row });
            } else if lies_in != *area {
                self.links.remove(&row.id);
            }
        }
        Ok(())
    }
}
