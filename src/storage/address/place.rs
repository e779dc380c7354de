//! [`StoreAddress`]: which sort of store, and where.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::error::Quoted;
use super::{Bucket, Cloud, Source, StoreAddressError};

/// Where a store lies. Shown without its options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreAddress {
    /// A folder.
    Disk(PathBuf),
    /// The memory of the process: gone with it.
    Memory,
    /// Amazon S3, or a server that speaks its protocol.
    S3(Bucket),
    /// Google Cloud Storage.
    Gcs(Bucket),
    /// A container of Azure Blob Storage.
    Azure(Bucket),
}

impl StoreAddress {
    /// The bucket, where it is one.
    pub const fn bucket(&self) -> Option<&Bucket> {
        match self {
            Self::S3(bucket) | Self::Gcs(bucket) | Self::Azure(bucket) => Some(bucket),
            Self::Disk(_) | Self::Memory => None,
        }
    }

    /// Where credentials for it come from, to be said where they are refused; nothing where it needs none.
    pub(in crate::storage) const fn credentials(&self) -> Option<&'static str> {
        match self {
            Self::S3(_) => Some(Source(Cloud::S3).credentials()),
            Self::Gcs(_) => Some(Source(Cloud::Gcs).credentials()),
            Self::Azure(_) => Some(Source(Cloud::Azure).credentials()),
            Self::Disk(_) | Self::Memory => None,
        }
    }
}

impl FromStr for StoreAddress {
    type Err = StoreAddressError;

    fn from_str(text: &str) -> Result<Self, StoreAddressError> {
        if let Some(path) = text.strip_prefix("file:") {
            return disk(path);
        }
        if text == "memory:" {
            return Ok(Self::Memory);
        }
        if text.starts_with("memory:") {
            return Err(StoreAddressError::Local("nothing follows memory:"));
        }
        let (scheme, rest) = text.split_once("://").unwrap_or_default();
        match Cloud::ALL.into_iter().find(|cloud| cloud.scheme() == scheme) {
            Some(cloud) => {
                let bucket = Bucket::parse(cloud, text, rest)?;
                Ok(match cloud {
                    Cloud::S3 => Self::S3(bucket),
                    Cloud::Gcs => Self::Gcs(bucket),
                    Cloud::Azure => Self::Azure(bucket),
                })
            }
            None => Err(StoreAddressError::Unknown(Quoted(quotable(text)))),
        }
    }
}

/// What of a text that is no address can be repeated.
fn quotable(text: &str) -> String {
    match text.split_once(':') {
        Some((scheme, _)) if text.contains(['@', '?', '=']) => format!("{scheme}:…"),
        None if text.contains(['@', '?', '=']) => "…".to_owned(),
        _ => text.to_owned(),
    }
}

fn disk(path: &str) -> Result<StoreAddress, StoreAddressError> {
    let path = match path.strip_prefix("//") {
        Some(rest) if rest.starts_with('/') => rest,
        Some(_) => return Err(StoreAddressError::Local("file:// names a host, and a folder lies on this machine")),
        None => path,
    };
    match path.is_empty() {
        true => Err(StoreAddressError::Local("file: names no folder")),
        false => Ok(StoreAddress::Disk(PathBuf::from(path))),
    }
}

impl fmt::Display for StoreAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, bucket) = match self {
            Self::Disk(path) => return write!(f, "file:{}", path.display()),
            Self::Memory => return f.write_str("memory:"),
            Self::S3(bucket) => (Cloud::S3.scheme(), bucket),
            Self::Gcs(bucket) => (Cloud::Gcs.scheme(), bucket),
            Self::Azure(bucket) => (Cloud::Azure.scheme(), bucket),
        };
        write!(f, "{scheme}://{}", bucket.name())?;
        match bucket.prefix().is_empty() {
            true => Ok(()),
            false => write!(f, "/{}", bucket.prefix()),
        }
    }
}
