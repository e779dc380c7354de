//! Drafts: artifacts that may still change, for who may publish them. Each change names the revision that the caller saw.

use axum::body::Body;
use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;
use http::{HeaderMap, StatusCode, Uri};
use utoipa::IntoParams;
use utoipa::openapi::Ref;
use utoipa::openapi::path::{Parameter, ParameterIn};
use uuid::Uuid;

use super::answer::{Answer, Refusal, bad_request, json, nothing};
use super::openapi::Octets;
use super::parameters::Parameters;
use super::path::{self, OfVersion, segment};
use super::received::{read_archive, read_json, read_optional};
use crate::domain::api::{DraftPublished, List, Problem, PublishRequest};
use crate::domain::{About, AboutPatch, Draft, Kind, Name, OrgName, Step, Version};
use crate::http::Caller;
use crate::http::error::Failure;
use crate::registry::Drafted;

/// Most bytes of the body of a publication.
const BODY_MAX: usize = 256 << 10;
/// Most bytes of a patch.
const PATCH_MAX: usize = 4 << 20;

/// `{org}/{id}`
pub(super) struct OfDraft(String, Uuid);

impl<S: Send + Sync> FromRequestParts<S> for OfDraft {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let params: RawPathParams = path::params(parts, state).await?;
        let id = path::get(&params, "id").parse();
        let id =
            id.map_err(|_| bad_request("the draft's identity is no UUID", "give back `id` of the draft as it was"))?;
        Ok(Self(path::get(&params, "org").to_owned(), id))
    }
}

impl IntoParams for OfDraft {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![
            segment("org", "Organisation", Ref::from_schema_name("OrgName").into()),
            segment("id", "Identity of the draft", path::uuid()),
        ]
    }
}

