//! Health, readiness and metrics.

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde::Serialize;
use utoipa::ToSchema;

use super::App;
use super::error::Failure;
use crate::domain::api::Problem;
use crate::registry::Health;

pub(super) fn router() -> Router<App> {
    Router::new().route("/health", get(health)).route("/ready", get(ready)).route("/metrics", get(metrics))
}

/// The process answers.
#[derive(Serialize, ToSchema)]
pub(super) struct Alive {
    /// Always `ok`.
    status: &'static str,
}

/// Whether the process answers
///
/// Asks nothing else: a supervisor that restarts on it restarts nothing that is merely busy.
#[utoipa::path(
    get,
    path = "/health",
    operation_id = "health",
    tag = "operation",
    responses((status = 200, body = Alive, description = "It does")),
)]
pub(super) async fn health() -> Json<Alive> {
    Json(Alive { status: "ok" })
}

/// Whether the stores answer and changes are taken
#[utoipa::path(
    get,
    path = "/ready",
    operation_id = "ready",
    tag = "operation",
    responses(
        (status = 200, body = Health, description = "Reads and changes are taken"),
        (status = 503, description = "Reads only, or the stores do not answer", content(
            (Health = "application/json"),
            (Problem = "application/problem+json"),
        )),
    ),
)]
pub(super) async fn ready(State(app): State<App>) -> Response {
    match app.registry.health().await {
        Ok(health) if health.writable => Json(health).into_response(),
        Ok(health) => (StatusCode::SERVICE_UNAVAILABLE, Json(health)).into_response(),
        Err(error) => Failure::from(error).into_problem(),
    }
}

/// Metrics
///
/// In Prometheus' text format.
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "metrics",
    tag = "operation",
    responses((status = 200, body = String, content_type = "text/plain; version=0.0.4", description = "The metrics")),
)]
pub(super) async fn metrics(State(app): State<App>) -> Response {
    let text = app.metrics.as_ref().map(|metrics| metrics.render()).unwrap_or_default();
    let mut response = Response::new(Body::from(text));
    response.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static("text/plain; version=0.0.4"));
    response
}
