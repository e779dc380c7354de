//! Whether there is a server at an address, or nothing but files.

use std::future::Future;

use bytes::Bytes;
use reqwest::header::{ETAG, IF_NONE_MATCH};
use reqwest::{Method, StatusCode};
use serde::Deserialize;

use super::super::answer::{header, judge, read_body};
use super::super::error::ClientError;
use super::super::transport::Client;
use crate::domain::public::{PUBLIC_FORMAT, PublicPath, RegistryDocument};

/// Most that is read of `registry.json`, in bytes.
const REGISTRY_MAX: u64 = 1 << 20;

/// What every document says of itself.
#[derive(Deserialize)]
pub(super) struct Head {
    #[serde(default)]
    format: Option<u32>,
}

/// A file as it came.
pub(super) struct Fetched {
    /// Its entity tag; empty if it had none.
    pub etag: String,
    /// Its bytes.
    pub body: Bytes,
}

impl Client {
    /// Asks a server, and the files where there is none. Once it is known that there is none, only the files.
    pub(in crate::client) async fn or_files<T>(
        &self,
        server: impl Future<Output = Result<T, ClientError>>,
        files: impl Future<Output = Result<T, ClientError>>,
    ) -> Result<T, ClientError> {
        if self.are_files() {
            return files.await;
        }
        match server.await {
            Err(ClientError::NeedsServer { .. }) => files.await,
            answer => answer,
        }
    }

    /// Whether it is known by now that there is no server.
    pub(in crate::client) fn are_files(&self) -> bool {
        self.files.get().is_some_and(Option::is_some)
    }

    /// Whether there is a registry of files at the address, which is asked for once.
    ///
    /// # Errors
    /// [`ClientError::NotUnderstood`] if there is one of a newer format.
    pub(in crate::client) async fn has_files(&self) -> Result<bool, ClientError> {
        match self.files().await {
            Ok(found) => Ok(found.is_some()),
            Err(error @ ClientError::NotUnderstood { .. }) => Err(error),
            // What was asked for before has an answer already, which says more than that this one failed.
            Err(_) => Ok(false),
        }
    }

    /// What is here; `None` if there is no registry of files at the address. Asked for once.
    ///
    /// # Errors
    /// As every call.
    pub async fn files(&self) -> Result<Option<&RegistryDocument>, ClientError> {
        self.files.get_or_try_init(|| self.ask_for_files()).await.map(Option::as_ref)
    }

    /// `None`: what is there is no `registry.json`, or none of ours.
    async fn ask_for_files(&self) -> Result<Option<RegistryDocument>, ClientError> {
        let what = "registry.json";
        self.repeat(|| async {
            let request = self.request(Method::GET, &format!("/{}", PublicPath::Registry.path()));
            let response = self.exchange(request, what).await?;
            let status = response.status();
            if status.is_server_error() {
                return judge(self, response, what).await.map(|_| None);
            }
            if status != StatusCode::OK {
                return Ok(None);
            }
            let body = match read_body(self, response, what, REGISTRY_MAX, self.timeouts.idle).await {
                Err(ClientError::TooLarge { .. }) => return Ok(None),
                body => body?,
            };
            // A derived reader would take an array for a struct.
            let is_object = body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
            match serde_json::from_slice::<Head>(&body) {
                Ok(head) if is_object && head.format.is_some() => self.read(what, &body).map(Some),
                _ => Ok(None),
            }
        })
        .await
    }

    /// Reads a document of a format that is known.
    pub(super) fn read<T: serde::de::DeserializeOwned>(&self, what: &str, body: &[u8]) -> Result<T, ClientError> {
        self.check_format(what, body)?;
        serde_json::from_slice(body).map_err(|error| self.not_understood(what, error))
    }

    pub(super) fn check_format(&self, what: &str, body: &[u8]) -> Result<(), ClientError> {
        let head: Head = serde_json::from_slice(body).map_err(|error| self.not_understood(what, error))?;
        match head.format {
            Some(format) if format != PUBLIC_FORMAT => Err(self.not_understood(
                what,
                format!("it has format {format}, and this release of pclr reads {PUBLIC_FORMAT}"),
            )),
            _ => Ok(()),
        }
    }

    /// A file of at most `maximum` bytes; `None`: it is still what the tag `known` stands for.
    ///
    /// # Errors
    /// [`ClientError::NotFound`] where the server says no, in whichever words: buckets say 403 of what is not there.
    pub(super) async fn file(
        &self,
        what: &str,
        path: &str,
        known: Option<&str>,
        maximum: u64,
    ) -> Result<Option<Fetched>, ClientError> {
        self.repeat(|| async {
            let request = self.request(Method::GET, &format!("/{path}"));
            let request = match known {
                Some(known) => request.header(IF_NONE_MATCH, known),
                None => request,
            };
            let response = self.exchange(request, what).await?;
            match response.status() {
                StatusCode::NOT_MODIFIED if known.is_some() => return Ok(None),
                StatusCode::FORBIDDEN | StatusCode::NOT_FOUND | StatusCode::GONE => {
                    let (what, detail) = (what.to_owned(), format!("this copy has no {path}"));
                    return Err(ClientError::NotFound { what, detail, hint: None });
                }
                _ => {}
            }
            let response = judge(self, response, what).await?;
            let etag = header(&response, ETAG.as_str()).unwrap_or_default().to_owned();
            let body = read_body(self, response, what, maximum, self.timeouts.idle).await?;
            Ok(Some(Fetched { etag, body }))
        })
        .await
    }
}
