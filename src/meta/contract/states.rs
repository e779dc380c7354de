//! How versions stand, and lists by it.

use crate::domain::{Deprecation, Name, OrgName, State, Version, Visibility};

use super::super::{Act, Filter, Label, LabelCount, Order, Releases};
use super::world::parse;
use super::{Check, Failure, Stores, World, dump};

fn deprecate(name: &str, version: &str) -> Result<Act, Failure> {
    let (name, version) = (parse::<Name>(name)?, parse::<Version>(version)?);
    Ok(Act::Deprecate { name, version, deprecation: Deprecation::default(), area: None })
}

/// What is deleted is in a list of its own, highest first, until it is back; what is purged stays there.
pub async fn deleted_versions_are_listed_apart(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    for spec in ["acme/hello@1.9.0", "acme/hello@1.10.0+build", "acme/hello@2.0.0", "acme/hello2@1.0.0"] {
        world.publish(spec).await?;
    }
    let listed = async |of| {
        let releases = world.meta.catalog.releases(&parse("acme/hello")?, of).await?;
        assert!(releases.iter().all(|release| release.deleted == (of == Releases::Deleted)), "{releases:?}");
        Ok::<_, Failure>(releases.iter().map(|release| release.version.to_string()).collect::<Vec<_>>())
    };
    assert!(listed(Releases::Deleted).await?.is_empty());
    world.delete_tag("acme/hello:1.9.0").await??;
    world.delete_tag("acme/hello:1.10.0_build").await??;
    world.delete_tag("acme/hello2:1.0.0").await??;
    assert_eq!(listed(Releases::Deleted).await?, ["1.10.0+build", "1.9.0"]);
    assert_eq!(listed(Releases::Readable).await?, ["2.0.0"]);
    world.purge("acme/hello@1.9.0").await??;
    world.restore("acme/hello@1.10.0").await??;
    assert_eq!(listed(Releases::Deleted).await?, ["1.9.0"]);
    assert_eq!(listed(Releases::Readable).await?, ["2.0.0", "1.10.0+build"]);
    Ok(())
}

