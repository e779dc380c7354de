//! A signature that hangs on an artifact, in either form, or the reason why it cannot be read.

use bytes::Bytes;

use super::bundle::Bundle;
use super::fault::Fault;
use super::policy::PolicyKey;
use super::public::{KeyId, PublicKey};
use super::simple::SimpleSignature;
use super::statement::Statement;
use super::{BundleError, json};
use crate::domain::{Descriptor, Digest, Repository};

/// Most signatures of one artifact that are looked at: anybody may attach some, and each costs work.
pub const ATTACHED_MAX: usize = 1000;

/// One signature as it was found. Anybody may attach one, so one that cannot be read must not hinder those beside it: reading never
/// fails, and what is wrong is told when it is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attached {
    /// A Sigstore bundle.
    Bundle(Bundle),
    /// A payload of simple signing.
    Simple(SimpleSignature),
    /// What cannot be read, and why.
    Unreadable(String),
}

impl Attached {
    /// Reads a bundle.
    pub fn bundle(bytes: &[u8]) -> Self {
        let unreadable = |error: BundleError| Self::Unreadable(first_line(&error.to_string()));
        Bundle::parse(bytes).map_or_else(unreadable, Self::Bundle)
    }

    /// Reads a layer of an image with simple signatures, with its content.
    pub fn simple(layer: &Descriptor, payload: Bytes) -> Self {
        SimpleSignature::read(layer, payload)
            .map_or_else(|error| Self::Unreadable(first_line(&error.to_string())), Self::Simple)
    }

    /// Which of `keys` signed, if that is for this manifest in this repository.
    pub(super) fn signer<'a>(
        &self,
        digest: &Digest,
        repository: &Repository,
        keys: impl Iterator<Item = Candidate<'a>>,
    ) -> Result<KeyId, Fault> {
        match self {
            Self::Unreadable(why) => Err(Fault::Unreadable(why.clone())),
            Self::Bundle(bundle) => {
                let key = made_by(keys, &bundle.hint, |key| bundle.envelope().is_signed_by(key))?;
                let statement = Statement::parse(&bundle.envelope().payload);
                let Statement { name, digest: signed } =
                    statement.map_err(|error| Fault::Unreadable(first_line(&error.to_string())))?;
                if signed != *digest {
                    return Err(Fault::OtherDigest { key, signed });
                }
                match name.filter(|name| name != repository.as_str()) {
                    Some(name) => Err(Fault::OtherName { key, signed: json::shortened(&name) }),
                    None => Ok(key),
                }
            }
            Self::Simple(simple) => {
                let key = made_by(keys, "", |key| simple.is_signed_by(key))?;
                if simple.digest() != *digest {
                    return Err(Fault::OtherDigest { key, signed: simple.digest() });
                }
                if !simple.is_for(repository) {
                    return Err(Fault::OtherName { key, signed: json::shortened(simple.reference()) });
                }
                Ok(key)
            }
        }
    }
}

/// A key that may have signed.
#[derive(Clone, Copy)]
pub(super) struct Candidate<'a> {
    pub(super) id: KeyId,
    pub(super) public: &'a PublicKey,
}

impl<'a> From<&'a PolicyKey> for Candidate<'a> {
    fn from(key: &'a PolicyKey) -> Self {
        Self { id: key.id, public: &key.public }
    }
}

/// Which key made a signature. The hint is not signed: it can lead to a refusal, never to a key that did not sign.
fn made_by<'a>(
    mut keys: impl Iterator<Item = Candidate<'a>>,
    hint: &str,
    is_signed_by: impl Fn(&PublicKey) -> bool,
) -> Result<KeyId, Fault> {
    match hint.parse::<KeyId>() {
        Ok(id) => match keys.find(|key| key.id == id) {
            Some(key) if is_signed_by(key.public) => Ok(id),
            Some(_) => Err(Fault::WrongSignature(id)),
            None => Err(Fault::UnknownKey(hint.to_owned())),
        },
        // Hints of other tools have other forms, and simple signatures none.
        Err(_) => {
            let made = keys.find(|key| is_signed_by(key.public));
            made.map(|key| key.id).ok_or_else(|| Fault::UnknownKey(json::shortened(hint)))
        }
    }
}

/// Hints are for whoever reads one file, not for a line among several.
fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}
