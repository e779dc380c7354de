//! Blobs and links as they are, for another store.

use async_trait::async_trait;

use crate::domain::{Area, Digest, Repository};

use super::super::{BlobKey, CarriedBlob, CarriedLink, Carrier, LinkKey, MetaError};
use super::state::{BlobState, Link};
use super::{Keep, Memory};

#[async_trait]
impl Carrier for Memory {
    async fn blobs(&self, after: Option<&BlobKey>, limit: usize) -> Result<Vec<CarriedBlob>, MetaError> {
        let state = self.read();
        let is_public = |area: &Area| *area == Area::Public;
        // As text the private areas come before the public one; among the keys here it is the other way round.
        let begun = after.is_some_and(|(area, _)| is_public(area));
        let before = || after.cloned().unwrap_or_else(|| (Area::before_private(), Digest::sha256(b"")));
        let first = (!begun).then(|| state.blobs.after(before())).into_iter().flatten();
        let rest: Box<dyn Iterator<Item = (&BlobKey, &BlobState)> + Send> = match after.filter(|_| begun) {
            Some(key) => Box::new(state.blobs.after(key.clone())),
            None => Box::new(state.blobs.iter()),
        };
        let rest = rest.take_while(|((area, _), _)| is_public(area));
        Ok(first.chain(rest).take(limit).map(blob).collect())
    }

    async fn links(&self, after: Option<&LinkKey>, limit: usize) -> Result<Vec<CarriedLink>, MetaError> {
        let state = self.read();
        let rows: Box<dyn Iterator<Item = (&LinkKey, &Link)> + Send> = match after {
            Some(key) => Box::new(state.links.after(key.clone())),
            None => Box::new(state.links.iter()),
        };
        Ok(rows.take(limit).map(link).collect())
    }

    async fn put_blobs(&self, blobs: &[CarriedBlob], gone: &[BlobKey]) -> Result<(), MetaError> {
        self.write(|state| {
            for blob in blobs {
                let row = BlobState { size: blob.size, touched: blob.touched, life: blob.life };
                state.blobs.insert(blob.key(), row);
            }
            for key in gone {
                state.blobs.remove(key);
            }
            Ok(((), Keep::Yes))
        })
    }

    async fn put_links(&self, links: &[CarriedLink], gone: &[LinkKey]) -> Result<(), MetaError> {
        self.write(|state| {
            for link in links {
                state.remove_link(&link.repository, &link.digest);
                state.write_link(&link.repository, &link.area, &link.digest, link.recorded);
            }
            gone.iter().for_each(|(repository, digest)| state.remove_link(repository, digest));
            Ok(((), Keep::Yes))
        })
    }

    async fn unlink(&self, repository: &Repository, area: &Area, digests: &[Digest]) -> Result<(), MetaError> {
        self.write(|state| {
            for digest in digests {
                let link = state.links.get(&(repository.clone(), *digest));
                if link.is_some_and(|link| link.area == *area && !link.recorded) {
                    state.remove_link(repository, digest);
                }
            }
            Ok(((), Keep::Yes))
        })
    }
}

fn blob((key, row): (&(Area, Digest), &BlobState)) -> CarriedBlob {
    let (area, digest) = key.clone();
    CarriedBlob { area, digest, size: row.size, touched: row.touched, life: row.life }
}

fn link((key, row): (&LinkKey, &Link)) -> CarriedLink {
    let (repository, digest) = key.clone();
    CarriedLink { repository, digest, area: row.area.clone(), recorded: row.recorded }
}
