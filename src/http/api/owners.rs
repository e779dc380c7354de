//! Who owns a package. A caller who says what it has seen loses nobody's change.

use axum::body::Body;
use http::{HeaderMap, Uri};

use super::answer::{Answer, etag_of, nothing, tagged_json};
use super::parameters::Parameters;
use super::path::OfPackage;
use super::received::read_json;
use crate::domain::api::{Owners, Problem};
use crate::http::Caller;
use crate::http::etag::is_expected;
use crate::meta::Refused;
use crate::registry::RegistryError;

/// Most bytes of a request's body.
const BODY_MAX: usize = 16 << 10;

/// Owners of a package
///
/// Users who may publish, yank, deprecate, pin, hide, delete and restore its versions, whatever their roles in the organisation.
/// Whoever published the first version is one, if it was a user.
#[utoipa::path(
    get,
    path = "/api/v1/artifacts/{org}/{slug}/owners",
    operation_id = "getOwners",
    tag = "artifacts",
    params(OfPackage),
    responses(
        (status = 200, body = Owners, description = "By name. The entity tag stands for all of them"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn get(app: Caller, OfPackage(name): OfPackage, uri: Uri, headers: HeaderMap) -> Answer {
    Parameters::read(&uri, &[])?;
    let owners = app.registry.owners(&app.actor(), &name).await?;
    tagged_json(&headers, &Owners { owners })
}

/// Say who owns a package
///
/// For its owners, owners of the organisation, and the operator. The list takes the place of the one before, and may be empty: owners
/// of the organisation remain. With `If-Match` it does so only if that one is still what the entity tag stands for, and is refused
/// with 412 otherwise.
#[utoipa::path(
    put,
    path = "/api/v1/artifacts/{org}/{slug}/owners",
    operation_id = "setOwners",
    tag = "artifacts",
    params(
        OfPackage,
        ("if-match" = Option<String>, Header, description = "Entity tag of the list that was read"),
    ),
    request_body(content = Owners, description = "All owners"),
    responses(
        (status = 204, description = "They own it"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn put(app: Caller, OfPackage(name): OfPackage, uri: Uri, headers: HeaderMap, body: Body) -> Answer {
    Parameters::read(&uri, &[])?;
    let Owners { owners } = read_json(&headers, body, BODY_MAX, r#"write {"owners": ["ann", "bob"]}"#).await?;
    let seen = match headers.contains_key(http::header::IF_MATCH) {
        false => None,
        true => {
            let seen = Owners { owners: app.registry.owners(&app.actor(), &name).await? };
            if !is_expected(&headers, etag_of(&seen)?.as_bytes()) {
                return Err(RegistryError::Refused(Refused::Changed("the list of owners")).into());
            }
            Some(seen.owners)
        }
    };
    app.registry.set_owners(&app.actor(), &name, owners, seen).await?;
    Ok(nothing())
}
