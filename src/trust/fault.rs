//! Why a signature does not count, and why an artifact is refused, in words for people.

use super::attached::ATTACHED_MAX;
use super::policy::KeyRole;
use super::public::KeyId;
use crate::domain::{Digest, OrgName, Repository, Timestamp};

/// How many faults an error names; the rest it counts.
const LISTED: usize = 10;

/// Why one signature does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It cannot be read, or is of a kind that is not verified.
    #[error("{0}")]
    Unreadable(String),
    /// There are so many that these were not looked at.
    #[error("{0} more were not looked at: there are more than {ATTACHED_MAX}")]
    TooMany(usize),
    /// No key that is known made it. With the hint of the signer, if there is one.
    #[error("none of the trusted keys made it{}", hint(.0))]
    UnknownKey(String),
    /// The key that it names did not make it: it was changed, or is somebody else's.
    #[error("the key {0} did not make it: it was changed, or somebody else made it")]
    WrongSignature(KeyId),
    /// It is for another manifest.
    #[error("{key} signed another manifest, {signed}")]
    OtherDigest {
        /// Who signed.
        key: KeyId,
        /// What.
        signed: Digest,
    },
    /// It is for another name.
    #[error("{key} signed it under another name, {signed:?}")]
    OtherName {
        /// Who signed.
        key: KeyId,
        /// Under which name.
        signed: String,
    },
    /// The key may not sign this.
    #[error("the key {key} does not have the role {}", role.as_str())]
    WrongRole {
        /// Which key.
        key: KeyId,
        /// The role that it would need.
        role: KeyRole,
    },
    /// The key did not count yet.
    #[error("the key {key} counts from {from} on, and this is of {at}")]
    NotYet {
        /// Which key.
        key: KeyId,
        /// From when on it counts.
        from: Timestamp,
        /// The time that was asked about.
        at: Timestamp,
    },
    /// The key did not count any more.
    #[error("the key {key} counted until {until}, and this is of {at}")]
    Expired {
        /// Which key.
        key: KeyId,
        /// Until when it counted.
        until: Timestamp,
        /// The time that was asked about.
        at: Timestamp,
    },
    /// The key was revoked, and the signature is not proven to be older.
    #[error("the key {key} was revoked as of {since}{}, and no log proves that this is older", because(.reason))]
    Revoked {
        /// Which key.
        key: KeyId,
        /// From when on.
        since: Timestamp,
        /// Why.
        reason: Option<String>,
    },
}

fn hint(hint: &str) -> String {
    if hint.is_empty() { String::new() } else { format!(": it names {hint:?}") }
}

fn because(reason: &Option<String>) -> String {
    reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default()
}

/// The faults, a line each below what they explain.
pub(super) fn list(faults: &[Fault]) -> String {
    let mut lines: String =
        faults.iter().take(LISTED).map(|fault| format!("\n  a signature does not count: {fault}")).collect();
    if let Some(more) = faults.len().checked_sub(LISTED).filter(|more| *more > 0) {
        lines += &format!("\n  and {more} more");
    }
    lines
}

/// Why an artifact is refused: exit code 4 of the program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nobody signed it.
    #[error(
        "{repository} at {digest} is not signed, and the policy of its organisation asks for signatures\nhint: ask its publisher to run: pclr sign {repository}@{digest}"
    )]
    Unsigned {
        /// What.
        repository: Repository,
        /// Digest of its manifest.
        digest: Digest,
    },
    /// Too few signatures count.
    #[error(
        "{repository} at {digest} has {signed} of the {needed} signatures that it needs{}\nhint: do not use it before its publisher has explained that",
        list(faults)
    )]
    TooFew {
        /// What.
        repository: Repository,
        /// Digest of its manifest.
        digest: Digest,
        /// How many keys signed and count.
        signed: usize,
        /// How many are needed.
        needed: u32,
        /// Why others do not count.
        faults: Vec<Fault>,
    },
    /// The policy is for others.
    #[error("{repository} does not belong to {org}, whose policy this is")]
    OtherOrganisation {
        /// What.
        repository: Repository,
        /// Whose policy it is.
        org: OrgName,
    },
    /// Somebody else signed it than before, and the organisation did not say so.
    #[error(
        "{repository} was signed by {before} when it was locked, now by {now}, and no policy that follows the locked one announces that\nhint: ask its publisher; if the change is right, remove the signer from the lock and install again"
    )]
    SignerChanged {
        /// What.
        repository: Repository,
        /// Who signed before, in words.
        before: String,
        /// Who signs now, in words.
        now: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_stays_short() {
        let faults = vec![Fault::Unreadable("junk".to_owned()); LISTED + 5];
        let text = list(&faults);
        assert_eq!(text.lines().count(), 1 + LISTED + 1);
        assert!(text.ends_with("\n  and 5 more"), "{text}");
        assert!(list(&faults[..LISTED]).ends_with("junk"));
        assert_eq!(list(&[]), "");
    }
}
