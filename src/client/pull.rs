//! Fetching: from a name to a verified file tree.

use bytes::Bytes;

use super::error::ClientError;
use super::transport::Client;
use super::wanted::{Selector, Wanted};
use crate::domain::{Config, Descriptor, Digest, Manifest, Name, Reference, Tag, Tree, Version};
use crate::pack::{Contents, check_identity, unpack};
use crate::resolve;

/// Largest config that is read, in bytes.
const CONFIG_MAX: u64 = 4 << 20;

/// An artifact, verified: every byte of it hangs on `digest`.
#[derive(Clone, Debug)]
pub struct Pulled {
    /// The package.
    pub name: Name,
    /// Its version, if what was pulled says one.
    pub version: Option<Version>,
    /// Digest of its manifest.
    pub digest: Digest,
    /// Its files.
    pub tree: Tree,
    /// Its config, if it is one of ours.
    pub config: Option<Config>,
    /// What people should know: deprecated, yanked, odd but readable.
    pub warnings: Vec<String>,
}

impl Client {
    /// Fetches what is wanted and verifies it: manifest, config and layers by digest and size, the files by the tree
    /// digest that the config states.
    pub async fn pull(&self, wanted: &Wanted) -> Result<Pulled, ClientError> {
        let (reference, expected, mut warnings) = self.reference(wanted).await?;
        let manifest = self.manifest(&wanted.name, &reference).await?;
        let contents = self.open(&wanted.name, &manifest).await?;
        if let Some(config) = contents.config.as_ref().filter(|_| self.are_files()) {
            // A server takes no artifact under another name than its own. Of files anybody may have changed what a name names.
            let expected = expected.as_ref().unwrap_or(&config.version);
            check_identity(config, wanted.name.slug(), expected)
                .map_err(|error| ClientError::NotVerified { what: wanted.to_string(), why: error.to_string() })?;
        }
        warnings.extend(contents.diagnostics.iter().map(|diagnostic| diagnostic.message.clone()));
        let version = contents.config.as_ref().map(|config| config.version.clone());
        Ok(Pulled {
            name: wanted.name.clone(),
            version: version.or_else(|| match &reference {
                Reference::Tag(tag) => Version::from_tag(tag),
                Reference::Digest(_) => None,
            }),
            digest: manifest.digest,
            tree: contents.tree,
            config: contents.config,
            warnings,
        })
    }

    /// What to ask `/v2` for, the version that it must be, and what to say of it. A range is resolved here, from the list of releases, by
    /// the function that the server uses.
    pub(super) async fn reference(
        &self,
        wanted: &Wanted,
    ) -> Result<(Reference, Option<Version>, Vec<String>), ClientError> {
        let tag = |text: &str| text.parse().map(Reference::Tag).map_err(|error| self.not_understood(text, error));
        let reference = match &wanted.selector {
            Selector::Latest => tag(Tag::LATEST)?,
            Selector::Version(version) => return Ok((tag(&version.tag())?, Some(version.clone()), Vec::new())),
            Selector::Tag(tag) => Reference::Tag(tag.clone()),
            Selector::Digest(digest) => Reference::Digest(*digest),
            Selector::Range(range) => {
                let releases = self.releases(&wanted.name).await?;
                let release = resolve::best(&releases, range)
                    .map_err(|error| ClientError::NoMatch(format!("{}: {error}", wanted.name)))?;
                let warning = format!("{} {} is deprecated", wanted.name, release.version);
                return Ok((
                    Reference::Digest(release.digest),
                    Some(release.version.clone()),
                    release.deprecated.then_some(warning).into_iter().collect(),
                ));
            }
        };
        Ok((reference, None, Vec::new()))
    }

    /// The config's bytes, if the manifest has a config.
    pub(super) async fn config(&self, name: &Name, manifest: &Manifest) -> Result<Option<Bytes>, ClientError> {
        match &manifest.config {
            Some(descriptor) => self.blob(name, descriptor, CONFIG_MAX).await.map(Some),
            None => Ok(None),
        }
    }

    /// Fetches a manifest's config and layers and opens them.
    pub(super) async fn open(&self, name: &Name, manifest: &Manifest) -> Result<Contents, ClientError> {
        let what = format!("{name}@{}", manifest.digest);
        self.check_openable(&what, manifest)?;
        let config = self.config(name, manifest).await?;
        let mut layers: Vec<(Descriptor, Bytes)> = Vec::with_capacity(manifest.layers.len());
        for layer in &manifest.layers {
            layers.push((layer.clone(), self.blob(name, layer, self.limits.compressed).await?));
        }
        self.unpack(&what, manifest, config, layers).await
    }

    /// Refuses what is no artifact, or one that is too large, before its layers are fetched.
    pub(super) fn check_openable(&self, what: &str, manifest: &Manifest) -> Result<(), ClientError> {
        if !manifest.manifests.is_empty() {
            return Err(
                self.not_understood(what, "it is an index of several manifests: pull one of them by its digest")
            );
        }
        let total = manifest.layers.iter().fold(0u64, |total, layer| total.saturating_add(layer.size));
        if total > self.limits.compressed {
            return Err(ClientError::TooLarge { what: what.to_owned(), maximum: self.limits.compressed });
        }
        Ok(())
    }

    /// Opens an artifact whose parts are at hand.
    pub(super) async fn unpack(
        &self,
        what: &str,
        manifest: &Manifest,
        config: Option<Bytes>,
        layers: Vec<(Descriptor, Bytes)>,
    ) -> Result<Contents, ClientError> {
        let (manifest, limits) = (manifest.clone(), self.limits);
        // Up to half a gigabyte is inflated and hashed: not on a thread that drives connections.
        let opening = move || unpack(&manifest, config.as_deref(), &layers, &limits).map_err(Box::new);
        let opened = tokio::task::spawn_blocking(opening).await;
        match opened {
            Ok(result) => result.map_err(|source| ClientError::Unpack { what: what.to_owned(), source }),
            Err(stopped) => Err(self.not_understood(what, stopped)),
        }
    }
}
