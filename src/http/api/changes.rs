//! Changes of a version's state: yank, take a yank back, restore. Each names the state that it leads to, so asking twice is safe.

use axum::body::Body;
use axum::extract::State;
use http::{HeaderMap, StatusCode, Uri};

use super::answer::{Answer, bad_request, nothing};
use super::parameters::Parameters;
use super::path::OfVersion;
use super::received::read_small;
use crate::domain::api::{Problem, YankRequest};
use crate::http::App;
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
    State(app): State<App>,
    OfVersion(name, version): OfVersion,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    Parameters::read(&uri, &[])?;
    let bytes = read_small(&headers, body, BODY_MAX).await?;
    let request = if bytes.trim_ascii().is_empty() {
        YankRequest::default()
    } else {
        let read: Result<Option<YankRequest>, _> = serde_json::from_slice(&bytes);
        let hint = r#"write {"reason": "…"}, or nothing"#;
        read.map_err(|error| bad_request(format!("the body cannot be read: {error}"), hint))?.unwrap_or_default()
    };
    let reason = request.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty());
    if reason.is_some_and(|reason| reason.chars().count() > REASON_MAX) {
        let message = format!("the reason is longer than {REASON_MAX} characters");
        return Err(Failure::new(StatusCode::PAYLOAD_TOO_LARGE, Code::SizeInvalid, message).into());
    }
    app.registry.yank(&app.actor(), &name, &version, reason).await?;
    Ok(nothing())
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
pub(super) async fn undo_yank(State(app): State<App>, OfVersion(name, version): OfVersion, uri: Uri) -> Answer {
    Parameters::read(&uri, &[])?;
    app.registry.unyank(&app.actor(), &name, &version).await?;
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
pub(super) async fn restore(State(app): State<App>, OfVersion(name, version): OfVersion, uri: Uri) -> Answer {
    Parameters::read(&uri, &[])?;
    app.registry.restore(&app.actor(), &name, &version).await?;
    Ok(nothing())
}
