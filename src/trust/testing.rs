//! What the tests of this module share: keys, names and times that are always the same.

use bytes::Bytes;

use super::{
    FirstUse, KeyRole, POLICY_FORMAT, Policy, PolicyDocument, PolicyKey, Requirement, SigningKey, Threshold, Verified,
    When,
};
use crate::domain::{Digest, Repository, Timestamp};

/// The key with this number.
pub(super) fn key(number: u8) -> SigningKey {
    SigningKey::new(&[number; 32])
}

/// Noon of a day of January 2026.
pub(super) fn day(day: u32) -> Timestamp {
    format!("2026-01-{day:02}T12:00:00Z").parse().unwrap()
}

/// The repository that most is signed in.
pub(super) fn hello() -> Repository {
    "acme/hello".parse().unwrap()
}

/// The digest of the artifact that most is signed for.
pub(super) fn artifact() -> Digest {
    Digest::sha256(b"an artifact")
}

/// A policy of `acme`: keys 1 and 2 sign policies, keys 2, 3 and 4 artifacts, from the first of the month on; one of each is enough.
pub(super) fn document(version: u64) -> PolicyDocument {
    let listed = |number: u8, roles: &[KeyRole]| {
        let public = key(number).public();
        PolicyKey { from: day(1), id: public.id(), public, roles: roles.to_vec(), until: None }
    };
    PolicyDocument {
        format: POLICY_FORMAT,
        freshness: None,
        keys: vec![
            listed(1, &[KeyRole::Policy]),
            listed(2, &[KeyRole::Policy, KeyRole::Publish]),
            listed(3, &[KeyRole::Publish]),
            listed(4, &[KeyRole::Publish]),
        ],
        org: "acme".parse().unwrap(),
        require: Requirement::Signed,
        revoked: Vec::new(),
        threshold: Threshold { policy: 1, publish: 1 },
        version,
    }
}

/// The envelope of a policy, signed by the keys with these numbers.
pub(super) fn signed(document: PolicyDocument, signers: &[u8]) -> Bytes {
    let mut envelope = Policy::new(document).unwrap().envelope();
    signers.iter().for_each(|number| envelope.sign(&key(*number)));
    envelope.to_bytes()
}

/// A verified policy.
pub(super) fn verified(document: PolicyDocument) -> Verified<Policy> {
    Policy::first(&signed(document, &[1, 2]), &FirstUse::Accept, When::Claimed(day(2))).unwrap()
}
