//! Where every write of the store passes: it is counted, and a test can make it fail.
//!
//! Costs two atomic additions a write. Knows nothing of what is written.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What the store has written since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Writes {
    /// Objects that appeared under their name, or were replaced: puts, creates, finished uploads.
    pub objects: u64,
    /// Appends to uploads in flight and to their documents.
    pub appends: u64,
    /// Syncs of one file or one folder.
    pub syncs: u64,
    /// Groups of syncs.
    pub groups: u64,
}

/// One thing that a write does to the medium. A crash can fall before or after each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Bytes into a temporary file that nobody sees.
    Stage,
    /// An object appears under its name.
    Publish,
    /// Bytes onto an upload in flight, or a line onto its document.
    Append,
    /// An object goes.
    Delete,
    /// A file or folder is made durable.
    Sync,
}

/// Whether the failing step did its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Failed, and did not happen.
    Before,
    /// Failed, but did happen.
    After,
}

/// What failing looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// This one step fails with an I/O error.
    Error,
    /// This one step finds the disk full.
    Full,
    /// From this step on everything fails, reads too, as if the process were gone.
    Crash,
}

/// The plan of a failure.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// Which step after arming, from 1.
    pub step: u64,
    /// Before or after its work.
    pub when: When,
    /// How.
    pub failure: Failure,
}

/// Counts steps and makes the planned one fail. Clones share one count.
#[derive(Clone, Debug, Default)]
pub struct Meter(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    objects: AtomicU64,
    appends: AtomicU64,
    syncs: AtomicU64,
    groups: AtomicU64,
    steps: AtomicU64,
    armed: AtomicBool,
    crashed: AtomicBool,
    fault: Mutex<Option<Fault>>,
}

impl Meter {
    /// What was written.
    pub fn writes(&self) -> Writes {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Writes {
            objects: read(&self.0.objects),
            appends: read(&self.0.appends),
            syncs: read(&self.0.syncs),
            groups: read(&self.0.groups),
        }
    }

    /// Steps since the meter was made or last armed.
    pub fn steps(&self) -> u64 {
        self.0.steps.load(Ordering::SeqCst)
    }

    /// Starts counting steps again from 0, and makes one of them fail. `None` takes back what was planned.
    pub fn arm(&self, fault: Option<Fault>) {
        *self.0.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
        self.0.steps.store(0, Ordering::SeqCst);
        self.0.crashed.store(false, Ordering::SeqCst);
        self.0.armed.store(fault.is_some(), Ordering::SeqCst);
    }

    /// Whether a planned crash has happened.
    pub fn crashed(&self) -> bool {
        self.0.crashed.load(Ordering::Relaxed)
    }

    /// Passes unless the store has crashed. Reads ask this.
    pub(super) fn alive(&self) -> io::Result<()> {
        if self.crashed() { Err(io::Error::other("the store has crashed, as a test planned")) } else { Ok(()) }
    }

    pub(super) fn group(&self) {
        self.0.groups.fetch_add(1, Ordering::Relaxed);
    }

    /// Does one step, unless the plan says that it fails.
    pub(super) fn step<T>(&self, step: Step, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let after = self.before(step)?;
        let done = work()?;
        self.after(step, after)?;
        Ok(done)
    }

    /// Counts a step that is about to be done; what it returns goes to [`Meter::after`].
    pub(super) fn before(&self, _step: Step) -> io::Result<Option<Failure>> {
        self.alive()?;
        let number = self.0.steps.fetch_add(1, Ordering::SeqCst) + 1;
        if !self.0.armed.load(Ordering::SeqCst) {
            return Ok(None);
        }
        let fault = *self.0.fault.lock().unwrap_or_else(PoisonError::into_inner);
        match fault.filter(|fault| fault.step == number) {
            Some(Fault { when: When::Before, failure, .. }) => Err(self.fail(failure)),
            Some(Fault { when: When::After, failure, .. }) => Ok(Some(failure)),
            None => Ok(None),
        }
    }

    /// Counts a step that was done.
    pub(super) fn after(&self, step: Step, planned: Option<Failure>) -> io::Result<()> {
        match step {
            Step::Publish => self.0.objects.fetch_add(1, Ordering::Relaxed),
            Step::Append => self.0.appends.fetch_add(1, Ordering::Relaxed),
            Step::Sync => self.0.syncs.fetch_add(1, Ordering::Relaxed),
            Step::Stage | Step::Delete => 0,
        };
        planned.map_or(Ok(()), |failure| Err(self.fail(failure)))
    }

    fn fail(&self, failure: Failure) -> io::Error {
        match failure {
            Failure::Error => io::Error::other("an I/O error, as a test planned"),
            Failure::Full => io::Error::new(io::ErrorKind::StorageFull, "no space left, as a test planned"),
            Failure::Crash => {
                self.0.crashed.store(true, Ordering::SeqCst);
                io::Error::other("a crash, as a test planned")
            }
        }
    }
}
