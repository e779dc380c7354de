//! Deleting, restoring, yanking.

use crate::domain::Digest;

use super::super::{Act, Refused, Releases};
use super::world::{artifact, image, parse};
use super::{Check, Stores, World, dump};

/// Deleting a version's tag deletes the version; its number is burnt, also for the same bytes.
pub async fn a_deleted_tag_burns_its_number(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let hello = world.publish("acme/hello@1.0.0").await?;
    world.publish("acme/hello@2.0.0").await?;
    let applied = world.delete_tag("acme/hello:2.0.0").await??;
    assert_eq!(applied.tags, [parse("2.0.0")?, parse("latest")?]);
    assert_eq!(world.tag("acme/hello:2.0.0").await?, None);
    assert_eq!(world.tag("acme/hello:latest").await?, Some(hello.digest()));
    assert_eq!(world.releases("acme/hello").await?, ["1.0.0"]);
    let version = world.meta.catalog.version(&parse("acme/hello")?, &parse("2.0.0")?).await?;
    assert!(version.is_some_and(|version| version.deleted));
    let deleted = Refused::VersionDeleted(parse("2.0.0")?);
    for pushed in [artifact("acme/hello@2.0.0")?, artifact("acme/hello@2.0.0")?.seed("other")] {
        assert_eq!(world.try_push(&pushed).await?, Err(deleted.clone()));
    }
    assert_eq!(world.try_push(&image("acme/hello:2.0.0")?).await?, Err(deleted.clone()));
    assert_eq!(world.try_push(&artifact("acme/hello@2.0.0+build")?).await?, Err(deleted));
    Ok(())
}

/// Deleting a manifest removes it and every tag on it; in a package, the versions that it is.
pub async fn a_deleted_manifest_takes_its_tags_along(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let hello = world.publish("acme/hello@1.0.0").await?;
    world.push(&hello.clone().tags(&["stable"])).await?;
    let other = world.publish("acme/hello@0.1.0").await?;
    let applied = world.delete_manifest(&hello.repository, hello.digest()).await??;
    assert_eq!(applied.tags, [parse("1.0.0")?, parse("stable")?, parse("latest")?]);
    assert_eq!(world.meta.refs.manifest(&hello.repository, &hello.digest()).await?, None);
    assert_eq!(world.tag("acme/hello:stable").await?, None);
    assert_eq!(world.tag("acme/hello:latest").await?, Some(other.digest()));
    assert_eq!(world.releases("acme/hello").await?, ["0.1.0"]);

    let plain = image("plain:v1")?.tags(&["v1", "v2"]);
    world.push(&plain).await?;
    world.push(&image("plain:v3")?).await?;
    world.delete_manifest(&plain.repository, plain.digest()).await??;
    assert_eq!(world.meta.refs.tags(&plain.repository, None, 10).await?, Some(vec![parse("v3")?]));
    assert_eq!(world.meta.refs.manifest(&plain.repository, &plain.digest()).await?, None);
    // In a plain repository nothing is burnt.
    world.push(&plain).await?;
    assert_eq!(world.tag("plain:v1").await?, Some(plain.digest()));
    Ok(())
}

/// A restored version is as it was: tag, manifest, place among the releases, yank.
pub async fn a_restore_undoes_a_delete(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let hello = world.publish("acme/hello@1.0.0+build").await?;
    world.publish("acme/hello@0.9.0").await?;
    world.yank("acme/hello@1.0.0", None).await??;
    let shown = |mut value: serde_json::Value| {
        for volatile in ["events", "head", "by time"] {
            value[volatile].take();
        }
        value["packages"]["acme/hello"]["package"]["updated"].take();
        value
    };
    let before = shown(dump(&world.meta).await?);
    for by_tag in [true, false] {
        match by_tag {
            true => world.delete_tag("acme/hello:1.0.0_build").await??,
            false => world.delete_manifest(&hello.repository, hello.digest()).await??,
        };
        assert_ne!(shown(dump(&world.meta).await?), before);
        let applied = world.restore("acme/hello@1.0.0").await??;
        assert!(applied.tags.contains(&parse("1.0.0_build")?));
        assert_eq!(shown(dump(&world.meta).await?), before);
    }
    assert_eq!(world.restore("acme/hello@1.0.0").await??.event, None, "it is there already");
    Ok(())
}

/// A package all of whose versions are deleted is not found, and comes back with the first restore.
pub async fn a_package_without_versions_is_not_found(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let hello = artifact("acme/hello@1.0.0")?.labels(&["greeting"], &["waving"]);
    world.push(&hello).await?;
    world.delete_tag("acme/hello:1.0.0").await??;
    assert_eq!(world.meta.catalog.package(&parse("acme/hello")?).await?, None);
    assert!(world.releases("acme/hello").await?.is_empty());
    let value = dump(&world.meta).await?;
    for list in ["by name", "by time", "tags", "skills"] {
        assert_eq!(value[list], serde_json::json!([]), "{list}");
    }
    assert_eq!(world.tag("acme/hello:latest").await?, None);
    world.restore("acme/hello@1.0.0").await??;
    assert_eq!(world.package("acme/hello").await?.tags, ["greeting"]);
    assert_eq!(dump(&world.meta).await?["tags"], serde_json::json!([{ "label": "greeting", "count": 1 }]));
    Ok(())
}

