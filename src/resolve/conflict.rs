//! Why no versions fit together, in words that a person can act on.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::bits::Bits;
use super::choose::{NoMatch, best};
use super::derivation::{Cause, Incompatibility, ROOT};
use super::need::{ANY, Need};
use super::solve::Slot;
use crate::domain::{Name, Release, Timestamp, Version};

/// How many versions a sentence lists.
const LISTED: usize = 3;

/// The needs that contradict each other, from the project down to the package that they disagree about.
#[derive(Clone, Debug, PartialEq)]
pub struct Conflict {
    /// Each of them is part of the reason: without any one the rest might fit.
    pub facts: Vec<Fact>,
}

/// Somebody needs something.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// Who: a package and those of its versions that matter here; `None`: the project.
    pub dependent: Option<(Name, Vec<Version>)>,
    /// What.
    pub need: Need,
    /// Whether anything could meet it at all.
    pub verdict: Verdict,
}

/// Whether a need could be met if it were alone.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// It could.
    Possible,
    /// No release will do.
    NoMatch(NoMatch),
    /// There is no such package.
    Absent,
}

impl Conflict {
    /// The packages that the project itself asks for, as far as they are part of the reason.
    pub fn own(&self) -> BTreeSet<&Name> {
        self.facts.iter().filter(|fact| fact.dependent.is_none()).map(|fact| &fact.need.name).collect()
    }

    /// What to do, where one fact alone says it.
    pub fn hint(&self) -> Option<String> {
        self.facts.iter().find_map(|fact| match (&fact.verdict, &fact.dependent) {
            (Verdict::Absent, None) => Some("check the name: `pclr search WORDS` finds packages".to_owned()),
            (Verdict::Absent, Some(_)) => {
                Some(format!("publish {0}, or do without it: skip = [\"{0}\"] at the top of pclr.toml", fact.need.name))
            }
            (Verdict::NoMatch(no), None) => Some(no.hint()),
            _ => None,
        })
    }
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [fact] = self.facts.as_slice() {
            return fact.fmt(f);
        }
        write!(f, "no versions fit together:")?;
        for (index, fact) in self.facts.iter().enumerate() {
            let ends = index + 1 == self.facts.len() && fact.verdict == Verdict::Possible;
            write!(f, "\n  {}{fact}", if ends { "but " } else { "" })?;
        }
        Ok(())
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.dependent {
            None => write!(f, "pclr.toml asks for ")?,
            Some((name, versions)) => {
                write!(f, "{name} {} {} ", list(versions), if versions.len() == 1 { "needs" } else { "need" })?;
            }
        }
        match self.need.range.as_str() {
            ANY | "" => write!(f, "any version of {}", self.need.name)?,
            range => write!(f, "{} {range}", self.need.name)?,
        }
        match &self.verdict {
            Verdict::Possible => Ok(()),
            Verdict::NoMatch(no) => write!(f, ", but {no}"),
            Verdict::Absent => write!(f, ", but the registry has no {}", self.need.name),
        }
    }
}

fn list(versions: &[Version]) -> String {
    let texts: Vec<String> = versions.iter().map(Version::to_string).collect();
    match texts.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] if texts.len() <= LISTED => format!("{} and {last}", first.join(", ")),
        _ => format!("{} and {} others", texts[..LISTED - 1].join(", "), texts.len() + 1 - LISTED),
    }
}

/// The needs from which an incompatibility was concluded.
pub(super) fn explain(slots: &[Slot<'_>], known: &[Incompatibility<'_>], last: usize) -> Conflict {
    let mut reasons: Vec<(usize, &Bits, &Need)> = Vec::new();
    let (mut waiting, mut seen) = (vec![last], BTreeSet::new());
    while let Some(id) = waiting.pop() {
        if !seen.insert(id) {
            continue;
        }
        match &known[id].cause {
            Cause::Derived(left, right) => waiting.extend([*right, *left]),
            Cause::Need { dependent, of, need } => reasons.push((*dependent, of, need)),
        }
    }
    let ranges = |name: Option<&Name>| -> Vec<&Need> {
        reasons.iter().map(|(_, _, need)| *need).filter(|need| Some(&need.name) == name).collect()
    };
    let fact = |(dependent, of, need): &(usize, &Bits, &Need)| {
        let slot = &slots[*dependent];
        let asked = ranges(slot.name);
        // Versions that nobody asks for have the same need often enough, and are no part of the reason.
        let version = |position: usize| slot.known.map(|known| known.candidates()[position].version.clone());
        let versions = of.positions().filter_map(version);
        let versions = versions.filter(|version| asked.iter().any(|need| need.range.contains(version))).collect();
        Fact {
            dependent: slot.name.map(|name| (name.clone(), versions)),
            need: (*need).clone(),
            verdict: verdict(slots, need),
        }
    };
    let facts = reasons.iter().map(fact).filter(|fact| fact.dependent.as_ref().is_none_or(|(_, of)| !of.is_empty()));
    Conflict { facts: in_order(facts.collect()) }
}

fn verdict(slots: &[Slot<'_>], need: &Need) -> Verdict {
    let slot = slots.iter().skip(ROOT + 1).find(|slot| slot.name == Some(&need.name));
    let Some(known) = slot.and_then(|slot| slot.known) else { return Verdict::Absent };
    let release = |candidate: &super::Candidate| Release {
        version: candidate.version.clone(),
        digest: candidate.digest,
        yanked: candidate.yanked,
        deprecated: candidate.deprecated,
        deleted: false,
        published: Timestamp::from_micros(0),
    };
    let releases: Vec<Release> = known.candidates().iter().map(release).collect();
    best(&releases, &need.range).map_or_else(Verdict::NoMatch, |_| Verdict::Possible)
}

/// From the project downwards; what is asked for twice, or in vain, comes last, and of that the project's own word.
fn in_order(mut facts: Vec<Fact>) -> Vec<Fact> {
    let mut depths: BTreeMap<Name, usize> = BTreeMap::new();
    for _ in 0..facts.len() {
        for fact in &facts {
            let depth = match &fact.dependent {
                None => Some(0),
                Some((name, _)) => depths.get(name).copied(),
            };
            if let Some(depth) = depth {
                let known = depths.entry(fact.need.name.clone()).or_insert(depth + 1);
                *known = (*known).min(depth + 1);
            }
        }
    }
    let count = |name: &Name| facts.iter().filter(|fact| fact.need.name == *name).count();
    let counts: BTreeMap<Name, usize> =
        facts.iter().map(|fact| (fact.need.name.clone(), count(&fact.need.name))).collect();
    facts.sort_by_key(|fact| {
        let contested = counts.get(&fact.need.name).is_some_and(|count| *count > 1) && fact.dependent.is_none();
        let depth = fact.dependent.as_ref().map_or(0, |(name, _)| depths.get(name).copied().unwrap_or(usize::MAX));
        let highest = fact.dependent.as_ref().and_then(|(_, versions)| versions.first().cloned());
        let dependent = fact.dependent.as_ref().map(|(name, _)| name.clone());
        let possible = fact.verdict == Verdict::Possible;
        (contested, !possible, depth, dependent, std::cmp::Reverse(highest), fact.need.name.clone())
    });
    facts
}
