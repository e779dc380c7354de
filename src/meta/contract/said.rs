//! What collections and organisations are told to say in a world.

use std::sync::{Arc, PoisonError};

use crate::domain::{Collection, Digest, Profile};

use super::super::{Act, Outcome, Seen};
use super::{Failure, World};

impl World {
    /// Lets a collection say something.
    pub async fn collect(&self, name: &str, content: &Collection, seen: Seen) -> Result<Outcome, Failure> {
        let (bytes, content) = (content.to_bytes(), Arc::new(content.clone()));
        let (name, document, size) = (name.parse()?, Digest::sha256(&bytes), bytes.len() as u64);
        self.documents.lock().unwrap_or_else(PoisonError::into_inner).insert(document, content.clone());
        self.act(Act::SetCollection { name, document, size, content: Some(content), seen }).await
    }

    /// Lets an organisation say something of itself.
    pub async fn say(&self, org: &str, profile: &Profile, seen: Seen) -> Result<Outcome, Failure> {
        let (bytes, profile) = (profile.to_bytes(), Arc::new(profile.clone()));
        let (org, document, size) = (org.parse()?, Digest::sha256(&bytes), bytes.len() as u64);
        self.profiles.lock().unwrap_or_else(PoisonError::into_inner).insert(document, profile.clone());
        self.act(Act::SetOrg { org, document, size, profile, seen }).await
    }
}
