//! Batches: one transaction, one answer a change.

use crate::domain::Digest;

use super::super::{Act, Atomicity, Refused};
use super::world::{artifact, image, parse};
use super::{Check, Stores, World};

/// With `Each` a refused change leaves the others, and leaves no trace of its own.
pub async fn each_stands_alone(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let (one, two) = (artifact("acme/one@1.0.0")?, artifact("acme/two@1.0.0")?);
    let missing = artifact("acme/missing@1.0.0")?;
    for uploaded in [&one, &two] {
        world.upload(uploaded).await?;
    }
    let acts = [one.accept()?, missing.accept()?, two.accept()?];
    let changes = acts.map(|act| world.change(act));
    let outcomes = world.meta.catalog.apply(&changes, Atomicity::Each).await?;
    assert!(outcomes[0].is_ok() && outcomes[2].is_ok(), "{outcomes:?}");
    assert!(matches!(outcomes[1], Err(Refused::BlobsUnknown(_))));
    let events = world.events().await?;
    assert_eq!(
        events.iter().map(|event| (event.n, event.id)).collect::<Vec<_>>(),
        [(1, changes[0].id), (2, changes[2].id)]
    );
    assert_eq!(world.meta.catalog.package(&parse("acme/missing")?).await?, None);
    assert_eq!(world.meta.refs.tags(&missing.repository, None, 10).await?, None);
    Ok(())
}

/// With `All` one refusal leaves nothing done, and every one that is refused says why.
pub async fn all_stand_or_none(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let kept = world.publish("acme/kept@1.0.0").await?;
    let before = super::dump(&world.meta).await?;
    let (one, two) = (artifact("acme/one@1.0.0")?, artifact("acme/two@1.0.0")?);
    world.upload(&one).await?;
    let deleted = Act::DeleteManifest { repository: kept.repository.clone(), digest: kept.digest() };
    let changes = [deleted, one.accept()?, two.accept()?, one.accept()?].map(|act| world.change(act));
    let refused_too = one.clone().seed("other");
    world.upload(&refused_too).await?;
    let both = [changes.to_vec(), vec![world.change(refused_too.accept()?)]].concat();
    let outcomes = world.meta.catalog.apply(&both, Atomicity::All).await?;
    assert_eq!(outcomes[..2], [Err(Refused::Batch), Err(Refused::Batch)]);
    assert!(matches!(outcomes[2], Err(Refused::BlobsUnknown(_))));
    assert_eq!(outcomes[3], Err(Refused::Batch));
    assert!(matches!(outcomes[4], Err(Refused::VersionExists { .. })), "{outcomes:?}");
    assert_eq!(super::dump(&world.meta).await?, before);
    world.upload(&two).await?;
    let outcomes = world.meta.catalog.apply(&changes, Atomicity::All).await?;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!(outcomes[3].clone()?.event, None, "it was published two changes earlier");
    assert_eq!(world.meta.ledger.head().await?.n, 4);
    Ok(())
}

/// Each change of a batch sees those before it: a version is published once, an image moves, what was deleted is gone.
pub async fn later_changes_see_earlier_ones(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let hello = artifact("acme/hello@1.0.0")?;
    let other = hello.clone().seed("other");
    let (image, moved) = (image("plain:v1")?, image("plain:v1")?.seed("moved"));
    for uploaded in [&hello, &other, &image, &moved] {
        world.upload(uploaded).await?;
    }
    let name = hello.repository.package().ok_or("a package")?;
    let version = parse("1.0.0")?;
    let changes = [
        hello.accept()?,
        other.accept()?,
        image.accept()?,
        moved.accept()?,
        Act::DeleteTag { repository: hello.repository.clone(), tag: parse("1.0.0")? },
        hello.accept()?,
        Act::Restore { name, version },
        hello.accept()?,
    ]
    .map(|act| world.change(act));
    let outcomes = world.meta.catalog.apply(&changes, Atomicity::Each).await?;
    let refusals: Vec<Option<Refused>> = outcomes.iter().map(|outcome| outcome.clone().err()).collect();
    let exists = Refused::VersionExists { version: parse("1.0.0")?, digest: hello.digest() };
    let deleted = Refused::VersionDeleted(parse("1.0.0")?);
    assert_eq!(refusals, [None, Some(exists), None, None, None, Some(deleted), None, None]);
    assert_eq!(outcomes[7].clone()?.event, None);
    let digests: [Option<Digest>; 2] = [world.tag("acme/hello:1.0.0").await?, world.tag("plain:v1").await?];
    assert_eq!(digests, [Some(hello.digest()), Some(moved.digest())]);
    let numbers: Vec<u64> = world.events().await?.iter().map(|event| event.n).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
    Ok(())
}

/// No changes are no transaction, and no events are no replay.
pub async fn an_empty_batch_is_nothing(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    assert_eq!(world.meta.catalog.apply(&[], Atomicity::All).await?, []);
    world.meta.catalog.replay(&[]).await?;
    assert_eq!(world.meta.ledger.head().await?.n, 0);
    Ok(())
}
