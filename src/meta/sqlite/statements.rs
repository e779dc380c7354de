//! The statements that the connections of a store run: how many they were. A test can make one of them fail.

use std::sync::atomic::{AtomicU64, Ordering};

use super::super::MetaError;
#[cfg(test)]
use super::super::contract::faults::Met;
#[cfg(test)]
use super::super::trap::Trap;

/// Shared by all connections of a store.
#[derive(Default)]
pub(super) struct Statements {
    number: AtomicU64,
    /// Springs before a statement is run.
    #[cfg(test)]
    pub before: Trap,
    /// Springs once it is.
    #[cfg(test)]
    pub after: Trap,
}

impl Statements {
    pub fn number(&self) -> u64 {
        self.number.load(Ordering::Relaxed)
    }

    /// Runs a statement that counts.
    pub fn count<T>(&self, sql: &str, run: impl FnOnce() -> Result<T, MetaError>) -> Result<T, MetaError> {
        self.number.fetch_add(1, Ordering::Relaxed);
        self.run(sql, run)
    }

    /// Runs one that does not: they begin and end what others share.
    #[cfg(not(test))]
    pub fn run<T>(&self, _sql: &str, run: impl FnOnce() -> Result<T, MetaError>) -> Result<T, MetaError> {
        run()
    }

    #[cfg(test)]
    pub fn run<T>(&self, sql: &str, run: impl FnOnce() -> Result<T, MetaError>) -> Result<T, MetaError> {
        let at = if sql == "COMMIT" { Met::Commit } else { Met::Statement };
        self.before.passes(at)?;
        let made = run()?;
        self.after.passes(at)?;
        Ok(made)
    }
}
