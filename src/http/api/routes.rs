//! Which path is answered by what.

use axum::Router;
use axum::routing::{delete, get, post, put};
use http::{Method, StatusCode, Uri};

use super::answer::{Answer, Refusal};
use super::parameters::Parameters;
use super::{
    accounts, answer, changes, channels, collections, complete, drafts, find, import, labels, log, openapi, orgs,
    owners, packages, popularity, relations, removal, source, versions, visibility,
};
use crate::domain::api::Problem;
use crate::http::error::{Code, Failure};
use crate::http::{App, ops};

/// Everything but `/v2`. Every `get` answers HEAD too.
pub(in crate::http) fn router() -> Router<App> {
    let package = "/api/v1/artifacts/{org}/{slug}";
    let version = format!("{package}/versions/{{version}}");
    Router::new()
        .route("/api/v1/artifacts", get(packages::list))
        .route(package, get(packages::get))
        .route(&format!("{package}/resolve"), get(versions::resolve))
        .route(&format!("{package}/dependencies"), get(relations::dependencies))
        .route(&format!("{package}/dependents"), get(relations::dependents))
        .route(&format!("{package}/related"), get(relations::related))
        .route(&format!("{package}/compare"), get(versions::compare))
        .route(&format!("{package}/history"), get(packages::history))
        .route(&format!("{package}/pin"), put(changes::pin).delete(changes::unpin))
        .route(&format!("{package}/tags"), get(channels::list))
        .route(&format!("{package}/tags/{{tag}}"), put(channels::put).delete(channels::delete))
        .route(&format!("{package}/visibility"), put(visibility::put))
        .route(&format!("{package}/owners"), get(owners::get).put(owners::put))
        .route(&format!("{package}/star"), put(popularity::star).delete(popularity::unstar))
        .route(&format!("{package}/statistics"), get(popularity::of_package))
        .route(&format!("{package}/resolution"), get(versions::resolution))
        .route(&format!("{package}/versions"), get(versions::list))
        .route(&version, get(versions::get).delete(removal::delete).patch(drafts::revise))
        .route("/api/v1/versions/{id}", get(versions::by_id))
        .route(&format!("{version}/content"), delete(removal::purge))
        .route(&format!("{version}/source"), get(source::get))
        .route(&format!("{version}/yank"), post(changes::yank).delete(changes::undo_yank))
        .route(&format!("{version}/deprecate"), post(changes::deprecate).delete(changes::undo_deprecate))
        .route(&format!("{version}/restore"), post(changes::restore))
        .route("/api/v1/drafts", get(drafts::list).post(drafts::create))
        .route(
            "/api/v1/drafts/{org}/{id}",
            get(drafts::get).put(drafts::put).patch(drafts::patch).delete(drafts::delete),
        )
        .route("/api/v1/drafts/{org}/{id}/publish", post(drafts::publish))
        .route("/api/v1/search", get(find::search))
        .route("/api/v1/facets", get(find::facets))
        .route("/api/v1/complete", get(complete::complete))
        .route("/api/v1/match", get(relations::skills))
        .route("/api/v1/trending", get(popularity::trending))
        .route("/api/v1/statistics", get(popularity::of_registry))
        .route("/api/v1/tags", get(labels::tags))
        .route("/api/v1/tags/{tag}", get(labels::tag))
        .route("/api/v1/skills", get(labels::skills))
        .route("/api/v1/skills/{skill}", get(labels::skill))
        .route("/api/v1/collections", get(collections::list))
        .route(
            "/api/v1/collections/{org}/{slug}",
            get(collections::get).put(collections::put).delete(collections::delete),
        )
        .route("/api/v1/import", post(import::import))
        .route("/api/v1/user", get(accounts::whoami))
        .route("/api/v1/user/stars", get(popularity::stars))
        .route("/api/v1/users", get(accounts::users))
        .route("/api/v1/users/{user}", put(accounts::add_user).delete(accounts::remove_user))
        .route("/api/v1/users/{user}/tokens", get(accounts::tokens).post(accounts::add_token))
        .route("/api/v1/users/{user}/tokens/{name}", delete(accounts::revoke_token))
        .route("/api/v1/orgs", get(orgs::list))
        .route("/api/v1/orgs/{org}", get(orgs::get).put(orgs::put))
        .route("/api/v1/orgs/{org}/deleted", get(orgs::deleted))
        .route("/api/v1/orgs/{org}/members", get(orgs::members))
        .route("/api/v1/orgs/{org}/members/{user}", put(accounts::set_member).delete(accounts::remove_member))
        .route("/api/v1/openapi.json", get(document))
        .route("/log/{*path}", get(log::get))
        .merge(ops::router())
        .method_not_allowed_fallback(not_allowed)
        .fallback(unknown)
}

/// This document
#[utoipa::path(
    get,
    path = "/api/v1/openapi.json",
    operation_id = "openapi",
    tag = "operation",
    responses(
        (status = 200, body = serde_json::Value, description = "OpenAPI"),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "An error"),
    ),
)]
pub(super) async fn document(uri: Uri) -> Answer {
    Parameters::read(&uri, &[])?;
    Ok(answer::with_type(openapi::openapi().into(), "application/json"))
}

async fn unknown(uri: Uri) -> Refusal {
    let path: String = uri.path().chars().take(200).collect();
    let failure = Failure::new(StatusCode::NOT_FOUND, Code::Unsupported, format!("there is nothing at {path}"));
    Refusal(failure.with_hint("/api/v1/openapi.json lists what there is"))
}

/// RFC 9110, 15.5.6: the header `Allow` says what the path takes; the router adds it.
async fn not_allowed(method: Method, uri: Uri) -> Refusal {
    let path: String = uri.path().chars().take(200).collect();
    let message = format!("{path} does not take {method}");
    let failure = Failure::new(StatusCode::METHOD_NOT_ALLOWED, Code::Unsupported, message);
    Refusal(failure.with_hint("the header Allow says what it takes"))
}
