//! From an act to the facts that it needs, and between acts and events.

use std::sync::Arc;

use bytes::Bytes;

use crate::domain::{
    Accepted, Area, Body, Config, Deprecation, Digest, EVENT_FORMAT, Event, Name, OrgName, Profile, Repository, Tag,
    Version,
};

use super::super::{Accept, Act, Applied, Change, Head, Publication, Replay, Seen};
use super::{Decision, Wanted};

/// The facts that [`decide`] needs for the act.
pub fn wanted(act: &Act) -> Wanted {
    let nothing = Wanted {
        repository: None,
        collection: None,
        org: None,
        tags: Vec::new(),
        manifest: None,
        tags_on_manifest: false,
        versions_of_manifest: false,
        versions: Vec::new(),
        blobs: Vec::new(),
        brought: Vec::new(),
        needed: None,
        content: false,
    };
    let none = |repository: &Repository| Wanted { repository: Some(repository.clone()), ..nothing.clone() };
    match act {
        Act::Accept(accept) => {
            let accepted = &accept.accepted;
            let blobs = accept.facts.iter().flat_map(|facts| &facts.blobs).map(|(digest, _)| *digest).collect();
            let mut versions: Vec<Version> = accepted.tags.iter().filter_map(Version::from_tag).collect();
            let mut brought = vec![(accepted.area.clone(), accepted.digest)];
            if let Some(publication) = &accept.publication {
                versions.push(publication.version.clone());
                brought.push((accepted.area.clone(), publication.record));
            }
            Wanted {
                org: org_of(&accepted.repository),
                tags: accepted.tags.clone(),
                manifest: Some(accepted.digest),
                versions_of_manifest: accepted.tags.iter().any(|tag| tag.as_str() == Tag::LATEST),
                versions,
                blobs,
                brought,
                ..none(&accepted.repository)
            }
        }
        Act::DeleteTag { repository, tag } => Wanted {
            org: org_of(repository),
            tags: vec![tag.clone()],
            versions: Version::from_tag(tag).into_iter().collect(),
            ..none(repository)
        },
        Act::DeleteManifest { repository, digest } => Wanted {
            org: org_of(repository),
            manifest: Some(*digest),
            tags_on_manifest: true,
            versions_of_manifest: true,
            ..none(repository)
        },
        Act::DeleteBlob { repository, digest } => {
            Wanted { org: org_of(repository), blobs: vec![*digest], needed: Some(*digest), ..none(repository) }
        }
        Act::Yank { name, version, reason, .. } => Wanted {
            versions: vec![version.clone()],
            brought: reasons(name, reason.as_ref()),
            ..none(&name.repository())
        },
        Act::Deprecate { name, version, deprecation, .. } => Wanted {
            versions: vec![version.clone()],
            brought: reasons(name, deprecation.reason.as_ref()),
            ..none(&name.repository())
        },
        Act::Unyank { name, version }
        | Act::Undeprecate { name, version }
        | Act::Pin { name, version }
        | Act::Restore { name, version } => Wanted { versions: vec![version.clone()], ..none(&name.repository()) },
        Act::Purge { name, version, digest } => Wanted {
            versions: vec![version.clone()],
            manifest: Some(*digest),
            tags_on_manifest: true,
            versions_of_manifest: true,
            ..none(&name.repository())
        },
        Act::Unpin { name } | Act::SetOwners { name, .. } => none(&name.repository()),
        Act::SetVisibility { name, visibility, copied } => {
            let repository = name.repository();
            let area = Area::of(&repository, *visibility);
            let brought = copied.iter().map(|digest| (area.clone(), *digest)).collect();
            Wanted { org: name.org().parse().ok(), brought, content: true, ..none(&repository) }
        }
        Act::SetCollection { name, document, .. } => {
            Wanted { collection: Some(name.clone()), brought: vec![(Area::Public, *document)], ..nothing.clone() }
        }
        Act::SetOrg { org, document, .. } => {
            Wanted { org: Some(org.clone()), brought: vec![(Area::Public, *document)], ..nothing.clone() }
        }
        Act::DeleteCollection { name, .. } => Wanted { collection: Some(name.clone()), ..nothing.clone() },
    }
}

/// The organisation whose word on new packages counts for a repository that is none.
fn org_of(repository: &Repository) -> Option<OrgName> {
    repository.package().and_then(|name| name.org().parse().ok())
}

