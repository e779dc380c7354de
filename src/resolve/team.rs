//! Who has the skills that are needed: artifacts by how many they have, and the fewest that have them all together.

use std::cmp::{Ordering, Reverse};

use crate::domain::{Level, Name, Skill};

/// Most skills that can be asked for at once.
pub const SKILLS_MAX: usize = 64;
/// Steps of the search for the smallest team, after which the best one found so far is given.
const PATIENCE: usize = 200_000;

/// A skill that is needed, at this level or above; at any level if none is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Required {
    /// As artifacts write it.
    pub name: String,
    /// The least level. A skill whose artifact names no level counts as a beginner's.
    pub level: Option<Level>,
}

impl Required {
    /// Whether one of the skills is this one, well enough.
    pub fn is_met_by(&self, skills: &[Skill]) -> bool {
        skills.iter().any(|skill| skill.name == self.name && rank(skill.level) >= rank(self.level))
    }
}

fn rank(level: Option<Level>) -> u8 {
    match level {
        None | Some(Level::Beginner) => 1,
        Some(Level::Intermediate) => 2,
        Some(Level::Expert) => 3,
    }
}

/// One who may be chosen, with the required skills that it has: bit n stands for the nth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skilled {
    /// Its name.
    pub name: Name,
    /// Which skills.
    pub has: u64,
}

impl Skilled {
    /// One with these skills. Requirements after the [`SKILLS_MAX`]th do not count.
    pub fn new(name: Name, skills: &[Skill], required: &[Required]) -> Self {
        let met = required.iter().take(SKILLS_MAX).enumerate().filter(|(_, required)| required.is_met_by(skills));
        Self { name, has: met.fold(0, |has, (at, _)| has | 1 << at) }
    }
}

/// Sorts candidates: those with most of the skills first, then by name.
pub fn most_able_first(candidates: &mut [Skilled]) {
    candidates.sort_by(order);
}

fn order(one: &Skilled, other: &Skilled) -> Ordering {
    let most = other.has.count_ones().cmp(&one.has.count_ones());
    most.then_with(|| one.name.cmp(&other.name))
}

/// A team, and which skills nobody has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Team {
    /// Who is in it, and which skills each is there for; every skill is somebody's.
    pub members: Vec<Skilled>,
    /// Skills that no candidate has.
    pub missing: u64,
    /// Whether no smaller team can do it; otherwise the search was given up.
    pub is_smallest: bool,
}

/// The smallest team that has every skill that anybody has; of several, the one whose names come first.
pub fn smallest_team(candidates: &[Skilled], required: usize) -> Team {
    let all = if required >= SKILLS_MAX { u64::MAX } else { (1 << required) - 1 };
    let wanted = candidates.iter().fold(0, |found, candidate| found | candidate.has) & all;
    let mut useful: Vec<&Skilled> = candidates.iter().filter(|candidate| candidate.has & wanted != 0).collect();
    useful.sort_by(|one, other| order(one, other));
    // Who can do no more than somebody before is never needed.
    let mut kept: Vec<&Skilled> = Vec::new();
    for candidate in useful {
        if kept.iter().all(|other| candidate.has & !other.has != 0) {
            kept.push(candidate);
        }
    }
    let mut search = Search { candidates: &kept, best: greedy(&kept, wanted), chosen: Vec::new(), steps: 0 };
    search.extend(wanted);
    let is_smallest = search.steps < PATIENCE;
    let mut left = wanted;
    let mut chosen: Vec<&Skilled> = search.best.iter().map(|at| kept[*at]).collect();
    chosen.sort_by(|one, other| order(one, other));
    let members = chosen.into_iter().map(|candidate| {
        let has = candidate.has & left;
        left &= !has;
        Skilled { name: candidate.name.clone(), has }
    });
    let members = members.filter(|member| member.has != 0).collect();
    Team { members, missing: all & !wanted, is_smallest }
}

/// Takes whoever has most of what is missing, again and again.
fn greedy(candidates: &[&Skilled], mut left: u64) -> Vec<usize> {
    let mut chosen = Vec::new();
    while left != 0 {
        let best = candidates.iter().enumerate().max_by_key(|(at, one)| ((one.has & left).count_ones(), Reverse(*at)));
        let Some((at, candidate)) = best.filter(|(_, one)| one.has & left != 0) else { break };
        left &= !candidate.has;
        chosen.push(at);
    }
    chosen
}

