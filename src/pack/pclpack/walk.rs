//! Which blob comes next: manifests in their order, each before what it names, every blob once.
//!
//! Writer and reader go the same way, so that what is written is what is read.

use std::collections::HashMap;

use super::part::blob_path;
use super::{Content, Limits, Member, PclPackError};
use crate::domain::{Descriptor, Digest, Manifest};
use crate::pack::limits::{ArchiveError, Limit};

pub(super) struct Walk {
    /// What is named and has not come, the next one last.
    due: Vec<Content>,
    /// What has come, and as what.
    come: HashMap<Digest, Content>,
    most: u64,
}

impl Walk {
    /// The way that begins with the pack's own index.
    pub fn new(pack: Content, limits: &Limits) -> Self {
        Self { due: vec![pack], come: HashMap::new(), most: limits.entries }
    }

    /// The blob that comes next. What came before under the same digest does not come again.
    pub fn next(&mut self) -> Result<Option<Content>, PclPackError> {
        while let Some(next) = self.due.pop() {
            match self.come.insert(next.digest, next) {
                None => return Ok(Some(next)),
                Some(before) if before.manifest != next.manifest => return Err(PclPackError::TwoRoles(next.digest)),
                Some(before) if before.size != next.size => {
                    let (digest, declared, found) = (next.digest, before.size, next.size);
                    return Err(PclPackError::SizeDiffers { digest, declared, found });
                }
                Some(_) => {}
            }
        }
        Ok(None)
    }

    /// Goes on with what this manifest names, which is the blob that came last.
    pub fn enter(&mut self, digest: &Digest, manifest: &Manifest) -> Result<(), PclPackError> {
        let blobs = manifest.required_blobs().map(|descriptor| content(descriptor, None));
        // OCI image index: what a media type that is not known names, is a blob like any other.
        let manifests = manifest.manifests.iter().map(|child| content(child, Member::manifest_type(&child.media_type)));
        let from = self.due.len();
        self.due.extend(manifests.chain(blobs));
        self.due[from..].reverse();
        if (self.due.len() + self.come.len()) as u64 > self.most {
            let (limit, maximum) = (Limit::Entries, self.most);
            return Err(ArchiveError::TooLarge { limit, maximum, entry: blob_path(digest) }.into());
        }
        Ok(())
    }

    /// Why a blob stands where `next` is expected.
    pub fn misplaced(&self, found: &Digest, next: Option<&Content>) -> PclPackError {
        let is_due = self.due.iter().any(|due| due.digest == *found);
        match next {
            _ if self.come.contains_key(found) => PclPackError::Twice(blob_path(found)),
            Some(next) if is_due => {
                PclPackError::Misplaced { found: blob_path(found), expected: format!("{:?}", blob_path(&next.digest)) }
            }
            _ => PclPackError::Unnamed(*found),
        }
    }
}

fn content(descriptor: &Descriptor, manifest: Option<&'static str>) -> Content {
    Content { digest: descriptor.digest, size: descriptor.size, manifest }
}
