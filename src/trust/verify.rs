//! Whether an artifact is signed by those whom its organisation trusts.
//!
//! `spec/trust.md`, "Verification". The caller brings the signatures that it found, the policy, and the time that the artifact was
//! published at.

use std::collections::BTreeSet;

use super::Verified;
use super::attached::{ATTACHED_MAX, Attached, Candidate};
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
/// Each key counts once, however often it signed. Signatures that do not count do no harm beside those that do; of more than
/// [`ATTACHED_MAX`], the first are looked at.
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
    let signers = count(signatures, |signature| {
        let id = signature.signer(digest, repository, document.keys.iter().map(Candidate::from))?;
        let key = policy.key(&id).ok_or_else(|| Fault::UnknownKey(id.to_string()))?;
        stands(policy, key, KeyRole::Publish, when).map(|()| id)
    });
    let needed = document.threshold.of(KeyRole::Publish);
    if signers.keys.len() >= needed as usize {
        return Ok(Verified(signers));
    }
    match document.require {
        // Fewer than are needed are as good as none.
        Requirement::Any => Ok(Verified(Signers { keys: BTreeSet::new(), ..signers })),
        Requirement::Signed => Err(refusal(digest, repository, signatures, needed, signers)),
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
    let signers = count(signatures, |signature| signature.signer(digest, repository, candidates.iter().copied()));
    if signers.keys.is_empty() {
        return Err(refusal(digest, repository, signatures, 1, signers));
    }
    Ok(Verified(signers))
}

/// Sorts signatures into those that count and those that do not.
fn count(signatures: &[Attached], counted: impl Fn(&Attached) -> Result<KeyId, Fault>) -> Signers {
    let (mut keys, mut faults) = (BTreeSet::new(), Vec::new());
    for signature in signatures.iter().take(ATTACHED_MAX) {
        match counted(signature) {
            Ok(id) => _ = keys.insert(id),
            Err(fault) => faults.push(fault),
        }
    }
    match signatures.len().saturating_sub(ATTACHED_MAX) {
        0 => {}
        more => faults.push(Fault::TooMany(more)),
    }
    Signers { keys, faults }
}

fn refusal(
    digest: &Digest,
    repository: &Repository,
    signatures: &[Attached],
    needed: u32,
    signers: Signers,
) -> Refusal {
    let (digest, repository) = (*digest, repository.clone());
    if signatures.is_empty() {
        return Refusal::Unsigned { repository, digest };
    }
    let Signers { keys, faults } = signers;
    Refusal::TooFew { repository, digest, signed: keys.len(), needed, faults }
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
