//! Users, roles, tokens.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::{Digest, OrgName, Role, Timestamp, Token, TokenName, TokenOwner, UserName};

use super::super::{Login, TokenAdded, TokenRow, USED_EVERY, UserRow};
use super::world::parse;
use super::{Check, Failure, Stores, World};

/// A token of `owner` called `name`, made of its name, which never expires.
fn token(owner: &str, name: &str, now: Timestamp) -> Result<TokenRow, Failure> {
    Ok(TokenRow {
        owner: parse(owner)?,
        name: parse(name)?,
        hash: Digest::sha256(format!("{owner} {name}").as_bytes()),
        created: now,
        used: None,
        expires: None,
    })
}

async fn names(world: &World, after: Option<&str>, limit: usize) -> Result<Vec<String>, Failure> {
    let after = after.map(parse::<UserName>).transpose()?;
    let users = world.meta.accounts.users(after.as_ref(), limit).await?;
    Ok(users.iter().map(|user| user.name.to_string()).collect())
}

/// Users are added once, listed in the order of their names, and removed once.
pub async fn users_come_and_go(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let accounts = &world.meta.accounts;
    let added = world.now();
    for (name, now) in [("bob", added), ("ann", world.now()), ("b-b", world.now()), ("0", world.now())] {
        assert!(accounts.add_user(&parse(name)?, now).await?, "{name}");
        assert!(!accounts.add_user(&parse(name)?, world.now()).await?, "{name} is there");
    }
    assert_eq!(names(&world, None, 10).await?, ["0", "ann", "b-b", "bob"]);
    assert_eq!(names(&world, None, 2).await?, ["0", "ann"]);
    assert_eq!(names(&world, Some("ann"), 1).await?, ["b-b"]);
    assert_eq!(names(&world, Some("bob"), 1).await?, Vec::<String>::new());
    let found = accounts.users(Some(&parse("b-b")?), 1).await?;
    assert_eq!(found, [UserRow { name: parse("bob")?, created: added, roles: BTreeMap::new() }]);
    assert!(accounts.remove_user(&parse("bob")?).await?);
    assert!(!accounts.remove_user(&parse("bob")?).await?);
    assert_eq!(names(&world, None, 10).await?, ["0", "ann", "b-b"]);
    Ok(())
}

/// A user has one role in each organisation, until it is taken away or the user is removed.
pub async fn roles_are_given_and_taken(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let accounts = &world.meta.accounts;
    let (ann, bob): (UserName, UserName) = (parse("ann")?, parse("bob")?);
    let (acme, other): (OrgName, OrgName) = (parse("acme")?, parse("acme.x_y")?);
    assert!(!accounts.set_role(&acme, &ann, Some(Role::Owner)).await?, "there is no such user");
    accounts.add_user(&ann, world.now()).await?;
    accounts.add_user(&bob, world.now()).await?;
    for (org, role) in [(&acme, Some(Role::Reader)), (&other, Some(Role::Member)), (&acme, Some(Role::Owner))] {
        assert!(accounts.set_role(org, &ann, role).await?);
    }
    assert!(accounts.set_role(&acme, &bob, None).await?, "nothing to take is no failure");
    let roles = async || -> Result<Vec<BTreeMap<OrgName, Role>>, Failure> {
        Ok(accounts.users(None, 10).await?.into_iter().map(|user| user.roles).collect())
    };
    let both = BTreeMap::from([(acme.clone(), Role::Owner), (other.clone(), Role::Member)]);
    assert_eq!(roles().await?, [both, BTreeMap::new()]);
    accounts.set_role(&acme, &ann, None).await?;
    assert_eq!(roles().await?[0], BTreeMap::from([(other.clone(), Role::Member)]));
    accounts.remove_user(&ann).await?;
    accounts.add_user(&ann, world.now()).await?;
    assert_eq!(roles().await?[0], BTreeMap::new(), "a new user of the name has nothing of the old one's");
    Ok(())
}

/// A token says whose it is, with the roles of that moment, until it is revoked, expires or its user is removed.
pub async fn tokens_tell_whose_they_are(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let accounts = &world.meta.accounts;
    let (ann, acme): (UserName, OrgName) = (parse("ann")?, parse("acme")?);
    let operators = token("operator", "ci", world.now())?;
    let anns = token("ann", "laptop", world.now())?;
    assert_eq!(accounts.add_token(&anns).await?, TokenAdded::NoUser);
    accounts.add_user(&ann, world.now()).await?;
    assert_eq!(accounts.add_token(&anns).await?, TokenAdded::Yes);
    assert_eq!(accounts.add_token(&operators).await?, TokenAdded::Yes);
    let login = async |hash: &Digest| accounts.login(hash, world.now()).await;
    let mut expected = Login { owner: parse("ann")?, roles: BTreeMap::new(), expires: None };
    assert_eq!(login(&anns.hash).await?, Some(expected.clone()));
    accounts.set_role(&acme, &ann, Some(Role::Member)).await?;
    expected.roles.insert(acme, Role::Member);
    assert_eq!(login(&anns.hash).await?, Some(expected));
    let operator = Login { owner: TokenOwner::Operator, roles: BTreeMap::new(), expires: None };
    assert_eq!(login(&operators.hash).await?, Some(operator));
    assert_eq!(login(&Token::new([7; 32]).hash()).await?, None);
    assert!(accounts.revoke_token(&operators.owner, &operators.name).await?);
    assert!(!accounts.revoke_token(&operators.owner, &operators.name).await?);
    assert_eq!(login(&operators.hash).await?, None);
    accounts.remove_user(&ann).await?;
    assert_eq!(login(&anns.hash).await?, None);
    accounts.add_user(&ann, world.now()).await?;
    assert_eq!(login(&anns.hash).await?, None, "a new user of the name has nothing of the old one's");
    assert_eq!(accounts.tokens(None).await?, []);
    Ok(())
}

