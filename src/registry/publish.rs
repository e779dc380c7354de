//! Publishing: opening an artifact's layers once, to make the record that listing, searching and resolving live on.

use std::sync::Arc;

use bytes::Bytes;

use crate::domain::{Area, Descriptor, Digest, Kind, Manifest, Name, RECORD_MAX, Record, Version};
use crate::meta::Publication;
use crate::{pack, pcl};

use super::counted::Kept;
use super::{Registry, RegistryError};

impl Registry {
    /// Reads config and layers under the archive limits, checks what the config says, fills what it lacks from the content, and
    /// stores the record, which is kept until the commit names it. That the repository may read them was looked at, and the
    /// transaction looks again.
    pub(super) async fn make_record(
        &self,
        area: &Area,
        manifest: &Manifest,
        name: &Name,
        version: &Version,
    ) -> Result<(Publication, Kept), RegistryError> {
        let kind = manifest.kind().ok_or_else(|| invalid("it is of no kind that is indexed"))?;
        let _room = self.room_to_open(manifest).await?;
        let config = match &manifest.config {
            Some(config) => Some(self.artifact_blob(area, config).await?),
            None => None,
        };
        let layers = self.layers(area, manifest).await?;
        let limits = self.0.limits.archive;
        let (manifest, slug, of) = (manifest.clone(), name.slug().to_owned(), version.clone());
        let make = move || record_of(&manifest, config.as_deref(), &layers, &slug, &of, kind, &limits);
        // Decompressing and parsing up to the archive limits: not on a thread that serves others.
        let record = tokio::task::spawn_blocking(make).await.map_err(|_| RegistryError::Stopping)??;
        let bytes = record_bytes(&record)?;
        let digest = Digest::sha256(&bytes);
        let record_size = bytes.len() as u64;
        if record_size > RECORD_MAX {
            return Err(invalid(&format!(
                "what is kept of it, its config, file list and text, would take {record_size} bytes, {RECORD_MAX} at most"
            )));
        }
        let kept = self.keep(area, &[digest]).await?;
        self.0.storage.put_blob(area, bytes, &digest).await?;
        let config = Some(Arc::new(record.config));
        Ok((Publication { version: version.clone(), kind, record: digest, record_size, config }, kept))
    }
}

fn record_of(
    manifest: &Manifest,
    config: Option<&[u8]>,
    layers: &[(Descriptor, Bytes)],
    slug: &str,
    version: &Version,
    kind: Kind,
    limits: &pack::Limits,
) -> Result<Record, RegistryError> {
    let contents = pack::unpack(manifest, config, layers, limits).map_err(|error| invalid(&error.to_string()))?;
    let mut declaration = None;
    if let Some(config) = &contents.config {
        pack::check_identity(config, slug, version).map_err(|error| invalid(&error.to_string()))?;
        if config.kind != kind {
            return Err(invalid(&format!("the config says {}, the type of the artifact says {kind}", config.kind)));
        }
        declaration = config.primary.declaration.clone();
    }
    Ok(pack::record(slug, version, kind, contents, |tree| {
        let found = pcl::read_tree(tree, Some(kind), declaration.as_deref());
        (found.about, found.primary)
    }))
}

/// The bytes of a record: JSON with sorted keys.
fn record_bytes(record: &Record) -> Result<Bytes, RegistryError> {
    let value = serde_json::to_value(record).map_err(|error| invalid(&error.to_string()))?;
    Ok(Bytes::from(value.to_string()))
}

fn invalid(why: &str) -> RegistryError {
    RegistryError::ManifestInvalid(format!("the artifact cannot be published: {why}"))
}
