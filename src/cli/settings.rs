//! The settings of a registry, as flags, as `PCLR_*` variables and as keys of a TOML file: the same names in all three,
//! `--max-upload-size`, `PCLR_MAX_UPLOAD_SIZE`, `max-upload-size`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use serde::Deserialize;

use super::failure::Failure;
use super::units::{ByteSize, Span};
use crate::client::registry_address;
use crate::domain::Access;
use crate::meta::Address;
use crate::storage::{StoreAddress, StoreAddressError};

/// Where to listen: an address and port; `localhost` is 127.0.0.1. Port 0 takes a free one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen(pub SocketAddr);

/// How metadata stores are written.
pub(super) const METADATA: &str = "sqlite:PATH, memory:, postgres://USER@HOST/DATABASE or mongodb://HOST/DATABASE";

/// Which store holds the metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Metadata {
    /// A SQLite file; the database owns the store.
    Sqlite(PathBuf),
    /// The object store itself; read into memory at start.
    Memory,
    /// A database on a server, which owns the store. Whether the server is one that is known is asked later, so that a mistyped
    /// address is not repeated with the password in it.
    Server(Address),
}

/// Which store holds the objects. What is wrong with a text is told later, so that it is not repeated with a secret in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store(pub Result<StoreAddress, StoreAddressError>);

/// Where clients reach a server. What is wrong with a text is told later, so that it is not repeated with a secret in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl(pub String);

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// What callers without an account may do, as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anonymous(pub Access);

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numeric = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
        let address = numeric.as_deref().unwrap_or(text).parse();
        address.map(Self).map_err(|_| format!("{text:?} is not an address and port such as 127.0.0.1:7117"))
    }
}

impl FromStr for Metadata {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("memory", "")) => Ok(Self::Memory),
            Some(("sqlite", path)) if !path.is_empty() => Ok(Self::Sqlite(PathBuf::from(path))),
            _ => match text.parse() {
                Ok(address) => Ok(Self::Server(address)),
                Err(_) => Err(format!("{text:?} is not a metadata store: expected {METADATA}")),
            },
        }
    }
}

impl FromStr for Store {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.parse()))
    }
}

impl FromStr for PublicUrl {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl PublicUrl {
    /// The address, without a final slash.
    pub(super) fn address(&self) -> Result<String, Failure> {
        let hint = "--public-url is where clients reach the server, such as https://registry.example";
        registry_address(&self.0).map_err(|error| Failure::usage(error.to_string(), hint))
    }
}

impl FromStr for LogFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(format!("{text:?} is not a log format: expected text or json")),
        }
    }
}

impl FromStr for Anonymous {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Self(Access::None)),
            "read" => Ok(Self(Access::Read)),
            "write" => Ok(Self(Access::Write)),
            _ => Err(format!("{text:?} is not an access: expected none, read or write")),
        }
    }
}

