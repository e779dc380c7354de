//! Whether an artifact is signed by those whom its organisation trusts.
//!
//! `spec/trust.md`, "Verification". The caller brings the signatures that it found, the policy, and the time that the artifact was
//! published at.

use std::collections::BTreeSet;

use super::Verified;
use super::attached::{Attached, Candidate};
use super::fault::{Fault, Refusal};
use super::policy::{KeyRole, Policy, PolicyKey, Requirement};
use super::public::{KeyId, PublicKey};
use crate::domain::{Digest, Repository, Timestamp};

/// The time at which something was published, and what it is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// The time of an event that a transparency log has, whose proof was checked.
    Proven(Timestamp),
    /// What somebody says, or the clock of this machine.
    Claimed(Timestamp),
}

impl When {
    /// The time, whatever it is worth.
    pub fn time(self) -> Timestamp {
        match self {
            Self::Proven(time) | Self::Claimed(time) => time,
        }
    }
}

/// Who signed an artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signers {
    /// The keys that count. None only where the policy asks for none.
    pub keys: BTreeSet<KeyId>,
    /// Why other signatures do not count.
    pub faults: Vec<Fault>,
}

/// Verifies that enough keys of the policy signed this manifest for this repository.
///
/// Each key counts once, however often it signed. Signatures that do not count do no harm beside those that do.
pub fn verify_artifact(
    digest: &Digest,
    repository: &Repository,
    signatures: &[Attached],
    policy: &Verified<Policy>,
    when: When,
) -> Result<Verified<Signers>, Refusal> {
    if repository.org() != policy.org().as_str() {
        return Err(Refusal::OtherOrganisation { repository: repository.clone(), org: policy.org().clone() });
    }
    let document = policy.document();
    let (mut keys, mut faults) = (BTreeSet::new(), Vec::new());
    for signature in signatures {
        let signer = signature.signer(digest, repository, document.keys.iter().map(Candidate::from));
        let counted = signer.and_then(|id| match policy.key(&id) {
            Some(key) => stands(policy, key, KeyRole::Publish, when).map(|()| id),
            None => Err(Fault::UnknownKey(id.to_string())),
        });
        match counted {
            Ok(id) => _ = keys.insert(id),
            Err(fault) => faults.push(fault),
        }
    }
    let needed = document.threshold.of(KeyRole::Publish);
    if keys.len() >= needed as usize {
        return Ok(Verified(Signers { keys, faults }));
    }
    match document.require {
        // Fewer than are needed are as good as none.
        Requirement::Any => Ok(Verified(Signers { keys: BTreeSet::new(), faults })),
        Requirement::Signed => Err(refusal(digest, repository, signatures, keys.len(), needed, faults)),
    }
}

/// Verifies that one of these keys signed this manifest for this repository, where there is no policy: its keys came by another way.
pub fn verify_by_keys(
    digest: &Digest,
    repository: &Repository,
    signatures: &[Attached],
    trusted: &[PublicKey],
) -> Result<Verified<Signers>, Refusal> {
    let candidates: Vec<_> = trusted.iter().map(|public| Candidate { id: public.id(), public }).collect();
    let (mut keys, mut faults) = (BTreeSet::new(), Vec::new());
    for signature in signatures {
        match signature.signer(digest, repository, candidates.iter().copied()) {
            Ok(id) => _ = keys.insert(id),
            Err(fault) => faults.push(fault),
        }
    }
    if keys.is_empty() {
        return Err(refusal(digest, repository, signatures, 0, 1, faults));
    }
    Ok(Verified(Signers { keys, faults }))
}

fn refusal(
    digest: &Digest,
    repository: &Repository,
    signatures: &[Attached],
    signed: usize,
    needed: u32,
    faults: Vec<Fault>,
) -> Refusal {
    let (digest, repository) = (*digest, repository.clone());
    if signatures.is_empty() {
        return Refusal::Unsigned { repository, digest };
    }
    Refusal::TooFew { repository, digest, signed, needed, faults }
}

/// Whether a signature by this key counts: it has the role, counts at that time and is not revoked.
///
/// Whoever stole a key can claim any time. So a key that was revoked counts only for what a log proves to be older.
pub(super) fn stands(policy: &Policy, key: &PolicyKey, role: KeyRole, when: When) -> Result<(), Fault> {
    let (id, at) = (key.id, when.time());
    if !key.roles.contains(&role) {
        return Err(Fault::WrongRole { key: id, role });
    }
    if at < key.from {
        return Err(Fault::NotYet { key: id, from: key.from, at });
    }
    if let Some(until) = key.until.filter(|until| at >= *until) {
        return Err(Fault::Expired { key: id, until, at });
    }
    match policy.revocation(&id) {
        Some(revoked) if !matches!(when, When::Proven(at) if at < revoked.since) => {
            Err(Fault::Revoked { key: id, since: revoked.since, reason: revoked.reason.clone() })
        }
        _ => Ok(()),
    }
}
