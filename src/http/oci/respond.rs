//! Pieces of answers, and of requests, that several handlers share.

use axum::body::Body;
use axum::response::Response;
use http::header::{CONTENT_LENGTH, LOCATION};
use http::request::Parts;
use http::{HeaderName, HeaderValue, StatusCode};

pub(super) const DOCKER_CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// An answer without a body.
pub(super) fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    if status != StatusCode::NO_CONTENT {
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    response
}

/// A header value from text that holds only visible ASCII: names, digests, numbers.
pub(super) fn header(text: impl Into<String>) -> HeaderValue {
    HeaderValue::try_from(text.into()).unwrap_or(HeaderValue::from_static(""))
}

pub(super) fn location(response: &mut Response, path: String) {
    response.headers_mut().insert(LOCATION, header(path));
}

/// The value of one parameter of the query, percent-decoded.
pub(super) fn parameter(request: &Parts, name: &str) -> Option<String> {
    parameters(request, name).into_iter().next()
}

/// All values of a parameter of the query, in order.
pub(super) fn parameters(request: &Parts, name: &str) -> Vec<String> {
    let pairs: Vec<(String, String)> =
        axum::extract::Query::try_from_uri(&request.uri).map(|query| query.0).unwrap_or_default();
    pairs.into_iter().filter(|(key, _)| key == name).map(|(_, value)| value).collect()
}
