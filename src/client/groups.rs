//! Who and what belongs together: owners of packages, collections, organisations.

use reqwest::Method;
use reqwest::header::{ETAG, IF_MATCH, IF_NONE_MATCH};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::answer::{header, read_body};
use super::catalogue::{DOCUMENT_MAX, NOTHING};
use super::error::ClientError;
use super::transport::Client;
use crate::domain::api::{
    CollectionDocument, CollectionEntry, DeletedPackage, List, MemberDocument, OrgDocument, Owners,
};
use crate::domain::{Collection, Name, OrgName, Profile, UserName};

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
        self.replace(&what, &path, &Owners { owners }, Some(seen)).await
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
        self.replace(&of_collection(name), &at_collection(name), content, seen).await
    }

    /// Removes a collection.
    pub async fn delete_collection(&self, name: &Name) -> Result<(), ClientError> {
        self.ask(Method::DELETE, &at_collection(name), &of_collection(name), NOTHING).await
    }

    /// One page of organisations.
    pub async fn orgs(&self, query: &[(&str, String)]) -> Result<List<OrgDocument>, ClientError> {
        self.document("the organisations", "/api/v1/orgs", query).await
    }

    /// One page of the packages of an organisation of which no version can be read.
    pub async fn deleted(&self, org: &OrgName, query: &[(&str, String)]) -> Result<List<DeletedPackage>, ClientError> {
        let path = format!("/api/v1/orgs/{org}/deleted");
        self.document(&format!("what is deleted of {org}"), &path, query).await
    }

    /// An organisation, with its entity tag.
    pub async fn org(&self, org: &OrgName) -> Result<(OrgDocument, String), ClientError> {
        self.tagged(&format!("the organisation {org}"), &format!("/api/v1/orgs/{org}")).await
    }

    /// Lets an organisation say this of itself, if the entity tag still stands for it; without one, if it has said nothing yet.
    pub async fn put_org(&self, org: &OrgName, profile: &Profile, seen: Option<&str>) -> Result<(), ClientError> {
        let (what, path) = (format!("the organisation {org}"), format!("/api/v1/orgs/{org}"));
        self.replace(&what, &path, profile, seen).await
    }

    /// Users with a role in an organisation, all pages together.
    pub async fn members(&self, org: &OrgName) -> Result<Vec<MemberDocument>, ClientError> {
        let (path, what) = (format!("/api/v1/orgs/{org}/members"), format!("the members of {org}"));
        let (mut members, mut cursor) = (Vec::new(), String::new());
        loop {
            let page: List<MemberDocument> = self.document(&what, &path, &[("cursor", &cursor)]).await?;
            members.extend(page.items);
            match page.next {
                Some(next) if next > cursor => cursor = next,
                Some(_) => return Err(self.not_understood(&what, "its pages do not end")),
                None => return Ok(members),
            }
        }
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

    /// Writes a document in the place of one that was seen, or of none. Asked once: a second time would find what the first did.
    async fn replace(
        &self,
        what: &str,
        path: &str,
        document: &impl Serialize,
        seen: Option<&str>,
    ) -> Result<(), ClientError> {
        let (condition, tag) = seen.map_or((IF_NONE_MATCH, "*"), |seen| (IF_MATCH, seen));
        let request = self.request(Method::PUT, path).header(condition, tag).json(document);
        self.send(request, what).await.map(drop)
    }
}

fn of_collection(name: &Name) -> String {
    format!("the collection {name}")
}

fn at_collection(name: &Name) -> String {
    format!("/api/v1/collections/{name}")
}
