//! Drafts: begun, saved, published and removed on the registry.

use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, RequestBuilder};
use uuid::Uuid;

use super::answer::read_body;
use super::error::ClientError;
use super::transport::Client;
use crate::domain::api::{DraftPublished, List, PublishRequest};
use crate::domain::{Draft, Kind, Name, Step, Tree, Version};
use crate::pack::write_archive;

/// Largest answer that is read, in bytes.
const DOCUMENT_MAX: u64 = 32 << 20;

/// What the author says of the files of a draft.
#[derive(Clone, Debug, Default)]
pub struct DraftWords {
    /// The version.
    pub version: Option<Version>,
    /// What it is.
    pub kind: Option<Kind>,
    /// Which of several declarations.
    pub declaration: Option<String>,
}

impl DraftWords {
    fn query(&self) -> Vec<(&'static str, String)> {
        let version = self.version.as_ref().map(|version| ("version", version.to_string()));
        let kind = self.kind.map(|kind| ("kind", kind.to_string()));
        let declaration = self.declaration.as_ref().map(|declaration| ("declaration", declaration.clone()));
        version.into_iter().chain(kind).chain(declaration).collect()
    }
}

impl Client {
    /// Begins a draft. Not repeated on failure: each time would begin another one.
    pub async fn create_draft(&self, name: &Name, tree: &Tree, words: &DraftWords) -> Result<Draft, ClientError> {
        let query = [vec![("name", name.to_string())], words.query()].concat();
        let request = self.request(Method::POST, "/api/v1/drafts").query(&query);
        let archive = write_archive(tree, name.slug());
        self.draft_answer(request.header(CONTENT_TYPE, "application/gzip").body(archive), name.as_str()).await
    }

    /// Replaces the files of a draft that nobody saved since that revision.
    pub async fn update_draft(&self, draft: &Draft, tree: &Tree, words: &DraftWords) -> Result<Draft, ClientError> {
        let query = [vec![("revision", draft.revision.to_string())], words.query()].concat();
        let request = self.request(Method::PUT, &path(draft.name.org(), draft.id)).query(&query);
        let archive = write_archive(tree, draft.name.slug());
        let request = request.header(CONTENT_TYPE, "application/gzip").body(archive);
        self.draft_answer(request, &format!("the draft {}", draft.id)).await
    }

    /// Begins a draft of the version after a published one, with its files and other words. Not repeated on failure.
    pub async fn revise(
        &self,
        name: &Name,
        version: &Version,
        step: Option<Step>,
        patch: &serde_json::Value,
    ) -> Result<Draft, ClientError> {
        let request = self.request(Method::PATCH, &format!("/api/v1/artifacts/{name}/versions/{version}"));
        let request = request.query(&step.map(|step| ("bump", step.as_str())).as_slice());
        self.draft_answer(patched(request, patch), &format!("{name}@{version}")).await
    }

    /// Changes what a draft says that nobody saved since that revision.
    pub async fn describe_draft(&self, draft: &Draft, patch: &serde_json::Value) -> Result<Draft, ClientError> {
        let request = self.request(Method::PATCH, &path(draft.name.org(), draft.id));
        let request = request.query(&[("revision", draft.revision)]);
        self.draft_answer(patched(request, patch), &format!("the draft {}", draft.id)).await
    }

    /// A draft.
    pub async fn draft(&self, org: &str, id: Uuid) -> Result<Draft, ClientError> {
        self.draft_answer(self.request(Method::GET, &path(org, id)), &format!("the draft {id} of {org}")).await
    }

    /// The drafts of an organisation.
    pub async fn drafts(&self, org: &str) -> Result<List<Draft>, ClientError> {
        let request = self.request(Method::GET, "/api/v1/drafts").query(&[("org", org)]);
        self.draft_answer(request, &format!("the drafts of {org}")).await
    }

    /// Publishes a draft that nobody saved since that revision, and removes it.
    pub async fn publish_draft(&self, draft: &Draft, changelog: Option<String>) -> Result<DraftPublished, ClientError> {
        let request = self.request(Method::POST, &format!("{}/publish", path(draft.name.org(), draft.id)));
        let request = request.query(&[("revision", draft.revision)]).json(&PublishRequest { changelog });
        self.draft_answer(request, &format!("the draft {}", draft.id)).await
    }

    /// Removes a draft that nobody saved since that revision.
    pub async fn delete_draft(&self, draft: &Draft) -> Result<(), ClientError> {
        let request = self.request(Method::DELETE, &path(draft.name.org(), draft.id));
        let request = request.query(&[("revision", draft.revision)]);
        self.send(request, &format!("the draft {}", draft.id)).await.map(drop)
    }

    async fn draft_answer<T: serde::de::DeserializeOwned>(
        &self,
        request: RequestBuilder,
        what: &str,
    ) -> Result<T, ClientError> {
        let response = self.send(request, what).await?;
        let bytes = read_body(self, response, what, DOCUMENT_MAX, self.timeouts.idle).await?;
        serde_json::from_slice(&bytes).map_err(|error| self.not_understood(what, error))
    }
}

fn patched(request: RequestBuilder, patch: &serde_json::Value) -> RequestBuilder {
    request.header(CONTENT_TYPE, "application/merge-patch+json").body(patch.to_string())
}

fn path(org: &str, id: Uuid) -> String {
    format!("/api/v1/drafts/{org}/{id}")
}
