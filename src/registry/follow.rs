//! Following the changes that other servers make to the same database.
//!
//! One server at a time knows all that is committed, and its cache hears of each commit from the lane. Where several share a
//! database, each follows the events of the others: the database tells it of a new head, and it asks for the head twice a
//! second as well, so that a message that was lost costs half a second and nothing else. What an event touched is then taken
//! out of the cache, and the search index is told to go on.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::watch;

use crate::cache::Cache;
use crate::domain::{Body, Event, Tag};
use crate::meta::{Ledger, MetaError};

use super::invalidate::forget;
use super::{Inner, RegistryError};

/// How often the head is asked for, whatever was heard.
pub(super) const POLL: Duration = Duration::from_millis(500);

/// Most events that are read at once.
const BATCH_MAX: usize = 256;

/// Follows the events until the registry is dropped.
pub(super) async fn follow(registry: Weak<Inner>, mut heads: watch::Receiver<u64>, known: Arc<watch::Sender<u64>>) {
    let mut is_told = true;
    loop {
        {
            let Some(inner) = registry.upgrade() else { return };
            if let Err(error) = catch_up(&*inner.meta.ledger, &inner.cache, &known).await {
                tracing::warn!(%error, "the changes of other servers cannot be read, trying again");
            }
        }
        // What this server commits is told as well, and is known already.
        let news = async {
            while is_told {
                is_told = heads.changed().await.is_ok();
                if *heads.borrow_and_update() > *known.borrow() {
                    return;
                }
            }
            std::future::pending().await
        };
        // Nothing of the registry is held while this waits.
        let _ = tokio::time::timeout(POLL, news).await;
    }
}

/// Takes out of the cache what the events behind `known` touched, and moves it along.
async fn catch_up(ledger: &dyn Ledger, cache: &Cache, known: &watch::Sender<u64>) -> Result<(), RegistryError> {
    let mut seen = *known.borrow();
    loop {
        let events = ledger.events(seen, BATCH_MAX).await?;
        let Some((last, _)) = events.last() else { return Ok(()) };
        seen = *last;
        cache.advance();
        for (n, bytes) in &events {
            let event = Event::parse(bytes).map_err(|error| MetaError::Corrupt(format!("event {n}: {error}")))?;
            match tags_of(&event.body) {
                Some(tags) => forget(cache, &event.body, &tags),
                None => cache.clear_pointers(),
            }
        }
        known.send_if_modified(|known| std::mem::replace(known, seen.max(*known)) < seen);
        if events.len() < BATCH_MAX {
            return Ok(());
        }
    }
}

/// Tags that name something else since the event; `None` if it does not say which.
fn tags_of(body: &Body) -> Option<Vec<Tag>> {
    let latest = Tag::LATEST.parse().ok();
    let mut tags = match body {
        Body::Manifest(accepted) | Body::Publish { accepted, .. } => accepted.tags.clone(),
        Body::TagDelete { tag, .. } => vec![tag.clone()],
        Body::BlobDelete { .. }
        | Body::Yank { .. }
        | Body::Unyank { .. }
        | Body::Deprecate { .. }
        | Body::Undeprecate { .. }
        | Body::Pin { .. }
        | Body::Unpin { .. }
        | Body::Visibility { .. }
        | Body::Owners { .. }
        | Body::Collection { .. }
        | Body::CollectionDelete { .. }
        | Body::Org { .. } => Vec::new(),
        // Tags on the manifest went along, or the version's came back.
        Body::ManifestDelete { .. } | Body::Purge { .. } | Body::Restore { .. } => return None,
    };
    tags.extend(latest);
    Some(tags)
}