/// A yank takes a version out of ranges, says so in the releases, and can be taken back; twice is once.
pub async fn yanks_come_and_go(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    world.publish("acme/hello@1.0.0").await?;
    let name = parse("acme/hello")?;
    let yanked =
        async || Ok::<_, super::Failure>(world.meta.catalog.releases(&name, Releases::Readable).await?[0].yanked);
    let reason = Digest::sha256(b"a reason");
    assert!(world.yank("acme/hello@1.0.0", Some(reason)).await??.event.is_some());
    assert!(yanked().await?);
    assert_eq!(world.yank("acme/hello@1.0.0", None).await??.event, None);
    // It is still there by its exact number.
    assert!(world.tag("acme/hello:1.0.0").await?.is_some());
    assert!(world.unyank("acme/hello@1.0.0").await??.event.is_some());
    assert!(!yanked().await?);
    assert_eq!(world.unyank("acme/hello@1.0.0").await??.event, None);
    assert_eq!(world.yank("acme/hello@1.0.1", None).await?, Err(Refused::NotFound("the version")));
    world.delete_tag("acme/hello:1.0.0").await??;
    assert_eq!(world.yank("acme/hello@1.0.0", None).await?, Err(Refused::NotFound("the version")));
    Ok(())
}

/// A blob that a published version needs cannot be deleted, in its repository; it can once the version is.
pub async fn blobs_of_versions_stay(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let hello = world.publish("acme/hello@1.0.0").await?;
    let layer = hello.blobs()[1].0;
    assert_eq!(world.delete_blob(&hello.repository, layer).await?, Err(Refused::BlobInUse(parse("1.0.0")?)));
    // Another repository's link is its own affair.
    let copy = image("plain:v1")?.seed(&hello.seed);
    world.push(&copy).await?;
    world.delete_blob(&copy.repository, layer).await??;
    assert_eq!(world.meta.blobs.blob(&copy.repository, &layer).await?, None);
    assert!(world.meta.blobs.blob(&hello.repository, &layer).await?.is_some());
    world.delete_tag("acme/hello:1.0.0").await??;
    world.delete_blob(&hello.repository, layer).await??;
    assert_eq!(world.meta.blobs.blob(&hello.repository, &layer).await?, None);
    assert_eq!(world.delete_blob(&hello.repository, layer).await?, Err(Refused::NotFound("the blob")));
    Ok(())
}

/// A restored version can be read whole, though its blobs were deleted after it.
pub async fn restored_blobs_can_be_read(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let hello = world.publish("acme/hello@1.0.0").await?;
    world.delete_manifest(&hello.repository, hello.digest()).await??;
    for (digest, _) in hello.blobs() {
        world.delete_blob(&hello.repository, digest).await??;
    }
    world.restore("acme/hello@1.0.0").await??;
    for (digest, size) in hello.blobs() {
        let blob = world.meta.blobs.blob(&hello.repository, &digest).await?.ok_or("the blob is back")?;
        assert_eq!(blob.size, size);
    }
    Ok(())
}

/// What is not there is not found, and nothing is done.
pub async fn what_is_not_there_cannot_be_removed(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let hello = world.publish("acme/hello@1.0.0").await?;
    let before = dump(&world.meta).await?;
    let nothing = Digest::sha256(b"nothing");
    assert_eq!(world.delete_tag("acme/hello:1.0.1").await?, Err(Refused::NotFound("the tag")));
    assert_eq!(world.delete_tag("never/pushed:v1").await?, Err(Refused::NotFound("the tag")));
    let refused = world.delete_manifest(&hello.repository, nothing).await?;
    assert_eq!(refused, Err(Refused::NotFound("the manifest")));
    assert_eq!(world.delete_blob(&hello.repository, nothing).await?, Err(Refused::NotFound("the blob")));
    for spec in ["acme/hello@2.0.0", "never/pushed@1.0.0"] {
        assert_eq!(world.restore(spec).await?, Err(Refused::NotFound("the version")));
        assert_eq!(world.unyank(spec).await?, Err(Refused::NotFound("the version")));
    }
    assert_eq!(dump(&world.meta).await?, before);
    // Twice is once.
    world.delete_manifest(&hello.repository, hello.digest()).await??;
    let again = Act::DeleteManifest { repository: hello.repository.clone(), digest: hello.digest() };
    assert_eq!(world.act(again).await?, Err(Refused::NotFound("the manifest")));
    Ok(())
}
