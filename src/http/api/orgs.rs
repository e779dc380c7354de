//! Organisations: what they say of themselves, and who has which role in them.

use axum::body::Body;
use axum::extract::Path;
use http::header::IF_MATCH;
use http::{HeaderMap, Uri};

use super::answer::{Answer, Refusal, bad_request, etag_of, json, nothing, seen_nothing, tagged_json};
use super::parameters::Parameters;
use super::received::read_small;
use crate::domain::api::{List, MemberDocument, OrgDocument, Problem};
use crate::domain::{OrgName, PROFILE_MAX, Profile, UserName};
use crate::http::Caller;
use crate::http::etag::is_expected;
use crate::meta::{Refused, Seen};
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
    let mut found = app.registry.orgs(&app.actor(), after.as_ref(), limit + 1).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|org| org.name.to_string());
    json(&List::new(found, next))
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
    let bytes = read_small(&headers, body, PROFILE_MAX as usize).await?;
    // Of an object alone: a list of nothing would be a profile too.
    let object = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(&bytes);
    let profile: Profile = object.and_then(|object| serde_json::from_value(object.into())).map_err(|error| {
        let hint = r#"write {"title": "Acme", "description": "…", "homepage": "https://…", "visibility": "public"}"#;
        bad_request(format!("the body cannot be read: {error}"), hint)
    })?;
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
    let mut found = app.registry.accounts().members(&app.actor(), &org, after.as_ref(), limit + 1).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|member| member.user.to_string());
    json(&List::new(found, next))
}

/// How many rows a page has, and the name that it begins after.
fn page<T: std::str::FromStr>(uri: &Uri) -> Result<(usize, Option<T>), Refusal> {
    let parameters = Parameters::read(uri, &[&["limit", "cursor"]])?;
    let none = |_| bad_request("the cursor is none", "start again without a cursor");
    let after = parameters.cursor()?.map(|cursor| cursor.parse().map_err(none)).transpose()?;
    Ok((parameters.limit(LIMIT.0, LIMIT.1)?, after))
}

/// What the caller says that it saw.
async fn seen(app: &Caller, org: &OrgName, headers: &HeaderMap) -> Result<Seen, Refusal> {
    let seen = seen_nothing(headers)?;
    if headers.contains_key(IF_MATCH) {
        let changed = || RegistryError::Refused(Refused::Changed("the profile of the organisation"));
        let (document, digest) = match app.registry.org(&app.actor(), org).await {
            Err(RegistryError::OrgUnknown(_)) => return Err(changed().into()),
            found => found?,
        };
        return match is_expected(headers, etag_of(&document)?.as_bytes()) {
            true => Ok(digest.map_or(Seen::Absent, Seen::Document)),
            false => Err(changed().into()),
        };
    }
    Ok(seen)
}
