//! What a change takes out of the cache.

use crate::cache::Cache;
use crate::domain::{Body, Tag};
use crate::meta::Applied;

/// Takes out of the cache what the changes touched.
pub(super) fn invalidate(cache: &Cache, applied: &[&Applied]) {
    cache.advance();
    for applied in applied {
        let Some((event, _)) = &applied.event else { continue };
        forget(cache, &event.body, &applied.tags);
    }
}

/// Takes out of the cache what one event touched; `tags` name something else since. The epoch was advanced before.
pub(super) fn forget(cache: &Cache, body: &Body, tags: &[Tag]) {
    if may_hide(body) {
        cache.clear_popularity();
    }
    if let Body::Org { .. } = body {
        // Who sees new packages may be said anew, and all names of the organisation are asked for before there is anything. What was
        // uploaded under them lies in another area then.
        cache.seen.clear();
        cache.links.clear();
    }
    let Some(repository) = body.repository() else { return };
    cache.tag_lists.remove(&repository);
    for tag in tags {
        cache.tags.remove(&(repository.clone(), tag.clone()));
    }
    match body {
        Body::ManifestDelete { digest, .. } | Body::Purge { digest, .. } => {
            cache.manifests.remove(&(repository, *digest));
        }
        Body::BlobDelete { digest, .. } => {
            cache.links.remove(&(repository, *digest));
        }
        // The same bytes may come again under another media type.
        Body::Manifest(accepted) | Body::Publish { accepted, .. } => {
            // Who begins a package owns it, and what is pushed stays seen as it is, whatever its organisation says later.
            cache.seen.remove(&repository);
            cache.manifests.remove(&(repository, accepted.digest));
        }
        Body::Visibility { .. } => {
            cache.seen.remove(&repository);
            // Bytes may lie in another area now. It is rare, so the whole table goes.
            cache.links.clear();
        }
        Body::Owners { .. } => cache.seen.remove(&repository),
        // Tags that moved are all that is kept of these.
        Body::TagDelete { .. }
        | Body::Yank { .. }
        | Body::Unyank { .. }
        | Body::Deprecate { .. }
        | Body::Undeprecate { .. }
        | Body::Pin { .. }
        | Body::Unpin { .. }
        | Body::Collection { .. }
        | Body::CollectionDelete { .. }
        | Body::Org { .. }
        | Body::Restore { .. } => {}
    }
}

/// Whether a package, or the version that is shown of it, may be out of sight afterwards. What comes into sight, and what is said of it,
/// is seen when trends and statistics are read the next time.
fn may_hide(body: &Body) -> bool {
    match body {
        Body::Visibility { .. } | Body::TagDelete { .. } | Body::ManifestDelete { .. } | Body::Purge { .. } => true,
        Body::Manifest(_)
        | Body::Publish { .. }
        | Body::BlobDelete { .. }
        | Body::Yank { .. }
        | Body::Unyank { .. }
        | Body::Deprecate { .. }
        | Body::Undeprecate { .. }
        | Body::Pin { .. }
        | Body::Unpin { .. }
        | Body::Owners { .. }
        | Body::Collection { .. }
        | Body::CollectionDelete { .. }
        | Body::Org { .. }
        | Body::Restore { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::{Accepted, Area, Digest, Repository, SeenBy, Visibility};

    fn accepted(repository: &Repository) -> Accepted {
        Accepted {
            repository: repository.clone(),
            area: Area::Public,
            digest: Digest::sha256(b"manifest"),
            media_type: String::new(),
            size: 8,
            tags: Vec::new(),
        }
    }

    /// Also where nobody comes to own it.
    #[test]
    fn who_sees_a_repository_is_asked_again_after_each_push_to_it() {
        let repository: Repository = "acme/hello".parse().unwrap();
        let cache = Cache::new(1 << 20);
        let known = Arc::new(SeenBy { visibility: Visibility::Private, ..SeenBy::default() });
        let publish = Body::Publish {
            accepted: accepted(&repository),
            version: "1.0.0".parse().unwrap(),
            kind: crate::domain::Kind::Skill,
            record: Digest::sha256(b"record"),
        };
        for body in [Body::Manifest(accepted(&repository)), publish] {
            cache.seen.insert(repository.clone(), known.clone());
            forget(&cache, &body, &[]);
            assert_eq!(cache.seen.get(&repository), None);
        }
    }
}
