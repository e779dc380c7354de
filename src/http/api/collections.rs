//! Collections. A caller who says what it has seen loses nobody's change.

use axum::body::Body;
use http::{HeaderMap, Uri};

use super::answer::{Answer, Refusal, json, nothing, seen_of, tagged_json};
use super::listed::visibilities;
use super::parameters::Parameters;
use super::path::OfPackage;
use super::received::read_json;
use crate::domain::api::{CollectionDocument, CollectionEntry, List, Problem};
use crate::domain::{COLLECTION_MAX, Collection, Name, OrgName, Visibility};
use crate::http::Caller;
use crate::meta::{Collections, Seen};
use crate::registry::RegistryError;

/// Most collections a page, and how many there are if nothing is said.
const LIMIT: (usize, usize) = (100, 1000);

/// Collections
///
/// By name. Those that are in no list are for who may publish in the organisation.
#[utoipa::path(
    get,
    path = "/api/v1/collections",
    operation_id = "listCollections",
    tag = "collections",
    params(
        ("org" = Option<OrgName>, Query, description = "Only of this organisation"),
        ("with" = Option<Name>, Query, description = "Only those that this package is in"),
        ("visibility" = Option<Vec<Visibility>>, Query, description = "That are seen so: `public` if nothing is said"),
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 1000, description = "Rows a page, 100 if not given"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
    ),
    responses(
        (status = 200, body = List<CollectionEntry>, description = "By name"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn list(app: Caller, uri: Uri) -> Answer {
    let parameters = Parameters::read(&uri, &[&["org", "with", "visibility", "limit", "cursor"]])?;
    let limit = parameters.limit(LIMIT.0, LIMIT.1)?;
    let org: Option<OrgName> = parameters.parsed("org", "org is the name of one organisation")?;
    let which = Collections {
        org: org.map(|org| org.to_string()),
        with: parameters.parsed("with", "write it as org/name")?,
        visibilities: visibilities(&parameters)?,
    };
    let after: Option<Name> = parameters.after()?;
    let found = app.registry.collections(&app.actor(), &which, after.as_ref(), limit + 1).await?;
    json(&List::of(found, limit, |entry| entry.name.to_string()))
}

/// A collection
#[utoipa::path(
    get,
    path = "/api/v1/collections/{org}/{slug}",
    operation_id = "getCollection",
    tag = "collections",
    params(OfPackage),
    responses(
        (status = 200, body = CollectionDocument, description = "The collection. The entity tag stands for all of it"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn get(app: Caller, OfPackage(name): OfPackage, uri: Uri, headers: HeaderMap) -> Answer {
    Parameters::read(&uri, &[])?;
    let (document, _) = app.registry.collection(&app.actor(), &name).await?;
    tagged_json(&headers, &document)
}

/// Make or change a collection
///
/// For who may publish in the organisation. What it says takes the place of what it said. With `If-Match` it does so only if that is
/// still what the entity tag stands for, with `If-None-Match: *` only if there is no such collection yet; otherwise it is refused
/// with 412.
#[utoipa::path(
    put,
    path = "/api/v1/collections/{org}/{slug}",
    operation_id = "putCollection",
    tag = "collections",
    params(
        OfPackage,
        ("if-match" = Option<String>, Header, description = "Entity tag of the collection that was read"),
        ("if-none-match" = Option<String>, Header, pattern = "^\\*$", description = "`*`, if there is to be none yet"),
    ),
    request_body(content = Collection, description = "What it says: at most 1,000 packages, each once"),
    responses(
        (status = 200, body = CollectionDocument, description = "The collection"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn put(app: Caller, OfPackage(name): OfPackage, uri: Uri, headers: HeaderMap, body: Body) -> Answer {
    Parameters::read(&uri, &[])?;
    let hint = r#"write {"title": "First steps", "items": [{"name": "acme/hello", "range": "^1"}]}"#;
    let content: Collection = read_json(&headers, body, COLLECTION_MAX as usize, hint).await?;
    let seen = seen(&app, &name, &headers).await?;
    let document = app.registry.put_collection(&app.actor(), &name, content, seen).await?;
    // The condition was about what was there before.
    tagged_json(&HeaderMap::new(), &document)
}

/// Remove a collection
///
/// For who may publish in the organisation. The packages in it stay. With `If-Match` only if it is still what the entity tag stands
/// for.
#[utoipa::path(
    delete,
    path = "/api/v1/collections/{org}/{slug}",
    operation_id = "deleteCollection",
    tag = "collections",
    params(
        OfPackage,
        ("if-match" = Option<String>, Header, description = "Entity tag of the collection that was read"),
    ),
    responses(
        (status = 204, description = "There is no such collection any more"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn delete(app: Caller, OfPackage(name): OfPackage, uri: Uri, headers: HeaderMap) -> Answer {
    Parameters::read(&uri, &[])?;
    let seen = seen(&app, &name, &headers).await?;
    app.registry.delete_collection(&app.actor(), &name, seen).await?;
    Ok(nothing())
}

/// What the caller says that it saw.
async fn seen(app: &Caller, name: &Name, headers: &HeaderMap) -> Result<Seen, Refusal> {
    seen_of(headers, "the collection", async {
        match app.registry.collection(&app.actor(), name).await {
            Err(RegistryError::CollectionUnknown(_)) => Ok(None),
            found => found.map(|(document, digest)| Some((document, Some(digest)))),
        }
    })
    .await
}
