//! Giving versions up for good, and taking the bytes that only they used.

use crate::domain::{Area, Deprecation, Digest, Name, Version};

use super::super::{Act, Linked, Refused, Unknown};
use super::world::{artifact, parse};
use super::{Artifact, Check, Failure, Stores, World, dump};

/// Everything that an artifact's version uses.
fn used(artifact: &Artifact) -> Vec<(Area, Digest)> {
    let named = artifact.blobs().into_iter().map(|(digest, _)| digest);
    let all = named.chain([artifact.record(), artifact.digest()]);
    all.map(|digest| (artifact.area.clone(), digest)).collect()
}

/// Takes what nothing needs, and forgets it; sorted.
async fn take(world: &World, blobs: &[(Area, Digest)]) -> Result<Vec<(Area, Digest)>, Failure> {
    let mut taken = world.meta.blobs.take_unneeded(blobs).await?;
    world.meta.blobs.forget(&taken).await?;
    taken.sort_unstable();
    Ok(taken)
}

fn sorted(mut blobs: Vec<(Area, Digest)>) -> Vec<(Area, Digest)> {
    blobs.sort_unstable();
    blobs
}

/// A version that can be read, or is not there, is not purged, and nothing of it is done.
pub async fn only_what_is_deleted_is_purged(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    world.publish("acme/hello@1.0.0+build").await?;
    let before = dump(&world.meta).await?;
    assert_eq!(world.purge("acme/hello@1.0.0").await?, Err(Refused::PurgeOfLive(parse("1.0.0+build")?)));
    assert_eq!(world.purge("acme/hello@9.9.9").await?, Err(Refused::NotFound("the version")));
    assert_eq!(world.purge("acme/other@1.0.0").await?, Err(Refused::NotFound("the version")));
    world.delete_tag("acme/hello:1.0.0_build").await??;
    let other = Act::Purge { name: parse("acme/hello")?, version: parse("1.0.0")?, digest: Digest::sha256(b"other") };
    assert_eq!(world.act(other).await?, Err(Refused::NotFound("the version")), "another manifest is meant");
    world.restore("acme/hello@1.0.0").await??;
    assert_eq!(world.events().await?.len(), 3);
    assert_eq!(dump(&world.meta).await?["repositories"], before["repositories"]);
    Ok(())
}

/// The number stays burnt, for the same bytes too; no restore brings it back; purging again changes nothing.
pub async fn a_purged_version_never_comes_back(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let hello = world.publish("acme/hello@1.0.0").await?;
    world.publish("acme/hello@0.9.0").await?;
    let (name, version) = (parse::<Name>("acme/hello")?, parse::<Version>("1.0.0")?);
    let reason = Some(Digest::sha256(b"a reason"));
    world.yank("acme/hello@1.0.0", reason).await??;
    let deprecation = Deprecation { reason, replacement: None };
    world.act(Act::Deprecate { name: name.clone(), version: version.clone(), deprecation, area: None }).await??;
    world.delete_manifest(&hello.repository, hello.digest()).await??;
    assert!(world.purge("acme/hello@1.0.0").await??.event.is_some());
    assert_eq!(world.purge("acme/hello@1.0.0").await??.event, None, "it is purged already");
    let purged = Refused::VersionPurged(version.clone());
    assert_eq!(world.restore("acme/hello@1.0.0").await?, Err(purged.clone()));
    for again in [hello.clone(), hello.clone().seed("other"), artifact("acme/hello@1.0.0+build")?] {
        assert_eq!(world.try_push(&again).await?, Err(purged.clone()));
    }
    let found = world.meta.catalog.version(&name, &version).await?.ok_or("its row stays")?;
    assert_eq!((found.deleted, found.purged, found.digest), (true, true, hello.digest()));
    assert_eq!((found.config, found.yank_reason, found.deprecation), (None, None, None));
    assert_eq!(world.releases("acme/hello").await?, ["0.9.0"]);
    assert_eq!(world.package("acme/hello").await?.versions, 1);
    assert_eq!(world.meta.refs.manifest(&hello.repository, &hello.digest()).await?, None);
    // The same bytes are plain content under another tag, and go for good when they are deleted.
    world.push(&Artifact { version: None, ..hello.clone().tags(&["copy"]) }).await?;
    assert_eq!(world.tag("acme/hello:copy").await?, Some(hello.digest()));
    world.delete_manifest(&hello.repository, hello.digest()).await??;
    assert_eq!(take(&world, &used(&hello)).await?.len(), 4);
    Ok(())
}

/// Tags that still name the manifest of a version whose own tag was deleted go with it.
pub async fn a_purge_takes_its_tags_along(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let hello = world.publish("acme/hello@1.0.0").await?;
    world.push(&hello.clone().tags(&["stable"])).await?;
    world.delete_tag("acme/hello:1.0.0").await??;
    assert_eq!(world.tag("acme/hello:stable").await?, Some(hello.digest()));
    assert_eq!(world.purge("acme/hello@1.0.0").await??.tags, [parse("stable")?]);
    assert_eq!(world.tag("acme/hello:stable").await?, None);
    assert_eq!(world.meta.refs.manifests(&hello.repository, None, 10).await?, []);
    assert_eq!(world.meta.refs.repositories(None, 10).await?, []);
    Ok(())
}

