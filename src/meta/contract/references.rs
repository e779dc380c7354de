//! Manifests, tags, referrers, and the lists of them.

use crate::domain::{Digest, Tag};

use super::world::{image, parse};
use super::{Check, Failure, Stores, World};

/// Tags come in the order of their bytes, after a text that need not be a tag.
pub async fn tags_come_in_byte_order(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let mut tags = vec!["latest", "1.0.0", "1.0.0_b", "10", "2", "A", "Z", "_", "a", "a-b", "a.b", "aB", "ab"];
    let plain = image("plain:v1")?.tags(&tags);
    world.push(&plain).await?;
    world.push(&image("plains:v1")?).await?;
    tags.sort_unstable();
    let expected = tags.iter().map(|tag| parse::<Tag>(tag)).collect::<Result<Vec<_>, Failure>>()?;
    let page = async |after: Option<&str>, limit| world.meta.refs.tags(&plain.repository, after, limit).await;
    assert_eq!(page(None, 100).await?, Some(expected.clone()));
    let mut paged: Vec<Tag> = Vec::new();
    loop {
        let next = page(paged.last().map(|tag| tag.as_str()), 3).await?.ok_or("known")?;
        if next.is_empty() {
            break;
        }
        paged.extend(next);
    }
    assert_eq!(paged, expected);
    assert_eq!(page(Some("aA"), 1).await?, Some(vec![parse("aB")?]));
    assert_eq!(page(None, 0).await?, Some(vec![]));
    assert_eq!(page(Some("zzz"), 5).await?, Some(vec![]));
    Ok(())
}

/// Repositories with a manifest come in the order of their bytes.
pub async fn repositories_come_in_byte_order(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let mut names = vec!["a", "a/b", "a-b", "a.b/c", "a/b/c", "ab", "b"];
    for name in &names {
        world.push(&image(&format!("{name}:v1"))?).await?;
        world.push(&image(&format!("{name}:v2"))?).await?;
    }
    let removed = image("aa:v1")?;
    world.push(&removed).await?;
    world.delete_manifest(&removed.repository, removed.digest()).await??;
    names.sort_unstable();
    let mut found: Vec<String> = Vec::new();
    loop {
        let page = world.meta.refs.repositories(found.last().map(String::as_str), 2).await?;
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 2);
        found.extend(page.iter().map(|repository| repository.to_string()));
    }
    assert_eq!(found, names);
    Ok(())
}

/// A repository that was pushed to is known for ever; one that was not has no list of tags.
pub async fn an_emptied_repository_is_known(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let plain = image("plain:v1")?;
    world.upload(&plain).await?;
    assert_eq!(world.meta.refs.tags(&plain.repository, None, 10).await?, None, "an upload is no push");
    world.push(&plain).await?;
    world.delete_manifest(&plain.repository, plain.digest()).await??;
    assert_eq!(world.meta.refs.tags(&plain.repository, None, 10).await?, Some(vec![]));
    assert_eq!(world.meta.refs.repositories(None, 10).await?, []);
    let package = world.publish("acme/hello@1.0.0").await?;
    world.delete_manifest(&package.repository, package.digest()).await??;
    assert_eq!(world.meta.refs.tags(&package.repository, None, 10).await?, Some(vec![]));
    assert_eq!(world.meta.refs.repositories(None, 10).await?, []);
    Ok(())
}

/// Referrers come in the order of their events, also for a subject that is not there; deleted ones are gone.
pub async fn referrers_come_in_order(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let subject = image("plain:v1")?;
    let mut expected = Vec::new();
    for at in 0..5 {
        let mut referrer = image("plain:referrer")?.tags(&[]).seed(&format!("referrer {at}"));
        referrer.subject = Some(subject.digest());
        expected.push(world.push(&referrer).await?);
        let mut elsewhere = image("elsewhere:referrer")?.tags(&[]).seed(&format!("elsewhere {at}"));
        elsewhere.subject = Some(subject.digest());
        world.push(&elsewhere).await?;
    }
    let referrers = async || {
        let rows = world.meta.refs.referrers(&subject.repository, &subject.digest()).await?;
        Ok::<Vec<Digest>, Failure>(rows.iter().map(|row| row.digest).collect())
    };
    assert_eq!(referrers().await?, expected);
    world.push(&subject).await?;
    // Pushed again under a tag, a referrer keeps its place.
    let mut first = image("plain:first")?.seed("referrer 0");
    first.subject = Some(subject.digest());
    world.push(&first).await?;
    assert_eq!(referrers().await?, expected);
    world.delete_manifest(&subject.repository, expected.remove(2)).await??;
    assert_eq!(referrers().await?, expected);
    let row = world.meta.refs.referrers(&subject.repository, &subject.digest()).await?.remove(0);
    assert_eq!(row.subject, Some(subject.digest()));
    assert_eq!((row.artifact_type, row.annotations), (first.facts().artifact_type, first.facts().annotations));
    Ok(())
}

/// Manifests come in the order of their digests, each with the blobs that it names.
pub async fn manifests_come_with_their_blobs(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let mut pushed = Vec::new();
    for at in 0..5 {
        let artifact = image("plain:v1")?.seed(&format!("image {at}"));
        world.push(&artifact).await?;
        let mut blobs: Vec<Digest> = artifact.blobs().iter().map(|(digest, _)| *digest).collect();
        blobs.sort_unstable();
        pushed.push((artifact.digest(), blobs));
    }
    pushed.sort_unstable();
    let repository = parse("plain")?;
    let mut found: Vec<(Digest, Vec<Digest>)> = Vec::new();
    loop {
        let after = found.last().map(|(digest, _)| *digest);
        let page = world.meta.refs.manifests(&repository, after.as_ref(), 2).await?;
        if page.is_empty() {
            break;
        }
        found.extend(page.into_iter().map(|(row, blobs)| (row.digest, blobs)));
    }
    assert_eq!(found, pushed);
    Ok(())
}
