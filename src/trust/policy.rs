//! The trust policy of an organisation: whose signatures count, how many are needed, and which do not count any more.
//!
//! `spec/trust.md`, "Policy". A [`Policy`] is checked and has one encoding, but nobody vouches for it: `succession.rs` makes a verified
//! one of it.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::json;
use super::public::{KeyId, PublicKey};
use crate::domain::{Digest, OrgName, Timestamp};

/// The format that is written and read.
pub const POLICY_FORMAT: u32 = 1;
/// Payload type of an envelope that holds a policy.
pub const POLICY_TYPE: &str = "application/vnd.pcl.policy.v1+json";
/// Largest policy that is read, in bytes: 256 KiB.
pub const POLICY_MAX: usize = 256 << 10;
/// Most keys of a policy, and most revocations.
pub const POLICY_KEYS_MAX: usize = 64;
/// Longest reason, in bytes.
const REASON_MAX: usize = 500;

/// What a key may sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyRole {
    /// The next policy.
    Policy,
    /// Artifacts.
    Publish,
}

impl KeyRole {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Publish => "publish",
        }
    }
}

/// What artifacts need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Requirement {
    /// As many signatures as the threshold says.
    Signed,
    /// None; signatures that are there are told.
    Any,
}

/// A key of a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyKey {
    /// From when on it counts.
    pub from: Timestamp,
    /// What it is called.
    pub id: KeyId,
    /// The key.
    pub public: PublicKey,
    /// What it may sign, in order and each once.
    pub roles: Vec<KeyRole>,
    /// From when on it does not count any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// A key that is not to be believed any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revoked {
    /// Which.
    pub key: KeyId,
    /// Why, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// From when on others may have had it. What a log proves to be older still counts.
    pub since: Timestamp,
}

/// How many keys are needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    /// For the next policy.
    pub policy: u32,
    /// For an artifact.
    pub publish: u32,
}

impl Threshold {
    /// For one role.
    pub fn of(self, role: KeyRole) -> u32 {
        match role {
            KeyRole::Policy => self.policy,
            KeyRole::Publish => self.publish,
        }
    }
}

/// What a policy says, before anything is checked.
// Members stand in the order of their names, as they are written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyDocument {
    /// [`POLICY_FORMAT`].
    pub format: u32,
    /// How old a registry's newest checkpoint may be, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freshness: Option<u64>,
    /// All keys that count.
    pub keys: Vec<PolicyKey>,
    /// For which organisation.
    pub org: OrgName,
    /// What its artifacts need.
    pub require: Requirement,
    /// Keys that are not to be believed, whether listed above or not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revoked: Vec<Revoked>,
    /// How many keys are needed.
    pub threshold: Threshold,
    /// Counts the policies of the organisation, from 1.
    pub version: u64,
}

/// Why a policy is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyFault {
    /// Not JSON, too long, or not of the shape.
    #[error("the policy cannot be read: {0}")]
    Malformed(String),
    /// Another format, which may mean something else.
    #[error("the policy has format {0}, this program knows {POLICY_FORMAT}\nhint: update this program")]
    OtherFormat(u64),
    /// The same could be written in another way, so that one policy would have two digests.
    #[error("the policy is not written canonically: sorted keys, no white space")]
    NotCanonical,
    /// It contradicts itself.
    #[error("the policy {0}")]
    Inconsistent(String),
}

/// A policy that keeps to the rules. Nobody vouches for it yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    document: PolicyDocument,
    bytes: Bytes,
    digest: Digest,
    /// Digests of the policies that led here, by version, this one's too.
    pub(super) lineage: BTreeMap<u64, Digest>,
}

impl Policy {
    /// Checks what a policy says.
    pub fn new(document: PolicyDocument) -> Result<Self, PolicyFault> {
        check(&document).map_err(PolicyFault::Inconsistent)?;
        let bytes: Bytes =
            serde_json::to_vec(&document).map_err(|error| PolicyFault::Malformed(error.to_string()))?.into();
        if bytes.len() > POLICY_MAX {
            return Err(PolicyFault::Malformed(format!("it has {} bytes, {POLICY_MAX} at most", bytes.len())));
        }
        let digest = Digest::sha256(&bytes);
        let lineage = BTreeMap::from([(document.version, digest)]);
        Ok(Self { document, bytes, digest, lineage })
    }

