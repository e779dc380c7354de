//! The cache between requests and stores: what a warm read is answered from.
//!
//! An entry is never older than the last commit that touched it: whoever loads one notes the commit epoch first, and takes
//! the entry out again if a commit came in between. Content by digest never changes; tags and links are invalidated by
//! commits. What is summed up over whole tables may be some seconds old, but shows nothing that has gone out of sight. Knows nothing
//! of where values come from.

mod entry;
mod pulls;
mod table;

use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Mutex;

use crate::domain::api::{Statistics, Trending};
use crate::domain::{Area, Day, Digest, Kind, Repository, SeenBy, Tag, Timestamp};

pub use entry::{CachedLink, CachedLogin, CachedManifest};
pub use pulls::Pulls;
pub use table::Table;

/// Largest blob that is kept in memory, in bytes. Configs and most skills are smaller; the rest is streamed.
pub const BLOB_MAX: u64 = 64 << 10;

/// How long a login is believed: what another process changes about accounts counts here after that time.
pub const LOGIN_SECONDS: u64 = 5;

/// How old statistics and trends may be: whole tables are read for them.
pub const POPULARITY_SECONDS: u64 = 10;

/// How long somebody waits for what another one reads of whole tables. A database that does not answer keeps nobody longer.
const TURN: Duration = Duration::from_secs(5);

/// The caches of one process.
pub struct Cache {
    epoch: AtomicU64,
    /// Manifests by repository and digest.
    pub manifests: Table<(Repository, Digest), Arc<CachedManifest>>,
    /// Targets of tags; `None` for a tag that is not there, which clients ask for as often.
    pub tags: Table<(Repository, Tag), Option<Digest>>,
    /// All tags of a repository, in the order of their bytes; `None` where they are too many to be kept.
    pub tag_lists: Table<Repository, Option<Arc<[Tag]>>>,
    /// Indexes that were composed behind a fallback tag, and behind which: who asks for one by digest gets it composed anew.
    pub fallbacks: Table<(Repository, Digest), Tag>,
    /// Who sees what is in a repository, whether or not anything is.
    pub seen: Table<Repository, Arc<SeenBy>>,
    /// Tags that were asked for by somebody to whom the repository is not there: as that of a tag is kept which is not there for anybody.
    pub unseen: Table<(Repository, Tag), ()>,
    /// Blobs that a repository may read.
    pub links: Table<(Repository, Digest), CachedLink>,
    /// When a blob was last noted as needed.
    pub touched: Table<(Area, Digest), Timestamp>,
    /// Bytes of small blobs.
    pub blobs: Table<(Area, Digest), Bytes>,
    /// Whose tokens are, by their hashes, for [`LOGIN_SECONDS`].
    pub logins: Table<Digest, CachedLogin>,
    /// What is public, for [`POPULARITY_SECONDS`].
    pub statistics: Table<(), Statistics>,
    /// Trends by their last day, window and kinds, for [`POPULARITY_SECONDS`].
    pub trending: Table<(Day, u32, Vec<Kind>), Arc<[Trending]>>,
    /// How often something has gone out of sight.
    hidden: AtomicU64,
    /// The turn to read whole tables.
    summing: Mutex<()>,
}

impl Cache {
    /// Room for about `bytes` of manifests and as much of small blobs.
    pub fn new(bytes: u64) -> Self {
        Self {
            epoch: AtomicU64::new(0),
            manifests: Table::weighed(bytes, |manifest: &Arc<CachedManifest>| manifest.bytes.len() + 300),
            tags: Table::counted(100_000),
            tag_lists: Table::weighed(bytes / 8, |list: &Option<Arc<[Tag]>>| {
                list.iter().flat_map(|tags| tags.iter()).map(|tag| tag.as_str().len() + 24).sum()
            }),
            fallbacks: Table::counted(10_000),
            seen: Table::counted(100_000),
            unseen: Table::counted(100_000),
            links: Table::counted(200_000),
            touched: Table::counted(100_000),
            blobs: Table::weighed(bytes, Bytes::len),
            logins: Table::fleeting(10_000, Duration::from_secs(LOGIN_SECONDS)),
            statistics: Table::fleeting(1, Duration::from_secs(POPULARITY_SECONDS)),
            trending: Table::fleeting(100, Duration::from_secs(POPULARITY_SECONDS)),
            hidden: AtomicU64::new(0),
            summing: Mutex::new(()),
        }
    }

