//! The solver on small universes: what it chooses, what it refuses, and that it agrees with trying everything.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::domain::{Digest, Kind, Name, Version};

fn name(text: &str) -> Name {
    format!("a/{text}").parse().unwrap()
}

/// `b ^1` or `b`; `?b` is a bare word.
fn need(text: &str) -> Need {
    let (strength, text) = match text.trim().strip_prefix('?') {
        Some(rest) => (Strength::IfThere, rest),
        None => (Strength::Required, text.trim()),
    };
    let (package, range) = text.split_once(' ').unwrap_or((text, "*"));
    Need { name: name(package), range: range.parse().unwrap(), strength }
}

fn list(text: &str) -> Vec<Need> {
    text.split(',').filter(|text| !text.trim().is_empty()).map(need).collect()
}

/// A line a release: `a 1.0.0: b ^1, c`; `!` behind the version: yanked. A name alone: no such package.
fn universe(text: &str) -> Universe {
    let mut packages: BTreeMap<Name, Vec<Candidate>> = BTreeMap::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (head, needs) = line.split_once(':').unwrap_or((line, ""));
        let (package, version) = head.split_once(' ').unwrap_or((head, ""));
        let releases = packages.entry(name(package)).or_default();
        if version.is_empty() {
            continue;
        }
        releases.push(Candidate {
            version: version.trim_end_matches('!').parse().unwrap(),
            digest: Digest::sha256(head.as_bytes()),
            tree: Digest::sha256(head.as_bytes()),
            yanked: version.ends_with('!'),
            deprecated: false,
            needs: Needs { needs: list(needs), ..Needs::default() },
        });
    }
    let mut universe = Universe::default();
    for (name, releases) in packages {
        let known = (!releases.is_empty()).then(|| Known::new(Kind::Skill, releases));
        universe.insert(name, known);
    }
    universe
}

fn ask(universe: &Universe, needs: &str, locked: &str) -> Result<String, Unsolved> {
    let pair = |text: &str| {
        let (package, version) = text.split_once('@').unwrap();
        (name(package), version.parse::<Version>().unwrap())
    };
    let locked = locked.split_whitespace().map(pair).collect();
    let (needs, skip) = (list(needs), BTreeSet::from([name("skipped")]));
    let question = Question { needs: &needs, locked: &locked, skip: &skip };
    let chosen = solve(universe, &question)?;
    let text = chosen.iter().map(|chosen| format!("{}@{}", chosen.name.slug(), chosen.release.version));
    Ok(text.collect::<Vec<_>>().join(" "))
}

fn solved(packages: &str, needs: &str, locked: &str) -> String {
    match ask(&universe(packages), needs, locked) {
        Ok(text) => text,
        Err(Unsolved::Conflict(conflict)) => conflict.to_string(),
        Err(other) => format!("{other:?}"),
    }
}

#[test]
fn versions_that_fit_are_found() {
    let diamond = "
        top 1.0.0: left ^1, right ^1
        left 1.0.0: base ^1
        left 1.1.0: base ^2
        right 1.0.0: base ^1
        base 1.0.0:
        base 1.9.0:
        base 2.0.0:";
    let back = "
        a 1.0.0: b 1
        a 2.0.0: b 2
        b 1.0.0:
        b 2.0.0: c 1
        c 2.0.0:";
    let pre = "p 1.0.0:\n p 1.1.0-rc.1:\n p 2.0.0-rc.1:";
    let yanked = "y 1.0.0:\n y 1.1.0!:\n z 1.0.0: y ^1\n x 1.0.0: y 1.1.0";
    let cycle = "m 1.0.0: n ^1\n n 1.0.0: m ^1\n n 1.1.0: m ^2";
    for (packages, needs, locked, expected) in [
        (diamond, "top", "", "base@1.9.0 left@1.0.0 right@1.0.0 top@1.0.0"),
        (diamond, "left", "", "base@2.0.0 left@1.1.0"),
        (diamond, "", "", ""),
        (back, "a", "", "a@1.0.0 b@1.0.0"),
        (pre, "p", "", "p@1.0.0"),
        (pre, "p >=1.1.0-0", "", "p@1.1.0-rc.1"),
        (pre, "p ^2.0.0-rc.0", "", "p@2.0.0-rc.1"),
        (yanked, "y", "", "y@1.0.0"),
        (yanked, "y", "y@1.1.0", "y@1.1.0"),
        (yanked, "y 1.1.0", "", "y@1.1.0"),
        (yanked, "x", "", "x@1.0.0 y@1.1.0"),
        // The project's exact word counts for everybody.
        (yanked, "y =1.1.0, z", "", "y@1.1.0 z@1.0.0"),
        (cycle, "m", "", "m@1.0.0 n@1.0.0"),
        ("s 1.0.0: s ^1", "s", "", "s@1.0.0"),
        // A bare word that names nothing is left out, one that names something is not.
        ("w 1.0.0: ?gone, ?v\n gone\n v 1.0.0:", "w", "", "v@1.0.0 w@1.0.0"),
        ("w 1.0.0: skipped ^9", "w", "", "w@1.0.0"),
    ] {
        assert_eq!(solved(packages, needs, locked), expected, "{needs} {locked}");
    }
}

