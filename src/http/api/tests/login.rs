//! Who may do what with which token.

use axum::body::Body;
use http::Request;
use http::header::AUTHORIZATION;

use super::world::World;
use crate::domain::{Access, Kind, OrgName, Role, Timestamp, Token, TokenOwner, UserName};
use crate::http::Options;
use crate::meta::TokenRow;

const YANK: &str = "/api/v1/artifacts/acme/review/versions/1.0.0/yank";

/// A registry that shows nothing to callers without an account, with `acme/review`.
pub(super) async fn closed() -> World {
    let world = World::empty(Options { access: Access::None, ..Options::default() }).await;
    world.publish("acme/review", "1.0.0", Kind::Skill, &[]).await;
    world
}

/// Adds a user with that role in `acme`, and gives a token of theirs.
pub(super) async fn user(world: &World, name: &str, role: Option<Role>) -> Token {
    let (user, acme): (UserName, OrgName) = (name.parse().unwrap(), "acme".parse().unwrap());
    world.meta.accounts.add_user(&user, Timestamp::from_micros(0)).await.unwrap();
    world.meta.accounts.set_role(&acme, &user, role).await.unwrap();
    token(world, name).await
}

pub(super) async fn token(world: &World, owner: &str) -> Token {
    let owner: TokenOwner = owner.parse().unwrap();
    let token = Token::new([owner.as_str().as_bytes()[0]; 32]);
    let (name, created) = ("a".parse().unwrap(), Timestamp::from_micros(0));
    let row = TokenRow { owner, name, hash: token.hash(), created, used: None, expires: None };
    world.meta.accounts.add_token(&row).await.unwrap();
    token
}

/// The status of a request with this header.
async fn status(world: &World, method: &str, uri: &str, authorization: &str) -> u16 {
    let request = Request::builder().method(method).uri(uri).header(AUTHORIZATION, authorization);
    let answered = world.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answered.status == 401, answered.headers.contains_key("www-authenticate"), "{method} {uri}");
    answered.status
}

#[tokio::test]
async fn a_role_lets_a_user_do_what_it_says() {
    let world = closed().await;
    let versions = "/api/v1/artifacts/acme/review/versions";
    assert_eq!((world.get(versions).await.status, world.ask("POST", YANK, "").await.status), (401, 401));
    for (name, role, yanks) in [
        ("none", None, 403),
        ("reader", Some(Role::Reader), 403),
        ("member", Some(Role::Member), 403),
        ("vera", Some(Role::Owner), 204),
    ] {
        let bearer = format!("Bearer {}", user(&world, name, role).await.reveal());
        assert_eq!(status(&world, "GET", versions, &bearer).await, 200, "{name} reads");
        assert_eq!(status(&world, "POST", YANK, &bearer).await, yanks, "{name}");
    }
    let history = world.meta.ledger.events(0, 10).await.unwrap();
    let last = crate::domain::Event::parse(&history.last().unwrap().1).unwrap();
    assert_eq!(last.actor.as_str(), "user:vera");
    let operator = format!("Bearer {}", token(&world, "operator").await.reveal());
    assert_eq!(status(&world, "DELETE", YANK, &operator).await, 204);
}

#[tokio::test]
async fn a_wrong_token_is_refused_even_where_everybody_may() {
    let world = World::open().await;
    let list = "/api/v1/artifacts";
    let token = user(&world, "ann", None).await;
    let basic = |user: &str| {
        use base64::Engine;
        let text = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{}", token.reveal()));
        format!("Basic {text}")
    };
    assert_eq!(status(&world, "GET", list, &basic("ann")).await, 200);
    for wrong in [&basic("bob"), &basic("operator"), "Bearer x", &format!("Bearer {}", Token::new([9; 32]).reveal())] {
        assert_eq!(status(&world, "GET", list, wrong).await, 401, "{wrong}");
    }
}