    /// Says that a commit changed something. Called after the commit and before the entries it touched are removed.
    pub fn advance(&self) {
        self.epoch.fetch_add(1, Ordering::SeqCst);
    }

    /// Forgets which blobs are where, and that somebody touched them: they may be going.
    pub fn forget_links(&self) {
        self.advance();
        self.links.clear();
        self.touched.clear();
    }

    /// Forgets statistics and trends: something may have gone out of sight. Called after the commit.
    pub fn clear_popularity(&self) {
        self.hidden.fetch_add(1, Ordering::SeqCst);
        self.statistics.clear();
        self.trending.clear();
    }

    /// Forgets every login: accounts have changed.
    pub fn clear_logins(&self) {
        self.advance();
        self.logins.clear();
    }

    /// Forgets every tag, manifest and link, who sees what, statistics and trends: for when somebody else's commits came in.
    pub fn clear_pointers(&self) {
        self.clear_popularity();
        self.tags.clear();
        self.tag_lists.clear();
        self.manifests.clear();
        self.links.clear();
        self.seen.clear();
        self.unseen.clear();
    }

    /// The entry, or what `load` finds. A value that was loaded while a commit happened is returned but not kept.
    pub async fn get_or_load<K, V, E>(
        &self,
        table: &Table<K, V>,
        key: K,
        load: impl Future<Output = Result<Option<V>, E>>,
    ) -> Result<Option<V>, E>
    where
        K: Hash + Eq + Clone + Send + Sync + 'static,
        V: Clone + Send + Sync + 'static,
    {
        match table.get(&key) {
            Some(value) => Ok(Some(value)),
            None => self.load(table, key, load).await,
        }
    }

    /// What `load` finds, whatever was kept. Kept as by [`Cache::get_or_load`].
    pub async fn load<K, V, E>(
        &self,
        table: &Table<K, V>,
        key: K,
        load: impl Future<Output = Result<Option<V>, E>>,
    ) -> Result<Option<V>, E>
    where
        K: Hash + Eq + Clone + Send + Sync + 'static,
        V: Clone + Send + Sync + 'static,
    {
        let epoch = self.epoch.load(Ordering::SeqCst);
        let Some(value) = load.await? else { return Ok(None) };
        table.insert(key.clone(), value.clone());
        // A commit advances the epoch before it removes entries: either it removes this one, or it is seen here.
        if self.epoch.load(Ordering::SeqCst) != epoch {
            table.remove(&key);
        }
        Ok(Some(value))
    }

    /// The entries of many keys, in their order: what is missing is loaded at once, for the keys that `load` is given and in their
    /// order. Kept as by [`Cache::get_or_load`].
    pub async fn get_or_load_all<K, V, E, L>(
        &self,
        table: &Table<K, V>,
        keys: &[K],
        load: impl FnOnce(Vec<K>) -> L,
    ) -> Result<Vec<V>, E>
    where
        K: Hash + Eq + Clone + Send + Sync + 'static,
        V: Clone + Send + Sync + 'static,
        L: Future<Output = Result<Vec<V>, E>>,
    {
        let mut values: Vec<Option<V>> = keys.iter().map(|key| table.get(key)).collect();
        let missing: Vec<usize> = (0..keys.len()).filter(|at| values[*at].is_none()).collect();
        if !missing.is_empty() {
            let epoch = self.epoch.load(Ordering::SeqCst);
            let loaded = load(missing.iter().map(|at| keys[*at].clone()).collect()).await?;
            for (at, value) in missing.into_iter().zip(loaded) {
                table.insert(keys[at].clone(), value.clone());
                // As above.
                if self.epoch.load(Ordering::SeqCst) != epoch {
                    table.remove(&keys[at]);
                }
                values[at] = Some(value);
            }
        }
        Ok(values.into_iter().flatten().collect())
    }

