//! What the catalogue answers: `/api/v1`. Each function is one call and returns the document as it came.

use bytes::Bytes;
use reqwest::header::{ETAG, IF_NONE_MATCH};
use reqwest::{Method, StatusCode};
use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};
use uuid::Uuid;

use super::answer::{header, read_body};
use super::error::ClientError;
use super::transport::Client;
use crate::domain::api::{
    ChannelTag, Comparison, Completion, CompletionOf, Dependencies, Dependent, DeprecateRequest, HistoryEntry,
    LabelDocument, List, PackageList, PinRequest, Related, ReleaseList, Resolved, SearchPage, SkillMatches,
    VersionDetail, VisibilityRequest, YankRequest,
};
use crate::domain::{DependencyType, Kind, Name, Package, Range, Release, Tag, Timestamp, Version, Visibility};

/// Most that is read of a document, in bytes.
pub(super) const DOCUMENT_MAX: u64 = 64 << 20;
/// Pages that are followed where all are wanted.
const PAGES_MAX: usize = 10_000;

/// The body of a request without one.
pub(super) const NOTHING: Option<&()> = None;

/// Which packages to list. Empty fields ask for nothing.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ListQuery {
    /// Of any of these kinds.
    #[serde(serialize_with = "with_commas", skip_serializing_if = "Vec::is_empty")]
    pub kind: Vec<Kind>,
    /// With this label.
    pub tag: Option<String>,
    /// With this skill.
    pub skill: Option<String>,
    /// Of this organisation.
    pub org: Option<String>,
    /// That are seen so; `public` if nothing is said.
    pub visibility: Option<Visibility>,
    /// With any of these tags.
    pub any_tag: Option<String>,
    /// With any of these skills.
    pub any_skill: Option<String>,
    /// By any of these authors.
    pub author: Option<String>,
    /// Under any of these licences.
    pub license: Option<String>,
    /// Whose shown version stands in any of these ways; of versions: that stand so.
    pub state: Option<String>,
    /// Owned by any of these users.
    pub owner: Option<String>,
    /// With these values in the metadata, each as `path=value`.
    pub field: Option<String>,
    /// First version published at this time or later.
    pub created_since: Option<Timestamp>,
    /// First version published before this time.
    pub created_before: Option<Timestamp>,
    /// Changed at this time or later.
    pub updated_since: Option<Timestamp>,
    /// Last changed before this time.
    pub updated_before: Option<Timestamp>,
    /// Downloaded so often at least.
    pub downloads_min: Option<u64>,
    /// With so many stars at least.
    pub stars_min: Option<u64>,
    /// Whether to count the rows of all pages.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub total: bool,
    /// Of this type, for those who need a package.
    #[serde(rename = "type")]
    pub dependency: Option<DependencyType>,
    /// `name`, `updated`, `created`, `downloads` or `stars`.
    pub sort: Option<String>,
    /// Rows a page.
    pub limit: Option<u32>,
    /// `next` of the page before.
    pub cursor: Option<String>,
}

fn with_commas<S: Serializer>(kinds: &[Kind], serializer: S) -> Result<S::Ok, S::Error> {
    let kinds: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
    serializer.serialize_str(&kinds.join(","))
}

/// What to search for.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SearchQuery {
    /// The words.
    pub q: String,
    /// The filters; `sort` is `relevance`, `name` or `newest`.
    #[serde(flatten)]
    pub filter: ListQuery,
    /// Whether to count matches by kind, tag, skill and organisation.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub facets: bool,
}

impl Client {
    /// One page of packages.
    pub async fn packages(&self, query: &ListQuery) -> Result<PackageList, ClientError> {
        self.document("the list of artifacts", "/api/v1/artifacts", query).await
    }

    /// One package.
    pub async fn package(&self, name: &Name) -> Result<Package, ClientError> {
        let path = format!("/api/v1/artifacts/{name}");
        let files = async { self.package_of_files(name).await.map(|document| document.package) };
        self.or_files(self.document(name.as_str(), &path, &()), files).await
    }

    /// All releases of a package that can be read, all pages together.
    pub async fn releases(&self, name: &Name) -> Result<Vec<Release>, ClientError> {
        self.releases_in(name, None).await
    }

