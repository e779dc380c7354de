//! Uploads: end-4a, end-4b (begin, whole), end-5 (chunk), end-6 (finish), end-11 (mount), end-13 (status), end-14 (cancel).

use std::ops::Range;

use axum::body::{Body, HttpBody};
use axum::response::Response;
use http::header::{CONTENT_RANGE, LOCATION, RANGE};
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use uuid::Uuid;

use crate::domain::{Algorithm, Digest, Repository};
use crate::http::Caller;
use crate::http::body::{Differs, measured};
use crate::http::error::{Code, Failure};
use crate::http::range::chunk;
use crate::registry::RegistryError;

use super::{DOCKER_CONTENT_DIGEST, empty, header, location, parameter};

/// `POST …/blobs/uploads/`: mounts a blob, takes one whole (`?digest=`), or begins a session.
pub(super) async fn begin(
    app: &Caller,
    request: &Parts,
    body: Body,
    repository: &Repository,
) -> Result<Response, Failure> {
    let actor = app.actor();
    if let Some(mount) = parameter(request, "mount") {
        let digest: Digest = mount.parse()?;
        let from: Option<Repository> = match parameter(request, "from") {
            Some(from) => Some(from.parse()?),
            None => None,
        };
        if app.registry.mount(&actor, repository, &digest, from.as_ref()).await? {
            return Ok(stored(repository, &digest));
        }
        // OCI distribution 1.1, "Mounting a blob": a mount that cannot be done is the beginning of an upload.
    } else if let Some(digest) = parameter(request, "digest") {
        let digest: Digest = digest.parse()?;
        app.registry.push_blob(&actor, repository, &digest, body.into_data_stream()).await?;
        return Ok(stored(repository, &digest));
    }
    let algorithm = match parameter(request, "digest-algorithm") {
        Some(algorithm) => algorithm.parse()?,
        None => Algorithm::Sha256,
    };
    let upload = app.registry.begin_upload(&actor, repository, algorithm).await?;
    Ok(session(StatusCode::ACCEPTED, repository, upload.id, 0))
}

/// `PATCH …/blobs/uploads/<id>`: a chunk, at the place that `Content-Range` says, or a stream of unknown length.
pub(super) async fn append(
    app: &Caller,
    request: &Parts,
    body: Body,
    repository: &Repository,
    id: Uuid,
) -> Result<Response, Failure> {
    let range = match announced(request, &body) {
        Ok(range) => range,
        Err(failure) => return refuse_chunk(app, repository, id, failure).await,
    };
    let (offset, length, differs) = parts(range);
    let body = measured(body, length, differs.clone());
    match app.registry.append_upload(&app.actor(), repository, id, offset, body).await {
        Ok(offset) => Ok(session(StatusCode::ACCEPTED, repository, id, offset)),
        Err(error) => refuse_chunk(app, repository, id, refused(error, &differs)).await,
    }
}

/// `PUT …/blobs/uploads/<id>?digest=`: ends the session, perhaps with a last chunk.
pub(super) async fn finish(
    app: &Caller,
    request: &Parts,
    body: Body,
    repository: &Repository,
    id: Uuid,
) -> Result<Response, Failure> {
    let actor = app.actor();
    let missing = || Failure::bad_request(Code::DigestInvalid, "the parameter digest is missing");
    let digest: Digest = parameter(request, "digest").ok_or_else(missing)?.parse()?;
    let range = match announced(request, &body) {
        Ok(range) => range,
        Err(failure) => return refuse_chunk(app, repository, id, failure).await,
    };
    let (offset, length, differs) = parts(range);
    let upload = app.registry.upload(&actor, repository, id).await?;
    if upload.offset == 0 && offset.unwrap_or(0) == 0 {
        let body = measured(body, length, differs.clone());
        let finished = app.registry.finish_upload_whole(&actor, repository, id, &digest, body).await;
        finished.map_err(|error| refused(error, &differs))?;
        return Ok(stored(repository, &digest));
    }
    if !body.is_end_stream() {
        let body = measured(body, length, differs.clone());
        if let Err(error) = app.registry.append_upload(&actor, repository, id, offset, body).await {
            return refuse_chunk(app, repository, id, refused(error, &differs)).await;
        }
    }
    app.registry.finish_upload(&actor, repository, id, &digest).await?;
    Ok(stored(repository, &digest))
}

