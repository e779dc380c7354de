//! A map that forgets: of what was put or asked for lately it remembers at least `capacity` entries, and at most twice as many.
//!
//! For knowledge that can be won again at a cost, such as which files were hashed. Knows nothing of files.

use std::collections::HashMap;
use std::hash::Hash;

/// Two generations: when the young one is full it becomes the old one, and the old one is dropped.
pub(super) struct Recent<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    capacity: usize,
}

impl<K: Eq + Hash, V: Clone> Recent<K, V> {
    pub(super) fn new(capacity: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), capacity }
    }

    pub(super) fn insert(&mut self, key: K, value: V) {
        if self.young.len() >= self.capacity {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }

    /// What is known about the key, which counts as a use of it.
    pub(super) fn get(&mut self, key: K) -> Option<V> {
        if let Some(value) = self.young.get(&key) {
            return Some(value.clone());
        }
        let value = self.old.remove(&key)?;
        self.insert(key, value.clone());
        Some(value)
    }

    pub(super) fn remove(&mut self, key: &K) {
        self.young.remove(key);
        self.old.remove(key);
    }
}

/// Sixteen bytes that stand for a path: a set of them is a tenth of the size of a set of paths, and no two paths meet.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct PathId([u8; 16]);

impl PathId {
    pub(super) fn of(path: &str) -> Self {
        use sha2::Digest as _;
        let mut id = [0; 16];
        id.copy_from_slice(&sha2::Sha256::digest(path.as_bytes())[..16]);
        Self(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_is_used_and_forgets_the_rest() {
        let mut recent = Recent::new(10);
        recent.insert(0, "kept");
        for number in 1..1000 {
            recent.insert(number, "passing");
            assert_eq!(recent.get(0), Some("kept"));
        }
        assert_eq!(recent.get(1), None);
        assert!(recent.young.len() + recent.old.len() <= 21);
        recent.remove(&0);
        assert_eq!(recent.get(0), None);
    }
}
