//! Who owns a package.

use super::super::{Act, Applied, Filter, Label, Order, Outcome, Refused, Replay, rules};
use super::world::{artifact, image, parse};
use super::{Check, Failure, Stores, World, dump};
use crate::domain::{Body, Name, UserName, Visibility};

/// Names of users.
fn users(names: &[&str]) -> Result<Vec<UserName>, Failure> {
    names.iter().map(|name| parse(name)).collect()
}

async fn own(world: &World, name: &str, owners: &[&str]) -> Result<Outcome, Failure> {
    world.act(Act::SetOwners { name: parse(name)?, owners: users(owners)?, seen: None }).await
}

/// Who owns a package, as the store says apart from it.
async fn owners(world: &World, name: &str) -> Result<Option<Vec<UserName>>, Failure> {
    Ok(world.meta.groups.owners(&parse::<Name>(name)?).await?)
}

/// Packages that a user owns, and how many are counted, by a list and by the label.
async fn owned(world: &World, user: &str) -> Result<(Vec<String>, u64, u64), Failure> {
    let filter = Filter { labelled: vec![vec![(Label::Owner, user.to_owned())]], ..Filter::default() };
    let page = world.meta.catalog.packages(&filter, Order::Name, None, 100).await?;
    let labels = world.meta.catalog.labels(Label::Owner, None, 100).await?;
    let counted = labels.iter().find(|counted| counted.label == user).map_or(0, |counted| counted.count);
    let names = page.items.iter().map(|package| package.name.to_string()).collect();
    Ok((names, world.meta.catalog.count(&filter).await?, counted))
}

fn nothing() -> (Vec<String>, u64, u64) {
    (Vec::new(), 0, 0)
}

/// The user who publishes the first version owns the package; later publishers do not, nor does whoever has no account.
pub async fn who_begins_a_package_owns_it(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    world.push_as("user:ann", &artifact("acme/hello@1.0.0")?).await??;
    world.push_as("user:bob", &artifact("acme/hello@2.0.0")?).await??;
    world.push_as("operator", &artifact("acme/other@1.0.0")?).await??;
    world.push_as("user:bob", &image("acme/plain:v1")?).await??;
    assert_eq!(world.package("acme/hello").await?.owners, users(&["ann"])?);
    assert_eq!(owners(&world, "acme/hello").await?, Some(users(&["ann"])?));
    assert_eq!(world.package("acme/other").await?.owners, users(&[])?);
    for (name, expected) in [("acme/other", Some(users(&[])?)), ("acme/plain", None), ("acme/none", None)] {
        assert_eq!(owners(&world, name).await?, expected, "{name}");
    }
    assert_eq!(owned(&world, "ann").await?, (vec!["acme/hello".to_owned()], 1, 1));
    assert_eq!(owned(&world, "bob").await?, nothing());
    // A package of which all versions are deleted is still one: who publishes again begins nothing.
    world.delete_tag("acme/other:1.0.0").await??;
    world.push_as("user:bob", &artifact("acme/other@1.1.0")?).await??;
    assert_eq!(world.package("acme/other").await?.owners, users(&[])?);
    Ok(())
}

/// Owners narrow lists and are counted as other labels are, whatever version is shown, as long as one is.
pub async fn owners_are_labels(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    world.push(&artifact("acme/hello@1.0.0")?.labels(&["one"], &[])).await?;
    world.push(&artifact("acme/other@1.0.0")?.labels(&["one"], &[])).await?;
    own(&world, "acme/hello", &["ann", "bob"]).await??;
    own(&world, "acme/other", &["bob"]).await??;
    let (hello, both) = (vec!["acme/hello".to_owned()], vec!["acme/hello".to_owned(), "acme/other".to_owned()]);
    assert_eq!(owned(&world, "ann").await?, (hello.clone(), 1, 1));
    assert_eq!(owned(&world, "bob").await?, (both.clone(), 2, 2));
    let tags = world.meta.catalog.labels(Label::Tag, None, 9).await?;
    assert_eq!((tags.len(), tags[0].count), (1, 2), "other labels stay as they are");
    // Another version with other labels.
    world.push(&artifact("acme/hello@2.0.0")?.labels(&["two"], &[])).await?;
    assert_eq!(owned(&world, "ann").await?, (hello.clone(), 1, 1));
    own(&world, "acme/hello", &["bob"]).await??;
    assert_eq!(owned(&world, "ann").await?, nothing());
    assert_eq!(world.package("acme/hello").await?.tags, ["two"]);
    // Who is hidden is not counted, nor found by others.
    world.see("acme/other", Visibility::Unlisted).await??;
    assert_eq!(owned(&world, "bob").await?, (hello.clone(), 1, 1));
    world.see("acme/other", Visibility::Public).await??;
    assert_eq!(owned(&world, "bob").await?, (both, 2, 2));
    // What shows nothing is in no list, and its owners are known all the same; also those who come then.
    world.delete_tag("acme/other:1.0.0").await??;
    assert_eq!(owned(&world, "bob").await?, (hello, 1, 1));
    assert_eq!(owners(&world, "acme/other").await?, Some(users(&["bob"])?));
    own(&world, "acme/other", &["cai"]).await??;
    assert_eq!(owned(&world, "cai").await?, nothing());
    world.restore("acme/other@1.0.0").await??;
    assert_eq!(owned(&world, "cai").await?, (vec!["acme/other".to_owned()], 1, 1));
    Ok(())
}