    /// Reads a policy of at most [`POLICY_MAX`] bytes: the payload of its envelope.
    pub fn parse(bytes: &[u8]) -> Result<Self, PolicyFault> {
        #[derive(Deserialize)]
        struct Format {
            format: u64,
        }
        // The format first: what another may have besides is not this one's to refuse.
        let Format { format } = json::read(bytes, POLICY_MAX).map_err(PolicyFault::Malformed)?;
        if format != u64::from(POLICY_FORMAT) {
            return Err(PolicyFault::OtherFormat(format));
        }
        let document = json::read(bytes, POLICY_MAX).map_err(PolicyFault::Malformed)?;
        let policy = Self::new(document)?;
        if policy.bytes == bytes { Ok(policy) } else { Err(PolicyFault::NotCanonical) }
    }

    /// What it says.
    pub fn document(&self) -> &PolicyDocument {
        &self.document
    }

    /// Its bytes: JSON with sorted keys and no white space.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The digest of its bytes, by which it is pinned.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The organisation.
    pub fn org(&self) -> &OrgName {
        &self.document.org
    }

    /// Which one it is, counted from 1.
    pub fn version(&self) -> u64 {
        self.document.version
    }

    /// The key with this id.
    pub fn key(&self, id: &KeyId) -> Option<&PolicyKey> {
        self.document.keys.iter().find(|key| key.id == *id)
    }

    /// The revocation of a key, if there is one.
    pub fn revocation(&self, id: &KeyId) -> Option<&Revoked> {
        self.document.revoked.iter().find(|revoked| revoked.key == *id)
    }

    /// Whether a policy with this version and digest is this one, or one that led to it.
    pub fn follows(&self, version: u64, digest: &Digest) -> bool {
        self.lineage.get(&version) == Some(digest)
    }
}

