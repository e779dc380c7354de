//! Who and what belongs together: owners of packages.

use reqwest::Method;
use reqwest::header::{ETAG, IF_MATCH};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::answer::{header, read_body};
use super::catalogue::DOCUMENT_MAX;
use super::error::ClientError;
use super::transport::Client;
use crate::domain::api::Owners;
use crate::domain::{Name, UserName};

impl Client {
    /// Who owns a package, with the entity tag of the list.
    pub async fn owners(&self, name: &Name) -> Result<(Vec<UserName>, String), ClientError> {
        let (path, what) = (format!("/api/v1/artifacts/{name}/owners"), format!("the owners of {name}"));
        let (Owners { owners }, etag) = self.tagged(&what, &path).await?;
        Ok((owners, etag))
    }

    /// Lets these users own a package, if the entity tag still stands for those who do.
    pub async fn set_owners(&self, name: &Name, owners: Vec<UserName>, seen: &str) -> Result<(), ClientError> {
        let (path, what) = (format!("/api/v1/artifacts/{name}/owners"), format!("the owners of {name}"));
        self.replace(&what, &path, &Owners { owners }, seen).await
    }

    /// A document with its entity tag.
    async fn tagged<T: DeserializeOwned>(&self, what: &str, path: &str) -> Result<(T, String), ClientError> {
        self.repeat(|| async {
            let response = self.send(self.request(Method::GET, path), what).await?;
            let etag = header(&response, ETAG.as_str()).unwrap_or_default().to_owned();
            let bytes = read_body(self, response, what, DOCUMENT_MAX, self.timeouts.idle).await?;
            let document = serde_json::from_slice(&bytes).map_err(|error| self.not_understood(what, error))?;
            Ok((document, etag))
        })
        .await
    }

    /// Writes a document in the place of one that was seen. Asked once: a second time would find what the first did.
    async fn replace(&self, what: &str, path: &str, document: &impl Serialize, seen: &str) -> Result<(), ClientError> {
        let request = self.request(Method::PUT, path).header(IF_MATCH, seen).json(document);
        self.send(request, what).await.map(drop)
    }
}
