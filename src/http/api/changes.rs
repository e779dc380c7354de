//! What owners say of published versions: yank, deprecate, pin, restore. Each names the state that it leads to, so asking twice
//! is safe.

use axum::body::Body;
use http::{HeaderMap, StatusCode, Uri};

use super::answer::{Answer, nothing};
use super::parameters::Parameters;
use super::path::{OfPackage, OfVersion};
use super::received::{read_json, read_optional};
use crate::domain::api::{DeprecateRequest, PinRequest, Problem, YankRequest};
use crate::http::Caller;
use crate::http::error::{Code, Failure};

/// Longest reason, in characters.
const REASON_MAX: usize = 2000;
/// Most bytes of a request's body.
const BODY_MAX: usize = 64 << 10;

/// Yank a version
///
/// Ranges no longer choose it; asked for by its exact number it can still be had.
#[utoipa::path(
    post,
    path = "/api/v1/artifacts/{org}/{slug}/versions/{version}/yank",
    operation_id = "yank",
    tag = "artifacts",
    params(OfVersion),
    request_body(content = Option<YankRequest>, description = "Why, for people; may be left out"),
    responses(
        (status = 204, description = "It is yanked"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn yank(
    app: Caller,
    OfVersion(name, version): OfVersion,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    Parameters::read(&uri, &[])?;
    let hint = r#"write {"reason": "…"}, or nothing"#;
    let request: YankRequest = read_optional(&headers, body, BODY_MAX, hint).await?;
    let reason = reason(request.reason.as_deref())?;
    app.registry.yank(&app.actor(), &name, &version, reason).await?;
    Ok(nothing())
}

/// A reason that says something.
fn reason(text: Option<&str>) -> Result<Option<&str>, Failure> {
    let reason = text.map(str::trim).filter(|reason| !reason.is_empty());
    if reason.is_some_and(|reason| reason.chars().count() > REASON_MAX) {
        let message = format!("the reason is longer than {REASON_MAX} characters");
        return Err(Failure::new(StatusCode::PAYLOAD_TOO_LARGE, Code::SizeInvalid, message));
    }
    Ok(reason)
}

/// Take a yank back
#[utoipa::path(
    delete,
    path = "/api/v1/artifacts/{org}/{slug}/versions/{version}/yank",
    operation_id = "undoYank",
    tag = "artifacts",
    params(OfVersion),
    responses(
        (status = 204, description = "It is not yanked"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn undo_yank(app: Caller, OfVersion(name, version): OfVersion, uri: Uri) -> Answer {
    Parameters::read(&uri, &[])?;
    app.registry.unyank(&app.actor(), &name, &version).await?;
    Ok(nothing())
}

/// Deprecate a version
///
/// Ranges still choose it; clients say why it should be left, and what to use instead. Said again, the last words count.
#[utoipa::path(
    post,
    path = "/api/v1/artifacts/{org}/{slug}/versions/{version}/deprecate",
    operation_id = "deprecate",
    tag = "artifacts",
    params(OfVersion),
    request_body(content = Option<DeprecateRequest>, description = "Why, and what to use instead; may be left out"),
    responses(
        (status = 204, description = "It is deprecated"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn deprecate(
    app: Caller,
    OfVersion(name, version): OfVersion,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    Parameters::read(&uri, &[])?;
    let hint = r#"write {"reason": "…", "replacement": "org/name"}, either or both, or nothing"#;
    let request: DeprecateRequest = read_optional(&headers, body, BODY_MAX, hint).await?;
    let reason = reason(request.reason.as_deref())?;
    app.registry.deprecate(&app.actor(), &name, &version, reason, request.replacement).await?;
    Ok(nothing())
}

/// Take a deprecation back
#[utoipa::path(
    delete,
    path = "/api/v1/artifacts/{org}/{slug}/versions/{version}/deprecate",
    operation_id = "undoDeprecate",
    tag = "artifacts",
    params(OfVersion),
    responses(
        (status = 204, description = "It is not deprecated"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn undo_deprecate(app: Caller, OfVersion(name, version): OfVersion, uri: Uri) -> Answer {
    Parameters::read(&uri, &[])?;
    app.registry.undeprecate(&app.actor(), &name, &version).await?;
    Ok(nothing())
}

/// Pin `latest` to a version
///
/// Whatever else is published, `latest` names it until it is unpinned, yanked or deleted. This is how a bad release is rolled back.
#[utoipa::path(
    put,
    path = "/api/v1/artifacts/{org}/{slug}/pin",
    operation_id = "pin",
    tag = "artifacts",
    params(OfPackage),
    request_body(content = PinRequest, description = "Which version"),
    responses(
        (status = 204, description = "It is pinned"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn pin(app: Caller, OfPackage(name): OfPackage, uri: Uri, headers: HeaderMap, body: Body) -> Answer {
    Parameters::read(&uri, &[])?;
    let request: PinRequest = read_json(&headers, body, BODY_MAX, r#"write {"version": "1.0.0"}"#).await?;
    app.registry.pin(&app.actor(), &name, &request.version).await?;
    Ok(nothing())
}

/// Let `latest` be the highest version again
#[utoipa::path(
    delete,
    path = "/api/v1/artifacts/{org}/{slug}/pin",
    operation_id = "unpin",
    tag = "artifacts",
    params(OfPackage),
    responses(
        (status = 204, description = "It is not pinned"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn unpin(app: Caller, OfPackage(name): OfPackage, uri: Uri) -> Answer {
    Parameters::read(&uri, &[])?;
    app.registry.unpin(&app.actor(), &name).await?;
    Ok(nothing())
}

/// Bring a deleted version back
#[utoipa::path(
    post,
    path = "/api/v1/artifacts/{org}/{slug}/versions/{version}/restore",
    operation_id = "restore",
    tag = "artifacts",
    params(OfVersion),
    responses(
        (status = 204, description = "It can be read"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn restore(app: Caller, OfVersion(name, version): OfVersion, uri: Uri) -> Answer {
    Parameters::read(&uri, &[])?;
    app.registry.restore(&app.actor(), &name, &version).await?;
    Ok(nothing())
}
