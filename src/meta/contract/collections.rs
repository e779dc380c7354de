//! Collections: ordered bundles of packages.

use std::sync::Arc;

use super::super::{Act, CollectionRow, Collections, Outcome, Refused, Seen};
use super::world::{artifact, parse};
use super::{Check, Failure, Stores, World, dump};
use crate::domain::{Collection, CollectionItem, Digest, Name, Visibility};

/// A collection of these packages.
fn of(title: &str, visibility: Visibility, packages: &[&str]) -> Result<Collection, Failure> {
    let item = |name: &&str| Ok::<_, Failure>(CollectionItem { name: parse(name)?, range: None, note: None });
    let items = packages.iter().map(item).collect::<Result<_, _>>()?;
    Ok(Collection { title: Some(title.to_owned()), description: None, visibility, items })
}

async fn delete(world: &World, name: &str, seen: Seen) -> Result<Outcome, Failure> {
    world.act(Act::DeleteCollection { name: parse(name)?, seen }).await
}

async fn read(world: &World, name: &str) -> Result<Option<CollectionRow>, Failure> {
    Ok(world.meta.groups.collection(&parse::<Name>(name)?).await?)
}

/// Names of collections.
async fn listed(world: &World, which: &Collections, after: Option<&str>, limit: usize) -> Result<Vec<String>, Failure> {
    let after: Option<Name> = after.map(parse).transpose()?;
    let rows = world.meta.groups.collections(which, after.as_ref(), limit).await?;
    Ok(rows.iter().map(|row| row.name.to_string()).collect())
}

/// It says what it was told last, keeps when it was made, and is no package.
pub async fn a_collection_comes_and_goes(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    world.publish("acme/start@1.0.0").await?;
    assert_eq!(read(&world, "acme/start").await?, None, "a package of that name is none");
    let first = of("One", Visibility::Public, &["acme/b", "acme/a", "other/c"])?;
    let applied = world.collect("acme/start", &first, Seen::Unsaid).await??;
    assert!(applied.event.is_some() && applied.tags.is_empty());
    assert_eq!(world.collect("acme/start", &first, Seen::Unsaid).await??.event, None, "it says so already");
    let row = read(&world, "acme/start").await?.ok_or("it is there")?;
    assert_eq!((row.title.as_deref(), row.description.as_deref(), row.items), (Some("One"), None, 3));
    assert_eq!((row.document, row.visibility), (Digest::sha256(&first.to_bytes()), Visibility::Public));
    assert_eq!(row.created, row.updated);
    let second =
        Collection { description: Some("Two\nlines\0".to_owned()), ..of("Two", Visibility::Unlisted, &["acme/a"])? };
    world.collect("acme/start", &second, Seen::Unsaid).await??;
    let later = read(&world, "acme/start").await?.ok_or("it is there")?;
    assert_eq!((later.title.as_deref(), later.items, later.visibility), (Some("Two"), 1, Visibility::Unlisted));
    assert_eq!(later.description, second.description);
    assert!(later.created == row.created && later.updated > row.updated);
    assert_eq!(world.package("acme/start").await?.versions, 1, "the package of that name is what it was");
    assert_eq!(world.meta.ledger.history(&parse("acme/start")?, None, 9).await?.len(), 1);
    assert!(delete(&world, "acme/start", Seen::Unsaid).await??.event.is_some());
    assert_eq!(read(&world, "acme/start").await?, None);
    for name in ["acme/start", "acme/none"] {
        assert_eq!(delete(&world, name, Seen::Unsaid).await?, Err(Refused::NotFound("the collection")), "{name}");
    }
    // Made again, it is new.
    world.collect("acme/start", &first, Seen::Absent).await??;
    let again = read(&world, "acme/start").await?.ok_or("it is there")?;
    assert!(again.created > later.updated);
    Ok(())
}

