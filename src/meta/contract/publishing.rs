//! Publishing: versions are written once, and a package follows them.

use std::collections::BTreeSet;
use std::sync::Arc;

use uuid::Uuid;

use crate::domain::{Area, Digest, Kind, Name, Version, Visibility};

use super::super::{Filter, Order, Refused, Releases};
use super::world::{artifact, image, parse};
use super::{Check, Stores, World};

/// Of 32 publishers of one version with different bytes exactly one wins; the others learn what won.
pub async fn one_of_many_publishers_wins(stores: &dyn Stores) -> Check {
    let world = Arc::new(World::new(stores).await?);
    let mut publishers = tokio::task::JoinSet::new();
    for publisher in 0..32 {
        let world = world.clone();
        publishers.spawn(async move {
            let artifact = artifact("acme/hello@1.0.0")?.seed(&format!("publisher {publisher}"));
            Ok::<_, super::Failure>((artifact.digest(), world.try_push(&artifact).await?))
        });
    }
    let (mut winners, mut refused) = (Vec::new(), BTreeSet::new());
    while let Some(joined) = publishers.join_next().await {
        match joined?? {
            (digest, Ok(_)) => winners.push(digest),
            (_, Err(Refused::VersionExists { digest, .. })) => drop(refused.insert(digest)),
            (_, Err(other)) => return Err(other.into()),
        }
    }
    assert_eq!(winners.len(), 1);
    assert_eq!(refused, BTreeSet::from([winners[0]]), "the losers learn what won");
    assert_eq!(world.tag("acme/hello:1.0.0").await?, Some(winners[0]));
    assert_eq!(world.events().await?.len(), 1);
    Ok(())
}

/// Pushing again what is published succeeds and leaves no event.
pub async fn the_same_bytes_change_nothing(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let hello = world.publish("acme/hello@1.0.0").await?;
    let before = super::dump(&world.meta).await?;
    for again in [hello.clone(), hello.clone().tags(&["latest"]), hello.clone().tags(&[])] {
        let applied = world.try_push(&again).await??;
        assert_eq!(applied.event, None);
        assert!(applied.tags.is_empty());
    }
    assert_eq!(super::dump(&world.meta).await?, before);
    Ok(())
}

/// Other bytes are refused under a published version, whatever they are.
pub async fn a_version_is_written_once(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let hello = world.publish("acme/hello@1.0.0").await?;
    let exists = Refused::VersionExists { version: parse("1.0.0")?, digest: hello.digest() };
    let other = hello.clone().seed("other");
    assert_eq!(world.try_push(&other).await?, Err(exists.clone()));
    // Neither as a plain image, nor published without its tag.
    assert_eq!(world.try_push(&image("acme/hello:1.0.0")?).await?, Err(exists.clone()));
    assert_eq!(world.try_push(&other.clone().tags(&[])).await?, Err(exists));
    assert_eq!(world.meta.refs.manifest(&other.repository, &other.digest()).await?, None);
    assert_eq!(world.tag("acme/hello:1.0.0").await?, Some(hello.digest()));
    // A plain image under a version's tag is as final, once the repository is a package.
    let plain = image("acme/hello:2.0.0")?;
    world.push(&plain).await?;
    let exists = Refused::VersionExists { version: parse("2.0.0")?, digest: plain.digest() };
    assert_eq!(world.try_push(&plain.seed("other plain")).await?, Err(exists));
    Ok(())
}

/// `1.0.0+a` and `1.0.0+b` are one number, and each is found under either.
pub async fn build_metadata_is_no_other_number(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let first = world.publish("acme/hello@1.0.0+a").await?;
    for other in ["acme/hello@1.0.0+b", "acme/hello@1.0.0"] {
        let same_bytes = artifact(other)?.seed(&first.seed);
        for pushed in [artifact(other)?, same_bytes] {
            let refused = world.try_push(&pushed).await?;
            let Err(Refused::VersionExists { version, digest }) = refused else {
                return Err(format!("{other}: {refused:?}").into());
            };
            assert_eq!((version.to_string().as_str(), digest), ("1.0.0+a", first.digest()));
        }
    }
    let found = world.meta.catalog.version(&parse("acme/hello")?, &parse("1.0.0+c")?).await?;
    assert_eq!(found.map(|found| found.version.to_string()).as_deref(), Some("1.0.0+a"));
    assert_eq!(world.releases("acme/hello").await?, ["1.0.0+a"]);
    assert_eq!(world.tag("acme/hello:1.0.0_a").await?, Some(first.digest()));
    Ok(())
}

