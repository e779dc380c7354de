//! Clients of the three clouds, set up as a store needs them: credentials from where each cloud's own tools look for them, patience
//! with what passes, no limit on how long a large object takes.
//!
//! Nothing is sent here. Knows nothing of what the store holds.

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::{GcpCredential, GoogleCloudStorageBuilder};
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::signer::{HeaderValue, Signer};
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig, StaticCredentialProvider};

use super::address::{Bucket, Choice, StoreAddress};
use super::{StorageError, answer};

/// A client, and what signs addresses for others, as it does.
pub(super) struct Client {
    pub(super) objects: Arc<dyn ObjectStore>,
    pub(super) signer: Arc<dyn Signer>,
}

/// How long to wait, and how often to repeat.
#[derive(Clone, Copy, Debug)]
pub(super) enum Patience {
    /// For the first look: a dead or mistyped address is told within seconds.
    Short,
    /// For work. Of a request that fails for a passing reason seven to eight repetitions fit into the minute.
    Long,
}

impl Patience {
    fn retries(self) -> RetryConfig {
        let (max_retries, retry_timeout) = match self {
            Self::Short => (2, Duration::from_secs(4)),
            Self::Long => (8, Duration::from_secs(60)),
        };
        let backoff = BackoffConfig { max_backoff: Duration::from_secs(10), ..BackoffConfig::default() };
        RetryConfig { backoff, max_retries, retry_timeout }
    }

    /// The limit is on silence, not on the whole of an answer: a large object on a slow line is no error.
    fn options(self) -> ClientOptions {
        let (connect, silence) = match self {
            Self::Short => (3, 5),
            Self::Long => (5, 30),
        };
        ClientOptions::new()
            .with_user_agent(HeaderValue::from_static(concat!("pclr/", env!("CARGO_PKG_VERSION"))))
            .with_timeout_disabled()
            .with_connect_timeout(Duration::from_secs(connect))
            .with_read_timeout(Duration::from_secs(silence))
    }
}

/// A client for a bucket; `None` for what is none.
///
/// Errors: [`StorageError::Unusable`] where credentials are half given or cannot be read.
pub(super) fn client(address: &StoreAddress, patience: Patience) -> Result<Option<Client>, StorageError> {
    // An error says that a provider is installed already, which is what is wanted.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let build = |options: ClientOptions| match address {
        StoreAddress::S3(bucket) => s3(bucket, options, patience.retries()).map(Some),
        StoreAddress::Gcs(bucket) => gcs(bucket, options, patience.retries()).map(Some),
        StoreAddress::Azure(bucket) => azure(bucket, options, patience.retries()).map(Some),
        StoreAddress::Disk(_) | StoreAddress::Memory => Ok(None),
    };
    let is_plain = is_plain(address);
    let options = patience.options().with_allow_http(is_plain);
    // Without any certificate authority on the machine https cannot work, but http can.
    let built = match build(options.clone()) {
        Err(_) if is_plain => build(options.with_no_system_certificates(true)),
        built => built,
    };
    built.map_err(|error| StorageError::Unusable {
        address: Box::new(address.clone()),
        why: answer::said(&error),
        hint: address.credentials().unwrap_or_default(),
    })
}

/// Whether http without TLS was asked for: by the endpoint of the address, or, where it has none, of the cloud's own variables.
fn is_plain(address: &StoreAddress) -> bool {
    let variables: &[&str] = match address {
        StoreAddress::S3(_) => &["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"],
        StoreAddress::Gcs(_) => &["GOOGLE_BASE_URL"],
        StoreAddress::Azure(_) => &["AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"],
        StoreAddress::Disk(_) | StoreAddress::Memory => &[],
    };
    let of_variables = || variables.iter().find_map(|name| std::env::var(name).ok());
    let endpoint = address.bucket().and_then(|bucket| bucket.choice(Choice::Endpoint));
    endpoint.map(str::to_owned).or_else(of_variables).is_some_and(|endpoint| endpoint.starts_with("http://"))
}

