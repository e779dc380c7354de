//! What organisations say of themselves, and who may say it.

use serde_json::json;

use super::login::closed;
use super::owners::Caller;
use super::world::World;
use crate::domain::{Kind, Role};

const ACME: &str = "/api/v1/orgs/acme";

#[tokio::test]
async fn owners_of_an_organisation_say_what_it_is() {
    let world = closed().await;
    let (ann, member) =
        (Caller::user(&world, "ann", None).await, Caller::user(&world, "cai", Some(Role::Member)).await);
    let (vera, operator) = (Caller::user(&world, "vera", Some(Role::Owner)).await, Caller::operator(&world).await);
    let said = r#"{"title":"Acme","description":"We read.","homepage":"https://acme.example"}"#;
    for caller in [&ann, &member] {
        assert_eq!(caller.ask("PUT", ACME, said, None).await.status, 403);
    }
    let silent = ann.ask("GET", ACME, "", None).await;
    assert_eq!(silent.json(), json!({ "name": "acme", "visibility": "public", "packages": 1 }));
    assert_eq!(vera.ask("PUT", ACME, said, Some(silent.header("etag"))).await.status, 204);
    let first = ann.ask("GET", ACME, "", None).await;
    assert_eq!((&first.json()["title"], &first.json()["packages"]), (&json!("Acme"), &json!(1)));
    let refused = vera.ask("PUT", ACME, r#"{"title":"Lost"}"#, Some(silent.header("etag"))).await;
    assert_eq!(refused.status, 412, "{}", refused.text());
    assert_eq!(vera.ask("PUT", ACME, r#"{"visibility":"unlisted"}"#, Some(first.header("etag"))).await.status, 204);
    assert_eq!(vera.ask("PUT", "/api/v1/orgs/other", said, None).await.status, 403);
    assert_eq!(operator.ask("PUT", "/api/v1/orgs/other", said, Some("*")).await.status, 412, "it is not there");
    assert_eq!(operator.ask("PUT", "/api/v1/orgs/other", said, None).await.status, 204);
    for bad in [r#"{"homepage":"javascript:x"}"#, r#"{"visibility":"secret"}"#, "[]"] {
        assert_eq!(vera.ask("PUT", ACME, bad, None).await.status, 400, "{bad}");
    }
    world.publish("acme/quiet", "1.0.0", Kind::Skill, &[]).await;
    let quiet = ann.ask("GET", "/api/v1/artifacts/acme/quiet", "", None).await.json();
    assert_eq!(quiet["visibility"], "unlisted");
    let all = ann.ask("GET", "/api/v1/orgs?limit=1", "", None).await;
    assert_eq!((all.each("/items", "/name"), &all.json()["next"]), (vec!["acme".to_owned()], &json!("acme")));
    let rest = ann.ask("GET", "/api/v1/orgs?cursor=acme", "", None).await;
    assert_eq!(
        (rest.each("/items", "/name"), &rest.json()["items"][0]["packages"]),
        (vec!["other".to_owned()], &json!(0))
    );
}

#[tokio::test]
async fn members_see_who_is_one() {
    let world = closed().await;
    let (ann, reader) =
        (Caller::user(&world, "ann", None).await, Caller::user(&world, "rea", Some(Role::Reader)).await);
    let operator = Caller::operator(&world).await;
    let members = "/api/v1/orgs/acme/members";
    assert_eq!(ann.status("GET", members).await, 403);
    for caller in [&reader, &operator] {
        let found = caller.ask("GET", members, "", None).await.json();
        assert_eq!(found["items"], json!([{ "user": "rea", "role": "reader" }]));
    }
    assert_eq!(reader.status("GET", "/api/v1/orgs/other/members").await, 403);
}

const DELETED: &str = "/api/v1/orgs/acme/deleted";

#[tokio::test]
async fn who_may_restore_sees_what_is_deleted() {
    let world = closed().await;
    let (ann, member) =
        (Caller::user(&world, "ann", None).await, Caller::user(&world, "cai", Some(Role::Member)).await);
    let (vera, operator) = (Caller::user(&world, "vera", Some(Role::Owner)).await, Caller::operator(&world).await);
    world.publish("acme/secret", "1.0.0", Kind::Skill, &[]).await;
    let (secret, private) = ("/api/v1/artifacts/acme/secret/visibility", r#"{"visibility":"private"}"#);
    assert_eq!(operator.ask("PUT", secret, private, None).await.status, 204);
    assert_eq!(vera.ask("GET", DELETED, "", None).await.json(), json!({ "items": [] }));
    let version = |name: &str| format!("/api/v1/artifacts/acme/{name}/versions/1.0.0");
    for name in ["review", "secret"] {
        assert_eq!(operator.status("DELETE", &version(name)).await, 204);
    }
    for caller in [&ann, &member] {
        assert_eq!(caller.status("GET", DELETED).await, 403);
    }
    assert_eq!(world.get(DELETED).await.status, 401);
    assert_eq!(vera.status("GET", "/api/v1/orgs/other/deleted").await, 403);
    let row = |name: &str, visibility: &str| json!({ "name": name, "visibility": visibility });
    for caller in [&vera, &operator] {
        let found = caller.ask("GET", DELETED, "", None).await.json();
        assert_eq!(found["items"], json!([row("acme/review", "public"), row("acme/secret", "private")]));
    }
    let first = vera.ask("GET", &format!("{DELETED}?limit=1"), "", None).await;
    assert_eq!(
        (first.each("/items", "/name"), &first.json()["next"]),
        (vec!["acme/review".to_owned()], &json!("acme/review"))
    );
    let second = vera.ask("GET", &format!("{DELETED}?cursor=acme/review"), "", None).await;
    assert_eq!((second.each("/items", "/name"), second.json().get("next")), (vec!["acme/secret".to_owned()], None));
    assert_eq!(vera.status("POST", &format!("{}/restore", version("secret"))).await, 204);
    assert_eq!(vera.ask("GET", DELETED, "", None).await.each("/items", "/name"), ["acme/review"]);
}

/// Where everybody may write, everybody may restore what is public. What is private is not theirs to see, deleted or not.
#[tokio::test]
async fn what_is_private_is_not_among_what_everybody_may_restore() {
    let world = World::open().await;
    let operator = Caller::operator(&world).await;
    let (planner, private) = ("/api/v1/artifacts/acme/planner", r#"{"visibility":"private"}"#);
    assert_eq!(operator.ask("PUT", &format!("{planner}/visibility"), private, None).await.status, 204);
    assert_eq!(operator.status("DELETE", &format!("{planner}/versions/0.1.0")).await, 204);
    let alone = world.get(DELETED).await;
    assert_eq!((alone.status, alone.json()), (200, json!({ "items": [] })));
    assert_eq!(operator.ask("GET", DELETED, "", None).await.each("/items", "/name"), ["acme/planner"]);
    let crew = "/api/v1/artifacts/other/crew/versions/1.0.0";
    assert_eq!(world.ask("DELETE", crew, "").await.status, 204);
    assert_eq!(world.get("/api/v1/orgs/other/deleted").await.each("/items", "/name"), ["other/crew"]);
}
