//! From a request to its handler.

use axum::body::Body;
use axum::response::Response;
use http::header::{ALLOW, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderValue, Method, Request, StatusCode};

use super::route::{NoRoute, Route};
use super::{blobs, lists, manifests, uploads};
use crate::domain::{Access, Actor};
use crate::http::error::{BASIC_CHALLENGE, Code, Failure};
use crate::http::{App, Caller};
use crate::registry::RegistryError;

/// Answers a request below `/v2`.
pub async fn handle(app: &App, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let answered = match Caller::of(app, &parts.headers).await {
        Ok(caller) => answer(&caller, &parts, body).await,
        Err(failure) => Err(failure),
    };
    answered.unwrap_or_else(Failure::into_oci)
}

async fn answer(app: &Caller, request: &Parts, body: Body) -> Result<Response, Failure> {
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
    let may_log_in = reads && matches!(app.actor(), Actor::Anonymous(Access::Read));
    let read = route.repository().filter(|_| may_log_in).cloned();
    let is_list = matches!(route, Route::Referrers(..));
    let answered = answer_to(app, request, body, route).await;
    let is_empty = is_list || matches!(&answered, Err(failure) if failure.status == StatusCode::NOT_FOUND);
    // Where there is a login that may show more, it is asked for. A list of referrers is empty where nothing is.
    if let Some(repository) = read.filter(|_| is_empty)
        && app.registry.asks_for_login(&app.actor(), &repository).await?
    {
        return Err(RegistryError::LoginNeeded.into());
    }
    answered
}

async fn answer_to(app: &Caller, request: &Parts, body: Body, route: Route) -> Result<Response, Failure> {
    match (route, request.method.as_str()) {
        (Route::Base, "GET" | "HEAD") => base(&app.actor()),
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

/// OCI distribution 1.1, "Determining Support": 200 if the registry implements the specification, 401 if it can be seen only with a
/// login. Container tools learn here how to log in, and send a token only where they were told so: hence the challenge also
/// beside 200, which RFC 9110, 11.6.1, allows where a login may change the answers.
fn base(actor: &Actor) -> Result<Response, Failure> {
    if *actor == Actor::Anonymous(Access::None) {
        return Err(RegistryError::LoginNeeded.into());
    }
    let mut response = Response::new(Body::from("{}"));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert("docker-distribution-api-version", HeaderValue::from_static("registry/2.0"));
    if matches!(actor, Actor::Anonymous(_)) {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(BASIC_CHALLENGE));
    }
    Ok(response)
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