/// Pages in the order of names, of one organisation, with one package, and only what is seen so.
pub async fn collections_are_listed_by_name(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    use Visibility::{Public, Unlisted};
    for (name, visibility, packages) in [
        ("b/one", Public, &["acme/x", "acme/y"][..]),
        ("a/two", Public, &["acme/x"]),
        ("a-b/three", Public, &["acme/y"]),
        ("a/one", Public, &[]),
        ("a/hidden", Unlisted, &["acme/x"]),
        ("a0/four", Public, &["acme/x", "acme/z"]),
    ] {
        world.collect(name, &of(name, visibility, packages)?, Seen::Unsaid).await??;
    }
    let all = ["a-b/three", "a/one", "a/two", "a0/four", "b/one"];
    let any = Collections::default();
    assert_eq!(listed(&world, &any, None, 100).await?, all);
    assert_eq!(listed(&world, &any, None, 2).await?, all[..2]);
    assert_eq!(listed(&world, &any, Some("a/one"), 2).await?, all[2..4]);
    assert_eq!(listed(&world, &any, Some("b/one"), 2).await?, [""; 0]);
    let org = Collections { org: Some("a".to_owned()), ..Collections::default() };
    assert_eq!(listed(&world, &org, None, 100).await?, ["a/one", "a/two"]);
    assert_eq!(listed(&world, &org, Some("a/one"), 100).await?, ["a/two"]);
    let hidden = Collections { visibilities: vec![Unlisted], ..org.clone() };
    assert_eq!(listed(&world, &hidden, None, 100).await?, ["a/hidden"]);
    let both = Collections { visibilities: vec![Public, Unlisted], ..org };
    assert_eq!(listed(&world, &both, None, 100).await?, ["a/hidden", "a/one", "a/two"]);
    let with = |name: &str| Ok::<_, Failure>(Collections { with: Some(parse(name)?), ..Collections::default() });
    assert_eq!(listed(&world, &with("acme/x")?, None, 100).await?, ["a/two", "a0/four", "b/one"]);
    assert_eq!(listed(&world, &with("acme/x")?, Some("a/two"), 1).await?, ["a0/four"]);
    assert_eq!(listed(&world, &with("acme/none")?, None, 100).await?, [""; 0]);
    let with_both = Collections { org: Some("a".to_owned()), visibilities: vec![Public, Unlisted], ..with("acme/x")? };
    assert_eq!(listed(&world, &with_both, None, 100).await?, ["a/hidden", "a/two"]);
    // What is taken out is found no more; what goes, neither.
    world.collect("b/one", &of("b/one", Public, &["acme/y"])?, Seen::Unsaid).await??;
    delete(&world, "a0/four", Seen::Unsaid).await??;
    assert_eq!(listed(&world, &with("acme/x")?, None, 100).await?, ["a/two"]);
    assert_eq!(listed(&world, &with("acme/y")?, None, 100).await?, ["a-b/three", "b/one"]);
    assert_eq!(listed(&world, &with("acme/z")?, None, 100).await?, [""; 0]);
    Ok(())
}

/// Whoever says what it saw is refused if it is something else now: of many at once, one changes it.
pub async fn what_somebody_else_changed_is_not_lost(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let changed = Err(Refused::Changed("the collection"));
    let first = of("One", Visibility::Public, &["acme/a"])?;
    let saw_first = Seen::Document(Digest::sha256(&first.to_bytes()));
    assert_eq!(world.collect("acme/start", &first, saw_first).await?, changed);
    world.collect("acme/start", &first, Seen::Absent).await??;
    assert_eq!(world.collect("acme/start", &first, Seen::Absent).await?, changed);
    let titles = ["Two", "Three", "Four", "Five"];
    let changes = titles.map(|title| {
        let world = &world;
        async move { world.collect("acme/start", &of(title, Visibility::Public, &[])?, saw_first).await }
    });
    let outcomes = futures::future::try_join_all(changes).await?;
    let won = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    let lost = outcomes.iter().filter(|outcome| **outcome == changed).count();
    assert_eq!((won, lost), (1, 3), "{outcomes:?}");
    assert_eq!(delete(&world, "acme/start", saw_first).await?, changed);
    let now = read(&world, "acme/start").await?.ok_or("it is there")?.document;
    delete(&world, "acme/start", Seen::Document(now)).await??;
    Ok(())
}

