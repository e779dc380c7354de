//! Publishing: trees are compared first, then blobs, then the manifest.

use serde::Serialize;

use super::error::ClientError;
use super::transport::Client;
use crate::domain::{CONFIG_SCHEMA, Config, Digest, Manifest, Name, Reference, Tag, Tree, Version};
use crate::pack::{Packed, pack};

/// What became of a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It is published now.
    Published,
    /// The same files were published under this version before; at most bytes that the registry had lost were sent.
    Unchanged,
}

/// A version that is published, by this push or an earlier one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pushed {
    /// The package.
    pub name: Name,
    /// The version.
    pub version: Version,
    /// Digest of its manifest.
    pub digest: Digest,
    /// Digest of its files.
    pub tree: Digest,
    /// Which of the two.
    pub outcome: Outcome,
    /// Bytes of content that were sent: nothing that the registry had.
    pub sent: u64,
}

impl Client {
    /// Publishes files under `name` and the config's version. The config's name and tree follow from the other arguments.
    ///
    /// Errors with [`ClientError::VersionExists`] before anything is sent if the version has other files, and also if
    /// somebody else publishes it in the meantime.
    pub async fn push(&self, name: &Name, tree: &Tree, config: Config) -> Result<Pushed, ClientError> {
        let config = Config { schema: CONFIG_SCHEMA, name: name.slug().to_owned(), tree: tree.digest(), ..config };
        let version = config.version.clone();
        let packed = pack(tree, &config)?;
        let done = |digest, outcome, sent| Pushed {
            name: name.clone(),
            version: version.clone(),
            digest,
            tree: config.tree,
            outcome,
            sent,
        };
        if let Some(published) = self.published(name, &version).await? {
            if published.digest == packed.manifest.digest {
                // Packing is deterministic: bytes that the registry has lost since are given back to it.
                let sent = self.put_absent(name, &packed).await?;
                return Ok(done(published.digest, Outcome::Unchanged, sent));
            }
            if self.tree_of(name, &published).await? == config.tree {
                return Ok(done(published.digest, Outcome::Unchanged, 0));
            }
            return Err(ClientError::VersionExists { name: name.clone(), version, published: Some(published.digest) });
        }
        let sent = self.put_absent(name, &packed).await?;
        match self.put_manifest(name, &version.tag(), &packed.manifest).await {
            Ok(()) => Ok(done(packed.manifest.digest, Outcome::Published, sent + packed.manifest.content.len() as u64)),
            Err(ClientError::Refused { said, .. }) if said.status == 409 && said.digest.is_some() => {
                Err(ClientError::VersionExists { name: name.clone(), version, published: said.digest })
            }
            Err(other) => Err(other),
        }
    }

    /// Sends those of the artifact's blobs that the registry does not have. Returns how many bytes that took.
    async fn put_absent(&self, name: &Name, packed: &Packed) -> Result<u64, ClientError> {
        let mut sent = 0;
        for blob in [&packed.layer, &packed.config] {
            if self.put_blob(name, blob).await? {
                sent += blob.content.len() as u64;
            }
        }
        Ok(sent)
    }

    /// The manifest that a version's tag names now; nothing if it names nothing.
    ///
    /// Asked of the OCI side, so that a push needs nothing but the distribution specification.
    async fn published(&self, name: &Name, version: &Version) -> Result<Option<Manifest>, ClientError> {
        let tag: Tag = match version.tag().parse() {
            Ok(tag) => tag,
            Err(error) => return Err(self.not_understood(name.as_str(), error)),
        };
        match self.pushed_manifest(name, &Reference::Tag(tag)).await {
            Ok((manifest, _)) => Ok(Some(manifest)),
            Err(ClientError::NotFound { .. }) => Ok(None),
            Err(other) => Err(other),
        }
    }

    /// Digest of a published version's files.
    async fn tree_of(&self, name: &Name, manifest: &Manifest) -> Result<Digest, ClientError> {
        let config = self.config(name, manifest).await?;
        if let Some(config) = config.and_then(|bytes| serde_json::from_slice::<Config>(&bytes).ok()) {
            return Ok(config.tree);
        }
        // Pushed by a tool that writes no config of ours: the files themselves say what they are.
        Ok(self.open(name, manifest).await?.tree.digest())
    }
}
