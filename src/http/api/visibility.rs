//! Who sees a package. The call names the state that it leads to, so asking twice is safe.

use axum::body::Body;
use http::{HeaderMap, Uri};

use super::answer::{Answer, nothing};
use super::parameters::Parameters;
use super::path::OfPackage;
use super::received::read_json;
use crate::domain::api::{Problem, VisibilityRequest};
use crate::http::Caller;

/// Most bytes of a request's body.
const BODY_MAX: usize = 4 << 10;

/// Let a package be seen by others
///
/// `public`: in lists and searches. `unlisted`: in no list, search or count, but served to whoever knows its name. `private`: for who
/// has a role in the organisation or owns the package, and to all others not there; what was public before stays in caches and with
/// whoever has it. Nothing need be published under a name that is made private.
#[utoipa::path(
    put,
    path = "/api/v1/artifacts/{org}/{slug}/visibility",
    operation_id = "setVisibility",
    tag = "artifacts",
    params(OfPackage),
    request_body(content = VisibilityRequest, description = "Who sees it"),
    responses(
        (status = 204, description = "It is seen so"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn put(app: Caller, OfPackage(name): OfPackage, uri: Uri, headers: HeaderMap, body: Body) -> Answer {
    Parameters::read(&uri, &[])?;
    let hint = r#"write {"visibility": "public"}, or "unlisted", or "private""#;
    let request: VisibilityRequest = read_json(&headers, body, BODY_MAX, hint).await?;
    app.registry.set_visibility(&app.actor(), &name, request.visibility).await?;
    Ok(nothing())
}
