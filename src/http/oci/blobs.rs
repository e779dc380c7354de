//! Blobs: end-2 (pull), end-10 (delete).

use std::ops::Range;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use http::header::{ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_RANGE, RANGE};
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode};

use crate::domain::media_type::OCTET_STREAM;
use crate::domain::{Digest, Repository};
use crate::http::Caller;
use crate::http::error::{Code, Failure};
use crate::http::etag::is_known;
use crate::http::range::{Wanted, wanted};
use crate::registry::{BlobBody, BlobInfo};

use super::{DOCKER_CONTENT_DIGEST, empty, header, location};

/// How long a signed address is good: a download begins at once, and one that is resumed asks again.
const SIGNED_FOR: Duration = Duration::from_secs(15 * 60);

/// OCI distribution 1.1, "Pulling blobs": 200 with the bytes, 206 with a range of them, 416 for a range that is not there.
pub(super) async fn get(
    app: &Caller,
    request: &Parts,
    repository: &Repository,
    digest: &Digest,
) -> Result<Response, Failure> {
    let blob = app.registry.blob(&app.actor(), repository, digest).await?;
    let etag = format!("\"{digest}\"");
    if is_known(&request.headers, etag.as_bytes()) {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        describe(&mut response, digest, etag);
        return Ok(response);
    }
    if request.method == Method::HEAD {
        // Who asks whether a blob is there will not send it.
        app.registry.touch_blob(&blob).await?;
        let mut response = Response::new(Body::empty());
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(blob.size));
        describe(&mut response, digest, etag);
        return Ok(response);
    }
    let wanted = range(request, &blob, &etag);
    if wanted != Wanted::Unsatisfiable
        && app.options.redirect_above.is_some_and(|above| blob.size >= above)
        && let Some(address) = app.registry.blob_address(&blob, SIGNED_FOR).await?
    {
        return Ok(elsewhere(digest, address));
    }
    match wanted {
        Wanted::Whole => {
            let mut response = Response::new(body(app, &blob, None).await?);
            response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(blob.size));
            describe(&mut response, digest, etag);
            Ok(response)
        }
        Wanted::Part(range) => {
            let (first, length) = (range.start, range.end - range.start);
            let mut response = Response::new(body(app, &blob, Some(range)).await?);
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            let headers = response.headers_mut();
            headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
            headers.insert(CONTENT_RANGE, header(format!("bytes {first}-{}/{}", first + length - 1, blob.size)));
            describe(&mut response, digest, etag);
            Ok(response)
        }
        Wanted::Unsatisfiable => {
            let message = format!("the range lies outside the blob's {} bytes", blob.size);
            let failure = Failure::new(StatusCode::RANGE_NOT_SATISFIABLE, Code::SizeInvalid, message);
            let mut response = failure.into_oci();
            response.headers_mut().insert(CONTENT_RANGE, header(format!("bytes */{}", blob.size)));
            Ok(response)
        }
    }
}

/// RFC 9110, 15.4.8: the same request, at another address; the client repeats its `Range` there. Whoever has the address reads the
/// blob, so no cache keeps it.
fn elsewhere(digest: &Digest, address: String) -> Response {
    let mut response = empty(StatusCode::TEMPORARY_REDIRECT);
    location(&mut response, address);
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(DOCKER_CONTENT_DIGEST, header(digest.to_string()));
    response
}

/// OCI distribution 1.1, "Deleting Blobs": 202, and 404 afterwards.
pub(super) async fn delete(app: &Caller, repository: &Repository, digest: &Digest) -> Result<Response, Failure> {
    app.registry.delete_blob(&app.actor(), repository, digest).await?;
    Ok(empty(StatusCode::ACCEPTED))
}

/// RFC 9110, 13.1.5: `If-Range` with another entity tag makes the range void.
fn range(request: &Parts, blob: &BlobInfo, etag: &str) -> Wanted {
    let same = request.headers.get(IF_RANGE).is_none_or(|value| value.as_bytes() == etag.as_bytes());
    let header = request.headers.get(RANGE).and_then(|value| value.to_str().ok());
    wanted(header.filter(|_| same), blob.size)
}

async fn body(app: &Caller, blob: &BlobInfo, range: Option<Range<u64>>) -> Result<Body, Failure> {
    match app.registry.read_blob(blob, range).await? {
        BlobBody::Bytes(bytes) => Ok(Body::from(bytes)),
        BlobBody::Stream(stream) => Ok(Body::from_stream(stream)),
    }
}

fn describe(response: &mut Response, digest: &Digest, etag: String) {
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(OCTET_STREAM));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(DOCKER_CONTENT_DIGEST, header(digest.to_string()));
    headers.insert(ETAG, header(etag));
}
