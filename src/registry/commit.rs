//! The order of a commit.
//!
//! *Acknowledged* means: bytes durable, transaction committed, event object durable. One lane a process gathers what arrived
//! while the last commit ran, so that concurrent callers share the syncs and the transaction; there is no timer.
//!
//! 1. Settle the blobs of all changes in the batch.
//! 2. Write the objects of events that others, or an earlier failure, left unwritten, where that may be.
//! 3. Apply the changes in one transaction; it gives the events their numbers and bytes.
//! 4. Advance the cache.
//! 5. Write the event objects, settle them.
//! 6. Answer; where there is a transparency log, once it has the events (`logging.rs`).
//!
//! A crash after 3 leaves rows without objects: the next commit, or the next start, writes them first.
//!
//! Where several servers share a database, the events of the others come between: a commit writes the objects of those before
//! its own, too, before it answers, whether or not their servers live to do it.
//!
//! A store that owns itself has no transaction: creating `events/<n+1>` if absent is the commit. Whoever loses that race applies
//! the winner's events and plans anew.

mod answer;
mod in_store;
mod settle;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard, mpsc, oneshot, watch};

use crate::cache::Cache;
use crate::domain::{Accepted, Digest, Reference, Repository};
use crate::meta::{Act, Applied, Atomicity, Change, Memory, Meta, MetaError, Outcome, Refused};
use crate::storage::{Key, Sharing, Storage, StorageError};

use super::RegistryError;
use super::event_objects::{write_events, write_missing_events};
use super::invalidate::invalidate;
use super::present::{Standing, Stands};

pub(super) use answer::{Answer, Answers};

/// Most changes in one transaction.
const BATCH_MAX: usize = 256;

/// How often to look whether a transaction has happened that was reported as failed, or that a process was at when it ended; and, in a
/// store that owns itself, whether others have committed.
const LOOK: Duration = Duration::from_secs(1);

/// The way into the lane. Cheap to clone.
#[derive(Clone)]
pub struct Committer {
    jobs: mpsc::Sender<Job>,
    head: watch::Receiver<u64>,
    planning: Arc<Mutex<()>>,
}

struct Job {
    changes: Vec<Change>,
    /// How they hang together. Those that do are a transaction of their own.
    atomicity: Atomicity,
    settle: Vec<Key>,
    reply: oneshot::Sender<Result<Vec<Outcome>, RegistryError>>,
}

/// Who commits.
#[derive(Clone)]
pub enum Committing {
    /// The metadata store's database, by a transaction.
    Database,
    /// The store itself, by creating the next event; the metadata are in this memory.
    Store(Arc<Memory>),
}

struct Lane {
    meta: Meta,
    committing: Committing,
    // Dropped after the database is closed: the store's lock stands for both.
    storage: Storage,
    cache: Arc<Cache>,
    /// Highest event whose object is durable, with all lower ones.
    written: u64,
    /// Events up to here this lane may have written already, and failed to sync.
    own: u64,
    head: Arc<watch::Sender<u64>>,
    sharing: Sharing,
    standing: Standing,
    /// Held from the planning of changes until the memory has them, where the store itself commits.
    planning: Arc<Mutex<()>>,
    /// Whether events may be without their objects: a transaction failed, here or in a process that ended, and may have happened all
    /// the same, or may be about to; or an object could not be written. Until another has come to an event: that waited for all
    /// before it.
    in_doubt: bool,
    answers: Answers,
}

impl Committer {
    /// Starts the lane. `written`: highest event whose object is durable; `head` tells the others of new events.
    #[expect(clippy::too_many_arguments, reason = "the parts of a lane, each of its own type")]
    pub(super) fn start(
        storage: Storage,
        meta: Meta,
        committing: Committing,
        cache: Arc<Cache>,
        written: u64,
        head: Arc<watch::Sender<u64>>,
        standing: Standing,
        answers: Answers,
    ) -> Self {
        let (jobs, receiver) = mpsc::channel(1024);
        // What others write to a store that owns itself is found by the lane, which tells the cache.
        let sharing = match committing {
            Committing::Database => storage.sharing(),
            Committing::Store(_) => Sharing::Alone,
        };
        let known = head.subscribe();
        // Where others share the database, each commit looks for what they left anyway.
        let in_doubt = matches!(committing, Committing::Database) && sharing == Sharing::Alone;
        let planning = Arc::<Mutex<()>>::default();
        let its_planning = Arc::clone(&planning);
        let lane = Lane {
            storage,
            meta,
            committing,
            cache,
            written,
            own: written,
            head,
            sharing,
            standing,
            planning: its_planning,
            in_doubt,
            answers,
        };
        tokio::spawn(lane.run(receiver));
        Self { jobs, head: known, planning }
    }

