//! Blobs: who may read them, and when they may go.

use crate::domain::{Area, Digest, Repository, Timestamp, Visibility};

use super::super::Unknown::{PassOver, Record};
use super::super::{BlobRow, Linked, Refused};
use super::world::{artifact, image, parse};
use super::{Artifact, Check, Failure, Stores, World};

/// A time after everything that a check does.
fn later() -> Timestamp {
    Timestamp::from_micros(4_000_000_000_000_000)
}

/// Condemns and takes everything that may go.
async fn collect(world: &World) -> Result<Vec<(Area, Digest)>, Failure> {
    world.meta.blobs.condemn(later(), world.now()).await?;
    Ok(world.meta.blobs.take_condemned(later(), 1000).await?)
}

async fn readable(world: &World, artifact: &Artifact) -> Result<Vec<bool>, Failure> {
    let mut readable = Vec::new();
    for (digest, _) in artifact.blobs() {
        readable.push(world.meta.blobs.blob(&artifact.repository, &digest).await?.is_some());
    }
    Ok(readable)
}

/// Knowing a digest is not permission to read: a repository reads what is linked to it.
pub async fn a_read_needs_a_link(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let blobs = &world.meta.blobs;
    let (one, other): (Repository, Repository) = (parse("acme/one")?, parse("acme/other")?);
    let digest = Digest::sha256(b"blob");
    assert_eq!(blobs.blob(&one, &digest).await?, None);
    assert_eq!(blobs.link(&one, &Area::Public, &digest, 4, world.now()).await?, Linked::Done);
    assert_eq!(blobs.blob(&one, &digest).await?, Some(BlobRow { area: Area::Public, size: 4 }));
    assert_eq!(blobs.blob(&other, &digest).await?, None);
    let private = Area::private(&other);
    assert_eq!(blobs.link(&other, &private, &digest, 4, world.now()).await?, Linked::Done);
    assert_eq!(blobs.blob(&other, &digest).await?, Some(BlobRow { area: private, size: 4 }));
    // Links are no events.
    assert_eq!(world.meta.ledger.head().await?.n, 0);
    let empty = Digest::sha256(b"");
    assert_eq!(blobs.link(&one, &Area::Public, &empty, 0, world.now()).await?, Linked::Done);
    assert_eq!(blobs.blob(&one, &empty).await?, Some(BlobRow { area: Area::Public, size: 0 }));
    Ok(())
}

/// A mount finds what a repository, or any, is linked to within the area.
pub async fn mounts_find_what_is_linked(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let blobs = &world.meta.blobs;
    let (one, other): (Repository, Repository) = (parse("acme/one")?, parse("acme/other")?);
    let digest = Digest::sha256(b"blob");
    let public = Area::Public;
    assert_eq!(blobs.find(&public, &digest, None).await?, None);
    blobs.link(&one, &public, &digest, 4, world.now()).await?;
    assert_eq!(blobs.find(&public, &digest, None).await?, Some(4));
    assert_eq!(blobs.find(&public, &digest, Some(&one)).await?, Some(4));
    assert_eq!(blobs.find(&public, &digest, Some(&other)).await?, None);
    assert_eq!(blobs.find(&Area::private(&one), &digest, None).await?, None);
    world.delete_blob(&one, digest).await??;
    assert_eq!(blobs.find(&public, &digest, None).await?, None, "nobody may read it any more");
    Ok(())
}

