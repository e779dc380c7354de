//! Manifests: end-3 (pull), end-7 (push), end-9 (delete).

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use crate::domain::{NameError, Reference, Repository, Tag};
use crate::http::Caller;
use crate::http::error::{Code, Failure};
use crate::http::etag::is_known;
use crate::registry::Push;

use super::{DOCKER_CONTENT_DIGEST, empty, header, location, parameters};

const OCI_SUBJECT: HeaderName = HeaderName::from_static("oci-subject");
/// Most `tag` parameters of one push.
const TAGS_MAX: usize = 100;
const OCI_TAG: HeaderName = HeaderName::from_static("oci-tag");

/// The stored manifest in its own type, whatever `Accept` says: nothing is converted.
pub(super) async fn get(
    app: &Caller,
    request: &Parts,
    repository: &Repository,
    reference: &Reference,
) -> Result<Response, Failure> {
    let manifest = app.registry.manifest(&app.actor(), repository, reference).await?;
    let shared = |bytes: &Bytes| HeaderValue::from_maybe_shared(bytes.clone()).unwrap_or(HeaderValue::from_static(""));
    let known = is_known(&request.headers, &manifest.etag);
    let is_sent = !known && request.method == Method::GET;
    if is_sent {
        app.registry.downloaded(&manifest);
    }
    let body = if is_sent { Body::from(manifest.bytes.clone()) } else { Body::empty() };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(ETAG, shared(&manifest.etag));
    headers.insert(DOCKER_CONTENT_DIGEST, shared(&manifest.digest_text));
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return Ok(response);
    }
    headers.insert(CONTENT_TYPE, shared(&manifest.media_type));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(manifest.bytes.len()));
    Ok(response)
}

/// OCI distribution 1.1, "Pushing Manifests": 201 with the manifest's location; `OCI-Subject` if it has a subject;
/// an `OCI-Tag` for each `tag` parameter of a push by digest.
pub(super) async fn put(
    app: &Caller,
    request: &Parts,
    body: Body,
    repository: &Repository,
    reference: Reference,
) -> Result<Response, Failure> {
    let content_type = match request.headers.get(CONTENT_TYPE) {
        Some(value) => Some(value.to_str().map_err(|_| invalid("the Content-Type is not text"))?),
        None => None,
    };
    let tags = parameters(request, "tag");
    if tags.len() > TAGS_MAX {
        return Err(invalid(&format!("{} tag parameters, at most {TAGS_MAX} are accepted in one push", tags.len())));
    }
    let tags: Vec<Tag> = tags.iter().map(|tag| tag.parse()).collect::<Result<_, NameError>>()?;
    if !tags.is_empty() && matches!(reference, Reference::Tag(_)) {
        return Err(invalid("tag parameters go with a push by digest"));
    }
    let bytes = read(request, body, app.registry.limits().manifest).await?;
    let push = Push { repository, reference, tags: tags.clone(), content_type, bytes };
    let pushed = app.registry.push_manifest(&app.actor(), push).await?;
    let mut response = empty(StatusCode::CREATED);
    location(&mut response, format!("/v2/{repository}/manifests/{}", pushed.digest));
    let headers = response.headers_mut();
    headers.insert(DOCKER_CONTENT_DIGEST, header(pushed.digest.to_string()));
    if let Some(subject) = pushed.subject {
        headers.insert(OCI_SUBJECT, header(subject.to_string()));
    }
    for tag in tags {
        headers.append(OCI_TAG, header(tag.to_string()));
    }
    if let Some(warning) = pushed.warning {
        headers.insert("warning", header(format!("299 - \"{warning}\"")));
    }
    Ok(response)
}

/// OCI distribution 1.1, "Deleting Manifests" and "Deleting tags": 202, and 404 afterwards.
pub(super) async fn delete(app: &Caller, repository: &Repository, reference: &Reference) -> Result<Response, Failure> {
    app.registry.delete_manifest(&app.actor(), repository, reference).await?;
    Ok(empty(StatusCode::ACCEPTED))
}

/// OCI distribution 1.1, "Pushing Manifests": a manifest above the registry's limit is refused with 413.
async fn read(request: &Parts, body: Body, limit: usize) -> Result<Bytes, Failure> {
    let too_large = || {
        let message = format!("the manifest is larger than the {limit} bytes that are accepted");
        Failure::new(StatusCode::PAYLOAD_TOO_LARGE, Code::SizeInvalid, message)
    };
    let declared = request.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|declared| declared > limit as u64) {
        return Err(too_large());
    }
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
        Err(error) => Err(invalid(&format!("the manifest did not arrive whole: {error}"))),
    }
}

fn invalid(message: &str) -> Failure {
    Failure::bad_request(Code::ManifestInvalid, message)
}
