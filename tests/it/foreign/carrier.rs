//! Blobs and links as they are, for another store.

use async_trait::async_trait;
use pcl_registry::domain::{Area, Digest, Repository};
use pcl_registry::meta::{BlobKey, CarriedBlob, CarriedLink, Carrier, LinkKey, MetaError};

use super::journal::Durable;
use super::rows;
use super::store::Foreign;

#[async_trait]
impl Carrier for Foreign {
    async fn blobs(&self, after: Option<&BlobKey>, limit: usize) -> Result<Vec<CarriedBlob>, MetaError> {
        let after = after.map(|(area, digest)| format!("{area} {digest}")).unwrap_or_default();
        self.read(|unit| unit.rows("blob ", &after).take(limit).map(|row| Ok(row?.1)).collect())
    }

    async fn links(&self, after: Option<&LinkKey>, limit: usize) -> Result<Vec<CarriedLink>, MetaError> {
        let after = after.map(|(repository, digest)| format!("{repository} {digest}")).unwrap_or_default();
        self.read(|unit| unit.rows("link ", &after).take(limit).map(|row| Ok(row?.1)).collect())
    }

    async fn put_blobs(&self, blobs: &[CarriedBlob], gone: &[BlobKey]) -> Result<(), MetaError> {
        self.write(Durable::Now, |unit| {
            gone.iter().for_each(|(area, digest)| unit.remove(rows::blob(area, digest)));
            blobs.iter().try_for_each(|blob| unit.put(rows::blob(&blob.area, blob.digest), blob))
        })
    }

    async fn put_links(&self, links: &[CarriedLink], gone: &[LinkKey]) -> Result<(), MetaError> {
        self.write(Durable::Now, |unit| {
            gone.iter().for_each(|(repository, digest)| unit.remove(rows::link(repository, digest)));
            links.iter().try_for_each(|link| unit.put(rows::link(&link.repository, link.digest), link))
        })
    }

    async fn unlink(&self, repository: &Repository, area: &Area, digests: &[Digest]) -> Result<(), MetaError> {
        self.write(Durable::Now, |unit| {
            for digest in digests {
                let key = rows::link(repository, digest);
                let link = unit.get::<CarriedLink>(&key)?;
                if link.is_some_and(|link| link.area == *area && !link.recorded) {
                    unit.remove(key);
                }
            }
            Ok(())
        })
    }
}
