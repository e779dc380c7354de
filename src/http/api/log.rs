//! The transparency log, as file servers show it: the same paths below `log/`, the same bytes.

use axum::extract::Path;
use http::header::CACHE_CONTROL;
use http::{HeaderMap, HeaderValue, StatusCode};

use super::answer::{Answer, tagged};
use super::openapi::Octets;
use crate::domain::api::Problem;
use crate::http::Caller;
use crate::http::error::{Code, Failure};

/// An object of the transparency log
///
/// `checkpoint`, `key`, and tiles as C2SP tlog-tiles names them. What is not public is sealed.
#[utoipa::path(
    get,
    path = "/log/{path}",
    operation_id = "getLogObject",
    tag = "log",
    params(("path" = String, Path, description = "Such as `checkpoint`, `tile/0/000.p/17` or `tile/entries/x001/234`")),
    responses(
        (status = 200, description = "The object", headers(("ETag" = String)), content(
            (String = "text/plain; charset=utf-8"),
            (Octets = "application/octet-stream"),
            (serde_json::Value = "application/json"),
        )),
        (status = 304, description = "It is what `If-None-Match` names"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn get(app: Caller, Path(path): Path<String>, headers: HeaderMap) -> Answer {
    let Some(object) = app.registry.log_object(&app.actor(), &path).await? else {
        let path: String = path.chars().take(200).collect();
        let failure = Failure::new(StatusCode::NOT_FOUND, Code::Unsupported, format!("the log has no {path}"));
        return Err(failure
            .with_hint("a registry that keeps a log has log/checkpoint, which says how long it is")
            .into());
    };
    let mut response = tagged(&headers, object.bytes, object.media_type);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(object.cache_control));
    Ok(response)
}