fn below<S: ObjectStore + Signer>(store: S, bucket: &Bucket) -> Client {
    if bucket.prefix().is_empty() {
        let store = Arc::new(store);
        return Client { objects: Arc::clone(&store) as _, signer: store };
    }
    let store = Arc::new(PrefixStore::new(store, Path::from(bucket.prefix())));
    Client { objects: Arc::clone(&store) as _, signer: store }
}

fn s3(bucket: &Bucket, options: ClientOptions, retries: RetryConfig) -> object_store::Result<Client> {
    let mut builder = AmazonS3Builder::from_env()
        .with_client_options(options)
        .with_retry(retries)
        .with_bucket_name(bucket.name())
        // A single delete is otherwise a `POST ?delete` with a body, which not every server of this protocol has.
        .with_disable_bulk_delete(true);
    if let Some(region) = bucket.choice(Choice::Region) {
        builder = builder.with_region(region);
    }
    let is_virtual = bucket.is_chosen(Choice::PathStyle).map(|path| !path);
    if let Some(is_virtual) = is_virtual {
        builder = builder.with_virtual_hosted_style_request(is_virtual);
    }
    if let Some(endpoint) = bucket.choice(Choice::Endpoint) {
        // With the bucket in the host the library takes the endpoint for the bucket's own.
        let endpoint = match (is_virtual, endpoint.split_once("://")) {
            (Some(true), Some((scheme, host))) => format!("{scheme}://{}.{host}", bucket.name()),
            _ => endpoint.to_owned(),
        };
        // The one of the variable for S3 alone would win over the address.
        builder = builder.with_config(AmazonS3ConfigKey::S3Endpoint, endpoint);
    }
    if let Some(anonymous) = bucket.is_chosen(Choice::Anonymous) {
        builder = builder.with_skip_signature(anonymous);
    }
    if let Some(key) = bucket.choice(Choice::KmsKey) {
        builder = builder.with_sse_kms_encryption(key);
    }
    Ok(below(builder.build()?, bucket))
}

fn gcs(bucket: &Bucket, options: ClientOptions, retries: RetryConfig) -> object_store::Result<Client> {
    let mut builder = GoogleCloudStorageBuilder::from_env()
        .with_client_options(options)
        .with_retry(retries)
        .with_bucket_name(bucket.name());
    if let Some(endpoint) = bucket.choice(Choice::Endpoint) {
        builder = builder.with_base_url(endpoint.trim_end_matches('/'));
    }
    if let Some(true) = bucket.is_chosen(Choice::Anonymous) {
        // Writes ask for credentials all the same.
        let nobody = StaticCredentialProvider::new(GcpCredential { bearer: String::new() });
        builder = builder.with_skip_signature(true).with_credentials(Arc::new(nobody));
    }
    Ok(below(builder.build()?, bucket))
}

/// Account and key of Azurite, the same everywhere: its documentation prints them.
const AZURITE: (&str, &str) =
    ("devstoreaccount1", "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==");

fn azure(bucket: &Bucket, options: ClientOptions, retries: RetryConfig) -> object_store::Result<Client> {
    let mut builder = MicrosoftAzureBuilder::from_env()
        .with_client_options(options)
        .with_retry(retries)
        .with_container_name(bucket.name());
    if let Some(account) = bucket.choice(Choice::Account) {
        builder = builder.with_account(account);
    }
    if let Some(anonymous) = bucket.is_chosen(Choice::Anonymous) {
        builder = builder.with_skip_signature(anonymous);
    }
    match (bucket.is_chosen(Choice::Emulator), bucket.choice(Choice::Endpoint)) {
        // Its account stands in the path. The library's own way of meeting it takes the address from a variable alone.
        (Some(true), Some(endpoint)) => {
            let endpoint = format!("{}/{}", endpoint.trim_end_matches('/'), AZURITE.0);
            builder = builder.with_endpoint(endpoint).with_account(AZURITE.0).with_access_key(AZURITE.1);
        }
        (Some(emulator), None) => builder = builder.with_use_emulator(emulator),
        (_, Some(endpoint)) => builder = builder.with_endpoint(endpoint.to_owned()),
        (None, None) => {}
    }
    Ok(below(builder.build()?, bucket))
}