/// A package keeps its kind, also after all its versions were deleted.
pub async fn a_kind_never_changes(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    world.publish("acme/hello@1.0.0").await?;
    let differs = Refused::KindDiffers { package: Kind::Skill, pushed: Kind::Persona };
    let persona = artifact("acme/hello@2.0.0")?.kind(Kind::Persona);
    assert_eq!(world.try_push(&persona).await?, Err(differs.clone()));
    world.delete_tag("acme/hello:1.0.0").await??;
    assert_eq!(world.try_push(&persona).await?, Err(differs));
    world.push(&persona.kind(Kind::Skill)).await?;
    assert_eq!(world.package("acme/hello").await?.kind, Kind::Skill);
    Ok(())
}

/// A manifest whose blobs are not in its repository is refused, and the refusal names each blob once.
pub async fn unknown_blobs_are_refused(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let hello = artifact("acme/hello@1.0.0")?;
    let digests: Vec<Digest> = hello.blobs().iter().map(|(digest, _)| *digest).collect();
    assert_eq!(world.act(hello.accept()?).await?, Err(Refused::BlobsUnknown(digests.clone())));
    // Another repository's blobs do not count.
    world.upload(&artifact("acme/other@1.0.0")?.seed(&hello.seed)).await?;
    assert_eq!(world.act(hello.accept()?).await?, Err(Refused::BlobsUnknown(digests)));
    assert_eq!(world.meta.refs.tags(&hello.repository, None, 10).await?, None, "nothing was done");
    world.push(&hello).await?;
    Ok(())
}

/// `latest` is the highest version that is neither a pre-release nor yanked nor deleted; its tag follows.
pub async fn latest_is_the_highest_stable_version(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let check = async |shown: &str, latest: Option<&str>| {
        let package = world.package("acme/hello").await?;
        let found = package.latest.map(|version| version.to_string());
        assert_eq!((package.shown.to_string().as_str(), found.as_deref()), (shown, latest));
        let tagged = match latest {
            Some(version) => world.tag(&format!("acme/hello:{version}")).await?,
            None => None,
        };
        assert_eq!(world.tag("acme/hello:latest").await?, tagged);
        Check::Ok(())
    };
    world.publish("acme/hello@1.0.0-rc.1").await?;
    check("1.0.0-rc.1", None).await?;
    world.publish("acme/hello@0.9.0").await?;
    check("0.9.0", Some("0.9.0")).await?;
    world.publish("acme/hello@0.10.0").await?;
    check("0.10.0", Some("0.10.0")).await?;
    world.publish("acme/hello@0.9.1").await?;
    check("0.10.0", Some("0.10.0")).await?;
    world.yank("acme/hello@0.10.0", None).await??;
    check("0.9.1", Some("0.9.1")).await?;
    world.delete_tag("acme/hello:0.9.1").await??;
    check("0.9.0", Some("0.9.0")).await?;
    world.delete_tag("acme/hello:0.9.0").await??;
    check("1.0.0-rc.1", None).await?;
    world.delete_tag("acme/hello:1.0.0-rc.1").await??;
    check("0.10.0", None).await?;
    world.unyank("acme/hello@0.10.0").await??;
    check("0.10.0", Some("0.10.0")).await?;
    world.restore("acme/hello@0.9.1").await??;
    check("0.10.0", Some("0.10.0")).await?;
    assert_eq!(world.package("acme/hello").await?.versions, 2);
    Ok(())
}

/// In a package `latest` may be pushed with a published version, which moves nothing, and with nothing else.
pub async fn a_push_of_latest_moves_nothing(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    // Before it is a package, latest is a tag like any other.
    world.push(&image("acme/hello:latest")?).await?;
    let old = world.publish("acme/hello@1.0.0").await?;
    let new = world.publish("acme/hello@2.0.0").await?;
    assert_eq!(world.tag("acme/hello:latest").await?, Some(new.digest()));
    assert_eq!(world.try_push(&old.clone().tags(&["latest"])).await??.event, None);
    assert_eq!(world.tag("acme/hello:latest").await?, Some(new.digest()));
    let refused = world.try_push(&image("acme/hello:latest")?.seed("unpublished")).await?;
    assert_eq!(refused, Err(Refused::LatestIsComputed));
    assert_eq!(world.delete_tag("acme/hello:latest").await?, Err(Refused::LatestIsComputed));
    let both = artifact("acme/hello@3.0.0")?.tags(&["3.0.0", "latest"]);
    let applied = world.try_push(&both).await??;
    assert_eq!(applied.tags, [parse("3.0.0")?, parse("latest")?]);
    assert_eq!(world.tag("acme/hello:latest").await?, Some(both.digest()));
    Ok(())
}

