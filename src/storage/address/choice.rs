//! Which options each sort of bucket has, and which values make sense.

use object_store::signer::Url;

use super::StoreAddressError;

/// What can be said of a bucket besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::storage) enum Choice {
    /// Where the server is, where it is not the cloud's own.
    Endpoint,
    /// The region of the bucket.
    Region,
    /// Whether the bucket stands in the path of a request instead of its host: `true` unless said otherwise.
    PathStyle,
    /// Nothing is signed.
    Anonymous,
    /// The key that the cloud encrypts new objects with: its name, not the key.
    KmsKey,
    /// Whose container it is.
    Account,
    /// The server is Azurite.
    Emulator,
}

/// The sorts of stores that are buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cloud {
    S3,
    Gcs,
    Azure,
}

impl Cloud {
    pub(super) const ALL: [Self; 3] = [Self::S3, Self::Gcs, Self::Azure];

    pub(super) const fn scheme(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Gcs => "gs",
            Self::Azure => "az",
        }
    }

    pub(super) const fn choices(self) -> &'static [Choice] {
        use Choice as C;
        match self {
            Self::S3 => &[C::Endpoint, C::Region, C::PathStyle, C::Anonymous, C::KmsKey],
            Self::Gcs => &[C::Endpoint, C::Anonymous],
            Self::Azure => &[C::Account, C::Endpoint, C::Emulator, C::Anonymous],
        }
    }

    pub(super) const fn bad_name(self) -> StoreAddressError {
        match self {
            Self::S3 => StoreAddressError::Bucket { what: "bucket", example: "s3://my-bucket/registry" },
            Self::Gcs => StoreAddressError::Bucket { what: "bucket", example: "gs://my-bucket/registry" },
            Self::Azure => StoreAddressError::Bucket { what: "container", example: "az://my-container/registry" },
        }
    }
}

impl Choice {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Endpoint => "endpoint",
            Self::Region => "region",
            Self::PathStyle => "path-style",
            Self::Anonymous => "anonymous",
            Self::KmsKey => "kms-key",
            Self::Account => "account",
            Self::Emulator => "emulator",
        }
    }

    /// Whether a value makes sense.
    pub(super) fn check(self, value: &str) -> Result<(), StoreAddressError> {
        let refuse = |why, hint| Err(StoreAddressError::Value { name: self.name(), why, hint });
        let plain = |signs: &str| {
            !value.is_empty() && value.chars().all(|sign| sign.is_ascii_alphanumeric() || signs.contains(sign))
        };
        match self {
            Self::Endpoint => match check_endpoint(value) {
                Ok(()) => Ok(()),
                Err(why) => refuse(why, "write endpoint=https://HOST:PORT, without user, password and query"),
            },
            Self::PathStyle | Self::Anonymous | Self::Emulator if !matches!(value, "true" | "false") => {
                refuse("it is neither true nor false", "write true or false")
            }
            Self::Region if !plain("-") => refuse("it is no name of a region", "write it as in region=eu-central-1"),
            Self::KmsKey if !plain("-_:/.") => refuse("it is no name of a key", "write the key's id or ARN"),
            Self::Account if !plain("") => refuse("it is no name of an account", "write it as in account=mystorage"),
            _ => Ok(()),
        }
    }
}

fn check_endpoint(value: &str) -> Result<(), &'static str> {
    let url = Url::parse(value).map_err(|_| "it is no address of a server")?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err("it does not begin with http:// or https:// and a host");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it holds a user or a password");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("it has a query or a fragment");
    }
    Ok(())
}
