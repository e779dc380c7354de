//! What owners say of published versions, and the history of it all.

use crate::domain::{Deprecation, Digest, Event, Name, Version};

use super::super::{Act, Refused, Releases};
use super::world::{artifact, image, parse};
use super::{Check, Failure, Stores, World, dump};

fn deprecation(reason: Option<&str>, replacement: Option<&str>) -> Result<Deprecation, Failure> {
    let reason = reason.map(|reason| Digest::sha256(reason.as_bytes()));
    Ok(Deprecation { reason, replacement: replacement.map(parse).transpose()? })
}

/// A deprecation is shown, replaced by a later one, taken back, and moves no tag.
pub async fn deprecations_come_and_go(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    world.publish("acme/hello@1.0.0+build").await?;
    world.publish("acme/hello@2.0.0").await?;
    let (name, version) = (parse::<Name>("acme/hello")?, parse::<Version>("1.0.0")?);
    let act = |deprecation| Act::Deprecate { name: name.clone(), version: version.clone(), deprecation, area: None };
    for said in [
        deprecation(None, None)?,
        deprecation(Some("old"), None)?,
        deprecation(Some("old"), Some("acme/other"))?,
        deprecation(None, Some("acme/other"))?,
    ] {
        let applied = world.act(act(said.clone())).await??;
        assert!(applied.event.is_some() && applied.tags.is_empty(), "{said:?}");
        assert_eq!(world.act(act(said.clone())).await??.event, None, "said already: {said:?}");
        let found = world.meta.catalog.version(&name, &version).await?;
        assert_eq!(found.and_then(|found| found.deprecation), Some(said));
        let releases = world.meta.catalog.releases(&name, Releases::Readable).await?;
        let deprecated: Vec<bool> = releases.iter().map(|release| release.deprecated).collect();
        assert_eq!(deprecated, [false, true], "highest first");
    }
    let undo = Act::Undeprecate { name: name.clone(), version: version.clone() };
    assert!(world.act(undo.clone()).await??.event.is_some());
    assert_eq!(world.act(undo).await??.event, None);
    let found = world.meta.catalog.version(&name, &version).await?;
    assert_eq!(found.map(|found| (found.deprecation, found.yanked)), Some((None, false)));
    world.delete_tag("acme/hello:1.0.0_build").await??;
    let refused = Err(Refused::NotFound("the version"));
    assert_eq!(world.act(act(deprecation(None, None)?)).await?, refused);
    Ok(())
}

/// The reason of a deprecation is kept as long as the deprecation is.
pub async fn reasons_of_deprecations_are_kept(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let hello = world.publish("acme/hello@1.0.0").await?;
    let said = deprecation(Some("old"), None)?;
    let (name, version) = (parse::<Name>("acme/hello")?, parse::<Version>("1.0.0")?);
    world
        .act(Act::Deprecate { name: name.clone(), version: version.clone(), deprecation: said.clone(), area: None })
        .await??;
    world.set_clock(3_600_000_000);
    let condemned = async |world: &World| {
        world.meta.blobs.condemn(world.now(), world.now()).await?;
        let taken = world.meta.blobs.take_condemned(world.now(), 100).await?;
        Ok::<Vec<Digest>, Failure>(taken.into_iter().map(|(_, digest)| digest).collect())
    };
    assert_eq!(condemned(&world).await?, Vec::<Digest>::new(), "{} and all of it is kept", hello.digest());
    world.act(Act::Undeprecate { name, version }).await??;
    assert_eq!(condemned(&world).await?, Vec::from_iter(said.reason));
    Ok(())
}

/// A pinned version is what `latest` names and what the package shows, whatever is published, until it is unpinned.
pub async fn a_pin_holds_latest(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let old = artifact("acme/hello@1.0.0+build")?.labels(&["old"], &[]);
    world.push(&old).await?;
    let new = artifact("acme/hello@2.0.0")?.labels(&["new"], &[]);
    world.push(&new).await?;
    let pin = |version: &str| Ok::<Act, Failure>(Act::Pin { name: parse("acme/hello")?, version: parse(version)? });
    let shown = async |world: &World| {
        let package = world.package("acme/hello").await?;
        let pinned = package.pinned.map(|pinned| pinned.to_string());
        let latest = package.latest.map(|latest| latest.to_string());
        assert_eq!(latest.is_some(), world.tag("acme/hello:latest").await?.is_some());
        Ok::<_, Failure>((pinned, latest, package.tags))
    };
    let expect = |pinned: Option<&str>, latest: &str, tag: &str| {
        (pinned.map(str::to_owned), Some(latest.to_owned()), vec![tag.to_owned()])
    };
    let applied = world.act(pin("1.0.0")?).await??;
    assert_eq!(applied.tags, [parse("latest")?]);
    assert_eq!(world.act(pin("1.0.0")?).await??.event, None, "it is pinned already");
    assert_eq!(shown(&world).await?, expect(Some("1.0.0"), "1.0.0+build", "old"));
    assert_eq!(world.tag("acme/hello:latest").await?, Some(old.digest()));
    world.push(&artifact("acme/hello@3.0.0")?.labels(&["newest"], &[])).await?;
    assert_eq!(shown(&world).await?, expect(Some("1.0.0"), "1.0.0+build", "old"), "what is published later waits");

    world.yank("acme/hello@1.0.0", None).await??;
    assert_eq!(shown(&world).await?, expect(Some("1.0.0"), "3.0.0", "newest"), "a yanked version is nobody's latest");
    assert_eq!(world.act(pin("1.0.0")?).await?, Err(Refused::PinOfYanked(parse("1.0.0+build")?)));
    world.unyank("acme/hello@1.0.0").await??;
    assert_eq!(shown(&world).await?, expect(Some("1.0.0"), "1.0.0+build", "old"), "the pin counts again");
    world.delete_tag("acme/hello:1.0.0_build").await??;
    assert_eq!(shown(&world).await?, expect(Some("1.0.0"), "3.0.0", "newest"));
    world.restore("acme/hello@1.0.0").await??;
    assert_eq!(shown(&world).await?, expect(Some("1.0.0"), "1.0.0+build", "old"));

    let applied = world.act(pin("2.0.0")?).await??;
    assert!(applied.event.is_some());
    assert_eq!(shown(&world).await?, expect(Some("2.0.0"), "2.0.0", "new"), "a later pin replaces it");
    let unpin = Act::Unpin { name: parse("acme/hello")? };
    assert!(world.act(unpin.clone()).await??.event.is_some());
    assert_eq!(shown(&world).await?, expect(None, "3.0.0", "newest"));
    assert_eq!(world.act(unpin).await??.event, None);
    Ok(())
}

