//! Stars, trends, statistics, and lists by them.

use axum::body::Body;
use http::Request;
use http::header::AUTHORIZATION;

use super::world::{Answered, World};
use crate::domain::{Actor, Kind, Reference, Timestamp, Token, UserName};
use crate::http::Options;
use crate::meta::TokenRow;

/// Adds a user, and gives a token of theirs.
async fn user(world: &World, name: &str) -> Token {
    let (user, now): (UserName, _) = (name.parse().unwrap(), Timestamp::from_micros(0));
    world.meta.accounts.add_user(&user, now).await.unwrap();
    let token = Token::new([name.as_bytes()[0]; 32]);
    let (owner, name) = (name.parse().unwrap(), "a".parse().unwrap());
    let row = TokenRow { owner, name, hash: token.hash(), created: now, used: None, expires: None };
    world.meta.accounts.add_token(&row).await.unwrap();
    token
}

async fn ask(world: &World, token: &Token, method: &str, uri: &str) -> Answered {
    let request = Request::builder().method(method).uri(uri);
    let request = request.header(AUTHORIZATION, format!("Bearer {}", token.reveal()));
    world.send(request.body(Body::empty()).unwrap()).await
}

/// Pulls a version so often, and writes it down.
async fn pull(world: &World, name: &str, version: &str, times: usize) {
    let (repository, reference) = (name.parse().unwrap(), Reference::Tag(version.parse().unwrap()));
    let manifest = world.registry.manifest(&Actor::Operator, &repository, &reference).await.unwrap();
    (0..times).for_each(|_| world.registry.downloaded(&manifest));
    world.registry.save_downloads().await.unwrap();
}

#[tokio::test]
async fn a_user_gives_stars_and_takes_them_away() {
    let world = World::open().await;
    let (ann, bob) = (user(&world, "ann").await, user(&world, "bob").await);
    let (review, planner) = ("/api/v1/artifacts/acme/review", "/api/v1/artifacts/acme/planner");
    for (token, package) in [(&ann, review), (&ann, review), (&bob, review), (&ann, planner)] {
        assert_eq!(ask(&world, token, "PUT", &format!("{package}/star")).await.status, 204);
    }
    assert_eq!(world.get(review).await.json()["stars"], 2);
    let stars = ask(&world, &ann, "GET", "/api/v1/user/stars").await;
    assert_eq!(stars.each("/items", "/name"), ["acme/planner", "acme/review"]);
    let first = ask(&world, &ann, "GET", "/api/v1/user/stars?limit=1").await;
    assert_eq!(first.json()["next"], "acme/planner");
    let second = ask(&world, &ann, "GET", "/api/v1/user/stars?limit=1&cursor=acme/planner").await;
    assert_eq!((second.each("/items", "/name"), second.json().get("next")), (vec!["acme/review".to_owned()], None));
    for _ in 0..2 {
        assert_eq!(ask(&world, &ann, "DELETE", &format!("{review}/star")).await.status, 204);
    }
    assert_eq!(world.get(review).await.json()["stars"], 1);
    assert_eq!(ask(&world, &ann, "GET", "/api/v1/user/stars").await.each("/items", "/name"), ["acme/planner"]);
    let list = world.get("/api/v1/artifacts?sort=stars&stars_min=1").await;
    assert_eq!(list.each("/items", "/name"), ["acme/planner", "acme/review"]);
    assert_eq!(ask(&world, &ann, "PUT", "/api/v1/artifacts/acme/none/star").await.status, 404);
    assert_eq!(ask(&world, &ann, "DELETE", "/api/v1/artifacts/acme/none/star").await.status, 204);
}

#[tokio::test]
async fn stars_need_an_account() {
    let world = World::open().await;
    for (method, uri) in [
        ("PUT", "/api/v1/artifacts/acme/review/star"),
        ("DELETE", "/api/v1/artifacts/acme/review/star"),
        ("GET", "/api/v1/user/stars"),
    ] {
        assert_eq!(world.ask(method, uri, "").await.status, 401, "{method} {uri}");
        let removed = user(&world, "zoe").await;
        assert_ne!(ask(&world, &removed, method, uri).await.status, 401, "{method} {uri}");
    }
    world.meta.accounts.remove_user(&"zoe".parse().unwrap()).await.unwrap();
    assert_eq!(world.get("/api/v1/artifacts/acme/review").await.json()["stars"], 0, "stars go with their user");
}

