//! Who sees a package, and the move of its bytes where that decides where they lie.
//!
//! The order: everything that the repository keeps is written in the other area, durable there, then the event, whose writes let all
//! manifests, links and versions lie there. What lay in the old area is then taken away as after a purge, where nothing else
//! uses it. What came in between fails the event, and it is looked again.
//!
//! Where the copies will lie is noted before the first is written. So collection finds what nothing came of: the copies after a failure
//! before the event, the old bytes after one that came later. A refusal takes the copies away at once. Not so an error, after which
//! the event may have happened.

use std::time::Duration;

use crate::domain::{Action, Actor, Algorithm, Area, Digest, Name, Repository, Scope, Visibility};
use crate::meta::{Act, CarriedLink, LinkKey, Refused};
use crate::storage::{Key, StorageError};

use super::counted::Kept;
use super::{Registry, RegistryError};

/// How often it is tried while others push to the same package.
const ATTEMPTS: usize = 5;
/// Links that are read at once.
const LINKS: usize = 1000;
/// How long to wait before it is tried again.
const PAUSE: Duration = Duration::from_millis(20);
/// How long to wait for searches and the static tree to forget what is private now.
const FORGET: Duration = Duration::from_secs(5);

/// What lies in the other area.
struct Copied {
    /// All that the repository keeps, whether or not its bytes are there to be copied.
    content: Vec<Digest>,
    /// Those whose bytes are there.
    settle: Vec<Key>,
    /// Until it is committed.
    kept: Option<Kept>,
}

impl Registry {
    /// Lets a package be seen by others than before. What was public stays known to whoever read it. A name under which nothing is yet
    /// may become private too, by who may publish there; what is pushed to it is private then.
    ///
    /// Goes on to its end, whether or not the caller waits for it.
    pub async fn set_visibility(
        &self,
        actor: &Actor,
        name: &Name,
        visibility: Visibility,
    ) -> Result<(), RegistryError> {
        let (registry, actor, name) = (self.clone(), actor.clone(), name.clone());
        let change = async move { registry.change_visibility(&actor, &name, visibility).await };
        tokio::spawn(change).await.map_err(|_| RegistryError::Stopping)?
    }

    async fn change_visibility(&self, actor: &Actor, name: &Name, visibility: Visibility) -> Result<(), RegistryError> {
        let repository = name.repository();
        let to = Area::of(&repository, visibility);
        let other = to.other(&repository);
        for attempt in 1.. {
            self.require_visibility(actor, &repository, visibility).await?;
            let from = self.area(&repository).await?;
            let uploaded = self.linked_in(&repository, &other).await?;
            let Copied { content, settle, kept } = self.copy_content(&repository, &from, &to).await?;
            let act = Act::SetVisibility { name: name.clone(), visibility, copied: content.clone() };
            let outcome = self.commit(actor, act, settle).await;
            drop(kept);
            match outcome {
                Err(RegistryError::Refused(Refused::Changed(_))) if attempt < ATTEMPTS => {
                    // Perhaps another server has let others see it, and this one has not heard of it yet.
                    self.0.cache.seen.remove(&repository);
                    tokio::time::sleep(PAUSE).await;
                }
                Err(RegistryError::Refused(refused)) => {
                    self.remove_copies(&repository, content, &to).await;
                    return Err(match refused {
                        Refused::NotFound(_) => RegistryError::PackageUnknown(name.to_string()),
                        refused => refused.into(),
                    });
                }
                outcome => {
                    let mut left = match outcome?.event {
                        Some(_) => content,
                        // Said again: what an interruption left is taken away.
                        None => self.0.meta.groups.content(&repository).await?,
                    };
                    // What was only uploaded is moved nowhere, and must not be left behind; nor what was linked beside the change, by who
                    // saw it not yet.
                    let late = self.linked_in(&repository, &other).await?;
                    if !late.is_empty() {
                        // Those alone that are there still, and only uploaded: it may have become the right area again.
                        self.0.meta.carrier.unlink(&repository, &other, &late).await?;
                    }
                    left.extend(uploaded.into_iter().chain(late));
                    left.sort_unstable();
                    left.dedup();
                    if !left.is_empty() {
                        self.remove_unneeded(&repository, left, &[other]).await?;
                    }
                    break;
                }
            }
        }
        if visibility != Visibility::Public {
            // Whoever was told of the change finds it no more; an index that is behind for longer says so in the log.
            let forgotten = async { tokio::join!(self.settled(), self.rendered()) };
            let _ = tokio::time::timeout(FORGET, forgotten).await;
        }
        Ok(())
    }

