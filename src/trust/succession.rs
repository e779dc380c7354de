//! From one policy to the next: who must have signed it, and how the first one is trusted.
//!
//! `spec/trust.md`, "Succession", after The Update Framework's rotation of its root: a new policy is signed by enough keys of the one
//! before it and by enough of its own, and no version is left out.

use std::collections::BTreeSet;

use super::Verified;
use super::envelope::{Envelope, EnvelopeError};
use super::fault::{Fault, list};
use super::json;
use super::policy::{KeyRole, POLICY_TYPE, Policy, PolicyFault};
use super::public::KeyId;
use super::verify::{When, stands};
use crate::domain::{Digest, OrgName};

/// Why an organisation's first policy is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FirstUse {
    /// Because it is the first: whoever answered is trusted this once.
    Accept,
    /// Because it has this digest, which came by another way, or is remembered.
    Pinned(Digest),
    /// Because all of these keys signed it, which came by another way.
    SignedBy(BTreeSet<KeyId>),
}

/// Why a policy is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SuccessionError {
    /// It is in no envelope.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// The envelope holds something else.
    #[error("the envelope holds a {0:?}, no policy")]
    OtherPayload(String),
    /// It is no policy.
    #[error(transparent)]
    Policy(#[from] PolicyFault),
    /// It is another organisation's.
    #[error("the policy is of {found}, not of {expected}")]
    OtherOrganisation {
        /// Whose was expected.
        expected: OrgName,
        /// Whose it is.
        found: OrgName,
    },
    /// It is older than the one that is known: a registry was set back, or somebody offers an old one.
    #[error(
        "the policy of {org} has version {offered}, and version {known} is known already\nhint: the registry may have been set back; ask {org} which policy is theirs"
    )]
    Older {
        /// Whose.
        org: OrgName,
        /// The version that is known.
        known: u64,
        /// The version that is offered.
        offered: u64,
    },
    /// Two policies of one version.
    #[error(
        "there are two policies of {org} with version {version}: {known} is known, {offered} is offered\nhint: somebody signs policies twice; ask {org} which policy is theirs"
    )]
    Fork {
        /// Whose.
        org: OrgName,
        /// Which version.
        version: u64,
        /// Digest of the one that is known.
        known: Box<Digest>,
        /// Digest of the one that is offered.
        offered: Box<Digest>,
    },
    /// A version between the two is missing.
    #[error("the policy of {org} has version {offered}, after {known} comes {}\nhint: get the policies between them, too", known + 1)]
    Gap {
        /// Whose.
        org: OrgName,
        /// The version that is known.
        known: u64,
        /// The version that is offered.
        offered: u64,
    },
    /// Too few keys signed it.
    #[error(
        "the policy of {org}, version {version}, is signed by {} of the {needed} keys that {whose} asks for{}\nhint: have it signed with: pclr policy sign",
        signed.len(), list(faults)
    )]
    TooFew {
        /// Whose.
        org: OrgName,
        /// Which version.
        version: u64,
        /// Which policy asks for them: this one, or the one before.
        whose: &'static str,
        /// How many are needed.
        needed: u32,
        /// Who signed and counts.
        signed: BTreeSet<KeyId>,
        /// Who signed and does not count.
        faults: Vec<Fault>,
    },
    /// It is not the first policy that was pinned.
    #[error("the policy of {org} is {found}, and {pinned} is pinned\nhint: ask {org} which policy is theirs")]
    NotPinned {
        /// Whose.
        org: OrgName,
        /// What is pinned.
        pinned: String,
        /// What it is.
        found: String,
    },
}

impl Policy {
    /// An envelope to sign it in.
    pub fn envelope(&self) -> Envelope {
        Envelope::unsigned(POLICY_TYPE, self.bytes().clone())
    }