macro_rules! deserialize_as_text {
    ($($type:ty),*) => {$(
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

deserialize_as_text!(Listen, PublicUrl, Metadata, Store, LogFormat, Anonymous);

/// Declares the settings once: the flag, its variable, the key in the file, and how two layers merge.
macro_rules! settings {
    ($($(#[doc = $doc:literal])+ $field:ident: $type:ty, $env:literal, $value:literal;)*) => {
        /// One layer of settings: what it does not say is `None`.
        #[derive(Clone, Debug, Default, PartialEq, clap::Args, Deserialize)]
        #[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
        pub struct Settings {
            $($(#[doc = $doc])+ #[arg(long, env = $env, value_name = $value, hide_env = true)] pub $field: Option<$type>,)*
        }

        impl Settings {
            /// These settings, completed by those of a lower layer.
            pub fn or(self, lower: Self) -> Self {
                Self { $($field: self.$field.or(lower.$field),)* }
            }
        }
    };
}

settings! {
    /// Folder with everything the registry keeps [default: pclr-data]
    data: PathBuf, "PCLR_DATA", "DIR";
    /// Address and port to listen on [default: 127.0.0.1:7117]
    listen: Listen, "PCLR_LISTEN", "ADDR";
    /// Where clients reach the server, which is told to who writes to its bucket without it [default: http://ADDR]
    public_url: PublicUrl, "PCLR_PUBLIC_URL", "URL";
    /// Metadata store, sqlite:PATH, memory:, postgres://USER@HOST/DATABASE or mongodb://HOST/DATABASE [default: sqlite:DIR/metadata.sqlite]
    metadata: Metadata, "PCLR_METADATA", "STORE";
    /// Object store, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX, file:PATH or memory: [default: file:DIR/store]
    store: Store, "PCLR_STORE", "STORE";
    /// Whether other servers use the same folder and database at the same time, true or false [default: false]
    shared: bool, "PCLR_SHARED", "BOOL";
    /// Whether public artifacts are kept as plain files that any web server can serve, true or false [default: true]
    r#static: bool, "PCLR_STATIC", "BOOL";
    /// File with the key of the transparency log, made by pclr log key; with it a log is kept [default: no log]
    log_key: PathBuf, "PCLR_LOG_KEY", "FILE";
    /// What callers without an account may do, none, read or write [default: write, on loopback only]
    anonymous: Anonymous, "PCLR_ANONYMOUS", "ACCESS";
    /// What to say of tags and skills, a file in TOML or JSON
    vocabulary: PathBuf, "PCLR_VOCABULARY", "FILE";
    /// How log lines are written, text or json [default: text]
    log_format: LogFormat, "PCLR_LOG_FORMAT", "FORMAT";
    /// Which log lines are written, such as info or pcl_registry=debug [default: info]
    log: String, "PCLR_LOG", "FILTER";
    /// Largest blob that is accepted [default: 20GiB]
    max_upload_size: ByteSize, "PCLR_MAX_UPLOAD_SIZE", "SIZE";
    /// Largest manifest that is accepted [default: 4MiB]
    max_manifest_size: ByteSize, "PCLR_MAX_MANIFEST_SIZE", "SIZE";
    /// Whether plain images may name layers that were never pushed, true or false [default: false]
    sparse_images: bool, "PCLR_SPARSE_IMAGES", "BOOL";
    /// Largest import that is accepted [default: 512MiB]
    max_import_size: ByteSize, "PCLR_MAX_IMPORT_SIZE", "SIZE";
    /// Blobs from this size on are read from the bucket itself, by a redirect to an address that it signs [default: never]
    redirect_above: ByteSize, "PCLR_REDIRECT_ABOVE", "SIZE";
    /// Longest pause within an upload, download or import [default: 60s]
    upload_idle_timeout: Span, "PCLR_UPLOAD_IDLE_TIMEOUT", "TIME";
    /// How long an unfinished upload can be resumed [default: 24h]
    upload_expiry: Span, "PCLR_UPLOAD_EXPIRY", "TIME";
    /// Longest time for the headers of a request to arrive [default: 10s]
    header_timeout: Span, "PCLR_HEADER_TIMEOUT", "TIME";
    /// Longest time for a request that is no upload, download or import [default: 60s]
    request_timeout: Span, "PCLR_REQUEST_TIMEOUT", "TIME";
    /// Most requests in work at once; further ones are answered 503 [default: 512]
    max_requests: u32, "PCLR_MAX_REQUESTS", "N";
    /// Most connections at once; further ones wait [default: 4096]
    max_connections: u32, "PCLR_MAX_CONNECTIONS", "N";
    /// Memory for what is read often [default: 256MiB]
    cache_size: ByteSize, "PCLR_CACHE_SIZE", "SIZE";
    /// How long a stop waits for requests in flight [default: 30s]
    shutdown_timeout: Span, "PCLR_SHUTDOWN_TIMEOUT", "TIME";
}
