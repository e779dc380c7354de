//! The text of a version's files.

use http::header::X_CONTENT_TYPE_OPTIONS;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};

use super::answer::{Answer, tagged};
use super::openapi::Octets;
use super::parameters::Parameters;
use super::path::OfVersion;
use crate::domain::TreePath;
use crate::domain::api::Problem;
use crate::http::Caller;

/// A file of a version
///
/// Its bytes as they were pushed. What is UTF-8 comes as plain text whatever it is, so that no browser runs it.
#[utoipa::path(
    get,
    path = "/api/v1/artifacts/{org}/{slug}/versions/{version}/source",
    operation_id = "getSource",
    tag = "artifacts",
    params(
        OfVersion,
        ("file" = Option<TreePath>, Query, description = "Path within the artifact; its primary file if not given"),
    ),
    responses(
        (status = 200, description = "The file", headers(("ETag" = String)), content(
            (String = "text/plain; charset=utf-8"),
            (Octets = "application/octet-stream"),
        )),
        (status = 304, description = "It is what `If-None-Match` names"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn get(
    app: Caller,
    OfVersion(name, version): OfVersion,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Answer {
    let parameters = Parameters::read(&uri, &[&["file"]])?;
    let hint = "file is a path within the artifact, as the version lists it in files";
    let file: Option<TreePath> = parameters.parsed("file", hint)?;
    let file = file.as_ref().map(TreePath::as_str);
    let (bytes, manifest) = app.registry.source(&app.actor(), &name, &version, file).await?;
    let is_text = std::str::from_utf8(&bytes).is_ok();
    let content_type = if is_text { "text/plain; charset=utf-8" } else { "application/octet-stream" };
    let mut response = tagged(&headers, bytes, content_type);
    if method == Method::GET && response.status() == StatusCode::OK {
        app.registry.downloaded(&manifest);
    }
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(response)
}