    /// Reads the policy in an envelope, and believes nothing of it: to show it, and to see which organisation's and version it is.
    pub fn unverified(envelope: &[u8]) -> Result<(Self, Envelope), SuccessionError> {
        let envelope = Envelope::parse(envelope)?;
        if envelope.payload_type != POLICY_TYPE {
            return Err(SuccessionError::OtherPayload(json::shortened(&envelope.payload_type)));
        }
        Ok((Self::parse(&envelope.payload)?, envelope))
    }

    /// The first policy of an organisation that one sees. It is signed by enough of its own keys in any case.
    pub fn first(envelope: &[u8], trust: &FirstUse, when: When) -> Result<Verified<Self>, SuccessionError> {
        let (policy, envelope) = Self::unverified(envelope)?;
        let not_pinned = |pinned: String, found: String| {
            Err(SuccessionError::NotPinned { org: policy.org().clone(), pinned, found })
        };
        match trust {
            FirstUse::Accept => {}
            FirstUse::Pinned(digest) if *digest == policy.digest() => {}
            FirstUse::Pinned(digest) => return not_pinned(digest.to_string(), policy.digest().to_string()),
            // Signed by all of none would be signed by anybody.
            FirstUse::SignedBy(keys) if keys.is_empty() => {
                return not_pinned("a set of no keys".to_owned(), policy.digest().to_string());
            }
            FirstUse::SignedBy(keys) => {
                let has_signed = |id: &&KeyId| policy.key(id).is_some_and(|key| envelope.is_signed_by(&key.public));
                if let Some(absent) = keys.iter().find(|id| !has_signed(id)) {
                    return not_pinned(format!("the key {absent}"), "not signed by it".to_owned());
                }
            }
        }
        policy.signed_enough(&policy, &envelope, when, "it")?;
        Ok(Verified(policy))
    }

    /// The policy that comes after `previous`. `when` is the time at which it was published.
    pub fn successor(
        previous: &Verified<Self>,
        envelope: &[u8],
        when: When,
    ) -> Result<Verified<Self>, SuccessionError> {
        let (mut policy, envelope) = Self::unverified(envelope)?;
        let org = policy.org().clone();
        if org != *previous.org() {
            return Err(SuccessionError::OtherOrganisation { expected: previous.org().clone(), found: org });
        }
        let (known, offered) = (previous.version(), policy.version());
        if offered == known && policy.digest() != previous.digest() {
            let (known, offered) = (Box::new(previous.digest()), Box::new(policy.digest()));
            return Err(SuccessionError::Fork { org, version: policy.version(), known, offered });
        }
        if offered <= known {
            return Err(SuccessionError::Older { org, known, offered });
        }
        // TUF 5.3, "Update the root role": exactly the next, so that nobody jumps to the end of the numbers.
        if offered - known != 1 {
            return Err(SuccessionError::Gap { org, known, offered });
        }
        previous.signed_enough(&policy, &envelope, when, "the one before")?;
        policy.signed_enough(&policy, &envelope, when, "it")?;
        policy.lineage.extend(previous.lineage.iter().map(|(version, digest)| (*version, *digest)));
        Ok(Verified(policy))
    }

    /// Whether as many of this policy's keys as it asks for signed the envelope of `signed`.
    fn signed_enough(
        &self,
        signed: &Self,
        envelope: &Envelope,
        when: When,
        whose: &'static str,
    ) -> Result<(), SuccessionError> {
        let (mut counted, mut faults) = (BTreeSet::new(), Vec::new());
        for key in &self.document().keys {
            if !key.roles.contains(&KeyRole::Policy) || !envelope.is_signed_by(&key.public) {
                continue;
            }
            match stands(self, key, KeyRole::Policy, when) {
                Ok(()) => _ = counted.insert(key.id),
                Err(fault) => faults.push(fault),
            }
        }
        let needed = self.document().threshold.of(KeyRole::Policy);
        if counted.len() >= needed as usize {
            return Ok(());
        }
        let (org, version) = (signed.org().clone(), signed.version());
        Err(SuccessionError::TooFew { org, version, whose, needed, signed: counted, faults })
    }
}