    /// Waits until no change is between its planning and its rows, and keeps it so. A transaction sees to it that what a change names is
    /// not taken away meanwhile; where the store itself commits, the object of the event is written between the two.
    pub(super) async fn settled(&self) -> MutexGuard<'_, ()> {
        self.planning.lock().await
    }

    /// Commits one change whose bytes lie under `settle`. When it returns `Ok`, everything is durable; after an error the
    /// change may have happened all the same, and asking again is safe.
    pub async fn commit(&self, change: Change, settle: Vec<Key>) -> Result<Applied, RegistryError> {
        let outcome = self.ask(vec![change], Atomicity::Each, settle).await?.pop();
        Ok(outcome.ok_or(RegistryError::Stopping)??)
    }

    /// Commits all of the changes or none, and answers for each. As with [`Committer::commit`], after an error all of them may have
    /// happened.
    pub async fn commit_whole(&self, changes: Vec<Change>, settle: Vec<Key>) -> Result<Vec<Outcome>, RegistryError> {
        self.ask(changes, Atomicity::All, settle).await
    }

    async fn ask(
        &self,
        changes: Vec<Change>,
        atomicity: Atomicity,
        settle: Vec<Key>,
    ) -> Result<Vec<Outcome>, RegistryError> {
        let (reply, answer) = oneshot::channel();
        let job = Job { changes, atomicity, settle, reply };
        self.jobs.send(job).await.map_err(|_| RegistryError::Stopping)?;
        answer.await.map_err(|_| RegistryError::Stopping)?
    }

    /// Number of the last event that is committed as far as this process knows, and its cache with it; its own are durable then.
    pub fn head(&self) -> watch::Receiver<u64> {
        self.head.clone()
    }
}

