//! Channel tags of a package. Each change names the state that it leads to, so asking twice is safe.

use axum::body::Body;
use http::{HeaderMap, Uri};

use super::answer::{Answer, nothing, tagged_json};
use super::parameters::Parameters;
use super::path::{OfPackage, OfTag};
use super::received::read_json;
use crate::domain::Tag;
use crate::domain::api::{ChannelTag, List, Problem, TagRequest};
use crate::http::Caller;

/// Most rows of a page, and how many it has if nothing is said.
const LIMIT_MAX: usize = 100;
/// Most bytes of a request's body.
const BODY_MAX: usize = 4 << 10;

/// Channel tags of a package
///
/// Tags that are no version numbers, such as `stable`, in the order of their bytes, each with the manifest and the version that it
/// names. `latest` is one of them. One that names no version of the package has none.
#[utoipa::path(
    get,
    path = "/api/v1/artifacts/{org}/{slug}/tags",
    operation_id = "listChannelTags",
    tag = "artifacts",
    params(
        OfPackage,
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 100, description = "Rows of a page, 100 if not given"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
    ),
    responses(
        (status = 200, body = List<ChannelTag>, description = "A page", headers(("ETag" = String))),
        (status = 304, description = "It is what `If-None-Match` names"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn list(app: Caller, OfPackage(name): OfPackage, uri: Uri, headers: HeaderMap) -> Answer {
    let parameters = Parameters::read(&uri, &[&["limit", "cursor"]])?;
    let limit = parameters.limit(LIMIT_MAX, LIMIT_MAX)?;
    let after: Option<Tag> = parameters.after()?;
    let tags = app.registry.channel_tags(&app.actor(), &name, after.as_ref(), limit + 1).await?;
    tagged_json(&headers, &List::of(tags, limit, |found| found.tag.to_string()))
}

/// Let a tag name a version
///
/// It names that version from now on, for every OCI client too. Not for tags that are version numbers, nor for `latest`, which is
/// moved by a pin.
#[utoipa::path(
    put,
    path = "/api/v1/artifacts/{org}/{slug}/tags/{tag}",
    operation_id = "setChannelTag",
    tag = "artifacts",
    params(OfTag),
    request_body(content = TagRequest, description = "Which version"),
    responses(
        (status = 204, description = "It names the version"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn put(app: Caller, OfTag(name, tag): OfTag, uri: Uri, headers: HeaderMap, body: Body) -> Answer {
    Parameters::read(&uri, &[])?;
    let request: TagRequest = read_json(&headers, body, BODY_MAX, r#"write {"version": "1.0.0"}"#).await?;
    app.registry.set_channel_tag(&app.actor(), &name, &tag, &request.version).await?;
    Ok(nothing())
}

/// Remove a channel tag
///
/// The version that it named stays.
#[utoipa::path(
    delete,
    path = "/api/v1/artifacts/{org}/{slug}/tags/{tag}",
    operation_id = "removeChannelTag",
    tag = "artifacts",
    params(OfTag),
    responses(
        (status = 204, description = "It is not there"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn delete(app: Caller, OfTag(name, tag): OfTag, uri: Uri) -> Answer {
    Parameters::read(&uri, &[])?;
    app.registry.remove_channel_tag(&app.actor(), &name, &tag).await?;
    Ok(nothing())
}