/// What a collection says is kept from collection of garbage, what it said is not; and what is being deleted is not counted on.
pub async fn documents_of_collections_are_kept(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let (old, new) = (of("One", Visibility::Public, &["acme/a"])?, of("Two", Visibility::Public, &["acme/a"])?);
    world.collect("acme/start", &old, Seen::Unsaid).await??;
    world.collect("acme/other", &old, Seen::Unsaid).await??;
    world.collect("acme/start", &new, Seen::Unsaid).await??;
    world.set_clock(3_600_000_000);
    let condemned = async || {
        world.meta.blobs.condemn(world.now(), world.now()).await?;
        let taken = world.meta.blobs.take_condemned(world.now(), 100).await?;
        Ok::<_, Failure>(taken.into_iter().map(|(_, digest)| digest).collect::<Vec<_>>())
    };
    assert_eq!(condemned().await?, Vec::<Digest>::new(), "both are what a collection says");
    delete(&world, "acme/other", Seen::Unsaid).await??;
    let gone = Digest::sha256(&old.to_bytes());
    assert_eq!(condemned().await?, [gone]);
    let refused = world.collect("acme/third", &old, Seen::Unsaid).await?;
    assert_eq!(refused, Err(Refused::BlobsUnknown(vec![gone])), "it is being deleted just now");
    let kept = (crate::domain::Area::Public, Digest::sha256(&new.to_bytes()));
    assert_eq!(world.meta.blobs.take_unneeded(std::slice::from_ref(&kept)).await?, Vec::new());
    delete(&world, "acme/start", Seen::Unsaid).await??;
    assert_eq!(world.meta.blobs.take_unneeded(std::slice::from_ref(&kept)).await?, [kept]);
    Ok(())
}

/// A store that is made again from the events has the same collections; of one whose document is gone only that it is there.
pub async fn a_replay_keeps_the_collections(stores: &dyn Stores) -> Check {
    let (world, copy, poor) = (World::new(stores).await?, World::new(stores).await?, World::new(stores).await?);
    let hello = artifact("acme/hello@1.0.0")?;
    world.push(&hello).await?;
    world.collect("acme/start", &of("One", Visibility::Public, &["acme/hello"])?, Seen::Unsaid).await??;
    world.collect("acme/start", &of("Two", Visibility::Public, &["acme/hello", "acme/b"])?, Seen::Absent).await?.err();
    world.collect("acme/start", &of("Two", Visibility::Public, &["acme/hello", "acme/b"])?, Seen::Unsaid).await??;
    world.collect("acme/gone", &of("Gone", Visibility::Unlisted, &[])?, Seen::Unsaid).await??;
    delete(&world, "acme/gone", Seen::Unsaid).await??;
    world.collect("b/hidden", &of("Hidden", Visibility::Unlisted, &["acme/b"])?, Seen::Unsaid).await??;
    let replays = world.replays(|digest| (hello.digest() == *digest).then(|| hello.clone())).await?;
    copy.meta.catalog.replay(&replays).await?;
    assert_eq!(dump(&copy.meta).await?, dump(&world.meta).await?);
    let purged: Vec<_> =
        replays.into_iter().map(|replay| super::super::Replay { collection: None, ..replay }).collect();
    poor.meta.catalog.replay(&purged).await?;
    let row = read(&poor, "acme/start").await?.ok_or("it is there")?;
    let known = read(&world, "acme/start").await?.ok_or("it is there")?;
    let expected = CollectionRow { title: None, visibility: Visibility::Unlisted, items: 0, ..known };
    assert_eq!(row, expected);
    let again = of("Three", Visibility::Public, &["acme/b"])?;
    for store in [&copy, &poor] {
        store
            .act(Act::SetCollection {
                name: parse("acme/start")?,
                document: Digest::sha256(&again.to_bytes()),
                size: 1,
                content: Some(Arc::new(again.clone())),
                seen: Seen::Unsaid,
            })
            .await??;
        assert_eq!(listed(store, &Collections::default(), None, 9).await?, ["acme/start"]);
    }
    Ok(())
}
