//! One table of the cache.

use std::hash::Hash;
use std::time::Duration;

/// One kind of entry.
pub struct Table<K, V>(moka::sync::Cache<K, V>);

impl<K, V> Table<K, V>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    pub(super) fn counted(entries: u64) -> Self {
        Self(moka::sync::Cache::new(entries))
    }

    pub(super) fn fleeting(entries: u64, life: Duration) -> Self {
        Self(moka::sync::Cache::builder().max_capacity(entries).time_to_live(life).build())
    }

    pub(super) fn weighed(bytes: u64, weigh: fn(&V) -> usize) -> Self {
        // A fixed 256 bytes stands for key and bookkeeping.
        let weigher = move |_: &K, value: &V| u32::try_from(weigh(value) + 256).unwrap_or(u32::MAX);
        Self(moka::sync::Cache::builder().max_capacity(bytes).weigher(weigher).build())
    }

    /// The entry, if it is there.
    pub fn get(&self, key: &K) -> Option<V> {
        self.0.get(key)
    }

    /// Takes the entry out.
    pub fn remove(&self, key: &K) {
        self.0.invalidate(key);
    }

    /// Puts an entry in that cannot become stale.
    pub fn insert(&self, key: K, value: V) {
        self.0.insert(key, value);
    }

    /// Empties the table.
    pub fn clear(&self) {
        self.0.invalidate_all();
    }
}
