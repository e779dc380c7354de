//! Where every write and read of the store passes: it is counted, and a test can make it fail.
//!
//! Costs two atomic additions a write, two a read. Knows nothing of what is written. A disk's reads ask only whether the store has
//! crashed: what can befall them is shown by damaging files.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::planned::{Failure, Fault, ReadFailure, ReadFault, Reading, Step, When};

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

/// What was asked of a store that is no disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    /// Bytes of an object, whole or in part.
    pub gets: u64,
    /// Length and age of an object.
    pub heads: u64,
    /// Names of a folder.
    pub lists: u64,
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
    gets: AtomicU64,
    heads: AtomicU64,
    lists: AtomicU64,
    reads_armed: AtomicBool,
    read_fault: Mutex<Option<ReadFault>>,
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

    /// What was read since the meter was made or its reads were last armed.
    pub fn reads(&self) -> Reads {
        let read = |count: &AtomicU64| count.load(Ordering::SeqCst);
        Reads { gets: read(&self.0.gets), heads: read(&self.0.heads), lists: read(&self.0.lists) }
    }

    /// Starts counting steps again from 0, and makes one of them fail. `None` takes back what was planned.
    pub fn arm(&self, fault: Option<Fault>) {
        *self.0.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
        self.0.steps.store(0, Ordering::SeqCst);
        self.0.crashed.store(false, Ordering::SeqCst);
        self.0.armed.store(fault.is_some(), Ordering::SeqCst);
    }

    /// Starts counting reads again from 0, and makes some of them fail. `None` takes back what was planned.
    pub fn arm_reads(&self, fault: Option<ReadFault>) {
        *self.0.read_fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
        for count in [&self.0.gets, &self.0.heads, &self.0.lists] {
            count.store(0, Ordering::SeqCst);
        }
        self.0.reads_armed.store(fault.is_some(), Ordering::SeqCst);
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
        let planned = self.begin()?;
        if let Some((When::Before, failure)) = planned {
            self.strike(failure)?;
        }
        let done = work()?;
        self.end(step);
        if let Some((When::After, failure)) = planned {
            self.strike(failure)?;
        }
        Ok(done)
    }

    /// Counts a step that is about to be done, and says what the plan has for it.
    pub(super) fn begin(&self) -> io::Result<Option<(When, Failure)>> {
        self.alive()?;
        let number = self.0.steps.fetch_add(1, Ordering::SeqCst) + 1;
        if !self.0.armed.load(Ordering::SeqCst) {
            return Ok(None);
        }
        let fault = *self.0.fault.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(fault.filter(|fault| fault.step == number).map(|fault| (fault.when, fault.failure)))
    }

    /// Counts a step that was done.
    pub(super) fn end(&self, step: Step) {
        match step {
            Step::Publish => self.0.objects.fetch_add(1, Ordering::Relaxed),
            Step::Append => self.0.appends.fetch_add(1, Ordering::Relaxed),
            Step::Sync => self.0.syncs.fetch_add(1, Ordering::Relaxed),
            Step::Stage | Step::Delete => 0,
        };
    }

    /// Counts a reading that is about to be done, and says what the plan has for it.
    pub(super) fn read(&self, reading: Reading) -> io::Result<Option<ReadFailure>> {
        self.alive()?;
        let count = match reading {
            Reading::Get => &self.0.gets,
            Reading::Head => &self.0.heads,
            Reading::List => &self.0.lists,
        };
        let number = count.fetch_add(1, Ordering::SeqCst) + 1;
        if !self.0.reads_armed.load(Ordering::SeqCst) {
            return Ok(None);
        }
        let fault = *self.0.read_fault.lock().unwrap_or_else(PoisonError::into_inner);
        let due = fault.filter(|fault| fault.reading == reading && fault.which.takes(number));
        Ok(due.map(|fault| fault.failure))
    }

    /// What a system says of this failure; nothing of one that only takes long.
    pub(super) fn strike(&self, failure: Failure) -> io::Result<()> {
        Err(match failure {
            Failure::Slow(pause) => {
                std::thread::sleep(pause);
                return Ok(());
            }
            Failure::Error | Failure::Conflict => io::Error::other("an I/O error, as a test planned"),
            Failure::Full => io::Error::new(io::ErrorKind::StorageFull, "no space left, as a test planned"),
            Failure::Denied => io::Error::new(io::ErrorKind::PermissionDenied, "permission denied, as a test planned"),
            Failure::Crash => {
                self.0.crashed.store(true, Ordering::SeqCst);
                io::Error::other("a crash, as a test planned")
            }
        })
    }
}
