//! The decisions about who and what belongs together.
//!
//! A new change that changes nothing is no event. A replayed one that changes nothing is one all the same: a store that came from an
//! older release may have known less than its events tell when it was recorded.

use std::sync::Arc;

use crate::domain::{Area, Body, Collection, Digest, Name, OrgName, Profile, UserName};

use super::super::{Refused, Seen};
use super::{Decision, Facts, Mode, Write};

pub(super) fn decide_owners(
    name: &Name,
    owners: &[UserName],
    seen: Option<&[UserName]>,
    facts: &Facts,
    mode: Mode,
) -> Result<Decision, Refused> {
    if facts.package.is_none() {
        return Err(Refused::NotFound("the package"));
    }
    if seen.is_some_and(|seen| seen != facts.owners) {
        return Err(Refused::Changed("the list of owners"));
    }
    let mut owners = owners.to_vec();
    owners.sort_unstable();
    owners.dedup();
    if mode == Mode::New && facts.owners == owners {
        return Ok(Decision::default());
    }
    let writes =
        vec![Write::Owners { name: name.clone(), owners: owners.clone() }, Write::Reshow { name: name.clone() }];
    Ok(Decision { body: Some(Body::Owners { name: name.clone(), owners }), writes, tags: Vec::new() })
}

pub(super) fn decide_collection(
    name: &Name,
    document: Digest,
    size: u64,
    content: Arc<Collection>,
    seen: Seen,
    facts: &Facts,
    mode: Mode,
) -> Result<Decision, Refused> {
    if mode == Mode::New && !facts.vanishing.is_empty() {
        return Err(Refused::BlobsUnknown(facts.vanishing.clone()));
    }
    if !seen.is(facts.collection) {
        return Err(Refused::Changed("the collection"));
    }
    if mode == Mode::New && facts.collection == Some(document) {
        return Ok(Decision::default());
    }
    let writes = vec![
        Write::Blob { area: Area::Public, digest: document, size },
        Write::Collection { name: name.clone(), document, content },
    ];
    Ok(Decision { body: Some(Body::Collection { collection: name.clone(), document }), writes, tags: Vec::new() })
}

pub(super) fn decide_delete_collection(name: &Name, seen: Seen, facts: &Facts) -> Result<Decision, Refused> {
    if facts.collection.is_none() {
        return Err(Refused::NotFound("the collection"));
    }
    if !seen.is(facts.collection) {
        return Err(Refused::Changed("the collection"));
    }
    let writes = vec![Write::RemoveCollection { name: name.clone() }];
    Ok(Decision { body: Some(Body::CollectionDelete { collection: name.clone() }), writes, tags: Vec::new() })
}

pub(super) fn decide_org(
    org: &OrgName,
    document: Digest,
    size: u64,
    profile: &Arc<Profile>,
    seen: Seen,
    facts: &Facts,
    mode: Mode,
) -> Result<Decision, Refused> {
    if mode == Mode::New && !facts.vanishing.is_empty() {
        return Err(Refused::BlobsUnknown(facts.vanishing.clone()));
    }
    if !seen.is(facts.org.map(|(document, _)| document)) {
        return Err(Refused::Changed("the profile of the organisation"));
    }
    let visibility = profile.visibility;
    if mode == Mode::New && facts.org == Some((document, visibility)) {
        return Ok(Decision::default());
    }
    let writes = vec![
        Write::Blob { area: Area::Public, digest: document, size },
        Write::Org { org: org.clone(), document, profile: Arc::clone(profile) },
    ];
    let body = Body::Org { org: org.clone(), profile: document, visibility };
    Ok(Decision { body: Some(body), writes, tags: Vec::new() })
}
