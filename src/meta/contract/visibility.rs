//! Who sees a package.

use crate::domain::{Event, Profile, Visibility};

use super::super::{Filter, Label, Order, Refused, Seen};
use super::world::{artifact, image, parse};
use super::{Check, Failure, Stores, World, dump};

/// Names of the packages that a filter finds, and how many it counts.
async fn listed(world: &World, visibilities: &[Visibility]) -> Result<(Vec<String>, u64), Failure> {
    let filter = Filter { visibilities: visibilities.to_vec(), ..Filter::default() };
    let page = world.meta.catalog.packages(&filter, Order::Name, None, 100).await?;
    let names = page.items.iter().map(|package| package.name.to_string()).collect();
    Ok((names, world.meta.catalog.count(&filter).await?))
}

/// Labels with their counts.
async fn labels(world: &World, label: Label) -> Result<Vec<(String, u64)>, Failure> {
    let labels = world.meta.catalog.labels(label, None, 100).await?;
    Ok(labels.into_iter().map(|counted| (counted.label, counted.count)).collect())
}

/// Lists, counts, labels and the list of repositories leave an unlisted package out, until it is public again; whoever
/// asks for what is unlisted finds it.
pub async fn an_unlisted_package_is_in_no_list(stores: &dyn Stores) -> Check {
    use Visibility::{Private, Public, Unlisted};
    let world = World::new(stores).await?;
    world.push(&artifact("acme/hello@1.0.0")?.labels(&["review", "quiet"], &["code"])).await?;
    world.push(&artifact("acme/other@1.0.0")?.labels(&["review"], &["code"])).await?;
    world.push(&image("plain:v1")?).await?;
    let text = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let counted =
        |labels: &[(&str, u64)]| labels.iter().map(|(label, n)| ((*label).to_owned(), *n)).collect::<Vec<_>>();
    let all = (text(&["acme/hello", "acme/other"]), 2);
    let repositories = async |world: &World| {
        let found = world.meta.refs.repositories(None, 100).await?;
        Ok::<_, Failure>(found.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    for _ in 0..2 {
        assert_eq!(listed(&world, &[]).await?, all);
        assert_eq!(labels(&world, Label::Tag).await?, counted(&[("review", 2), ("quiet", 1)]));
        assert_eq!(repositories(&world).await?, ["acme/hello", "acme/other", "plain"]);
        for hidden in [Unlisted, Private] {
            assert!(world.see("acme/hello", hidden).await??.event.is_some());
            assert_eq!(world.see("acme/hello", hidden).await??.event, None, "it is so already");
            assert_eq!(listed(&world, &[]).await?, (text(&["acme/other"]), 1));
            assert_eq!(listed(&world, &[hidden]).await?, (text(&["acme/hello"]), 1));
            assert_eq!(listed(&world, &[Public, hidden]).await?, all);
            assert_eq!(labels(&world, Label::Tag).await?, counted(&[("review", 1)]));
            assert_eq!(labels(&world, Label::Skill).await?, counted(&[("code", 1)]));
            assert_eq!(repositories(&world).await?, ["acme/other", "plain"]);
        }
        // Another version with other labels is as hidden, and is counted once it is seen.
        world.yank("acme/hello@1.0.0", None).await??;
        world.unyank("acme/hello@1.0.0").await??;
        assert_eq!(labels(&world, Label::Tag).await?, counted(&[("review", 1)]));
        world.see("acme/hello", Public).await??;
    }
    world.see("acme/hello", Unlisted).await??;
    world.push(&artifact("acme/hello@2.0.0")?.labels(&["loud"], &[])).await?;
    assert_eq!(labels(&world, Label::Tag).await?, counted(&[("review", 1)]));
    world.see("acme/hello", Public).await??;
    assert_eq!(labels(&world, Label::Tag).await?, counted(&[("loud", 1), ("review", 1)]));
    Ok(())
}

/// What is read by name is as it was, but for who sees it and when it changed; what is no package cannot be hidden.
pub async fn who_sees_it_changes_nothing_else(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let hello = world.publish("acme/hello@1.0.0").await?;
    world.push(&image("acme/plain:v1")?).await?;
    let (before, contents) = (world.package("acme/hello").await?, dump(&world.meta).await?["repositories"].clone());
    assert!(world.see("acme/hello", Visibility::Unlisted).await??.tags.is_empty());
    let mut after = world.package("acme/hello").await?;
    assert_eq!(after.visibility, Visibility::Unlisted);
    assert!(after.updated > before.updated);
    (after.visibility, after.updated) = (before.visibility, before.updated);
    assert_eq!(after, before);
    assert_eq!(dump(&world.meta).await?["repositories"], contents);
    assert_eq!(world.releases("acme/hello").await?, ["1.0.0"]);
    assert_eq!(world.tag("acme/hello:latest").await?, Some(hello.digest()));
    for name in ["acme/plain", "acme/none"] {
        assert_eq!(world.see(name, Visibility::Unlisted).await?, Err(Refused::NotFound("the package")), "{name}");
    }
    // A package of which all versions are deleted is still one.
    world.delete_tag("acme/hello:1.0.0").await??;
    assert!(world.see("acme/hello", Visibility::Public).await??.event.is_some());
    world.restore("acme/hello@1.0.0").await??;
    assert_eq!(listed(&world, &[]).await?.1, 1);
    Ok(())
}

/// A store that is made again from the events hides what was hidden.
pub async fn a_replay_keeps_who_sees_it(stores: &dyn Stores) -> Check {
    let (world, copy) = (World::new(stores).await?, World::new(stores).await?);
    let artifacts = [artifact("acme/hello@1.0.0")?.labels(&["quiet"], &[]), artifact("acme/other@1.0.0")?];
    for artifact in &artifacts {
        world.push(artifact).await?;
    }
    world.see("acme/hello", Visibility::Unlisted).await??;
    world.see("acme/other", Visibility::Unlisted).await??;
    world.see("acme/other", Visibility::Public).await??;
    let of = |digest: &_| artifacts.iter().find(|artifact| artifact.digest() == *digest).cloned();
    copy.meta.catalog.replay(&world.replays(of).await?).await?;
    assert_eq!(dump(&copy.meta).await?, dump(&world.meta).await?);
    assert_eq!(copy.package("acme/hello").await?.visibility, Visibility::Unlisted);
    assert_eq!(parse::<crate::domain::Name>("acme/other")?, copy.package("acme/other").await?.name);
    Ok(())
}

/// Each event says whether it is for everybody, as things stand after it.
pub async fn events_say_whether_they_are_hidden(stores: &dyn Stores) -> Check {
    use Visibility::{Private, Public, Unlisted};
    let world = World::new(stores).await?;
    let titled = |visibility| Profile { title: Some("Quiet".to_owned()), visibility, ..Profile::default() };
    let mut expected = Vec::new();
    let mut told = async |said: &[bool]| {
        expected.extend_from_slice(said);
        let events = world.meta.ledger.events(0, 100).await?;
        let events = events.iter().map(|(_, bytes)| Event::parse(bytes)).collect::<Result<Vec<_>, _>>()?;
        assert_eq!(events.iter().map(|event| event.hidden == Some(true)).collect::<Vec<_>>(), expected);
        assert!(events.iter().all(|event| event.hidden.is_some()));
        Ok::<_, Failure>(())
    };
    world.publish("acme/hello@1.0.0").await?;
    world.push(&image("plain/deep/image:v1")?).await?;
    told(&[false, false]).await?;
    for hidden in [Unlisted, Private] {
        world.see("acme/hello", hidden).await??;
        world.yank("acme/hello@1.0.0", None).await??;
        world.see("acme/hello", Public).await??;
        world.unyank("acme/hello@1.0.0").await??;
        told(&[true, true, false, false]).await?;
    }
    // Of what is deleted, whoever could see it was told as much.
    world.delete_tag("acme/hello:1.0.0").await??;
    world.see("acme/hello", Unlisted).await??;
    world.restore("acme/hello@1.0.0").await??;
    told(&[false, true, true]).await?;
    // What lies under a name before it is a package is seen as its organisation says, when it goes too.
    world.say("quiet", &titled(Unlisted), Seen::Unsaid).await??;
    world.push(&image("quiet/image:v1")?).await?;
    world.delete_tag("quiet/image:v1").await??;
    world.say("quiet", &titled(Public), Seen::Unsaid).await??;
    world.push(&image("quiet/image:v2")?).await?;
    told(&[true, true, true, false, false]).await
}
