//! What a lock looks like as a graph: the tree from the project down, every way to a package, and cycles.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::Serialize;

use super::lock::{Edge, Lock};
use crate::domain::{Name, Range, Version};

/// A package in a tree, below whoever needs it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Node {
    /// The package.
    pub name: Name,
    /// Its locked version.
    pub version: Version,
    /// The range that it is needed in here.
    pub range: Range,
    /// Whether its own dependencies were listed before; they are left out here.
    pub repeated: bool,
    /// What it needs.
    pub dependencies: Vec<Node>,
}

/// One step of a way: a package, and the range that the one before it needs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Hop {
    /// The package.
    pub name: Name,
    /// Its locked version.
    pub version: Version,
    /// The range that it is needed in.
    pub range: Range,
}

/// The tree of a project. What is needed in several places is spelt out at the first.
pub fn tree(lock: &Lock, own: &[Edge]) -> Vec<Node> {
    nodes(lock, own, &mut BTreeSet::new())
}

/// The depth is at most the number of packages of the lock.
fn nodes(lock: &Lock, edges: &[Edge], seen: &mut BTreeSet<Name>) -> Vec<Node> {
    let mut found = Vec::new();
    for edge in edges {
        let Some(package) = lock.packages.get(&edge.name) else { continue };
        let is_first = seen.insert(edge.name.clone());
        found.push(Node {
            name: edge.name.clone(),
            version: package.version.clone(),
            range: edge.range.clone(),
            repeated: !is_first && !package.dependencies.is_empty(),
            dependencies: if is_first { nodes(lock, &package.dependencies, seen) } else { Vec::new() },
        });
    }
    found
}

/// Every way from the project to a package that visits none twice, the shortest first, at most `limit`.
/// The flag says whether there may be more.
pub fn ways(lock: &Lock, own: &[Edge], to: &Name, limit: usize) -> (Vec<Vec<Hop>>, bool) {
    let hop = |edge: &Edge| {
        let package = lock.packages.get(&edge.name)?;
        Some(Hop { name: edge.name.clone(), version: package.version.clone(), range: edge.range.clone() })
    };
    let leading = leading_to(lock, to);
    let (mut found, mut cut): (Vec<Vec<Hop>>, bool) = (Vec::new(), false);
    // Breadth first, so that the shortest come first; only through packages that lead there at all.
    let mut waiting: VecDeque<Vec<Hop>> = own.iter().filter_map(hop).map(|hop| vec![hop]).collect();
    while let Some(way) = waiting.pop_front() {
        let Some(last) = way.last() else { continue };
        if last.name == *to {
            if found.len() == limit {
                return (found, true);
            }
            found.push(way);
            continue;
        }
        let edges = lock.packages.get(&last.name).map(|package| package.dependencies.as_slice()).unwrap_or_default();
        for edge in edges {
            let is_new = leading.contains(&edge.name) && way.iter().all(|hop| hop.name != edge.name);
            let Some(next) = hop(edge).filter(|_| is_new) else { continue };
            // The number of ways can grow with every package; what is unfinished is bounded with what is asked for.
            if waiting.len() < 100 * limit {
                waiting.push_back(way.iter().cloned().chain([next]).collect());
            } else {
                cut = true;
            }
        }
    }
    (found, cut)
}

/// The packages from which a package can be reached, itself included.
fn leading_to(lock: &Lock, to: &Name) -> BTreeSet<Name> {
    let mut found = BTreeSet::from([to.clone()]);
    loop {
        let before = found.len();
        for (name, package) in &lock.packages {
            if package.dependencies.iter().any(|edge| found.contains(&edge.name)) {
                found.insert(name.clone());
            }
        }
        if found.len() == before {
            return found;
        }
    }
}

