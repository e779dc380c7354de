//! The layers of an artifact in memory, as publishing and showing its files need them, and only while there is room for them.

use bytes::Bytes;
use tokio::sync::SemaphorePermit;

use super::open::OPENING_MIB;
use super::{Registry, RegistryError};
use crate::domain::{Area, Descriptor, Manifest};
use crate::meta::Refused;
use crate::storage::StorageError;

impl Registry {
    /// Waits until there is memory to open the manifest's layers. Refuses what is over the limits before any of it is read.
    pub(super) async fn room_to_open(&self, manifest: &Manifest) -> Result<SemaphorePermit<'_>, RegistryError> {
        let limits = &self.0.limits.archive;
        let layers = manifest.layers.iter().filter(|layer| layer.is_distributable());
        let (count, compressed) =
            layers.fold((0u64, 0u64), |(count, size), layer| (count + 1, size.saturating_add(layer.size)));
        if compressed > limits.compressed || count > limits.entries {
            let what = "the content of an artifact that is published, all its layers together,";
            return Err(RegistryError::TooLarge { what, limit: limits.compressed });
        }
        // Deflate makes at most 1,032 bytes of one; the archive limits cut that off.
        let needed = compressed.saturating_add(compressed.saturating_mul(1032).min(limits.unpacked)) >> 20;
        let permits = u32::try_from((needed + 1).min(OPENING_MIB as u64)).unwrap_or(OPENING_MIB as u32);
        self.0.opening.acquire_many(permits).await.map_err(|_| RegistryError::Stopping)
    }

    /// The layers that a registry holds, with their bytes.
    pub(super) async fn layers(
        &self,
        area: &Area,
        manifest: &Manifest,
    ) -> Result<Vec<(Descriptor, Bytes)>, RegistryError> {
        let mut layers = Vec::new();
        for layer in manifest.layers.iter().filter(|layer| layer.is_distributable()) {
            layers.push((layer.clone(), self.artifact_blob(area, layer).await?));
        }
        Ok(layers)
    }

    /// A config or layer of an artifact: small, and in the area that its repository reads from.
    pub(super) async fn artifact_blob(&self, area: &Area, descriptor: &Descriptor) -> Result<Bytes, RegistryError> {
        let limit = self.0.limits.archive.compressed;
        if descriptor.size > limit {
            return Err(RegistryError::TooLarge { what: "a layer of an artifact that is published", limit });
        }
        match self.0.storage.get_blob(area, &descriptor.digest, limit).await {
            Ok(bytes) => Ok(bytes),
            Err(StorageError::NotFound { .. }) => Err(Refused::BlobsUnknown(vec![descriptor.digest]).into()),
            Err(error) => Err(error.into()),
        }
    }
}
