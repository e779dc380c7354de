//! What a check comes to.

use serde::Serialize;

use super::finding::{Finding, Severity};

/// A finding, and what was done about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Found {
    /// What.
    #[serde(flatten)]
    pub finding: Finding,
    /// What mended it, if something did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mended: Option<String>,
    /// What was tried and failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

/// So many, with so many bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Amount {
    /// How many.
    pub number: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Everything that was looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Events, the last number.
    pub events: u64,
    /// Blobs whose bytes were hashed.
    pub blobs: Amount,
    /// Blobs that nothing names; collection removes them.
    pub unnamed: Amount,
    /// Blobs of images that the operator takes without all their layers.
    pub never_pushed: u64,
    /// Damaged blobs that were moved away and whose place is whole again, or whose loss is a finding of its own.
    pub quarantined: Amount,
    /// Objects of uploads in flight.
    pub uploads: Amount,
    /// Revisions of drafts.
    pub drafts: Amount,
    /// Objects of the static tree.
    pub statics: Amount,
    /// Temporary files, those of writes in flight too.
    pub temporary: u64,
    /// Objects that this program does not know.
    pub unknown: Amount,
    /// What was not checked, and why.
    pub notes: Vec<String>,
}

/// What a check came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// What is not as it should be.
    pub found: Vec<Found>,
    /// What was looked at.
    pub summary: Summary,
}

impl Amount {
    /// One more, of so many bytes.
    pub(super) fn add(&mut self, bytes: u64) {
        self.number += 1;
        self.bytes += bytes;
    }
}

impl Report {
    /// The worst of what is left; `None` if nothing is.
    pub fn worst(&self) -> Option<Severity> {
        let left = self.found.iter().filter(|found| found.mended.is_none());
        left.map(|found| found.finding.severity()).max()
    }

    pub(super) fn tell(&mut self, finding: Finding) {
        self.found.push(Found { finding, mended: None, failed: None });
    }

    /// What was found, and whether mending it worked out.
    pub(super) fn mended<E: std::fmt::Display>(&mut self, finding: Finding, outcome: Result<impl Into<String>, E>) {
        let (mended, failed) = match outcome {
            Ok(how) => (Some(how.into()), None),
            Err(error) => (None, Some(error.to_string())),
        };
        self.found.push(Found { finding, mended, failed });
    }

    pub(super) fn note(&mut self, note: impl Into<String>) {
        self.summary.notes.push(note.into());
    }
}