/// Condemned is what nothing references and nobody touched; taken after the grace period; forgotten with its links.
pub async fn unreferenced_blobs_are_condemned(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let blobs = &world.meta.blobs;
    let plain = image("plain:v1")?;
    let uploaded = world.now();
    world.upload(&plain).await?;
    let touched = world.now();
    let first = plain.blobs()[0].0;
    assert_eq!(blobs.touch(&Area::Public, &[first, Digest::sha256(b"unknown")], PassOver, world.now()).await?, []);
    assert_eq!(blobs.condemn(uploaded, world.now()).await?, 0, "both were touched since");
    let condemned = world.now();
    assert_eq!(blobs.condemn(touched, condemned).await?, 1);
    assert_eq!(blobs.condemn(touched, world.now()).await?, 0, "once is enough");
    assert_eq!(readable(&world, &plain).await?, [true, true], "condemned is not gone");
    assert_eq!(blobs.take_condemned(condemned, 10).await?, [], "the grace period is not over");
    let taken = blobs.take_condemned(world.now(), 10).await?;
    assert_eq!(taken, [(Area::Public, plain.blobs()[1].0)]);
    assert_eq!(readable(&world, &plain).await?, [true, false]);
    assert_eq!(blobs.find(&Area::Public, &taken[0].1, None).await?, None);
    assert_eq!(blobs.take_condemned(uploaded, 10).await?, taken, "a crash may have come between");
    blobs.forget(&taken).await?;
    assert_eq!(blobs.take_condemned(world.now(), 10).await?, []);
    assert_eq!(readable(&world, &plain).await?, [true, false]);
    world.push(&plain).await?;
    assert_eq!(readable(&world, &plain).await?, [true, true]);
    // Many go in pieces.
    for at in 0..10 {
        world.upload(&image("plain:v1")?.seed(&format!("unused {at}"))).await?;
    }
    assert_eq!(blobs.condemn(later(), world.now()).await?, 20);
    let mut gone = 0;
    loop {
        let taken = blobs.take_condemned(later(), 7).await?;
        if taken.is_empty() {
            break;
        }
        assert!(taken.len() <= 7);
        gone += taken.len();
        blobs.forget(&taken).await?;
    }
    assert_eq!(gone, 20);
    Ok(())
}

/// Manifests, what they name, records and reasons stay, deleted versions' too; what a removed manifest named goes.
pub async fn references_keep_blobs(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    world.publish("acme/kept@1.0.0").await?;
    let deleted = world.publish("acme/deleted@1.0.0").await?;
    let reason = Digest::sha256(b"a reason");
    world.yank("acme/kept@1.0.0", Some(reason)).await??;
    world.delete_manifest(&deleted.repository, deleted.digest()).await??;
    let mut hidden = artifact("acme/hidden@1.0.0")?;
    hidden.area = Area::private(&hidden.repository);
    world.see("acme/hidden", Visibility::Private).await??;
    world.push(&hidden).await?;
    assert_eq!(collect(&world).await?, []);
    // A copy in another area is not what the private manifest names.
    let copy = hidden.blobs()[0].0;
    world.meta.blobs.link(&parse("plain")?, &Area::Public, &copy, 1, world.now()).await?;
    let plain = image("plain:v1")?;
    world.push(&plain).await?;
    world.delete_manifest(&plain.repository, plain.digest()).await??;
    world.unyank("acme/kept@1.0.0").await??;
    let gone: std::collections::BTreeSet<_> = collect(&world).await?.into_iter().collect();
    let mut expected = [plain.digest(), plain.blobs()[0].0, plain.blobs()[1].0, reason, copy];
    expected.sort_unstable();
    assert_eq!(
        gone.into_iter().collect::<Vec<_>>(),
        expected.iter().map(|digest| (Area::Public, *digest)).collect::<Vec<_>>()
    );
    assert_eq!(readable(&world, &hidden).await?, [true, true]);
    Ok(())
}

/// A push, an upload or a touch revives what was condemned.
pub async fn a_condemned_blob_lives_again(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let blobs = &world.meta.blobs;
    let plain = image("plain:v1")?;
    world.upload(&plain).await?;
    assert_eq!(blobs.condemn(later(), world.now()).await?, 2);
    // The blobs are condemned, and the push counts on them.
    world.act(plain.accept()?).await??;
    assert_eq!(blobs.take_condemned(later(), 10).await?, []);
    let other = image("plain:v2")?;
    world.upload(&other).await?;
    assert_eq!(blobs.condemn(later(), world.now()).await?, 2);
    let [(first, size), (second, _)] = other.blobs()[..] else { return Err("two blobs".into()) };
    assert_eq!(blobs.link(&other.repository, &Area::Public, &first, size, world.now()).await?, Linked::Done);
    assert_eq!(blobs.touch(&Area::Public, &[second], PassOver, world.now()).await?, []);
    assert_eq!(blobs.take_condemned(later(), 10).await?, []);
    Ok(())
}

