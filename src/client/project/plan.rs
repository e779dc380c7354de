//! From what a project asks for to a lock: asks the registry for packages as the solver comes to need them.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, TryStreamExt, stream};

use super::error::ProjectError;
use super::manifest::Manifest;
use super::supply::{PARALLEL, Supply};
use crate::domain::api::Resolution;
use crate::domain::{Name, Range, Version};
use crate::resolve::{
    Candidate, Chosen, Conflict, Known, Lock, Lookup, Need, Question, Strength, Universe, Unsolved, cycles, needs,
    solve,
};

/// How many names a note lists.
const LISTED: usize = 8;
/// Most packages that are looked up for one answer: a registry could name others without an end.
const LOOKED_UP_MAX: usize = 20_000;
/// Most round trips for one answer, each a step deeper. Real trees of dependencies are rarely ten deep.
const STEPS_MAX: usize = 200;
/// How many changes of `pclr.toml` are tried for advice.
const ADVISED: usize = 5;

/// Which locked versions may move although they fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Update {
    /// None.
    Nothing,
    /// These.
    Only(BTreeSet<Name>),
    /// All.
    All,
}

/// A lock to be, and what should be said about it.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The lock.
    pub lock: Lock,
    /// What people should know of what is new in it.
    pub notes: Vec<String>,
}

/// Chooses versions. With a lock that fits and nothing to update, nobody is asked.
pub(super) async fn plan(
    supply: &Supply,
    manifest: &Manifest,
    old: Option<&Lock>,
    update: &Update,
) -> Result<Plan, ProjectError> {
    let (own, skip) = (manifest.needs(), manifest.skip());
    if let Some(lock) = old.filter(|lock| *update == Update::Nothing && lock.mismatch(&own, skip).is_none()) {
        return Ok(Plan { lock: lock.clone(), notes: Vec::new() });
    }
    let mut locked = old.map(Lock::versions).unwrap_or_default();
    match update {
        Update::Nothing => {}
        Update::Only(names) => locked.retain(|name, _| !names.contains(name)),
        Update::All => locked.clear(),
    }
    let mut planning = Planning { supply, universe: Universe::default(), locked: &locked, skip };
    match planning.solve(&own).await? {
        Ok(()) => planning.finish(&own, old),
        Err(conflict) => {
            let advice = planning.advice(&own, &conflict).await?;
            Err(ProjectError::NoSolution { conflict: Box::new(conflict), advice, offline: supply.is_offline() })
        }
    }
}

struct Planning<'a> {
    supply: &'a Supply,
    universe: Universe,
    locked: &'a BTreeMap<Name, Version>,
    skip: &'a BTreeSet<Name>,
}