/// Only what is there can be pinned; a pre-release can.
pub async fn what_is_not_there_cannot_be_pinned(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    world.publish("acme/hello@1.0.0").await?;
    world.publish("acme/hello@2.0.0-rc.1").await?;
    let pin = |name: &str, version: &str| Ok::<Act, Failure>(Act::Pin { name: parse(name)?, version: parse(version)? });
    for (name, version) in [("acme/hello", "9.9.9"), ("acme/other", "1.0.0")] {
        assert_eq!(world.act(pin(name, version)?).await?, Err(Refused::NotFound("the version")), "{name}@{version}");
    }
    let unknown = world.act(Act::Unpin { name: parse("acme/other")? }).await?;
    assert_eq!(unknown, Err(Refused::NotFound("the package")));
    world.act(pin("acme/hello", "2.0.0-rc.1")?).await??;
    let latest = world.package("acme/hello").await?.latest;
    assert_eq!(latest, Some(parse("2.0.0-rc.1")?));
    Ok(())
}

/// The history of a package is its events, latest first, page by page, and nobody else's.
pub async fn a_history_is_told_backwards(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    world.publish("acme/hello@1.0.0").await?;
    world.publish("acme/hello-world@1.0.0").await?;
    world.yank("acme/hello@1.0.0", None).await??;
    world.push(&image("acme/hello:stable")?).await?;
    world.publish("acme/hell@1.0.0").await?;
    world.unyank("acme/hello@1.0.0").await??;
    world.delete_tag("acme/hello:1.0.0").await??;
    let repository = parse("acme/hello")?;
    let told = async |before: Option<u64>, limit: usize| {
        let events = world.meta.ledger.history(&repository, before, limit).await?;
        let told = events.iter().map(|(n, bytes)| Ok((*n, Event::parse(bytes)?.body.name())));
        told.collect::<Result<Vec<_>, Failure>>()
    };
    let all = [(7, "tag.delete"), (6, "unyank"), (4, "manifest"), (3, "yank"), (1, "publish")];
    assert_eq!(told(None, 100).await?, all);
    assert_eq!(told(None, 2).await?, all[..2]);
    assert_eq!(told(Some(6), 2).await?, all[2..4]);
    assert_eq!(told(Some(1), 2).await?, []);
    assert_eq!(world.meta.ledger.history(&parse("acme/none")?, None, 9).await?, Vec::new());
    Ok(())
}

/// A replay of it all gives the same catalogue.
pub async fn a_replay_keeps_what_was_said(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let artifacts = [artifact("acme/hello@1.0.0")?, artifact("acme/hello@1.1.0")?, artifact("acme/hello@2.0.0")?];
    for artifact in &artifacts {
        world.push(artifact).await?;
    }
    let (name, version) = (parse::<Name>("acme/hello")?, parse::<Version>("1.0.0")?);
    let said = deprecation(Some("old"), Some("acme/other"))?;
    for act in [
        Act::Deprecate { name: name.clone(), version: version.clone(), deprecation: said.clone(), area: None },
        Act::Deprecate { name: name.clone(), version: parse("1.1.0")?, deprecation: said, area: None },
        Act::Undeprecate { name: name.clone(), version: parse("1.1.0")? },
        Act::Pin { name: name.clone(), version: parse("1.1.0")? },
        Act::Unpin { name: name.clone() },
        Act::Pin { name, version },
    ] {
        assert!(world.act(act).await??.event.is_some());
    }
    let other = World::new(stores).await?;
    let replays =
        world.replays(|digest| artifacts.iter().find(|artifact| artifact.digest() == *digest).cloned()).await?;
    other.meta.catalog.replay(&replays).await?;
    assert_eq!(dump(&other.meta).await?, dump(&world.meta).await?);
    let repository = parse("acme/hello")?;
    let history = world.meta.ledger.history(&repository, None, 100).await?;
    assert_eq!((history.len(), &other.meta.ledger.history(&repository, None, 100).await?), (9, &history));
    Ok(())
}
