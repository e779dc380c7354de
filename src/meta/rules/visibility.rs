//! The decision about who sees a package, and where its bytes lie since.

use std::collections::HashSet;

use crate::domain::{Area, Body, Digest, Name, Visibility};

use super::super::Refused;
use super::{Decision, Facts, Mode, Write};

/// A name may become private before there is a package, so that not even the first byte of it is seen. Of no other name without a
/// package can anything be said: it would be a mistyped one.
pub(super) fn decide(
    name: &Name,
    visibility: Visibility,
    copied: &[Digest],
    facts: &Facts,
    mode: Mode,
) -> Result<Decision, Refused> {
    let (repository, before) = (name.repository(), facts.seen());
    let is_said = facts.package.is_some() || facts.said.is_some();
    if !is_said && visibility != Visibility::Private {
        return Err(Refused::NotFound("the package"));
    }
    if mode == Mode::New && is_said && before == visibility {
        return Ok(Decision::default());
    }
    let area = Area::of(&repository, visibility);
    let mut writes = Vec::new();
    if area != Area::of(&repository, before) {
        let copied: HashSet<&Digest> = copied.iter().collect();
        if mode == Mode::New && !facts.content.iter().all(|(digest, _)| copied.contains(digest)) {
            return Err(Refused::Changed("the content of the package"));
        }
        if mode == Mode::New && !facts.vanishing.is_empty() {
            return Err(Refused::BlobsUnknown(facts.vanishing.clone()));
        }
        let blob = |(digest, size): &(Digest, u64)| Write::Blob { area: area.clone(), digest: *digest, size: *size };
        writes.extend(facts.content.iter().map(blob));
        writes.push(Write::Move { repository, area });
    }
    writes.push(Write::Visible { name: name.clone(), visibility });
    if facts.package.is_some() {
        writes.push(Write::Reshow { name: name.clone() });
    }
    let body = Body::Visibility { name: name.clone(), visibility };
    Ok(Decision { body: Some(body), writes, tags: Vec::new() })
}