    /// The entry, or what `load` reads of whole tables. One at a time reads, and the others wait for what it finds, those of another
    /// key too, but no longer than [`TURN`]. What was read is kept whatever is committed meanwhile, unless something went out of sight.
    pub async fn get_or_sum_up<K, V, E>(
        &self,
        table: &Table<K, V>,
        key: K,
        load: impl Future<Output = Result<V, E>>,
    ) -> Result<V, E>
    where
        K: Hash + Eq + Clone + Send + Sync + 'static,
        V: Clone + Send + Sync + 'static,
    {
        if let Some(value) = table.get(&key) {
            return Ok(value);
        }
        let _turn = tokio::time::timeout(TURN, self.summing.lock()).await;
        if let Some(value) = table.get(&key) {
            return Ok(value);
        }
        let hidden = self.hidden.load(Ordering::SeqCst);
        let value = load.await?;
        table.insert(key.clone(), value.clone());
        // As above: either clearing removes this entry, or it is seen here.
        if self.hidden.load(Ordering::SeqCst) != hidden {
            table.remove(&key);
        }
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Visibility;

    fn key() -> (Repository, Tag) {
        ("acme/hello".parse().unwrap(), "1.0.0".parse().unwrap())
    }

    #[tokio::test]
    async fn a_value_loaded_during_a_commit_is_not_kept() {
        let cache = Cache::new(1 << 20);
        let old = Digest::sha256(b"old");
        let loaded = cache
            .get_or_load::<_, _, ()>(&cache.tags, key(), async {
                cache.advance();
                cache.tags.remove(&key());
                Ok(Some(Some(old)))
            })
            .await;
        assert_eq!(loaded, Ok(Some(Some(old))));
        assert_eq!(cache.tags.get(&key()), None);
    }

    #[tokio::test]
    async fn a_second_read_does_not_load() {
        let cache = Cache::new(1 << 20);
        let digest = Digest::sha256(b"");
        let first = cache.get_or_load::<_, _, ()>(&cache.tags, key(), async { Ok(Some(Some(digest))) }).await;
        let second = cache.get_or_load::<_, _, ()>(&cache.tags, key(), async { Err(()) }).await;
        assert_eq!((first, second), (Ok(Some(Some(digest))), Ok(Some(Some(digest)))));
    }

    #[tokio::test]
    async fn of_many_only_what_is_missing_is_loaded_and_a_commit_meanwhile_keeps_none_of_it() {
        let cache = Cache::new(1 << 20);
        let keys: Vec<Repository> = ["acme/a", "acme/b", "acme/c"].map(|name| name.parse().unwrap()).into();
        let seen = |visibility| Arc::new(SeenBy { visibility, ..SeenBy::default() });
        let (private, public) = (seen(Visibility::Private), seen(Visibility::Public));
        cache.seen.insert(keys[1].clone(), private.clone());
        let load = async |advance: bool| {
            cache
                .get_or_load_all::<_, _, (), _>(&cache.seen, &keys, |missing| {
                    assert_eq!(missing, [keys[0].clone(), keys[2].clone()]);
                    if advance {
                        cache.advance();
                    }
                    std::future::ready(Ok(vec![public.clone(); 2]))
                })
                .await
        };
        let all = Ok(vec![public.clone(), private.clone(), public.clone()]);
        assert_eq!((load(true).await, cache.seen.get(&keys[0])), (all.clone(), None));
        assert_eq!((load(false).await, cache.seen.get(&keys[0])), (all, Some(public.clone())));
    }

    #[tokio::test]
    async fn what_is_not_there_is_asked_for_again() {
        let cache = Cache::new(1 << 20);
        let absent = cache.get_or_load::<_, _, ()>(&cache.tags, key(), async { Ok(None) }).await;
        let digest = Digest::sha256(b"");
        let found = cache.get_or_load::<_, _, ()>(&cache.tags, key(), async { Ok(Some(Some(digest))) }).await;
        assert_eq!((absent, found), (Ok(None), Ok(Some(Some(digest)))));
    }

    #[tokio::test]
    async fn what_is_summed_up_is_read_by_one_for_all_and_outlives_commits() {
        let cache = Cache::new(1 << 20);
        let loads = AtomicU64::new(0);
        let ask = || {
            cache.get_or_sum_up::<_, _, ()>(&cache.statistics, (), async {
                loads.fetch_add(1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                Ok(Statistics::default())
            })
        };
        let (one, other) = tokio::join!(ask(), ask());
        assert!(one.is_ok() && other.is_ok());
        cache.advance();
        ask().await.unwrap();
        assert_eq!(loads.load(Ordering::SeqCst), 1);
        cache.clear_popularity();
        ask().await.unwrap();
        assert_eq!(loads.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn what_was_summed_up_while_something_went_out_of_sight_is_not_kept() {
        let cache = Cache::new(1 << 20);
        let load = async {
            cache.clear_popularity();
            Ok(Statistics::default())
        };
        cache.get_or_sum_up::<_, _, ()>(&cache.statistics, (), load).await.unwrap();
        assert!(cache.statistics.get(&()).is_none());
    }
}