/// What is being deleted just now is refused to uploads, touches, pushes and yanks, until it is forgotten.
pub async fn what_is_being_deleted_cannot_be_counted_on(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let blobs = &world.meta.blobs;
    let hello = artifact("acme/hello@1.0.0")?;
    world.upload(&hello).await?;
    let digests: Vec<Digest> = hello.blobs().iter().map(|(digest, _)| *digest).collect();
    let taken = collect(&world).await?;
    assert_eq!(taken.len(), 2);
    let linked = blobs.link(&hello.repository, &Area::Public, &digests[0], 1, world.now()).await?;
    assert_eq!(linked, Linked::Vanishing);
    assert_eq!(blobs.touch(&Area::Public, &digests, PassOver, world.now()).await?, digests);
    assert_eq!(world.act(hello.accept()?).await?, Err(Refused::BlobsUnknown(digests)));
    assert_eq!(blobs.take_condemned(later(), 10).await?, taken, "nothing has revived it");
    blobs.forget(&taken).await?;
    world.push(&hello).await?;

    // So are the manifest, the record and a reason themselves, whose bytes a change brings along.
    let again = image("acme/again:v1")?;
    world.push(&again).await?;
    world.delete_manifest(&again.repository, again.digest()).await??;
    let reason = Digest::sha256(b"a reason");
    blobs.link(&hello.repository, &Area::Public, &reason, 8, world.now()).await?;
    world.meta.blobs.condemn(later(), world.now()).await?;
    world.upload(&again).await?;
    let taken = blobs.take_condemned(later(), 10).await?;
    assert_eq!(taken.len(), 2);
    assert_eq!(world.act(again.accept()?).await?, Err(Refused::BlobsUnknown(vec![again.digest()])));
    let refused = world.yank("acme/hello@1.0.0", Some(reason)).await?;
    assert_eq!(refused, Err(Refused::BlobsUnknown(vec![reason])));
    blobs.forget(&taken).await?;
    world.act(again.accept()?).await??;
    world.yank("acme/hello@1.0.0", Some(reason)).await??;
    assert_eq!(collect(&world).await?, []);
    Ok(())
}

/// Bytes that no link will tell of are recorded before they are written, so that they are collected if nothing comes of them.
pub async fn what_is_about_to_be_written_is_collected(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let blobs = &world.meta.blobs;
    let plain = image("plain:v1")?;
    world.push(&plain).await?;
    let ((known, size), new) = (plain.blobs()[0], Digest::sha256(b"new"));
    assert_eq!(blobs.touch(&Area::Public, &[new, known], Record, world.now()).await?, []);
    // What was known keeps its length, and nobody can read what was not.
    assert_eq!(blobs.find(&Area::Public, &known, None).await?, Some(size));
    assert_eq!(blobs.find(&Area::Public, &new, None).await?, None);
    for _ in 0..2 {
        let taken = collect(&world).await?;
        assert_eq!(taken, [(Area::Public, new)]);
        assert_eq!(blobs.touch(&Area::Public, &[known, new], Record, world.now()).await?, [new]);
        blobs.forget(&taken).await?;
        assert_eq!(blobs.touch(&Area::Public, &[new], Record, world.now()).await?, []);
    }
    assert_eq!(blobs.take_unneeded(&[(Area::Public, new)]).await?, [(Area::Public, new)]);
    Ok(())
}

/// A blob whose link only an upload made is recorded by the push that names it, once.
pub async fn uploads_become_references_by_a_push(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let plain = image("plain:v1")?;
    world.push(&plain).await?;
    world.delete_blob(&plain.repository, plain.blobs()[0].0).await??;
    assert_eq!(readable(&world, &plain).await?, [false, true]);
    let missing = Refused::BlobsUnknown(vec![plain.blobs()[0].0]);
    assert_eq!(world.act(plain.accept()?).await?, Err(missing));
    world.upload(&plain).await?;
    assert!(world.act(plain.accept()?).await??.event.is_some());
    assert_eq!(world.try_push(&plain).await??.event, None);
    assert_eq!(readable(&world, &plain).await?, [true, true]);
    Ok(())
}
