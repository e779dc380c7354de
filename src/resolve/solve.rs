//! Versions that fit together, by the PubGrub algorithm: decide, propagate, and learn from each conflict.
//!
//! Everything said about a package is a set of its outcomes ([`Bits`]). An incompatibility is a list of such sets, one a
//! package, that never hold all at once. The same question about the same universe has the same answer.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::bits::Bits;
use super::choose::exact;
use super::conflict::{self, Conflict};
use super::derivation::{Cause, Incompatibility, ROOT, Trail};
use super::need::{Need, Strength};
use super::universe::{Candidate, Known, Lookup, Universe};
use crate::domain::{Kind, Name, Version};

/// Most steps before the search is given up. The largest real sets take some thousands.
const STEPS_MAX: usize = 200_000;

/// What is to be solved.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// What the project asks for.
    pub needs: &'a [Need],
    /// Versions that are kept where they fit, even if they were yanked since.
    pub locked: &'a BTreeMap<Name, Version>,
    /// Packages that the project does without, whoever needs them.
    pub skip: &'a BTreeSet<Name>,
}

/// One package of a solution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Chosen<'a> {
    /// Its name.
    pub name: &'a Name,
    /// What it is.
    pub kind: Kind,
    /// The release.
    pub release: &'a Candidate,
}

/// Why there is no solution.
#[derive(Clone, Debug, PartialEq)]
pub enum Unsolved {
    /// These packages must be looked up first; then ask again.
    Unknown(BTreeSet<Name>),
    /// No versions fit together.
    Conflict(Conflict),
    /// The search took too long.
    TooHard,
}

/// The versions that fit together, by name: the highest of each package, those of the project's own needs first.
///
/// - A locked version is kept where it fits.
/// - A yanked version is chosen only if it is locked, if the project names it exactly, or for a dependency that does.
/// - A pre-release is chosen only for a range that names one.
///
/// # Errors
/// [`Unsolved`].
pub fn solve<'a>(universe: &'a Universe, question: &Question<'a>) -> Result<Vec<Chosen<'a>>, Unsolved> {
    let mut solver = Solver::new(universe, *question);
    let mut changed = solver.add_needs(ROOT, 0);
    changed.push(ROOT);
    loop {
        solver.propagate(changed)?;
        let Some((package, position)) = solver.next() else { break };
        changed = solver.add_needs(package, position);
        solver.trail.decide(package, position);
        changed.push(package);
    }
    if !solver.unknown.is_empty() {
        return Err(Unsolved::Unknown(solver.unknown));
    }
    Ok(solver.solution())
}

/// A package while it is being solved. The project is the first, with one release.
pub(super) struct Slot<'a> {
    pub name: Option<&'a Name>,
    pub known: Option<&'a Known>,
    locked: Option<usize>,
    /// Named exactly by the project: a yanked version that may be chosen all the same.
    named: Option<usize>,
}

impl Slot<'_> {
    pub fn releases(&self) -> usize {
        match (self.name, self.known) {
            (None, _) => 1,
            (Some(_), known) => known.map_or(0, |known| known.candidates().len()),
        }
    }
}

struct Solver<'a> {
    universe: &'a Universe,
    question: Question<'a>,
    slots: Vec<Slot<'a>>,
    ids: HashMap<&'a Name, usize>,
    incompatibilities: Vec<Incompatibility<'a>>,
    /// Which incompatibilities speak of a package.
    about: Vec<Vec<usize>>,
    trail: Trail,
    unknown: BTreeSet<Name>,
    steps: usize,
}

impl<'a> Solver<'a> {
    fn new(universe: &'a Universe, question: Question<'a>) -> Self {
        let mut solver = Self {
            universe,
            question,
            slots: Vec::new(),
            ids: HashMap::new(),
            incompatibilities: Vec::new(),
            about: Vec::new(),
            trail: Trail::default(),
            unknown: BTreeSet::new(),
            steps: 0,
        };
        solver.add_slot(Slot { name: None, known: None, locked: None, named: None });
        solver.trail.decide(ROOT, 0);
        solver
    }

