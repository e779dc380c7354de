//! The configuration of a server: flags win over `PCLR_*`, which wins over the TOML file, which wins over the defaults.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::failure::Failure;
use super::settings::METADATA;
use super::units::{ByteSize, Span};
use crate::domain::{Access, MANIFEST_MAX};
use crate::meta::Server;
use crate::storage::{STORE_ADDRESSES, StoreAddress, StoreAddressError};

pub use super::settings::{Anonymous, Listen, LogFormat, Metadata, PublicUrl, Settings, Store};

/// File of settings that is read from the data folder, if it is there and no other is named.
pub const CONFIG_FILE: &str = "pclr.toml";
/// Largest file of settings, in bytes.
const CONFIG_MAX: u64 = 1 << 20;

/// Everything that a server needs to know, with nothing left open.
#[derive(Clone, Debug, PartialEq)]
pub struct ServeConfig {
    /// Folder with everything that the registry keeps.
    pub data: PathBuf,
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where clients reach it, if that is another place.
    pub public_url: Option<String>,
    /// Which store holds the metadata.
    pub metadata: Metadata,
    /// Which store holds the objects; `None` for the folder `store` in the data folder.
    pub store: Option<StoreAddress>,
    /// What callers without an account may do.
    pub anonymous: Access,
    /// Whether other servers use the same folder and database at the same time.
    pub shared: bool,
    /// Whether the static tree is kept.
    pub static_tree: bool,
    /// File with the key of the transparency log, if one is kept.
    pub log_key: Option<PathBuf>,
    /// File with what the operator says of tags and skills.
    pub vocabulary: Option<PathBuf>,
    /// How log lines are written.
    pub log_format: LogFormat,
    /// Which log lines are written, in the form of `tracing_subscriber::EnvFilter`.
    pub log: String,
    /// What is refused, and when waiting ends.
    pub limits: ServeLimits,
}

/// What is refused, and when waiting ends. Sizes in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServeLimits {
    /// Largest blob.
    pub max_upload_size: u64,
    /// Largest manifest.
    pub max_manifest_size: u64,
    /// Whether plain images may name layers that were never pushed.
    pub sparse_images: bool,
    /// Largest body of an import.
    pub max_import_size: u64,
    /// From which length on blobs are read from the store itself; `None`: never.
    pub redirect_above: Option<u64>,
    /// Longest pause within an upload, download or import.
    pub upload_idle_timeout: Duration,
    /// How long an unfinished upload can be resumed.
    pub upload_expiry: Duration,
    /// Longest time for the headers of a request to arrive.
    pub header_timeout: Duration,
    /// Longest time for a request that is no upload, download or import.
    pub request_timeout: Duration,
    /// Most requests in work at once.
    pub max_requests: u32,
    /// Most connections at once.
    pub max_connections: u32,
    /// Memory for what is read often.
    pub cache_size: u64,
    /// How long a stop waits for requests in flight.
    pub shutdown_timeout: Duration,
}

impl Default for ServeLimits {
    fn default() -> Self {
        Self {
            max_upload_size: 20 << 30,
            max_manifest_size: MANIFEST_MAX as u64,
            sparse_images: false,
            max_import_size: 512 << 20,
            redirect_above: None,
            upload_idle_timeout: Duration::from_secs(60),
            upload_expiry: Duration::from_secs(24 * 3600),
            header_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(60),
            max_requests: 512,
            max_connections: 4096,
            cache_size: 256 << 20,
            shutdown_timeout: Duration::from_secs(30),
        }
    }
}

impl ServeConfig {
    /// Puts the layers together. `given`: flags and variables, in this order already. `file`: where the settings file
    /// is, if the caller says so; otherwise `pclr.toml` in the data folder is read if it is there.
    pub(super) fn load(given: Settings, file: Option<&Path>) -> anyhow::Result<Self> {
        let data = given.data.clone().unwrap_or_else(|| PathBuf::from("pclr-data"));
        let from_file = match file {
            Some(path) => read_file(path)?,
            None => match data.join(CONFIG_FILE) {
                path if path.is_file() => read_file(&path)?,
                _ => Settings::default(),
            },
        };
        // The file that the data folder holds cannot say where the data folder is.
        if file.is_none() && from_file.data.is_some() {
            return Err(Failure::usage(
                format!("{} sets data, but it was found in the data folder", data.join(CONFIG_FILE).display()),
                "remove the line, or name the file with --config",
            )
            .into());
        }
        Self::complete(given.or(from_file)).map_err(Into::into)
    }