    /// The same of those that stand in any of these ways, with commas between them.
    pub async fn releases_in(&self, name: &Name, state: Option<&str>) -> Result<Vec<Release>, ClientError> {
        let (path, what) = (format!("/api/v1/artifacts/{name}/versions"), format!("the versions of {name}"));
        let query = ListQuery { state: state.map(str::to_owned), ..ListQuery::default() };
        let server = async { self.all(&what, &path, query).await.map(|releases: ReleaseList| releases.items) };
        self.or_files(server, self.releases_of_files(name, state)).await
    }

    /// One version with its files.
    pub async fn version(&self, name: &Name, version: &Version) -> Result<VersionDetail, ClientError> {
        let path = format!("/api/v1/artifacts/{name}/versions/{version}");
        let what = format!("{name}@{version}");
        self.or_files(self.document(&what, &path, &()), self.version_of_files(name, version)).await
    }

    /// The version with this id, with its files.
    pub async fn version_by_id(&self, id: Uuid) -> Result<VersionDetail, ClientError> {
        self.document(&format!("the version {id}"), &format!("/api/v1/versions/{id}"), &()).await
    }

    /// One file of a version as text; the primary one if none is named.
    pub async fn source(&self, name: &Name, version: &Version, file: Option<&str>) -> Result<Bytes, ClientError> {
        let path = format!("/api/v1/artifacts/{name}/versions/{version}/source");
        let what = format!("{} of {name}@{version}", file.unwrap_or("the source"));
        let query: Vec<(&str, &str)> = file.iter().map(|file| ("file", *file)).collect();
        let server = self.get(&what, &path, &query, self.limits.file);
        self.or_files(server, self.source_of_files(name, version, file)).await
    }

    /// The best version in a range, as the server finds it.
    pub async fn resolve(&self, name: &Name, range: &Range) -> Result<Resolved, ClientError> {
        let path = format!("/api/v1/artifacts/{name}/resolve");
        let (what, query) = (format!("{name}@{range}"), [("range", range.as_str())]);
        self.or_files(self.document(&what, &path, &query), self.resolve_in_files(name, range)).await
    }

    /// The version that a tag names.
    pub async fn resolve_tag(&self, name: &Name, tag: &Tag) -> Result<Resolved, ClientError> {
        let path = format!("/api/v1/artifacts/{name}/resolve");
        let (what, query) = (format!("{name}:{tag}"), [("tag", tag.as_str())]);
        self.or_files(self.document(&what, &path, &query), self.resolve_tag_in_files(name, tag)).await
    }

    /// The versions of a package with what each needs, as the registry writes them, with their entity tag. `None`: they are
    /// still what the tag `known` stands for.
    pub async fn resolution(&self, name: &Name, known: Option<&str>) -> Result<Option<(String, Bytes)>, ClientError> {
        let (path, what) = (format!("/api/v1/artifacts/{name}/resolution"), format!("the versions of {name}"));
        let server = self.repeat(|| async {
            let request = self.request(Method::GET, &path);
            let request = match known {
                Some(known) => request.header(IF_NONE_MATCH, known),
                None => request,
            };
            let response = self.send(request, &what).await?;
            if response.status() == StatusCode::NOT_MODIFIED && known.is_some() {
                return Ok(None);
            }
            let etag = header(&response, ETAG.as_str()).unwrap_or_default().to_owned();
            let body = read_body(self, response, &what, DOCUMENT_MAX, self.timeouts.idle).await?;
            Ok(Some((etag, body)))
        });
        self.or_files(server, self.resolution_of_files(name, known)).await
    }

    /// One page of search results.
    pub async fn search(&self, query: &SearchQuery) -> Result<SearchPage, ClientError> {
        self.document("the search", "/api/v1/search", query).await
    }

    /// Names, tags and skills that begin like `prefix`; all three unless one is named by `of`.
    pub async fn complete(
        &self,
        prefix: &str,
        of: Option<CompletionOf>,
        limit: Option<u32>,
    ) -> Result<List<Completion>, ClientError> {
        let limit = limit.map(|limit| ("limit", limit.to_string()));
        let of = of.map(|of| ("of", of.as_str().to_owned()));
        let query: Vec<_> = [Some(("prefix", prefix.to_owned())), of, limit].into_iter().flatten().collect();
        self.document("the completions", "/api/v1/complete", &query).await
    }