/// Where nothing is published every tag moves freely, and one push may set several.
pub async fn plain_repositories_move_their_tags(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    for repository in ["plain", "acme/tool", "acme/deep/tool"] {
        let first = image(&format!("{repository}:1.0.0"))?.tags(&["1.0.0", "latest", "stable"]);
        let second = first.clone().seed(&format!("{repository} again"));
        for pushed in [&first, &second, &first] {
            let applied = world.try_push(pushed).await??;
            assert_eq!(applied.tags.len(), 3, "{repository}");
            for tag in &pushed.tags {
                assert_eq!(world.tag(&format!("{repository}:{tag}")).await?, Some(pushed.digest()));
            }
        }
        // Only tags that move are in the event.
        let applied = world.try_push(&first.tags(&["latest", "new"])).await??;
        assert_eq!(applied.tags, [parse("new")?]);
    }
    Ok(())
}

/// Title, description, tags, skills, authors and licence are those of the shown version; times and counts are the package's.
pub async fn a_package_shows_its_shown_version(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let mut new = artifact("acme/hello@2.0.0")?.labels(&["greeting", "a b"], &["Waving"]);
    new.about.title = Some("Hello".to_owned());
    new.about.description = Some("Says hello — 你好, привет".to_owned());
    new.about.license = Some("MIT".to_owned());
    new.about.authors = vec!["Ann".to_owned(), "Bob".to_owned()];
    world.push(&new).await?;
    let first = world.package("acme/hello").await?;
    let mut old = artifact("acme/hello@1.0.0")?.labels(&["old"], &[]);
    old.about.title = Some("Old".to_owned());
    world.push(&old).await?;
    let package = world.package("acme/hello").await?;
    assert_eq!(package.title.as_deref(), Some("Hello"));
    assert_eq!(package.description, new.about.description);
    assert_eq!((&package.tags, &package.skills), (&new.about.tags, &new.about.skills));
    assert_eq!((&package.license, &package.authors), (&new.about.license, &new.about.authors));
    assert_eq!(package.versions, 2);
    assert_eq!(package.created, first.created);
    assert!(package.updated > first.updated);
    let version = world.meta.catalog.version(&parse("acme/hello")?, &parse("2.0.0")?).await?;
    let version = version.ok_or("the version is not found")?;
    assert_eq!((version.config, version.record, version.event), (new.config(), new.record(), 1));
    world.yank("acme/hello@2.0.0", None).await??;
    let package = world.package("acme/hello").await?;
    assert_eq!((package.title.as_deref(), package.tags), (Some("Old"), vec!["old".to_owned()]));
    Ok(())
}

/// A description of 1 MiB comes back whole.
pub async fn fields_may_be_huge(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let mut hello = artifact("acme/hello@1.0.0")?;
    hello.about.description = Some("日本 ".repeat(150_000));
    hello.about.tags = (0..500).map(|at| format!("label {at}")).collect();
    world.push(&hello).await?;
    let package = world.package("acme/hello").await?;
    assert_eq!(package.description, hello.about.description);
    assert_eq!(package.tags.len(), 500);
    Ok(())
}

/// A version is found by the id of the event that published it, whatever becomes of it, and by no other.
pub async fn a_version_is_found_by_its_id(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let mut ids = Vec::new();
    for spec in ["acme/hello@1.0.0+build", "acme/hello@2.0.0", "other/hello@1.0.0"] {
        let applied = world.try_push(&artifact(spec)?).await??;
        let (event, _) = applied.event.ok_or("no event")?;
        ids.push((event.id, spec));
    }
    let plain = world.try_push(&image("acme/hello:plain")?).await??;
    let (plain, _) = plain.event.ok_or("no event")?;
    let found = async |id| {
        let found = world.meta.refs.identified(id).await?;
        Ok::<_, super::Failure>(found.map(|(name, version)| format!("{name}@{version}")))
    };
    let check = async || {
        for (id, spec) in &ids {
            assert_eq!(found(*id).await?.as_deref(), Some(*spec));
            let (name, version) = spec.split_once('@').ok_or("no version")?;
            let published = world.meta.catalog.version(&parse(name)?, &parse(version)?).await?;
            assert_eq!(published.map(|published| published.id), Some(*id));
        }
        assert_eq!(found(plain.id).await?, None, "an image is no version");
        assert_eq!(found(Uuid::now_v7()).await?, None);
        Check::Ok(())
    };
    check().await?;
    let yanked = world.yank("acme/hello@2.0.0", None).await??;
    world.delete_tag("acme/hello:1.0.0_build").await??;
    check().await?;
    world.purge("acme/hello@1.0.0").await??;
    check().await?;
    assert_eq!(found(yanked.event.ok_or("no event")?.0.id).await?, None, "no version is called by its yank");
    let twin = World::new(stores).await?;
    twin.meta.catalog.replay(&world.replays(|_| None).await?).await?;
    for (id, spec) in &ids {
        let found = twin.meta.refs.identified(*id).await?;
        assert_eq!(found.map(|(name, version)| format!("{name}@{version}")).as_deref(), Some(*spec), "after a replay");
    }
    Ok(())
}