/// Cycles, each as the names along it, the first again at the end: the shortest through each package of a cycle that no
/// earlier one passed.
pub fn cycles(lock: &Lock) -> Vec<Vec<Name>> {
    let (mut found, mut passed): (Vec<Vec<Name>>, BTreeSet<Name>) = (Vec::new(), BTreeSet::new());
    for name in lock.packages.keys() {
        if passed.contains(name) {
            continue;
        }
        if let Some(cycle) = shortest_back(lock, name) {
            passed.extend(cycle.iter().cloned());
            found.push(cycle);
        }
    }
    found
}

fn shortest_back(lock: &Lock, name: &Name) -> Option<Vec<Name>> {
    let mut came_from: BTreeMap<&Name, &Name> = BTreeMap::new();
    let mut waiting = VecDeque::from([name]);
    while let Some(at) = waiting.pop_front() {
        for edge in lock.packages.get(at).map(|package| package.dependencies.as_slice()).unwrap_or_default() {
            if edge.name == *name {
                let mut cycle = vec![name.clone(), at.clone()];
                let mut step = at;
                while let Some(before) = came_from.get(step) {
                    cycle.push((*before).clone());
                    step = before;
                }
                // A package that needs itself is both ends already.
                cycle.dedup();
                if cycle.len() == 1 {
                    cycle.push(name.clone());
                }
                cycle.reverse();
                return Some(cycle);
            }
            if !came_from.contains_key(&edge.name) {
                came_from.insert(&edge.name, at);
                waiting.push_back(&edge.name);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Digest, Kind};
    use crate::resolve::Locked;

    fn edge(name: &str) -> Edge {
        Edge { name: format!("a/{name}").parse().unwrap(), range: "^1".parse().unwrap() }
    }

    /// `a: b c, b: c`
    fn lock(text: &str) -> Lock {
        let package = |line: &str| {
            let (name, needs) = line.split_once(':').unwrap();
            let locked = Locked {
                version: "1.0.0".parse().unwrap(),
                kind: Kind::Skill,
                digest: Digest::sha256(b""),
                tree: Digest::sha256(b""),
                dependencies: needs.split_whitespace().map(edge).collect(),
            };
            (edge(name.trim()).name, locked)
        };
        Lock { skip: BTreeSet::new(), packages: text.split(',').map(package).collect() }
    }

    fn names<'a>(names: impl IntoIterator<Item = &'a Name>) -> String {
        names.into_iter().map(Name::slug).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn cycles_are_found_with_their_path() {
        for (text, expected) in [
            ("a: b, b: c, c:", vec![]),
            ("a: b, b: a", vec!["a b a"]),
            ("a: a", vec!["a a"]),
            ("a: b, b: c d, c: d, d: b", vec!["b d b", "c d b c"]),
            ("a: b, b: a, c: d, d: c", vec!["a b a", "c d c"]),
        ] {
            let found: Vec<String> = cycles(&lock(text)).iter().map(names).collect();
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn every_way_is_found_the_shortest_first() {
        let diamond = lock("a: b c, b: d, c: d, d: a");
        let (ways, more) = ways(&diamond, &[edge("a"), edge("d")], &edge("d").name, 10);
        let ways: Vec<String> = ways.iter().map(|way| names(way.iter().map(|hop| &hop.name))).collect();
        assert_eq!((ways, more), (vec!["d".to_owned(), "a b d".to_owned(), "a c d".to_owned()], false));
        let (ways, more) = super::ways(&diamond, &[edge("a")], &edge("d").name, 1);
        assert_eq!((ways.len(), more), (1, true));
    }

    #[test]
    fn a_tree_spells_out_each_package_once() {
        let nodes = tree(&lock("a: b c, b: d, c: b, d: a"), &[edge("a")]);
        let [a] = nodes.as_slice() else { panic!("{nodes:?}") };
        let [b, c] = a.dependencies.as_slice() else { panic!("{a:?}") };
        assert!(!b.repeated && b.dependencies[0].dependencies[0].repeated, "the way back to a");
        assert!(c.dependencies[0].repeated && c.dependencies[0].dependencies.is_empty());
    }
}