    /// All tags and how many packages have each.
    pub async fn tags(&self) -> Result<List<LabelDocument>, ClientError> {
        let server = self.all("the tags", "/api/v1/tags", ListQuery::default());
        self.or_files(server, self.labels_of_files(|line| line.tags)).await
    }

    /// All skills and how many packages have each.
    pub async fn skills(&self) -> Result<List<LabelDocument>, ClientError> {
        let server = self.all("the skills", "/api/v1/skills", ListQuery::default());
        self.or_files(server, self.labels_of_files(|line| line.skills)).await
    }

    /// The channel tags of a package and what each names.
    pub async fn channel_tags(&self, name: &Name) -> Result<List<ChannelTag>, ClientError> {
        let path = format!("/api/v1/artifacts/{name}/tags");
        let what = format!("the tags of {name}");
        let server = self.all(&what, &path, ListQuery::default());
        self.or_files(server, self.channel_tags_of_files(name)).await
    }

    /// All pages of a list together, from that of the query on.
    async fn all<T: DeserializeOwned>(
        &self,
        what: &str,
        path: &str,
        mut query: ListQuery,
    ) -> Result<List<T>, ClientError> {
        let mut rows = Vec::new();
        for _ in 0..PAGES_MAX {
            let page: List<T> = self.document(what, path, &query).await?;
            rows.extend(page.items);
            query.cursor = page.next;
            if query.cursor.is_none() {
                return Ok(List::new(rows, None));
            }
        }
        Err(self.not_understood(what, "its pages do not end"))
    }

    /// Takes a version out of resolution. It can still be pulled by its version.
    pub async fn yank(&self, name: &Name, version: &Version, reason: Option<String>) -> Result<(), ClientError> {
        let request = YankRequest { reason };
        self.change(Method::POST, name, version, "yank", Some(&request)).await
    }

    /// Puts a yanked version back.
    pub async fn undo_yank(&self, name: &Name, version: &Version) -> Result<(), ClientError> {
        self.change(Method::DELETE, name, version, "yank", NOTHING).await
    }

    /// Says of a version that people had better leave it.
    pub async fn deprecate(
        &self,
        name: &Name,
        version: &Version,
        request: &DeprecateRequest,
    ) -> Result<(), ClientError> {
        self.change(Method::POST, name, version, "deprecate", Some(request)).await
    }

    /// Takes a deprecation back.
    pub async fn undo_deprecate(&self, name: &Name, version: &Version) -> Result<(), ClientError> {
        self.change(Method::DELETE, name, version, "deprecate", NOTHING).await
    }

    /// Lets `latest` name a version until it is unpinned.
    pub async fn pin(&self, name: &Name, version: &Version) -> Result<(), ClientError> {
        let path = format!("/api/v1/artifacts/{name}/pin");
        let request = PinRequest { version: version.clone() };
        self.ask(Method::PUT, &path, &format!("{name}@{version}"), Some(&request)).await
    }

    /// Lets `latest` be the highest version again.
    pub async fn unpin(&self, name: &Name) -> Result<(), ClientError> {
        self.ask(Method::DELETE, &format!("/api/v1/artifacts/{name}/pin"), name.as_str(), NOTHING).await
    }

    /// What differs between two versions.
    pub async fn compare(&self, name: &Name, from: &Version, to: &Version) -> Result<Comparison, ClientError> {
        let path = format!("/api/v1/artifacts/{name}/compare");
        let query = [("from", from.to_string()), ("to", to.to_string())];
        self.document(&format!("{from} and {to} of {name}"), &path, &query).await
    }

