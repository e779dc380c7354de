//! The decisions about who and what belongs together.

use std::sync::Arc;

use crate::domain::{Area, Body, Collection, Digest, Name, UserName};

use super::super::{Refused, Seen};
use super::{Decision, Facts, Mode, Write};

pub(super) fn decide_owners(
    name: &Name,
    owners: &[UserName],
    seen: Option<&[UserName]>,
    facts: &Facts,
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
    if facts.owners == owners {
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
    if facts.collection == Some(document) {
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
