//! Packages: lists and one.

use axum::extract::State;
use http::{HeaderMap, Uri};

use super::answer::{Answer, bad_request, json, tagged_json};
use super::parameters::{FILTERS, Filters, Parameters};
use super::path::OfPackage;
use crate::domain::Package;
use crate::domain::api::{List, PackageList, Problem};
use crate::http::App;
use crate::meta::{Cursor, Filter, Order};
use crate::registry::RegistryError;

/// Most rows of a page.
const LIMIT_MAX: usize = 1000;
/// Rows of a page if nothing is said.
const LIMIT: usize = 100;

/// Public packages
///
/// A page in the order of names, or of the latest change. Tags and skills are compared as written; a search is not that strict.
/// A cursor stays good while packages come and go.
#[utoipa::path(
    get,
    path = "/api/v1/artifacts",
    operation_id = "listPackages",
    tag = "artifacts",
    params(
        Filters,
        ("sort" = Option<String>, Query, pattern = "^(name|updated)$", description = "`name` (default), or `updated`: latest change first"),
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 1000, description = "Rows of a page, 100 if not given"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before, with the same filters and order"),
    ),
    responses(
        (status = 200, body = List<Package>, description = "A page"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn list(State(app): State<App>, uri: Uri) -> Answer {
    let parameters = Parameters::read(&uri, &[FILTERS, &["sort", "limit", "cursor"]])?;
    let Filters { kind, tag, skill, org } = Filters::read(&parameters)?;
    let mut org = org.into_iter();
    let filter = Filter { kinds: kind, tags: tag, skills: skill, org: org.next(), visibilities: Vec::new() };
    if org.next().is_some() {
        return Err(
            bad_request("the parameter org names more than one organisation", "list one at a time, or search").into()
        );
    }
    let sort = parameters.choice("sort", &[("name", Order::Name), ("updated", Order::Updated)])?;
    let limit = parameters.limit(LIMIT, LIMIT_MAX)?;
    let cursor: Option<Cursor> = parameters.cursor()?.map(str::parse).transpose().map_err(RegistryError::from)?;
    let order = sort.unwrap_or(Order::Name);
    let page = app.registry.packages(&app.actor(), &filter, order, cursor.as_ref(), limit).await?;
    json(&PackageList { items: page.items, next: page.next.map(|next| next.to_string()) })
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
pub(super) async fn get(State(app): State<App>, OfPackage(name): OfPackage, uri: Uri, headers: HeaderMap) -> Answer {
    Parameters::read(&uri, &[])?;
    let package: Package = app.registry.package(&app.actor(), &name).await?;
    tagged_json(&headers, &package)
}
