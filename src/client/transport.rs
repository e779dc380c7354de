//! Requests: addresses, time limits, repetition.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Method, RequestBuilder, Response, Url};
use tokio::sync::OnceCell;

use super::answer;
use super::error::{ClientError, Outage};
use crate::domain::public::RegistryDocument;
use crate::pack::Limits;

/// Called with the number of bytes of content that were just sent or received.
pub type Watch = Arc<dyn Fn(u64) + Send + Sync>;

/// How long to wait. There is no limit on the whole of a call: a slow line is not an error.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// For a connection.
    pub connect: Duration,
    /// Without a byte in either direction.
    pub idle: Duration,
    /// Without a byte while the registry works on an import, whose first line comes late.
    pub import: Duration,
    /// Before the first repetition; doubled for each further one.
    pub pause: Duration,
    /// How often to repeat what failed for a passing reason.
    pub repeats: usize,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            idle: Duration::from_secs(60),
            import: Duration::from_secs(600),
            pause: Duration::from_millis(200),
            repeats: 3,
        }
    }
}

/// A registry, seen from outside. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    pub(super) http: reqwest::Client,
    base: String,
    pub(super) timeouts: Timeouts,
    pub(super) limits: Limits,
    watch: Option<Watch>,
    /// Its `Debug` does not show it.
    token: Option<HeaderValue>,
    /// What is here, if it was asked for and is a registry of files.
    pub(super) files: Arc<OnceCell<Option<RegistryDocument>>>,
}