    /// What a version needs, up to `depth` steps away; that of the shown version if none is named, by all types unless one is.
    pub async fn dependencies(
        &self,
        name: &Name,
        version: Option<&Version>,
        kind: Option<DependencyType>,
        depth: u32,
    ) -> Result<Dependencies, ClientError> {
        let path = format!("/api/v1/artifacts/{name}/dependencies");
        let version = version.map(|version| ("version", version.to_string()));
        let kind = kind.map(|kind| ("type", kind.as_str().to_owned()));
        let query: Vec<_> = [Some(("depth", depth.to_string())), version, kind].into_iter().flatten().collect();
        self.document(&format!("what {name} needs"), &path, &query).await
    }

    /// One page of the packages that need this one.
    pub async fn dependents(&self, name: &Name, query: &ListQuery) -> Result<List<Dependent>, ClientError> {
        let path = format!("/api/v1/artifacts/{name}/dependents");
        self.document(&format!("who needs {name}"), &path, query).await
    }

    /// Packages that are like this one.
    pub async fn related(&self, name: &Name) -> Result<List<Related>, ClientError> {
        let path = format!("/api/v1/artifacts/{name}/related");
        self.document(&format!("what is like {name}"), &path, &()).await
    }

    /// Packages that have skills, and the smallest team of them if it is asked for.
    pub async fn with_skills(&self, query: &[(&str, String)]) -> Result<SkillMatches, ClientError> {
        self.document("the skills", "/api/v1/match", query).await
    }

    /// One page of the history of a package, latest first.
    pub async fn history(&self, name: &Name, query: &ListQuery) -> Result<List<HistoryEntry>, ClientError> {
        let path = format!("/api/v1/artifacts/{name}/history");
        self.document(&format!("the history of {name}"), &path, query).await
    }

    /// Brings a deleted version back.
    pub async fn restore(&self, name: &Name, version: &Version) -> Result<(), ClientError> {
        self.change(Method::POST, name, version, "restore", NOTHING).await
    }

    /// Lets a package be seen by others.
    pub async fn set_visibility(&self, name: &Name, visibility: Visibility) -> Result<(), ClientError> {
        let path = format!("/api/v1/artifacts/{name}/visibility");
        self.ask(Method::PUT, &path, name.as_str(), Some(&VisibilityRequest { visibility })).await
    }

    /// Hides a version; it can be restored.
    pub async fn delete(&self, name: &Name, version: &Version) -> Result<(), ClientError> {
        let path = format!("/api/v1/artifacts/{name}/versions/{version}");
        self.ask(Method::DELETE, &path, &format!("{name}@{version}"), NOTHING).await
    }

    /// Gives a deleted version up for good.
    pub async fn purge(&self, name: &Name, version: &Version) -> Result<(), ClientError> {
        self.change(Method::DELETE, name, version, "content", NOTHING).await
    }

    async fn change(
        &self,
        method: Method,
        name: &Name,
        version: &Version,
        verb: &str,
        body: Option<&impl Serialize>,
    ) -> Result<(), ClientError> {
        let path = format!("/api/v1/artifacts/{name}/versions/{version}/{verb}");
        self.ask(method, &path, &format!("{name}@{version}"), body).await
    }

    /// Each change names the state that it leads to, so it may be asked for twice.
    pub(super) async fn ask(
        &self,
        method: Method,
        path: &str,
        what: &str,
        body: Option<&impl Serialize>,
    ) -> Result<(), ClientError> {
        self.repeat(|| async {
            let request = self.request(method.clone(), path);
            let request = match body {
                Some(body) => request.json(body),
                None => request,
            };
            self.send(request, what).await.map(drop)
        })
        .await
    }

    pub(super) async fn document<T: DeserializeOwned>(
        &self,
        what: &str,
        path: &str,
        query: &(impl Serialize + ?Sized),
    ) -> Result<T, ClientError> {
        let bytes = self.get(what, path, query, DOCUMENT_MAX).await?;
        serde_json::from_slice(&bytes).map_err(|error| self.not_understood(what, error))
    }

    async fn get(
        &self,
        what: &str,
        path: &str,
        query: &(impl Serialize + ?Sized),
        maximum: u64,
    ) -> Result<Bytes, ClientError> {
        self.repeat(|| async {
            let response = self.send(self.request(Method::GET, path).query(query), what).await?;
            read_body(self, response, what, maximum, self.timeouts.idle).await
        })
        .await
    }
}