impl Planning<'_> {
    /// Looks up packages until versions fit together, one round trip for each depth of the dependencies.
    async fn solve(&mut self, own: &[Need]) -> Result<Result<(), Conflict>, ProjectError> {
        let (mut looked_up, mut steps) = (0, 0);
        loop {
            let unknown = match self.chosen(own) {
                Ok(_) => return Ok(Ok(())),
                Err(Unsolved::Conflict(conflict)) => return Ok(Err(conflict)),
                Err(Unsolved::TooHard) => return Err(ProjectError::TooHard),
                Err(Unsolved::Unknown(unknown)) => unknown,
            };
            looked_up += unknown.len();
            steps += 1;
            if looked_up > LOOKED_UP_MAX || steps > STEPS_MAX {
                let last = unknown.into_iter().next().map(|name| name.to_string()).unwrap_or_default();
                return Err(ProjectError::Endless { looked_up, steps, last });
            }
            let supply = self.supply;
            let found: Vec<(Name, Option<Resolution>)> = stream::iter(unknown)
                .map(|name| async move { supply.resolution(&name).await.map(|found| (name, found)) })
                .buffer_unordered(PARALLEL)
                .try_collect()
                .await?;
            for (name, resolution) in found {
                let known = resolution.map(|resolution| known(supply, &name, resolution));
                self.universe.insert(name, known);
            }
        }
    }

    fn chosen<'b>(&'b self, own: &'b [Need]) -> Result<Vec<Chosen<'b>>, Unsolved> {
        solve(&self.universe, &Question { needs: own, locked: self.locked, skip: self.skip })
    }

    fn finish(&self, own: &[Need], old: Option<&Lock>) -> Result<Plan, ProjectError> {
        // It was solved a moment ago.
        let chosen = self.chosen(own).map_err(|_| ProjectError::TooHard)?;
        let lock = Lock::new(self.skip.clone(), &chosen);
        let mut notes = Vec::new();
        for chosen in &chosen {
            let before = old.and_then(|old| old.packages.get(chosen.name));
            let before = before.filter(|before| before.version == chosen.release.version);
            if let Some(before) = before {
                check_unchanged(chosen, before)?;
            } else {
                notes.extend(self.left_out(chosen));
            }
            let which = format!("{} {}", chosen.name, chosen.release.version);
            if chosen.release.yanked {
                notes.push(format!("{which} is yanked: it is used because it is locked or named exactly"));
            }
            if chosen.release.deprecated {
                notes.push(format!("{which} is deprecated"));
            }
        }
        if old != Some(&lock) {
            for cycle in cycles(&lock) {
                let path: Vec<&str> = cycle.iter().map(Name::as_str).collect();
                notes.push(format!("a cycle, which is allowed: {}", path.join(" -> ")));
            }
        }
        Ok(Plan { lock, notes })
    }

    /// What of a version's dependencies is not installed, and why.
    fn left_out(&self, chosen: &Chosen<'_>) -> Vec<String> {
        let which = format!("{} {}", chosen.name, chosen.release.version);
        let needs = &chosen.release.needs;
        let absent = |need: &&Need| {
            let absent = matches!(self.universe.lookup(&need.name), Lookup::Absent);
            need.strength == Strength::IfThere && absent
        };
        let absent: Vec<String> = needs.needs.iter().filter(absent).map(|need| need.name.to_string()).collect();
        let skipped = needs.needs.iter().filter(|need| self.skip.contains(&need.name));
        let skipped: Vec<String> = skipped.map(|need| need.name.to_string()).collect();
        [
            ("names things that are no packages, skipped", &needs.unread),
            ("names things that the registry does not have, skipped", &absent),
            ("needs packages that pclr.toml skips", &skipped),
            ("has ranges that are none, any version is taken", &needs.odd_ranges),
        ]
        .into_iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(what, names)| format!("{which} {what}: {}", list(names)))
        .collect()
    }

    /// Ranges of the project's own that would make versions fit, one change each.
    async fn advice(&mut self, own: &[Need], conflict: &Conflict) -> Result<Vec<String>, ProjectError> {
        let mut advice = Vec::new();
        let any: Range = match "*".parse() {
            Ok(any) => any,
            Err(_) => return Ok(advice),
        };
        for name in conflict.own().into_iter().take(ADVISED) {
            let changed: Vec<Need> = own
                .iter()
                .map(|need| if need.name == *name { Need { range: any.clone(), ..need.clone() } } else { need.clone() })
                .collect();
            // Advice is a favour: what cannot be looked up for it is no error.
            if !matches!(self.solve(&changed).await, Ok(Ok(()))) {
                continue;
            }
            let chosen = self.chosen(&changed).unwrap_or_default();
            if let Some(found) = chosen.iter().find(|chosen| chosen.name == name) {
                advice.push(format!("\"{name}\" = \"^{}\"", found.release.version.number()));
            }
        }
        Ok(advice)
    }
}

/// A published version never changes; where it did, somebody changed the registry.
fn check_unchanged(chosen: &Chosen<'_>, before: &crate::resolve::Locked) -> Result<(), ProjectError> {
    let release = chosen.release;
    if (release.digest, release.tree) == (before.digest, before.tree) {
        return Ok(());
    }
    let (what, locked, said) = match release.digest == before.digest {
        false => ("bytes", before.digest, release.digest),
        true => ("files", before.tree, release.tree),
    };
    let version = &release.version;
    let why = format!("the {what} of version {version} are locked as {locked}, the registry now says {said}");
    Err(ProjectError::NotVerified { name: chosen.name.clone(), why })
}

fn known(supply: &Supply, name: &Name, resolution: Resolution) -> Known {
    let versions = resolution.versions.into_iter().filter(|version| supply.can_have(&version.release.digest));
    let candidates = versions.map(|version| Candidate {
        version: version.release.version,
        digest: version.release.digest,
        tree: version.tree,
        yanked: version.release.yanked,
        deprecated: version.release.deprecated,
        needs: needs(name, &version.dependencies),
    });
    Known::new(resolution.kind, candidates.collect())
}

fn list(names: &[String]) -> String {
    let shown = names.iter().take(LISTED).cloned().collect::<Vec<_>>().join(", ");
    match names.len().checked_sub(LISTED) {
        Some(more) if more > 0 => format!("{shown} and {more} more"),
        _ => shown,
    }
}
