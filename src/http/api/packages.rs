//! Packages: lists and one.

use http::{HeaderMap, Uri};

use super::answer::{Answer, json, tagged_json};
use super::listed::{LISTED, Listed, filter};
use super::parameters::{FILTERS, Filters, Parameters};
use super::path::OfPackage;
use crate::domain::Package;
use crate::domain::api::{HistoryEntry, List, PackageList, Problem};
use crate::http::Caller;
use crate::meta::{Cursor, Order};
use crate::registry::RegistryError;

/// Most rows of a page.
const LIMIT_MAX: usize = 1000;
/// Rows of a page if nothing is said.
const LIMIT: usize = 100;

/// Public packages
///
/// A page in the order of names, of the latest change, of age, of downloads or of stars. Labels are compared as written; a search is not that strict.
/// A cursor stays good while packages come and go.
#[utoipa::path(
    get,
    path = "/api/v1/artifacts",
    operation_id = "listPackages",
    tag = "artifacts",
    params(
        Filters,
        ("org" = Option<String>, Query, pattern = "^[^,]*$", description = "In this organisation"),
        Listed,
        ("sort" = Option<String>, Query, pattern = "^(name|updated|created|downloads|stars)?$",
            description = "`name` (default), `updated`: latest change first, `created`: newest first, `downloads` or `stars`: most first"),
        ("total" = Option<bool>, Query, description = "Whether to count the rows of all pages"),
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 1000, description = "Rows of a page, 100 if not given"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before, with the same filters and order"),
    ),
    responses(
        (status = 200, body = List<Package>, description = "A page"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn list(app: Caller, uri: Uri) -> Answer {
    let parameters = Parameters::read(&uri, &[FILTERS, LISTED, &["sort", "total", "limit", "cursor"]])?;
    let filter = filter(&parameters)?;
    let sorts = [
        ("name", Order::Name),
        ("updated", Order::Updated),
        ("created", Order::Created),
        ("downloads", Order::Downloads),
        ("stars", Order::Stars),
    ];
    let sort = parameters.choice("sort", &sorts)?;
    let is_counted = parameters.choice("total", &[("true", true), ("false", false)])?.unwrap_or(false);
    let limit = parameters.limit(LIMIT, LIMIT_MAX)?;
    let cursor: Option<Cursor> = parameters.cursor()?.map(str::parse).transpose().map_err(RegistryError::from)?;
    let order = sort.unwrap_or(Order::Name);
    let page = app.registry.packages(&app.actor(), &filter, order, cursor.as_ref(), limit).await?;
    let total = if is_counted { Some(app.registry.count(&app.actor(), &filter).await?) } else { None };
    json(&PackageList { items: page.items, next: page.next.map(|next| next.to_string()), total })
}

/// The history of a package
///
/// Every change with who, when and what, latest first, deletes too.
#[utoipa::path(
    get,
    path = "/api/v1/artifacts/{org}/{slug}/history",
    operation_id = "getHistory",
    tag = "artifacts",
    params(
        OfPackage,
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 1000, description = "Rows of a page, 100 if not given"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
    ),
    responses(
        (status = 200, body = List<HistoryEntry>, description = "A page"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn history(app: Caller, OfPackage(name): OfPackage, uri: Uri) -> Answer {
    let parameters = Parameters::read(&uri, &[&["limit", "cursor"]])?;
    let limit = parameters.limit(LIMIT, LIMIT_MAX)?;
    let before: Option<u64> = parameters.after()?;
    let (items, more) = app.registry.history(&app.actor(), &name, before, limit).await?;
    let next = items.last().filter(|_| more).map(|last| last.event.to_string());
    json(&List::new(items, next))
}

/// A package
///
/// Described by the version that it shows: the latest one, if there is one that is neither a pre-release nor yanked.
#[utoipa::path(
    get,
    path = "/api/v1/artifacts/{org}/{slug}",
    operation_id = "getPackage",
    tag = "artifacts",
    params(OfPackage),
    responses(
        (status = 200, body = Package, description = "The package", headers(("ETag" = String))),
        (status = 304, description = "It is what `If-None-Match` names"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn get(app: Caller, OfPackage(name): OfPackage, uri: Uri, headers: HeaderMap) -> Answer {
    Parameters::read(&uri, &[])?;
    let package: Package = app.registry.package(&app.actor(), &name).await?;
    tagged_json(&headers, &package)
}
