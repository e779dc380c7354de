//! What organisations say of themselves, and who may say it.

use serde_json::json;

use super::login::closed;
use super::owners::Caller;
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