/// Branch and bound: somebody must have the rarest skill that is missing.
struct Search<'a> {
    candidates: &'a [&'a Skilled],
    best: Vec<usize>,
    chosen: Vec<usize>,
    steps: usize,
}

impl Search<'_> {
    fn extend(&mut self, left: u64) {
        if left == 0 {
            if self.chosen.len() < self.best.len() {
                self.best.clone_from(&self.chosen);
            }
            return;
        }
        self.steps += 1;
        let most = self.candidates.iter().map(|one| (one.has & left).count_ones()).max().unwrap_or(1).max(1);
        let needed = left.count_ones().div_ceil(most) as usize;
        if self.steps >= PATIENCE || self.chosen.len() + needed >= self.best.len() {
            return;
        }
        let skills = (0..SKILLS_MAX).map(|at| 1u64 << at).filter(|skill| left & skill != 0);
        let Some(rarest) = skills.min_by_key(|skill| self.candidates.iter().filter(|one| one.has & skill != 0).count())
        else {
            return;
        };
        for at in 0..self.candidates.len() {
            if self.candidates[at].has & rarest != 0 {
                self.chosen.push(at);
                self.extend(left & !self.candidates[at].has);
                self.chosen.pop();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn candidate(name: &str, has: u64) -> Skilled {
        Skilled { name: format!("acme/{name}").parse().unwrap(), has }
    }

    fn names(team: &Team) -> Vec<(&str, u64)> {
        team.members.iter().map(|member| (member.name.slug(), member.has)).collect()
    }

    #[test]
    fn levels_are_met_from_above() {
        let skill = |level| Skill { name: "sql".to_owned(), level };
        let required = |level| Required { name: "sql".to_owned(), level };
        use Level::{Beginner, Expert, Intermediate};
        for (has, asked, met) in [
            (None, None, true),
            (None, Some(Beginner), true),
            (None, Some(Intermediate), false),
            (Some(Intermediate), Some(Intermediate), true),
            (Some(Intermediate), Some(Expert), false),
            (Some(Expert), Some(Beginner), true),
        ] {
            assert_eq!(required(asked).is_met_by(&[skill(has)]), met, "{has:?} for {asked:?}");
        }
        assert!(!required(None).is_met_by(&[Skill { name: "SQL".to_owned(), level: Some(Expert) }]));
    }

    #[test]
    fn the_smallest_team_is_not_always_the_greedy_one() {
        // Greedy takes the four of `most` first, and then needs both others.
        let most = candidate("most", 0b01_1110);
        let two = [candidate("x", 0b00_0111), candidate("y", 0b11_1000)];
        let team = smallest_team(&[most, two[0].clone(), two[1].clone()], 6);
        assert_eq!((names(&team), team.missing, team.is_smallest), (vec![("x", 0b00_0111), ("y", 0b11_1000)], 0, true));
        assert_eq!(smallest_team(&two, 7).missing, 0b100_0000);
        assert_eq!(smallest_team(&[], 2), Team { members: Vec::new(), missing: 0b11, is_smallest: true });
    }

    proptest! {
        #[test]
        fn no_smaller_team_can_do_it(skills in proptest::collection::vec(0u64..256, 0..9)) {
            let candidates: Vec<Skilled> = skills.iter().enumerate().map(|(at, has)| candidate(&format!("c{at}"), *has)).collect();
            let team = smallest_team(&candidates, 8);
            let reachable = skills.iter().fold(0, |all, has| all | has);
            let covered = team.members.iter().fold(0, |all, member| { assert_eq!(all & member.has, 0); all | member.has });
            prop_assert_eq!((covered, team.missing), (reachable, 255 & !reachable));
            prop_assert!(team.members.iter().all(|member| member.has != 0));
            let smallest = (0u32..1 << skills.len())
                .filter(|chosen| skills.iter().enumerate().filter(|(at, _)| chosen & (1 << at) != 0).fold(0, |all, (_, has)| all | has) == reachable)
                .map(u32::count_ones)
                .min()
                .unwrap();
            prop_assert_eq!(team.members.len() as u32, smallest);
        }
    }
}
