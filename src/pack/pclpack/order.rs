//! In which order releases can be taken in: what is needed comes first.

use std::collections::BTreeMap;
use std::fmt;

use super::{Need, Needs};
use crate::domain::{Name, Version};

/// Releases in an order in which they can be taken in, by their places in what was ordered.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// One after the other; those of one group need each other in a circle, and are taken in together. Most groups have one.
    pub groups: Vec<Vec<usize>>,
    /// What is needed and is not among the releases, in the order of those who need it.
    pub gaps: Vec<Gap>,
}

/// Something that a release needs and that is not there.
#[derive(Clone, Debug, PartialEq)]
pub struct Gap {
    /// The package that needs it.
    pub name: Name,
    /// The release of that package.
    pub version: Version,
    /// What it needs. If a release was chosen for it, that one is elsewhere.
    pub need: Need,
}

/// `acme/team 1.0.0 needs acme/ann ^1.0.0`.
impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} needs {} {}", self.name, self.version, self.need.name, self.need.range)
    }
}

/// Orders releases: by name and version, each behind what it needs, which is ordered likewise (`spec/pack.md`, "Order").
///
/// Equal releases give an equal order of names, however they were ordered before.
pub fn order(releases: &[Needs]) -> Order {
    let places: BTreeMap<(&Name, &Version), usize> =
        releases.iter().enumerate().map(|(place, release)| ((&release.name, &release.version), place)).collect();
    let mut gaps = Vec::new();
    let mut needed = vec![Vec::new(); releases.len()];
    for (release, needed) in releases.iter().zip(&mut needed) {
        for need in &release.needs {
            let found = need.found.as_ref().and_then(|found| places.get(&(&need.name, &found.version)));
            match found {
                Some(place) => needed.push(*place),
                None => {
                    gaps.push(Gap { name: release.name.clone(), version: release.version.clone(), need: need.clone() })
                }
            }
        }
        needed.sort_by_key(|place| (&releases[*place].name, &releases[*place].version));
        needed.dedup();
    }
    let key = |place: &usize| (&releases[*place].name, &releases[*place].version);
    let mut starts: Vec<usize> = (0..releases.len()).collect();
    starts.sort_by_key(key);
    let mut groups = circles(starts, &needed);
    groups.iter_mut().for_each(|group| group.sort_by_key(key));
    Order { groups, gaps }
}

/// What one node is to the search, once it was seen.
#[derive(Clone, Copy)]
struct Seen {
    number: usize,
    /// The lowest number that is known to be in the same circle.
    low: usize,
    is_open: bool,
}

/// Strongly connected components, each behind those that it leads to: R. Tarjan, "Depth-first search and linear graph algorithms"
/// (1972), without recursion, since a stranger says how deep it goes.
fn circles(starts: impl IntoIterator<Item = usize>, next: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut seen: Vec<Option<Seen>> = vec![None; next.len()];
    let (mut count, mut open, mut groups) = (0, Vec::new(), Vec::new());
    for start in starts {
        if seen[start].is_some() {
            continue;
        }
        // The way down: a node, and how many of its neighbours were looked at.
        let mut way = vec![(start, 0)];
        while let Some((node, looked)) = way.last_mut() {
            let node = *node;
            let mine = *seen[node].get_or_insert_with(|| {
                open.push(node);
                count += 1;
                Seen { number: count, low: count, is_open: true }
            });
            if let Some(neighbour) = next[node].get(*looked) {
                *looked += 1;
                match seen[*neighbour] {
                    None => way.push((*neighbour, 0)),
                    Some(known) if known.is_open => lower(&mut seen[node], known.number),
                    Some(_) => {}
                }
                continue;
            }
            way.pop();
            if let Some((parent, _)) = way.last() {
                lower(&mut seen[*parent], mine.low);
            }
            if mine.low == mine.number {
                let from = open.iter().rposition(|open| *open == node).unwrap_or_default();
                let group = open.split_off(from);
                for member in &group {
                    seen[*member] = seen[*member].map(|known| Seen { is_open: false, ..known });
                }
                groups.push(group);
            }
        }
    }
    groups
}