/// `GET …/blobs/uploads/<id>`: 204 with the range received so far.
pub(super) async fn status(app: &Caller, repository: &Repository, id: Uuid) -> Result<Response, Failure> {
    let upload = app.registry.upload(&app.actor(), repository, id).await?;
    Ok(session(StatusCode::NO_CONTENT, repository, id, upload.offset))
}

/// `DELETE …/blobs/uploads/<id>`: 204, the session is gone.
pub(super) async fn cancel(app: &Caller, repository: &Repository, id: Uuid) -> Result<Response, Failure> {
    app.registry.cancel_upload(&app.actor(), repository, id).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

/// Offset and length of a chunk, as far as it says them, and what becomes known of the length.
fn parts(range: Option<Range<u64>>) -> (Option<u64>, Option<u64>, Differs) {
    (range.as_ref().map(|range| range.start), range.map(|range| range.end - range.start), Differs::default())
}

/// A chunk of another length than its range ends with what was right of it taken: the session says where it stands.
fn refused(error: RegistryError, differs: &Differs) -> Failure {
    if differs.is_set() {
        let message = "the body has another length than its Content-Range; a GET of the upload says where it stands";
        return Failure::bad_request(Code::SizeInvalid, message);
    }
    error.into()
}

/// Which bytes the chunk says that it has; `None` if it does not say.
fn announced(request: &Parts, body: &Body) -> Result<Option<Range<u64>>, Failure> {
    let Some(value) = request.headers.get(CONTENT_RANGE) else { return Ok(None) };
    let range = value.to_str().ok().and_then(chunk).ok_or_else(|| {
        let message = "the Content-Range is not <first>-<last>, both inclusive and in bytes";
        Failure::new(StatusCode::RANGE_NOT_SATISFIABLE, Code::BlobUploadInvalid, message)
    })?;
    let length = range.end - range.start;
    match body.size_hint().exact() {
        Some(found) if found != length => {
            let message = format!("the Content-Range has {length} bytes, the body {found}");
            Err(Failure::bad_request(Code::SizeInvalid, message))
        }
        _ => Ok(Some(range)),
    }
}

/// A refused chunk tells the client where the session stands, so that it can go on from there.
async fn refuse_chunk(app: &Caller, repository: &Repository, id: Uuid, failure: Failure) -> Result<Response, Failure> {
    if failure.status != StatusCode::RANGE_NOT_SATISFIABLE {
        return Err(failure);
    }
    let upload = app.registry.upload(&app.actor(), repository, id).await?;
    let stands = session(StatusCode::RANGE_NOT_SATISFIABLE, repository, id, upload.offset);
    let mut response = failure.into_oci();
    for name in [LOCATION, RANGE] {
        if let Some(value) = stands.headers().get(&name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    Ok(response)
}

/// 201 with the blob's location.
fn stored(repository: &Repository, digest: &Digest) -> Response {
    let mut response = empty(StatusCode::CREATED);
    location(&mut response, format!("/v2/{repository}/blobs/{digest}"));
    response.headers_mut().insert(DOCKER_CONTENT_DIGEST, header(digest.to_string()));
    response
}

/// Where a session is and how far. `Range` is inclusive; `0-0` also before the first byte, as clients expect it.
fn session(status: StatusCode, repository: &Repository, id: Uuid, offset: u64) -> Response {
    let mut response = empty(status);
    location(&mut response, format!("/v2/{repository}/blobs/uploads/{id}"));
    let headers = response.headers_mut();
    headers.insert(RANGE, header(format!("0-{}", offset.saturating_sub(1))));
    headers.insert("docker-upload-uuid", HeaderValue::try_from(id.to_string()).unwrap_or(HeaderValue::from_static("")));
    response
}
