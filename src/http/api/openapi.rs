//! The OpenAPI document, made from the handlers and the documents that they answer with.

use utoipa::OpenApi;

use super::{changes, find, import, labels, packages, source, versions};
use crate::http::ops;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "pcl-registry",
        description = "The catalogue of a registry for AI artifacts: what is published, by words, labels, versions and ranges. \
            Errors are `application/problem+json` (RFC 9457). The bytes themselves are served under `/v2/`, by the OCI distribution \
            specification 1.1.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    paths(
        packages::list,
        packages::get,
        versions::list,
        versions::get,
        versions::resolve,
        source::get,
        changes::yank,
        changes::undo_yank,
        changes::restore,
        find::search,
        find::facets,
        labels::tags,
        labels::skills,
        import::import,
        ops::health,
        ops::ready,
        ops::metrics,
    ),
    tags(
        (name = "artifacts", description = "Packages and their versions"),
        (name = "search", description = "Finding packages"),
        (name = "import", description = "Many artifacts at once"),
        (name = "operation", description = "For whoever runs the registry"),
    ),
)]
struct Document;

/// The OpenAPI document as indented JSON, the same on every call.
pub fn openapi() -> String {
    let mut text = Document::openapi().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}
