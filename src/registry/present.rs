//! That this process writes to a store which others write to as well: said in the store for as long as it does.
//!
//! Only where the store is objects over a network. In a folder the locks of the operating system say it.

use std::sync::{Arc, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use tokio::sync::{Mutex, OwnedRwLockReadGuard, RwLock};

use crate::storage::{
    GONE_AFTER, Key, Member, Owner, Presence, RENEW_EVERY, Role, Sharing, Storage, StorageError, Trace,
};

use super::{Registry, RegistryError};

/// For how long a process counts as running after it said so: it says so again within that time.
const LIVELY: Duration = Duration::from_secs(40 * 60);
/// How long to wait before it is said again if that failed.
const RETRY: Duration = Duration::from_secs(30);
/// For how long after it was said something may be committed: for less than the time after which others take this process for gone.
const STANDING: Duration = Duration::from_secs(30 * 60);

/// Whatever this process says in stores and has not taken back, for a signal that ends it. Keeps no store open: who began to say it may be
/// gone by then.
static HERE: std::sync::Mutex<Vec<(Weak<Said>, Trace)>> = std::sync::Mutex::new(Vec::new());

/// What is said of this process. Said again and again until it is dropped; taken back by [`Present::leave`].
pub(super) struct Present {
    role: Role,
    said: Option<Arc<Said>>,
}

/// What is said in a store, and by which document.
struct Said {
    storage: Storage,
    /// One at a time says something or takes it back: an earlier word must not come after a later one. Taken at the end.
    member: Mutex<Option<Latest>>,
    /// Held by who commits: it is not taken back in the middle of that.
    committing: Arc<RwLock<()>>,
}

struct Latest {
    member: Member,
    /// When it was said last, by the clock on the wall: the other one stands still while a machine sleeps.
    at: SystemTime,
    /// It was not said for longer than [`STANDING`]: whoever commits next is to find out.
    stood: bool,
}

impl Latest {
    fn is_late(&self) -> bool {
        !self.at.elapsed().is_ok_and(|silent| silent < STANDING)
    }
}

impl Present {
    /// Says that this process is here; nothing where nobody else can be.
    ///
    /// Errors with [`StorageError::Collecting`] if the store owns itself and somebody collects in it, and with [`StorageError::Occupied`]
    /// where one of two wants the store alone. Whoever comes says so before it looks for others, so that one of two sees the other.
    pub(super) async fn begin(storage: &Storage, role: Role, owns_itself: bool) -> Result<Self, StorageError> {
        if !is_bucket(storage) {
            return Ok(Self { role, said: None });
        }
        let member = storage.member(&Presence::of(role, None))?;
        let said = Arc::new(Said::of(storage.clone(), member.clone()));
        // Before it is written: a signal may come in the middle of that.
        here().push((Arc::downgrade(&said), storage.trace(&member)));
        if let Err(error) = storage.renew(&member).await {
            said.forget();
            return Err(error);
        }
        if let Err(error) = is_free(storage, &member, role, owns_itself).await {
            said.take_back().await?;
            return Err(error);
        }
        tokio::spawn(follow(Arc::downgrade(&said)));
        Ok(Self { role, said: Some(said) })
    }

    /// What this process is here for.
    pub(super) fn role(&self) -> Role {
        self.role
    }

    /// The document, if there is one.
    pub(super) async fn member(&self) -> Option<Member> {
        let latest = self.said.as_ref()?.member.lock().await;
        latest.as_ref().map(|latest| latest.member.clone())
    }

    /// Says where clients reach this process.
    async fn announce(&self, address: String) -> Result<(), StorageError> {
        let Some(said) = &self.said else { return Ok(()) };
        let mut latest = said.member.lock().await;
        if let Some(latest) = &mut *latest {
            let (at, presence) = (SystemTime::now(), Presence::of(self.role, Some(address)));
            latest.stood |= latest.is_late();
            latest.member = said.storage.say(latest.member.clone(), &presence).await?;
            latest.at = at;
        }
        Ok(())
    }

    /// Takes it back. For the end: nothing is committed afterwards.
    pub(super) async fn leave(&self) -> Result<(), StorageError> {
        match &self.said {
            Some(said) => said.take_back().await,
            None => Ok(()),
        }
    }

    /// Takes it back after work that came to this outcome.
    pub(super) async fn end<T, E: From<StorageError>>(self, outcome: Result<T, E>) -> Result<T, E> {
        let left = self.leave().await;
        let value = outcome?;
        left?;
        Ok(value)
    }

    /// What a commit asks before it writes.
    pub(super) fn standing(&self) -> Standing {
        Standing(self.said.clone())
    }
}

impl Said {
    /// What is to be said from now on.
    fn of(storage: Storage, member: Member) -> Self {
        let latest = Latest { member, at: SystemTime::now(), stood: false };
        Self { storage, member: Mutex::new(Some(latest)), committing: Arc::default() }
    }

    /// Waits for what is being committed; nothing is committed afterwards, and nothing is said any more.
    async fn end(&self) -> Option<Latest> {
        let _committed = self.committing.write().await;
        self.member.lock().await.take()
    }

    async fn take_back(&self) -> Result<(), StorageError> {
        if let Some(latest) = self.end().await {
            self.storage.leave(latest.member).await?;
            // Only now: a signal may come before it is done.
            self.forget();
        }
        Ok(())
    }

    /// There is nothing to take back.
    fn forget(&self) {
        here().retain(|(said, _)| !std::ptr::eq(said.as_ptr(), self));
    }
}

fn here() -> std::sync::MutexGuard<'static, Vec<(Weak<Said>, Trace)>> {
    HERE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes back in every store that this process is there. For a signal that ends it in the middle of its work; what is being committed
/// is waited for.
pub async fn leave_stores() -> Result<(), StorageError> {
    let all = here().clone();
    let left = all.iter().map(|(said, trace)| async {
        if let Some(said) = said.upgrade() {
            said.end().await;
        }
        trace.erase().await
    });
    futures::future::join_all(left).await.into_iter().collect()
}

/// Whether this process still counts as being here.
#[derive(Clone)]
pub(super) struct Standing(Option<Arc<Said>>);

impl Standing {
    /// Errors with [`StorageError::StoodStill`] if others may have taken this process for gone, and collected what it counted on. It is
    /// said anew then: what is begun from here on can be committed. Until others who came meanwhile are done, and where the store has
    /// another owner by now, it errors with that, and with [`StorageError::Left`] after the end.
    pub(super) async fn check(&self) -> Result<Stands, StorageError> {
        let Some(said) = &self.0 else { return Ok(Stands(None)) };
        let committing = Arc::clone(&said.committing).read_owned().await;
        let mut latest = said.member.lock().await;
        let Some(latest) = &mut *latest else { return Err(StorageError::Left) };
        if !latest.stood && !latest.is_late() {
            return Ok(Stands(Some(committing)));
        }
        latest.stood = true;
        let at = SystemTime::now();
        said.storage.renew(&latest.member).await?;
        is_free(&said.storage, &latest.member, Role::Command, true).await?;
        if said.storage.owner().await?.is_some_and(|owner| owner != Owner::Store) {
            return Err(StorageError::OwnerChanged { path: Key::Owner.path() });
        }
        (latest.at, latest.stood) = (at, false);
        Err(StorageError::StoodStill)
    }
}

/// As long as it is held, nobody takes back that this process is here.
#[must_use]
pub(super) struct Stands(#[expect(dead_code, reason = "held until it is dropped")] Option<OwnedRwLockReadGuard<()>>);

/// Sees that who comes to the store may be there.
async fn is_free(storage: &Storage, member: &Member, role: Role, owns_itself: bool) -> Result<(), StorageError> {
    // A collector looks too: one that was interrupted leaves its turn.
    if owns_itself && is_collected(storage, member).await? && role != Role::Collector {
        return Err(StorageError::Collecting { path: Key::Collecting.path() });
    }
    let others = storage.others(member, LIVELY).await?;
    let wants_it_alone = |role| role == Role::Maintenance;
    match others.iter().find(|other| wants_it_alone(role) || wants_it_alone(other.presence.role)) {
        Some(other) => Err(StorageError::occupied(other)),
        None => Ok(()),
    }
}

/// Whether somebody collects in the store. A lease that a collector left behind who is not here any more is taken away: one that comes
/// now finds this member, and one that only seems to be gone finds its lease gone before it does anything more.
async fn is_collected(storage: &Storage, member: &Member) -> Result<bool, StorageError> {
    if !storage.is_leased().await? {
        return Ok(false);
    }
    let others = storage.others(member, GONE_AFTER).await?;
    if others.iter().any(|other| other.presence.role == Role::Collector) {
        return Ok(true);
    }
    storage.delete(&Key::Collecting).await?;
    Ok(false)
}

/// Whether others could write to the store, and no lock keeps them out.
fn is_bucket(storage: &Storage) -> bool {
    let is_there = storage.address().is_some_and(|address| address.bucket().is_some());
    is_there || (storage.disk().is_none() && storage.sharing() == Sharing::Shared)
}

/// Says again and again that the process is here, until that is dropped.
async fn follow(said: Weak<Said>) {
    let mut pause = RENEW_EVERY;
    loop {
        tokio::time::sleep(pause).await;
        pause = RENEW_EVERY;
        let Some(said) = said.upgrade() else { return };
        let mut latest = said.member.lock().await;
        let Some(latest) = &mut *latest else { return };
        latest.stood |= latest.is_late();
        let at = SystemTime::now();
        match said.storage.renew(&latest.member).await {
            Ok(()) => latest.at = at,
            Err(error) => {
                tracing::warn!(%error, "the store could not be told that this process is still here");
                pause = RETRY;
            }
        }
    }
}

impl Registry {
    /// Says in a store that several share where clients reach this server.
    pub async fn announce(&self, address: String) -> Result<(), RegistryError> {
        Ok(self.0.present.announce(address).await?)
    }

    /// Takes back that this process writes to the store. For its end.
    pub async fn leave(&self) -> Result<(), RegistryError> {
        Ok(self.0.present.leave().await?)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use bytes::Bytes;
    use futures::stream;
    use object_store::memory::InMemory;

    use super::*;
    use crate::domain::{Actor, Digest, Reference, Repository};
    use crate::registry::{Clock, Limits, Push, open_serverless};
    use crate::storage::Meter;

    async fn push(registry: &Registry, tag: &str) -> Result<(), RegistryError> {
        let repository: Repository = "acme/image".parse().unwrap();
        let config = Bytes::from_static(b"{}");
        let digest = Digest::sha256(&config);
        let body = stream::iter([Ok::<_, Infallible>(config)]);
        registry.push_blob(&Actor::Operator, &repository, &digest, body).await?;
        let kind = "application/vnd.oci.image.manifest.v1+json";
        let config = serde_json::json!({ "mediaType": "application/json", "digest": digest, "size": 2 });
        let manifest = serde_json::json!({ "schemaVersion": 2, "mediaType": kind, "config": config, "layers": [], "annotations": { "tag": tag } });
        let push = Push {
            repository: &repository,
            reference: Reference::Tag(tag.parse().unwrap()),
            tags: Vec::new(),
            content_type: Some(kind),
            bytes: manifest.to_string().into(),
        };
        registry.push_manifest(&Actor::Operator, push).await.map(drop)
    }

    #[tokio::test]
    async fn who_stood_still_commits_nothing_and_says_so() {
        let objects = Arc::new(InMemory::new());
        let storage = Storage::over_shared(objects, Meter::default());
        let registry = open_serverless(storage.clone(), Limits::default(), Clock::System).await.unwrap();
        push(&registry, "one").await.unwrap();
        let said = registry.0.present.said.clone().unwrap();
        said.member.lock().await.as_mut().unwrap().at -= STANDING;
        let refused = push(&registry, "two").await.unwrap_err();
        assert!(refused.to_string().starts_with("this process stood still"), "{refused}");
        assert!(!storage.exists(&Key::Event(2)).await.unwrap());
        push(&registry, "two").await.unwrap();
        registry.leave().await.unwrap();
    }
}
