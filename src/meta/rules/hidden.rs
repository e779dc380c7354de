//! Whether an event is for everybody.
//!
//! It is decided with the change, inside its transaction, and stands in the event: what is public when an event is written may be shown for
//! ever (`spec/log.md`), so whoever shows events never has to know what became of a name afterwards.

use crate::domain::{Area, Visibility};

use super::super::Act;
use super::Facts;

/// Whether what the act's event tells is not for everybody, as things stand after it. In doubt it is not.
pub fn is_hidden(act: &Act, facts: &Facts) -> bool {
    match act {
        // A name that is hidden by this event was public before it: the event that says so already is not.
        Act::SetVisibility { visibility, .. } => !is_public(*visibility),
        Act::SetCollection { content, .. } => !content.as_ref().is_some_and(|content| is_public(content.visibility)),
        // Nobody asks here who could find it.
        Act::DeleteCollection { .. } => true,
        // An organisation whose packages are hidden need not be known by name.
        Act::SetOrg { profile, .. } => !is_public(profile.visibility),
        Act::Accept(accept) => accept.accepted.area != Area::Public || !is_public(facts.seen()),
        Act::DeleteTag { .. }
        | Act::DeleteManifest { .. }
        | Act::DeleteBlob { .. }
        | Act::Yank { .. }
        | Act::Unyank { .. }
        | Act::Deprecate { .. }
        | Act::Undeprecate { .. }
        | Act::Pin { .. }
        | Act::Unpin { .. }
        | Act::SetOwners { .. }
        | Act::Purge { .. }
        | Act::Restore { .. } => !is_public(facts.seen()),
    }
}

fn is_public(visibility: Visibility) -> bool {
    visibility == Visibility::Public
}