/// Releases of the package that has most of them.
const RELEASES: usize = 10_000;

/// Ten thousand releases of one package, published in no order, come back in the order of precedence.
pub async fn many_releases_stay_in_order(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let specs = (0..RELEASES).map(|at| {
        let at = at * 7919 % RELEASES;
        format!("acme/hello@{}.{}.0", at / 100, at % 100)
    });
    let artifacts =
        specs.map(|spec| Ok(artifact(&spec)?.seed("the same bytes"))).collect::<Result<Vec<_>, super::Failure>>()?;
    world.upload(&artifacts[0]).await?;
    for batch in artifacts.chunks(500) {
        let changes: Result<Vec<_>, super::Failure> =
            batch.iter().map(|artifact| Ok(world.change(artifact.accept()?))).collect();
        for outcome in world.meta.catalog.apply(&changes?, super::super::Atomicity::All).await? {
            outcome?;
        }
    }
    let name: Name = parse("acme/hello")?;
    let releases = world.meta.catalog.releases(&name, Releases::Readable).await?;
    let mut sorted: Vec<Version> = artifacts.iter().filter_map(|artifact| artifact.version.clone()).collect();
    sorted.sort_by(|one, other| other.cmp(one));
    assert_eq!(releases.into_iter().map(|release| release.version).collect::<Vec<_>>(), sorted);
    let package = world.package("acme/hello").await?;
    assert_eq!((package.versions, package.latest), (RELEASES as u64, Some(parse("99.99.0")?)));
    // Where the highest ones are taken back, the next in that order follows.
    world.yank("acme/hello@99.99.0", None).await??;
    world.delete_tag("acme/hello:99.98.0").await??;
    let package = world.package("acme/hello").await?;
    assert_eq!((package.versions, package.latest), (RELEASES as u64 - 1, Some(parse("99.97.0")?)));
    Ok(())
}

/// What is published into a private area is private: found by name, in no public list and no count of labels.
pub async fn private_areas_make_private_packages(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let mut hidden = artifact("acme/hidden@1.0.0")?.labels(&["secret"], &[]);
    hidden.area = Area::private(&hidden.repository);
    let elsewhere = Err(Refused::Elsewhere(hidden.repository.clone()));
    assert_eq!(world.try_push(&hidden).await?, elsewhere);
    world.see("acme/hidden", Visibility::Private).await??;
    world.push(&hidden).await?;
    let open = artifact("acme/hidden@2.0.0")?;
    assert_eq!(world.try_push(&open).await?, elsewhere);
    world.publish("acme/open@1.0.0").await?;
    assert_eq!(world.package("acme/hidden").await?.visibility, Visibility::Private);
    let listed = |visibilities: Vec<Visibility>| {
        let filter = Filter { visibilities, ..Filter::default() };
        let catalog = world.meta.catalog.clone();
        async move {
            let page = catalog.packages(&filter, Order::Name, None, 10).await?;
            Ok::<_, super::Failure>(page.items.iter().map(|package| package.name.to_string()).collect::<Vec<_>>())
        }
    };
    assert_eq!(listed(vec![]).await?, ["acme/open"]);
    assert_eq!(listed(vec![Visibility::Private]).await?, ["acme/hidden"]);
    assert_eq!(listed(vec![Visibility::Private, Visibility::Public]).await?, ["acme/hidden", "acme/open"]);
    assert_eq!(world.meta.catalog.labels(super::super::Label::Tag, None, 10).await?, []);
    let row = world.meta.blobs.blob(&hidden.repository, &hidden.blobs()[0].0).await?.ok_or("no blob")?;
    assert_eq!(row.area, hidden.area);
    Ok(())
}
