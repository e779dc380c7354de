//! Who owns a package, and what they may do that their roles do not let them.

use axum::body::Body;
use http::Request;
use http::header::{AUTHORIZATION, IF_MATCH};
use serde_json::json;

use super::login::{closed, token, user};
use super::world::{Answered, World};
use crate::domain::{Kind, Role};

const OWNERS: &str = "/api/v1/artifacts/acme/review/owners";
const VERSION: &str = "/api/v1/artifacts/acme/review/versions/1.0.0";

/// Somebody with a token.
pub(super) struct Caller<'a> {
    world: &'a World,
    bearer: String,
}

impl<'a> Caller<'a> {
    pub(super) async fn user(world: &'a World, name: &str, role: Option<Role>) -> Self {
        Self { world, bearer: format!("Bearer {}", user(world, name, role).await.reveal()) }
    }

    pub(super) async fn operator(world: &'a World) -> Self {
        Self { world, bearer: format!("Bearer {}", token(world, "operator").await.reveal()) }
    }

    pub(super) async fn ask(&self, method: &str, uri: &str, body: &str, seen: Option<&str>) -> Answered {
        let mut request = Request::builder().method(method).uri(uri).header(AUTHORIZATION, &self.bearer);
        if let Some(seen) = seen {
            request = request.header(IF_MATCH, seen);
        }
        self.world.send(request.body(Body::from(body.to_owned())).unwrap()).await
    }

    async fn own(&self, owners: &[&str]) -> u16 {
        self.ask("PUT", OWNERS, &json!({ "owners": owners }).to_string(), None).await.status
    }

    pub(super) async fn status(&self, method: &str, uri: &str) -> u16 {
        self.ask(method, uri, "", None).await.status
    }
}