#[test]
fn what_is_locked_stays_where_it_fits() {
    let packages = "
        a 1.0.0: b ^1
        a 1.1.0: b ^1
        b 1.0.0:
        b 1.1.0:
        c 1.0.0: b >=1.1.0";
    for (needs, locked, expected) in [
        ("a", "", "a@1.1.0 b@1.1.0"),
        ("a", "a@1.0.0 b@1.0.0", "a@1.0.0 b@1.0.0"),
        // An update of one leaves the other.
        ("a", "b@1.0.0", "a@1.1.0 b@1.0.0"),
        ("a", "a@1.0.0", "a@1.0.0 b@1.1.0"),
        // Something new moves only what it must.
        ("a, c", "a@1.0.0 b@1.0.0", "a@1.0.0 b@1.1.0 c@1.0.0"),
        // What is not there any more is no hindrance.
        ("a", "a@1.0.5 b@1.0.0", "a@1.1.0 b@1.0.0"),
    ] {
        assert_eq!(solved(packages, needs, locked), expected, "{needs} {locked}");
    }
}

#[test]
fn a_conflict_is_told_from_the_project_down() {
    let packages = "
        team 1.0.0: persona ^2
        persona 1.0.0:
        persona 2.0.0:";
    insta::assert_snapshot!(solved(packages, "team ^1, persona ^1", ""), @"
    no versions fit together:
      pclr.toml asks for a/team ^1
      a/team 1.0.0 needs a/persona ^2
      but pclr.toml asks for a/persona ^1
    ");
    let two = "
        team 0.9.0: persona ^2
        team 1.0.0: persona ^2
        team 1.1.0: persona ^2
        team 1.2.0: persona ^3
        persona 1.0.0:
        persona 2.0.0:
        persona 3.0.0:";
    insta::assert_snapshot!(solved(two, "persona ^1, team ^1", ""), @"
    no versions fit together:
      pclr.toml asks for a/team ^1
      a/team 1.2.0 needs a/persona ^3
      a/team 1.1.0 and 1.0.0 need a/persona ^2
      but pclr.toml asks for a/persona ^1
    ");
    let deep = "
        a 1.0.0: b ^1
        b 1.0.0: c ^1
        c 1.0.0: d ^9
        d 1.0.0:
        e 1.0.0: f
        f";
    insta::assert_snapshot!(solved(deep, "a", ""), @"
    no versions fit together:
      pclr.toml asks for any version of a/a
      a/a 1.0.0 needs a/b ^1
      a/b 1.0.0 needs a/c ^1
      a/c 1.0.0 needs a/d ^9, but no version is in ^9; the highest are 1.0.0
    ");
    insta::assert_snapshot!(solved(deep, "e ^1", ""), @"
    no versions fit together:
      pclr.toml asks for a/e ^1
      a/e 1.0.0 needs any version of a/f, but the registry has no a/f
    ");
    insta::assert_snapshot!(solved(deep, "d ^2", ""), @"pclr.toml asks for a/d ^2, but no version is in ^2; the highest are 1.0.0");
    insta::assert_snapshot!(solved("y 1.0.0!:", "y", ""), @"pclr.toml asks for any version of a/y, but every version in * was yanked: 1.0.0");
    insta::assert_snapshot!(solved("y 1.0.0-rc.1:", "y ^1", ""), @"pclr.toml asks for a/y ^1, but only pre-releases are in ^1: 1.0.0-rc.1");
}

#[test]
fn packages_that_nobody_looked_up_are_named_all_at_once() {
    let packages = "a 1.0.0: b, c\n d 1.0.0: e";
    let found = ask(&universe(packages), "a, d, f", "");
    let expected = ["b", "c", "e", "f"].map(name).into_iter().collect();
    assert_eq!(found, Err(Unsolved::Unknown(expected)));
}

/// Thirty versions of a hundred packages, each wanting its neighbours alike: the first choices of all are wrong.
#[test]
fn a_large_universe_is_solved_in_few_steps() {
    let mut text = String::new();
    for package in 0..100 {
        for minor in 0..30 {
            // Every version from the second on also wants something that does not exist with the last package.
            let wants = if package == 99 { String::new() } else { format!("p{} <=1.{minor}.0", package + 1) };
            let last = if minor > 0 && package % 10 == 9 { ", p99 >=2" } else { "" };
            text.push_str(&format!("p{package} 1.{minor}.0: {wants}{last}\n"));
        }
    }
    let solved = solved(&text.replace(": , ", ": "), "p0", "");
    assert!(solved.starts_with("p0@1.29.0 p1@1.29.0") && solved.contains("p9@1.0.0"), "{solved}");
}

/// Packages p0… with versions 1.0.0 to 3.0.0, each with needs of other packages in some range.
fn small() -> impl Strategy<Value = (String, String, Vec<String>)> {
    let ranges = ["*", "^1", "^2", "^3", ">=2", "<3", "1.0.0 || 3.0.0", "9.x"];
    let need = (0..5usize, 0..ranges.len()).prop_map(move |(package, range)| format!("p{package} {}", ranges[range]));
    let needs = prop::collection::vec(need, 0..4).prop_map(|needs| needs.join(", "));
    let releases = prop::collection::vec((needs.clone(), prop::bool::weighted(0.1)), 0..4);
    (prop::collection::vec(releases, 5), needs, prop::collection::vec((0..5usize, 1..4usize), 0..4)).prop_map(
        |(packages, own, locked)| {
            let mut text = String::new();
            for (package, releases) in packages.iter().enumerate() {
                text.push_str(&format!("p{package}\n"));
                for (major, (needs, yanked)) in (1..).zip(releases) {
                    text.push_str(&format!("p{package} {major}.0.0{}: {needs}\n", if *yanked { "!" } else { "" }));
                }
            }
            (text, own, locked.into_iter().map(|(package, major)| format!("p{package}@{major}.0.0")).collect())
        },
    )
}

/// Whether the releases meet every need, with nothing missing.
fn fits(
    universe: &Universe,
    needs: &[Need],
    chosen: &BTreeMap<Name, &Candidate>,
    locked: &BTreeMap<Name, Version>,
) -> bool {
    let own_exact = |name: &Name, version: &Version| {
        needs.iter().any(|need| need.name == *name && choose::exact(&need.range).as_ref() == Some(version))
    };
    let met = |need: &Need| match chosen.get(&need.name) {
        Some(release) => {
            let version = &release.version;
            let allowed = !release.yanked
                || locked.get(&need.name) == Some(version)
                || choose::exact(&need.range).is_some()
                || own_exact(&need.name, version);
            need.range.contains(version) && allowed
        }
        None => need.strength == Strength::IfThere && matches!(universe.lookup(&need.name), Lookup::Absent),
    };
    needs.iter().all(met) && chosen.values().all(|release| release.needs.needs.iter().all(met))
}

/// Whether any choice of releases fits: each package absent or one of its releases.
fn any_fits(universe: &Universe, needs: &[Need], locked: &BTreeMap<Name, Version>) -> bool {
    let packages: Vec<(Name, &[Candidate])> = (0..5)
        .map(|package| name(&format!("p{package}")))
        .map(|name| match universe.lookup(&name) {
            Lookup::Known(known) => (name, known.candidates()),
            _ => (name, [].as_slice()),
        })
        .collect();
    let choices: usize = packages.iter().map(|(_, releases)| releases.len() + 1).product();
    (0..choices).any(|mut choice| {
        let mut chosen = BTreeMap::new();
        for (name, releases) in &packages {
            let index = choice % (releases.len() + 1);
            choice /= releases.len() + 1;
            if let Some(release) = releases.get(index) {
                chosen.insert(name.clone(), release);
            }
        }
        fits(universe, needs, &chosen, locked)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn it_finds_a_solution_exactly_if_there_is_one((text, own, locked) in small()) {
        let universe = universe(&text);
        let needs = list(&own);
        let pairs = locked.iter().rev().filter_map(|text| text.split_once('@'));
        let locked: BTreeMap<Name, Version> =
            pairs.map(|(package, version)| (name(package), version.parse().unwrap())).collect();
        let skip = BTreeSet::new();
        let question = Question { needs: &needs, locked: &locked, skip: &skip };
        let found = solve(&universe, &question);
        prop_assert_eq!(&solve(&universe, &question), &found, "the same again");
        match &found {
            Ok(chosen) => {
                let chosen = chosen.iter().map(|chosen| (chosen.name.clone(), chosen.release)).collect();
                prop_assert!(fits(&universe, &needs, &chosen, &locked), "{:?}", chosen.keys());
            }
            Err(Unsolved::Conflict(conflict)) => {
                prop_assert!(!any_fits(&universe, &needs, &locked), "{conflict}");
                prop_assert!(conflict.facts.iter().any(|fact| fact.dependent.is_none()), "{conflict}");
            }
            Err(other) => prop_assert!(false, "{other:?}"),
        }
    }

    /// What was solved once is its own lock: solved again with it, nothing moves.
    #[test]
    fn a_solution_is_kept_by_its_own_lock((text, own, _) in small()) {
        let universe = universe(&text);
        let (needs, skip) = (list(&own), BTreeSet::new());
        let empty = BTreeMap::new();
        if let Ok(first) = solve(&universe, &Question { needs: &needs, locked: &empty, skip: &skip }) {
            let locked = first.iter().map(|chosen| (chosen.name.clone(), chosen.release.version.clone())).collect();
            let second = solve(&universe, &Question { needs: &needs, locked: &locked, skip: &skip });
            prop_assert_eq!(second.as_ref(), Ok(&first));
        }
    }
}
