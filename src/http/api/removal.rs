//! How a version ends: deleted, which can be undone, and purged, which cannot. Each names the state that it leads to, so
//! asking twice is safe.

use http::Uri;

use super::answer::{Answer, nothing};
use super::parameters::Parameters;
use super::path::OfVersion;
use crate::domain::api::Problem;
use crate::http::Caller;

/// Delete a version
///
/// It is hidden, and its number stays burnt. It can be restored until it is purged.
#[utoipa::path(
    delete,
    path = "/api/v1/artifacts/{org}/{slug}/versions/{version}",
    operation_id = "delete",
    tag = "artifacts",
    params(OfVersion),
    responses(
        (status = 204, description = "It is deleted"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn delete(app: Caller, OfVersion(name, version): OfVersion, uri: Uri) -> Answer {
    Parameters::read(&uri, &[])?;
    app.registry.delete_version(&app.actor(), &name, &version).await?;
    Ok(nothing())
}

/// Purge a deleted version
///
/// Its manifest, with all tags on it, config, layers and reasons are removed at once, unless something else uses them; where several
/// servers share a folder, bytes go with the next collections. The number stays burnt, the history stays whole, and nothing brings it
/// back. A version that is not deleted is refused with 409.
#[utoipa::path(
    delete,
    path = "/api/v1/artifacts/{org}/{slug}/versions/{version}/content",
    operation_id = "purge",
    tag = "artifacts",
    params(OfVersion),
    responses(
        (status = 204, description = "It is purged"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn purge(app: Caller, OfVersion(name, version): OfVersion, uri: Uri) -> Answer {
    Parameters::read(&uri, &[])?;
    app.registry.purge(&app.actor(), &name, &version).await?;
    Ok(nothing())
}
