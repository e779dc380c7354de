//! `pcl/resolved.json`: of each release what it needs, and which release was chosen for it.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::PclPackError;
use super::part::RESOLVED;
use crate::domain::{Digest, Name, Range, Version};

/// The form of the document that is written and read here.
const SCHEMA: u32 = 1;

/// What one release needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Needs {
    /// The package.
    pub name: Name,
    /// The release of it.
    pub version: Version,
    /// In the order in which it says so.
    pub needs: Vec<Need>,
}

/// A package that is needed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Need {
    /// The package.
    pub name: Name,
    /// Which of its versions will do.
    pub range: Range,
    /// The release that was chosen; `None` where there was none: a gap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<Found>,
}

/// The release that was chosen for a need. In the pack, or, of a pack of news, what its reader has already.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// Which.
    pub version: Version,
    /// Its manifest.
    pub digest: Digest,
}

#[derive(Serialize)]
struct Written<'a> {
    schema: u32,
    members: &'a [Needs],
}

#[derive(Deserialize)]
struct Read {
    schema: u32,
    members: Vec<Needs>,
}

pub(super) fn write_resolved(members: &[Needs]) -> Result<Bytes, PclPackError> {
    serde_json::to_vec(&Written { schema: SCHEMA, members }).map(Bytes::from).map_err(|error| unread(&error))
}

pub(super) fn read_resolved(bytes: &[u8]) -> Result<Vec<Needs>, PclPackError> {
    // A derived reader would take an array for a struct.
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
        return Err(unread(&"it is not a JSON object"));
    }
    let read: Read = serde_json::from_slice(bytes).map_err(|error| unread(&error))?;
    if read.schema == SCHEMA { Ok(read.members) } else { Err(unread(&format!("its schema is {}", read.schema))) }
}

fn unread(why: &dyn ToString) -> PclPackError {
    PclPackError::Document { entry: RESOLVED, why: why.to_string() }
}