    fn add_slot(&mut self, slot: Slot<'a>) -> usize {
        self.trail.add_package(slot.releases());
        self.about.push(Vec::new());
        self.slots.push(slot);
        self.slots.len() - 1
    }

    fn needs_of(&self, package: usize, position: usize) -> &'a [Need] {
        if package == ROOT {
            return self.question.needs;
        }
        let candidate = self.slots[package].known.and_then(|known| known.candidates().get(position));
        candidate.map(|candidate| candidate.needs.needs.as_slice()).unwrap_or_default()
    }

    /// Adds what a release needs as incompatibilities, those of its other releases with the same need included.
    /// Returns the packages that they speak of.
    fn add_needs(&mut self, package: usize, position: usize) -> Vec<usize> {
        let mut touched = Vec::new();
        for need in self.needs_of(package, position) {
            if self.question.skip.contains(&need.name) && package != ROOT {
                continue;
            }
            let Some(needed) = self.package(need) else { continue };
            let dependents = self.with_need(package, need);
            let known = self.about[package].iter().any(|id| {
                matches!(&self.incompatibilities[*id].cause, Cause::Need { dependent, need: known, .. }
                    if *dependent == package && *known == need)
            });
            if !known {
                let fits = self.fitting(needed, need);
                let mut terms = vec![(package, dependents.clone())];
                narrow(&mut terms, needed, fits.complement());
                touched.extend(terms.iter().map(|(package, _)| *package));
                self.add(Incompatibility { terms, cause: Cause::Need { dependent: package, of: dependents, need } });
            }
        }
        touched
    }

    /// The releases of a package that have the very same need.
    fn with_need(&self, package: usize, need: &Need) -> Bits {
        let releases = self.slots[package].releases();
        let mut bits = Bits::none(releases);
        for position in 0..releases {
            if self.needs_of(package, position).contains(need) {
                bits.insert(position);
            }
        }
        bits
    }

    /// The number of a needed package, unless it is left out or must be looked up first.
    fn package(&mut self, need: &'a Need) -> Option<usize> {
        if let Some(id) = self.ids.get(&need.name) {
            let absent = self.slots[*id].known.is_none();
            return (!absent || need.strength == Strength::Required).then_some(*id);
        }
        let known = match self.universe.lookup(&need.name) {
            Lookup::Known(known) => Some(known),
            Lookup::Absent if need.strength == Strength::IfThere => return None,
            Lookup::Absent => None,
            Lookup::Unknown => {
                self.unknown.insert(need.name.clone());
                return None;
            }
        };
        let position = |wanted: &Version| {
            known.and_then(|known| known.candidates().iter().position(|candidate| candidate.version == *wanted))
        };
        let named = self.question.needs.iter().filter(|other| other.name == need.name);
        let named = named.filter_map(|need| exact(&need.range)).find_map(|version| position(&version));
        let locked = self.question.locked.get(&need.name).and_then(position);
        let id = self.add_slot(Slot { name: Some(&need.name), known, locked, named });
        self.ids.insert(&need.name, id);
        Some(id)
    }

    /// The releases of a package that a need can be met with.
    fn fitting(&self, package: usize, need: &Need) -> Bits {
        let slot = &self.slots[package];
        let mut bits = Bits::none(slot.releases());
        let exact = exact(&need.range).is_some();
        for (position, candidate) in slot.known.map(Known::candidates).unwrap_or_default().iter().enumerate() {
            let kept = [slot.locked, slot.named].contains(&Some(position));
            if need.range.contains(&candidate.version) && (!candidate.yanked || exact || kept) {
                bits.insert(position);
            }
        }
        bits
    }

    fn add(&mut self, incompatibility: Incompatibility<'a>) -> usize {
        let id = self.incompatibilities.len();
        for (package, _) in &incompatibility.terms {
            self.about[*package].push(id);
        }
        self.incompatibilities.push(incompatibility);
        id
    }

    /// Draws every conclusion from what changed. A conflict is learnt from, and the decisions that led to it are taken back.
    fn propagate(&mut self, mut changed: Vec<usize>) -> Result<(), Unsolved> {
        while let Some(package) = changed.pop() {
            let mut index = self.about[package].len();
            while index > 0 {
                index -= 1;
                let id = self.about[package][index];
                self.steps += 1;
                if self.steps > STEPS_MAX {
                    return Err(Unsolved::TooHard);
                }
                match self.trail.relation(&self.incompatibilities[id]) {
                    Relation::Open => {}
                    Relation::AllBut(rest, term) => {
                        self.trail.derive(rest, &term.complement(), id);
                        changed.push(rest);
                    }
                    Relation::Holds => {
                        let learnt = self.learn(id)?;
                        changed = self.incompatibilities[learnt].terms.iter().map(|(package, _)| *package).collect();
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// From a conflict to an incompatibility that names its reason, with the trail taken back to before it.
    fn learn(&mut self, mut id: usize) -> Result<usize, Unsolved> {
        loop {
            self.steps += 1;
            if self.steps > STEPS_MAX {
                return Err(Unsolved::TooHard);
            }
            let incompatibility = &self.incompatibilities[id];
            if incompatibility.terms.iter().all(|(package, _)| *package == ROOT) {
                return Err(Unsolved::Conflict(conflict::explain(&self.slots, &self.incompatibilities, id)));
            }
            let Some(satisfier) = self.trail.satisfier(incompatibility) else { return Err(Unsolved::TooHard) };
            let cause = match satisfier.cause {
                Some(cause) if satisfier.previous_level == satisfier.level => cause,
                _ => {
                    self.trail.take_back(satisfier.previous_level);
                    return Ok(id);
                }
            };
            let resolved = incompatibility.resolve(&self.incompatibilities[cause], satisfier.package);
            id = self.add(Incompatibility { terms: resolved, cause: Cause::Derived(id, cause) });
        }
    }

    /// The next package to decide, and the release to try: what has no choice first, then in the order in which packages
    /// were met.
    fn next(&self) -> Option<(usize, usize)> {
        let open = (1..self.slots.len()).filter(|id| self.trail.is_open(*id));
        let package = open.min_by_key(|id| (self.trail.current(*id).positions().take(2).count() > 1, *id))?;
        let locked = self.slots[package].locked.filter(|position| self.trail.current(package).contains(*position));
        let position = locked.or_else(|| self.trail.current(package).positions().next())?;
        Some((package, position))
    }

    /// What was decided, as far as the project needs it.
    fn solution(&self) -> Vec<Chosen<'a>> {
        let (mut waiting, mut found) = (vec![ROOT], BTreeMap::new());
        while let Some(package) = waiting.pop() {
            let position = self.trail.decided(package).unwrap_or_default();
            for need in self.needs_of(package, position) {
                let skipped = package != ROOT && self.question.skip.contains(&need.name);
                let Some((name, id)) = self.ids.get_key_value(&need.name).filter(|_| !skipped) else { continue };
                let known = self.slots[*id].known;
                let release = self.trail.decided(*id).and_then(|at| known?.candidates().get(at));
                if let (Some(known), Some(release)) = (known, release)
                    && found.insert(*name, Chosen { name, kind: known.kind(), release }).is_none()
                {
                    waiting.push(*id);
                }
            }
        }
        found.into_values().collect()
    }
}

/// How an incompatibility stands to what is known so far.
pub(super) enum Relation {
    /// All of its terms hold: a conflict.
    Holds,
    /// All but this one do: it must not.
    AllBut(usize, Bits),
    /// It says nothing yet.
    Open,
}

/// Adds a term, or narrows the one of the same package. One that always holds says nothing.
pub(super) fn narrow(terms: &mut Vec<(usize, Bits)>, package: usize, bits: Bits) {
    match terms.iter_mut().find(|(known, _)| *known == package) {
        Some((_, known)) => *known = known.intersection(&bits),
        None if bits.is_all() => {}
        None => terms.push((package, bits)),
    }
}