/// The list is kept in order, each user once; the same again is no event, and nothing else of the package changes.
pub async fn owners_change_once(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let hello = world.publish("acme/hello@1.0.0").await?;
    world.push(&image("acme/plain:v1")?).await?;
    let before = world.package("acme/hello").await?;
    let Applied { event, tags } = own(&world, "acme/hello", &["bob", "ann", "bob"]).await??;
    assert!(event.is_some() && tags.is_empty());
    assert_eq!(own(&world, "acme/hello", &["ann", "bob"]).await??.event, None, "it is so already");
    let mut after = world.package("acme/hello").await?;
    assert_eq!(after.owners, users(&["ann", "bob"])?);
    assert!(after.updated > before.updated);
    (after.owners, after.updated) = (before.owners.clone(), before.updated);
    assert_eq!(after, before);
    assert_eq!(world.tag("acme/hello:latest").await?, Some(hello.digest()));
    // The last one may go.
    assert!(own(&world, "acme/hello", &[]).await??.event.is_some());
    assert_eq!(world.package("acme/hello").await?.owners, users(&[])?);
    for name in ["acme/plain", "acme/none"] {
        assert_eq!(own(&world, name, &["ann"]).await?, Err(Refused::NotFound("the package")), "{name}");
    }
    Ok(())
}

/// Whoever says what it saw is refused if others own the package by now: of many at once, one changes it.
pub async fn of_two_who_saw_the_same_owners_one_changes_them(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    world.push_as("user:ann", &artifact("acme/hello@1.0.0")?).await??;
    let change = |user: &str| {
        let (name, seen) = (parse("acme/hello")?, Some(users(&["ann"])?));
        Ok::<_, Failure>(world.act(Act::SetOwners { name, owners: users(&["ann", user])?, seen }))
    };
    let outcomes = futures::future::try_join_all(
        ["bob", "cai", "dee", "eve"].map(change).into_iter().collect::<Result<Vec<_>, _>>()?,
    )
    .await?;
    let won = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    let lost = outcomes.iter().filter(|outcome| **outcome == Err(Refused::Changed("the list of owners"))).count();
    assert_eq!((won, lost), (1, 3), "{outcomes:?}");
    assert_eq!(world.package("acme/hello").await?.owners.len(), 2);
    Ok(())
}

/// A store that is made again from the events has the same owners, those whom no event names among them.
pub async fn a_replay_keeps_the_owners(stores: &dyn Stores) -> Check {
    let (world, copy) = (World::new(stores).await?, World::new(stores).await?);
    let artifacts = [
        artifact("acme/hello@1.0.0")?.labels(&["one"], &[]),
        artifact("acme/other@1.0.0")?,
        artifact("acme/third@1.0.0")?,
    ];
    for artifact in &artifacts {
        world.push_as("user:ann", artifact).await??;
    }
    own(&world, "acme/other", &["bob", "ann"]).await??;
    own(&world, "acme/third", &["bob"]).await??;
    own(&world, "acme/third", &[]).await??;
    let of = |digest: &_| artifacts.iter().find(|artifact| artifact.digest() == *digest).cloned();
    copy.meta.catalog.replay(&world.replays(of).await?).await?;
    assert_eq!(dump(&copy.meta).await?, dump(&world.meta).await?);
    assert_eq!(owned(&copy, "ann").await?, (vec!["acme/hello".to_owned(), "acme/other".to_owned()], 2, 2));
    assert_eq!(owners(&copy, "acme/third").await?, Some(users(&[])?));
    // An older release recorded what it did not know that it said already.
    let same = Body::Owners { name: parse("acme/hello")?, owners: users(&["ann"])? };
    let change = copy.change(Act::SetOwners { name: parse("acme/hello")?, owners: users(&["ann"])?, seen: None });
    let (event, bytes) = rules::seal(&change, same, false, copy.meta.ledger.head().await?);
    let last = Replay { event, bytes, facts: None, record: None, collection: None, profile: None };
    copy.meta.catalog.replay(&[last]).await?;
    assert_eq!(owners(&copy, "acme/hello").await?, Some(users(&["ann"])?));
    Ok(())
}