fn lower(seen: &mut Option<Seen>, low: usize) {
    if let Some(seen) = seen {
        seen.low = seen.low.min(low);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::domain::Digest;
    use crate::pack::pclpack::Found;

    /// Releases `o/a`, `o/b`, …, each as its name and what it needs: `?x` for something that was not found.
    fn releases(lines: &[(&str, &str)]) -> Vec<Needs> {
        let name = |name: &str| format!("o/{name}").parse().unwrap();
        let need = |word: &str| Need {
            name: name(word.trim_start_matches('?')),
            range: "*".parse().unwrap(),
            found: (!word.starts_with('?'))
                .then(|| Found { version: "1.0.0".parse().unwrap(), digest: Digest::sha256(b"") }),
        };
        let release = |(own, needs): &(&str, &str)| Needs {
            name: name(own),
            version: "1.0.0".parse().unwrap(),
            needs: needs.split_whitespace().map(need).collect(),
        };
        lines.iter().map(release).collect()
    }

    fn check(lines: &[(&str, &str)], groups: &str, gaps: &[&str]) {
        let mut releases = releases(lines);
        for _ in 0..releases.len() {
            releases.rotate_left(1);
            let found = order(&releases);
            let slug = |place: &usize| releases[*place].name.slug();
            let group = |group: &Vec<usize>| group.iter().map(slug).collect::<Vec<_>>().join("+");
            assert_eq!(found.groups.iter().map(group).collect::<Vec<_>>().join(" "), groups);
            let mut found: Vec<_> = found.gaps.iter().map(Gap::to_string).collect();
            found.sort();
            assert_eq!(found, gaps);
        }
    }

    #[test]
    fn what_is_needed_comes_first() {
        check(&[], "", &[]);
        check(&[("c", ""), ("a", ""), ("b", "")], "a b c", &[]);
        check(&[("a", "c b"), ("b", "d"), ("c", ""), ("d", "")], "d b c a", &[]);
        check(&[("a", "b b"), ("b", ""), ("c", "a")], "b a c", &[]);
    }

    #[test]
    fn circles_are_one_group() {
        check(&[("a", "a")], "a", &[]);
        check(&[("a", "b"), ("b", "a")], "a+b", &[]);
        check(&[("a", "c"), ("b", "a d"), ("c", "b"), ("d", ""), ("e", "c")], "d a+b+c e", &[]);
        check(&[("a", "b"), ("b", "a c"), ("c", "d"), ("d", "c")], "c+d a+b", &[]);
    }

    #[test]
    fn gaps_are_named_with_who_needs_what() {
        check(&[("a", "?x b"), ("b", "gone")], "b a", &["o/a 1.0.0 needs o/x *", "o/b 1.0.0 needs o/gone *"]);
    }

    #[test]
    fn a_long_chain_needs_no_long_stack() {
        let names: Vec<String> = (0..20_000).map(|n| format!("{n:05}")).collect();
        let lines: Vec<(&str, &str)> = names
            .iter()
            .enumerate()
            .map(|(n, own)| (own.as_str(), names.get(n + 1).map_or("", String::as_str)))
            .collect();
        let groups = order(&releases(&lines)).groups;
        assert_eq!((groups.len(), &groups[0], &groups[19_999]), (20_000, &vec![19_999], &vec![0]));
    }

    proptest! {
        /// Against reachability by brute force.
        #[test]
        fn groups_are_circles_and_lie_behind_what_they_need(edges in proptest::collection::vec((0usize..8, 0usize..8), 0..20)) {
            let mut next = vec![Vec::new(); 8];
            edges.iter().for_each(|(from, to)| next[*from].push(*to));
            let reach = |from: usize| {
                let (mut all, mut todo) = (BTreeSet::from([from]), vec![from]);
                while let Some(node) = todo.pop() {
                    todo.extend(next[node].iter().filter(|to| all.insert(**to)));
                }
                all
            };
            let groups = circles(0..8, &next);
            let place = |node: usize| groups.iter().position(|group| group.contains(&node)).unwrap();
            prop_assert_eq!(groups.iter().map(Vec::len).sum::<usize>(), 8);
            for (a, b) in (0..8).flat_map(|a| (0..8).map(move |b| (a, b))) {
                let mutual = reach(a).contains(&b) && reach(b).contains(&a);
                prop_assert_eq!(place(a) == place(b), mutual, "{} {}", a, b);
                prop_assert!(!reach(a).contains(&b) || place(b) <= place(a));
            }
        }
    }
}
