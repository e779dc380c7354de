//! Makes a store fail at one of its statements, because a test wants it to.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::MetaError;
use super::contract::faults::Met;

/// Springs once.
#[derive(Debug, Default)]
pub(super) struct Trap(Mutex<Set>);

#[derive(Debug, Default)]
struct Set {
    aim: Option<Aim>,
    met: Met,
}

#[derive(Clone, Copy, Debug)]
enum Aim {
    /// After so many others.
    Statement(usize),
    Commit,
}

impl Trap {
    /// Springs at statement number `at` from now on, counted from 0.
    pub fn set(&self, at: usize) {
        *self.lock() = Set { aim: Some(Aim::Statement(at)), met: Met::Nowhere };
    }

    /// Springs at the next commit.
    pub fn set_at_commit(&self) {
        *self.lock() = Set { aim: Some(Aim::Commit), met: Met::Nowhere };
    }

    /// Springs no more. Where it did.
    pub fn take(&self) -> Met {
        std::mem::take(&mut *self.lock()).met
    }

    /// Whether it springs, at a statement or at a commit.
    pub fn springs(&self, at: Met) -> bool {
        let mut set = self.lock();
        let springs = match set.aim {
            None => false,
            Some(Aim::Commit) => at == Met::Commit,
            Some(Aim::Statement(0)) => true,
            Some(Aim::Statement(left)) => {
                set.aim = Some(Aim::Statement(left - 1));
                false
            }
        };
        if springs {
            *set = Set { aim: None, met: at };
        }
        springs
    }

    /// Fails if it springs.
    pub fn passes(&self, at: Met) -> Result<(), MetaError> {
        match self.springs(at) {
            true => Err(MetaError::Unavailable("a test wants it so".into())),
            false => Ok(()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Set> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