/// One owner has one token of a name; another one's of that name is another. They are listed by owner and name.
pub async fn tokens_are_listed_by_owner_and_name(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let accounts = &world.meta.accounts;
    for name in ["zoe", "ann"] {
        accounts.add_user(&parse(name)?, world.now()).await?;
    }
    let mut rows = Vec::new();
    for (owner, name) in [("zoe", "a"), ("operator", "B.1"), ("ann", "b"), ("operator", "A"), ("ann", "a")] {
        let row = TokenRow { expires: Some(Timestamp::from_micros(1)), ..token(owner, name, world.now())? };
        assert_eq!(accounts.add_token(&row).await?, TokenAdded::Yes, "{owner} {name}");
        let other = TokenRow { hash: Digest::sha256(b"other"), ..row.clone() };
        assert_eq!(accounts.add_token(&other).await?, TokenAdded::NameTaken, "{owner} {name}");
        rows.push(row);
    }
    rows.sort_by(|one, other| (one.owner.as_str(), &one.name).cmp(&(other.owner.as_str(), &other.name)));
    assert_eq!(accounts.tokens(None).await?, rows, "expired ones too");
    for owner in ["ann", "operator", "zoe"] {
        let owner: TokenOwner = parse(owner)?;
        let own: Vec<TokenRow> = rows.iter().filter(|row| row.owner == owner).cloned().collect();
        assert_eq!(accounts.tokens(Some(&owner)).await?, own, "{owner}");
    }
    assert_eq!(accounts.tokens(Some(&parse("bob")?)).await?, []);
    assert!(names(&world, None, 10).await? == ["ann", "zoe"], "the operator is no user");
    Ok(())
}

/// A token ends at its time, to the microsecond, and its use is noted no more than once an hour.
pub async fn tokens_expire_and_their_use_is_noted(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let accounts = &world.meta.accounts;
    let at = |micros: i64| Timestamp::from_micros(1_767_225_600_000_000 + micros);
    let row = TokenRow { expires: Some(at(3 * USED_EVERY)), ..token("operator", "ci", at(0))? };
    accounts.add_token(&row).await?;
    let used = async || -> Result<Option<Timestamp>, Failure> {
        Ok(accounts.tokens(None).await?.first().and_then(|token| token.used))
    };
    assert_eq!(used().await?, None);
    for (now, noted) in [
        (0, 0),
        (USED_EVERY - 1, 0),
        (USED_EVERY, USED_EVERY),
        (2 * USED_EVERY - 1, USED_EVERY),
        (3 * USED_EVERY - 1, 3 * USED_EVERY - 1),
    ] {
        let login = accounts.login(&row.hash, at(now)).await?;
        assert_eq!(login.and_then(|login| login.expires), row.expires, "{now}");
        assert_eq!(used().await?, Some(at(noted)), "{now}");
    }
    assert_eq!(accounts.login(&row.hash, at(3 * USED_EVERY)).await?, None);
    assert_eq!(used().await?, Some(at(3 * USED_EVERY - 1)), "a try with an expired token is no use");
    Ok(())
}

/// Of any number who add the same user or the same name of a token at once, one does. Roles that are given at once all stay.
pub async fn accounts_stand_concurrent_changes(stores: &dyn Stores) -> Check {
    const TOGETHER: usize = 16;
    let world = Arc::new(World::new(stores).await?);
    let ann: UserName = parse("ann")?;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..TOGETHER {
        let (world, ann) = (world.clone(), ann.clone());
        tasks.spawn(async move { world.meta.accounts.add_user(&ann, world.now()).await });
    }
    let added: Vec<bool> = tasks.join_all().await.into_iter().collect::<Result<_, _>>()?;
    assert_eq!(added.iter().filter(|added| **added).count(), 1);

    let mut tasks = tokio::task::JoinSet::new();
    for at in 0..TOGETHER {
        let (world, ann) = (world.clone(), ann.clone());
        let mut row = token("ann", "laptop", world.now())?;
        row.hash = Digest::sha256(at.to_string().as_bytes());
        let org: OrgName = parse(&format!("org{at}"))?;
        tasks.spawn(async move {
            world.meta.accounts.set_role(&org, &ann, Some(Role::Member)).await?;
            world.meta.accounts.add_token(&row).await
        });
    }
    let added: Vec<TokenAdded> = tasks.join_all().await.into_iter().collect::<Result<_, _>>()?;
    assert_eq!(added.iter().filter(|added| **added == TokenAdded::Yes).count(), 1);
    let roles = world.meta.accounts.users(None, 1).await?.into_iter().next().map(|user| user.roles.len());
    assert_eq!(roles, Some(TOGETHER));

    // A token never outlives its user, whichever comes first.
    let mut tasks = tokio::task::JoinSet::new();
    for at in 0..TOGETHER {
        let (world, ann) = (world.clone(), ann.clone());
        let name: TokenName = parse(&format!("token{at}"))?;
        let row = TokenRow { hash: Digest::sha256(name.as_str().as_bytes()), name, ..token("ann", "x", world.now())? };
        tasks.spawn(async move {
            if at == TOGETHER / 2 {
                world.meta.accounts.remove_user(&ann).await?;
            }
            world.meta.accounts.add_token(&row).await
        });
    }
    for added in tasks.join_all().await {
        assert_ne!(added?, TokenAdded::NameTaken);
    }
    assert_eq!(world.meta.accounts.tokens(None).await?, []);
    Ok(())
}
