//! Versions of a package: lists, one with its files, and the best in a range.

use http::{HeaderMap, Uri};

use super::answer::{Answer, bad_request, json, tagged_json};
use super::parameters::{Parameters, states};
use super::path::{OfId, OfPackage, OfVersion};
use crate::domain::api::{Comparison, List, Problem, ReleaseList, Resolution, Resolved, VersionDetail};
use crate::domain::{Range, Release, State, Tag, Version};
use crate::http::Caller;

/// Most rows of a page, and how many it has if nothing is said: few packages have more versions.
const LIMIT_MAX: usize = 1000;

/// Versions of a package
///
/// Highest first, yanked ones too, and deleted ones if `state` asks for them. A cursor stays good while versions come and go.
#[utoipa::path(
    get,
    path = "/api/v1/artifacts/{org}/{slug}/versions",
    operation_id = "listVersions",
    tag = "artifacts",
    params(
        OfPackage,
        ("state" = Option<Vec<State>>, Query, style = Form, explode, description = "Any of these: all that can be read if nothing is said. `deleted` is for \
            who may bring versions back; drafts are listed at `/api/v1/drafts`"),
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 1000, description = "Rows of a page, 1000 if not given"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
    ),
    responses(
        (status = 200, body = List<Release>, description = "A page", headers(("ETag" = String))),
        (status = 304, description = "It is what `If-None-Match` names"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn list(app: Caller, OfPackage(name): OfPackage, uri: Uri, headers: HeaderMap) -> Answer {
    let parameters = Parameters::read(&uri, &[&["state", "limit", "cursor"]])?;
    let states = states(&parameters)?;
    let limit = parameters.limit(LIMIT_MAX, LIMIT_MAX)?;
    let after: Option<Version> = parameters.after()?;
    let mut items = match states.as_slice() {
        [] => app.registry.releases(&app.actor(), &name).await?,
        states => app.registry.releases_in(&app.actor(), &name, states).await?,
    };
    items.retain(|release| after.as_ref().is_none_or(|after| release.version < *after));
    tagged_json(&headers, &ReleaseList::of(items, limit, |release| release.version.number()))
}

/// A version with its files
#[utoipa::path(
    get,
    path = "/api/v1/artifacts/{org}/{slug}/versions/{version}",
    operation_id = "getVersion",
    tag = "artifacts",
    params(OfVersion),
    responses(
        (status = 200, body = VersionDetail, description = "The version", headers(("ETag" = String))),
        (status = 304, description = "It is what `If-None-Match` names"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn get(app: Caller, OfVersion(name, version): OfVersion, uri: Uri, headers: HeaderMap) -> Answer {
    Parameters::read(&uri, &[])?;
    let detail: VersionDetail = app.registry.version(&app.actor(), &name, &version).await?;
    tagged_json(&headers, &detail)
}

/// A version by its id
///
/// The answer is that of the version's own path. An id never changes and is never given to another version.
#[utoipa::path(
    get,
    path = "/api/v1/versions/{id}",
    operation_id = "getVersionById",
    tag = "artifacts",
    params(OfId),
    responses(
        (status = 200, body = VersionDetail, description = "The version", headers(("ETag" = String))),
        (status = 304, description = "It is what `If-None-Match` names"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn by_id(app: Caller, OfId(id): OfId, uri: Uri, headers: HeaderMap) -> Answer {
    Parameters::read(&uri, &[])?;
    let detail: VersionDetail = app.registry.identified(&app.actor(), id).await?;
    tagged_json(&headers, &detail)
}

/// What differs between two versions
///
/// What they say of themselves, what they may do, and their files as unified diffs.
#[utoipa::path(
    get,
    path = "/api/v1/artifacts/{org}/{slug}/compare",
    operation_id = "compareVersions",
    tag = "artifacts",
    params(
        OfPackage,
        ("from" = Version, Query, description = "The one version"),
        ("to" = Version, Query, description = "The other"),
    ),
    responses(
        (status = 200, body = Comparison, description = "The differences", headers(("ETag" = String))),
        (status = 304, description = "They are what `If-None-Match` names"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn compare(app: Caller, OfPackage(name): OfPackage, uri: Uri, headers: HeaderMap) -> Answer {
    let parameters = Parameters::read(&uri, &[&["from", "to"]])?;
    let hint = "give two whole versions: from=1.0.0&to=1.1.0";
    let version = |parameter: &str| {
        let found: Option<Version> = parameters.parsed(parameter, hint)?;
        found.ok_or_else(|| bad_request(format!("the parameter {parameter} is missing"), hint))
    };
    let comparison: Comparison = app.registry.compare(&app.actor(), &name, &version("from")?, &version("to")?).await?;
    tagged_json(&headers, &comparison)
}

/// The best version in a range, or the one that a tag names
///
/// By npm's rules: the highest one, no pre-release unless the range names one, no yanked one unless the range is its exact
/// number. A tag, such as `latest` or `stable`, names one version, yanked or not.
#[utoipa::path(
    get,
    path = "/api/v1/artifacts/{org}/{slug}/resolve",
    operation_id = "resolve",
    tag = "artifacts",
    params(
        OfPackage,
        ("range" = Option<Range>, Query, description = "The range, `*` if not given"),
        ("tag" = Option<Tag>, Query, description = "The tag, instead of a range"),
    ),
    responses(
        (status = 200, body = Resolved, description = "The release"),
        (status = "default", body = Problem, content_type = "application/problem+json",
            description = "An error; 404 says which versions there are instead"),
    ),
)]
pub(super) async fn resolve(app: Caller, OfPackage(name): OfPackage, uri: Uri) -> Answer {
    let parameters = Parameters::read(&uri, &[&["range", "tag"]])?;
    let hint = "ranges are written as npm's: ^1.2, ~1.2.3, 1.x, >=1 <3, 1.2 - 2.3, *";
    let range: Option<Range> = parameters.parsed("range", hint)?;
    let tag: Option<Tag> = parameters.parsed("tag", "give a tag such as latest or stable")?;
    let resolved: Resolved = match (range, tag) {
        (Some(_), Some(_)) => return Err(bad_request("range and tag are both given", "give one of them").into()),
        (None, Some(tag)) => app.registry.resolve_tag(&app.actor(), &name, &tag).await?,
        (Some(range), None) => app.registry.resolve(&app.actor(), &name, &range).await?,
        (None, None) => app.registry.resolve(&app.actor(), &name, &"*".parse()?).await?,
    };
    json(&resolved)
}

/// Versions with what each needs
///
/// All that a client takes to choose versions of many packages that fit together, in one answer a package: every version,
/// highest first, with its digests and its dependencies.
#[utoipa::path(
    get,
    path = "/api/v1/artifacts/{org}/{slug}/resolution",
    operation_id = "getResolution",
    tag = "artifacts",
    params(OfPackage),
    responses(
        (status = 200, body = Resolution, description = "The versions", headers(("ETag" = String))),
        (status = 304, description = "It is what `If-None-Match` names"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn resolution(app: Caller, OfPackage(name): OfPackage, uri: Uri, headers: HeaderMap) -> Answer {
    Parameters::read(&uri, &[])?;
    let resolution: Resolution = app.registry.resolution(&app.actor(), &name).await?;
    tagged_json(&headers, &resolution)
}
