//! What the solver has concluded so far, in order, and from what: the trail, and the incompatibilities with their causes.

use super::bits::Bits;
use super::need::Need;
use super::solve::{Relation, narrow};

/// The project itself, as a package.
pub(super) const ROOT: usize = 0;

/// Sets of outcomes, one a package, that never hold all at once.
pub(super) struct Incompatibility<'a> {
    pub terms: Vec<(usize, Bits)>,
    pub cause: Cause<'a>,
}

/// Why an incompatibility holds.
pub(super) enum Cause<'a> {
    /// These releases of the dependent need what the other term leaves out.
    Need { dependent: usize, of: Bits, need: &'a Need },
    /// It follows from two others.
    Derived(usize, usize),
}

impl Incompatibility<'_> {
    /// What follows from this and the cause of the package's last conclusion: neither speaks of the package as it did.
    pub fn resolve(&self, cause: &Incompatibility<'_>, package: usize) -> Vec<(usize, Bits)> {
        let mut terms = Vec::new();
        let others = self.terms.iter().chain(&cause.terms).filter(|(other, _)| *other != package);
        for (other, bits) in others {
            narrow(&mut terms, *other, bits.clone());
        }
        let of = |incompatibility: &Incompatibility<'_>| {
            incompatibility.terms.iter().find(|(other, _)| *other == package).map(|(_, bits)| bits.clone())
        };
        if let (Some(here), Some(there)) = (of(self), of(cause)) {
            narrow(&mut terms, package, here.union(&there));
        }
        terms
    }
}

/// One conclusion or decision.
struct Step {
    package: usize,
    /// What it says by itself.
    said: Bits,
    /// What is known of the package after it.
    known: Bits,
    level: usize,
    /// The incompatibility that it was concluded from; `None`: a decision.
    cause: Option<usize>,
}

/// Conclusions and decisions in their order.
#[derive(Default)]
pub(super) struct Trail {
    steps: Vec<Step>,
    level: usize,
    packages: Vec<Package>,
}

struct Package {
    releases: usize,
    current: Bits,
    decided: Option<usize>,
    /// Its steps, as indexes.
    steps: Vec<usize>,
}

/// The step with which an incompatibility came to hold.
pub(super) struct Satisfier {
    pub package: usize,
    pub level: usize,
    /// The level at which all the rest held.
    pub previous_level: usize,
    pub cause: Option<usize>,
}

impl Trail {
    pub fn add_package(&mut self, releases: usize) {
        self.packages.push(Package { releases, current: Bits::all(releases), decided: None, steps: Vec::new() });
    }

    pub fn current(&self, package: usize) -> &Bits {
        &self.packages[package].current
    }

    pub fn decided(&self, package: usize) -> Option<usize> {
        self.packages[package].decided
    }

    /// Whether the package must be installed and no release was decided.
    pub fn is_open(&self, package: usize) -> bool {
        self.packages[package].decided.is_none() && self.packages[package].current.is_positive()
    }

    pub fn decide(&mut self, package: usize, position: usize) {
        if !self.steps.is_empty() {
            self.level += 1;
        }
        let said = Bits::one(self.packages[package].releases, position);
        self.push(package, said, None);
        self.packages[package].decided = Some(position);
    }

    pub fn derive(&mut self, package: usize, said: &Bits, cause: usize) {
        self.push(package, said.clone(), Some(cause));
    }

    fn push(&mut self, package: usize, said: Bits, cause: Option<usize>) {
        let known = self.packages[package].current.intersection(&said);
        self.packages[package].current = known.clone();
        self.packages[package].steps.push(self.steps.len());
        self.steps.push(Step { package, said, known, level: self.level, cause });
    }

    /// Forgets everything after a level.
    pub fn take_back(&mut self, level: usize) {
        while let Some(step) = self.steps.pop_if(|step| step.level > level) {
            let package = &mut self.packages[step.package];
            package.steps.pop();
            package.current = match package.steps.last() {
                Some(last) => self.steps[*last].known.clone(),
                None => Bits::all(package.releases),
            };
            if step.cause.is_none() {
                package.decided = None;
            }
        }
        self.level = level;
    }

    pub fn relation(&self, incompatibility: &Incompatibility<'_>) -> Relation {
        let mut rest = None;
        for (package, term) in &incompatibility.terms {
            let current = &self.packages[*package].current;
            if current.is_subset(term) {
                continue;
            }
            if current.is_disjoint(term) || rest.is_some() {
                return Relation::Open;
            }
            rest = Some((*package, term));
        }
        match rest {
            Some((package, term)) => Relation::AllBut(package, term.clone()),
            None => Relation::Holds,
        }
    }

    /// The first step with which the incompatibility held. `None` if it does not hold.
    pub fn satisfier(&self, incompatibility: &Incompatibility<'_>) -> Option<Satisfier> {
        let held = |(package, term): &(usize, Bits)| {
            let steps = &self.packages[*package].steps;
            steps.iter().copied().find(|step| self.steps[*step].known.is_subset(term))
        };
        let firsts: Option<Vec<usize>> = incompatibility.terms.iter().map(held).collect();
        let last = firsts.as_ref()?.iter().copied().max()?;
        let step = &self.steps[last];
        let mut previous_level = 0;
        for ((package, term), first) in incompatibility.terms.iter().zip(firsts.into_iter().flatten()) {
            let before = if *package != step.package {
                Some(first)
            } else if step.said.is_subset(term) {
                None
            } else {
                // Together with something that was known of the package before.
                let earlier = self.packages[*package].steps.iter().copied().take_while(|other| *other < last);
                earlier.into_iter().find(|other| self.steps[*other].known.intersection(&step.said).is_subset(term))
            };
            previous_level = previous_level.max(before.map_or(0, |before| self.steps[before].level));
        }
        Some(Satisfier { package: step.package, level: step.level, previous_level, cause: step.cause })
    }
}