/// Begin a draft
///
/// The body is a tar, plain or compressed with gzip, with the files of one artifact: as they stand, or all below a folder that has
/// the artifact's name. What the files say of themselves is read as at a publication.
#[utoipa::path(
    post,
    path = "/api/v1/drafts",
    operation_id = "createDraft",
    tag = "drafts",
    params(
        ("name" = Name, Query, description = "The package that it is to be a version of"),
        ("version" = Option<Version>, Query, description = "The version, if it is not the one in the files, or the next patch"),
        ("kind" = Option<Kind>, Query, description = "What it is, if the files do not say"),
        ("declaration" = Option<String>, Query, description = "Which of several declarations in a PCL file"),
    ),
    request_body(description = "The files", content((Octets = "application/gzip"), (Octets = "application/x-tar"))),
    responses(
        (status = 201, body = Draft, description = "The draft"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn create(app: Caller, uri: Uri, headers: HeaderMap, body: Body) -> Answer {
    let parameters = Parameters::read(&uri, &[&["name", "version", "kind", "declaration"]])?;
    let hint = "say what it is to be a version of: ?name=org/name";
    let name: Option<Name> = parameters.parsed("name", hint)?;
    let name = name.ok_or_else(|| bad_request("the parameter name is missing", hint))?;
    let drafted = drafted(&parameters)?;
    // Asked before the body is read.
    app.registry.may_draft(&app.actor(), &name).await?;
    let files = read_archive(&headers, body, app.registry.limits().archive).await?;
    let draft = app.registry.create_draft(&app.actor(), &name, files, drafted).await?;
    let mut response = json(&draft)?;
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

fn drafted(parameters: &Parameters) -> Result<Drafted, Failure> {
    Ok(Drafted {
        version: parameters.parsed("version", "give a whole version such as 1.0.0")?,
        kind: parameters.parsed("kind", "kind is persona, team, workflow, skill, …")?,
        declaration: parameters.one("declaration")?.map(str::to_owned),
    })
}

fn revision(parameters: &Parameters) -> Result<u64, Failure> {
    let hint = "give `revision` of the draft as you saw it: ?revision=1";
    let revision: Option<u64> = parameters.parsed("revision", hint)?;
    revision.filter(|revision| *revision > 0).ok_or_else(|| bad_request("the revision is missing", hint))
}

/// Drafts
///
/// Those of an organisation that the caller may publish, oldest first.
#[utoipa::path(
    get,
    path = "/api/v1/drafts",
    operation_id = "listDrafts",
    tag = "drafts",
    params(
        ("org" = Option<OrgName>, Query, description = "The organisation"),
        ("name" = Option<Name>, Query, description = "The package; its organisation need not be given then"),
    ),
    responses(
        (status = 200, body = List<Draft>, description = "All of them"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn list(app: Caller, uri: Uri) -> Answer {
    let parameters = Parameters::read(&uri, &[&["org", "name"]])?;
    let hint = "say whose: ?org=NAME or ?name=org/name";
    let name: Option<Name> = parameters.parsed("name", hint)?;
    let org: Option<OrgName> = parameters.parsed("org", hint)?;
    let org = org.as_ref().map(OrgName::as_str).or(name.as_ref().map(Name::org));
    let org = org.ok_or_else(|| bad_request("neither org nor name is given", hint))?;
    let items = app.registry.drafts(&app.actor(), org, name.as_ref()).await?;
    json(&List::new(items, None))
}

/// A draft
#[utoipa::path(
    get,
    path = "/api/v1/drafts/{org}/{id}",
    operation_id = "getDraft",
    tag = "drafts",
    params(OfDraft),
    responses(
        (status = 200, body = Draft, description = "The draft"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn get(app: Caller, OfDraft(org, id): OfDraft, uri: Uri) -> Answer {
    Parameters::read(&uri, &[])?;
    json(&app.registry.draft(&app.actor(), &org, id).await?)
}

/// Save a draft
///
/// Replaces its files. A draft that was saved by somebody else since `revision` is left alone, with 409.
#[utoipa::path(
    put,
    path = "/api/v1/drafts/{org}/{id}",
    operation_id = "updateDraft",
    tag = "drafts",
    params(
        OfDraft,
        ("revision" = u64, Query, minimum = 1, description = "The revision that the caller saw"),
        ("version" = Option<Version>, Query, description = "Another version than before"),
        ("kind" = Option<Kind>, Query, description = "Another kind than before"),
        ("declaration" = Option<String>, Query, description = "Which of several declarations in a PCL file"),
    ),
    request_body(description = "The files", content((Octets = "application/gzip"), (Octets = "application/x-tar"))),
    responses(
        (status = 200, body = Draft, description = "The draft as it is now"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn put(app: Caller, OfDraft(org, id): OfDraft, uri: Uri, headers: HeaderMap, body: Body) -> Answer {
    let parameters = Parameters::read(&uri, &[&["revision", "version", "kind", "declaration"]])?;
    let (revision, drafted) = (revision(&parameters)?, drafted(&parameters)?);
    let files = read_archive(&headers, body, app.registry.limits().archive).await?;
    json(&app.registry.update_draft(&app.actor(), &org, id, revision, files, drafted).await?)
}

/// Change what a draft says
///
/// The body is a JSON merge patch (RFC 7396) of title, description, tags, skills, dependencies, license, authors, changelog, capabilities
/// and metadata. `null` takes a field away, and the files have the word again when it is published. The files stay.
#[utoipa::path(
    patch,
    path = "/api/v1/drafts/{org}/{id}",
    operation_id = "describeDraft",
    tag = "drafts",
    params(OfDraft, ("revision" = u64, Query, minimum = 1, description = "The revision that the caller saw")),
    request_body(content = About, content_type = "application/merge-patch+json", description = "The fields to change"),
    responses(
        (status = 200, body = Draft, description = "The draft as it is now"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn patch(app: Caller, OfDraft(org, id): OfDraft, uri: Uri, headers: HeaderMap, body: Body) -> Answer {
    let parameters = Parameters::read(&uri, &[&["revision"]])?;
    let revision = revision(&parameters)?;
    let patch = read_patch(&headers, body).await?;
    json(&app.registry.describe_draft(&app.actor(), &org, id, revision, &patch).await?)
}

/// Begin a draft from a version
///
/// What is published stays as it is; this begins a draft of the next version with the same files. The body is a JSON merge patch (RFC
/// 7396) of what the version says of itself: title, description, tags, skills, dependencies, license, authors, changelog, capabilities
/// and metadata. What it says to have changed is not taken over.
#[utoipa::path(
    patch,
    path = "/api/v1/artifacts/{org}/{slug}/versions/{version}",
    operation_id = "reviseVersion",
    tag = "drafts",
    params(
        OfVersion,
        ("bump" = Option<String>, Query, pattern = "^(major|minor|patch|pre)$",
            description = "How far the next version is from this one: `patch` if nothing is said. Numbers that were used are passed over"),
    ),
    request_body(content = About, content_type = "application/merge-patch+json", description = "The fields to change"),
    responses(
        (status = 201, body = Draft, description = "The draft"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn revise(
    app: Caller,
    OfVersion(name, version): OfVersion,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let parameters = Parameters::read(&uri, &[&["bump"]])?;
    let step = parameters.parsed("bump", "bump is major, minor, patch or pre")?.unwrap_or(Step::Patch);
    app.registry.may_draft(&app.actor(), &name).await?;
    let patch = read_patch(&headers, body).await?;
    let draft = app.registry.revise(&app.actor(), &name, &version, step, &patch).await?;
    let mut response = json(&draft)?;
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

async fn read_patch(headers: &HeaderMap, body: Body) -> Result<AboutPatch, Failure> {
    let hint = r#"write {"description": "…", "tags": ["…"]}, or {} to change nothing yet"#;
    let patch = read_json(headers, body, PATCH_MAX, hint).await?;
    AboutPatch::of(patch).map_err(|error| bad_request(error.to_string(), hint))
}

/// Publish a draft
///
/// What is published is what a push of the same files would be. The draft is gone afterwards.
#[utoipa::path(
    post,
    path = "/api/v1/drafts/{org}/{id}/publish",
    operation_id = "publishDraft",
    tag = "drafts",
    params(OfDraft, ("revision" = u64, Query, minimum = 1, description = "The revision that the caller saw")),
    request_body(content = Option<PublishRequest>, description = "What changed; may be left out"),
    responses(
        (status = 200, body = DraftPublished, description = "The version"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn publish(
    app: Caller,
    OfDraft(org, id): OfDraft,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let parameters = Parameters::read(&uri, &[&["revision"]])?;
    let revision = revision(&parameters)?;
    let hint = r#"write {"changelog": "…"}, or nothing"#;
    let PublishRequest { changelog } = read_optional(&headers, body, BODY_MAX, hint).await?;
    let (draft, digest) = app.registry.publish_draft(&app.actor(), &org, id, revision, changelog).await?;
    json(&DraftPublished { name: draft.name, version: draft.config.version, digest })
}

/// Remove a draft
#[utoipa::path(
    delete,
    path = "/api/v1/drafts/{org}/{id}",
    operation_id = "deleteDraft",
    tag = "drafts",
    params(OfDraft, ("revision" = u64, Query, minimum = 1, description = "The revision that the caller saw")),
    responses(
        (status = 204, description = "It is gone"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn delete(app: Caller, OfDraft(org, id): OfDraft, uri: Uri) -> Answer {
    let parameters = Parameters::read(&uri, &[&["revision"]])?;
    app.registry.delete_draft(&app.actor(), &org, id, revision(&parameters)?).await?;
    Ok(nothing())
}