impl Lane {
    async fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut held: Option<Job> = None;
        loop {
            let has_others = self.has_others();
            let next = match self.in_doubt || has_others {
                _ if held.is_some() => held.take(),
                false => jobs.recv().await,
                true => match tokio::time::timeout(LOOK, jobs.recv()).await {
                    Ok(next) => next,
                    Err(_) => {
                        self.look(has_others).await;
                        continue;
                    }
                },
            };
            let Some(first) = next else { return };
            let mut batch = vec![first];
            while batch.len() < BATCH_MAX && batch[0].atomicity == Atomicity::Each {
                let Ok(job) = jobs.try_recv() else { break };
                if job.atomicity == Atomicity::All {
                    held = Some(job);
                    break;
                }
                batch.push(job);
            }
            self.commit(batch).await;
        }
    }

    /// Whether others commit to the same store, which owns itself.
    fn has_others(&self) -> bool {
        matches!(self.committing, Committing::Store(_)) && self.storage.sharing() == Sharing::Shared
    }

    /// Looks for what happened that nobody here was told of.
    async fn look(&mut self, has_others: bool) {
        let mut looked = Ok(());
        if self.in_doubt {
            // Whoever was told of a failure may never ask again, and the change must not be there by halves. Where the database does
            // not answer yet, the next look finds it.
            looked = self.write_missing().await;
        } else if has_others {
            looked = self.look_for_others().await;
        }
        if let Err(error) = looked {
            tracing::debug!(%error, "what others committed cannot be read, trying again");
        }
    }

    async fn commit(&mut self, batch: Vec<Job>) {
        metrics::histogram!("pclr_commit_batch").record(batch.len() as f64);
        let batch = self.settle(batch).await;
        if batch.is_empty() {
            return;
        }
        // What hangs together came alone.
        let atomicity = batch[0].atomicity;
        let changes: Vec<Change> = batch.iter().flat_map(|job| job.changes.iter().cloned()).collect();
        match self.apply(&changes, atomicity).await {
            Ok(outcomes) => {
                let mut outcomes = outcomes.into_iter();
                for job in batch {
                    let outcomes: Vec<Outcome> = outcomes.by_ref().take(job.changes.len()).collect();
                    for (change, outcome) in job.changes.iter().zip(&outcomes) {
                        match outcome {
                            Err(Refused::BlobsUnknown(lost)) => self.forget_blobs(change, lost),
                            Err(Refused::Elsewhere(repository)) => self.forget_area(repository),
                            _ => {}
                        }
                    }
                    self.answers.give(job.reply, outcomes, self.written);
                }
            }
            Err(error) => {
                tracing::error!(error = %error, changes = changes.len(), "commit failed");
                let shared = Arc::new(error);
                for job in batch {
                    let _ = job.reply.send(Err(RegistryError::Commit(Arc::clone(&shared))));
                }
            }
        }
    }

    /// Another server may have collected what this one still says that it has: whoever asks again must be told to send it.
    fn forget_blobs(&self, change: &Change, lost: &[Digest]) {
        let Act::Accept(accept) = &change.act else { return };
        let Accepted { repository, area, .. } = &accept.accepted;
        self.cache.advance();
        for digest in lost {
            self.cache.links.remove(&(repository.clone(), *digest));
            self.cache.touched.remove(&(area.clone(), *digest));
        }
    }

    /// Another server has let others see what is in the repository, and this one has not heard of it yet: whoever pushes again must be
    /// sent to where it lies now.
    fn forget_area(&self, repository: &Repository) {
        self.cache.advance();
        self.cache.seen.remove(repository);
    }

    async fn apply(&mut self, changes: &[Change], atomicity: Atomicity) -> Result<Vec<Outcome>, RegistryError> {
        // Alone, nothing is missing but what this lane has failed to write.
        if self.in_doubt || self.sharing == Sharing::Shared || matches!(self.committing, Committing::Store(_)) {
            self.write_missing().await?;
        }
        if self.has_others() {
            // A change that comes to no event wins no number: nothing else tells whether it is decided on what is past.
            self.look_for_others().await?;
        }
        if changes.is_empty() {
            // Whoever asks for the same again is told that it is there, and then it is durable.
            return Ok(Vec::new());
        }
        let memory = match self.committing.clone() {
            Committing::Database => return self.apply_in_database(changes, atomicity).await,
            Committing::Store(memory) => memory,
        };
        let planning = Arc::clone(&self.planning);
        let _planned = planning.lock().await;
        let _standing = self.stand().await?;
        match atomicity {
            Atomicity::Each => self.apply_in_store(&memory, changes).await,
            Atomicity::All => self.apply_whole_in_store(&memory, changes).await,
        }
    }

    /// Sees that nobody has taken this process for gone since it counted on what the changes name, nor does until they are committed.
    async fn stand(&self) -> Result<Stands, RegistryError> {
        let stood = self.standing.check().await;
        if matches!(stood, Err(StorageError::StoodStill)) {
            self.cache.forget_links();
        }
        Ok(stood?)
    }

    /// Makes the events durable that the ledger holds and an earlier failure left behind. Nothing is acknowledged before: not
    /// what comes after them, and not the same change asked for again, which is no event any more.
    async fn write_missing(&mut self) -> Result<(), RegistryError> {
        if self.in_doubt && matches!(self.committing, Committing::Store(_)) {
            // A batch that was interrupted is finished from its document, or never began.
            self.read_others().await?;
            self.in_doubt = false;
        }
        let mut written = self.written;
        let outcome = write_missing_events(&self.storage, &self.meta, &mut written, self.own).await;
        if written != self.written && self.sharing == Sharing::Alone {
            // Nobody has told the cache of these changes. Among several, following the events does.
            self.cache.advance();
            self.cache.clear_pointers();
        }
        self.durable_through(written);
        outcome
    }

    async fn apply_in_database(
        &mut self,
        changes: &[Change],
        atomicity: Atomicity,
    ) -> Result<Vec<Outcome>, RegistryError> {
        let was_in_doubt = std::mem::replace(&mut self.in_doubt, true);
        let outcomes = self.meta.catalog.apply(changes, atomicity).await?;
        let applied: Vec<&Applied> = outcomes.iter().flatten().filter(|applied| applied.event.is_some()).collect();
        invalidate(&self.cache, &applied);
        let mut numbers = applied.iter().filter_map(|applied| applied.event.as_ref()).map(|(event, _)| event.n);
        let first = numbers.next();
        let newest = numbers.next_back().or(first);
        // Other servers committed since, and their events come before what is answered here, or are what made it no event; or a
        // transaction that was reported as failed has ended only now, after the look for what is missing. None of them ends later
        // than one that comes to an event.
        let follows = match first {
            Some(first) => first == self.written + 1,
            None => self.sharing == Sharing::Alone,
        };
        if was_in_doubt || !follows {
            self.write_missing().await?;
            if newest.is_some_and(|newest| newest > self.written) {
                return Err(MetaError::Unavailable("what was committed just now is not shown yet".into()).into());
            }
            self.in_doubt = was_in_doubt && first.is_none();
            if let (Some(first), Some(newest)) = (first, newest) {
                self.know(first, newest);
            }
            return Ok(outcomes);
        }
        let (Some(first), Some(newest)) = (first, newest) else {
            self.in_doubt = false;
            return Ok(outcomes);
        };
        self.own = newest;
        let events = applied.iter().filter_map(|applied| applied.event.as_ref());
        write_events(&self.storage, events.map(|(event, bytes)| (event.n, bytes.clone())).collect()).await?;
        self.in_doubt = false;
        self.durable_through(newest);
        self.know(first, newest);
        Ok(outcomes)
    }

    fn durable_through(&mut self, n: u64) {
        self.written = n;
        // Among several, the cache has perhaps not heard yet of the events of the others.
        if self.sharing == Sharing::Alone {
            self.head.send_if_modified(|head| std::mem::replace(head, n) != n);
        }
    }

    /// The cache has heard of these events. If others' are missing before them, following those tells of them all.
    fn know(&self, first: u64, last: u64) {
        self.head.send_if_modified(|head| {
            let follows = *head + 1 == first;
            *head = if follows { last } else { *head };
            follows
        });
    }
}

/// The name of a manifest in an error.
pub(super) fn unknown(reference: &Reference) -> RegistryError {
    RegistryError::ManifestUnknown(reference.to_string())
}
