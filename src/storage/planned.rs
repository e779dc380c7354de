//! What a test can plan to go wrong in a store: at one of its writes, at one of its reads.
//!
//! Plans only: [`Meter`](super::Meter) keeps one and says when it is due, and the stores carry it out.

use std::time::Duration;

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
    /// This one step takes so much longer, by tokio's clock, which a test can move. On a disk its thread waits.
    Slow(Duration),
    /// This one step is refused, as by a key that may only read.
    Denied,
    /// This one step meets another one. Who creates if absent is told that the name is taken, who replaces what was seen that it
    /// has changed; before it happened that is S3's 409, after it happened a client whose second try met its first. Any other step
    /// fails.
    Conflict,
}

/// The plan of a failure of a write.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// Which step after arming, from 1.
    pub step: u64,
    /// Before or after its work.
    pub when: When,
    /// How.
    pub failure: Failure,
}

/// One thing that is asked of the medium.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Bytes of an object.
    Get,
    /// Length and age of an object.
    Head,
    /// Names of a folder.
    List,
}

/// What is wrong with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadFailure {
    /// There is none, but an I/O error.
    Error,
    /// It takes so much longer, by tokio's clock, which a test can move.
    Slow(Duration),
    /// Its body ends after so many bytes, and nothing says so but the length that was promised. Only a get has a body.
    Cut {
        /// How many bytes come.
        after: u64,
    },
    /// What is there is said not to be. A list is empty.
    Missing,
    /// A list does not show yet what was written last. Only a list can.
    StaleList {
        /// How many of the newest objects below its prefix it leaves out.
        lag: u64,
    },
}

/// Which of the readings of a kind since arming, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// This one.
    Only(u64),
    /// This one and all that follow.
    From(u64),
}

impl Which {
    pub(super) fn takes(self, number: u64) -> bool {
        match self {
            Self::Only(only) => number == only,
            Self::From(first) => number >= first,
        }
    }
}

/// The plan of a failure of reads.
#[derive(Clone, Copy, Debug)]
pub struct ReadFault {
    /// Of which kind of reading.
    pub reading: Reading,
    /// Which of them.
    pub which: Which,
    /// How.
    pub failure: ReadFailure,
}