    fn complete(settings: Settings) -> Result<Self, Failure> {
        let data = settings.data.unwrap_or_else(|| PathBuf::from("pclr-data"));
        let default = SocketAddr::from((Ipv4Addr::LOCALHOST, 7117));
        let listen = settings.listen.map_or(default, |Listen(address)| address);
        let anonymous = match settings.anonymous {
            Some(Anonymous(access)) => access,
            None if is_loopback(listen.ip()) => Access::Write,
            None => {
                return Err(Failure::usage(
                    format!("{listen} can be reached from other machines, and nobody said what anybody may do there"),
                    "say it: --anonymous none, --anonymous read, or --anonymous write",
                ));
            }
        };
        let store = match settings.store {
            Some(Store(Ok(address))) => Some(address),
            Some(Store(Err(error))) => return Err(of_address(&error)),
            None => None,
        };
        if let Some(Metadata::Server(address)) = &settings.metadata
            && address.server().is_none()
        {
            return Err(Failure::usage(format!("{address} is not a metadata store"), format!("expected {METADATA}")));
        }
        let standard = ServeLimits::default();
        let size = |setting: Option<ByteSize>, default: u64| setting.map_or(default, |ByteSize(bytes)| bytes);
        let time = |setting: Option<Span>, default: Duration| setting.map_or(default, |Span(time)| time);
        let limits = ServeLimits {
            max_upload_size: size(settings.max_upload_size, standard.max_upload_size),
            max_manifest_size: size(settings.max_manifest_size, standard.max_manifest_size),
            sparse_images: settings.sparse_images.unwrap_or(standard.sparse_images),
            max_import_size: size(settings.max_import_size, standard.max_import_size),
            redirect_above: settings.redirect_above.map(|ByteSize(bytes)| bytes),
            upload_idle_timeout: time(settings.upload_idle_timeout, standard.upload_idle_timeout),
            upload_expiry: time(settings.upload_expiry, standard.upload_expiry),
            header_timeout: time(settings.header_timeout, standard.header_timeout),
            request_timeout: time(settings.request_timeout, standard.request_timeout),
            max_requests: settings.max_requests.unwrap_or(standard.max_requests),
            max_connections: settings.max_connections.unwrap_or(standard.max_connections),
            cache_size: size(settings.cache_size, standard.cache_size),
            shutdown_timeout: time(settings.shutdown_timeout, standard.shutdown_timeout),
        };
        limits.check()?;
        let metadata = settings.metadata.unwrap_or_else(|| Metadata::Sqlite(data.join("metadata.sqlite")));
        let is_mongo = matches!(&metadata, Metadata::Server(address) if address.server() == Some(Server::Mongo));
        if is_mongo && limits.max_manifest_size > MONGO_MANIFEST_MAX {
            return Err(Failure::usage(
                format!("max-manifest-size is {} bytes", limits.max_manifest_size),
                "with MongoDB it is at most 8MiB: what is kept of a manifest is one document there, of at most 16 MiB",
            ));
        }
        Ok(Self {
            metadata,
            store,
            vocabulary: settings.vocabulary,
            data,
            listen,
            public_url: settings.public_url.as_ref().map(PublicUrl::address).transpose()?,
            anonymous,
            shared: settings.shared.unwrap_or_default(),
            static_tree: settings.r#static.unwrap_or(true),
            log_key: settings.log_key,
            log_format: settings.log_format.unwrap_or_default(),
            log: settings.log.unwrap_or_else(|| "info".to_owned()),
            limits,
        })
    }
}

/// Largest manifest with MongoDB. A document holds its annotations, and of each blob less than the manifest says.
const MONGO_MANIFEST_MAX: u64 = 8 << 20;

impl ServeLimits {
    /// A zero where it would stop all work is a mistake, not a setting.
    fn check(&self) -> Result<(), Failure> {
        let zero =
            |name: &str| Failure::usage(format!("{name} is 0: nothing could be done"), "leave it out for the default");
        let counts = [("max-requests", self.max_requests), ("max-connections", self.max_connections)];
        if let Some((name, _)) = counts.into_iter().find(|(_, value)| *value == 0) {
            return Err(zero(name));
        }
        let times = [
            ("upload-idle-timeout", self.upload_idle_timeout),
            ("upload-expiry", self.upload_expiry),
            ("header-timeout", self.header_timeout),
            ("request-timeout", self.request_timeout),
        ];
        if let Some((name, _)) = times.into_iter().find(|(_, value)| value.is_zero()) {
            return Err(zero(name));
        }
        if self.max_manifest_size < MANIFEST_MAX as u64 {
            return Err(Failure::usage(
                format!("max-manifest-size is {} bytes", self.max_manifest_size),
                "the distribution specification asks for at least 4MiB",
            ));
        }
        Ok(())
    }
}

/// What is wrong with the address of a store, and what to write.
pub(super) fn of_address(error: &StoreAddressError) -> Failure {
    let text = error.to_string();
    let (message, hint) = text.split_once("\nhint: ").unwrap_or((&text, STORE_ADDRESSES));
    Failure::usage(message, hint)
}

fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