/// Deleted packages of an organisation, with who sees each.
async fn deleted(
    world: &World,
    org: &str,
    visibilities: &[Visibility],
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<String>, Failure> {
    let (org, after) = (parse::<OrgName>(org)?, after.map(parse::<Name>).transpose()?);
    let found = world.meta.groups.deleted(&org, visibilities, after.as_ref(), limit).await?;
    Ok(found.into_iter().map(|(name, visibility)| format!("{name} {visibility}")).collect())
}

/// Packages of which no version can be read are listed by themselves, an organisation at a time, until one is back.
pub async fn deleted_packages_are_listed_apart(stores: &dyn Stores) -> Check {
    use Visibility::{Private, Public, Unlisted};
    let world = World::new(stores).await?;
    for name in ["acme/a", "acme/b", "acme/c", "acme/d", "acme-2/e", "acme0/f"] {
        world.publish(&format!("{name}@1.0.0")).await?;
    }
    world.publish("acme/b@2.0.0").await?;
    world.see("acme/d", Unlisted).await??;
    assert_eq!(deleted(&world, "acme", &[Public, Unlisted, Private], None, 10).await?, [""; 0]);
    for spec in ["acme/a:1.0.0", "acme/b:1.0.0", "acme/d:1.0.0", "acme-2/e:1.0.0", "acme0/f:1.0.0"] {
        world.delete_tag(spec).await??;
    }
    assert_eq!(
        deleted(&world, "acme", &[Public], None, 10).await?,
        ["acme/a public"],
        "another version of b can be read"
    );
    world.delete_tag("acme/b:2.0.0").await??;
    world.purge("acme/b@2.0.0").await??;
    let all = ["acme/a public", "acme/b public", "acme/d unlisted"];
    for (visibilities, after, limit, expected) in [
        (&[Public, Unlisted, Private][..], None, 10, &all[..]),
        (&[Public, Unlisted], None, 2, &all[..2]),
        (&[Public, Unlisted], Some("acme/a"), 10, &all[1..]),
        (&[Public, Unlisted], Some("acme-2/e"), 10, &all[..]),
        (&[Public, Unlisted], Some("zeta/z"), 10, &[]),
        (&[Public], None, 10, &all[..2]),
        (&[Private], None, 10, &[]),
        (&[], None, 10, &[]),
    ] {
        assert_eq!(
            deleted(&world, "acme", visibilities, after, limit).await?,
            expected,
            "{visibilities:?} {after:?} {limit}"
        );
    }
    assert_eq!(deleted(&world, "acme-2", &[Public], None, 10).await?, ["acme-2/e public"]);
    assert_eq!(deleted(&world, "nobody", &[Public], None, 10).await?, [""; 0]);
    let twin = World::new(stores).await?;
    twin.meta.catalog.replay(&world.replays(|_| None).await?).await?;
    let acme: OrgName = parse("acme")?;
    assert_eq!(twin.meta.groups.deleted(&acme, &[Unlisted], None, 10).await?, [(parse::<Name>("acme/d")?, Unlisted)]);
    world.restore("acme/a@1.0.0").await??;
    assert_eq!(deleted(&world, "acme", &[Public, Unlisted], None, 10).await?, all[1..]);
    Ok(())
}

/// Packages in each state, as lists, counts and labels have them.
async fn assert_states(world: &World, expected: [&[&str]; 3]) -> Check {
    let mut counts = Vec::new();
    for (state, expected) in [State::Published, State::Deprecated, State::Yanked].into_iter().zip(expected) {
        let labelled = vec![vec![(Label::State, state.as_str().to_owned())]];
        let filter = Filter { labelled, ..Filter::default() };
        for order in [Order::Name, Order::Updated] {
            let page = world.meta.catalog.packages(&filter, order, None, 100).await?;
            let mut names: Vec<String> = page.items.iter().map(|package| package.name.to_string()).collect();
            names.sort_unstable();
            assert_eq!(names, expected, "{state} {order:?}");
        }
        assert_eq!(world.meta.catalog.count(&filter).await?, expected.len() as u64, "{state}");
        counts.push((state, expected.len() as u64));
    }
    counts.retain(|(_, count)| *count > 0);
    counts.sort_by_key(|(state, count)| (std::cmp::Reverse(*count), state.as_str()));
    let counts: Vec<LabelCount> =
        counts.into_iter().map(|(state, count)| LabelCount { label: state.to_string(), count }).collect();
    assert_eq!(world.meta.catalog.labels(Label::State, None, 10).await?, counts);
    Ok(())
}

/// A package is listed by how the version stands that it shows, whatever becomes of others and of that one.
pub async fn packages_are_listed_by_how_the_shown_version_stands(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    for spec in ["acme/a@1.0.0", "acme/b@1.0.0", "acme/c@1.0.0", "acme/c@2.0.0", "acme/d@1.0.0", "acme/e@1.0.0"] {
        world.publish(spec).await?;
    }
    let all: &[&str] = &["acme/a", "acme/b", "acme/c", "acme/d", "acme/e"];
    assert_states(&world, [all, &[], &[]]).await?;
    // One that no package shows does not count.
    world.act(deprecate("acme/c", "1.0.0")?).await??;
    assert_states(&world, [all, &[], &[]]).await?;
    world.act(deprecate("acme/a", "1.0.0")?).await??;
    world.yank("acme/b@1.0.0", None).await??;
    world.yank("acme/d@1.0.0", None).await??;
    world.act(deprecate("acme/d", "1.0.0")?).await??;
    let yanked: &[&str] = &["acme/b", "acme/d"];
    assert_states(&world, [&["acme/c", "acme/e"], &["acme/a", "acme/d"], yanked]).await?;
    // The older one, which is deprecated, is shown in its place.
    world.yank("acme/c@2.0.0", None).await??;
    assert_states(&world, [&["acme/e"], &["acme/a", "acme/c", "acme/d"], yanked]).await?;
    world.unyank("acme/c@2.0.0").await??;
    let pin = |version: Option<&str>| {
        let name: Name = parse("acme/c")?;
        Ok::<_, Failure>(match version {
            Some(version) => Act::Pin { name, version: parse(version)? },
            None => Act::Unpin { name },
        })
    };
    world.act(pin(Some("1.0.0"))?).await??;
    assert_states(&world, [&["acme/e"], &["acme/a", "acme/c", "acme/d"], yanked]).await?;
    let undo = Act::Undeprecate { name: parse("acme/c")?, version: parse("1.0.0")? };
    world.act(undo).await??;
    assert_states(&world, [&["acme/c", "acme/e"], &["acme/a", "acme/d"], yanked]).await?;
    world.act(pin(None)?).await??;
    world.unyank("acme/d@1.0.0").await??;
    world.see("acme/e", Visibility::Unlisted).await??;
    world.delete_tag("acme/b:1.0.0").await??;
    world.publish("acme/a@1.1.0").await?;
    assert_states(&world, [&["acme/a", "acme/c"], &["acme/d"], &[]]).await?;
    let before = dump(&world.meta).await?;
    let twin = World::new(stores).await?;
    twin.meta.catalog.replay(&world.replays(|_| None).await?).await?;
    assert_states(&twin, [&["acme/a", "acme/c"], &["acme/d"], &[]]).await?;
    assert_eq!(dump(&twin.meta).await?["states"], before["states"]);
    Ok(())
}
