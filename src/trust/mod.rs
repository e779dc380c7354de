//! Who vouches for what: keys, signatures and their envelopes, an organisation's policy, and the verification of all three.
//!
//! `spec/signature.md` and `spec/trust.md`. Pure: bytes come from the caller, and so do times and random bits. What was verified is
//! a [`Verified`] value, which nothing outside this module can make. Knows nothing of where keys lie, of stores or of networks.

mod attach;
mod attached;
mod bundle;
mod envelope;
mod fault;
mod json;
mod key;
mod pin;
mod policy;
mod public;
mod simple;
mod statement;
mod succession;
#[cfg(test)]
mod testing;
mod verify;
#[cfg(test)]
mod verify_tests;

pub use attach::{
    AttachError, BUNDLE_CONTENT_ANNOTATION, BUNDLE_PREDICATE_ANNOTATION, LAYERS_MAX, SignatureImage, bundle_layer,
    referrer, signature_image, signature_tag, simple_layers,
};
pub use attached::{ATTACHED_MAX, Attached};
pub use bundle::{BUNDLE_MAX, BUNDLE_TYPE, Bundle, BundleError};
pub use envelope::{ENVELOPE_MAX, Envelope, EnvelopeError, SIGNATURES_MAX, Signature, pae};
pub use fault::{Fault, Refusal};
pub use key::{KEY_MAX, KeyError, SigningKey};
pub use pin::{Pin, PinnedPolicy};
pub use policy::{
    KeyRole, POLICY_FORMAT, POLICY_KEYS_MAX, POLICY_MAX, POLICY_TYPE, Policy, PolicyDocument, PolicyFault, PolicyKey,
    Requirement, Revoked, Threshold,
};
pub use public::{KeyId, KeyIdError, PublicKey};
pub use simple::{PAYLOAD_MAX, SIGNATURE_ANNOTATION, SIMPLE_SIGNING_TYPE, SimpleError, SimpleSignature};
pub use statement::{PREDICATE_TYPE, STATEMENT_MAX, STATEMENT_TYPE, Statement, StatementError};
pub use succession::{FirstUse, SuccessionError};
pub use verify::{Signers, When, verify_artifact, verify_by_keys};

/// A value whose signatures were verified. Only the functions of this module make one, so that whoever takes it need not ask again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified<T>(T);

impl<T> Verified<T> {
    /// The value, without the proof.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> std::ops::Deref for Verified<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}
