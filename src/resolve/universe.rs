//! What is known of packages while a solution is looked for.

use std::collections::BTreeMap;

use super::choose::order_of;
use super::need::Needs;
use crate::domain::{Digest, Kind, Name, Version};

/// One release that can be chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// Its version.
    pub version: Version,
    /// Digest of its manifest.
    pub digest: Digest,
    /// Digest of its files.
    pub tree: Digest,
    /// Chosen only if it is locked or named exactly.
    pub yanked: bool,
    /// Chosen like any other, with a warning.
    pub deprecated: bool,
    /// What it depends on.
    pub needs: Needs,
}

/// A package and its releases.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    kind: Kind,
    candidates: Vec<Candidate>,
}

impl Known {
    /// The releases in any order.
    pub fn new(kind: Kind, mut candidates: Vec<Candidate>) -> Self {
        candidates.sort_by(|a, b| order_of(&b.version, &a.version));
        Self { kind, candidates }
    }

    /// What the package is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The releases, highest first.
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }
}

/// What a universe says of a package.
#[derive(Clone, Copy, Debug)]
pub enum Lookup<'a> {
    /// It exists.
    Known(&'a Known),
    /// The registry has no such package.
    Absent,
    /// Nobody asked yet.
    Unknown,
}

/// Packages as far as they were asked for.
#[derive(Clone, Debug, Default)]
pub struct Universe(BTreeMap<Name, Option<Known>>);

impl Universe {
    /// Notes what the registry has of a package; `None`: nothing.
    pub fn insert(&mut self, name: Name, known: Option<Known>) {
        self.0.insert(name, known);
    }

    /// What is known of a package.
    pub fn lookup(&self, name: &Name) -> Lookup<'_> {
        match self.0.get(name) {
            Some(Some(known)) => Lookup::Known(known),
            Some(None) => Lookup::Absent,
            None => Lookup::Unknown,
        }
    }
}
