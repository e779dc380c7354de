//! Circles among things that need each other.

/// Circles that can be reached from node 0, each as the nodes on its way, the first again at its end: for each edge that leads back
/// to a node on the way to it one, at most `max`. `edges[n]` is where node `n` leads to. Whatever can be reached and lies on any
/// circle, some circle is found that goes through its component.
pub fn circles(edges: &[Vec<usize>], max: usize) -> Vec<Vec<usize>> {
    #[derive(Clone, Copy, PartialEq)]
    enum Seen {
        Never,
        OnTheWay,
        Done,
    }
    let mut seen = vec![Seen::Never; edges.len()];
    let (mut found, mut way) = (Vec::new(), Vec::new());
    if edges.is_empty() {
        return found;
    }
    seen[0] = Seen::OnTheWay;
    // Each node on the way, with the next of its edges.
    way.push((0, 0));
    while let Some((node, next)) = way.last_mut() {
        let Some(to) = edges[*node].get(*next).copied() else {
            seen[*node] = Seen::Done;
            way.pop();
            continue;
        };
        *next += 1;
        match seen[to] {
            Seen::Never => {
                seen[to] = Seen::OnTheWay;
                way.push((to, 0));
            }
            Seen::OnTheWay if found.len() < max => {
                let circle = way.iter().map(|(node, _)| *node).skip_while(|node| *node != to);
                found.push(circle.chain([to]).collect());
            }
            Seen::OnTheWay | Seen::Done => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn circles_are_told_with_their_way() {
        assert!(circles(&[], 9).is_empty());
        assert_eq!(circles(&[vec![0]], 9), [vec![0, 0]]);
        assert_eq!(circles(&[vec![1, 2], vec![2], vec![1, 3], vec![]], 9), [vec![1, 2, 1]]);
        assert!(circles(&[vec![1, 2], vec![3], vec![3], vec![]], 9).is_empty(), "two ways to one are no circle");
        assert_eq!(circles(&[vec![0, 0, 0]], 2).len(), 2);
    }

    proptest! {
        #[test]
        fn one_is_found_where_there_is_one(edges in prop::collection::vec(prop::collection::vec(0usize..6, 0..4), 6)) {
            // Who reaches whom, by the way of Warshall.
            let mut reaches = [[false; 6]; 6];
            for (from, to) in edges.iter().enumerate() {
                to.iter().for_each(|to| reaches[from][*to] = true);
            }
            for over in 0..6 {
                for from in 0..6 {
                    for to in 0..6 {
                        reaches[from][to] |= reaches[from][over] && reaches[over][to];
                    }
                }
            }
            let is_circular = (0..6).any(|node| reaches[node][node] && (node == 0 || reaches[0][node]));
            let found = circles(&edges, 100);
            prop_assert_eq!(!found.is_empty(), is_circular);
            for circle in found {
                prop_assert_eq!(circle.first(), circle.last());
                prop_assert!(circle.windows(2).all(|step| edges[step[0]].contains(&step[1])));
            }
        }
    }
}
