//! Why a text is no address of a store, and what to write instead.

use std::fmt;

use super::{Cloud, STORE_ADDRESSES};

/// Why a text is no address of a store. The text is not repeated where it may hold a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreAddressError {
    /// No scheme that is known.
    #[error("{0} is not a store\nhint: expected {STORE_ADDRESSES}")]
    Unknown(Quoted),
    /// A user or a password, or what looks like one.
    #[error("the address of the store holds a user or a password\nhint: {}", .0.credentials())]
    Userinfo(Source),
    /// An option whose name says that it is a credential.
    #[error("{name} has no place in the address of a store\nhint: {}", .source_of.credentials())]
    Credential {
        /// Its name.
        name: String,
        /// Where it belongs.
        source_of: Source,
    },
    /// The name of the bucket.
    #[error(
        "the name of a {what} has 3 to 222 letters a-z, digits, '-', '_' and '.', and begins with a letter or digit\nhint: write {example}"
    )]
    Bucket {
        /// `bucket` or `container`.
        what: &'static str,
        /// A good one.
        example: &'static str,
    },
    /// The prefix.
    #[error(
        "the prefix {prefix:?} of the store cannot be used: {why}\nhint: use names of letters, digits, '-', '_' and '.' between single slashes"
    )]
    Prefix {
        /// As it was written.
        prefix: String,
        /// What is wrong.
        why: &'static str,
    },
    /// An option that this sort of store does not have.
    #[error("{scheme}:// has no option {name}\nhint: its options are {known}")]
    Option {
        /// Of which sort.
        scheme: &'static str,
        /// As it was written, if it can be repeated.
        name: String,
        /// What there is.
        known: String,
    },
    /// An option that is there twice.
    #[error("the option {0} of the store is there twice\nhint: leave one of them out")]
    Twice(&'static str),
    /// A value that cannot be understood.
    #[error("the option {name} of the store cannot be used: {why}\nhint: {hint}")]
    Value {
        /// Which.
        name: &'static str,
        /// What is wrong.
        why: &'static str,
        /// What to write.
        hint: &'static str,
    },
    /// `file:` or `memory:` with more or less than belongs there.
    #[error("{0}\nhint: write file:PATH for a folder, memory: for a store that is gone with the process")]
    Local(&'static str),
}

/// A text as far as it can be repeated: a scheme, or all of it where there is nothing that could be a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quoted(pub(super) String);

impl fmt::Display for Quoted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

/// Where credentials come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source(pub(super) Cloud);

impl Source {
    pub(super) const fn credentials(self) -> &'static str {
        match self.0 {
            Cloud::S3 => {
                "credentials come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or from the role of the machine"
            }
            Cloud::Gcs => {
                "credentials come from GOOGLE_APPLICATION_CREDENTIALS or GOOGLE_SERVICE_ACCOUNT, or from the machine"
            }
            Cloud::Azure => {
                "credentials come from AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY, or from the machine's identity"
            }
        }
    }
}
