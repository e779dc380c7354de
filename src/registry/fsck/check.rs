//! A check from its beginning to its end.

use std::fmt;
use std::sync::Arc;

use super::super::{Committing, Limits, RegistryError, Side};
use super::blobs::Hashes;
use super::finding::Finding;
use super::fold::Fold;
use super::references::Evaluated;
use super::report::Report;
use super::{batches, blobs, catalogue, events, left, mend, references, statics, survey};
use crate::domain::Timestamp;
use crate::meta::Table;
use crate::storage::Storage;

/// How often what was found is looked at once more, because the registry changed meanwhile.
const LOOKS: usize = 5;

/// Whether anything is mended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mend {
    /// Nothing is changed. Others may use the store meanwhile.
    Nothing,
    /// Whatever can be. Nobody else uses the store.
    WhatCanBe,
}

/// What a check is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckStage {
    /// What lies in the store is listed.
    Listing,
    /// Events are read.
    Events,
    /// Bytes are hashed.
    Hashing,
    /// The catalogue is made of the events.
    Folding,
    /// It is compared with the database in this table.
    Comparing(Table),
}

/// Is told the stage, how far it is, and where it ends; 0 if that is not known. Bytes for [`CheckStage::Hashing`], else things.
pub type Watch = Arc<dyn Fn(CheckStage, u64, u64) + Send + Sync>;

/// What a check is made of.
pub struct Check {
    /// The object store.
    pub storage: Storage,
    /// The metadata that own it.
    pub side: Side,
    /// Whether anything is mended.
    pub mend: Mend,
    /// The limits that a server on it has.
    pub limits: Limits,
    /// The time.
    pub now: Timestamp,
    /// Who is told how far it is.
    pub watch: Watch,
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Check({:?})", self.mend)
    }
}

impl Check {
    /// Checks everything. An error is that of a store which cannot be read at all: what is wrong with what it holds is in the report.
    pub async fn run(self) -> Result<Report, RegistryError> {
        let mut report = Report::default();
        // First: whatever these events name was there before anything is listed.
        let head = self.head().await?;
        let survey = survey::take(&self, &mut report).await?;
        batches::check(&self, &survey, &mut report).await?;
        let head = if self.is_alone() { self.head().await? } else { head };
        let events = events::check(&self, head, &mut report).await?;
        report.summary.events = events.head;
        let hashes = blobs::hash(&self, &survey, &mut report).await?;
        let mut fold = Fold::new();
        fold.advance(&self, &events, &hashes, events.head).await?;
        let evaluated = self.evaluate(&mut fold, &events, &hashes).await?;
        catalogue::compare(&self, &mut fold, &events, &hashes, &survey, &evaluated, &mut report).await?;
        if let Some((event, why)) = fold.stopped.clone() {
            report.tell(Finding::FoldStopped { event, why });
        }
        mend::blobs(&self, &evaluated, &hashes, &mut report).await?;
        left::check(&self, &survey, &evaluated, &hashes, &mut report).await?;
        statics::check(&self, &mut report).await?;
        Ok(report)
    }

    /// Looks at every reference, until nothing changed meanwhile or nothing was found.
    async fn evaluate(
        &self,
        fold: &mut Fold,
        events: &events::Events,
        hashes: &Hashes,
    ) -> Result<Evaluated, RegistryError> {
        for look in 1.. {
            let evaluated = references::evaluate(self, fold, hashes).await?;
            if self.is_alone() || fold.stopped.is_some() || evaluated.is_sound() || look == LOOKS {
                return Ok(evaluated);
            }
            let head = self.head().await?;
            if head <= fold.head || events.cut == Some(head) {
                return Ok(evaluated);
            }
            fold.advance(self, events, hashes, head).await?;
        }
        references::evaluate(self, fold, hashes).await
    }

    /// Whether nobody else changes anything meanwhile.
    pub(super) fn is_alone(&self) -> bool {
        self.mend == Mend::WhatCanBe
    }

    /// Whether a database numbers the events.
    pub(super) fn has_database(&self) -> bool {
        matches!(self.side.committing, Committing::Database)
    }

    /// The last event that is committed.
    pub(super) async fn head(&self) -> Result<u64, RegistryError> {
        match self.has_database() {
            true => Ok(self.side.meta.ledger.head().await?.n),
            false => Ok(self.storage.last_event(0).await?),
        }
    }

    /// The time before which everything is older than this many grace periods.
    pub(super) fn graces_ago(&self, graces: i64) -> Timestamp {
        let grace = i64::try_from(self.limits.grace.as_secs()).unwrap_or(i64::MAX);
        self.now.plus_seconds(-grace.saturating_mul(graces))
    }

    pub(super) fn tell(&self, stage: CheckStage, at: u64, of: u64) {
        (self.watch)(stage, at, of);
    }
}