/// A reason lies in the area of its package, and which that is, is a fact: in neither may it be on its way out.
fn reasons(name: &Name, reason: Option<&Digest>) -> Vec<(Area, Digest)> {
    let areas = [Area::Public, Area::private(&name.repository())];
    reason.map(|digest| areas.map(|area| (area, *digest)).to_vec()).unwrap_or_default()
}

/// Gives the change its number and time, and its exact bytes. `hidden`: [`super::is_hidden`].
pub fn seal(change: &Change, body: Body, hidden: bool, head: Head) -> (Event, Bytes) {
    let event = Event {
        v: EVENT_FORMAT,
        n: head.n + 1,
        id: change.id,
        time: change.time.max(head.time),
        actor: change.actor.clone(),
        batch: None,
        hidden: Some(hidden),
        body,
    };
    let bytes = event.to_bytes();
    (event, bytes)
}

/// What a change came to, for its caller.
pub fn applied(event: Option<(Event, Bytes)>, decision: Decision) -> Applied {
    Applied { event, tags: decision.tags }
}

/// The act that an event recorded.
pub fn act_of(replay: &Replay) -> Act {
    let accept = |accepted: &Accepted, publication| {
        Act::Accept(Box::new(Accept { accepted: accepted.clone(), facts: replay.facts.clone(), publication }))
    };
    match &replay.event.body {
        Body::Manifest(accepted) => accept(accepted, None),
        Body::Publish { accepted, version, kind, record } => {
            let (config, record_size) = match &replay.record {
                Some((config, size)) => (Some(Arc::<Config>::clone(config)), *size),
                None => (None, 0),
            };
            let publication =
                Publication { version: version.clone(), kind: *kind, record: *record, record_size, config };
            accept(accepted, Some(publication))
        }
        Body::TagDelete { repository, tag } => Act::DeleteTag { repository: repository.clone(), tag: tag.clone() },
        Body::ManifestDelete { repository, digest } => {
            Act::DeleteManifest { repository: repository.clone(), digest: *digest }
        }
        Body::BlobDelete { repository, digest } => Act::DeleteBlob { repository: repository.clone(), digest: *digest },
        Body::Yank { name, version, reason } => {
            Act::Yank { name: name.clone(), version: version.clone(), reason: *reason, area: None }
        }
        Body::Unyank { name, version } => Act::Unyank { name: name.clone(), version: version.clone() },
        Body::Deprecate { name, version, reason, replacement } => Act::Deprecate {
            name: name.clone(),
            version: version.clone(),
            deprecation: Deprecation { reason: *reason, replacement: replacement.clone() },
            area: None,
        },
        Body::Undeprecate { name, version } => Act::Undeprecate { name: name.clone(), version: version.clone() },
        Body::Pin { name, version } => Act::Pin { name: name.clone(), version: version.clone() },
        Body::Unpin { name } => Act::Unpin { name: name.clone() },
        Body::Visibility { name, visibility } => {
            Act::SetVisibility { name: name.clone(), visibility: *visibility, copied: Vec::new() }
        }
        Body::Owners { name, owners } => Act::SetOwners { name: name.clone(), owners: owners.clone(), seen: None },
        Body::Collection { collection, document } => Act::SetCollection {
            name: collection.clone(),
            document: *document,
            size: replay.collection.as_ref().map_or(0, |(_, size)| *size),
            content: replay.collection.as_ref().map(|(content, _)| Arc::clone(content)),
            seen: Seen::Unsaid,
        },
        Body::Org { org, profile, visibility } => {
            let known = replay.profile.as_ref().map(|(known, _)| Profile::clone(known)).unwrap_or_default();
            Act::SetOrg {
                org: org.clone(),
                document: *profile,
                size: replay.profile.as_ref().map_or(0, |(_, size)| *size),
                profile: Arc::new(Profile { visibility: *visibility, ..known }),
                seen: Seen::Unsaid,
            }
        }
        Body::CollectionDelete { collection } => Act::DeleteCollection { name: collection.clone(), seen: Seen::Unsaid },
        Body::Purge { name, version, digest } => {
            Act::Purge { name: name.clone(), version: version.clone(), digest: *digest }
        }
        Body::Restore { name, version } => Act::Restore { name: name.clone(), version: version.clone() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Visibility;

    /// Where a name lies of which nothing was said yet, follows from what its organisation says.
    #[test]
    fn what_an_organisation_says_is_asked_for_where_a_name_is_moved() {
        let act = Act::SetVisibility {
            name: "acme/new".parse().unwrap(),
            visibility: Visibility::Private,
            copied: Vec::new(),
        };
        assert_eq!(wanted(&act).org, Some("acme".parse().unwrap()));
    }
}