    /// Who may change it sees it before, and afterwards. Where nothing is yet, who may publish may say who will see it.
    async fn require_visibility(
        &self,
        actor: &Actor,
        repository: &Repository,
        visibility: Visibility,
    ) -> Result<(), RegistryError> {
        let seen = self.seen_by(repository).await?;
        let is_new = seen.owners.is_empty() && !self.is_known(repository).await?;
        let action = if is_new { Action::Push } else { Action::Manage };
        self.require_change(actor, action, repository).await?;
        match visibility {
            Visibility::Private => self.require(actor, action, Scope::Private(repository, &seen.owners)),
            Visibility::Public | Visibility::Unlisted => Ok(()),
        }
    }

    /// Writes everything that the repository keeps into another area, unless it is there. What is lost in the first is lost in the
    /// second.
    async fn copy_content(&self, repository: &Repository, from: &Area, to: &Area) -> Result<Copied, RegistryError> {
        if from == to {
            return Ok(Copied { content: Vec::new(), settle: Vec::new(), kept: None });
        }
        let content = self.0.meta.groups.content(repository).await?;
        let kept = self.keep_recorded(to, &content).await?;
        let mut settle = Vec::with_capacity(content.len());
        for digest in &content {
            match self.copy_blob(from, to, digest).await {
                Ok(true) => settle.push(Key::Blob { area: to.clone(), digest: *digest }),
                Ok(false) => {
                    tracing::warn!(%repository, %digest, "a blob is lost, and is not moved along with the others");
                }
                Err(error) => {
                    drop(kept);
                    self.remove_copies(repository, content, to).await;
                    return Err(error);
                }
            }
        }
        Ok(Copied { content, settle, kept: Some(kept) })
    }

    /// Blobs in an area that the repository is linked to.
    async fn linked_in(&self, repository: &Repository, area: &Area) -> Result<Vec<Digest>, RegistryError> {
        let mut linked = Vec::new();
        // No digest comes before this one.
        let first: Option<Digest> = format!("{}:{}", Algorithm::Sha256.as_str(), "0".repeat(64)).parse().ok();
        let mut after: Option<LinkKey> = first.map(|first| (repository.clone(), first));
        loop {
            let page = self.0.meta.carrier.links(after.as_ref(), LINKS).await?;
            let is_last = page.len() < LINKS;
            after = page.last().map(CarriedLink::key);
            let own = page.iter().take_while(|link| link.repository == *repository).count();
            linked.extend(page[..own].iter().filter(|link| link.area == *area).map(|link| link.digest));
            if is_last || own < page.len() {
                return Ok(linked);
            }
        }
    }

    /// Takes copies away again of which nothing came. What cannot be taken away now is found by collection.
    async fn remove_copies(&self, repository: &Repository, content: Vec<Digest>, area: &Area) {
        if content.is_empty() {
            return;
        }
        if let Err(error) = self.remove_unneeded(repository, content, std::slice::from_ref(area)).await {
            tracing::warn!(%repository, %error, "copies of a move that failed are left to collection");
        }
    }

    /// `false` if its bytes are not there, or damaged.
    async fn copy_blob(&self, from: &Area, to: &Area, digest: &Digest) -> Result<bool, RegistryError> {
        let storage = &self.0.storage;
        if storage.blob_size(to, digest).await?.is_some() {
            return Ok(true);
        }
        let stream = match storage.read_blob(from, digest, None).await {
            Ok(stream) => stream,
            Err(StorageError::Corrupt(_)) => return Ok(false),
            // What is taken for lost is removed with the move: one answer is not enough.
            Err(error @ StorageError::NotFound { .. }) => match storage.blob_size(from, digest).await? {
                None => return Ok(false),
                Some(_) => return Err(error.into()),
            },
            Err(error) => return Err(error.into()),
        };
        let size = stream.size;
        let Err(error) = storage.put_blob_stream(to, digest, stream, size).await else { return Ok(true) };
        match storage.blob_size(from, digest).await? {
            // Damage was found while it was read, and it was moved away.
            None => Ok(false),
            Some(_) => Err(error.into()),
        }
    }
}