/// What another version of the package, or another repository, names stays, and can be read.
pub async fn a_purge_leaves_what_others_use(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let hello = world.publish("acme/hello@1.0.0").await?;
    // The same manifest as another version, and its blobs in another repository.
    let mut twin = artifact("acme/hello@2.0.0")?.seed("acme/hello@1.0.0");
    twin.about.tags.push("twin".to_owned());
    world.push(&twin).await?;
    let copy = artifact("team/copy@1.0.0")?.seed("acme/hello@1.0.0");
    world.push(&copy).await?;
    world.delete_tag("acme/hello:1.0.0").await??;
    world.purge("acme/hello@1.0.0").await??;
    assert_eq!(world.tag("acme/hello:2.0.0").await?, Some(hello.digest()));
    assert_eq!(take(&world, &used(&hello)).await?, [], "the other version needs them");
    world.delete_tag("acme/hello:2.0.0").await??;
    assert_eq!(take(&world, &used(&hello)).await?, [], "it can be restored");
    world.purge("acme/hello@2.0.0").await??;
    assert_eq!(world.meta.refs.manifest(&hello.repository, &hello.digest()).await?, None);
    assert_eq!(take(&world, &used(&hello)).await?, [], "the other repository needs them");
    let blob = world.meta.blobs.blob(&copy.repository, &copy.blobs()[0].0).await?;
    assert!(blob.is_some());
    world.delete_manifest(&copy.repository, copy.digest()).await??;
    world.purge("team/copy@1.0.0").await??;
    assert_eq!(take(&world, &used(&hello)).await?, sorted(used(&hello)));
    assert_eq!(world.meta.blobs.blob(&copy.repository, &copy.blobs()[0].0).await?, None, "links go with the bytes");
    Ok(())
}

/// Only what was asked for, known and needed by nothing is taken, however lately it was touched; until it is forgotten, nobody
/// can count on it.
pub async fn what_nothing_needs_is_taken_at_once(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let hello = world.publish("acme/hello@1.0.0").await?;
    let other = world.publish("acme/other@1.0.0").await?;
    let reason = (Area::Public, Digest::sha256(b"a reason"));
    world.yank("acme/other@1.0.0", Some(reason.1)).await??;
    let said = (Area::Public, Digest::sha256(b"said"));
    let deprecation = Deprecation { reason: Some(said.1), replacement: None };
    world
        .act(Act::Deprecate { name: parse("acme/other")?, version: parse("1.0.0")?, deprecation, area: None })
        .await??;
    let mut asked = [used(&hello), used(&other), vec![reason.clone(), said.clone()]].concat();
    asked.push((Area::Public, Digest::sha256(b"never seen")));
    asked.push((Area::private(&hello.repository), hello.digest()));
    assert_eq!(take(&world, &asked).await?, []);
    world.delete_tag("acme/hello:1.0.0").await??;
    assert_eq!(take(&world, &asked).await?, [], "a deleted version keeps what it needs");
    world.purge("acme/hello@1.0.0").await??;
    let touched: Vec<Digest> = used(&hello).into_iter().map(|(_, digest)| digest).collect();
    assert_eq!(world.meta.blobs.touch(&Area::Public, &touched, Unknown::PassOver, world.now()).await?, []);
    let taken = world.meta.blobs.take_unneeded(&asked).await?;
    assert_eq!(sorted(taken.clone()), sorted(used(&hello)));
    let [(blob, size), ..] = hello.blobs()[..] else { return Err("two blobs".into()) };
    let linked = world.meta.blobs.link(&hello.repository, &Area::Public, &blob, size, world.now()).await?;
    assert_eq!(linked, Linked::Vanishing);
    assert_eq!(world.meta.blobs.touch(&Area::Public, &touched, Unknown::PassOver, world.now()).await?, touched);
    let again = world.meta.blobs.take_unneeded(&asked).await?;
    assert_eq!(sorted(again), sorted(taken.clone()), "a crash may have come between");
    let mut left = world.meta.blobs.take_condemned(world.now(), 10).await?;
    left.sort_unstable();
    assert_eq!(left, sorted(taken.clone()), "a collection finishes what a crash left");
    world.meta.blobs.forget(&taken).await?;
    assert_eq!(take(&world, &asked).await?, []);
    world.delete_manifest(&other.repository, other.digest()).await??;
    world.purge("acme/other@1.0.0").await??;
    assert_eq!(take(&world, &asked).await?.len(), 6, "reasons go too");
    Ok(())
}

/// A store that is made again without what was purged is the same, and goes on in the same way.
pub async fn a_replay_of_a_purge_needs_no_content(stores: &dyn Stores) -> Check {
    let (world, copy) = (World::new(stores).await?, World::new(stores).await?);
    let (hello, kept) = (world.publish("acme/hello@1.0.0").await?, world.publish("acme/hello@1.1.0").await?);
    world.push(&hello.clone().tags(&["stable"])).await?;
    world.yank("acme/hello@1.0.0", Some(Digest::sha256(b"a reason"))).await??;
    world.delete_tag("acme/hello:1.0.0").await??;
    world.purge("acme/hello@1.0.0").await??;
    let gone = take(&world, &used(&hello)).await?;
    assert_eq!(gone.len(), 4);
    copy.meta.catalog.replay(&world.replays(|digest| (kept.digest() == *digest).then(|| kept.clone())).await?).await?;
    assert_eq!(dump(&copy.meta).await?, dump(&world.meta).await?);
    assert_eq!(copy.restore("acme/hello@1.0.0").await?, Err(Refused::VersionPurged(parse("1.0.0")?)));
    assert_eq!(take(&copy, &used(&kept)).await?, []);
    Ok(())
}
