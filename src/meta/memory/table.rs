//! Ordered maps that can take back what was written to them since the last commit.

use std::collections::BTreeMap;
use std::ops::{Bound, RangeBounds};

/// A map with an undo log. Taking back costs as much as was written, whatever the map holds.
#[derive(Debug)]
pub(super) struct Table<K, V> {
    rows: BTreeMap<K, V>,
    /// What each written key held before, oldest first.
    undo: Vec<(K, Option<V>)>,
    /// While the table is frozen: what each key that was written since held then.
    frozen: Option<BTreeMap<K, Option<V>>>,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self { rows: BTreeMap::new(), undo: Vec::new(), frozen: None }
    }
}

impl<K: Ord + Clone, V> Table<K, V> {
    pub fn get(&self, key: &K) -> Option<&V> {
        self.rows.get(key)
    }

    /// The row, and the key as the table has it.
    pub fn get_key_value(&self, key: &K) -> Option<(&K, &V)> {
        self.rows.get_key_value(key)
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
        match &mut self.frozen {
            // Oldest first: what was there when the table was frozen stays.
            Some(frozen) => {
                for (key, before) in self.undo.drain(..) {
                    frozen.entry(key).or_insert(before);
                }
            }
            None => self.undo.clear(),
        }
    }

    /// Keeps the rows as they are readable by [`Table::frozen_page`], whatever is written from now on. Costs nothing; each row
    /// that is written afterwards is kept as it was, once.
    pub fn freeze(&mut self) {
        self.frozen = Some(BTreeMap::new());
    }

    /// Forgets how the rows were.
    pub fn thaw(&mut self) {
        self.frozen = None;
    }

    /// Up to `limit` rows after a key, as they were when the table was frozen.
    pub fn frozen_page(&self, after: Option<&K>, limit: usize) -> Vec<(K, V)>
    where
        V: Clone,
    {
        let range = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        let (empty, mut page) = (BTreeMap::new(), Vec::new());
        let frozen = self.frozen.as_ref().unwrap_or(&empty);
        let (mut now, mut then) = (self.rows.range(range).peekable(), frozen.range(range).peekable());
        while page.len() < limit {
            let is_now = match (now.peek(), then.peek()) {
                (None, None) => break,
                (Some(_), None) => true,
                (None, Some(_)) => false,
                (Some((now, _)), Some((then, _))) => now < then,
            };
            if is_now {
                page.extend(now.next().map(|(key, row)| (key.clone(), row.clone())));
            } else if let Some((key, before)) = then.next() {
                now.next_if(|(now, _)| *now == key);
                page.extend(before.as_ref().map(|row| (key.clone(), row.clone())));
            }
        }
        page
    }

    /// A table of rows that are read back, in the order of their keys.
    pub fn of(rows: impl IntoIterator<Item = (K, V)>) -> Self {
        Self { rows: rows.into_iter().collect(), undo: Vec::new(), frozen: None }
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

        #[test]
        fn a_frozen_table_is_read_as_it_was_whatever_is_written(
            before in proptest::collection::vec((0u8..24, proptest::option::of(0u8..8)), 0..40),
            during in proptest::collection::vec((0u8..24, proptest::option::of(0u8..8), any::<bool>()), 0..60),
            limit in 1usize..7,
        ) {
            let mut table = Table::default();
            let write = |table: &mut Table<u8, u8>, key, value| match value {
                Some(value) => table.insert(key, value),
                None => drop(table.remove(&key)),
            };
            before.into_iter().for_each(|(key, value)| write(&mut table, key, value));
            table.commit();
            let expected: Vec<(u8, u8)> = table.rows.clone().into_iter().collect();
            table.freeze();
            // Between any two pages something is written, and kept or not.
            let (mut found, mut after, mut writes) = (Vec::new(), None, during.into_iter());
            loop {
                for (key, value, kept) in writes.by_ref().take(4) {
                    write(&mut table, key, value);
                    if kept { table.commit() } else { table.roll_back() }
                }
                let page = table.frozen_page(after.as_ref(), limit);
                let Some((last, _)) = page.last() else { break };
                after = Some(*last);
                found.extend(page);
            }
            prop_assert_eq!(found, expected);
            table.thaw();
            let now: Vec<(u8, u8)> = table.rows.clone().into_iter().collect();
            prop_assert_eq!(table.frozen_page(None, 100), now);
        }
    }
}
