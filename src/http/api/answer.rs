//! Answers: JSON documents, entity tags, and refusals as problem+json.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;

use crate::domain::Digest;
use crate::http::error::{Code, Failure};
use crate::http::etag::{is_expected, is_known};
use crate::meta::{Refused, Seen};
use crate::registry::RegistryError;

/// A handler's answer.
pub(super) type Answer = Result<Response, Refusal>;

/// An error on its way out, as problem+json.
#[derive(Debug)]
pub struct Refusal(pub(super) Failure);

impl<E: Into<Failure>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        self.0.into_problem()
    }
}

/// A document.
pub(super) fn json(document: &impl Serialize) -> Answer {
    Ok(with_type(to_bytes(document)?, "application/json"))
}

/// A document that a client may hold already. RFC 9110, 13.1.2: 304 if `If-None-Match` names its entity tag.
pub(super) fn tagged_json(request: &HeaderMap, document: &impl Serialize) -> Answer {
    Ok(tagged(request, to_bytes(document)?, "application/json"))
}

/// Bytes that a client may hold already; the entity tag is their hash.
pub(super) fn tagged(request: &HeaderMap, bytes: Bytes, content_type: &'static str) -> Response {
    let etag = etag(&bytes);
    let mut response = if is_known(request, etag.as_bytes()) {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        with_type(bytes, content_type)
    };
    if let Ok(etag) = HeaderValue::try_from(etag) {
        response.headers_mut().insert(ETAG, etag);
    }
    response
}

/// What the caller of a change says that it saw of something: by RFC 9110, 13.1, `If-Match` names the entity tag of its document, and
/// `If-None-Match: *` says that there was nothing. `there`: the document as it is now, and the digest of what was said of it, if
/// anything was.
pub(super) async fn seen_of<D: Serialize>(
    request: &HeaderMap,
    what: &'static str,
    there: impl Future<Output = Result<Option<(D, Option<Digest>)>, RegistryError>>,
) -> Result<Seen, Refusal> {
    let seen = match request.get(IF_NONE_MATCH) {
        None => Seen::Unsaid,
        Some(any) if any == "*" => Seen::Absent,
        Some(_) => return Err(bad_request("If-None-Match of a change is *", "send If-Match with what you saw").into()),
    };
    if !request.contains_key(IF_MATCH) {
        return Ok(seen);
    }
    match there.await? {
        Some((document, digest)) if is_expected(request, etag_of(&document)?.as_bytes()) => {
            Ok(digest.map_or(Seen::Absent, Seen::Document))
        }
        _ => Err(RegistryError::Refused(Refused::Changed(what)).into()),
    }
}

/// The entity tag of a document.
pub(super) fn etag_of(document: &impl Serialize) -> Result<String, Failure> {
    Ok(etag(&to_bytes(document)?))
}

fn etag(bytes: &[u8]) -> String {
    format!("\"{}\"", &Digest::sha256(bytes).hex()[..32])
}

/// An answer without a body.
pub(super) fn nothing() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

pub(super) fn with_type(bytes: Bytes, content_type: &'static str) -> Response {
    let mut response = Response::new(Body::from(bytes));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// 400 with what would have been right.
pub(super) fn bad_request(message: impl Into<String>, hint: impl Into<String>) -> Failure {
    Failure::bad_request(Code::Unsupported, message).with_hint(hint)
}

fn to_bytes(document: &impl Serialize) -> Result<Bytes, Failure> {
    serde_json::to_vec(document).map(Bytes::from).map_err(|error| {
        let message = format!("the answer cannot be written as JSON: {error}");
        Failure::new(StatusCode::INTERNAL_SERVER_ERROR, Code::Unknown, message)
    })
}