/// Every change of the package, undone again where it can be.
async fn changes(caller: &Caller<'_>) -> Vec<u16> {
    let mut statuses = Vec::new();
    for (method, uri) in [
        ("POST", format!("{VERSION}/yank")),
        ("DELETE", format!("{VERSION}/yank")),
        ("POST", format!("{VERSION}/deprecate")),
        ("DELETE", format!("{VERSION}/deprecate")),
        ("DELETE", "/api/v1/artifacts/acme/review/pin".to_owned()),
        // Who may publish is asked for the files, and there are none.
        ("POST", "/api/v1/drafts?name=acme/review".to_owned()),
        ("DELETE", VERSION.to_owned()),
        ("POST", format!("{VERSION}/restore")),
    ] {
        statuses.push(caller.status(method, &uri).await);
    }
    let hidden =
        caller.ask("PUT", "/api/v1/artifacts/acme/review/visibility", r#"{"visibility":"public"}"#, None).await;
    statuses.push(hidden.status);
    let tag = "/api/v1/artifacts/acme/review/tags/stable";
    statuses.push(caller.ask("PUT", tag, r#"{"version":"1.0.0"}"#, None).await.status);
    statuses.push(caller.status("DELETE", tag).await);
    statuses
}

#[tokio::test]
async fn owners_change_their_package_and_no_other() {
    let world = closed().await;
    world.publish("acme/planner", "1.0.0", Kind::Persona, &[]).await;
    let (ann, bob) = (Caller::user(&world, "ann", None).await, Caller::user(&world, "bob", Some(Role::Member)).await);
    let operator = Caller::operator(&world).await;
    assert_eq!(changes(&ann).await, [403; 11]);
    assert_eq!(operator.own(&["ann"]).await, 204);
    assert_eq!(changes(&ann).await, [204, 204, 204, 204, 204, 400, 204, 204, 204, 204, 204]);
    for uri in ["/api/v1/artifacts/acme/planner/versions/1.0.0/yank", "/api/v1/drafts?name=acme/planner"] {
        assert_eq!(ann.status("POST", uri).await, 403, "{uri}");
    }
    // A member publishes, and moves tags, but owns nothing.
    let found = changes(&bob).await;
    assert_eq!(found, [403, 403, 403, 403, 403, 400, 403, 403, 403, 204, 403]);
}

#[tokio::test]
async fn owners_are_given_by_owners() {
    let world = closed().await;
    let (ann, bob) = (Caller::user(&world, "ann", None).await, Caller::user(&world, "bob", None).await);
    let (member, vera) =
        (Caller::user(&world, "cai", Some(Role::Member)).await, Caller::user(&world, "vera", Some(Role::Owner)).await);
    for caller in [&ann, &member] {
        assert_eq!(caller.own(&["ann"]).await, 403);
    }
    assert_eq!(world.ask("PUT", OWNERS, r#"{"owners":["ann"]}"#).await.status, 401);
    assert_eq!(vera.own(&["ann"]).await, 204, "an owner of the organisation");
    assert_eq!(ann.own(&["bob", "ann"]).await, 204, "an owner of the package");
    assert_eq!(bob.ask("GET", OWNERS, "", None).await.json(), json!({ "owners": ["ann", "bob"] }));
    let listed = bob.ask("GET", "/api/v1/artifacts?owner=bob", "", None).await;
    assert_eq!(listed.each("/items", "/name"), ["acme/review"]);
    assert_eq!(listed.json()["items"][0]["owners"], json!(["ann", "bob"]));
    assert_eq!(bob.own(&[]).await, 204, "the last ones may go");
    assert_eq!(bob.own(&["bob"]).await, 403, "and are none any more");
    assert_eq!(vera.own(&["ann"]).await, 204, "the owners of the organisation remain");
    let history = ann.ask("GET", "/api/v1/artifacts/acme/review/history?limit=2", "", None).await.json();
    assert_eq!((&history["items"][0]["owners"], &history["items"][1]["owners"]), (&json!(["ann"]), &json!([])));
    // More than a package may have, and what is no name.
    let many: Vec<String> = (0..101).map(|number| format!("u{number}")).collect();
    assert_eq!(vera.own(&many.iter().map(String::as_str).collect::<Vec<_>>()).await, 400);
    assert_eq!(vera.own(&["Ann"]).await, 400);
    let unknown = vera.ask("PUT", "/api/v1/artifacts/acme/none/owners", r#"{"owners":[]}"#, None).await;
    assert_eq!(unknown.status, 404);
}

#[tokio::test]
async fn a_change_of_what_somebody_else_changed_is_refused() {
    let world = closed().await;
    let operator = Caller::operator(&world).await;
    let seen = operator.ask("GET", OWNERS, "", None).await.header("etag").to_owned();
    let own = async |owners: &str, seen: &str| operator.ask("PUT", OWNERS, owners, Some(seen)).await;
    assert_eq!(own(r#"{"owners":["ann"]}"#, &seen).await.status, 204);
    let refused = own(r#"{"owners":["bob"]}"#, &seen).await;
    assert_eq!(refused.status, 412);
    assert!(refused.text().contains("read it again"), "{}", refused.text());
    assert_eq!(operator.ask("GET", OWNERS, "", None).await.json(), json!({ "owners": ["ann"] }));
    let seen = operator.ask("GET", OWNERS, "", None).await.header("etag").to_owned();
    for seen in [&format!("\"x\", {seen}"), "*"] {
        assert_eq!(own(r#"{"owners":["bob"]}"#, seen).await.status, 204, "{seen}");
    }
}

#[tokio::test]
async fn collections_are_of_those_who_publish_in_the_organisation() {
    const STEPS: &str = "/api/v1/collections/acme/review";
    let world = closed().await;
    let (ann, member) =
        (Caller::user(&world, "ann", None).await, Caller::user(&world, "cai", Some(Role::Member)).await);
    let operator = Caller::operator(&world).await;
    assert_eq!(operator.own(&["ann"]).await, 204);
    let body = r#"{"visibility":"unlisted","items":[{"name":"acme/review"}]}"#;
    assert_eq!(world.ask("PUT", STEPS, body).await.status, 401);
    assert_eq!(ann.ask("PUT", STEPS, body, None).await.status, 403, "a package of that name is another thing");
    assert_eq!(member.ask("PUT", STEPS, body, None).await.status, 200);
    assert_eq!((ann.status("GET", STEPS).await, world.get(STEPS).await.status), (200, 401));
    let hidden = "/api/v1/collections?org=acme&visibility=unlisted";
    assert_eq!((ann.status("GET", hidden).await, member.status("GET", hidden).await), (403, 200));
    assert_eq!((ann.status("DELETE", STEPS).await, member.status("DELETE", STEPS).await), (403, 204));
}

#[tokio::test]
async fn whoever_begins_a_package_owns_it() {
    let world = closed().await;
    let ann = Caller::user(&world, "ann", Some(Role::Member)).await;
    let tar = crate::pack::write_archive(
        &crate::domain::Tree::new(vec![crate::domain::File {
            path: "SKILL.md".parse().unwrap(),
            executable: false,
            content: bytes::Bytes::from_static(b"# Hers\n\nReads with care.\n"),
        }])
        .unwrap(),
        "hers",
    );
    let request = Request::post("/api/v1/drafts?name=acme/hers&kind=skill")
        .header(AUTHORIZATION, &ann.bearer)
        .header("content-type", "application/gzip");
    let draft = world.send(request.body(Body::from(tar)).unwrap()).await.json();
    let publish = format!("/api/v1/drafts/acme/{}/publish?revision=1", draft["id"].as_str().unwrap());
    assert_eq!(ann.status("POST", &publish).await, 200);
    let owners = ann.ask("GET", "/api/v1/artifacts/acme/hers/owners", "", None).await;
    assert_eq!(owners.json(), json!({ "owners": ["ann"] }));
    // A member could not do that to a package of others.
    let version = draft["config"]["version"].as_str().unwrap();
    assert_eq!(ann.status("POST", &format!("/api/v1/artifacts/acme/hers/versions/{version}/yank")).await, 204);
}
