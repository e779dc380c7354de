//! Ordered maps that can take back what was written to them since the last commit.

use std::collections::BTreeMap;
use std::ops::{Bound, RangeBounds};

/// A map with an undo log. Taking back costs as much as was written, whatever the map holds.
#[derive(Debug)]
pub(super) struct Table<K, V> {
    rows: BTreeMap<K, V>,
    /// What each written key held before, oldest first.
    undo: Vec<(K, Option<V>)>,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self { rows: BTreeMap::new(), undo: Vec::new() }
    }
}

impl<K: Ord + Clone, V> Table<K, V> {
    pub fn get(&self, key: &K) -> Option<&V> {
        self.rows.get(key)
    }

    pub fn insert(&mut self, key: K, value: V) {
        let before = self.rows.insert(key.clone(), value);
        self.undo.push((key, before));
    }

    pub fn remove(&mut self, key: &K) -> bool {
        let Some(before) = self.rows.remove(key) else { return false };
        self.undo.push((key.clone(), Some(before)));
        true
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        self.rows.iter()
    }

    /// Rows from a key on, that key included.
    pub fn from(&self, key: K) -> impl Iterator<Item = (&K, &V)> {
        self.rows.range(key..)
    }

    /// Rows after a key.
    pub fn after(&self, key: K) -> impl Iterator<Item = (&K, &V)> {
        self.rows.range((Bound::Excluded(key), Bound::Unbounded))
    }

    pub fn range(&self, range: impl RangeBounds<K>) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        self.rows.range(range)
    }

    pub fn commit(&mut self) {
        self.undo.clear();
    }

    pub fn roll_back(&mut self) {
        while let Some((key, before)) = self.undo.pop() {
            match before {
                Some(value) => drop(self.rows.insert(key, value)),
                None => drop(self.rows.remove(&key)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_roll_back_takes_back_everything_since_the_commit(
            kept in proptest::collection::vec((0u8..8, proptest::option::of(0u8..8)), 0..20),
            undone in proptest::collection::vec((0u8..8, proptest::option::of(0u8..8)), 0..20),
        ) {
            let mut table = Table::default();
            let write = |table: &mut Table<u8, u8>, writes: Vec<(u8, Option<u8>)>| for (key, value) in writes {
                match value {
                    Some(value) => table.insert(key, value),
                    None => drop(table.remove(&key)),
                }
            };
            write(&mut table, kept);
            table.commit();
            let before = table.rows.clone();
            write(&mut table, undone);
            table.roll_back();
            prop_assert_eq!(table.rows, before);
        }
    }
}
