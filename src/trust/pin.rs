//! The signer that a project's lock remembers, so that another one does not come in unseen.
//!
//! `spec/trust.md`, "Pins".

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Verified;
use super::fault::Refusal;
use super::policy::Policy;
use super::public::KeyId;
use super::verify::Signers;
use crate::domain::{Digest, Repository};

/// Who signed what was locked, and under which policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// The keys that counted.
    pub keys: BTreeSet<KeyId>,
    /// The policy that they counted under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PinnedPolicy>,
}

/// A policy, by version and digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PinnedPolicy {
    /// Digest of its bytes.
    pub digest: Digest,
    /// Its version.
    pub version: u64,
}

impl Pin {
    /// What to remember of an artifact that was verified.
    pub fn new(signers: &Verified<Signers>, policy: Option<&Verified<Policy>>) -> Self {
        let pinned = |policy: &Verified<Policy>| PinnedPolicy { digest: policy.digest(), version: policy.version() };
        Self { keys: signers.keys.clone(), policy: policy.map(pinned) }
    }

    /// Whether `signers` of another version, or of the same one read again, may stand where this pin is.
    ///
    /// The same keys may, or fewer, as long as there are any. Others may if the policy that they were verified under is the pinned one or
    /// follows it: then the organisation announced them.
    pub fn admits(
        &self,
        repository: &Repository,
        signers: &Verified<Signers>,
        policy: Option<&Verified<Policy>>,
    ) -> Result<(), Refusal> {
        let refused = || Refusal::SignerChanged {
            repository: repository.clone(),
            before: named(&self.keys),
            now: named(&signers.keys),
        };
        if signers.keys.is_empty() {
            return if self.keys.is_empty() { Ok(()) } else { Err(refused()) };
        }
        if signers.keys.is_subset(&self.keys) {
            return Ok(());
        }
        let follows =
            |pinned: &PinnedPolicy| policy.is_some_and(|policy| policy.follows(pinned.version, &pinned.digest));
        match &self.policy {
            Some(pinned) => follows(pinned).then_some(()).ok_or_else(refused),
            // Nothing was signed, and nothing promised: a signature is no less than before.
            None if self.keys.is_empty() => Ok(()),
            None => Err(refused()),
        }
    }
}

fn named(keys: &BTreeSet<KeyId>) -> String {
    match keys.iter().map(KeyId::to_string).collect::<Vec<_>>() {
        keys if keys.is_empty() => "nobody".to_owned(),
        keys => keys.join(", "),
    }
}
