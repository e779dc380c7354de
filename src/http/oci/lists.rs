//! Lists: end-8 (tags), the catalogue, end-12 (referrers).

use axum::body::Body;
use axum::response::Response;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, LINK};
use http::request::Parts;
use http::{HeaderValue, Method};
use serde_json::{Value, json};

use crate::domain::media_type::OCI_INDEX;
use crate::domain::{Digest, Repository};
use crate::http::Caller;
use crate::http::error::{Code, Failure};

use super::{header, parameter};

/// Most entries of a page. A client that asks for no number gets as many, and a `Link` if there are more.
const PAGE_MAX: usize = 10_000;

/// OCI distribution 1.1, "Listing Tags": in lexical order, `n` at most, those after `last`, `Link` to the next page.
pub(super) async fn tags(app: &Caller, request: &Parts, repository: &Repository) -> Result<Response, Failure> {
    let (limit, last) = page(request)?;
    let (tags, more) = app.registry.tags(&app.actor(), repository, last.as_deref(), limit).await?;
    let next =
        tags.last().filter(|_| more).map(|tag| link(&format!("/v2/{repository}/tags/list"), limit, tag.as_str()));
    Ok(document(request, "application/json", json!({ "name": repository, "tags": tags }), next))
}

/// The catalogue of repositories, paged like tags.
pub(super) async fn catalog(app: &Caller, request: &Parts) -> Result<Response, Failure> {
    let (limit, last) = page(request)?;
    let (repositories, more) = app.registry.repositories(&app.actor(), last.as_deref(), limit).await?;
    let next = repositories.last().filter(|_| more).map(|last| link("/v2/_catalog", limit, last.as_str()));
    Ok(document(request, "application/json", json!({ "repositories": repositories }), next))
}

/// OCI distribution 1.1, "Listing Referrers": an image index, with a `Link` to the rest of a long one; `OCI-Filters-Applied` if the filter was applied.
pub(super) async fn referrers(
    app: &Caller,
    request: &Parts,
    repository: &Repository,
    subject: &Digest,
) -> Result<Response, Failure> {
    let filter = parameter(request, "artifactType").filter(|filter| !filter.is_empty());
    let last: Option<Digest> = parameter(request, "last").map(|last| last.parse()).transpose()?;
    let (actor, artifact_type) = (app.actor(), filter.as_deref());
    let referrers = app.registry.referrers(&actor, repository, subject, artifact_type, last.as_ref()).await?;
    let mut response = bytes(request, OCI_INDEX, referrers.index);
    if let Some(last) = referrers.next {
        let filter = filter.map(|filter| format!("artifactType={}&", encode(&filter))).unwrap_or_default();
        let next = format!("</v2/{repository}/referrers/{subject}?{filter}last={last}>; rel=\"next\"");
        response.headers_mut().insert(LINK, header(next));
    }
    if referrers.filtered {
        response.headers_mut().insert("oci-filters-applied", HeaderValue::from_static("artifactType"));
    }
    Ok(response)
}

fn page(request: &Parts) -> Result<(usize, Option<String>), Failure> {
    let limit = match parameter(request, "n") {
        // `parse` would take a sign. What is only too large for it is cut to the most like any other.
        Some(n) if !n.is_empty() && n.bytes().all(|byte| byte.is_ascii_digit()) => n.parse().unwrap_or(PAGE_MAX),
        Some(n) => {
            let n: String = n.chars().take(50).collect();
            return Err(Failure::bad_request(
                Code::Unsupported,
                format!("the parameter n is {n:?}, expected a number"),
            ));
        }
        None => PAGE_MAX,
    };
    Ok((limit.min(PAGE_MAX), parameter(request, "last")))
}

/// A value of a query, percent-encoded.
fn encode(value: &str) -> String {
    let mut encoded = String::new();
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                encoded.push(char::from(byte))
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// RFC 8288 link to the next page. Tags and names need no encoding in a query.
fn link(path: &str, limit: usize, last: &str) -> String {
    format!("<{path}?n={limit}&last={last}>; rel=\"next\"")
}

fn document(request: &Parts, content_type: &'static str, document: Value, next: Option<String>) -> Response {
    let mut response = bytes(request, content_type, document.to_string().into());
    if let Some(next) = next {
        response.headers_mut().insert(LINK, header(next));
    }
    response
}

fn bytes(request: &Parts, content_type: &'static str, bytes: bytes::Bytes) -> Response {
    let length = bytes.len();
    let body = if request.method == Method::HEAD { Body::empty() } else { Body::from(bytes) };
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    response
}
