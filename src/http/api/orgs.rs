//! Organisations: what they say of themselves, and who has which role in them.

use std::fmt::Display;
use std::str::FromStr;

use axum::body::Body;
use axum::extract::Path;
use http::{HeaderMap, Uri};
use serde_json::{Map, Value};

use super::answer::{Answer, Refusal, json, nothing, seen_of, tagged_json};
use super::parameters::Parameters;
use super::received::{read_json, unreadable};
use crate::domain::api::{DeletedPackage, List, MemberDocument, OrgDocument, Problem};
use crate::domain::{Name, OrgName, PROFILE_MAX, Profile, UserName};
use crate::http::Caller;
use crate::meta::Seen;
use crate::registry::RegistryError;

/// Most rows a page, and how many there are if nothing is said.
const LIMIT: (usize, usize) = (100, 1000);

/// Organisations
///
/// Those that have said something of themselves, and those that have public packages, by name.
#[utoipa::path(
    get,
    path = "/api/v1/orgs",
    operation_id = "listOrgs",
    tag = "orgs",
    params(
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 1000, description = "Rows a page, 100 if not given"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
    ),
    responses(
        (status = 200, body = List<OrgDocument>, description = "By name"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn list(app: Caller, uri: Uri) -> Answer {
    let (limit, after) = page::<OrgName>(&uri)?;
    let found = app.registry.orgs(&app.actor(), after.as_ref(), limit + 1).await?;
    json(&List::of(found, limit, |org| org.name.to_string()))
}

/// An organisation
///
/// One that somebody has published into is there, whether or not it has said anything of itself.
#[utoipa::path(
    get,
    path = "/api/v1/orgs/{org}",
    operation_id = "getOrg",
    tag = "orgs",
    params(("org" = OrgName, Path, description = "The organisation")),
    responses(
        (status = 200, body = OrgDocument, description = "The organisation"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn get(app: Caller, Path(org): Path<String>, uri: Uri, headers: HeaderMap) -> Answer {
    Parameters::read(&uri, &[])?;
    let (document, _) = app.registry.org(&app.actor(), &org.parse::<OrgName>()?).await?;
    tagged_json(&headers, &document)
}

/// Let an organisation say something of itself
///
/// For its owners and the operator. What it says takes the place of what it said. With `If-Match` it does so only if the organisation
/// is still what the entity tag stands for, with `If-None-Match: *` only if it has said nothing yet; otherwise it is refused with 412.
#[utoipa::path(
    put,
    path = "/api/v1/orgs/{org}",
    operation_id = "putOrg",
    tag = "orgs",
    params(
        ("org" = OrgName, Path, description = "The organisation"),
        ("if-match" = Option<String>, Header, description = "Entity tag of what was read"),
        ("if-none-match" = Option<String>, Header, pattern = "^\\*$", description = "`*`, if it is to have said nothing yet"),
    ),
    request_body(content = Profile, description = "What it says"),
    responses(
        (status = 204, description = "It says so"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn put(app: Caller, Path(org): Path<String>, uri: Uri, headers: HeaderMap, body: Body) -> Answer {
    Parameters::read(&uri, &[])?;
    let org: OrgName = org.parse()?;
    let hint = r#"write {"title": "Acme", "description": "…", "homepage": "https://…", "visibility": "public"}"#;
    // Of an object alone: a list of nothing would be a profile too.
    let object: Map<String, Value> = read_json(&headers, body, PROFILE_MAX as usize, hint).await?;
    let profile: Profile = serde_json::from_value(object.into()).map_err(|error| unreadable(&error, hint))?;
    let seen = seen(&app, &org, &headers).await?;
    app.registry.put_org(&app.actor(), &org, profile, seen).await?;
    Ok(nothing())
}

/// Members of an organisation
///
/// Users with a role in it, for those who have one themselves and the operator.
#[utoipa::path(
    get,
    path = "/api/v1/orgs/{org}/members",
    operation_id = "listMembers",
    tag = "orgs",
    params(
        ("org" = OrgName, Path, description = "The organisation"),
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 1000, description = "Rows a page, 100 if not given"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
    ),
    responses(
        (status = 200, body = List<MemberDocument>, description = "By name"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn members(app: Caller, Path(org): Path<String>, uri: Uri) -> Answer {
    let (limit, after) = page::<UserName>(&uri)?;
    let org: OrgName = org.parse()?;
    let found = app.registry.accounts().members(&app.actor(), &org, after.as_ref(), limit + 1).await?;
    json(&List::of(found, limit, |member| member.user.to_string()))
}

/// Deleted packages of an organisation
///
/// Packages of which no version can be read, for those who may restore versions there. Which versions those are,
/// `/api/v1/artifacts/{org}/{slug}/versions?state=deleted` lists. What is private is among them for those who see it.
#[utoipa::path(
    get,
    path = "/api/v1/orgs/{org}/deleted",
    operation_id = "listDeletedPackages",
    tag = "orgs",
    params(
        ("org" = OrgName, Path, description = "The organisation"),
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 1000, description = "Rows a page, 100 if not given"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
    ),
    responses(
        (status = 200, body = List<DeletedPackage>, description = "By name"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn deleted(app: Caller, Path(org): Path<String>, uri: Uri) -> Answer {
    let (limit, after) = page::<Name>(&uri)?;
    let org: OrgName = org.parse()?;
    let found = app.registry.deleted(&app.actor(), &org, after.as_ref(), limit + 1).await?;
    json(&List::of(found, limit, |package| package.name.to_string()))
}

/// How many rows a page has, and the name that it begins after.
fn page<T: FromStr<Err: Display>>(uri: &Uri) -> Result<(usize, Option<T>), Refusal> {
    let parameters = Parameters::read(uri, &[&["limit", "cursor"]])?;
    Ok((parameters.limit(LIMIT.0, LIMIT.1)?, parameters.after()?))
}

/// What the caller says that it saw.
async fn seen(app: &Caller, org: &OrgName, headers: &HeaderMap) -> Result<Seen, Refusal> {
    seen_of(headers, "the profile of the organisation", async {
        match app.registry.org(&app.actor(), org).await {
            Err(RegistryError::OrgUnknown(_)) => Ok(None),
            found => found.map(Some),
        }
    })
    .await
}
