//! Where a project's packages come from: the cache, and the registry for what is not in it.

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};

use super::super::cache::{Cache, Cached, Kept};
use super::super::{Client, ClientError};
use super::error::ProjectError;
use super::target::Artifact;
use crate::domain::api::Resolution;
use crate::domain::{Descriptor, Digest, MANIFEST_READ_MAX, Manifest, Name, Reference};
use crate::resolve::Locked;

/// Requests at once. A registry answers each from memory; more of them only wait for each other.
pub(super) const PARALLEL: usize = 16;
/// Layers of one artifact that are fetched at once.
const LAYERS: usize = 4;

/// A registry behind a cache.
#[derive(Clone)]
pub struct Supply {
    client: Client,
    cache: Cache,
    offline: bool,
}

impl Supply {
    /// What the client can fetch, or, `offline`, what was fetched before.
    pub fn new(client: Client, cache: Cache, offline: bool) -> Self {
        Self { client, cache, offline }
    }

    /// The versions of a package; `None` if the registry has no such package.
    ///
    /// # Errors
    /// [`ProjectError::NotCached`] offline, else [`ProjectError::Client`].
    pub async fn resolution(&self, name: &Name) -> Result<Option<Resolution>, ProjectError> {
        let address = self.client.address();
        let kept = self.cache.answer(address, name);
        if self.offline {
            let kept = kept.ok_or_else(|| ProjectError::NotCached(format!("what {address} has of {name}")))?;
            return self.read(name, &kept.body);
        }
        // What was absent is asked for again: an empty tag matches nothing.
        let known = kept.as_ref().map(|kept| kept.etag.as_str()).filter(|etag| !etag.is_empty());
        let fresh = match self.client.resolution(name, known).await {
            Ok(Some((etag, body))) => Kept { etag, body: body.to_vec() },
            Ok(None) => return self.read(name, &kept.map(|kept| kept.body).unwrap_or_default()),
            Err(ClientError::NotFound { .. }) => Kept { etag: String::new(), body: b"null".to_vec() },
            Err(error) => return Err(error.into()),
        };
        let read = self.read(name, &fresh.body)?;
        self.cache.keep_answer(address, name, &fresh)?;
        Ok(read)
    }

    fn read(&self, name: &Name, body: &[u8]) -> Result<Option<Resolution>, ProjectError> {
        let what = format!("the versions of {name}");
        let read: Result<Option<Resolution>, _> = serde_json::from_slice(body);
        let read = read.map_err(|error| self.client.not_understood(&what, error))?;
        match read {
            Some(other) if other.name != *name => {
                Err(self.client.not_understood(&what, format!("it speaks of {}", other.name)).into())
            }
            read => Ok(read),
        }
    }

    /// Whether only what was fetched before can be had.
    pub(super) fn is_offline(&self) -> bool {
        self.offline
    }

    /// Whether a version can be had: online any, offline one that was fetched before.
    pub fn can_have(&self, manifest: &Digest) -> bool {
        !self.offline || self.cache.holds(manifest)
    }

    /// The files of a locked version, verified from the digest of its manifest down to the digest of its tree.
    ///
    /// # Errors
    /// [`ProjectError::NotVerified`], [`ProjectError::NotCached`] and [`ProjectError::DamagedCache`] offline,
    /// else [`ProjectError::Client`].
    pub(super) async fn artifact(&self, name: &Name, locked: &Locked) -> Result<Artifact, ProjectError> {
        let what = format!("{name}@{}", locked.version);
        let manifest = self.manifest(name, &what, &locked.digest).await?;
        self.client.check_openable(&what, &manifest)?;
        let limit = self.client.limits.compressed;
        let blob = |descriptor: Descriptor| self.blob(name, &what, descriptor, limit);
        let config = async {
            match manifest.config.clone() {
                Some(descriptor) => blob(descriptor).await.map(|(_, bytes)| Some(bytes)),
                None => Ok(None),
            }
        };
        let layers = stream::iter(manifest.layers.clone()).map(blob).buffered(LAYERS).try_collect();
        let (config, layers): (_, Vec<(Descriptor, Bytes)>) = futures::try_join!(config, layers)?;
        let contents = self.client.unpack(&what, &manifest, config, layers).await?;
        let differs = |why| Err(ProjectError::NotVerified { name: name.clone(), why });
        let tree = contents.tree.digest();
        if tree != locked.tree {
            return differs(format!("pclr.lock expects files with tree digest {}, they have {tree}", locked.tree));
        }
        let said = contents.config.as_ref().map(|config| &config.version);
        if let Some(said) = said.filter(|said| **said != locked.version) {
            return differs(format!(
                "pclr.lock expects version {}, the artifact says that it is {said}",
                locked.version
            ));
        }
        let said = contents.config.as_ref().map(|config| config.name.as_str());
        if let Some(said) = said.filter(|said| *said != name.slug()) {
            return differs(format!("the artifact says that it is called {said}"));
        }
        let said = contents.config.as_ref().map(|config| config.kind);
        if let Some(said) = said.filter(|said| *said != locked.kind) {
            return differs(format!("pclr.lock expects a {}, the artifact says that it is a {said}", locked.kind));
        }
        Ok(Artifact { kind: locked.kind, tree: contents.tree, config: contents.config })
    }

    async fn manifest(&self, name: &Name, what: &str, digest: &Digest) -> Result<Manifest, ProjectError> {
        if let Some(bytes) = self.cached(what, digest, MANIFEST_READ_MAX as u64)? {
            let parsed = Manifest::parse(bytes, None, digest.algorithm());
            return parsed.map_err(|error| self.client.not_understood(what, error).into());
        }
        let manifest = self.client.manifest(name, &Reference::Digest(*digest)).await?;
        self.cache.keep_blob(digest, &manifest.bytes)?;
        Ok(manifest)
    }

    async fn blob(
        &self,
        name: &Name,
        what: &str,
        descriptor: Descriptor,
        maximum: u64,
    ) -> Result<(Descriptor, Bytes), ProjectError> {
        if let Some(bytes) = self.cached(what, &descriptor.digest, maximum)? {
            return Ok((descriptor, bytes));
        }
        let bytes = self.client.blob(name, &descriptor, maximum).await?;
        self.cache.keep_blob(&descriptor.digest, &bytes)?;
        Ok((descriptor, bytes))
    }

    /// What the cache has of a blob; `None`: it may be fetched.
    fn cached(&self, what: &str, digest: &Digest, maximum: u64) -> Result<Option<Bytes>, ProjectError> {
        match self.cache.blob(digest, maximum)? {
            Cached::Bytes(bytes) => Ok(Some(bytes)),
            Cached::Absent if self.offline => Err(ProjectError::NotCached(what.to_owned())),
            Cached::Damaged(path) if self.offline => Err(ProjectError::DamagedCache { what: what.to_owned(), path }),
            Cached::Absent | Cached::Damaged(_) => Ok(None),
        }
    }
}
