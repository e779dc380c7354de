//! The OCI distribution API, `/v2/`: specification 1.1, all four categories.

mod blobs;
mod lists;
mod manifests;
pub mod route;
mod uploads;

use axum::body::Body;
use axum::response::Response;
use http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Request, StatusCode};

use self::route::{NoRoute, Route};
use super::App;
use super::error::{Code, Failure};

pub(super) const DOCKER_CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// Answers a request below `/v2`.
pub async fn handle(app: &App, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    match answer(app, &parts, body).await {
        Ok(response) => response,
        Err(failure) => failure.into_oci(),
    }
}

async fn answer(app: &App, request: &Parts, body: Body) -> Result<Response, Failure> {
    let method = &request.method;
    let reads = matches!(*method, Method::GET | Method::HEAD);
    let route = Route::parse(request.uri.path()).map_err(|error| match error {
        NoRoute::NotFound => Failure::new(StatusCode::NOT_FOUND, Code::NameUnknown, "there is nothing at this path"),
        NoRoute::Invalid(failure) => failure,
        NoRoute::NoTag(failure) if reads => {
            Failure { status: StatusCode::NOT_FOUND, code: Code::ManifestUnknown, ..failure }
        }
        NoRoute::NoTag(failure) => failure,
    })?;
    match (route, method.as_str()) {
        (Route::Base, "GET" | "HEAD") => Ok(base()),
        (Route::Catalog, "GET" | "HEAD") => lists::catalog(app, request).await,
        (Route::Tags(repository), "GET" | "HEAD") => lists::tags(app, request, &repository).await,
        (Route::Referrers(repository, digest), "GET" | "HEAD") => {
            lists::referrers(app, request, &repository, &digest).await
        }
        (Route::Manifest(repository, reference), "GET" | "HEAD") => {
            manifests::get(app, request, &repository, &reference).await
        }
        (Route::Manifest(repository, reference), "PUT") => {
            manifests::put(app, request, body, &repository, reference).await
        }
        (Route::Manifest(repository, reference), "DELETE") => manifests::delete(app, &repository, &reference).await,
        (Route::Blob(repository, digest), "GET" | "HEAD") => blobs::get(app, request, &repository, &digest).await,
        (Route::Blob(repository, digest), "DELETE") => blobs::delete(app, &repository, &digest).await,
        (Route::Uploads(repository), "POST") => uploads::begin(app, request, body, &repository).await,
        (Route::Upload(repository, id), "GET" | "HEAD") => uploads::status(app, &repository, id).await,
        (Route::Upload(repository, id), "PATCH") => uploads::append(app, request, body, &repository, id).await,
        (Route::Upload(repository, id), "PUT") => uploads::finish(app, request, body, &repository, id).await,
        (Route::Upload(repository, id), "DELETE") => uploads::cancel(app, &repository, id).await,
        (route, _) => Ok(not_allowed(&route)),
    }
}

/// OCI distribution 1.1, "Determining Support": 200 if the registry implements the specification.
fn base() -> Response {
    let mut response = Response::new(Body::from("{}"));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert("docker-distribution-api-version", HeaderValue::from_static("registry/2.0"));
    response
}

fn not_allowed(route: &Route) -> Response {
    let allowed = match route {
        Route::Base | Route::Catalog | Route::Tags(_) | Route::Referrers(..) => "GET, HEAD",
        Route::Blob(..) => "GET, HEAD, DELETE",
        Route::Manifest(..) => "GET, HEAD, PUT, DELETE",
        Route::Uploads(_) => "POST",
        Route::Upload(..) => "GET, HEAD, PATCH, PUT, DELETE",
    };
    let message = format!("this path takes {allowed}");
    let mut response = Failure::new(StatusCode::METHOD_NOT_ALLOWED, Code::Unsupported, message).into_oci();
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

/// An answer without a body.
fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    if status != StatusCode::NO_CONTENT {
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    response
}

/// A header value from text that holds only visible ASCII: names, digests, numbers.
fn header(text: impl Into<String>) -> HeaderValue {
    HeaderValue::try_from(text.into()).unwrap_or(HeaderValue::from_static(""))
}

fn location(response: &mut Response, path: String) {
    response.headers_mut().insert(LOCATION, header(path));
}

/// The value of one parameter of the query, percent-decoded.
fn parameter(request: &Parts, name: &str) -> Option<String> {
    parameters(request, name).into_iter().next()
}

/// All values of a parameter of the query, in order.
fn parameters(request: &Parts, name: &str) -> Vec<String> {
    let query = request.uri.query().unwrap_or_default();
    let pairs: Vec<(String, String)> =
        axum::extract::Query::try_from_uri(&request.uri).map(|query| query.0).unwrap_or_default();
    if query.is_empty() {
        return Vec::new();
    }
    pairs.into_iter().filter(|(key, _)| key == name).map(|(_, value)| value).collect()
}