#[tokio::test]
async fn downloads_are_told_by_version_and_day() {
    let world = World::open().await;
    pull(&world, "acme/review", "1.0.0", 2).await;
    pull(&world, "acme/review", "1.1.0", 3).await;
    pull(&world, "other/crew", "1.0.0", 4).await;
    let found = world.get("/api/v1/artifacts/acme/review/statistics").await.json();
    assert_eq!((&found["downloads"], &found["stars"]), (&5.into(), &0.into()));
    assert_eq!(found["versions"][0], serde_json::json!({ "version": "1.1.0", "downloads": 3 }));
    assert_eq!((&found["days"][0]["downloads"], found["days"].as_array().unwrap().len()), (&5.into(), 1));
    let day = found["days"][0]["day"].as_str().unwrap().to_owned();
    let of = async |query: String| world.get(&format!("/api/v1/artifacts/acme/review/statistics?{query}")).await;
    assert_eq!(of(format!("version=1.0.0&from={day}&to={day}")).await.json()["days"][0]["downloads"], 2);
    assert_eq!(of("to=2020-01-01".to_owned()).await.json()["days"], serde_json::json!([]));
    for bad in ["from=yesterday", "version=1", "from=1970-01-01&to=2020-01-01", "day=2020-01-01"] {
        assert_eq!(of(bad.to_owned()).await.status, 400, "{bad}");
    }
    assert_eq!(world.get("/api/v1/artifacts/acme/none/statistics").await.status, 404);
    let list = world.get("/api/v1/artifacts?sort=downloads").await;
    assert_eq!(list.each("/items", "/name"), ["acme/review", "other/crew", "acme/planner"]);
    let list = world.get("/api/v1/artifacts?sort=downloads&downloads_min=4&limit=1&total=true").await;
    assert_eq!((list.each("/items", "/name"), &list.json()["total"]), (vec!["acme/review".to_owned()], &2.into()));
    assert_eq!(world.get("/api/v1/artifacts?downloads_min=many").await.status, 400);
    let totals = world.get("/api/v1/statistics").await.json();
    for (member, expected) in [("packages", 3), ("organisations", 2), ("versions", 5), ("downloads", 9), ("stars", 0)] {
        assert_eq!(totals[member], expected, "{member}");
    }
    assert_eq!(totals["kinds"][0], serde_json::json!({ "value": "persona", "count": 1 }));
}

#[tokio::test]
async fn a_file_that_is_read_is_a_download_and_one_that_is_known_is_none() {
    let world = World::open().await;
    let source = "/api/v1/artifacts/acme/planner/versions/0.1.0/source";
    let etag = world.get(source).await.header("etag").to_owned();
    let known = Request::get(source).header("if-none-match", etag).body(Body::empty()).unwrap();
    assert_eq!(world.send(known).await.status, 304);
    assert_eq!(world.send(Request::head(source).body(Body::empty()).unwrap()).await.status, 200);
    assert_eq!(world.get(&format!("{source}?file=none")).await.status, 404);
    world.registry.save_downloads().await.unwrap();
    assert_eq!(world.get("/api/v1/artifacts/acme/planner").await.json()["downloads"], 1);
}

#[tokio::test]
async fn trends_are_of_a_window_and_of_kinds_and_show_nothing_that_is_hidden() {
    let world = World::open().await;
    pull(&world, "acme/review", "1.0.0", 2).await;
    pull(&world, "other/crew", "1.0.0", 5).await;
    let ann = user(&world, "ann").await;
    ask(&world, &ann, "PUT", "/api/v1/artifacts/acme/planner/star").await;
    let found = world.get("/api/v1/trending").await;
    assert_eq!(found.each("/items", "/name"), ["acme/planner", "other/crew", "acme/review"]);
    assert_eq!((&found.json()["items"][0]["score"], &found.json()["items"][1]["score"]), (&10.0.into(), &5.0.into()));
    let found = world.get("/api/v1/trending?window=1d&kind=skill,team&limit=1").await;
    assert_eq!(found.each("/items", "/name"), ["other/crew"]);
    for bad in ["window=7", "window=0d", "window=91d", "kind=animal", "limit=101", "sort=name"] {
        assert_eq!(world.get(&format!("/api/v1/trending?{bad}")).await.status, 400, "{bad}");
    }
    // What is kept of trends is given up when a package goes out of sight.
    let body = r#"{"visibility":"unlisted"}"#;
    let changed = world.ask("PUT", "/api/v1/artifacts/acme/planner/visibility", body).await;
    assert_eq!(changed.status, 204);
    assert_eq!(world.get("/api/v1/trending").await.each("/items", "/name"), ["other/crew", "acme/review"]);
    assert_eq!(world.get("/api/v1/statistics").await.json()["packages"], 2);
    let closed = World::empty(Options { access: crate::domain::Access::None, ..Options::default() }).await;
    closed.publish("acme/review", "1.0.0", Kind::Skill, &[]).await;
    for path in ["/api/v1/trending", "/api/v1/statistics", "/api/v1/artifacts/acme/review/statistics"] {
        assert_eq!(closed.get(path).await.status, 401, "{path}");
    }
}