/// What contradicts itself, if anything.
fn check(document: &PolicyDocument) -> Result<(), String> {
    let PolicyDocument { format, keys, revoked, threshold, version, .. } = document;
    if *format != POLICY_FORMAT {
        return Err(format!("has format {format}, {POLICY_FORMAT} is written"));
    }
    if *version == 0 {
        return Err("has version 0: the first one has 1".to_owned());
    }
    for (what, count) in [("keys", keys.len()), ("revocations", revoked.len())] {
        if count > POLICY_KEYS_MAX {
            return Err(format!("has {count} {what}, {POLICY_KEYS_MAX} at most"));
        }
    }
    for (index, key) in keys.iter().enumerate() {
        let id = key.id;
        if key.public.id() != id {
            return Err(format!("lists the key {id} with the public key of {}", key.public.id()));
        }
        if keys[..index].iter().any(|other| other.id == id) {
            return Err(format!("lists the key {id} twice"));
        }
        if key.roles.is_empty() || !key.roles.is_sorted_by(|left, right| left < right) {
            return Err(format!("gives the key {id} no role, or roles out of order or twice"));
        }
        if key.until.is_some_and(|until| until <= key.from) {
            return Err(format!("lets the key {id} end before it begins"));
        }
    }
    for (index, Revoked { key, reason, .. }) in revoked.iter().enumerate() {
        if revoked[..index].iter().any(|other| other.key == *key) {
            return Err(format!("revokes the key {key} twice"));
        }
        let is_bad = |reason: &String| reason.len() > REASON_MAX || reason.chars().any(char::is_control);
        if reason.as_ref().is_some_and(is_bad) {
            return Err(format!(
                "has a reason for revoking {key} that is longer than {REASON_MAX} bytes or has control characters"
            ));
        }
    }
    for role in [KeyRole::Policy, KeyRole::Publish] {
        let is_revoked = |key: &PolicyKey| revoked.iter().any(|revoked| revoked.key == key.id);
        let able = keys.iter().filter(|key| key.roles.contains(&role) && !is_revoked(key)).count();
        let needed = threshold.of(role);
        // Nobody could ever meet it: for the role policy, no further policy could be signed.
        if needed == 0 || needed as usize > able {
            return Err(format!(
                "needs {needed} keys of the role {}, and has {able} that are not revoked",
                role.as_str()
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::testing::{day, document, key};

    #[test]
    fn bytes_are_canonical_and_come_back() {
        let mut document = document(1);
        document.freshness = Some(86400);
        document.revoked = vec![Revoked { key: key(9).public().id(), reason: Some("lost".to_owned()), since: day(3) }];
        let policy = Policy::new(document).unwrap();
        let value: serde_json::Value = serde_json::from_slice(policy.bytes()).unwrap();
        let sorted = |value: &serde_json::Value| {
            let names: Vec<_> = value.as_object().unwrap().keys().cloned().collect();
            assert!(names.is_sorted(), "{names:?}");
        };
        sorted(&value);
        sorted(&value["keys"][0]);
        let text = String::from_utf8(policy.bytes().to_vec()).unwrap();
        assert!(
            text.starts_with(r#"{"format":1,"freshness":86400,"keys":[{"from":"2026-01-01T12:00:00.000000Z","id":""#)
        );
        assert!(text.ends_with(r#""threshold":{"policy":1,"publish":1},"version":1}"#), "{text}");
        assert_eq!(Policy::parse(policy.bytes()).unwrap(), policy);
        assert_eq!(policy.digest(), Digest::sha256(policy.bytes()));
    }

    #[test]
    fn refuses_what_could_be_read_in_two_ways() {
        let good = String::from_utf8(Policy::new(document(1)).unwrap().bytes().to_vec()).unwrap();
        let check = |from: &str, to: &str, expected: &str| {
            let changed = good.replacen(from, to, 1);
            assert_ne!(changed, good, "{from}");
            let error = Policy::parse(changed.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        check("{", "{ ", "canonically");
        check(r#""version":1}"#, r#""version":1,"z":1}"#, "unknown field");
        check(r#""version":1}"#, r#""version":1,"version":1}"#, "duplicate");
        check(r#""format":1"#, r#""format":2"#, "format 2");
        check("12:00:00.000000Z", "12:00:00Z", "canonically");
        check(r#""publish":1"#, r#""publish":-1"#, "cannot be read");
        assert!(Policy::parse(&vec![b' '; POLICY_MAX + 1]).unwrap_err().to_string().contains("262144"));
    }

    #[test]
    fn refuses_what_contradicts_itself() {
        let check = |change: fn(&mut PolicyDocument), expected: &str| {
            let mut document = document(1);
            change(&mut document);
            let error = Policy::new(document).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        let revoked = |number| Revoked { key: key(number).public().id(), reason: None, since: day(1) };
        check(|d| d.version = 0, "version 0");
        check(|d| d.format = 2, "format 2");
        check(|d| d.keys[0].id = key(9).public().id(), "public key of");
        check(|d| d.keys.push(d.keys[0].clone()), "twice");
        check(|d| d.keys[0].roles.clear(), "no role");
        check(|d| d.keys[0].roles = vec![KeyRole::Policy; 2], "or twice");
        check(|d| d.keys[0].until = Some(d.keys[0].from), "end before");
        check(|d| d.threshold.publish = 0, "needs 0 keys");
        check(|d| d.threshold.publish = 4, "needs 4 keys of the role publish, and has 3");
        check(|d| d.threshold.policy = 3, "needs 3 keys of the role policy, and has 2");
        check(|d| d.keys = vec![d.keys[0].clone(); POLICY_KEYS_MAX + 1], "65 keys, 64 at most");
        let mut two = document(1);
        two.revoked = vec![revoked(1), revoked(1)];
        assert!(Policy::new(two).unwrap_err().to_string().contains("revokes the key"));
        let mut none_left = document(1);
        none_left.revoked = vec![revoked(1), revoked(2)];
        assert!(Policy::new(none_left).unwrap_err().to_string().contains("has 0 that are not revoked"));
        let mut long = document(1);
        long.revoked = vec![Revoked { reason: Some("\u{1b}".to_owned()), ..revoked(9) }];
        assert!(Policy::new(long).unwrap_err().to_string().contains("control characters"));
    }
}
