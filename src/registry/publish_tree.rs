//! Publishing files without a client: what `pclr push` asks of a server, done by the process that has the store.

use crate::domain::{Action, Actor, CONFIG_SCHEMA, Config, Digest, Name, Scope, Tree};
use crate::meta::Refused;
use crate::pack::pack;

use super::{Registry, RegistryError};

/// Files that are published as a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedTree {
    /// Digest of the manifest.
    pub digest: Digest,
    /// Digest of the files.
    pub tree: Digest,
    /// Whether it was published before, with the same files.
    pub is_known: bool,
}

impl Registry {
    /// Publishes files under `name` and the config's version. The config's name and tree follow from the other arguments. Trees are
    /// compared first, so that the same files under the same version are no change, however they were packed.
    ///
    /// Errors with [`Refused::VersionExists`] if the version has other files, also if somebody else publishes it meanwhile.
    pub async fn publish_tree(
        &self,
        actor: &Actor,
        name: &Name,
        tree: &Tree,
        config: Config,
    ) -> Result<PublishedTree, RegistryError> {
        self.require(actor, Action::Push, Scope::Repository(&name.repository()))?;
        let config = Config { schema: CONFIG_SCHEMA, name: name.slug().to_owned(), tree: tree.digest(), ..config };
        let (version, files) = (config.version.clone(), config.tree);
        let tree = tree.clone();
        let packed = tokio::task::spawn_blocking(move || pack(&tree, &config)).await;
        let packed = packed.map_err(|_| RegistryError::Stopping)?;
        let packed = packed.map_err(|error| RegistryError::ManifestInvalid(error.to_string()))?;
        let digest = packed.manifest.digest;
        let known = self.0.meta.catalog.version(name, &version).await?.filter(|known| !known.deleted);
        if let Some(known) = &known
            && known.digest != digest
        {
            // Another program packed it: the files say whether it is the same.
            if known.config.as_ref().is_some_and(|config| config.tree == files) {
                return Ok(PublishedTree { digest: known.digest, tree: files, is_known: true });
            }
            return Err(Refused::VersionExists { version, digest: known.digest }.into());
        }
        // Where it is known, bytes that the store has lost since are given back to it.
        let is_known = known.is_some();
        let digest = self.publish_packed(actor, name, &version, packed).await?;
        Ok(PublishedTree { digest, tree: files, is_known })
    }
}