/// Makes ring the provider of cryptography for TLS in this process. Further calls do nothing.
pub fn install_tls_provider() {
    // An error says that a provider is installed already, which is what is wanted.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// The address of a registry, as it is shown to others: `http` or `https`, a host, and maybe a port and a path, without a final slash.
pub fn registry_address(address: &str) -> Result<String, ClientError> {
    parse_address(address).map(|url| without_slash(&url))
}

fn parse_address(address: &str) -> Result<Url, ClientError> {
    let refuse = |why: String| ClientError::Address { address: address.to_owned(), why };
    let url = Url::parse(address).map_err(|error| refuse(error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(refuse("it begins with http:// or https:// and a host".to_owned()));
    }
    // Addresses are printed and logged; a password has no place in them.
    if !url.username().is_empty() || url.password().is_some() {
        return Err(ClientError::Address {
            address: format!("{}://…@{}", url.scheme(), url.host_str().unwrap_or_default()),
            why: "it holds a user name or password".to_owned(),
        });
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refuse("it has a query or fragment".to_owned()));
    }
    Ok(url)
}

fn without_slash(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

impl Client {
    /// A client for the registry at `address`, such as `http://127.0.0.1:7117`. Nothing is sent yet.
    pub fn new(address: &str) -> Result<Self, ClientError> {
        Self::with_timeouts(address, Timeouts::default())
    }

    /// A client that waits as told.
    pub fn with_timeouts(address: &str, timeouts: Timeouts) -> Result<Self, ClientError> {
        let url = parse_address(address)?;
        install_tls_provider();
        let builder = || {
            reqwest::Client::builder()
                .user_agent(concat!("pclr/", env!("CARGO_PKG_VERSION")))
                .connect_timeout(timeouts.connect)
        };
        // Without any certificate authority on the machine https cannot work, but http can.
        let http = match builder().build() {
            Err(_) if url.scheme() == "http" => builder().tls_certs_only([]).build(),
            result => result,
        };
        let refuse = |error| ClientError::Address { address: address.to_owned(), why: reason(&error) };
        let http = http.map_err(refuse)?;
        let base = without_slash(&url);
        Ok(Self { http, base, timeouts, limits: Limits::default(), watch: None, token: None, files: Arc::default() })
    }

    /// The same client, which reports how content travels.
    pub fn watched(self, watch: Watch) -> Self {
        Self { watch: Some(watch), ..self }
    }

    /// The same client, which shows this token with every request to the registry, and to nobody else.
    pub fn with_token(self, token: &str) -> Result<Self, ClientError> {
        let refuse = |_| ClientError::Token;
        let mut value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(refuse)?;
        value.set_sensitive(true);
        Ok(Self { token: Some(value), ..self })
    }

    /// The registry's address, without a final slash.
    pub fn address(&self) -> &str {
        &self.base
    }

    /// A request to a path below the registry's address.
    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.authorized(self.http.request(method, format!("{}{path}", self.base)))
    }

    /// The request with the token. Redirected to another host, it goes on without.
    pub(super) fn authorized(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.token {
            Some(token) => request.header(AUTHORIZATION, token.clone()),
            None => request,
        }
    }

    /// Whether an address is one of the registry itself.
    pub(super) fn is_own(&self, address: &Url) -> bool {
        Url::parse(&self.base).is_ok_and(|base| base.origin() == address.origin())
    }

    /// Says that content travelled.
    pub(super) fn moved(&self, bytes: u64) {
        if let Some(watch) = &self.watch {
            watch(bytes);
        }
    }

    /// Sends one request, once. Statuses from 400 on are errors.
    pub(super) async fn send(&self, request: RequestBuilder, what: &str) -> Result<Response, ClientError> {
        self.send_moving(request, what, self.timeouts.idle, &AtomicU64::new(0)).await
    }

    /// Sends one request whose body counts into `sent`: as long as the count grows, the call is not silent.
    pub(super) async fn send_moving(
        &self,
        request: RequestBuilder,
        what: &str,
        idle: Duration,
        sent: &AtomicU64,
    ) -> Result<Response, ClientError> {
        let response = self.exchange_moving(request, what, idle, sent).await?;
        answer::accept(self, response, what).await
    }

    /// Sends one request, once, and takes any answer.
    pub(super) async fn exchange(&self, request: RequestBuilder, what: &str) -> Result<Response, ClientError> {
        self.exchange_moving(request, what, self.timeouts.idle, &AtomicU64::new(0)).await
    }

    async fn exchange_moving(
        &self,
        request: RequestBuilder,
        what: &str,
        idle: Duration,
        sent: &AtomicU64,
    ) -> Result<Response, ClientError> {
        let sending = request.send();
        tokio::pin!(sending);
        loop {
            let before = sent.load(Ordering::Relaxed);
            match tokio::time::timeout(idle, &mut sending).await {
                Ok(Ok(response)) => return Ok(response),
                Ok(Err(error)) => return Err(self.unavailable(what, &error)),
                Err(_) if sent.load(Ordering::Relaxed) == before => return Err(self.out(what, Outage::Silent(idle))),
                Err(_) => {}
            }
        }
    }

    /// Repeats a call that failed for a passing reason. Only for what has the same effect when done twice.
    pub(super) async fn repeat<T, F>(&self, call: impl FnMut() -> F) -> Result<T, ClientError>
    where
        F: Future<Output = Result<T, ClientError>>,
    {
        let pauses = ExponentialBuilder::default()
            .with_min_delay(self.timeouts.pause)
            .with_max_times(self.timeouts.repeats)
            .with_jitter();
        call.retry(pauses).when(ClientError::is_transient).await
    }

    pub(super) fn out(&self, what: &str, outage: Outage) -> ClientError {
        ClientError::Unavailable { address: self.base.clone(), what: what.to_owned(), outage }
    }

    pub(super) fn unavailable(&self, what: &str, error: &reqwest::Error) -> ClientError {
        let why = reason(error);
        let outage = if error.is_connect() { Outage::Connect(why) } else { Outage::Broken(why) };
        self.out(what, outage)
    }

    pub(super) fn needs_server(&self, what: &str) -> ClientError {
        ClientError::NeedsServer { address: self.base.clone(), what: what.to_owned() }
    }

    pub(super) fn not_understood(&self, what: &str, why: impl ToString) -> ClientError {
        ClientError::NotUnderstood { address: self.base.clone(), what: what.to_owned(), why: why.to_string() }
    }
}

/// The innermost reason: the outer ones repeat the address.
fn reason(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_checked_before_anything_is_sent() {
        for good in ["http://127.0.0.1:7117", "http://127.0.0.1:7117/", "https://registry.example/pcl/"] {
            let client = Client::new(good).unwrap();
            assert!(!client.address().ends_with('/'), "{good}");
        }
        for bad in ["", "localhost:7117", "registry.example", "ftp://a", "http://", "http://a?b=c", "http://a#b"] {
            assert!(matches!(Client::new(bad), Err(ClientError::Address { .. })), "{bad:?}");
        }
    }

    #[test]
    fn a_password_in_the_address_is_not_repeated() {
        let error = Client::new("https://ann:s3cret@registry.example").err().unwrap().to_string();
        assert!(!error.contains("s3cret") && !error.contains("ann"), "{error}");
    }
}