fn read_file(path: &Path) -> Result<Settings, Failure> {
    let refuse = |why: String| {
        Failure::usage(
            format!("{} cannot be used: {why}", path.display()),
            "`pclr serve --help` lists the settings; keys are the flags without dashes in front",
        )
    };
    let length = std::fs::metadata(path).map_err(|error| refuse(error.to_string()))?.len();
    if length > CONFIG_MAX {
        return Err(refuse(format!("it is larger than {CONFIG_MAX} bytes")));
    }
    let text = std::fs::read_to_string(path).map_err(|error| refuse(error.to_string()))?;
    toml::from_str(&text).map_err(|error| refuse(error.to_string().trim_end().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Exit;

    fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(CONFIG_FILE);
        std::fs::write(&path, text).unwrap();
        (folder, path)
    }

    fn message(result: anyhow::Result<ServeConfig>) -> String {
        format!("{:#}", result.unwrap_err())
    }

    #[test]
    fn defaults_need_nothing() {
        let config = ServeConfig::complete(Settings::default()).unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:7117");
        assert_eq!(config.anonymous, Access::Write);
        assert_eq!(config.metadata, Metadata::Sqlite("pclr-data/metadata.sqlite".into()));
        assert_eq!(config.limits, ServeLimits::default());
        assert_eq!(config.limits.max_upload_size, 21_474_836_480);
    }

    #[test]
    fn what_is_given_wins_over_the_file_and_the_file_over_defaults() {
        let (_folder, path) =
            file("listen = '127.0.0.1:1'\nmax-upload-size = '1GiB'\nupload-idle-timeout = 5\nlog = 'debug'");
        let given = Settings { listen: "127.0.0.1:2".parse().ok(), log: Some("warn".into()), ..Settings::default() };
        let config = ServeConfig::load(given, Some(&path)).unwrap();
        assert_eq!(config.listen.port(), 2);
        assert_eq!(config.log, "warn");
        assert_eq!(config.limits.max_upload_size, 1 << 30);
        assert_eq!(config.limits.upload_idle_timeout, Duration::from_secs(5));
        assert_eq!(config.limits.request_timeout, ServeLimits::default().request_timeout);
    }

    #[test]
    fn the_file_in_the_data_folder_is_read() {
        let (folder, _) = file("listen = 'localhost:9'");
        let given = || Settings { data: Some(folder.path().to_owned()), ..Settings::default() };
        assert_eq!(ServeConfig::load(given(), None).unwrap().listen.to_string(), "127.0.0.1:9");
        std::fs::write(folder.path().join(CONFIG_FILE), "data = '/elsewhere'").unwrap();
        assert!(message(ServeConfig::load(given(), None)).contains("found in the data folder"));
    }

    #[test]
    fn unknown_keys_and_bad_values_are_errors_that_name_them() {
        for (text, expected) in [
            ("listn = '127.0.0.1:1'", "unknown field `listn`"),
            ("listen = 'here'", "\"here\" is not an address"),
            ("max-upload-size = '20GB'", "\"20GB\" is not a size"),
            ("anonymous = 'all'", "expected none, read or write"),
            ("metadata = 'mysql:x'", "expected sqlite:PATH, memory:, postgres://"),
            ("metadata = 'mysql://ann:secret@host/db'", "mysql://ann@host/db is not a metadata store"),
            ("store = 's3://key:sesame@bucket'", "holds a user or a password"),
            ("store = 'bucket'", "\"bucket\" is not a store"),
            ("max-requests = 0", "max-requests is 0"),
            ("max-manifest-size = '1MiB'", "max-manifest-size is 1048576 bytes"),
            ("max-manifest-size = '9MiB'\nmetadata = 'mongodb://a'", "max-manifest-size is 9437184 bytes"),
            ("= broken", "cannot be used"),
        ] {
            let (_folder, path) = file(text);
            let message = message(ServeConfig::load(Settings::default(), Some(&path)));
            assert!(message.contains(expected), "{text}: {message}");
        }
        assert!(
            message(ServeConfig::load(Settings::default(), Some(Path::new("/absent.toml")))).contains("/absent.toml")
        );
    }

    #[test]
    fn beyond_loopback_it_must_be_said_who_may_do_what() {
        let on = |listen: &str, anonymous: Option<&str>| {
            let anonymous = anonymous.map(|text| text.parse().unwrap());
            ServeConfig::complete(Settings { listen: listen.parse().ok(), anonymous, ..Settings::default() })
        };
        for listen in ["0.0.0.0:1", "[::]:1", "192.168.0.1:1"] {
            assert_eq!(on(listen, None).unwrap_err().exit, Exit::Usage, "{listen}");
            assert_eq!(on(listen, Some("read")).unwrap().anonymous, Access::Read);
        }
        for listen in ["127.0.0.1:1", "[::1]:1", "127.8.0.1:0", "[::ffff:127.0.0.1]:1"] {
            assert_eq!(on(listen, None).unwrap().anonymous, Access::Write, "{listen}");
        }
    }
}
