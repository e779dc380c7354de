//! Bad input: a problem document that says what would have been right, and nothing done.

use axum::body::Body;

use super::world::World;
use crate::domain::Access;
use crate::http::Options;

#[tokio::test]
async fn parameters_are_those_of_the_document_and_no_others() {
    let world = World::open().await;
    for (method, path, parameters) in world.operations() {
        if !path.starts_with("/api/") {
            continue;
        }
        let problem = world.ask(&method, &format!("{path}?nonsense=1"), Body::empty()).await;
        assert_eq!(problem.status, 400, "{method} {path}");
        let expected = match parameters.as_slice() {
            [] => "this path takes no parameters".to_owned(),
            parameters => format!("this path takes {}", parameters.join(", ")),
        };
        assert_eq!(problem.json()["hint"], expected, "{method} {path}");
    }
}

#[tokio::test]
async fn values_outside_their_grammar_are_400_with_a_hint() {
    let world = World::open().await;
    for (uri, hint) in [
        ("/api/v1/artifacts?kind=animal", "persona, team"),
        ("/api/v1/artifacts?sort=size", "name, updated"),
        ("/api/v1/artifacts?limit=1001", "1 to 1000"),
        ("/api/v1/artifacts?org=a,b", "one at a time"),
        ("/api/v1/artifacts/acme/review/versions/1.0", "resolve?range="),
        ("/api/v1/artifacts/acme/review/versions?cursor=x", "next"),
        ("/api/v1/artifacts/acme/review/resolve?range=~~", "^1.2"),
        ("/api/v1/search?limit=101", "1 to 100"),
        ("/api/v1/search?sort=best", "relevance, name, newest"),
        ("/api/v1/search?facets=yes", "true, false"),
        ("/api/v1/search?q=a&q=b", "one q"),
        ("/api/v1/tags?limit=0", "1 to 1000"),
    ] {
        let problem = world.get(uri).await;
        assert_eq!(problem.status, 400, "{uri}");
        assert!(problem.json()["hint"].as_str().unwrap_or_default().contains(hint), "{uri}: {}", problem.text());
    }
    for uri in [
        "/api/v1/artifacts?cursor=x",
        "/api/v1/search?cursor=00",
        "/api/v1/artifacts/Acme/review",
        "/api/v1/artifacts/acme/%ff",
        "/api/v1/artifacts/v2/review",
    ] {
        assert_eq!(world.get(uri).await.status, 400, "{uri}");
    }
    let cursor = world.get("/api/v1/artifacts?limit=1").await.json()["next"].as_str().unwrap().to_owned();
    let foreign = world.get(&format!("/api/v1/artifacts?limit=1&kind=skill&cursor={cursor}")).await;
    assert_eq!(foreign.status, 400, "a cursor belongs to one question");
}

#[tokio::test]
async fn what_is_not_there_is_404_and_what_is_not_taken_405() {
    let world = World::open().await;
    for uri in [
        "/",
        "/api",
        "/api/v1",
        "/api/v1/artifacts/acme",
        "/api/v1/artifacts/acme/none",
        "/api/v1/artifacts/acme/none/versions",
        "/api/v1/artifacts/acme/review/versions/9.0.0",
        "/api/v1/artifacts/acme/none/resolve?range=1",
        "/api/v2/search",
    ] {
        let problem = world.get(uri).await;
        assert_eq!(problem.status, 404, "{uri}");
    }
    for (method, uri, allowed) in [
        ("DELETE", "/api/v1/search", "GET,HEAD"),
        ("GET", "/api/v1/import", "POST"),
        ("PUT", "/api/v1/artifacts/acme/review/versions/1.0.0/yank", "POST,DELETE"),
        ("POST", "/health", "GET,HEAD"),
    ] {
        let problem = world.ask(method, uri, Body::empty()).await;
        assert_eq!((problem.status, problem.header("allow")), (405, allowed), "{method} {uri}");
    }
    let yank = "/api/v1/artifacts/acme/review/versions/9.0.0/yank";
    assert_eq!(world.ask("POST", yank, "").await.status, 404);
}

#[tokio::test]
async fn bodies_that_cannot_be_read_change_nothing() {
    let world = World::open().await;
    let yank = "/api/v1/artifacts/acme/review/versions/1.0.0/yank";
    let long = format!(r#"{{"reason":"{}"}}"#, "x".repeat(3000));
    for (body, status) in
        [("reason", 400), ("[1]", 400), (r#"{"reason":1}"#, 400), (&long, 413), (&"x".repeat(70_000), 413)]
    {
        assert_eq!(world.ask("POST", yank, body.to_owned()).await.status, status, "{body:.40}");
    }
    let releases = world.get("/api/v1/artifacts/acme/review/versions").await.json();
    assert!(releases["items"].as_array().unwrap().iter().all(|release| release["yanked"] == false));
}

#[tokio::test]
async fn readers_may_not_change_anything() {
    let world = World::empty(Options { access: Access::Read, ..Options::default() }).await;
    assert_eq!(world.get("/api/v1/artifacts").await.status, 200);
    for (method, uri) in [
        ("POST", "/api/v1/artifacts/acme/review/versions/1.0.0/yank"),
        ("DELETE", "/api/v1/artifacts/acme/review/versions/1.0.0/yank"),
        ("POST", "/api/v1/artifacts/acme/review/versions/1.0.0/restore"),
        ("DELETE", "/api/v1/artifacts/acme/review/versions/1.0.0"),
        ("GET", "/api/v1/artifacts?visibility=unlisted"),
        ("POST", "/api/v1/drafts?name=acme/review"),
        ("DELETE", "/api/v1/artifacts/acme/review/versions/1.0.0/content"),
        ("POST", "/api/v1/import?org=acme&path=a.md"),
        ("PATCH", "/api/v1/artifacts/acme/review/versions/1.0.0"),
        ("GET", "/api/v1/artifacts/acme/review/versions?state=deleted"),
        ("GET", "/api/v1/orgs/acme/deleted"),
    ] {
        let answered = world.ask(method, uri, "").await;
        assert_eq!(
            (answered.status, answered.header("www-authenticate")),
            (401, r#"Bearer realm="pclr""#),
            "{method} {uri}"
        );
    }
    let nobody = World::empty(Options { access: Access::None, ..Options::default() }).await;
    assert_eq!(nobody.get("/api/v1/artifacts").await.status, 401);
}
