//! Who and what belongs together: owners of packages, collections.

use reqwest::Method;
use reqwest::header::{ETAG, IF_MATCH, IF_NONE_MATCH};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::answer::{header, read_body};
use super::catalogue::{DOCUMENT_MAX, NOTHING};
use super::error::ClientError;
use super::transport::Client;
use crate::domain::api::{CollectionDocument, CollectionEntry, List, Owners};
use crate::domain::{Collection, Name, UserName};

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

    /// One page of collections.
    pub async fn collections(&self, query: &[(&str, String)]) -> Result<List<CollectionEntry>, ClientError> {
        self.document("the collections", "/api/v1/collections", query).await
    }

    /// A collection, with its entity tag.
    pub async fn collection(&self, name: &Name) -> Result<(CollectionDocument, String), ClientError> {
        self.tagged(&of_collection(name), &at_collection(name)).await
    }

    /// Lets a collection say this, if the entity tag still stands for what it says; without one, if there is none yet.
    pub async fn put_collection(
        &self,
        name: &Name,
        content: &Collection,
        seen: Option<&str>,
    ) -> Result<(), ClientError> {
        let (what, path) = (of_collection(name), at_collection(name));
        match seen {
            Some(seen) => self.replace(&what, &path, content, seen).await,
            None => {
                let request = self.request(Method::PUT, &path).header(IF_NONE_MATCH, "*").json(content);
                self.send(request, &what).await.map(drop)
            }
        }
    }

    /// Removes a collection.
    pub async fn delete_collection(&self, name: &Name) -> Result<(), ClientError> {
        self.ask(Method::DELETE, &at_collection(name), &of_collection(name), NOTHING).await
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

fn of_collection(name: &Name) -> String {
    format!("the collection {name}")
}

fn at_collection(name: &Name) -> String {
    format!("/api/v1/collections/{name}")
}
